-- status_backlog: what is on its way.
--   -> state text, submissions, units, oldest_age_s, next_due_s int8 (negative: overdue)
select state::text, submissions, units, oldest_age_s,
       extract(epoch from next_due - clock_timestamp())::int8 as next_due_s
  from report_backlog
