-- report_health: one row to alert on.
--
-- Calls none of our own functions that read tables: a view's tables are read with the owner's
-- rights, its functions run with the reader's.
create or replace view report_health as
select i.mode, i.mode_since, i.mode_by, i.mode_reason,
       (select max(v.version) from schema_versions v) as schema_version,
       i.generation, i.is_live,
       b.backlog,
       extract(epoch from clock_timestamp() - b.backlog_since)::bigint as backlog_age_s,
       b.unknown,
       extract(epoch from clock_timestamp() - b.unknown_since)::bigint as unknown_age_s,
       b.held,
       (select count(*) from discrepancies d where d.closed_at is null and not d.is_note) as open_discrepancies,
       l.run_id as last_run_id, l.finished_at as last_run_at,
       extract(epoch from clock_timestamp() - l.finished_at)::bigint as last_run_age_s,
       l.exit_code as last_run_exit_code,
       f.last_sweep_at,
       extract(epoch from clock_timestamp() - f.last_sweep_at)::bigint as last_sweep_age_s,
       f.sweep_wanted, f.missed_by_feed,
       (select count(*) from queue) as queued,
       extract(epoch from clock_timestamp() - (select min(q.queued_at) from queue q))::bigint as queue_age_s,
       (select count(*) from orders o where o.ask_at is not null) as orders_waiting,
       (select extract(epoch from clock_timestamp() - min(p.xact_start))::bigint
          from pg_stat_activity p
         where p.backend_xmin is not null and p.pid <> pg_backend_pid() and p.datname = current_database()
           and not exists (select from pg_stat_progress_vacuum v where v.pid = p.pid)) as oldest_snapshot_s,
       case when k.blocked_until > clock_timestamp() then k.blocked_until end as api_blocked_until,
       case when k.blocked_until > clock_timestamp() then k.blocked_why end as api_blocked_why,
       k.refused_at as api_refused_at, k.refused_why as api_refused_why,
       (select count(*) from workers w where w.ended_at is null and w.seen_at > clock_timestamp() - interval '10 s') as workers,
       case when t.feeds = 0 and f.scan_at is not null then 'scan'
            when t.feeds = 0 and f.touched_at > clock_timestamp() - interval '1 day' then 'touch'
            when t.feeds = 0 then 'none'
            when t.faults > 0 then 'broken'
            else 'ok' end as feed,
       t.faults as feed_faults,
       f.scan_watermark,
       extract(epoch from clock_timestamp() - f.scan_watermark)::bigint as scan_lag_s,
       f.scan_held_back_by,
       i.ledger_id, i.base_url,
       (select count(*) from orders o
         where o.state = 'accepted' and o.state_since < clock_timestamp() - interval '6 days'
           and exists (select from row_units r
                        where r.order_id = o.order_id and r.is_present
                          and (r.shipped > r.posted_shipped or r.cancelled > r.posted_cancelled))) as authorizations_expiring,
       a.asking, extract(epoch from clock_timestamp() - a.asked_since)::bigint as asking_age_s,
       e.read_at as events_read_at,
       case when i.mode in ('shadow', 'live')
            then extract(epoch from clock_timestamp() - greatest(e.read_at, i.mode_since))::bigint end as events_age_s,
       k.failing_since as api_failing_since, k.failing_why as api_failing_why,
       e.unread_why as events_unread_why
  -- a row each, which the server can't know of tables that nobody analyzed: it would expect thousands, and their product
  from (select * from identity limit 1) i
 cross join (select * from event_feed limit 1) e
 cross join (select * from feed_state limit 1) f
 cross join (select * from api_key limit 1) k
 cross join lateral (
       select count(*) filter (where s.state <> 'held') as backlog,
              min(s.created_at) filter (where s.state <> 'held') as backlog_since,
              count(*) filter (where s.state = 'unknown') as unknown,
              min(s.unknown_since) as unknown_since,
              count(*) filter (where s.state = 'held') as held
         from submissions s
        where s.settled_at is null) b
 cross join lateral (
       select count(*) as asking, min(q.since) as asked_since
         from (select o.asked_since as since from orders o where o.ask_at is not null and o.asked_since is not null
               union all
               select o.unlisted_since from orders o where o.unlisted_since is not null) q) a
  left join lateral (
       select r.run_id, r.finished_at, r.exit_code
         from runs r
        where r.finished_at is not null and r.command in ('run', 'watch')
        order by r.run_id desc limit 1) l on true
 cross join lateral (
       select count(distinct g.relation) as feeds,
              count(*) filter (where g.enabled is distinct from 'A') as faults
         from feed_triggers g) t;

comment on view report_health is 'one row, ready to alert on; ages are whole seconds, null where there is nothing';
comment on column report_health.mode is 'new (no baseline yet), shadow, live or paused';
comment on column report_health.mode_since is 'since when';
comment on column report_health.mode_by is 'who set it';
comment on column report_health.mode_reason is 'why';
comment on column report_health.schema_version is 'of the ledger';
comment on column report_health.generation is 'begins anew when the database was restored to a point in time or a standby was promoted';
comment on column report_health.is_live is 'the API''s live mode, or its test mode; null: never ran';
comment on column report_health.backlog is 'submissions planned, sending or unknown';
comment on column report_health.backlog_age_s is 'how long ago the oldest of them was planned';
comment on column report_health.unknown is 'submissions of which nobody knows yet whether they were applied';
comment on column report_health.unknown_age_s is 'for how long the oldest of them is unknown';
comment on column report_health.held is 'submissions that wait for a person';
comment on column report_health.open_discrepancies is 'what needs a person; notes are not counted';
comment on column report_health.last_run_id is 'the last run that finished';
comment on column report_health.last_run_at is 'when it finished';
comment on column report_health.last_run_age_s is 'seconds since then';
comment on column report_health.last_run_exit_code is 'its exit code';
comment on column report_health.last_sweep_at is 'when the whole relation was last read';
comment on column report_health.last_sweep_age_s is 'seconds since then';
comment on column report_health.sweep_wanted is 'why the next run will sweep; null: for no special reason';
comment on column report_health.missed_by_feed is 'lines that the last sweep found and the feed had not told of';
comment on column report_health.queued is 'entries of the queue: orders to look at';
comment on column report_health.queue_age_s is 'age of the oldest of them';
comment on column report_health.orders_waiting is 'orders that the API is to be asked for, or asked for again';
comment on column report_health.oldest_snapshot_s is
    'age of the oldest transaction that keeps dead rows alive; sessions of other roles count only for readers that may see them (pg_read_all_stats)';
comment on column report_health.api_blocked_until is 'the API told us to stay away until then; null: it did not';
comment on column report_health.api_blocked_why is 'in which words';
comment on column report_health.api_refused_at is 'when the API refused the key; null: it did not';
comment on column report_health.api_refused_why is 'in which words';
comment on column report_health.workers is 'sessions that work right now, on all hosts';
comment on column report_health.feed is 'ok, broken (see feed_faults), scan, or no table is fed: touch (orders were queued by touch() within a day) or none';
comment on column report_health.feed_faults is 'triggers of fed tables that are missing or not enabled always';
comment on column report_health.scan_watermark is 'scan only: what was changed before is known';
comment on column report_health.scan_lag_s is 'seconds since then';
comment on column report_health.scan_held_back_by is 'the session that holds the watermark back';
comment on column report_health.ledger_id is 'sent as metadata.waybill_instance';
comment on column report_health.base_url is 'the API that this ledger works with; null: never ran';
comment on column report_health.authorizations_expiring is
    'orders with units due that were accepted six days ago or more: a card''s authorization typically lasts seven';
comment on column report_health.asking is 'orders with units due that the API was asked for and has not answered for, and those whose fulfillments can''t be listed';
comment on column report_health.asking_age_s is 'for how long the oldest of them waits for the answer';
comment on column report_health.events_read_at is 'when the API''s events were last read to the end of what was new; null: never';
comment on column report_health.events_age_s is 'seconds since then, or since it was resumed; null while nothing works';
comment on column report_health.events_unread_why is 'why the last reading of them broke off; null: it was whole';
comment on column report_health.api_failing_since is 'since when POSTs fail one after the other, so that one at a time is tried; null: they don''t';
comment on column report_health.api_failing_why is 'what the last one of them was answered';
