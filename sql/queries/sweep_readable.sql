-- sweep_readable: the relation without the orders that are known to be unreadable, which have a time-table of their own. Most
-- views are read by their keys before their other columns are evaluated; then such an order spoils no sweep.
--   :relation  the warehouse's rows, all of them
--   $1 text[]  these orders
--   -> the relation's columns
select a.* from (:relation) a where a.order_id <> all ($1::text[])
