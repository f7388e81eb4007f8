-- orders_record: what the API says of orders.
--   $1 jsonb  answers
--   -> recorded int8
select record_orders($1::jsonb)
