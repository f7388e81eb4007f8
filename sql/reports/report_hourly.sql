-- report_hourly: pace and latency of the last 31 days, one row per hour in which something happened.
--
-- Hours first, each asked for by itself through an index: a condition on hour keeps the others
-- from being read at all. For the same reason the bar has no common scale: one # for each doubling.
create or replace view report_hourly as
select h.hour, s.accepted, s.rejected, a.retried, a.p50_ms, a.p95_ms, a.p99_ms,
       repeat('#', length(ltrim(s.accepted::int8::bit(64)::text, '0'))) as bar,
       a.posts, a.looks
  from generate_series(date_trunc('hour', now()) - interval '31 days', date_trunc('hour', now()), interval '1 hour') h(hour)
 cross join lateral (
       select count(*) filter (where s.state = 'accepted') as accepted,
              count(*) filter (where s.state = 'rejected') as rejected
         from submissions s
        where s.settled_at >= h.hour and s.settled_at < h.hour + interval '1 hour') s
 cross join lateral (
       select count(*) filter (where a.kind = 'post' and a.attempt > 1) as retried,
              count(*) filter (where a.kind = 'post') as posts,
              count(*) filter (where a.kind = 'look') as looks,
              round(percentile_cont(0.5) within group (order by m.ms) filter (where m.is_timed))::bigint as p50_ms,
              round(percentile_cont(0.95) within group (order by m.ms) filter (where m.is_timed))::bigint as p95_ms,
              round(percentile_cont(0.99) within group (order by m.ms) filter (where m.is_timed))::bigint as p99_ms
         from attempts_made a
        cross join lateral (select a.kind = 'post' and a.sent as is_timed,
                                   greatest(0, extract(epoch from a.finished_at - a.started_at) * 1000)::float8 as ms) m
        where a.finished_at >= h.hour and a.finished_at < h.hour + interval '1 hour' and a.finished_at >= attempts_of_late()) a
 where s.accepted + s.rejected + a.posts + a.looks > 0
 order by h.hour;

comment on view report_hourly is 'pace and latency of the last 31 days, by hour; hours without traffic are left out';
comment on column report_hourly.hour is 'when the hour began';
comment on column report_hourly.accepted is 'submissions accepted in it';
comment on column report_hourly.rejected is 'submissions refused for good in it';
comment on column report_hourly.retried is 'POSTs that were not the first try of their submission';
comment on column report_hourly.p50_ms is 'half of the POSTs took no longer, from start to being recorded';
comment on column report_hourly.p95_ms is 'of 20 POSTs 19 took no longer';
comment on column report_hourly.p99_ms is 'of 100 POSTs 99 took no longer';
comment on column report_hourly.bar is 'accepted as a bar: one # more for each doubling';
comment on column report_hourly.posts is 'POSTs made in it';
comment on column report_hourly.looks is 'looks, that is questions what became of a submission, made in it';
