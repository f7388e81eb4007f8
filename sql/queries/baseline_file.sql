-- baseline_file: rows of a file, booked as settled.
--   $1 text[]  orders
--   $2 text[]  items
--   $3 text[]  shipment_refs
--   $4 int8[]  shipped
--   $5 int8[]  cancelled
--   $6 text    why
--   -> lines, units
select lines, units from baseline_file($1::text[], $2::text[], $3::text[], $4::int8[], $5::int8[], $6::text)
