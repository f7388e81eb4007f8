-- baseline_numbers: rows that have units and a merchant's number, and no order id yet, as a subquery of other statements.
--   :relation  the warehouse's rows, all of them
--   -> upstream_id text
select x.upstream_id
  from (:relation) x
 where x.order_id is null and x.upstream_id <> '' and (x.shipped_quantity > 0 or x.cancelled_quantity > 0)
