-- scan_queue: queue the orders of rows that changed since the watermark.
--   :changed  scan_differs, or scan_changed, which reads no column but keys and changed_at; filled in, with their parameters
--   -> orders int8
select coalesce(sum(enqueue(p.list, 'scan')), 0)::int8
  from (select array_agg(k.order_id) as list
          from (select d.order_id, row_number() over (order by d.order_id) / 5000 as part
                  from (select distinct coalesce(c.order_id, c.upstream_id) as order_id from (:changed) c) d
                 where d.order_id <> '') k
         group by k.part) p
