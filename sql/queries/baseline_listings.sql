-- baseline_listings: what the API lists of some orders is settled.
--   :relation  the warehouse's rows for the orders in $1
--   $1 text[]  orders
--   $2 jsonb   their listings
--   $3 text    why
--   -> lines int8, units int8
select b.lines, b.units
  from baseline_listings($2::jsonb, array(select row(x.*)::reading from (:relation) x), $3::text) b
