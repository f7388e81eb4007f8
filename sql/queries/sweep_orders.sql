-- sweep_orders: the orders of relation and ledger, for a sweep in pieces; the server keeps them, and no snapshot, while
-- they are fetched. Of the relation no column is read but keys.
--   :relation  the warehouse's rows, all of them; "select null::text as order_id where false" for a function
--   $1 text[]  orders to leave out
--   -> a cursor: order_id text
declare sweep_orders no scroll cursor with hold for
select u.order_id
  from (select a.order_id collate "C" from (:relation) a
        union
        select r.order_id from rows r) u(order_id)
 where u.order_id <> all ($1::text[]) and u.order_id <> ''
 order by u.order_id
