-- run_end: note how a run ended.
--   $1 int8  run
--   $2 int4  exit code
--   $3 text  why, '' for nothing
--   -> void
select run_end($1::int8, $2::int4, $3::text)
