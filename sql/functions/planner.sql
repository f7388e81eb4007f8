-- planner: puts what evaluate() found into the ledger. One at a time (see plan_begin).

-- True when this session may plan in this transaction. A statement of its own:
-- the planning statements must take their snapshots after it.
create or replace function plan_begin() returns boolean
language sql volatile security definer set search_path from current as
$$ select pg_try_advisory_xact_lock(1463898946, ('orders'::regclass::oid)::int) $$;

-- Open what was found and isn't open, refresh what is. Returns how many were opened that a person must see.
create or replace function find_discrepancies(for_run bigint, findings finding[]) returns bigint
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    newly bigint;
begin
    if coalesce(cardinality(findings), 0) = 0 then
        return 0;
    end if;
    with f as (
        select distinct on (kind, order_id, item_id, shipment_ref, submission_id)
               kind, coalesce(order_id, '') as order_id, coalesce(item_id, '') as item_id,
               coalesce(shipment_ref, '') as shipment_ref, coalesce(submission_id, 0) as submission_id,
               detail, coalesce(fingerprint, detail) as fingerprint, coalesce(is_note, false) as is_note
          from unnest(findings)
         order by kind, order_id, item_id, shipment_ref, submission_id
    ), fresh as (
        -- a dismissed one, or a note, stays closed while its evidence is the same
        select f.*
          from f
          left join lateral (
               select d.fingerprint, d.is_dismissed, d.is_note
                 from discrepancies d
                where d.order_id = f.order_id and d.kind = f.kind and d.item_id = f.item_id
                  and d.shipment_ref = f.shipment_ref and d.submission_id = f.submission_id
                order by d.discrepancy_id desc limit 1) last on true
         where not coalesce((last.is_dismissed or (last.is_note and f.is_note)) and last.fingerprint in (f.fingerprint, md5(f.fingerprint)), false)
    ), put as (
        insert into discrepancies as d (kind, order_id, item_id, shipment_ref, submission_id, detail, fingerprint,
                                        is_note, run_id, closed_at, closed_by)
        select kind, order_id, item_id, shipment_ref, submission_id, detail, fingerprint, is_note, for_run,
               case when is_note then clock_timestamp() end, case when is_note then 'note' end
          from fresh
            on conflict (order_id, kind, item_id, shipment_ref, submission_id) where closed_at is null
            do update set detail = excluded.detail, fingerprint = excluded.fingerprint, seen_at = clock_timestamp()
                 where d.fingerprint is distinct from excluded.fingerprint
        returning (xmax = 0) and not is_note as is_new
    )
    select count(*) filter (where is_new) into newly from put;
    if newly > 0 and for_run is not null then
        update runs r set opened = r.opened + newly where r.run_id = for_run;
    end if;
    return newly;
end $$;

-- A UUID of version 7: in the order of time, so that new ones go to the end of their index and not to a page of years ago.
create or replace function new_marker() returns uuid
language sql volatile set search_path from current as $$
select encode(set_byte(m.bytes, 6, get_byte(m.bytes, 6) & 15 | 112), 'hex')::uuid
  from (select overlay(uuid_send(gen_random_uuid())
                       placing substr(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint), 3) from 1 for 6) as bytes) m
$$;

-- Submissions for what is wanted now: one for each (order, parcel), at most so many lines each. What is in hand is joined
-- by hash (200 orders by 200 are 40,000 otherwise); tables are reached by key only (lateral, offset 0).
create or replace function make_submissions(
    for_run bigint, ev evaluation[], pulled bigint[], pulled_at timestamptz[], lines_per_submission_max int)
returns bigint
language plpgsql volatile security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off as $$
#variable_conflict use_column
declare
    has_pulled boolean := coalesce(cardinality(pulled), 0) > 0;
    made_count bigint;
begin
    with wants as (
        select e.order_id, e.shipment_ref, coalesce(e.row_id, r.row_id) as row_id, coalesce(e.plan_no, 0) + 1 as plan_no,
               e.want_shipped as shipped, e.want_cancelled as cancelled,
               e.tracking_company, e.tracking_number, e.tracking_url, e.shipment_id, e.shipment_item_id,
               (row_number() over (partition by e.order_id, e.shipment_ref order by e.item_id) - 1)
                   / lines_per_submission_max as part
          from unnest(ev) e
          left join lateral (
               -- made just now
               select x.row_id from rows x
                where e.row_id is null
                  and x.order_id = e.order_id and x.item_id = e.item_id and x.shipment_ref = e.shipment_ref offset 0) r on true
         where e.want_shipped + e.want_cancelled > 0 and e.gate = 'open'
           and not (e.soft_shipped + e.soft_cancelled > 0
                    and exists (select from submissions s          -- kept as it was: exactly this is planned
                                 cross join lateral (select from submission_items i
                                                      where i.submission_id = s.submission_id and i.row_id = e.row_id offset 0) i
                                 where s.order_id = e.order_id and s.shipment_ref = e.shipment_ref
                                   and s.state in ('planned', 'held') and s.unknown_attempts = 0 offset 0))
    ), marked as (
        -- made in a row of its own first: a window function evaluates its argument anew for every row
        select w.*, first_value(w.chance) over (partition by w.order_id, w.shipment_ref, w.part order by w.row_id) as marker
          from (select x.*, new_marker() as chance from wants x offset 0) w
    ), parts as (
        select w.order_id, w.shipment_ref, w.part, w.marker,
               min(w.shipment_id) as shipment_id, min(w.tracking_company) as tracking_company,
               min(w.tracking_number) as tracking_number, min(w.tracking_url) as tracking_url
          from marked w
         group by w.order_id, w.shipment_ref, w.part, w.marker
    ), made as (
        insert into submissions (marker, order_id, shipment_ref, run_id, state, held_by, next_attempt_at, attempts, unknown_attempts,
                                 shipment_id, tracking_company, tracking_number, tracking_url)
        select p.marker, p.order_id, p.shipment_ref, for_run,
               case when h.was_held then 'held' else 'planned' end::submission_state,
               case when h.was_held then 'operator' end,
               case when coalesce(h.was_held, false) then null
                    when h.next_attempt_at < 'infinity' then greatest(h.next_attempt_at, clock_timestamp())
                    else clock_timestamp() end,
               coalesce(h.attempts, 0), coalesce(h.unknown_attempts, 0),
               p.shipment_id, p.tracking_company, p.tracking_number, p.tracking_url
          from parts p
         cross join lateral (
               -- planning anew doesn't reset what was learned: attempts, back-off, an operator's hold
               select max(x.attempts) as attempts, max(x.unknown_attempts) as unknown_attempts,
                      max(x.next_attempt_at) as next_attempt_at, bool_or(x.error_message = 'was held: operator') as was_held
                 from (select s.attempts, s.unknown_attempts, s.error_message,
                              pulled_at[array_position(pulled, s.submission_id)] as next_attempt_at
                         from submissions s
                        where has_pulled and s.order_id = p.order_id and s.shipment_ref = p.shipment_ref
                          and s.submission_id = any (pulled)
                       union all
                       -- withdrawn earlier, behind a gate that was shut until now; one that may have been applied after
                       -- all has each later POST of its order looked for first
                       (select case when s.is_last then s.attempts end, s.unknown_attempts,
                               case when s.is_last then s.error_message end, null
                          from (select y.*, y.shipment_ref = p.shipment_ref
                                            and not exists (select from submissions x
                                                             where x.order_id = p.order_id and x.shipment_ref = p.shipment_ref
                                                               and x.submission_id > y.submission_id offset 0) as is_last
                                  from submissions y
                                 where y.order_id = p.order_id and y.settled_by = 'planner'
                                   and not coalesce(has_pulled and y.submission_id = any (pulled), false)) s
                         where s.is_last or s.unknown_attempts > 0)) x
               offset 0) h
         order by p.order_id, p.shipment_ref, p.part
        returning submission_id, marker
    ), filled as (
        insert into submission_items (submission_id, row_id, plan_no, shipped, cancelled, shipment_item_id)
        select m.submission_id, w.row_id, w.plan_no, w.shipped, w.cancelled, w.shipment_item_id
          from marked w
          join made m using (marker)
        returning submission_id
    )
    select count(distinct submission_id) into made_count from filled;
    return made_count;
end $$;

-- Units beyond what the warehouse wanted when it was last read: it has taken them back since they were planned, or somebody
-- else has posted them. What is planned of such lines gives way, and the planner plans what is left anew; with_held: what is
-- held and may have been applied too, where the API's list was explained. The caller holds the lanes of the orders, and has
-- the planner look at those that come back: one for each that was withdrawn.
create or replace function withdraw_unwanted(orders text[], with_held boolean) returns setof text
language plpgsql volatile security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    ids bigint[];
begin
    ids := array(
        select distinct s.submission_id
          from (select r.order_id, r.item_id,
                       sum(r.live_shipped) > sum(w.shipped + r.returned) as has_shipped,
                       sum(r.live_cancelled) > sum(w.cancelled) as has_cancelled
                  from rows r
                 cross join lateral (
                       -- what is gone, or can't be counted, takes nothing back (law 11)
                       select case when not r.is_present or r.shipped is null then r.live_shipped
                                   else wanted_from_us(r.model, r.shipped, r.live_shipped) end as shipped,
                              case when not r.is_present or r.cancelled is null then r.live_cancelled
                                   else wanted_from_us(r.model, r.cancelled, r.live_cancelled) end as cancelled) w
                 where r.order_id = any (orders)
                 group by r.order_id, r.item_id
                offset 0) l
         cross join lateral (
               select x.submission_id from submissions x
                where x.order_id = l.order_id and x.settled_at is null
                  and (x.state = 'planned' or (x.state = 'held' and (with_held or x.unknown_attempts = 0)))
               offset 0) s
         cross join lateral (
               select i.shipped, i.cancelled
                 from submission_items i
                 join rows r using (row_id)
                where i.submission_id = s.submission_id and r.item_id = l.item_id
               offset 0) i
         where (l.has_shipped and i.shipped > 0) or (l.has_cancelled and i.cancelled > 0));
    if ids = '{}' then
        return;
    end if;
    update submissions s
       set state = 'withdrawn', settled_at = clock_timestamp(), settled_by = 'planner', next_attempt_at = null, held_by = null,
           error_message = case when s.held_by is not null then 'was held: ' || s.held_by else s.error_message end
     where s.submission_id = any (ids);
    perform close_settled(ids);
    return query select s.order_id::text from submissions s where s.submission_id = any (ids);
end $$;

create or replace function plan_orders(
    for_run bigint, keys text[], readings reading[],
    has_gate boolean, decrease_is_note boolean, units_per_line_max bigint,
    unknown_grace_ms bigint, gate_fresh_ms bigint, lines_per_submission_max int,
    out looked bigint, out planned bigint, out withdrawn bigint, out busy bigint, out opened bigint)
language plpgsql security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    free text[];
    ev evaluation[];
    -- What there is to do beyond rows and new submissions; most batches need none of it, and it is not even asked for.
    has_changed boolean;
    has_fallen boolean;
    has_returns boolean;
    has_gone boolean;
    has_turned boolean;
    has_unparked boolean;
    has_open boolean;
    has_soft boolean;
    has_rekeyed boolean;
    has_agreed boolean;
    has_asks boolean;
    has_wants boolean;
    has_findings boolean;
    has_forgotten boolean;
    has_expiring boolean;
    has_doubtful boolean;
    given bigint; -- submissions that gave way
    ids bigint[];
    gone text[];      -- orders that the warehouse doesn't show any more
    pulled bigint[];  -- submissions withdrawn, and when they would have gone
    pulled_at timestamptz[];
    asking text[];    -- orders of which the API must say something before more can be done
    touched text[];
    shrunk text[];    -- orders that are left alone, since too much of the warehouse is gone
    retold text[];    -- orders whose parcels may have another tracking than was sent
    strangers text[]; -- orders that neither the warehouse nor the ledger knows
begin
    -- Lanes first (lock order). An order that somebody claims or settles at this instant is looked at again later.
    free := array(select l.order_id from lanes l where l.order_id = any (keys)
                   order by l.order_id for no key update skip locked);
    if cardinality(free) < cardinality(keys) then
        -- New ones: nobody but a planner makes lanes, so nothing is waited for.
        insert into lanes (order_id)
        select r.order_id from (select distinct x.order_id from unnest(readings) as x) r
         where not exists (select from lanes l where l.order_id = r.order_id offset 0)
         order by 1
            on conflict do nothing;
        free := array(select l.order_id from lanes l where l.order_id = any (keys)
                       order by l.order_id for no key update skip locked);
    end if;
    looked := cardinality(free);
    busy := 0;
    withdrawn := 0;
    if looked < cardinality(keys) then
        with put as (
            insert into queue (order_key, source)
            select l.order_id, 'busy' from lanes l where l.order_id = any (keys) and l.order_id <> all (free)
            returning 1)
        select count(*) into busy from put;
    end if;

    loop
        ev := array(select e from evaluate(free, array(select r from unnest(readings) r
                                                         join unnest(free) as f(order_id) on f.order_id = r.order_id),
                                           has_gate, decrease_is_note, units_per_line_max, unknown_grace_ms, gate_fresh_ms) e);
        select bool_or(e.is_changed), bool_or(e.has_fallen), bool_or(e.tells_returns), bool_or(not e.is_read), bool_or(e.turns_looks),
               bool_or(e.unparks),
               bool_or(e.soft_shipped + e.soft_cancelled + e.firm_shipped + e.firm_cancelled > 0),
               bool_or(e.soft_shipped + e.soft_cancelled > 0), bool_or(e.rekey_shipped <> 0 or e.rekey_cancelled <> 0),
               bool_or(e.agree_cancelled > 0), bool_or(e.asks), bool_or(e.gate = 'open' and e.want_shipped + e.want_cancelled > 0),
               bool_or(e.kind is not null or e.rekey_shipped <> 0 or e.rekey_cancelled <> 0 or not e.is_read
                       or (e.gate = 'shut' and e.want_shipped + e.want_cancelled > 0)),
               bool_or(e.is_forgotten), bool_or(e.is_expiring), bool_or(e.kind is not null and e.firm_shipped + e.firm_cancelled > 0)
          into has_changed, has_fallen, has_returns, has_gone, has_turned, has_unparked, has_open, has_soft, has_rekeyed, has_agreed,
               has_asks, has_wants, has_findings, has_forgotten, has_expiring, has_doubtful
          from unnest(ev) e;
        if has_fallen then
            shrunk := leave_shrunk(for_run, free, ev);
        end if;
        if cardinality(shrunk) > 0 then
            free := array(select k from unnest(free) k where k <> all (shrunk));
            ev := array(select e from unnest(ev) e where e.order_id <> all (shrunk));
        end if;

        -- Of one that is forgotten nothing personal was read; what its attempts and findings say goes in a while again.
        if has_forgotten then
            update orders o
               set forget_at = clock_timestamp() + interval '1 hour'
              from (select x.order_id from orders x
                     where x.order_id = any (array(select e.order_id from unnest(ev) e where e.is_forgotten))
                       and x.forgotten_at is not null and x.forget_at is null
                     order by x.order_id for no key update) f
             where o.order_id = f.order_id;
        end if;

        -- Rows as read. Only what changed is written: a look again is a no-op.
        if has_changed then
            ids := array(select e.row_id from unnest(ev) e where e.is_changed and e.row_id is not null);
            update rows r
               set ordered = e.ordered, shipped = e.shipped, cancelled = e.cancelled, returned = e.returned, is_present = true,
                   tracking_company = e.tracking_company, tracking_number = e.tracking_number, tracking_url = e.tracking_url,
                   shipment_id = e.shipment_id, shipment_item_id = e.shipment_item_id, model = e.model,
                   waits_for = e.waits_for, read_at = clock_timestamp()
              from unnest(ev) e
             where r.row_id = any (ids) and r.row_id = e.row_id and e.is_changed
               and (r.ordered, r.shipped, r.cancelled, r.returned, r.is_present, r.tracking_company, r.tracking_number,
                    r.tracking_url, r.shipment_id, r.shipment_item_id, r.model, r.waits_for)
                   is distinct from
                   (e.ordered, e.shipped, e.cancelled, e.returned, true, e.tracking_company, e.tracking_number,
                    e.tracking_url, e.shipment_id, e.shipment_item_id, e.model, e.waits_for);
            insert into rows (order_id, item_id, shipment_ref, ordered, shipped, cancelled, returned,
                              tracking_company, tracking_number, tracking_url, shipment_id, shipment_item_id, model, waits_for)
            select e.order_id, e.item_id, e.shipment_ref, e.ordered, e.shipped, e.cancelled, e.returned,
                   e.tracking_company, e.tracking_number, e.tracking_url, e.shipment_id, e.shipment_item_id, e.model, e.waits_for
              from unnest(ev) e
             where e.is_changed and e.row_id is null;
        end if;
        -- What came back settles nothing; it is told.
        if has_returns then
            insert into adjustments (kind, row_id, returned, reason)
            select 'returned', r.row_id, e.returned - x.told, 'came back, says the warehouse'
              from unnest(ev) e
             cross join lateral (
                   select k.row_id from rows k
                    where (k.order_id, k.item_id, k.shipment_ref) = (e.order_id, e.item_id, e.shipment_ref) offset 0) r
             cross join lateral (select coalesce(sum(a.returned), 0) as told from adjustments a where a.row_id = r.row_id offset 0) x
             where e.tells_returns and e.returned <> x.told
             order by r.row_id;
        end if;
        if has_gone then
            ids := array(select e.row_id from unnest(ev) e where not e.is_read);
            update rows r
               set is_present = false, waits_for = null, read_at = clock_timestamp()
             where r.row_id = any (ids) and r.is_present;
        end if;
        if has_turned then
            ids := array(
                select r.row_id
                  from unnest(ev) e
                 cross join lateral (
                       select k.row_id, k.looks_when_settled from rows k
                        where (k.order_id, k.item_id, k.shipment_ref) = (e.order_id, e.item_id, e.shipment_ref) offset 0) r
                 where e.turns_looks and r.looks_when_settled <> e.looks_when_settled);
            update rows r set looks_when_settled = not r.looks_when_settled where r.row_id = any (ids);
        end if;
        if has_unparked then
            ids := array(select e.row_id from unnest(ev) e where e.unparks);
            update rows r
               set refused_submission = null, refused_shipped = null, refused_cancelled = null, refused_api_quantity = null
             where r.row_id = any (ids);
        end if;

        -- What may have been applied, was not found and is wanted no more gives way; then all is looked at anew.
        exit when has_doubtful is not true;
        given := (select count(*) from withdraw_unwanted(free, false));
        exit when given = 0;
        withdrawn := withdrawn + given;
    end loop;

    -- A whole order that vanished: what was planned of it waits, held.
    gone := '{}';
    if has_gone then
        gone := array(select e.order_id from unnest(ev) e group by e.order_id having not bool_or(e.is_read));
        update submissions s
           set state = 'held', held_by = 'vanished', next_attempt_at = null
         where s.order_id = any (gone) and s.state = 'planned';
    end if;

    -- Back again: what may have been applied goes on as it was, the rest is planned anew below.
    if has_open then
        update submissions s
           set state = 'planned', held_by = null, next_attempt_at = clock_timestamp()
         where s.order_id = any (free) and s.order_id <> all (gone)
           and s.state = 'held' and s.held_by = 'vanished' and s.unknown_attempts > 0;
    end if;

    -- Planned and never possibly applied, but not what is wanted now: withdrawn, and planned anew below.
    -- Behind a shut gate only what has shrunk is taken back; what grew waits.
    if has_soft then
        with parcels as (
            select e.order_id, e.shipment_ref,
                   bool_or(e.want_shipped < e.soft_shipped or e.want_cancelled < e.soft_cancelled) as shrank,
                   bool_or(e.want_shipped > e.soft_shipped or e.want_cancelled > e.soft_cancelled) as grew,
                   bool_and(e.gate = 'open') as is_open
              from unnest(ev) e
             where e.order_id <> all (gone)
             group by e.order_id, e.shipment_ref
            having sum(e.soft_shipped + e.soft_cancelled) > 0
        )
        select array_agg(s.submission_id), array_agg(s.next_attempt_at) into pulled, pulled_at
          from parcels p
         cross join lateral (
               select x.submission_id, x.next_attempt_at
                 from submissions x
                where x.order_id = p.order_id and x.shipment_ref = p.shipment_ref
                  and x.state in ('planned', 'held') and x.unknown_attempts = 0
                  and (p.shrank or (p.grew and p.is_open) or x.held_by = 'vanished')
               offset 0) s;
        update submissions s
           set state = 'withdrawn', settled_at = clock_timestamp(), settled_by = 'planner',
               next_attempt_at = null, held_by = null,
               error_message = case when s.held_by is not null then 'was held: ' || s.held_by else s.error_message end
         where s.submission_id = any (pulled);
    end if;
    withdrawn := withdrawn + coalesce(cardinality(pulled), 0);

    -- Posted units follow their parcel to its new name: a pair of adjustments, nothing is posted for them.
    if has_rekeyed then
        insert into adjustments (kind, row_id, shipped, cancelled, reason)
        select 'correction', r.row_id, e.rekey_shipped, e.rekey_cancelled,
               case when e.rekey_shipped + e.rekey_cancelled > 0 then 'moved: this parcel took over posted units'
                    else 'moved: posted units went to another parcel of the line' end
          from unnest(ev) e
         cross join lateral (
               select k.row_id from rows k
                where (k.order_id, k.item_id, k.shipment_ref) = (e.order_id, e.item_id, e.shipment_ref) offset 0) r
         where e.rekey_shipped <> 0 or e.rekey_cancelled <> 0
         order by r.row_id;
    end if;

    -- Cancelled at the API already, and now in the warehouse: they agree.
    if has_agreed then
        insert into adjustments (kind, row_id, cancelled, reason)
        select 'foreign', r.row_id, e.agree_cancelled, 'cancelled at the API already'
          from unnest(ev) e
         cross join lateral (
               select k.row_id from rows k
                where (k.order_id, k.item_id, k.shipment_ref) = (e.order_id, e.item_id, e.shipment_ref) offset 0) r
         where e.agree_cancelled > 0
         order by r.row_id;
    end if;

    -- Orders are asked for, or listed, while something of them waits for the API's word. Locked in order: answers
    -- of the API are written at the same time.
    if has_asks then
        asking := array(
            select distinct e.order_id from unnest(ev) e where waits_for_api(e)
            union
            select x.order_id from submissions x
             where has_open and x.order_id = any (free) and x.state = 'planned' and x.next_attempt_at = 'infinity');
        touched := array(
            select e.order_id
              from (select x.order_id, min(x.gate) as gate from unnest(ev) x group by x.order_id) e
              left join unnest(asking) as a(order_id) on a.order_id = e.order_id
              left join lateral (select y.ask_at, y.list_at from orders y where y.order_id = e.order_id offset 0) o on true
             where case when a.order_id is not null
                        then (e.gate = 'ask' and o.ask_at is null) or (e.gate = 'list' and o.list_at is null)
                        else o.ask_at is not null end);
    end if;
    if cardinality(touched) > 0 then
        perform 1 from orders o where o.order_id = any (touched) order by o.order_id for no key update;
        insert into orders as o (order_id, ask_at, asked_since, list_at)
        select e.order_id, case when min(e.gate) = 'ask' then clock_timestamp() end,
               case when min(e.gate) = 'ask' then clock_timestamp() end,
               case when min(e.gate) = 'list' then clock_timestamp() end
          from unnest(ev) e
          join unnest(touched) as t(order_id) on t.order_id = e.order_id
          join unnest(asking) as a(order_id) on a.order_id = e.order_id
         group by e.order_id
         order by e.order_id
            on conflict (order_id) do update
           set ask_at = coalesce(o.ask_at, excluded.ask_at),
               asked_since = case when o.ask_at is null then excluded.asked_since else o.asked_since end,
               list_at = coalesce(o.list_at, excluded.list_at);
        update orders o
           set ask_at = null, asked_since = null
         where o.order_id = any (touched) and o.order_id <> all (asking);
    end if;

    planned := case when has_wants then make_submissions(for_run, ev, pulled, pulled_at, lines_per_submission_max) else 0 end;

    if has_wants or has_open then
        update lanes l
           set next_at = x.next_at
          from (select k.order_id, p.next_at
                  from unnest(free) as k(order_id)
                 cross join lateral (select min(s.next_attempt_at) as next_at from submissions s
                                      where s.order_id = k.order_id and s.settled_at is null and s.state = 'planned' offset 0) p) x
         where l.order_id = any (free) and l.order_id = x.order_id and x.next_at < l.next_at;
    end if;
    if has_expiring then
        perform hurry_orders(array(select distinct e.order_id from unnest(ev) e where e.is_expiring));
    end if;

    if exists (select from identity i where i.mode = 'shadow') then
        perform shadow_looks(free);
    end if;
    opened := find_and_close(for_run, free, ev, gone, coalesce(has_findings, false));
    if looked < cardinality(keys) then
        -- Orders that could not be read, and were never known, may be gone without a trace.
        strangers := array(select k from unnest(keys) k where not exists (select from lanes l where l.order_id = k offset 0));
        update discrepancies d
           set closed_at = clock_timestamp(), closed_by = 'planner'
         where d.closed_at is null and d.order_id = any (strangers) and d.kind = 'unreadable';
    end if;
    if exists (select from relooks) then
        delete from relooks r where r.order_key = any (free) or r.order_key = any (strangers);
    end if;
    -- Units that are open may have been planned anew, or split; an order without news is looked at for a reason of its own.
    retold := array(select e.order_id from unnest(ev) e group by e.order_id
                    having bool_or(e.is_retold or e.soft_shipped + e.soft_cancelled + e.firm_shipped + e.firm_cancelled > 0)
                        or not bool_or(e.is_changed));
    if cardinality(retold) > 0 then
        perform note_tracking(retold);
    end if;
    if exists (select from discrepancies d where d.order_id = '' and d.kind = 'warehouse_shrank' and d.closed_at is null) then
        perform close_shrunk();
    end if;
    update runs r set looked_at = looked_at + looked, planned = r.planned + plan_orders.planned where r.run_id = for_run;
end $$;

-- What was found wrong is opened, what has ended is closed. Returns how many were opened.
create or replace function find_and_close(for_run bigint, free text[], ev evaluation[], gone text[], has_findings boolean)
returns bigint
language plpgsql security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    has_open boolean := exists (select from discrepancies d where d.order_id = any (free) and d.closed_at is null);
    opened bigint := 0;
begin
    if has_open then
        -- What was refused is planned anew, or gone: its discrepancy has ended.
        update discrepancies d
           set closed_at = clock_timestamp(), closed_by = 'planner'
         where d.closed_at is null and d.submission_id <> 0 and d.order_id = any (free)
           and d.kind in ('rejected', 'payment', 'foreign', 'attempts')
           and not exists (
               select from submission_items i
                cross join lateral (select r.refused_submission, r.is_present from rows r where r.row_id = i.row_id offset 0) r
                where i.submission_id = d.submission_id
                  and (r.refused_submission = d.submission_id and r.is_present) offset 0)
           and not exists (select from submissions s
                            where s.submission_id = d.submission_id and s.state in ('held', 'unknown') offset 0);
    end if;
    if has_findings then
        opened := find_discrepancies(for_run, array(
            select row(f.kind, f.order_id, f.item_id, '', 0, f.detail, f.detail, f.is_note)::finding
              from planner_findings(ev, gone) f));
    end if;
    if has_open then
        update discrepancies d
           set closed_at = clock_timestamp(), closed_by = 'planner'
         where d.closed_at is null and d.order_id = any (free) and d.submission_id = 0
           and is_planners(d.kind, d.item_id)
           and not exists (select from planner_findings(ev, gone) f
                            where (f.kind, f.order_id, f.item_id) = (d.kind, d.order_id, d.item_id) and not f.is_note)
           -- the API is being asked whether it is still so
           and not (d.kind in ('unknown_order', 'order_blocked', 'order_returned', 'foreign')
                    and exists (select from unnest(ev) e
                                 where e.order_id = d.order_id and e.gate in ('ask', 'list') and waits_for_api(e)))
           -- the rows can be read, what the API says of the order can't
           and not (d.kind = 'unreadable'
                    and exists (select from orders o where o.order_id = d.order_id
                                   and (o.unread_since is not null or o.unlisted_since is not null)));
    end if;
    return opened;
end $$;

-- Units that nothing but the API's word can set free: due ones, refused ones, and those of a line that the API's order
-- contradicts.
create or replace function waits_for_api(e evaluation) returns boolean
language sql immutable parallel safe as $$
select e.want_shipped + e.want_cancelled > 0
       or (e.due_shipped + e.due_cancelled > 0
           and (e.is_parked or e.kind in ('unknown_item', 'ordered_mismatch')) is true)
$$;

-- The discrepancies and notes that belong to a plan: of lines, and of whole orders.
create or replace function planner_findings(ev evaluation[], gone text[])
returns table (kind text, order_id text, item_id text, detail text, is_note boolean)
language sql stable set search_path from current as $$
select min(e.kind), e.order_id, e.item_id, min(e.detail), bool_or(e.is_note)
  from unnest(ev) e
 where e.kind is not null
 group by e.order_id, e.item_id
union all
select 'moved', e.order_id, e.item_id,
       format('%s posted units moved: %s', (sum(abs(e.rekey_shipped) + abs(e.rekey_cancelled)) / 2)::bigint,
              string_agg(format('%s %s', quote_literal(e.shipment_ref),
                                case when e.rekey_shipped + e.rekey_cancelled > 0 then '+' else '' end
                                || (e.rekey_shipped + e.rekey_cancelled)::text), ', ' order by e.shipment_ref)),
       true
  from unnest(ev) e
 where e.rekey_shipped <> 0 or e.rekey_cancelled <> 0
 group by e.order_id, e.item_id
union all
select 'vanished', e.order_id, '',
       format('the order is gone from the warehouse with %s units open',
              sum(e.soft_shipped + e.soft_cancelled + e.firm_shipped + e.firm_cancelled)), false
  from unnest(ev) e
 where e.order_id = any (gone)
 group by e.order_id
having sum(e.soft_shipped + e.soft_cancelled + e.firm_shipped + e.firm_cancelled) > 0
union all
select case when min(o.unknown_since) is not null then 'unknown_order'
            when min(o.state) = 'returned' then 'order_returned'
            when min(o.state) in ('fulfilled', 'complete', 'cancelled') then 'foreign'
            else 'order_blocked' end,
       e.order_id, '',
       format('%s, with %s shipped and %s cancelled units due', min(e.gate_detail), sum(e.want_shipped), sum(e.want_cancelled)),
       false
  from unnest(ev) e
 cross join lateral (select x.unknown_since, x.state from orders x where x.order_id = e.order_id offset 0) o
 where e.gate = 'shut' and e.want_shipped + e.want_cancelled > 0
 group by e.order_id
$$;
