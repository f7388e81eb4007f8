-- lists_take: orders whose fulfillments are to be listed.
--   $1 int4  most
--   $2 int8  lease in milliseconds
--   $3 int8  timeout_ms + settle_ms
--   $4 text  only this order; null: any
--   -> order_id text
select take_lists($1::int4, $2::int8, $3::int8, $4::text)
