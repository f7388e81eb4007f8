-- upstreams_take: merchants' numbers to look up.
--   $1 int4  most
--   $2 int8  lease in milliseconds
--   -> upstream_id text
select take_upstreams($1::int4, $2::int8)
