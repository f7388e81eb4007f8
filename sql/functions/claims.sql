-- claims: who may send what, and until when.

-- Refuses when the ledger may not post: paused, new, another program version, a pooler between, not itself.
-- Called with every claim: cheap, and right after every reconnect.
create or replace function must_be_itself(for_worker bigint, schema_version int) returns identity
language plpgsql security definer set search_path from current as $$
declare
    me identity;
    newest int;
begin
    if pg_is_in_recovery() then
        raise exception 'this server is a standby'
            using errcode = 'read_only_sql_transaction',
                  hint = 'connect to the primary: target_session_attrs=read-write in database.url';
    end if;
    select * into strict me from identity;
    select max(version) into newest from schema_versions;
    if newest <> schema_version then
        raise exception 'the schema is version %, this program works with %', newest, schema_version
            using errcode = 'WB005', hint = case when newest > schema_version then 'upgrade the program'
                                                 else 'run: waybill init' end;
    end if;
    if me.system_identifier <> (select system_identifier::text from pg_control_system())
       or me.database_oid <> (select oid from pg_database where datname = current_database()) then
        raise exception 'this ledger was made in another database: it was restored, cloned or copied'
            using errcode = 'WB002', hint = 'run: waybill recover';
    end if;
    if me.timeline <> timeline_now() or me.home <> 'identity'::regclass then
        me := begin_generation_once();
    end if;
    if for_worker is not null
       and not exists (select from workers w where w.worker_id = for_worker and w.backend_pid = pg_backend_pid()) then
        raise exception 'the database session changed under the worker'
            using errcode = 'WB004',
                  hint = 'a pooler in transaction mode? use session mode, or connect directly';
    end if;
    return me;
end $$;

create or replace function claim(
    for_worker bigint, for_run bigint, version int, token uuid, slots int, send_within_ms bigint, only_order text)
returns table (submission_id bigint, marker uuid, order_id text, shipment_ref text, tries int, attempts int,
               unknown_attempts int, lines int, settled boolean, shipment_id text, tracking_company text,
               tracking_number text, tracking_url text, first_sent_at timestamptz, others_succeed boolean,
               item_id text, shipped bigint, cancelled bigint, shipment_item_id text)
language plpgsql security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
#variable_conflict use_column
declare
    me identity := must_be_itself(for_worker, version);
    t timestamptz := clock_timestamp();
    ids text[];
    chosen bigint[]; -- submissions, and the orders that they are of
    whose text[];
    last_accepted timestamptz := (select k.accepted_at from api_key k);
    has_doubtful boolean; -- one of them may have been applied by an earlier attempt
    taken bigint[];
begin
    if me.mode <> 'live' then
        if me.mode = 'shadow' then
            return;
        end if;
        raise exception 'the ledger is %: %', me.mode, coalesce(me.mode_reason, 'no reason given')
            using errcode = case me.mode when 'new' then 'WB003' else 'WB001' end;
    end if;

    -- First the lanes, alone: the locked rows carry the truth. The next statements see all that was
    -- committed before the locks were ours.
    if only_order is null then
        -- Where not all can go, those whose authorization ends soon go first (expiring.sql).
        ids := array(select l.order_id from lanes l
                      where l.urgent_until is not null and l.active_submission is null and l.next_at <= t
                      order by l.urgent_until limit slots
                        for no key update skip locked);
        if cardinality(ids) < slots then
            ids := ids || array(select l.order_id from lanes l
                                 where l.active_submission is null and l.next_at < 'infinity' and l.next_at <= t
                                   and l.urgent_until is null
                                 order by l.next_at limit slots - cardinality(ids)
                                   for no key update skip locked);
        end if;
    else
        ids := array(select l.order_id from lanes l
                      where l.active_submission is null and l.next_at <= t and l.order_id = only_order
                        for no key update skip locked);
    end if;
    if cardinality(ids) = 0 then
        return;
    end if;

    -- Arrays between the statements, so that each finds its rows by key whatever the statistics say: the plans are made
    -- once a session. What is in hand is joined by hash.
    select coalesce(array_agg(p.submission_id), '{}'), coalesce(array_agg(k.order_id), '{}'), coalesce(bool_or(p.unknown_attempts > 0), false)
      into chosen, whose, has_doubtful
      from unnest(ids) as k(order_id)
     cross join lateral (
           -- an ambiguous one first: nothing else of its order goes
           select p.submission_id, p.held_by, p.unknown_attempts
             from submissions p
            where p.order_id = k.order_id and p.settled_at is null
              and ((p.state = 'planned' and p.next_attempt_at <= t) or p.held_by = 'ambiguous')
            order by p.held_by nulls last, p.next_attempt_at, p.submission_id
            limit 1) p
     where p.held_by is null
       and (me.generation = 1   -- the first has nothing to be verified against
            or exists (select from orders o where o.order_id = k.order_id and o.verified_generation >= me.generation offset 0));
    if has_doubtful then
        -- Since it was planned somebody else may have posted its units, or the warehouse has taken them back.
        insert into queue (order_key, source) select distinct k, 'withdrawn' from withdraw_unwanted(whose, false) k;
    end if;
    insert into claims (claim_token, worker_id, expires_at, submissions)
    select token, for_worker, t + send_within_ms * interval '1 ms', chosen where chosen <> '{}';
    with sent as (
        update submissions s
           set state = 'sending', claim_token = token, claim_expires_at = t + send_within_ms * interval '1 ms',
               worker_id = for_worker, tries = s.tries + 1, next_attempt_at = null
         where s.submission_id = any (chosen) and s.state = 'planned'
        returning s.submission_id
    )
    select array_agg(sent.submission_id) into taken from sent;

    update lanes l
       set active_submission = c.submission_id
      from unnest(chosen, whose) as c(submission_id, order_id)
     where l.order_id = any (whose) and l.order_id = c.order_id and c.submission_id = any (taken);
    -- The others had nothing after all; say when they will.
    if coalesce(cardinality(taken), 0) < cardinality(ids) then
        update lanes l
           set next_at = coalesce((select case when not bool_or(s.held_by is not distinct from 'ambiguous') then min(s.next_attempt_at) end
                                     from submissions s
                                    where s.order_id = l.order_id and s.settled_at is null and s.state in ('planned', 'held')),
                                  'infinity')
         where l.order_id = any (ids) and l.active_submission is null;
    end if;
    if me.generation > 1 and exists (select from lanes l where l.order_id = any (ids) and l.active_submission is null
                                        and l.next_at <= t) then
        perform put_aside_unverified(ids, me.generation, t);
    end if;

    return query
    select s.submission_id, s.marker, s.order_id::text, s.shipment_ref::text, s.tries, s.attempts, s.unknown_attempts,
           count(*) over (partition by s.submission_id)::int, false, s.shipment_id, s.tracking_company,
           s.tracking_number, s.tracking_url, s.first_sent_at,
           s.failed_at is null or coalesce(last_accepted > s.failed_at, false),
           r.item_id::text, i.shipped, i.cancelled, i.shipment_item_id
      from submissions s
     cross join lateral (select * from submission_items i where i.submission_id = s.submission_id offset 0) i
     cross join lateral (select r.item_id from rows r where r.row_id = i.row_id offset 0) r
     where s.submission_id = any (taken)
     order by s.submission_id, r.item_id;
end $$;

-- The look before a repeated POST took about as long as its claim may be sent: the claim begins anew, so that what was just
-- seen counts. Only while it stands, and as long as the ledger would give it again; else the POST must not leave.
create or replace function renew_claim(for_worker bigint, version int, of_marker uuid, token uuid, send_within_ms bigint) returns boolean
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    me identity := must_be_itself(for_worker, version);
begin
    if me.mode <> 'live' then
        return false;
    end if;
    perform 1
       from lanes l
      where l.order_id = (select s.order_id from submissions s where s.marker = of_marker)
        for no key update;
    -- the lock was waited for: the time is read after it
    update submissions s
       set claim_expires_at = clock_timestamp() + send_within_ms * interval '1 ms'
     where s.marker = of_marker and s.claim_token = token and s.state = 'sending'
       and (me.generation = 1
            or exists (select from orders o where o.order_id = s.order_id and o.verified_generation >= me.generation));
    return found;
end $$;

-- Orders that nobody has looked at since the ledger may have lost its tail: their fulfillments are listed first, and their
-- lanes wait for that. With those that were asked for come others that are due, so that a backlog is set aside in a few
-- claims. record_listing() frees the lanes; their time is only for the case that a listing fails for long.
create or replace function put_aside_unverified(ids text[], generation int, t timestamptz) returns void
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
begin
    ids := array(select x.order_id from unnest(ids) as x(order_id)
                 union
                 select l.order_id from (select x.order_id, x.next_at from lanes x
                                          where x.active_submission is null and x.next_at < 'infinity' and x.next_at <= t
                                          order by x.next_at limit 2000) l);
    ids := array(select l.order_id from lanes l
                  where l.order_id = any (ids) and l.active_submission is null and l.next_at <= t
                    and not exists (select from orders o where o.order_id = l.order_id
                                       and o.verified_generation >= put_aside_unverified.generation)
                  order by l.order_id for no key update skip locked);
    insert into orders as o (order_id, list_at)
    select x.order_id, t from unnest(ids) as x(order_id) order by 1
        on conflict (order_id) do update set list_at = t where o.list_at is null;
    update lanes l
       set next_at = greatest(o.list_at, t) + interval '5 s'
      from orders o
     where l.order_id = any (ids) and o.order_id = l.order_id;
end $$;

-- When the next POST of an order may go, whose lane is free. Claims and settlements, which are many, have it written out.
create or replace function lane_next_at(of_order text) returns timestamptz
language sql stable set search_path from current as $$
select coalesce(min(s.next_attempt_at), 'infinity') from submissions s
 where s.order_id = of_order and s.settled_at is null and s.state = 'planned'
$$;

-- A claim whose worker is gone becomes unknown: by time, or earlier when the worker's session lock is free.
-- Either way only after the claim may not be sent any more, and the settle clock starts where it always does.
create or replace function reap(for_run bigint, timeout_ms bigint, settle_ms bigint) returns bigint
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    t timestamptz := clock_timestamp();
    lost bigint[];
    orders text[]; -- of theirs
    reaped bigint;
begin
    delete from claims c
     where c.claim_token in (select x.claim_token from claims x
                              where x.expires_at < t and x.sending = 0
                                for update skip locked);
    lost := array(
        select s.submission_id
          from claims c
         cross join lateral (select k.submission_id, k.claim_expires_at from submissions k
                              where k.submission_id = any (c.submissions) and k.claim_token = c.claim_token offset 0) s
         where c.expires_at < t and c.sending > 0
           and (s.claim_expires_at + timeout_ms * interval '1 ms' < t
                or not exists (select from pg_locks k
                                where k.locktype = 'advisory' and k.objsubid = 2
                                  and k.database = (select oid from pg_database where datname = current_database())
                                  and k.classid = 1463898947 and k.objid = worker_key(c.worker_id)::oid))
         limit 1000);
    if cardinality(lost) = 0 then
        return 0;
    end if;
    orders := array(select s.order_id from submissions s where s.submission_id = any (lost));
    lost := array(select l.active_submission from lanes l
                   where l.order_id = any (orders) and l.active_submission = any (lost)
                   order by l.order_id for no key update);
    -- until they are looked up, nothing of the order is due
    update lanes l set next_at = 'infinity' where l.order_id = any (orders) and l.active_submission = any (lost);
    with put as (
        update submissions s
           -- if it left, then from its claim on, however late that is noticed
           set state = 'unknown', unknown_since = t, first_sent_at = coalesce(s.first_sent_at, c.made_at),
               settle_after = s.claim_expires_at + (timeout_ms + settle_ms) * interval '1 ms',
               next_look_at = t, unknown_then = 'replan', unknown_attempts = s.unknown_attempts + 1,
               attempts = s.attempts + 1, negative_looks = 0,
               claim_token = null, claim_expires_at = null, error_code = 'worker_lost',
               error_message = 'the worker that claimed it is gone'
          from claims c
         where c.claim_token = s.claim_token
           and s.submission_id = any (lost) and s.state = 'sending' and s.claim_expires_at < t
        returning s.submission_id, s.tries, s.worker_id
    ), noted as (
        insert into attempts (submission_id, attempt, kind, worker_id, sent, started_at, outcome, error)
        select submission_id, tries, 'post', worker_id, true, t, 'unknown', 'worker_lost: the worker is gone' from put
        returning 1
    )
    select count(*) into reaped from noted;
    update runs r set unknown = r.unknown + reaped where r.run_id = for_run;
    return reaped;
end $$;

-- Unknown submissions whose turn it is to be looked up; taken for lease_ms.
create or replace function take_looks(most int, lease_ms bigint, only_order text)
returns table (submission_id bigint, marker uuid, order_id text, first_sent_at timestamptz, attempts int,
               unknown_attempts int, lines int, negative_looks int, is_settled boolean, unknown_then text,
               error_code text, error_message text, tries int, looks int)
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
#variable_conflict use_column
declare
    t timestamptz := clock_timestamp();
    ids bigint[];
    orders text[]; -- of theirs
begin
    ids := array(select s.submission_id from submissions s
                  where s.next_look_at <= t and s.state = 'unknown'
                    and (only_order is null or s.order_id = only_order)
                  order by s.next_look_at limit most);
    orders := array(select s.order_id from submissions s where s.submission_id = any (ids));
    ids := array(select l.active_submission from lanes l
                  where l.order_id = any (orders) and l.active_submission = any (ids)
                  order by l.order_id for no key update skip locked);
    return query
    with put as (
        update submissions s
           set next_look_at = t + lease_ms * interval '1 ms'
         where s.submission_id = any (ids) and s.state = 'unknown' and s.next_look_at <= t
        returning s.*
    )
    select p.submission_id, p.marker, p.order_id::text, p.first_sent_at, p.attempts, p.unknown_attempts,
           (select count(*)::int from submission_items i where i.submission_id = p.submission_id),
           p.negative_looks, p.settle_after <= t, p.unknown_then, p.error_code, p.error_message,
           p.tries, p.looks
      from put p
     order by p.submission_id;
end $$;

-- While no list has ever shown a marker of ours, "not found" proves nothing: an accepted order to list, to see one.
create or replace function take_marker_probe() returns text
language sql volatile security definer set search_path from current as $$
select s.order_id
  from submissions s, identity i
 where i.marker_seen_at is null and s.state = 'accepted' and s.settled_by = 'answer'
   and (exists (select from submissions x where x.next_look_at is not null)
        or exists (select from submissions x where x.held_by = 'marker'))
 order by s.settled_at desc limit 1
$$;
