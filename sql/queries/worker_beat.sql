-- worker_beat: sign of life, and this worker's share of the key's rate.
--   $1 int8  worker
--   $2 bool  sends requests now
--   $3 int4  requests_per_second of the configuration
--   -> share numeric, live int4, blocked_ms int8, blocked_why text
select share, live, blocked_ms, blocked_why from worker_beat($1::int8, $2::bool, $3::int4)
