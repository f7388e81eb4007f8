-- asks_take: orders to ask the API for.
--   $1 int4  most
--   $2 int8  lease in milliseconds
--   $3 text  only this order; null: any
--   -> order_id text
select take_asks($1::int4, $2::int8, $3::text)
