-- scan_queue: queue the orders of rows that changed since the watermark and are not in the ledger as they are now.
--   :relation  the warehouse's rows, all of them, with upstream_id and changed_at
--   $1 timestamptz  watermark
--   $2 int8         scan_overlap_ms
--   -> orders int8
select coalesce(sum(enqueue(p.list, 'scan')), 0)::int8
  from (select array_agg(k.order_id) as list
          from (select d.order_id, row_number() over (order by d.order_id) / 5000 as part
                  from (select distinct coalesce(a.order_id, a.upstream_id) as order_id
                          from (:relation) a(order_id, item_id, shipment_ref, ordered, shipped, cancelled, returned,
                                             tracking_company, tracking_number, tracking_url,
                                             shipment_id, shipment_item_id, model, upstream_id, changed_at)
                         where a.changed_at > $1::timestamptz - $2::int8 * interval '1 ms'
                           and not exists (
                               select from rows r
                                where r.order_id = a.order_id and r.item_id = coalesce(a.item_id, '')
                                  and r.shipment_ref = coalesce(a.shipment_ref, '') and r.is_present
                                  and r.shipped = a.shipped and r.cancelled = a.cancelled and r.ordered = a.ordered
                                  and r.returned = coalesce(a.returned, 0)
                                  and ((r.tracking_company, r.tracking_number, r.tracking_url) is not distinct from
                                       (a.tracking_company, a.tracking_number, a.tracking_url)
                                       or is_forgotten(r.order_id)))) d
                 where d.order_id <> '') k
         group by k.part) p
