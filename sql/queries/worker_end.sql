-- worker_end: the worker leaves.
--   $1 int8  worker
select worker_end($1::int8)
