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
            using errcode = 'WB002', hint = 'use another database.schema for the other mode';
    end if;
    if me.base_url <> url then
        raise exception 'this ledger was filled from %, the configuration says %', me.base_url, url
            using errcode = 'WB002', hint = 'use another database.schema, or set api.base_url back';
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
$$ select (hashtextextended(('orders'::regclass::oid)::text || '/' || id, 0) & 2147483647)::int $$;

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
update workers set ended_at = clock_timestamp(), is_sending = false where worker_id = id
$$;

-- Heartbeat and share of the key's rate: so many requests a second for this worker, and until when the key is blocked.
-- A worker that joins others waits one heartbeat (250 ms) for them to notice: joins_others says so.
create or replace function worker_beat(id bigint, is_busy boolean, rate int,
                                       out share numeric, out live int, out blocked_ms bigint, out blocked_why text)
language plpgsql security definer set search_path from current as $$
#variable_conflict use_column
declare
    lowest int;
begin
    update workers w set seen_at = clock_timestamp(), is_sending = is_busy where w.worker_id = id;
    update api_key k set rate = worker_beat.rate where k.rate is distinct from worker_beat.rate
       and (k.rate is null or worker_beat.rate < k.rate
            or not exists (select from workers w where w.worker_id <> id and w.ended_at is null
                              and w.seen_at > clock_timestamp() - interval '5 s'));
    select greatest(1, count(*)) into live
      from workers w
     where w.ended_at is null and w.is_sending and w.seen_at > clock_timestamp() - interval '2 s';
    select k.rate, greatest(0, extract(epoch from k.blocked_until - clock_timestamp()) * 1000)::bigint, k.blocked_why
      into lowest, blocked_ms, blocked_why
      from (select rate, case when blocked_until = '-infinity' then clock_timestamp() else blocked_until end as blocked_until,
                   api_key.blocked_why from api_key) k;
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

-- What is left to do, for deciding whether a pass is over: cheap, live rows only.
create or replace function work_left(only_order text, out due_ms bigint, out ask_ms bigint, out look_ms bigint,
                                     out list_ms bigint, out queued boolean, out upstream_ms bigint)
language sql stable security definer set search_path from current as $$
select (select (extract(epoch from min(l.next_at) - clock_timestamp()) * 1000)::bigint from lanes l
         where l.active_submission is null and l.next_at < 'infinity' and (only_order is null or l.order_id = only_order)),
       (select (extract(epoch from min(o.ask_at) - clock_timestamp()) * 1000)::bigint from orders o
         where o.ask_at is not null and (only_order is null or o.order_id = only_order)),
       (select (extract(epoch from min(s.next_look_at) - clock_timestamp()) * 1000)::bigint from submissions s
         where s.state = 'unknown' and (only_order is null or s.order_id = only_order)),
       (select (extract(epoch from min(o.list_at) - clock_timestamp()) * 1000)::bigint from orders o
         where o.list_at is not null and (only_order is null or o.order_id = only_order)),
       exists (select from queue q where only_order is null or q.order_key = only_order)
           or exists (select from relooks x where x.due_at <= clock_timestamp()
                                              and (only_order is null or x.order_key = only_order)),
       (select (extract(epoch from min(u.ask_at) - clock_timestamp()) * 1000)::bigint from upstreams u
         where u.ask_at is not null)
$$;
