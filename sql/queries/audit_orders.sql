-- audit_orders: the next orders to audit, and, in a last row that is not wanted, how far was looked.
--   $1 text         behind this order
--   $2 timestamptz  changed since; null: all
--   $3 int4         most
--   $4 int4         most to look at
--   -> order_id text, is_wanted bool
select order_id, is_wanted from audit_orders($1::text, $2::timestamptz, $3::int4, $4::int4)
