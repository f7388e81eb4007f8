-- run_idle: note a run that found nothing to do.
--   $1 text  command
--   $2 text  host
--   $3 int4  process id
--   $4 text  version of the program
--   -> run_id int8, backlog int8
select run_id, backlog from run_idle($1::text, $2::text, $3::int4, $4::text)
