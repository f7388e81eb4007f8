-- check_keys: orders of the relation, to look up.
--   :relation  the warehouse's rows, all of them
--   $1 int4    of so many rows
--   $2 int4    most orders
--   -> order_id text
select distinct x.order_id from (select a.order_id from (:relation) a limit $1::int4) x where x.order_id <> '' limit $2::int4
