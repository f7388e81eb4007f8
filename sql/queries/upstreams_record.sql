-- upstreams_record: what the API says of merchants' numbers.
--   $1 int8    run
--   $2 text[]  asked
--   $3 jsonb   found: [{"order_id", "upstream_id"}]
--   $4 int8    unknown_order_grace_ms
select record_upstreams($1::int8, $2::text[], $3::jsonb, $4::int8)
