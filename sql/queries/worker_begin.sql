-- worker_begin: this database session becomes a worker.
--   $1 int8  run
--   $2 text  host
--   $3 int4  pid
--   -> worker int8
select worker_begin($1::int8, $2::text, $3::int4)
