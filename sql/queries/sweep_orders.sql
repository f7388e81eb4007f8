-- sweep_orders: the next orders of relation and ledger, for a sweep in pieces.
--   :relation  the warehouse's rows, all of them
--   $1 text  after this order
--   $2 int4  most
--   -> order_id text
select k
  from ((select distinct a.order_id collate "C" as k from (:relation) a
          where a.order_id collate "C" > $1 order by 1 limit $2::int4)
        union
        (select distinct r.order_id from rows r where r.order_id > $1 order by 1 limit $2::int4)) u(k)
 order by k
 limit $2::int4
