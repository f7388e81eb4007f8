-- baseline_due: what the relation shows beyond what is booked, line by line.
--   :relation  the warehouse's rows, all of them
--   -> lines int8, shipped int8, cancelled int8
select count(*) filter (where d.shipped + d.cancelled > 0), coalesce(sum(d.shipped), 0)::int8, coalesce(sum(d.cancelled), 0)::int8
  from (select greatest(0, coalesce(w.shipped, 0) - coalesce(p.shipped, 0)) as shipped,
               greatest(0, coalesce(w.cancelled, 0) - coalesce(p.cancelled, 0)) as cancelled
          from (select x.order_id, x.item_id, sum(x.shipped) as shipped, sum(x.cancelled) as cancelled
                  from (:relation) x(order_id, item_id, shipment_ref, ordered, shipped, cancelled, returned, tracking_company,
                                     tracking_number, tracking_url, shipment_id, shipment_item_id, model)
                 where x.order_id <> ''
                   and bad_reading(row(x.order_id, x.item_id, x.shipment_ref, x.ordered, x.shipped, x.cancelled, x.returned,
                                       x.tracking_company, x.tracking_number, x.tracking_url, x.shipment_id,
                                       x.shipment_item_id, x.model)::reading) is null
                 group by x.order_id, x.item_id) w
          left join (select r.order_id, r.item_id, sum(r.posted_shipped) as shipped, sum(r.posted_cancelled) as cancelled
                       from row_units r
                      group by r.order_id, r.item_id) p
            on p.order_id = w.order_id and p.item_id = w.item_id) d
