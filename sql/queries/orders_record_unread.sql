-- orders_record_unread: an order whose answer of the API can't be read.
--   $1 int8  run
--   $2 text  order
--   $3 text  why
--   $4 int8  longest pause before it is asked for again, in milliseconds
--   -> void
select record_unread_order($1::int8, $2::text, $3::text, $4::int8)
