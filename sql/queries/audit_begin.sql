-- audit_begin: what is known of orders right before they are listed.
--   $1 text[]  orders
--   $2 int8    settle_ms
--   -> order_id text, is_quiet bool, taken_at text, settles_ms int8
select order_id, quiet, taken_at::text, settles_ms from audit_begin($1::text[], $2::int8)
