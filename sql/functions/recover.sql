-- recover: the ledger and the place it is in; generations.

create or replace function timeline_now() returns text
language plpgsql volatile security definer set search_path from current as
$$ begin return substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8); end $$;

-- From here on nobody knows what the API has seen: an order is listed there before it gets a POST, no sooner than late
-- POSTs of the generation before must show. Changes of the warehouse may be missing from the queue as well: a sweep.
create or replace function begin_generation(why text, who text) returns identity
language plpgsql security definer set search_path from current as $$
declare
    me identity;
begin
    update identity
       set system_identifier = (select c.system_identifier::text from pg_control_system() c),
           database_oid = (select d.oid from pg_database d where d.datname = current_database()),
           timeline = timeline_now(), home = 'identity'::regclass,
           generation = generation + 1, generation_since = clock_timestamp()
    returning * into strict me;
    perform want_sweep(format('generation %s began', me.generation));
    perform note_decision('generation', format('generation %s', me.generation), null, null, who, why);
    return me;
end $$;

-- Restored to a point in time, promoted, or put back from a dump into this very database: by itself, and once,
-- whoever of several workers notices first.
create or replace function begin_generation_once() returns identity
language plpgsql security definer set search_path from current as $$
declare
    me identity;
begin
    select * into strict me from identity for update;
    if me.timeline <> timeline_now() then
        return begin_generation(format('the timeline was %s and is %s: restored to a point in time, or a standby was promoted',
                                       me.timeline, timeline_now()), 'waybill');
    elsif me.home <> 'identity'::regclass then
        return begin_generation('the ledger''s tables are others than before: restored from a dump', 'waybill');
    end if;
    return me;
end $$;

-- What the ledger recorded about its place, and what is there now. url, live: as the configuration says; null: unknown.
create or replace function recover_look(url text, live boolean)
returns table (what text, recorded text, actual text, differs boolean)
language sql volatile security definer set search_path from current as $$
select x.what, x.recorded, x.actual, x.recorded is distinct from x.actual
  from identity i
 cross join lateral (values
       (1, 'system identifier', i.system_identifier, (select c.system_identifier::text from pg_control_system() c)),
       (2, 'database', format('oid %s', i.database_oid),
        (select format('oid %s', d.oid) from pg_database d where d.datname = current_database())),
       (3, 'timeline', i.timeline, case when pg_is_in_recovery() then i.timeline else timeline_now() end),
       (4, 'tables', format('oid %s', i.home), format('oid %s', 'identity'::regclass::oid)),
       (5, 'base_url', coalesce(i.base_url, url), coalesce(url, i.base_url)),
       (6, 'api mode', case coalesce(i.is_live, live) when true then 'live' when false then 'test' end,
        case coalesce(live, i.is_live) when true then 'live' when false then 'test' end)
       ) x(n, what, recorded, actual)
 order by x.n
$$;

-- Where the ledger stands besides: one row.
create or replace function recover_state(
    settle_ms bigint, out mode ledger_mode, out mode_by text, out mode_reason text, out mode_since timestamptz,
    out generation int, out generation_since timestamptz, out look_from timestamptz,
    out unverified bigint, out found_again bigint, out why text)
language sql volatile security definer set search_path from current as $$
select i.mode, i.mode_by, i.mode_reason, i.mode_since, i.generation, i.generation_since,
       case when i.generation > 1 then i.generation_since + settle_ms * interval '1 ms' end,
       case when i.generation > 1 then
            (select count(*) from (select distinct s.order_id from submissions s
                                    where s.settled_at is null) p
              where not exists (select from orders o where o.order_id = p.order_id
                                   and o.verified_generation >= i.generation)) end,
       (select count(distinct j.fulfillment_id) from adjustments j
         where j.kind = 'foreign' and j.reason = own_lost() and j.made_at >= i.generation_since),
       (select d.reason from decisions d where d.action = 'generation' order by d.decision_id desc limit 1)
  from identity i
$$;

-- A person says that this is the ledger's place now, or that commits were lost where nothing else shows it. It stays
-- paused until somebody resumes it, so that all hosts can be seen to first.
create or replace function recover_here(who text, why text) returns int
language plpgsql security definer set search_path from current as $$
begin
    perform set_mode('paused', who, 'recovered: ' || why);
    return (begin_generation(why, who)).generation;
end $$;

create or replace function recover_api(url text, who text, why text) returns int
language plpgsql security definer set search_path from current as $$
begin
    perform set_mode('paused', who, 'recovered: ' || why);
    update identity set base_url = url;
    return (begin_generation(why, who)).generation;
end $$;
