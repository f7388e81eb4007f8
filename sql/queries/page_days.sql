-- page_days: the last 14 days, also those on which nothing happened.
--   -> day, label text, accepted, rejected, opened, closed int8
select to_char(d.day, 'YYYY-MM-DD') as day, to_char(d.day, 'FMDD Mon') as label,
       coalesce(s.accepted, 0) as accepted, coalesce(s.rejected, 0) as rejected,
       coalesce(o.opened, 0) as opened, coalesce(c.closed, 0) as closed
  from generate_series(date_trunc('day', now()) - interval '13 days', date_trunc('day', now()), interval '1 day') d(day)
  left join (select date_trunc('day', x.settled_at) as day, count(*) filter (where x.state = 'accepted') as accepted,
                    count(*) filter (where x.state = 'rejected') as rejected
               from report_submissions x
              where x.settled_at >= date_trunc('day', now()) - interval '13 days'
              group by 1) s using (day)
  left join (select date_trunc('day', x.opened_at) as day, count(*) as opened
               from report_discrepancies x
              where x.opened_at >= date_trunc('day', now()) - interval '13 days' and not x.is_note
              group by 1) o using (day)
  left join (select date_trunc('day', x.closed_at) as day, count(*) as closed
               from report_discrepancies x
              where x.closed_at >= date_trunc('day', now()) - interval '13 days' and not x.is_note
              group by 1) c using (day)
 order by d.day
