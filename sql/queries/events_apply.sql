-- events_apply: what was read and not yet taken in, oldest first.
--   $1 int8  run
--   $2 int4  most
--   -> taken int4
select events_apply($1::int8, $2::int4)
