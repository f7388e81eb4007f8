-- sweep_queue: queue the orders of a comparison, in arrays of bounded size, without a detour through the program.
--   :differs  sweep_differs, filled in, with its parameter $1 text[]
--   -> orders int8, lines int8, missed int8
select coalesce(sum(enqueue(p.list, 'sweep')), 0)::int8, coalesce(sum(p.lines), 0)::int8, coalesce(sum(p.missed), 0)::int8
  from (select array_agg(o.order_id) as list, sum(o.lines) as lines, sum(o.missed) as missed
          from (select d.order_id, count(*) as lines,
                       count(*) filter (where d.is_missed
                           and not exists (select from queue q where q.order_key = d.order_id)) as missed,
                       row_number() over (order by d.order_id) / 5000 as part
                  from (:differs) d
                 group by d.order_id) o
         group by o.part) p
