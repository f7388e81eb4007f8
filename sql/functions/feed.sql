-- feed: how the warehouse's changes get into the queue.

-- Queue an order by hand.
create or replace function touch(order_id text) returns void
language sql volatile security definer set search_path from current as
$$ insert into queue (order_key, source) select $1, 'touch' where $1 <> '' $$;
comment on function touch(text) is 'queue one order to be looked at';

-- An order_key as an expression over the row r.
create or replace function feed_key(order_key text) returns text
language plpgsql immutable set search_path from current as $$
declare
    key_sql text := order_key;
begin
    if order_key ~ '^[A-Za-z_][A-Za-z0-9_]*$' then
        key_sql := format('r.%I', order_key);
    end if;
    -- 92: a backslash, which some databases want doubled in a string
    if key_sql ~ '[;$]|--|/[*]' or position(chr(92) in key_sql) > 0 then
        raise exception 'order_key must be one expression over the row r, got "%"', order_key
            using hint = 'for example r.order_id, or (select o.api_order_id from wms.orders o where o.id = r.order_id)';
    end if;
    return key_sql;
end $$;

-- How the names of this ledger's triggers begin: on one table those of several ledgers stand side by side. A schema that
-- leaves no room in a name's 63 bytes is told by its md5.
create or replace function feed_trigger_start() returns text
language sql stable set search_path from current as $$
select case when n.nspname = 'waybill' then 'waybill_feed_'
            when octet_length(n.nspname) <= 41 then format('waybill_feed_%s_', n.nspname)
            else format('waybill_feed_%s_', md5(n.nspname)) end
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.oid = 'orders'::regclass
$$;

-- Feeds come and go while no init works on the ledger, and one after another: both write the same functions' rights. Taken
-- before any lock that a warehouse's session could wait behind.
create or replace function feed_lock() returns void
language plpgsql set search_path from current as $$
declare
    home text := (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where c.oid = 'orders'::regclass);
    waits text := current_setting('lock_timeout');
begin
    perform set_config('lock_timeout', '2s', true);
    perform pg_advisory_xact_lock(hashtextextended('waybill init ' || home, 0));
    perform set_config('lock_timeout', waits, true);
exception when lock_not_available then
    raise lock_not_available using
        message = format('an init or another feed_from works on the ledger in the schema "%s"', home),
        hint = 'wait for it, then try again';
end $$;

-- Trigger functions of fed tables, one a table so that their plans are kept: made by feed_from.
-- They run with the ledger owner's rights and a pinned search_path, and never fail the vendor's
-- statement: what can't be queued is counted in a sequence, which brings a sweep. What an order_key
-- calls has those rights too, so whoever may install a feed is trusted with them: with the writer's
-- it would miss what he may not read.
create or replace function feed_from(relation regclass, order_key text) returns void
language plpgsql set search_path from current as $$
declare
    home text := (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where c.oid = 'orders'::regclass);
    key_sql text := feed_key(order_key);
    waits text := current_setting('lock_timeout');
    starts text := feed_trigger_start();
    leaf regclass;
    side text;
begin
    if (select c.relkind from pg_class c where c.oid = relation) not in ('r', 'p') then
        raise exception '% is no table: a feed is made of the tables below the relation', relation;
    end if;
    begin
        execute format('select (%s)::text from %s r limit 0', key_sql, relation);
    exception when others then
        raise exception 'order_key "%" can''t be read from %: %', order_key, relation, sqlerrm
            using hint = 'name tables with their schema; the changed row is r';
    end;
    perform feed_lock();
    perform note_feed(relation, order_key);
    -- A busy table is asked for a moment only: nobody queues up behind us.
    perform set_config('lock_timeout', '2s', true);
    perform set_config('client_min_messages', 'warning', true);
    for leaf in select feed_tables(relation) loop
        foreach side in array array['insert', 'update', 'delete', 'truncate', 'row'] loop
            -- logical replication fires no statement triggers: rows that arrive so need one of their own
            if side = 'row' and not exists (select from pg_subscription_rel s where s.srrelid = leaf) then
                continue;
            end if;
            execute format('drop trigger if exists %I on %s', starts || side, leaf);
            execute format('create trigger %I after %s execute function %I.%I()', starts || side,
                format(case side
                    when 'insert' then 'insert on %s referencing new table as new_rows for each statement'
                    when 'update' then 'update on %s referencing old table as old_rows new table as new_rows for each statement'
                    when 'delete' then 'delete on %s referencing old table as old_rows for each statement'
                    when 'truncate' then 'truncate on %s for each statement'
                    else 'insert or update or delete on %s for each row' end, leaf),
                home,
                case side when 'truncate' then 'feed_truncated'
                    else 'feed_' || relation::oid || case side when 'insert' then '_new' when 'update' then '_both'
                                                               when 'delete' then '_old' else '_row' end end);
            execute format('alter table %s enable always trigger %I', leaf, starts || side);
        end loop;
    end loop;
    perform set_config('lock_timeout', waits, true);
end $$;
comment on function feed_from(regclass, text) is
    'install the change feed on a base table; order_key: an expression over the changed row r that gives the order''s key';

create or replace function feed_stop(relation regclass) returns void
language plpgsql set search_path from current as $$
declare
    waits text := current_setting('lock_timeout');
    own oid[] := array(select p.oid from pg_proc p
                        where p.pronamespace = (select c.relnamespace from pg_class c where c.oid = 'orders'::regclass)
                          and p.proname = any (array(select format('feed_%s_%s', relation::oid, x)
                                                       from unnest(array['new', 'old', 'both', 'row']) x)));
    leaf regclass;
    name text;
begin
    perform feed_lock();
    perform set_config('lock_timeout', '2s', true);
    -- one that was a part of it once, and is detached now, has its triggers still
    for leaf, name in
        select t.tgrelid::regclass, t.tgname
          from pg_trigger t
         where t.tgparentid = 0
           and t.tgrelid in (select feed_tables(relation) union select o.tgrelid from pg_trigger o where o.tgfoid = any (own))
           and (t.tgfoid = any (own) or t.tgname = feed_trigger_start() || 'truncate')
    loop
        execute format('drop trigger %I on %s', name, leaf);
    end loop;
    perform set_config('lock_timeout', waits, true);
    perform forget_feed(relation);
end $$;
comment on function feed_stop(regclass) is 'take the change feed away from a base table';

-- The table itself and all below it that can be written to by name: partitions, and children that inherit from it.
create or replace function feed_tables(relation regclass) returns setof regclass
language sql stable set search_path from current as $$
with recursive below as (
    select relation::oid as id
     union
    select i.inhrelid from below b join pg_inherits i on i.inhparent = b.id and not i.inhdetachpending
)
select id::regclass from below
$$;

create or replace function note_feed(relation regclass, order_key text) returns void
language plpgsql security definer set search_path from current as $$
declare
    key_sql text := feed_key(order_key);
    side text;
    source text;
    body text;
begin
    -- The triggers read with this ledger's rights, not with the caller's.
    begin
        execute format('select (%s)::text from %s r limit 0', key_sql, $1);
    exception when others then
        raise exception 'the ledger''s owner % can''t read order_key "%" from %: %', current_user, order_key, $1, sqlerrm
            using hint = format('grant select on %s (and what order_key reads) to %I', $1, current_user);
    end;
    foreach side in array array['new', 'old', 'both', 'row'] loop
        source := case side
            when 'new' then format('select (%s)::text as k from new_rows r', key_sql)
            when 'old' then format('select (%s)::text as k from old_rows r', key_sql)
            when 'both' then format('select (%1$s)::text as k from new_rows r union all select (%1$s)::text from old_rows r', key_sql)
            else format('select (%1$s)::text as k from (select new.*) r where tg_op <> ''DELETE''
                         union all select (%1$s)::text from (select old.*) r where tg_op <> ''INSERT''', key_sql) end;
        -- One plain statement: it is in the way of the vendor's own. A row without a key is counted and left out.
        body := format('
begin
    insert into queue (order_key)
    select distinct x.k from (%s) x
     where x.k <> '''' or (x.k is null and nextval(''feed_null_keys'') is null);
    return null;
exception when others then
    perform nextval(''feed_missed'');
    raise warning ''waybill: %% on %% was not queued: %%'', tg_op, tg_relid::regclass, sqlerrm;
    return null;
end', source);
        execute format('create or replace function %I() returns trigger language plpgsql security definer set search_path from current as %L',
                       'feed_' || relation::oid || '_' || side, body);
    end loop;
    insert into feeds as f (relation, name, order_key)
    select c.oid, format('%s.%I', c.relnamespace::regnamespace, c.relname), $2 from pg_class c where c.oid = $1
        on conflict on constraint feeds_pkey do update
       set name = excluded.name, order_key = excluded.order_key, made_at = clock_timestamp();
    -- from here on changes are seen; what came before is found by a sweep
    perform want_sweep('a feed was installed on ' || $1::text);
end $$;

create or replace function forget_feed(relation regclass) returns void
language plpgsql security definer set search_path from current as $$
declare
    side text;
begin
    delete from feeds f where f.relation = $1;
    foreach side in array array['new', 'old', 'both', 'row'] loop
        execute format('drop function if exists %I()', 'feed_' || $1::oid || '_' || side);
    end loop;
end $$;

create or replace function feed_truncated() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    perform nextval('feed_missed');
    return null;
exception when others then
    raise warning 'waybill: TRUNCATE of % was not noticed: %', tg_relid::regclass, sqlerrm;
    return null;
end $$;

create or replace function want_sweep(why text) returns void
language sql volatile security definer set search_path from current as
$$ update feed_state set sweep_wanted = why, sweep_wishes = sweep_wishes + 1 $$;

-- The triggers that every leaf of a fed table should have, and how each is enabled ('A': always, as it should be); null: it is
-- missing. Whatever asks if the feed is sound asks here. A run that finds nothing to do plans it for itself alone: so nothing
-- is joined, and each trigger is reached by its key.
create or replace view feed_triggers as
select f.relation, f.name, f.order_key, leaf.id as leaf, starts.text || side as trigger_name, t.enabled
  from feeds f
 cross join lateral (select (select feed_trigger_start()) as text) starts
 cross join lateral unnest(case when (select c.relhassubclass from pg_class c where c.oid = f.relation)
                                then array(select feed_tables(f.relation)::oid) else array[f.relation::oid] end) leaf(id)
 cross join lateral unnest(array['insert', 'update', 'delete', 'truncate']
                           -- rows that come by logical replication fire no trigger of a statement
                           || case when exists (select from pg_subscription_rel s where s.srrelid = leaf.id)
                                   then array['row'] end) side
 cross join lateral (select (select g.tgenabled from pg_trigger g
                              where g.tgrelid = leaf.id and g.tgname = starts.text || side) as enabled) t;

-- What is wrong with the feed, one line a fault.
create or replace function feed_faults() returns table (relation text, fault text, mend text)
language plpgsql stable set search_path from current set plan_cache_mode = force_generic_plan set jit = off as $$
#variable_conflict use_column
begin
    if not exists (select from feeds) then
        return;
    end if;
    return query
select distinct case when c.oid is null then t.name else format('%s.%I', c.relnamespace::regnamespace, c.relname) end,
       case when c.oid is null then 'the table is gone'
            when t.enabled is null then format('trigger %s is missing', t.trigger_name)
            when t.enabled = 'D' then format('trigger %s is disabled', t.trigger_name)
            else format('trigger %s is not enabled always', t.trigger_name) end,
       -- to be typed by the table's owner, whose session doesn't look into the ledger's schema
       case when c.oid is null then format('select %s.feed_stop(%s)', h.home, t.relation::oid)
            else format('select %s.feed_from(%L, %L)', h.home, t.relation::text, t.order_key) end
  from feed_triggers t
 cross join (select p.relnamespace::regnamespace as home from pg_class p where p.oid = 'feeds'::regclass) h
  left join pg_class c on c.oid = t.leaf
 where t.enabled is distinct from 'A';
end $$;

-- Why what the feed could not queue asks for a sweep; null: it doesn't. A transaction is counted before it commits, and a
-- sweep at once may come too early for it: so there is another when all have ended that were open then. Where one stays open
-- for long, and for rows without a key, which some warehouses write all day, that is an hour after the last one.
create or replace function feed_missed_why(f feed_state) returns text
language plpgsql stable security definer set search_path from current
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    missed bigint := (select case when s.is_called then s.last_value else 0 end from feed_missed s);
    null_keys bigint := (select case when s.is_called then s.last_value else 0 end from feed_null_keys s);
    is_long_ago boolean := coalesce(f.last_sweep_at < clock_timestamp() - interval '1 hour', true);
begin
    if missed > f.missed_seen
       and (missed > f.missed_swept or is_long_ago or pg_snapshot_xmin(pg_current_snapshot()) >= f.swept_horizon) then
        return 'the feed missed statements';
    elsif null_keys > f.null_keys_seen and is_long_ago then
        return 'rows without an order key changed';
    end if;
    return null;
end $$;

-- Called once a run: opens and closes feed_broken, and says whether a sweep is due and why (null: not).
create or replace function check_feed(for_run bigint, is_queue boolean, sweep_interval_ms bigint) returns text
language plpgsql security definer set search_path from current
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    st feed_state;
    why text;
    faults finding[];
begin
    if is_queue then
        faults := array(
            select row('feed_broken', '', '', relation, 0,
                       string_agg(fault, ', ' order by fault) || '; mend it: ' || min(mend), null, false)::finding
              from feed_faults() group by relation);
        if cardinality(faults) > 0 then
            perform find_discrepancies(for_run, faults);
        end if;
        update discrepancies d
           set closed_at = clock_timestamp(), closed_by = 'feed'
         where d.kind = 'feed_broken' and d.closed_at is null and d.order_id = ''
           and d.fingerprint not like 'not swept %' -- note_unswept()
           and d.shipment_ref <> all (array(select x.shipment_ref from unnest(faults) x));
        if found then
            -- nobody saw what changed since the last sweep while it was broken
            perform want_sweep('the feed was mended');
        end if;
    end if;
    select * into strict st from feed_state;
    why := case when cardinality(faults) > 0 then 'the feed is broken'
                when is_queue then feed_missed_why(st) end;
    if st.sweep_wanted is not null then
        why := coalesce(why, st.sweep_wanted);
    elsif sweep_interval_ms > 0
       and coalesce(st.last_sweep_at < clock_timestamp() - sweep_interval_ms * interval '1 ms', true) then
        why := coalesce(why, case when st.last_sweep_at is null then 'first sweep' else 'sweep_interval_ms is over' end);
    end if;
    return why;
end $$;

-- A sweep of a function asks it only for orders that the ledger knows: what the feed missed of others stays unseen. So it does
-- not close by itself, and comes back with whatever is missed later.
create or replace function note_unswept(for_run bigint, relation text) returns void
language plpgsql security definer set search_path from current as $$
declare
    st feed_state;
    why text;
begin
    select * into strict st from feed_state;
    why := coalesce(feed_missed_why(st),
                    case when exists (select from feed_faults()) then 'the feed is broken'
                         when st.sweep_wanted = 'the feed was mended' then st.sweep_wanted end);
    if why is not null then
        perform find_discrepancies(for_run, array[row('feed_broken', '', '', relation, 0,
            format('%s, and a sweep asks the function %s only for orders that the ledger knows: give it those that are new since then '
                   'with select waybill.touch(ORDER), then dismiss this', why, relation),
            format('not swept %s %s %s', st.sweep_wishes, m.last_value, n.last_value), false)::finding])
           from feed_missed m, feed_null_keys n;
    end if;
end $$;

-- Called in a transaction of its own, before a sweep reads anything. The id is taken behind the counters, so whoever moved
-- them has a lower one; and the snapshot behind the id, so it tells who of them is still open.
create or replace function sweep_begin(out start sweep_start, out had_sweep boolean)
language plpgsql volatile security definer set search_path from current as $$
declare
    st feed_state;
    oldest_open xid8;
begin
    select * into strict st from feed_state;
    had_sweep := st.last_sweep_at is not null;
    start.wish := st.sweep_wishes;
    start.missed := (select case when s.is_called then s.last_value else 0 end from feed_missed s);
    start.null_keys := (select case when s.is_called then s.last_value else 0 end from feed_null_keys s);
    start.horizon := pg_current_xact_id();
    oldest_open := pg_snapshot_xmin(pg_current_snapshot());
    if oldest_open >= start.horizon then
        start.missed_seen := start.missed;
        start.null_keys_seen := start.null_keys;
    elsif oldest_open >= st.swept_horizon then
        start.missed_seen := st.missed_swept;
        start.null_keys_seen := st.null_keys_swept;
    else
        start.missed_seen := st.missed_seen;
        start.null_keys_seen := st.null_keys_seen;
    end if;
end $$;

-- What is counted or wished for meanwhile brings another one.
create or replace function sweep_done(for_run bigint, start sweep_start, missed bigint, not_ours bigint) returns void
language plpgsql security definer set search_path from current as $$
begin
    update feed_state s
       set last_sweep_at = clock_timestamp(), sweep_wanted = case when s.sweep_wishes > start.wish then s.sweep_wanted end,
           missed_seen = start.missed_seen, null_keys_seen = start.null_keys_seen,
           missed_swept = start.missed, null_keys_swept = start.null_keys, swept_horizon = start.horizon,
           missed_by_feed = missed, not_ours = sweep_done.not_ours;
    update runs r set swept = true, missed_by_feed = coalesce(r.missed_by_feed, 0) + missed where r.run_id = for_run;
end $$;

create or replace function enqueue(keys text[], why text) returns bigint
language sql volatile security definer set search_path from current as $$
with put as (insert into queue (order_key, source) select distinct k, why from unnest(keys) k where k <> '' returning 1)
select count(*) from put
$$;

-- run.max_units_per_line was changed: what it held back, or would, is looked at again.
create or replace function note_guard(units_per_line_max bigint) returns void
language plpgsql volatile security definer set search_path from current as $$
begin
    update feed_state f set units_per_line_max = note_guard.units_per_line_max
     where f.units_per_line_max is distinct from note_guard.units_per_line_max;
    if found then
        insert into queue (order_key, source)
        select distinct d.order_id, 'guard' from discrepancies d where d.kind = 'guard' and d.closed_at is null;
    end if;
end $$;

-- Take orders off the queue: distinct keys of the oldest entries. The caller holds plan_begin()'s lock and reads
-- the warehouse in a later statement. Keys no index can hold are refused here, one by one.
create or replace function take_queue(for_run bigint, most int, only_order text, spares_sweep boolean) returns setof text
language plpgsql security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    keys text[];
    ids bigint[];
    again text[];
    has_touched boolean;
begin
    -- An order that changed ten times is looked at once: keys are distinct within the oldest entries. No row is
    -- locked: who plans is alone.
    with oldest as materialized (
        select q.queue_id, q.order_key, q.source from queue q
         where (only_order is null or q.order_key = only_order) and not (spares_sweep and q.source = 'sweep')
         order by q.queue_id limit most * 10
    ), chosen as materialized (
        select o.order_key, array_agg(o.queue_id) as ids, bool_or(o.source = 'touch') as is_touched
          from oldest o group by o.order_key order by min(o.queue_id) limit most
    )
    select array_agg(distinct c.order_key), array_agg(x.id), bool_or(c.is_touched)
      into keys, ids, has_touched
      from chosen c cross join lateral unnest(c.ids) as x(id);
    delete from queue q where q.queue_id = any (ids);
    if has_touched then
        update feed_state f set touched_at = clock_timestamp()
         where f.touched_at is null or f.touched_at < clock_timestamp() - interval '1 hour';
    end if;
    again := array(select x.order_key from relooks x
                    where x.due_at <= clock_timestamp() and (only_order is null or x.order_key = only_order)
                    order by x.due_at limit most);
    if cardinality(again) > 0 then
        keys := array(select k from unnest(keys) k union select k from unnest(again) k);
    end if;
    if keys is null then
        return;
    end if;
    perform find_discrepancies(for_run, array(
        select row('unreadable', left(k, 200) || '~' || md5(k), '', '', 0, 'the order key is longer than 1000 bytes', null, false)::finding
          from unnest(keys) k where is_order_too_long(k)));
    -- a look that fails again finds its entry here, pushed ahead
    if exists (select from relooks) then
        update relooks r set due_at = clock_timestamp() + interval '1 min' where r.order_key = any (keys);
    end if;
    return query select k from unnest(keys) k where not is_order_too_long(k);
end $$;

-- An order whose rows can't be read: looked at again later, with back-off; the others went on.
create or replace function record_unreadable(for_run bigint, of_order text, why text) returns void
language plpgsql security definer set search_path from current as $$
begin
    insert into relooks as r (order_key, due_at, failures)
    values (of_order, clock_timestamp() + interval '1 min', 1)
        on conflict (order_key) do update
       set failures = r.failures + 1,
           due_at = clock_timestamp() + least(1440, power(2, least(r.failures, 11))) * interval '1 min';
    perform find_discrepancies(for_run, array[row('unreadable', of_order, '', '', 0, why, why, false)::finding]);
end $$;

-- Orders behind keys of the queue. A merchant's number that is mapped brings its order; the key itself stays, since another
-- order may have that text as its id. One that is no more than a number reads no row.
create or replace function resolve_keys(keys text[]) returns setof text
language sql stable security definer set search_path from current as $$
select k collate "C" from unnest(keys) k
 union
select u.order_id from upstreams u where u.upstream_id = any (keys) and u.order_id is not null
$$;

-- The start of the oldest transaction that still runs in this database, prepared ones too, and who holds it back;
-- the scan's watermark never passes it. bound is null when a start can't be seen: of other sessions (pg_read_all_stats
-- is missing), or of a transaction under track_activities = off. Whoever may write counts, jobs in the background too.
-- It lies a microsecond below, since that start is the now() of its rows, and a scan reads what is above; and this statement
-- began before it looked at the others, so who begins meanwhile is not below it.
create or replace function scan_bound(out bound timestamptz, out held_by text)
language sql volatile set search_path from current as $$
with open as (
    select a.xact_start as since, format('pid %s (%s %s)', a.pid, a.usename, a.application_name) as who
      from pg_stat_activity a
     where a.datname = current_database() and a.pid <> pg_backend_pid()
       and (a.backend_type is null
            or (a.backend_type not in ('autovacuum worker', 'parallel worker', 'walsender')
                and (a.xact_start is not null
                     -- not tracked, but a transaction holds the lock on its own number
                     or (a.state <> 'idle'
                         and exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'virtualxid' and l.granted
                                                              and l.mode = 'ExclusiveLock')))))
    union all
    select '-infinity', format('prepared transaction %s', p.gid) from pg_prepared_xacts p where p.database = current_database()
)
select case when bool_or(o.since is null) then null
            else least(min(o.since), statement_timestamp()) - interval '1 us' end,
       (select x.who from open x order by x.since nulls first limit 1)
  from open o
$$;

create or replace function scan_done(upto timestamptz, held_by text) returns void
language sql volatile security definer set search_path from current as $$
update feed_state
   set scan_watermark = greatest(scan_watermark, upto), scan_held_back_by = held_by, scan_at = clock_timestamp()
 where scan_watermark is distinct from greatest(scan_watermark, upto) or scan_held_back_by is distinct from held_by
$$;

-- Has no row changed since the watermark, the overlap included? False where that can't be told as cheaply as it is asked: by
-- a whole scan, which then also says what is wrong with the relation. Runs with the caller's rights, as the scan does.
--
-- Of a table with an index a session that asks again and again asks for the newest row, by a statement that it prepares
-- once: no watermark could make another plan the better one. All else is planned with the watermark at hand.
create or replace function scan_is_quiet(line_items text, overlap_ms bigint, asks_again boolean) returns boolean
language plpgsql volatile set search_path from current
    set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    -- a bare name would be looked for in the ledger's schema
    relation regclass := case when line_items like '%.%' then to_regclass(line_items) end;
    since timestamptz;
    is_quiet boolean;
begin
    if relation is null then
        return false;
    end if;
    if asks_again then
        begin
            execute format('execute scan_newest_%s(%s)', relation::oid, overlap_ms) into is_quiet;
            return is_quiet;
        exception when invalid_sql_statement_name then -- not prepared yet, or never
        end;
    end if;
    since := (select f.scan_watermark - overlap_ms * interval '1 ms' from feed_state f);
    if since is null
       or not exists (select from pg_attribute a where a.attrelid = relation and a.attname = 'changed_at'
                                                   and a.atttypid = 'timestamptz'::regtype and not a.attisdropped) then
        return false;
    end if;
    if asks_again and scan_is_indexed(relation) then
        execute format('prepare scan_newest_%s(bigint) as
                        select f.since is not null and coalesce((select max(w.changed_at) from %s w) <= f.since, true)
                          from (select scan_watermark - $1 * interval ''1 ms'' as since from feed_state) f',
                       relation::oid, relation);
    end if;
    execute format('select not exists (select from %s w where w.changed_at > $1)', relation) into is_quiet using since;
    return is_quiet;
end $$;

create or replace function scan_is_indexed(relation regclass) returns boolean
language sql stable set search_path from current as $$
select exists (select from pg_class c
                 join pg_attribute a on a.attrelid = c.oid and a.attname = 'changed_at'
                 join pg_index i on i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid and i.indpred is null
                 join pg_class x on x.oid = i.indexrelid
                 join pg_am m on m.oid = x.relam and m.amname = 'btree'
                where c.oid = relation and c.relkind in ('r', 'm'))
$$;
