-- laws: what the database refuses, whatever the code says.
--
-- They run within batches, and their plans are made once a session: they must stay right on tables that grew since. So
-- tables are reached by key only (lateral with offset 0, or = any (array)), and what is in hand is joined by hash, whatever
-- the function has switched off that set them off.
--
-- Counters of `rows` move only here: when items are inserted, when a submission
-- changes its state, when an adjustment is booked. Each is one statement over
-- the whole batch (transition tables). The caller holds the lanes of the orders.

create or replace function refuse() returns trigger
language plpgsql set search_path from current as $$
begin
    raise exception '%: % on % is refused', tg_argv[0], lower(tg_op), tg_table_name
        using errcode = 'check_violation', hint = tg_argv[1];
end $$;

-- Law 5 and law 10: units become live with a plan number of their own, and never more than wanted.
create or replace function law_items_inserted() returns trigger
language plpgsql security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    ids bigint[];        -- of the rows that get units, and what belongs to each
    orders text[];
    items text[];
    plan_nos int[];
    more_shipped bigint[];
    more_cancelled bigint[];
    are_parts boolean[]; -- of a split
    others bigint[];     -- the other rows of their lines
    moved bigint;
    stray text;
    wrong text;
begin
    select array_agg(a.row_id), array_agg(r.order_id), array_agg(r.item_id), array_agg(a.plan_no), array_agg(a.shipped),
           array_agg(a.cancelled), array_agg(s.parent_id is not null),
           min(format('there is no submission %s, or no row %s', a.submission_id, a.row_id))
               filter (where s.order_id is null or r.order_id is null),
           min(format('submission %s takes row %s, of order %s, parcel %s', a.submission_id, a.row_id, r.order_id, r.shipment_ref))
               filter (where r.order_id <> s.order_id or r.shipment_ref <> s.shipment_ref or s.state not in ('planned', 'held'))
      into ids, orders, items, plan_nos, more_shipped, more_cancelled, are_parts, stray, wrong
      from added a
      left join lateral (select x.order_id, x.shipment_ref, x.state, x.parent_id from submissions x
                          where x.submission_id = a.submission_id offset 0) s on true
      left join lateral (select x.order_id, x.item_id, x.shipment_ref from rows x where x.row_id = a.row_id offset 0) r on true;
    if stray is not null then
        raise exception 'law 5: %', stray using errcode = 'foreign_key_violation', constraint = 'law_5';
    elsif wrong is not null then
        raise exception 'law 5: %', wrong using errcode = 'check_violation', constraint = 'law_5';
    elsif ids is null then
        return null;
    end if;

    -- One planner for a line at a time, even if somebody forgot the lane. A line's only row is locked by its update.
    others := array(
        select x.row_id
          from unnest(ids, orders, items) as k(row_id, order_id, item_id)
         cross join lateral (
               select r.row_id from rows r where r.order_id = k.order_id and r.item_id = k.item_id offset 0) x
         where x.row_id <> k.row_id);
    if others <> '{}' then
        perform 1 from rows r where r.row_id = any (ids || others) order by r.row_id for no key update;
    end if;

    -- A part of a split takes over units that its parent has just given up: what was wanted stays as it was.
    update rows r
       set plan_no = a.plan_no,
           live_shipped = r.live_shipped + a.shipped,
           live_cancelled = r.live_cancelled + a.cancelled,
           planned_to_shipped = case
               when a.shipped = 0 or a.is_part then r.planned_to_shipped
               else coalesce(greatest(r.shipped, least(r.shipped + r.returned, r.live_shipped)), 0) end,
           planned_to_cancelled = case
               when a.cancelled = 0 or a.is_part then r.planned_to_cancelled
               else coalesce(r.cancelled, 0) end
      from unnest(ids, plan_nos, more_shipped, more_cancelled, are_parts) as a(row_id, plan_no, shipped, cancelled, is_part)
     where r.row_id = any (ids) and r.row_id = a.row_id and a.plan_no = r.plan_no + 1;
    get diagnostics moved = row_count;
    if moved <> cardinality(ids) then
        raise exception 'law 5: a plan number of a row was used twice, or skipped'
            using errcode = 'check_violation', constraint = 'law_5',
                  hint = 'two planners worked on the same rows; plan again';
    end if;

    select format('order %s item %s: %s shipped and %s cancelled live, %s and %s wanted, %s ordered, %s at the API',
                  t.order_id, t.item_id, l.live_shipped, l.live_cancelled, l.shipped, l.cancelled, l.ordered, i.quantity)
      into wrong
      from (select a.order_id, a.item_id, bool_or(a.shipped > 0) as adds_shipped, bool_or(a.cancelled > 0) as adds_cancelled
              from unnest(orders, items, more_shipped, more_cancelled, are_parts) as a(order_id, item_id, shipped, cancelled, is_part)
             where not a.is_part
             group by a.order_id, a.item_id) t
     cross join lateral (
           select sum(r.live_shipped) as live_shipped, sum(r.live_cancelled) as live_cancelled,
                  coalesce(sum(wanted_from_us(r.model, r.shipped, r.live_shipped)) filter (where r.is_present), 0) as shipped,
                  coalesce(sum(wanted_from_us(r.model, r.cancelled, r.live_cancelled)) filter (where r.is_present), 0) as cancelled,
                  coalesce(max(r.ordered) filter (where r.is_present), 0) as ordered
             from rows r where r.order_id = t.order_id and r.item_id = t.item_id offset 0) l
      left join lateral (
           select o.quantity from order_items o where o.order_id = t.order_id and o.item_id = t.item_id offset 0) i on true
     where (t.adds_shipped and l.live_shipped > l.shipped)
        or (t.adds_cancelled and l.live_cancelled > l.cancelled)
        or l.live_shipped + l.live_cancelled > least(l.ordered, coalesce(i.quantity, l.ordered))
     limit 1;
    if found then
        raise exception 'law 10: a line would get more than it wants: %', wrong
            using errcode = 'check_violation', constraint = 'law_10';
    end if;
    return null;
end $$;

create or replace trigger law_items_inserted after insert on submission_items
    referencing new table as added for each statement execute function law_items_inserted();
-- Items go with their submission (law_submissions_pruned), never by themselves.
create or replace trigger law_items_stay before update or truncate on submission_items
    for each statement execute function refuse('law 11', 'what a submission carried is history');
create or replace trigger law_items_go before delete on submission_items
    for each statement when (pg_trigger_depth() = 0)
    execute function refuse('law 11', 'what a submission carried is history');

create or replace function is_open(state submission_state) returns boolean
language sql immutable parallel safe as
$$ select state in ('planned', 'sending', 'unknown', 'held') $$;

-- Its units count: they are posted, or may come to be.
create or replace function is_live(state submission_state) returns boolean
language sql immutable parallel safe as
$$ select state in ('planned', 'sending', 'unknown', 'held', 'accepted') $$;

-- A POST may leave, or may have been applied.
create or replace function is_on_its_way(state submission_state) returns boolean
language sql immutable parallel safe as
$$ select state in ('sending', 'unknown') $$;

-- The states and the ways between them (DESIGN: states of a submission).
create or replace function is_way(was submission_state, is_now submission_state) returns boolean
language sql immutable parallel safe as $$
select case was
       when 'planned' then is_now in ('sending', 'held', 'withdrawn', 'accepted')
       when 'sending' then is_now in ('accepted', 'rejected', 'planned', 'unknown', 'split', 'held')
       when 'unknown' then is_now in ('accepted', 'rejected', 'planned', 'held', 'split')
       when 'held' then is_now in ('planned', 'dismissed', 'withdrawn', 'accepted')
       when 'rejected' then is_now in ('accepted', 'dismissed')
       else false end
$$;

create or replace function law_submissions_way() returns trigger
language plpgsql set search_path from current as $$
begin
    raise exception 'law 2: no way from one state to the other: submission %: % to %', new.submission_id, old.state, new.state
        using errcode = 'check_violation', constraint = 'law_2';
end $$;

-- Law 4. Callers hold the lanes already; whoever forgot them is made to wait here, and then sees what was committed.
create or replace function one_post_at_a_time(orders text[]) returns void
language plpgsql security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    wrong text;
begin
    perform 1 from lanes l where l.order_id = any (orders) order by l.order_id for no key update;
    select s.order_id into wrong
      from submissions s
     where s.order_id = any (orders) and s.settled_at is null and s.state in ('sending', 'unknown')
     group by s.order_id
    having count(*) > 1
     limit 1;
    if found then
        raise exception 'law 4: order % has a submission on its way already', wrong
            using errcode = 'unique_violation', constraint = 'law_4';
    end if;
end $$;

create or replace function law_4_one_post() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    perform one_post_at_a_time(array[new.order_id]);
    return null;
end $$;

-- What a change of state does to the counters: nothing, unless units begin or cease to be live.
create or replace function law_submissions_updated() returns trigger
language plpgsql security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    leaving text[]; -- orders that have a submission on its way now
    changed bigint[]; -- submissions, and how they moved: -1 or 1
    moved int[];
    tokens uuid[]; -- claims, and whether one submission more or less is being sent under them
    sends int[];
    ids bigint[];
begin
    select array_agg(c.order_id) filter (where c.leaves),
           array_agg(c.submission_id) filter (where c.moved <> 0), array_agg(c.moved) filter (where c.moved <> 0),
           array_agg(c.claim_token) filter (where c.sends <> 0), array_agg(c.sends) filter (where c.sends <> 0)
      into leaving, changed, moved, tokens, sends
      from (select a.submission_id, a.order_id, is_live(a.state)::int - is_live(b.state)::int as moved,
                   coalesce(a.claim_token, b.claim_token) as claim_token,
                   (a.state = 'sending')::int - (b.state = 'sending')::int as sends,
                   is_on_its_way(a.state) and not is_on_its_way(b.state) as leaves
              from before b join after a using (submission_id)
             where a.state <> b.state) c;
    if leaving is not null then
        perform one_post_at_a_time(leaving);
    end if;
    if tokens is not null then
        perform 1 from claims k where k.claim_token = any (tokens) order by k.claim_token for no key update;
        update claims k
           set sending = k.sending + x.sends
          from (select u.claim_token, sum(u.sends)::int as sends
                  from unnest(tokens, sends) as u(claim_token, sends)
                 group by u.claim_token) x
         where k.claim_token = any (tokens) and k.claim_token = x.claim_token;
    end if;
    if changed is null then
        return null;
    end if;
    ids := array(
        select distinct i.row_id
          from unnest(changed) as c(submission_id)
         cross join lateral (select i.row_id from submission_items i where i.submission_id = c.submission_id offset 0) i);

    update rows r
       set live_shipped = r.live_shipped + c.shipped,
           live_cancelled = r.live_cancelled + c.cancelled,
           -- a refused one that turns out accepted: evidence wins over what is wanted
           planned_to_shipped = greatest(r.planned_to_shipped, r.live_shipped + c.shipped),
           planned_to_cancelled = greatest(r.planned_to_cancelled, r.live_cancelled + c.cancelled)
      from (select i.row_id, sum(i.shipped * x.moved)::bigint as shipped, sum(i.cancelled * x.moved)::bigint as cancelled
              from unnest(changed, moved) as x(submission_id, moved)
             cross join lateral (
                   select i.row_id, i.shipped, i.cancelled
                     from submission_items i where i.submission_id = x.submission_id offset 0) i
             group by i.row_id) c
     where r.row_id = any (ids) and r.row_id = c.row_id;
    return null;
end $$;

-- A submission has the lane of its order. A batch of them at once, where a foreign key would ask for each.
create or replace function law_submissions_inserted() returns trigger
language plpgsql security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    stray text;
begin
    select a.order_id into stray
      from added a
      left join lateral (select l.order_id from lanes l where l.order_id = a.order_id offset 0) l on true
     where l.order_id is null
     limit 1;
    if found then
        raise exception 'law 4: order % has no lane', stray using errcode = 'foreign_key_violation', constraint = 'law_4';
    end if;
    return null;
end $$;

create or replace trigger law_submissions_inserted after insert on submissions
    referencing new table as added for each statement execute function law_submissions_inserted();
create or replace trigger law_lanes_names before update of order_id on lanes
    for each statement execute function refuse('law 4', 'a lane stays with its order');
create or replace trigger law_lanes_stay before delete or truncate on lanes
    for each statement execute function refuse('law 4', 'a lane stays with its order');
create or replace trigger law_submissions_way after update on submissions
    for each row when (old.state <> new.state and not is_way(old.state, new.state))
    execute function law_submissions_way();
-- Of one that is plain they are the history of its attempt.
create or replace trigger law_submissions_plain after update on submissions
    for each row when (old.is_plain
                       and (old.is_plain, old.tries, old.worker_id, old.first_sent_at, old.settled_at, old.http_status, old.request_id)
                           is distinct from
                           (new.is_plain, new.tries, new.worker_id, new.first_sent_at, new.settled_at, new.http_status, new.request_id))
    execute function refuse('law 11', 'history is append-only');
create or replace trigger law_4_one_post after insert on submissions
    for each row when (is_on_its_way(new.state)) execute function law_4_one_post();
create or replace trigger law_submissions_names before update of marker, order_id, shipment_ref on submissions
    for each statement execute function refuse('law 11', 'marker, order and parcel of a submission stay');
create or replace trigger law_submissions_updated after update on submissions
    referencing old table as before new table as after
    for each statement execute function law_submissions_updated();
-- The one way out is pruning, and it forgets no unit: what the submission posted is kept in its rows, its marker and
-- fulfillment in `explained`. All of that happens here, so no other way of deleting could do less.
create or replace function is_pruning() returns boolean
language sql stable set search_path from current as
$$ select coalesce(current_setting('waybill.is_pruning', true), '') = 'on' $$;

create or replace function law_submissions_deleted() returns trigger
language plpgsql set search_path from current as $$
begin
    if not is_pruning() then
        raise exception 'law 11: delete on submissions is refused'
            using errcode = 'check_violation', hint = 'what was submitted is never forgotten; see waybill prune';
    end if;
    return null;
end $$;

create or replace function law_submission_pruned() returns trigger
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
begin
    if not is_prunable(old) then
        raise exception 'law 11: submission % is %, and still needed', old.submission_id, old.state
            using errcode = 'check_violation', constraint = 'law_11';
    end if;
    return old;
end $$;

create or replace function law_submissions_pruned() returns trigger
language plpgsql security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    ids bigint[] := array(select g.submission_id from gone g);
    moved bigint[]; -- rows, and what was posted of each
    units_shipped bigint[];
    units_cancelled bigint[];
begin
    -- Two statements: next to a look-up by key the planner would join the rows in a loop, each with each.
    select array_agg(x.row_id), array_agg(x.shipped), array_agg(x.cancelled)
      into moved, units_shipped, units_cancelled
      from (select i.row_id, sum(i.shipped)::bigint as shipped, sum(i.cancelled)::bigint as cancelled
              from gone g
             cross join lateral (
                   select k.row_id, k.shipped, k.cancelled
                     from submission_items k where k.submission_id = g.submission_id offset 0) i
             where g.state = 'accepted'
             group by i.row_id) x;
    update rows r
       set pruned_shipped = r.pruned_shipped + c.shipped, pruned_cancelled = r.pruned_cancelled + c.cancelled
      from unnest(moved, units_shipped, units_cancelled) as c(row_id, shipped, cancelled)
     where r.row_id = any (moved) and r.row_id = c.row_id;
    insert into explained (marker, fulfillment_id, order_id, settled_at)
    select g.marker, g.fulfillment_id, g.order_id, g.settled_at from gone g where g.state = 'accepted';
    delete from submission_items i where i.submission_id = any (ids);
    return null;
end $$;

create or replace trigger law_submissions_stay before truncate on submissions
    for each statement execute function refuse('law 11', 'what was submitted is never forgotten');
create or replace trigger law_submissions_deleted before delete on submissions
    for each statement execute function law_submissions_deleted();
create or replace trigger law_submission_pruned before delete on submissions
    for each row execute function law_submission_pruned();
create or replace trigger law_submissions_pruned after delete on submissions
    referencing old table as gone for each statement execute function law_submissions_pruned();

-- Adjustments settle units outside our own POSTs; they are booked, never changed.
create or replace function law_adjustments_inserted() returns trigger
language plpgsql security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    ids bigint[] := array(select distinct a.row_id from added a);
    wrong text;
begin
    update rows r
       set live_shipped = r.live_shipped + c.shipped,
           live_cancelled = r.live_cancelled + c.cancelled,
           planned_to_shipped = greatest(r.planned_to_shipped, r.live_shipped + c.shipped),
           planned_to_cancelled = greatest(r.planned_to_cancelled, r.live_cancelled + c.cancelled)
      from (select row_id, sum(shipped) as shipped, sum(cancelled) as cancelled from added group by row_id) c
     where r.row_id = any (ids) and r.row_id = c.row_id;
    -- What is open can't be taken for posted.
    ids := array(select a.row_id from added a where a.shipped < 0 or a.cancelled < 0);
    if ids <> '{}' then
        select format('order %s item %s, parcel %s: %s shipped and %s cancelled posted', u.order_id, u.item_id, u.shipment_ref,
                      u.posted_shipped, u.posted_cancelled)
          into wrong
          from row_units u
         where u.row_id = any (ids) and (u.posted_shipped < 0 or u.posted_cancelled < 0)
         limit 1;
        if found then
            raise exception 'law 5: more is taken back than is posted: %', wrong
                using errcode = 'check_violation', constraint = 'law_5';
        end if;
    end if;
    return null;
end $$;

create or replace trigger law_adjustments_inserted after insert on adjustments
    referencing new table as added for each statement execute function law_adjustments_inserted();
create or replace trigger law_adjustments_stay before delete or truncate on adjustments
    for each statement execute function refuse('law 11', 'book another adjustment');

-- For each statement: a trigger for each row would lock every row before it changes.
create or replace trigger law_rows_counters
    before update of order_id, item_id, shipment_ref, plan_no, planned_to_shipped, planned_to_cancelled,
                     live_shipped, live_cancelled, pruned_shipped, pruned_cancelled on rows
    for each statement when (pg_trigger_depth() = 0)
    execute function refuse('law 5', 'counters follow submissions and adjustments');
create or replace trigger law_rows_stay before delete or truncate on rows
    for each statement execute function refuse('law 11', 'posted units are never forgotten');
-- A row begins with nothing: what is settled or open comes through submissions and adjustments.
create or replace function law_rows_inserted() returns trigger
language plpgsql set search_path from current as $$
begin
    if exists (select from added a
                where a.plan_no <> 0 or a.planned_to_shipped <> 0 or a.planned_to_cancelled <> 0
                   or a.live_shipped <> 0 or a.live_cancelled <> 0
                   or a.pruned_shipped <> 0 or a.pruned_cancelled <> 0) then
        raise exception 'law 5: a row begins with counters of 0'
            using errcode = 'check_violation', constraint = 'law_5';
    end if;
    return null;
end $$;
create or replace trigger law_rows_inserted after insert on rows
    referencing new table as added for each statement execute function law_rows_inserted();

create or replace trigger law_claim_deleted before delete on claims
    for each row when (old.sending > 0) execute function refuse('law 11', 'something is being sent under it');
create or replace trigger law_claims_counted before update of claim_token, sending on claims
    for each statement when (pg_trigger_depth() = 0)
    execute function refuse('law 11', 'the count follows the submissions');
create or replace trigger law_claims_stay before truncate on claims
    for each statement execute function refuse('law 11', 'a claim ends when its submissions are settled');

create or replace trigger law_attempts_stay before delete or truncate on attempts
    for each statement execute function refuse('law 11', 'history is append-only');
-- Statement triggers of the parent don't watch who names a partition: months have theirs by make_partitions.
create or replace trigger law_attempts_stay before update or delete or truncate on attempts_other
    for each statement execute function refuse('law 11', 'history is append-only');
create or replace trigger law_decisions_stay before delete or truncate on decisions
    for each statement execute function refuse('law 11', 'history is append-only');
