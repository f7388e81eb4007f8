-- plan_preview: some orders held against the ledger; changes nothing.
--   :relation  the warehouse's rows for the orders in $1
--   $1 text[]  orders   $2 bool  api.order_gate   $3 bool  on_decrease is note
--   $4 int8    run.max_units_per_line   $5 int8  api.unknown_order_grace_ms   $6 int8  gate freshness in ms
--   -> the columns of type evaluation
select e.*
  from evaluate(array(select resolve_keys($1::text[])),
                array(select row(x.*)::reading from (:relation) x),
                $2::bool, $3::bool, $4::int8, $5::int8, $6::int8) e
 order by e.order_id, e.item_id, e.shipment_ref
