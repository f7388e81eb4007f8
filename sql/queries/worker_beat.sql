-- worker_beat: sign of life, and this worker's share of the key's rate.
--   $1 int8  worker
--   $2 bool  sends requests now
--   $3 int4  requests_per_second of the configuration
--   $4 int8  milliseconds since its last beat, by its own clock; null: it is the first
--   -> share numeric, live int4, blocked_ms int8, blocked_why text, failing bool, probe_ms int8, refused bool
select share, live, blocked_ms, blocked_why, failing, probe_ms, refused from worker_beat($1::int8, $2::bool, $3::int4, $4::int8)
