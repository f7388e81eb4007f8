-- unreadable_record: an order whose rows can't be read; looked at again later.
--   $1 int8  run
--   $2 text  order
--   $3 text  why
select record_unreadable($1::int8, $2::text, $3::text)
