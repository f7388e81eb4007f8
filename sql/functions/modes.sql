-- modes: new, shadow, live, paused; the baseline; whose API this is.

create or replace function set_mode(to_mode ledger_mode, who text, why text) returns void
language plpgsql security definer set search_path from current as $$
begin
    update identity i
       set resume_mode = case when to_mode = 'paused' then coalesce(i.resume_mode, i.mode) end,
           mode = to_mode, mode_since = clock_timestamp(), mode_by = who, mode_reason = why
     where i.mode <> to_mode;
    if found then
        insert into mode_changes (mode, changed_by, reason) values (to_mode, who, why);
    end if;
end $$;

-- The bridge may stop itself, not start itself.
create or replace function pause_itself(why text) returns void
language sql volatile security definer set search_path from current as
$$ select set_mode('paused', 'waybill', why) $$;

-- Bound at the first run to the API and account that it works for; another one later is another ledger's business.
create or replace function bind_api(url text, live boolean) returns void
language plpgsql security definer set search_path from current as $$
declare
    me identity;
begin
    update identity set base_url = url, is_live = live where base_url is null;
    select * into strict me from identity;
    if me.is_live <> live then
        raise exception 'this ledger was filled in % mode, the configuration says %',
            case when me.is_live then 'live' else 'test' end, case when live then 'live' else 'test' end
            using errcode = 'WB002', hint = 'set api.mode back, or use another database.schema; see: waybill recover';
    end if;
    if me.base_url <> url then
        raise exception 'this ledger was filled from %, the configuration says %', me.base_url, url
            using errcode = 'WB002', hint = 'set api.base_url back, or use another database.schema; see: waybill recover';
    end if;
end $$;

-- ------------------------------------------------------------------ runs and workers

create or replace function run_begin(command text, host text, pid int, version text) returns bigint
language sql volatile security definer set search_path from current as $$
insert into runs (command, host, pid, version) values ($1, $2, $3, $4) returning run_id
$$;

create or replace function run_end(of_run bigint, code int, why text) returns void
language sql volatile security definer set search_path from current as $$
update runs r set finished_at = clock_timestamp(), exit_code = code, error = nullif(why, '') where r.run_id = of_run
$$;

-- The lock of a worker: other ledgers of the database count their workers from 1 too.
create or replace function worker_key(id bigint) returns int
language sql stable security definer set search_path from current as
$$ select (hashtextextended(('orders'::regclass::oid)::text || '/' || id::text, 0) & 2147483647)::int $$;

-- A worker is one database session; its lock is free when the session is gone. Shared, so that it never waits.
create or replace function worker_begin(of_run bigint, host text, pid int) returns bigint
language plpgsql security definer set search_path from current as $$
declare
    id bigint;
begin
    insert into workers (run_id, host, pid) values (of_run, host, pid) returning worker_id into id;
    perform pg_advisory_lock_shared(1463898947, worker_key(id));
    return id;
end $$;

create or replace function worker_end(id bigint) returns void
language sql volatile security definer set search_path from current as $$
delete from claims c where c.worker_id = id and c.sending = 0;
update workers set ended_at = clock_timestamp(), is_sending = false where worker_id = id
$$;

-- Heartbeat and share of the key's rate: so many requests a second for this worker, and until when the key is blocked.
-- It counts itself, also before it sends: one that joins others waits a heartbeat of theirs, so that they notice, and then
-- has its share. passed_ms: since its last beat, by a clock that nobody sets.
create or replace function worker_beat(id bigint, is_busy boolean, rate int, passed_ms bigint,
                                       out share numeric, out live int, out blocked_ms bigint, out blocked_why text,
                                       out failing boolean, out probe_ms bigint, out refused boolean)
language plpgsql security definer set search_path from current as $$
#variable_conflict use_column
declare
    lowest int;
begin
    perform clock_stepped(w.seen_at, passed_ms) from workers w
      where w.worker_id = id and passed_ms >= 0
        and w.seen_at + (passed_ms * 1.01 + 2000) * interval '1 ms' < clock_timestamp();
    update workers w set seen_at = clock_timestamp(), is_sending = is_busy where w.worker_id = id;
    update api_key k set rate = worker_beat.rate where k.rate is distinct from worker_beat.rate
       and (k.rate is null or worker_beat.rate < k.rate
            or not exists (select from workers w where w.worker_id <> id and w.ended_at is null
                              and w.seen_at > clock_timestamp() - interval '5 s'));
    select 1 + count(*) into live
      from workers w
     where w.ended_at is null and w.is_sending and w.worker_id <> id and w.seen_at > clock_timestamp() - interval '2 s';
    select k.rate, greatest(0, extract(epoch from k.blocked_until - clock_timestamp()) * 1000)::bigint, k.blocked_why,
           k.failing_since is not null, greatest(0, extract(epoch from k.probe_at - clock_timestamp()) * 1000)::bigint,
           k.refused_at is not null
      into lowest, blocked_ms, blocked_why, failing, probe_ms, refused
      from (select rate, case when blocked_until = '-infinity' then clock_timestamp() else blocked_until end as blocked_until,
                   api_key.blocked_why, failing_since, probe_at, refused_at from api_key) k;
    share := least(lowest, worker_beat.rate)::numeric / live;
end $$;

-- 429: nobody calls until then. Only ever later, at most ten minutes from now.
create or replace function block_key(ms bigint, why text) returns void
language sql volatile security definer set search_path from current as $$
update api_key
   set blocked_until = greatest(blocked_until, clock_timestamp() + least(greatest(ms, 1000), 600000) * interval '1 ms'),
       blocked_why = why
 where blocked_until < clock_timestamp() + least(greatest(ms, 1000), 600000) * interval '1 ms'
$$;

create or replace function unblock_key() returns void
language sql volatile security definer set search_path from current as
$$ update api_key set blocked_until = '-infinity', blocked_why = null where blocked_until <> '-infinity' $$;
comment on function unblock_key() is 'forget a block of the API key that an operator knows to be over';

-- The API doesn't take the key; until it does, which any answer tells.
create or replace function key_refused(why text) returns void
language sql volatile security definer set search_path from current as
$$ update api_key k set refused_at = coalesce(k.refused_at, clock_timestamp()), refused_why = why $$;

create or replace function key_taken() returns void
language sql volatile security definer set search_path from current as
$$ update api_key k set refused_at = null, refused_why = null where k.refused_at is not null $$;

-- POSTs fail one after the other: until one passes, one at a time is tried, by all hosts together, and less and less often.
-- failed_probe: the one that was let through; else somebody found out, perhaps not the first.
create or replace function key_fails(why text, failed_probe boolean, first_ms bigint, most_ms bigint) returns bigint
language sql volatile security definer set search_path from current as $$
update api_key k
   set failing_since = coalesce(k.failing_since, clock_timestamp()), failing_why = why,
       probe_at = clock_timestamp() + least(first_ms << least(k.probes, 20), most_ms) * interval '1 ms',
       probes = k.probes + 1
 where failed_probe or k.failing_since is null;
select greatest(0, extract(epoch from k.probe_at - clock_timestamp()) * 1000)::bigint from api_key k
$$;

-- The next probe, for one of those who ask. It is theirs for lease_ms, by when they have said what came of it.
create or replace function key_probe(lease_ms bigint) returns boolean
language sql volatile security definer set search_path from current as $$
with put as (
    update api_key k set probe_at = clock_timestamp() + lease_ms * interval '1 ms'
     where k.failing_since is not null and k.probe_at <= clock_timestamp()
    returning 1
)
select exists (select from put)
$$;

create or replace function key_works() returns void
language sql volatile security definer set search_path from current as $$
update api_key k set failing_since = null, failing_why = null, probe_at = null, probes = 0 where k.failing_since is not null
$$;

-- The server's clock went ahead of a worker's own: it was set, or another server's took its place. What waits for a time to
-- pass waits for as long as it would have, whoever of several workers notices first. A clock that was put back only makes us
-- wait longer.
create or replace function clock_stepped(seen_at timestamptz, passed_ms bigint) returns void
language plpgsql volatile security definer set search_path from current as $$
declare
    t timestamptz := clock_timestamp();
    step interval := t - seen_at - passed_ms * interval '1 ms';
    active bigint[];
begin
    -- never back: a wait would end too early
    if step <= interval '0' then
        return;
    end if;
    update api_key k set clock_set_at = t where k.clock_set_at is null or k.clock_set_at < clock_stepped.seen_at
        or k.clock_set_at > t;
    if not found then
        return;
    end if;
    active := array(select l.active_submission from lanes l where l.active_submission is not null
                     order by l.order_id for no key update);
    update submissions s
       set settle_after = s.settle_after + step, claim_expires_at = s.claim_expires_at + step
     where s.submission_id = any (active) and s.state in ('sending', 'unknown');
    perform 1 from claims c order by c.claim_token for no key update;
    update claims c set expires_at = c.expires_at + step;
    update identity i set generation_since = i.generation_since + step where i.generation > 1;
    perform note_decision('clock', 'the server''s clock', null, null, 'waybill', format('it went ahead by %s', step));
end $$;

-- What is left to do, for deciding whether a pass is over: cheap, live rows only, planned once a session.
create or replace function work_left(only_order text, out due_ms bigint, out ask_ms bigint, out look_ms bigint,
                                     out list_ms bigint, out queued boolean, out upstream_ms bigint)
language plpgsql stable security definer set search_path from current
    set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off as $$
begin
    select (select (extract(epoch from min(l.next_at) - clock_timestamp()) * 1000)::bigint from lanes l
             where l.active_submission is null and l.next_at < 'infinity' and (only_order is null or l.order_id = only_order)),
           (select (extract(epoch from min(o.ask_at) - clock_timestamp()) * 1000)::bigint from orders o
             where o.ask_at is not null and (only_order is null or o.order_id = only_order)),
           (select (extract(epoch from min(s.next_look_at) - clock_timestamp()) * 1000)::bigint from submissions s
             where s.next_look_at is not null and (only_order is null or s.order_id = only_order)),
           (select (extract(epoch from min(o.list_at) - clock_timestamp()) * 1000)::bigint from orders o
             where o.list_at is not null and (only_order is null or o.order_id = only_order)),
           exists (select from queue q where only_order is null or q.order_key = only_order)
               or exists (select from relooks x where x.due_at <= clock_timestamp()
                                                  and (only_order is null or x.order_key = only_order)),
           (select (extract(epoch from min(u.ask_at) - clock_timestamp()) * 1000)::bigint from upstreams u
             where u.ask_at is not null)
      into due_ms, ask_ms, look_ms, list_ms, queued, upstream_ms;
end $$;
