-- sweep_unreadable: the orders that are known to be unreadable.
--   $1 int4  most
--   -> orders text (of an array)
select array(select o.order_key from relooks o where not o.has_shrunk order by o.order_key limit $1::int4)::text
