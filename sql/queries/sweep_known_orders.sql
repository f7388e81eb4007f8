-- sweep_known_orders: the next orders of the ledger, where the relation is a function and can't be asked for all.
--   $1 text  after this order
--   $2 int4  most
--   -> order_id text
select distinct r.order_id from rows r where r.order_id > $1 order by 1 limit $2::int4
