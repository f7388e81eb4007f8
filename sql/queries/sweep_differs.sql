-- sweep_differs: every row in which relation and ledger differ, as a subquery of other statements.
--   :relation  the warehouse's rows: the columns of type reading (then upstream_id, changed_at)
--   :ledger    the ledger's rows to hold against them
--   -> order_id text, is_missed bool (a change that the feed should have brought)
select coalesce(x.order_id, r.order_id) as order_id,
       -- a row that can't be counted is kept as null: nothing says whether it changed; one of an order whose key is too long
       -- isn't kept
       coalesce((x.ordered, x.shipped, x.cancelled, x.returned) is distinct from
                (r.ordered, r.shipped, r.cancelled, r.returned) or not r.is_present, true)
           and (r.order_id is null or r.shipped is not null)
           and not coalesce(is_order_too_long(x.order_id), false) as is_missed
  from (select k.order_id, k.item_id, k.shipment_ref,
               -- quantities as the ledger keeps them: null for the whole row when anything of it can't be right
               case when k.ok then k.ordered::int8 end as ordered,
               case when k.ok then k.shipped::int8 end as shipped,
               case when k.ok then k.cancelled::int8 end as cancelled,
               case when k.ok then coalesce(k.returned, 0)::int8 else 0 end as returned,
               short_text(k.tracking_company) as tracking_company, short_text(k.tracking_number) as tracking_number,
               short_text(k.tracking_url) as tracking_url, coalesce(k.model, 'third_party') as model
          from (select a.*,
                       bad_reading(row(a.order_id, a.row_item_id, a.row_shipment_ref, a.ordered, a.shipped, a.cancelled, a.returned,
                                       a.tracking_company, a.tracking_number, a.tracking_url, a.shipment_id,
                                       a.shipment_item_id, a.model)::reading) is null as ok,
                       kept_key(a.row_item_id, is_key_too_long(a.order_id, a.row_item_id, a.row_shipment_ref)) as item_id,
                       kept_key(a.row_shipment_ref, is_key_too_long(a.order_id, a.row_item_id, a.row_shipment_ref)) as shipment_ref
                  from (select b.order_id, b.item_id as row_item_id, b.shipment_ref as row_shipment_ref, b.ordered,
                               -- told by events (functions/coordinated.sql): those of its own shipment, or none
                               case when m.is_marked then coalesce(c.shipped, 0) else b.shipped end as shipped,
                               case when m.is_marked then coalesce(c.cancelled, 0) else b.cancelled end as cancelled,
                               b.returned, b.tracking_company, b.tracking_number, b.tracking_url, b.shipment_id,
                               b.shipment_item_id, b.model
                          from (select * from (:relation) w where w.order_id <> '' offset 0)
                               b(order_id, item_id, shipment_ref, ordered, shipped, cancelled, returned, tracking_company,
                                 tracking_number, tracking_url, shipment_id, shipment_item_id, model)
                         cross join lateral (select is_told_by_events(b.model, b.shipped, b.cancelled) as is_marked) m
                          left join coordinated c
                            on m.is_marked and c.order_id = b.order_id and c.item_id = b.item_id
                           and c.shipment_ref = b.shipment_ref) a
                offset 0) k) x
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
