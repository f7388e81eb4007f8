-- queue_take: take order keys off the queue.
--   $1 int8  run
--   $2 int4  most keys
--   $3 text  only this key; null: any
--   $4 bool  without what a sweep queued
--   -> order_key text
select take_queue($1::int8, $2::int4, $3::text, $4::bool)
