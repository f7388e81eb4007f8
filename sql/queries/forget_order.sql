-- forget_order: what is personal of an order goes.
--   $1 text  order
--   $2 text  who
--   $3 text  why, or null
--   -> done, said
select done, said from forget_order($1::text, $2::text, $3::text)
