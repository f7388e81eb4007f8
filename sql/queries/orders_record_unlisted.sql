-- orders_record_unlisted: an order whose list of fulfillments can't be read.
--   $1 int8  run
--   $2 text  order
--   $3 text  why
--   $4 int8  not to be asked for again before, in milliseconds
--   -> void
select record_unlisted($1::int8, $2::text, $3::text, $4::int8)
