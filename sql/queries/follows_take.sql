-- follows_take: orders whose state is to be asked for because they should be complete by now, or something was missed.
--   $1 int4  most
--   $2 int8  milliseconds until an order is expected to be complete
--   $3 int8  milliseconds since the pass began
--   -> order_id text
select take_follows($1::int4, $2::int8, $3::int8)
