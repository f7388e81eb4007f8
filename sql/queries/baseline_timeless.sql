-- baseline_timeless: rows that have units and no changed_at: whether they were there before a time can't be told.
--   :relation  the warehouse's rows, all of them
--   -> rows int8, examples text
select count(*)::int8,
       string_agg(format('%s %s%s', left(t.order_id, 40), left(t.item_id, 40), ' ' || nullif(left(t.shipment_ref, 40), '')),
                  ', ' order by t.place) filter (where t.place <= 3)
  from (select x.order_id, x.item_id, x.shipment_ref,
               row_number() over (order by x.order_id, x.item_id, x.shipment_ref) as place
          from (:relation) x
         where x.order_id <> '' and x.changed_at is null and (x.shipped_quantity > 0 or x.cancelled_quantity > 0)) t
