-- guard_begin: a run works with this limit; lines that another one holds back are looked at again.
--   $1 int8  run.max_units_per_line
select note_guard($1::int8)
