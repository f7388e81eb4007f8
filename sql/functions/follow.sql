-- follow: an order's life after the POST. What the API says of its state, in events and in answers, becomes one
-- history; the newest fact wins, and what is older than it changes nothing.

-- A state as an answer or an event tells it. since: the API's own time of the transition, null when it says none;
-- told: when it was surely so (an answer's updatedTime, an event's time), null when unknown. Says whether the order's state
-- is this one now. The caller holds the order's row.
create or replace function note_state(of_order text, to_state text, since timestamptz, told timestamptz, from_source text)
returns boolean
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    t timestamptz := clock_timestamp();
    o orders;
    -- An API's clock may be a little ahead; what lies far ahead would shut out all that is true later.
    has_time boolean := coalesce(since < t + interval '10 min', false);
    fact timestamptz := case when since < t + interval '10 min' then since else least(told, t) end;
begin
    select * into strict o from orders x where x.order_id = of_order;
    fact := coalesce(fact, t);
    if o.state = to_state and (not has_time or fact <= o.state_since + interval '1 s') then
        return true;
    end if;
    -- Of two events of one moment the one that ends it is the later.
    if fact = o.state_since and from_source = 'event' and is_final_state(o.state) and not is_final_state(to_state) then
        return false;
    end if;
    if o.state is distinct from to_state and fact < o.state_since then
        -- Older by its transition, but told after what we know (an order that comes back from a dispute keeps the time
        -- when it was first accepted): it is so again. Without a time of its own, an answer to our question is believed.
        if from_source = 'api' and coalesce(told, t) > o.state_since then
            has_time := false;
            fact := coalesce(least(told, t), t);
        -- Still said long after we heard of the other: of two clocks one was wrong.
        elsif from_source = 'api'
              and not exists (select from order_states s
                               where s.order_id = of_order and s.recorded_at > t - interval '10 min') then
            has_time := false;
            fact := greatest(t, o.state_since);
        end if;
    end if;
    if not exists (
           select from order_states s
            where s.order_id = of_order and s.state = to_state
              -- one transition, told twice: other digits of its time, or once without it
              and (s.at between fact - interval '1 s' and fact + interval '1 s'
                   or (not (s.is_exact and has_time)
                       and not exists (select from order_states b
                                        where b.order_id = of_order and b.state <> to_state
                                          and b.at between least(s.at, fact) and greatest(s.at, fact))))) then
        insert into order_states (order_id, state, at, is_exact, source)
        values (of_order, to_state, fact, has_time, from_source)
            on conflict do nothing;
    end if;
    if o.state = to_state then
        update orders x
           set state_since = greatest(x.state_since, case when has_time then fact end)
         where x.order_id = of_order and has_time and (x.state_since is null or x.state_since < fact);
        return true;
    end if;
    if o.state_since > fact then
        return false;
    end if;
    update orders x
       set state = to_state, state_since = fact,
           complete_at = coalesce(x.complete_at, case when to_state = 'complete' then fact end)
     where x.order_id = of_order;
    if is_final_state(to_state) then
        perform close_payments(of_order, to_state);
    end if;
    return true;
end $$;

-- Nothing more happens to the order's money by itself.
create or replace function is_final_state(state text) returns boolean
language sql immutable parallel safe as
$$ select state in ('complete', 'cancelled', 'returned', 'blocked') $$;

-- What happens to an order after its end (it comes back, its payment is disputed) is told by one event, and one event
-- can get lost. So it is asked for again a day later, two, four, up to sixty days: six questions, a hundred orders each.
-- Null: not any more.
create or replace function final_look_at(since timestamptz, t timestamptz) returns timestamptz
language sql immutable parallel safe as
$$ select case when since > t - interval '60 days' then t + greatest(interval '1 day', t - since) end $$;

-- A complete order is fully captured: what failed to be was paid after all. A release that failed stays failed.
create or replace function close_payments(of_order text, by_state text) returns void
language sql volatile security definer set search_path from current as $$
update discrepancies d
   set closed_at = clock_timestamp(), closed_by = 'follow', reason = format('the order is %s', by_state)
 where d.order_id = of_order and d.kind = 'payment' and d.submission_id = 0 and d.closed_at is null
   and d.fingerprint not like 'cancel %'
$$;

-- ------------------------------------------------------------------ events

-- One session at a time reads the feed, and one takes in what was read, since both go by time. The lock is the
-- session's: it ends with it.
create or replace function events_lock() returns boolean
language plpgsql volatile security definer set search_path from current as
$$ begin return pg_try_advisory_lock(1463898950, ('orders'::regclass::oid)::int); end $$;

create or replace function events_unlock() returns boolean
language sql volatile security definer set search_path from current as
$$ select pg_advisory_unlock(1463898950, ('orders'::regclass::oid)::int) $$;

-- Our turn to read the feed? Then until events_end. interval_ms: not when it was read since. since: where the reading may
-- end; events made before the ledger's first run are none of its business. Until one was read only our own clock says when
-- that was, and the API's may be behind it.
create or replace function events_begin(interval_ms bigint, out is_ours boolean, out cursor text, out since text)
language plpgsql security definer set search_path from current as $$
declare
    t timestamptz := clock_timestamp();
    f event_feed;
begin
    -- Looked at before the lock too: most turns of a watch end here.
    is_ours := not exists (select from event_feed e where e.read_at > t - interval_ms * interval '1 ms') and events_lock();
    if not is_ours then
        return;
    end if;
    select * into strict f from event_feed;
    if f.read_at > t - interval_ms * interval '1 ms' then
        perform events_unlock();
        is_ours := false;
        return;
    end if;
    cursor := f.cursor_id;
    -- The overlap: an event can appear behind one that was made after it. The API looks back 30 days.
    since := to_char(greatest(case when f.cursor_id is not null then f.cursor_at - interval '5 min'
                                   else coalesce((select min(r.started_at) from runs r), t) - interval '1 hour' end,
                              t - interval '30 days') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
end $$;

-- A page: [{"id", "type", "kind", "what", "created", "order_id", "since", "captured", "cancelled", "fulfillment_id",
-- "marker", "charge_id", "charge_state", "failure_code"}]. Only what concerns orders that the ledger knows is kept:
-- of any other the API is asked when the warehouse first shows it. Says how many were new.
create or replace function events_store(page jsonb) returns bigint
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    t timestamptz := clock_timestamp();
    stored bigint;
begin
    insert into events (event_id, type, kind, what, created_at, order_id, state_since, captured, cancelled,
                        fulfillment_id, marker, charge_id, charge_state, failure_code)
    select distinct on (x.id) x.id, x.type, x.kind, nullif(x.what, ''), coalesce(to_time(x.created), t), x.order_id,
           to_time(x.since), x.captured, x.cancelled, nullif(x.fulfillment_id, ''), nullif(lower(x.marker), ''),
           nullif(x.charge_id, ''), nullif(x.charge_state, ''), nullif(x.failure_code, '')
      from jsonb_to_recordset(page) as x(id text, type text, kind text, what text, created text, order_id text, since text,
                                         captured numeric, cancelled numeric, fulfillment_id text, marker text,
                                         charge_id text, charge_state text, failure_code text)
     where x.order_id <> '' and octet_length(x.order_id) <= 1000 and octet_length(x.id) <= 1000
       and x.kind not in ('shipped', 'withdrawn')
       and (exists (select from lanes l where l.order_id = x.order_id)
            or exists (select from orders o where o.order_id = x.order_id))
     order by x.id
        on conflict (event_id) do nothing;
    get diagnostics stored = row_count;
    perform note_forget(page);
    return stored + note_coordinated(page);
end $$;

-- The reading is over. newest: the first event of its first page, null when there was none; gap: why it did not reach
-- the reading before, null when it did; whole: false when it broke off, why in unread, and is tried again.
create or replace function events_end(is_whole boolean, newest text, newest_at text, gap text, unread text) returns void
language plpgsql security definer set search_path from current as $$
declare
    t timestamptz := clock_timestamp();
begin
    perform events_unlock();
    if not is_whole then
        update event_feed e set unread_why = unread where unread is not null;
        return;
    end if;
    update event_feed e
       set read_at = t, unread_why = null,
           cursor_id = case when gap is null then coalesce(newest, e.cursor_id) else newest end,
           cursor_at = case when newest is null then coalesce(e.cursor_at, t) else least(coalesce(to_time(newest_at), t), t) end;
    if gap is not null then
        update event_feed set gap_at = t, gap_why = gap;
        -- Also those that had no state yet, and those that were over: a complete order can be returned.
        insert into orders (order_id)
        select l.order_id from lanes l
         where not exists (select from orders o where o.order_id = l.order_id)
         order by 1
            on conflict do nothing;
        update orders o
           set follow_at = t, follow_why = 'gap'
         where not coalesce(is_final_state(o.state), false) or o.state_since > t - interval '60 days';
    end if;
    -- An id comes again for 30 days at most; more than a few thousand at a time would hold us up.
    delete from events e
     where e.event_id in (select x.event_id from events x
                           where x.created_at < t - interval '40 days' and x.read_at < t - interval '40 days'
                           order by x.created_at limit 10000);
end $$;

-- What was read and says something new, oldest first. Says how many were taken; fewer than most: none is left.
create or replace function events_apply(for_run bigint, most int) returns int
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    batch events[];
    e events;
    is_news boolean;
    taken int;
begin
    if not pg_try_advisory_xact_lock(1463898950, ('orders'::regclass::oid)::int) then
        return 0; -- another session reads, or is at it
    end if;
    batch := array(select x from events x where x.applied_at is null
                   order by x.created_at, coalesce(x.kind = 'state' and is_final_state(x.what), false), x.event_id limit most);
    taken := cardinality(batch);
    if taken = 0 then
        return 0;
    end if;
    -- Locks in their order: lanes (evidence settles submissions), then orders.
    perform 1 from lanes l
      where l.order_id in (select (u).order_id from unnest(batch) u where (u).kind = 'fulfillment' and (u).marker is not null)
      order by l.order_id for no key update;
    insert into orders (order_id)
    select distinct (u).order_id from unnest(batch) u
     where not exists (select from orders o where o.order_id = (u).order_id)
     order by 1
        on conflict do nothing;
    perform 1 from orders o where o.order_id in (select (u).order_id from unnest(batch) u) order by o.order_id for no key update;

    foreach e in array batch loop
        if e.kind = 'state' then
            perform apply_state_event(e);
        elsif e.kind = 'ask' then
            update orders o
               set follow_at = clock_timestamp(), follow_why = 'event',
                   ask_at = case when o.ask_at is not null then clock_timestamp() end
             where o.order_id = e.order_id;
        elsif e.kind = 'payment' then
            perform apply_payment_event(for_run, e);
        else
            perform apply_fulfillment_event(for_run, e);
        end if;
    end loop;
    update events x set applied_at = clock_timestamp() where x.event_id in (select (u).event_id from unnest(batch) u);
    return taken;
end $$;

create or replace function apply_state_event(e events) returns void
language plpgsql security definer set search_path from current as $$
declare
    was text := (select o.state from orders o where o.order_id = e.order_id);
begin
    if not note_state(e.order_id, e.what, e.state_since, e.created_at, 'event') or was is not distinct from e.what then
        return;
    end if;
    -- A hint: what was asked before is out of date. Only the API's own answer opens the gate.
    update orders o
       set checked_at = null,
           captured_amount = coalesce(e.captured, o.captured_amount),
           cancelled_amount = coalesce(e.cancelled, o.cancelled_amount),
           unknown_since = null,
           ask_at = case when o.ask_at is not null then clock_timestamp() end,
           follow_at = case when is_final_state(e.what) and o.follow_why is null
                            then final_look_at(o.state_since, clock_timestamp()) else o.follow_at end
     where o.order_id = e.order_id;
    if e.what in ('blocked', 'cancelled', 'returned', 'dispute') then
        insert into queue (order_key, source) values (e.order_id, 'event');
    end if;
end $$;

-- The money of something that was posted did not move. Nobody but a person can do anything about that.
create or replace function apply_payment_event(for_run bigint, e events) returns void
language plpgsql security definer set search_path from current as $$
begin
    -- What is complete by now was paid later.
    if e.what <> 'cancel' and exists (select from orders o where o.order_id = e.order_id and o.state = 'complete') then
        return;
    end if;
    perform find_payment(for_run, e.order_id, e.what, e.fulfillment_id, e.charge_id, e.created_at, e.failure_code);
    -- The charge has the reason in words, and the state of each of its captures.
    perform ask_charges(e.order_id, array[e.charge_id]);
end $$;

-- One of ours settles what was unknown, by the same way as a look; one that nobody explains was made by
-- somebody else, or is ours without showing it: the order's list says which.
create or replace function apply_fulfillment_event(for_run bigint, e events) returns void
language plpgsql security definer set search_path from current as $$
declare
    is_now submission_state; -- the submission whose marker it bears
begin
    -- Units that were taken after the payment had not been authorized again: it was by then.
    update discrepancies d
       set closed_at = clock_timestamp(), closed_by = 'follow', reason = format('fulfillment %s was accepted later', e.fulfillment_id)
     where d.order_id = e.order_id and d.kind = 'payment' and d.submission_id = 0 and d.closed_at is null
       and d.fingerprint like 'reauthorization %'
       and exists (select from submissions s join submission_items i using (submission_id)
                    where s.fulfillment_id = e.fulfillment_id and s.order_id = e.order_id and i.shipped > 0)
       and not exists (select from events x where x.order_id = e.order_id and x.what = 'reauthorization'
                          and x.created_at >= e.created_at);
    select s.state into is_now from submissions s where s.marker::text = e.marker and s.order_id = e.order_id;
    if e.fulfillment_id is null
       or exists (select from submissions s where s.fulfillment_id = e.fulfillment_id)
       -- booked: settled, unless it is that of a submission which isn't
       or (not is_way(is_now, 'accepted')
           and exists (select from adjustments j where j.fulfillment_id = e.fulfillment_id)) then
        return;
    end if;
    if is_now = 'sending' then
        return; -- its own answer says it
    end if;
    -- Accepted under another id, or dismissed: settle() says what that is. What was withdrawn or split is nobody's: its
    -- units are booked from the list.
    if is_now is not null and is_now not in ('withdrawn', 'split') then
        perform settle(null, for_run, jsonb_build_array(jsonb_build_object(
            'kind', 'look', 'marker', e.marker, 'next', 'accepted', 'outcome', 'event', 'sent', true,
            'fulfillment_id', e.fulfillment_id)));
        if not is_way(is_now, 'accepted') then
            return; -- else its list says whether all units are there
        end if;
    end if;
    update orders o
       set list_at = least(o.list_at, clock_timestamp())
     where o.order_id = e.order_id;
end $$;

-- ------------------------------------------------------------------ orders that should be complete

-- Orders to be asked for again: those that something was missed of; those of which all is posted and that are not
-- complete although it is time, then later and later; and those that are over, now and then. What isn't posted yet is
-- looked at again, not asked for.
create or replace function take_follows(most int, after_ms bigint, pass_age_ms bigint) returns setof text
language plpgsql volatile security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    t timestamptz := clock_timestamp();
    due text[];
    asked text[];
begin
    due := array(select o.order_id from orders o
                  where o.follow_at <= t
                    and (o.follow_why is not null or o.follow_at <= t - pass_age_ms * interval '1 ms')
                  order by o.follow_at limit 1000 for no key update skip locked);
    asked := array(select o.order_id from orders o
                    where o.order_id = any (due)
                      and (o.follow_why is not null
                           or case when coalesce(is_final_state(o.state), false)
                                   then final_look_at(o.state_since, t) is not null
                                   else is_all_posted(o.order_id) end)
                    order by o.follow_at limit most);
    return query
    with put as (
        update orders o
           set follow_at = case when coalesce(is_final_state(o.state), false) and o.follow_why is null
                                then final_look_at(o.state_since, t)
                                -- asked for again when this question is lost
                                when o.order_id = any (asked) and o.follow_why is not null then t + interval '1 min'
                                when o.order_id = any (asked)
                                then t + least(86400000, after_ms * power(2, least(o.follow_asks, 20))) * interval '1 ms'
                                else t + after_ms * interval '1 ms' end,
               follow_asks = case when o.order_id = any (asked) then o.follow_asks + 1 else 0 end
         where o.order_id = any (due)
           and (o.order_id = any (asked)
                or (o.follow_why is null
                    and case when coalesce(is_final_state(o.state), false)
                             then final_look_at(o.state_since, t) is null
                             else not is_all_posted(o.order_id) end))
        returning o.order_id)
    select put.order_id::text from put where put.order_id = any (asked);
end $$;

-- All that the warehouse wants is settled, and something was.
create or replace function is_all_posted(of_order text) returns boolean
language sql stable security definer set search_path from current set enable_seqscan = off as $$
select coalesce(sum(r.posted_shipped + r.posted_cancelled), 0) > 0
       and not coalesce(bool_or(r.open_shipped + r.open_cancelled > 0
                                or (r.is_present and (coalesce(r.shipped, 0) > r.posted_shipped
                                                      or coalesce(r.cancelled, 0) > r.posted_cancelled))), false)
  from row_units r
 where r.order_id = of_order
$$;

-- ------------------------------------------------------------------ hand-over

-- Orders of which the warehouse has not been told all: those that were never tried since, and those whose pause was
-- over when the pass began. After: keyset.
create or replace function hand_over_due(after_order text, most int, pass_age_ms bigint) returns setof text
language sql stable security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
select distinct p.order_id::text
  from order_states p
  left join hand_overs h on h.order_id = p.order_id
 where p.handed_at is null and p.order_id > after_order collate "C"
   and coalesce(h.next_at <= clock_timestamp() - pass_age_ms * interval '1 ms', true)
 order by 1 limit most
$$;

-- The oldest state of one order that the warehouse was not told, in the transaction that says that it was handed over: both
-- happen, or neither. One a transaction: what the function leaves for its end is brought forward, and stays so until then.
-- Runs with the caller's rights, as the function of the warehouse would anywhere else; it holds no lane and none of the
-- order's rows, so that nobody waits for it but another hand-over of this order.
create or replace function hand_over(for_run bigint, of_order text, function_name text, first_delay_ms bigint, max_delay_ms bigint,
                                     out handed int, out why text)
language plpgsql volatile security invoker set search_path from current as $$
declare
    home text := current_setting('search_path');
    s record;
    target text;
    code text;
    message text;
begin
    handed := 0;
    begin
        select * into s from hand_over_next(of_order);
    exception when lock_not_available then
        return; -- another host is at it, and nothing was asked of the function
    end;
    if s.seq is null then
        return;
    end if;
    begin
        -- A name without a schema means what it means to its owner, and so does its body.
        set local search_path to default;
        select format('%I.%I', n.nspname, p.proname) into target
          from pg_catalog.pg_proc p
          join pg_catalog.pg_namespace n on n.oid = p.pronamespace
         where p.oid = to_regprocedure(function_name || '(text, text, timestamptz)');
        if target is null then
            raise exception 'there is no function %(text, text, timestamptz)', function_name using errcode = 'undefined_function';
        end if;
        execute format('select %s($1, $2, $3)', target) using of_order, s.state, s.at;
        -- A commit that fails would take the word of it along.
        set constraints all immediate;
        perform set_config('search_path', home, true);
    exception when query_canceled or others then
        get stacked diagnostics code = returned_sqlstate, message = message_text;
        perform set_config('search_path', home, true);
        why := format('%s: %s', code, left(message, 300));
        perform hand_over_failed(for_run, of_order, s.state, function_name, code, why, first_delay_ms, max_delay_ms);
        return;
    end;
    perform hand_over_done(of_order, s.seq);
    handed := 1;
end $$;

-- The next state to hand over, its order's hand-over locked; nothing when another host is at it.
create or replace function hand_over_next(of_order text, out seq bigint, out state text, out at timestamptz)
language plpgsql volatile security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    h hand_overs;
    oldest bigint := (select s.seq from order_states s
                       where s.order_id = of_order and s.handed_at is null order by s.at, s.seq limit 1);
begin
    -- Before the first hand-over of an order there is no row to lock, and who makes it as well waits for the other's end.
    perform 1 from order_states s where s.seq = oldest and s.handed_at is null for update skip locked;
    if not found then
        return;
    end if;
    insert into hand_overs (order_id) values (of_order) on conflict do nothing;
    select * into h from hand_overs x where x.order_id = of_order for update skip locked;
    if not found then
        return;
    end if;
    update order_states s
       set handed_at = clock_timestamp(), is_skipped = true
     where s.order_id = of_order and s.handed_at is null and s.at < h.last_at;
    select s.seq, s.state, s.at into hand_over_next.seq, hand_over_next.state, hand_over_next.at
      from order_states s
     where s.order_id = of_order and s.handed_at is null
     order by s.at, s.seq limit 1;
end $$;

create or replace function hand_over_done(of_order text, of_seq bigint) returns void
language plpgsql volatile security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
begin
    with put as (
        update order_states s set handed_at = clock_timestamp() where s.seq = of_seq and s.handed_at is null returning s.at
    )
    update hand_overs h set last_at = put.at, failures = 0, next_at = null from put where h.order_id = of_order;
    update discrepancies d
       set closed_at = clock_timestamp(), closed_by = 'follow'
     where d.order_id = of_order and d.kind = 'hand_over' and d.closed_at is null;
end $$;

create or replace function hand_over_failed(for_run bigint, of_order text, of_state text, function_name text, code text, why text,
                                            first_delay_ms bigint, max_delay_ms bigint) returns void
language plpgsql volatile security definer set search_path from current as $$
begin
    update hand_overs h
       set failures = h.failures + 1,
           next_at = clock_timestamp() + least(max_delay_ms, first_delay_ms * power(2, least(h.failures, 30))) * interval '1 ms'
     where h.order_id = of_order;
    perform find_discrepancies(for_run, array[row('hand_over', of_order, '', '', 0,
        format('%s did not take the state %s: %s', function_name, of_state, why),
        format('%s %s', of_state, code), false)::finding]);
end $$;

-- What is due of all that this file is about. pass_age_ms: since the pass began; what became due later waits for the next.
create or replace function follow_left(pass_age_ms bigint, out is_to_apply boolean, out is_to_ask boolean,
                                       out is_to_hand_over boolean, out is_to_track boolean, out is_to_charge boolean)
language plpgsql stable security definer set search_path from current
    set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    t timestamptz := clock_timestamp();
    before timestamptz := t - pass_age_ms * interval '1 ms';
begin
    is_to_apply := exists (select from events e where e.applied_at is null);
    is_to_ask := exists (select from orders o
                          where o.follow_at <= t and (o.follow_why is not null or o.follow_at <= before));
    is_to_hand_over := exists (select from order_states p
                                 left join lateral (select h.next_at from hand_overs h where h.order_id = p.order_id offset 0) h on true
                                where p.handed_at is null and coalesce(h.next_at <= before, true));
    -- a new one at once; what failed when its pause is over, but not twice in a pass
    is_to_track := exists (select from tracking k
                            cross join lateral (select s.state from submissions s where s.submission_id = k.submission_id offset 0) s
                            cross join lateral (select l.active_submission from lanes l where l.order_id = k.order_id offset 0) l
                            where k.next_at <= t and s.state = 'accepted' and (k.failures = 0 or k.next_at <= before)
                              and (l.active_submission is null
                                   or (l.active_submission = k.submission_id and k.sending_until < t)));
    is_to_charge := exists (select from charges c where c.ask_at <= t and (c.asks = 0 or c.ask_at <= before));
end $$;
