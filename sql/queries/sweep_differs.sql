-- sweep_differs: every row in which relation and ledger differ, as a subquery of other statements.
--   :relation  the warehouse's rows: the columns of type reading (then upstream_id, changed_at)
--   :ledger    the ledger's rows to hold against them
--   -> order_id text, is_missed bool (a change that the feed should have brought)
select coalesce(x.order_id, r.order_id) as order_id,
       -- a row that can't be counted is kept as null: nothing says whether it changed
       coalesce((x.ordered, x.shipped, x.cancelled, x.returned) is distinct from
                (r.ordered, r.shipped, r.cancelled, r.returned) or not r.is_present, true)
           and (r.order_id is null or r.shipped is not null) as is_missed
  from (select a.order_id, coalesce(a.item_id, '') as item_id, coalesce(a.shipment_ref, '') as shipment_ref,
               case when g.ok then a.ordered::int8 end as ordered,
               case when g.ok then a.shipped::int8 end as shipped,
               case when g.ok then a.cancelled::int8 end as cancelled,
               case when g.ok then coalesce(a.returned, 0)::int8 else 0 end as returned,
               a.tracking_company, a.tracking_number, a.tracking_url, coalesce(a.model, 'third_party') as model
          from (:relation) b(order_id, item_id, shipment_ref, ordered, shipped, cancelled, returned,
                             tracking_company, tracking_number, tracking_url, shipment_id, shipment_item_id, model)
         -- marked to take its quantities from events (functions/coordinated.sql): those of its own shipment, or none
         cross join lateral (
               select coalesce(b.model = 'distributed' and b.shipped is null and b.cancelled is null, false) as is_marked) m
          left join coordinated c
            on m.is_marked and c.order_id = b.order_id and c.item_id = b.item_id and c.shipment_ref = b.shipment_ref
         cross join lateral (
               select b.order_id, b.item_id, b.shipment_ref, b.ordered, b.returned, b.tracking_company, b.tracking_number,
                      b.tracking_url, b.model, case when m.is_marked then coalesce(c.shipped, 0) else b.shipped end as shipped,
                      case when m.is_marked then coalesce(c.cancelled, 0) else b.cancelled end as cancelled) a
         -- quantities as the ledger keeps them: null for the whole row when one of them can't be right
         cross join lateral (
               select coalesce(a.item_id <> ''
                      and a.ordered between 0 and 1000000000 and a.ordered = trunc(a.ordered)
                      and a.shipped between 0 and 1000000000 and a.shipped = trunc(a.shipped)
                      and a.cancelled between 0 and 1000000000 and a.cancelled = trunc(a.cancelled)
                      and coalesce(a.returned, 0) between 0 and 1000000000
                      and coalesce(a.returned, 0) = trunc(coalesce(a.returned, 0)), false) as ok) g
         where a.order_id <> '') x
  full join (:ledger) r
    on r.order_id = x.order_id and r.item_id = x.item_id and r.shipment_ref = x.shipment_ref
 where (x.order_id is null and r.is_present
        and not exists (select from coordinated c
                         where c.order_id = r.order_id and c.item_id = r.item_id and c.shipment_ref = r.shipment_ref))
    or (x.order_id is not null and r.order_id is null)
    or (x.order_id is not null
        and (not r.is_present
             or (x.ordered, x.shipped, x.cancelled, x.returned) is distinct from
                (r.ordered, r.shipped, r.cancelled, r.returned)
             or x.model <> coalesce(r.model, 'third_party')
             -- the warehouse may go on showing what the ledger has forgotten
             or ((x.tracking_company, x.tracking_number, x.tracking_url) is distinct from
                 (r.tracking_company, r.tracking_number, r.tracking_url) and not is_forgotten(r.order_id))
             or r.shipped > r.live_shipped
             or r.cancelled > r.live_cancelled))
