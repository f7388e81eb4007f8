-- check_sample: what a run would say of some rows of the relation.
--   :relation  the warehouse's rows, all of them
--   $1 int4    most rows
--   -> rows int8, bad int8, example text, strangers int8 (rows without an order id), timeless int8 (without a changed_at)
select count(*), count(s.problem),
       min(format('order "%s" item "%s": %s', left(s.order_id, 40), left(s.item_id, 40), s.problem))
           filter (where s.problem is not null),
       count(*) filter (where coalesce(s.order_id, '') = ''),
       count(*) filter (where s.changed_at is null and coalesce(s.order_id, s.upstream_id, '') <> '')
  from (select w.order_id, w.item_id, w.upstream_id, w.changed_at,
               case when w.order_id <> '' then
                    coalesce(bad_reading(row(w.order_id, w.item_id, w.shipment_ref, w.ordered, w.shipped, w.cancelled, w.returned,
                                             w.tracking_company, w.tracking_number, w.tracking_url, w.shipment_id,
                                             w.shipment_item_id, w.model)::reading),
                             case when count(*) over same_key > 1 then format('%s rows for one key', count(*) over same_key) end,
                             case when min(w.ordered) over same_line <> max(w.ordered) over same_line
                                  then 'the rows of the line have different ordered quantities' end,
                             case when w.shipped + w.cancelled > w.ordered then 'more shipped and cancelled than ordered' end)
                    end as problem
          from (select * from (:relation) x limit $1::int4)
               w(order_id, item_id, shipment_ref, ordered, shipped, cancelled, returned, tracking_company, tracking_number,
                 tracking_url, shipment_id, shipment_item_id, model, upstream_id, changed_at)
        window same_key as (partition by w.order_id, w.item_id, w.shipment_ref),
               same_line as (partition by w.order_id, w.item_id)) s
