-- audit_compare_warehouse: lists of fulfillments against the ledger, with what the warehouse shows now.
--   :relation  the warehouse's rows for the orders in $1
--   $1 text[]  orders
--   $2 jsonb   [{"order_id", "taken_at", "listing"}], of these orders
--   -> as audit_compare
with w as (
    -- numbers that can't be added up are unknown; the planner says what is wrong with them
    select x.order_id, x.item_id,
           case when bool_and(bad_quantity('', x.shipped_quantity) is null) then sum(x.shipped_quantity)::int8 end as shipped,
           case when bool_and(bad_quantity('', x.cancelled_quantity) is null) then sum(x.cancelled_quantity)::int8 end as cancelled
      from (:relation) x
     group by x.order_id, x.item_id
)
select l.order_id, x.item_id, x.posted_shipped, x.posted_cancelled, x.open_shipped, x.open_cancelled, x.api_shipped,
       x.api_cancelled, w.shipped as wanted_shipped, w.cancelled as wanted_cancelled,
       x.verdict, x.shipped, x.cancelled, x.detail, x.fingerprint
  from jsonb_to_recordset($2::jsonb) as l(order_id text, taken_at timestamptz, listing jsonb)
 cross join lateral audit_order(l.order_id, l.taken_at, l.listing) x
  left join w on w.order_id = l.order_id and w.item_id = x.item_id
 where l.order_id = any ($1::text[])
 order by l.order_id collate "C", x.item_id collate "C", x.verdict
