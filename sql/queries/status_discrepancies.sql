-- status_discrepancies: the kinds that are open, those about money first, with the oldest of each.
--   -> kind text, open, oldest_age_s, discrepancy_id int8, order_id, item_id, detail text, is_money, is_refused bool: its
--      submission was not accepted
select k.kind, k.open, extract(epoch from clock_timestamp() - d.opened_at)::int8 as oldest_age_s,
       d.discrepancy_id, d.order_id, nullif(d.item_id, '') as item_id, d.detail, k.is_money,
       exists (select from report_submissions s where s.submission_id = d.submission_id and s.state = 'rejected') as is_refused
  from (select x.kind, count(*) as open, min(x.discrepancy_id) as discrepancy_id,
               x.kind in ('double', 'missing', 'extra', 'ambiguous', 'payment', 'ledger') as is_money
          from report_discrepancies x where x.closed_at is null and not x.is_note
         group by x.kind) k
  join report_discrepancies d using (discrepancy_id)
 order by k.is_money desc, k.open desc, k.kind
 limit 40
