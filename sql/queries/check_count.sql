-- check_count: how many rows the relation gives for some orders.
--   :relation  the warehouse's rows for the orders in $1
--   $1 text[]  orders
--   -> rows int8
select count(*) from (:relation) x
