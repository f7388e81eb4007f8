-- key_fails: POSTs fail one after the other, or the probe did; when the next one may try.
--   $1 text  why
--   $2 bool  it was the probe
--   $3 int8  milliseconds until the first probe; doubles
--   $4 int8  milliseconds at most
--   -> probe_ms int8
select key_fails($1::text, $2::bool, $3::int8, $4::int8)
