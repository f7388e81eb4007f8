-- status_pace: what this hour and the one before it were like; no more, so that a busy ledger answers at once.
--   -> since_s int8, accepted, rejected, retried, posts int8, p50_ms, p95_ms, p99_ms int8 (of the last hour with POSTs)
select extract(epoch from clock_timestamp() - (date_trunc('hour', now()) - interval '1 hour'))::int8 as since_s,
       coalesce(sum(h.accepted), 0)::int8 as accepted, coalesce(sum(h.rejected), 0)::int8 as rejected,
       coalesce(sum(h.retried), 0)::int8 as retried, coalesce(sum(h.posts), 0)::int8 as posts,
       (array_agg(h.p50_ms order by h.hour desc) filter (where h.p50_ms is not null))[1] as p50_ms,
       (array_agg(h.p95_ms order by h.hour desc) filter (where h.p50_ms is not null))[1] as p95_ms,
       (array_agg(h.p99_ms order by h.hour desc) filter (where h.p50_ms is not null))[1] as p99_ms
  from report_hourly h
 where h.hour >= date_trunc('hour', now()) - interval '1 hour'
