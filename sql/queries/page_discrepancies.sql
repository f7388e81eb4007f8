-- page_discrepancies: what a person must decide, the oldest first.
--   -> discrepancy_id int8, kind, order_id, item_id, detail text, age_s int8
select d.discrepancy_id, d.kind, d.order_id, d.item_id, d.detail,
       extract(epoch from clock_timestamp() - d.opened_at)::int8 as age_s
  from report_discrepancies d
 where d.closed_at is null and not d.is_note
 order by d.discrepancy_id
 limit 100
