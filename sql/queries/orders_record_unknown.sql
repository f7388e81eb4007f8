-- orders_record_unknown: orders that the API does not know.
--   $1 text[]  orders
--   $2 int8    longest pause before they are asked for again, in milliseconds
--   -> void
select record_unknown_orders($1::text[], $2::int8)
