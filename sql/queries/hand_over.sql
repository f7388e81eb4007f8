-- hand_over: an order's new states to the warehouse's function.
--   $1 int8  run
--   $2 text  order
--   $3 text  function's name, as somebody would write it in SQL
--   $4 int8  pause after the first failure, in milliseconds
--   $5 int8  longest pause
--   -> handed int4, why text (null: no failure)
select handed, why from hand_over($1::int8, $2::text, $3::text, $4::int8, $5::int8)
