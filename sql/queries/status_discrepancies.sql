-- status_discrepancies: the five kinds that are open most, with the oldest of each.
--   -> kind text, open, oldest_age_s, discrepancy_id int8, order_id, detail text
select k.kind, k.open, extract(epoch from clock_timestamp() - d.opened_at)::int8 as oldest_age_s,
       d.discrepancy_id, d.order_id, d.detail
  from (select x.kind, count(*) as open, min(x.discrepancy_id) as discrepancy_id
          from report_discrepancies x where x.closed_at is null and not x.is_note
         group by x.kind order by count(*) desc, x.kind limit 5) k
  join report_discrepancies d using (discrepancy_id)
 order by k.open desc, k.kind
