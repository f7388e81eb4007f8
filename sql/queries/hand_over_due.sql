-- hand_over_due: orders of which the warehouse has not been told all.
--   $1 text  after this order
--   $2 int4  most
--   $3 int8  milliseconds since the pass began
--   -> order_id text
select hand_over_due($1::text, $2::int4, $3::int8)
