-- plan_orders: read some orders from the warehouse and plan them; functions/planner.sql.
--   :relation  the warehouse's rows for the orders in $1
--   $1 text[]  orders                 $2 int8  run
--   $3 bool    api.order_gate         $4 bool  on_decrease is note
--   $5 int8    run.max_units_per_line $6 int8  api.unknown_order_grace_ms
--   $7 int8    how long an accepted order is believed to be, in ms
--   $8 int4    most lines of a submission
--   -> looked int8, planned int8, withdrawn int8, busy int8, opened int8
select looked, planned, withdrawn, busy, opened
  from plan_orders($2::int8, $1::text[],
                   array(select row(x.*)::reading from (:relation) x),
                   $3::bool, $4::bool, $5::int8, $6::int8, $7::int8, $8::int4)
