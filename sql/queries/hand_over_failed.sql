-- hand_over_failed: the statement that hands over an order's next state failed as a whole; the others get their turn.
--   $1 int8  run
--   $2 text  order
--   $3 text  function's name
--   $4 text  sqlstate
--   $5 text  what the server said
--   $6 int8  pause after the first failure, in milliseconds
--   $7 int8  longest pause
--   -> void
select hand_over_failed($1::int8, $2::text, n.state, $3::text, $4::text, format('%s: %s', $4::text, $5::text), $6::int8, $7::int8)
  from hand_over_next($2::text) n
 where n.state is not null
