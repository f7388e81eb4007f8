-- audit_since: the time that an audit looks back to.
--   $1 text  a time, null for so long ago:
--   $2 int8  milliseconds
--   -> since text
select coalesce($1::timestamptz, clock_timestamp() - $2::int8 * interval '1 ms')::text
