-- charges_take: charges to ask the API for.
--   $1 int4  most
--   $2 int8  milliseconds for which they are ours
--   $3 int8  milliseconds since the pass began
--   -> charge_id text
select take_charges($1::int4, $2::int8, $3::int8)
