-- report_backlog: what is on its way, one row per open state, also where there is nothing.
create or replace view report_backlog as
select w.state, coalesce(b.submissions, 0) as submissions, coalesce(u.units, 0) as units,
       b.oldest, b.next_due, coalesce(b.orders, 0) as orders,
       extract(epoch from clock_timestamp() - b.oldest)::bigint as oldest_age_s
  from unnest(enum_range('planned'::submission_state, 'held'::submission_state)) with ordinality w(state, place)
  left join lateral (
       select count(*) as submissions, count(distinct s.order_id) as orders,
              min(coalesce(s.unknown_since, s.created_at)) as oldest,
              nullif(min(coalesce(s.next_attempt_at, s.claim_expires_at, s.next_look_at)), 'infinity') as next_due
         from submissions s
        where s.state = w.state and s.settled_at is null) b on true
  left join lateral (
       select sum(i.shipped + i.cancelled)::bigint as units
         from submissions s
         join submission_items i on i.submission_id = s.submission_id
        where s.state = w.state and s.settled_at is null) u on true
 where w.state in ('planned', 'sending', 'unknown', 'held')
 order by w.place;

comment on view report_backlog is 'submissions that are not settled, one row per state, also where there are none';
comment on column report_backlog.state is 'planned, sending, unknown or held';
comment on column report_backlog.submissions is 'how many submissions are in that state';
comment on column report_backlog.units is 'how many units, shipped and cancelled, they carry';
comment on column report_backlog.oldest is 'when the oldest of them was planned; of unknown ones: became unknown';
comment on column report_backlog.next_due is
    'planned: when the next may be sent; sending: when the next claim ends; unknown: when the API is asked next';
comment on column report_backlog.orders is 'how many orders they belong to';
comment on column report_backlog.oldest_age_s is 'seconds since oldest';
