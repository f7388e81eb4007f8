-- baseline_bad: rows that have units, or may have some, and can't be booked: they would be due once somebody mends them.
--   :readings  baseline_readings, filled in
--   -> rows int8, examples text
select coalesce(sum(b.rows), 0)::int8,
       string_agg(format('%s %s%s (%s)', left(b.order_id, 40), left(b.item_id, 40), ' ' || nullif(left(b.shipment_ref, 40), ''),
                         b.problem), ', ' order by b.place) filter (where b.place <= 3)
  from (select k.order_id, k.item_id, k.shipment_ref, count(*) as rows,
               coalesce(min(k.problem), format('%s rows for one key', count(*))) as problem,
               row_number() over (order by k.order_id, k.item_id, k.shipment_ref) as place
          from (select (r.reading).order_id, coalesce((r.reading).item_id, '') as item_id,
                       coalesce((r.reading).shipment_ref, '') as shipment_ref,
                       bad_reading(r.reading) as problem,
                       ((r.reading).shipped, (r.reading).cancelled) is distinct from (0, 0)
                           -- told by events: none of its own
                           and not is_told_by_events((r.reading).model, (r.reading).shipped, (r.reading).cancelled) as has_units
                  from (:readings) r) k
         group by k.order_id, k.item_id, k.shipment_ref
        having bool_or(k.has_units) and (count(*) > 1 or min(k.problem) is not null)) b
