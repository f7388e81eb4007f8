-- reap: claims whose worker is gone become unknown.
--   $1 int8  run
--   $2 int8  timeout_ms
--   $3 int8  settle_ms
--   -> reaped int8
select reap($1::int8, $2::int8, $3::int8)
