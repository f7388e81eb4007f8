-- page_latency: how long POSTs took in the last 48 hours, by hour, also those without any.
--   -> hour, label text, p50_ms, p95_ms, p99_ms int8 (null: no POST)
select to_char(g.hour, 'YYYY-MM-DD HH24:00') as hour, to_char(g.hour, 'HH24:00') as label, h.p50_ms, h.p95_ms, h.p99_ms
  from generate_series(date_trunc('hour', now()) - interval '47 hours', date_trunc('hour', now()), interval '1 hour') g(hour)
  left join (select x.hour, x.p50_ms, x.p95_ms, x.p99_ms
               from report_hourly x
              where x.hour >= date_trunc('hour', now()) - interval '47 hours') h using (hour)
 order by g.hour
