-- orders_record: what the API says of orders.
--   $1 jsonb  answers
--   $2 int8   longest pause before a waiting order is asked for again, in milliseconds
--   $3 int8   milliseconds until an order is expected to be complete
--   -> recorded int8
select record_orders($1::jsonb, $2::int8, $3::int8)
