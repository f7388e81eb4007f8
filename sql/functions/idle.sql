-- idle: is there anything at all to do? One question, asked before anything else of a run is begun, and by each turn of a
-- watch: most of them end with it.

-- True when nothing here has to be done now, or in a moment (within_ms). What it can't tell in one look at an index counts
-- as work: then the run's own questions decide. reads_events: the one thing to do is to ask the API for its events; never
-- when events_interval_ms is null. version: refuses, as they do, when the ledger is not itself; null: a turn of a watch,
-- which has a whole pass every few seconds, and leaves to it what is rare.
--
-- Few statements, since each is planned for a run alone; each table is reached through an index on what is live, whatever
-- its size.
create or replace function look_for_work(
    version int, url text, live boolean, is_queue boolean, sweep_interval_ms bigint, events_interval_ms bigint,
    hands_over boolean, within_ms bigint, units_per_line_max bigint, out is_idle boolean, out reads_events boolean)
language plpgsql volatile security definer set search_path from current
    set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    t timestamptz := clock_timestamp();
    soon timestamptz := t + within_ms * interval '1 ms';
begin
    if version is not null then
        perform must_be_itself(null, version);
    end if;
    reads_events := false;
    is_idle := exists (
        -- paused, new or a shadow; bound to no API yet, or to another: the run says what is to be said
        select from identity me
         where me.mode = 'live' and me.base_url = url and me.is_live = live
           and not exists (select from queue)
           and not exists (select from lanes l where l.active_submission is null and l.next_at < 'infinity' and l.next_at <= soon)
           and not exists (select from submissions s where s.next_look_at <= soon)
           and not exists (select from orders o where o.ask_at <= soon)
           and not exists (select from orders o where o.list_at <= soon)
           and not exists (select from orders o where o.follow_at <= t)
           and not exists (select from relooks x where x.due_at <= soon)
           and not exists (select from events e where e.applied_at is null));
    if is_idle and version is not null then
        is_idle := not exists (
            select from feed_state f cross join api_key k
             where k.failing_since is not null
                or k.refused_at is not null
                or exists (select from claims)
                or exists (select from orders o where o.forget_at <= t)
                or case when exists (select from submissions s where s.held_by = 'marker') then take_marker_probe() is not null end
                or exists (select from upstreams u where u.ask_at <= soon)
                -- expiring: an authorization comes into its last day, or is out of it
                or f.expiring_to is null or f.expiring_to < t - interval '6 days 6 hours'
                or exists (select from orders o
                            where o.state = 'accepted' and o.state_since > f.expiring_to and o.state_since <= t - interval '6 days')
                or exists (select from lanes l
                            where l.urgent_until is not null
                              and (l.urgent_until <= t or (l.active_submission is null and l.next_at = 'infinity')))
                or exists (select from tracking k
                            cross join lateral (select s.state from submissions s where s.submission_id = k.submission_id offset 0) s
                            where k.next_at <= t and s.state = 'accepted')
                or exists (select from tracking k where k.sending_until <= t)
                or exists (select from charges c where c.ask_at <= t)
                or (hands_over and exists (select from order_states p
                                             left join lateral (select h.next_at from hand_overs h
                                                                 where h.order_id = p.order_id offset 0) h on true
                                            where p.handed_at is null and coalesce(h.next_at <= t, true)))
                -- the ledger's audit of itself, once a day
                or f.audit_row > 0 or f.audited_at is null or f.audited_at < t - interval '1 day'
                -- a sweep
                or f.sweep_wanted is not null
                or (sweep_interval_ms > 0
                    and coalesce(f.last_sweep_at < t - sweep_interval_ms * interval '1 ms', true))
                or f.units_per_line_max is distinct from look_for_work.units_per_line_max
                or (is_queue and feed_wants_look(f)));
    end if;
    if is_idle and events_interval_ms is not null then
        reads_events := not exists (select from event_feed e where e.read_at > t - events_interval_ms * interval '1 ms');
    end if;
end $$;

-- What check_feed() would act on: a trigger that is missing or disabled, one that was and is mended, statements missed.
create or replace function feed_wants_look(f feed_state) returns boolean
language plpgsql stable security definer set search_path from current
    set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off as $$
begin
    return feed_missed_why(f) is not null
        or exists (select from discrepancies d where d.order_id = '' and d.kind = 'feed_broken' and d.closed_at is null)
        or exists (select from feed_triggers t where t.enabled is distinct from 'A');
end $$;

-- A run that found nothing to do, begun and ended at once.
create or replace function run_idle(command text, host text, pid int, version text, out run_id bigint, out backlog bigint)
language plpgsql volatile security definer set search_path from current
    set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off as $$
begin
    insert into runs (command, host, pid, version, finished_at, exit_code)
    values ($1, $2, $3, $4, clock_timestamp(), 0) returning runs.run_id into run_idle.run_id;
    backlog := (select count(*) from submissions s where s.settled_at is null and s.state <> 'held');
end $$;
