-- laws: what the database refuses, whatever the code says.
--
-- They run within batches, so their plans must stay right on tables that grew since they were last analysed:
-- by key, never by scan (the enable_* settings), and no join of transition tables with each other.
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

-- Law 5 and law 10: units enter a row's "open" with a plan number of their own, and never more than wanted.
create or replace function law_items_inserted() returns trigger
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    moved bigint;
    wrong text;
begin
    -- One planner for a line at a time, even if somebody forgot the lane.
    perform 1
       from rows r
      where (r.order_id, r.item_id) in
            (select w.order_id, w.item_id from added a join rows w using (row_id))
      order by r.row_id
        for no key update;

    select format('submission %s takes a row of order %s, parcel %s', s.submission_id, r.order_id, r.shipment_ref)
      into wrong
      from added a
      join submissions s using (submission_id)
      join rows r using (row_id)
     where r.order_id <> s.order_id or r.shipment_ref <> s.shipment_ref or s.state not in ('planned', 'held')
     limit 1;
    if found then
        raise exception 'law 5: %', wrong using errcode = 'check_violation', constraint = 'law_5';
    end if;

    -- A part of a split takes over units that its parent has just given up: what was wanted stays as it was.
    update rows r
       set plan_no = a.plan_no,
           open_shipped = r.open_shipped + a.shipped,
           open_cancelled = r.open_cancelled + a.cancelled,
           planned_to_shipped = case
               when a.shipped = 0 or s.parent_id is not null then r.planned_to_shipped
               else coalesce(greatest(r.shipped, least(r.shipped + r.returned, r.posted_shipped + r.open_shipped)), 0) end,
           planned_to_cancelled = case
               when a.cancelled = 0 or s.parent_id is not null then r.planned_to_cancelled
               else coalesce(r.cancelled, 0) end
      from added a
      join submissions s using (submission_id)
     where r.row_id = a.row_id and a.plan_no = r.plan_no + 1;
    get diagnostics moved = row_count;
    if moved <> (select count(*) from added) then
        raise exception 'law 5: a plan number of a row was used twice, or skipped'
            using errcode = 'check_violation', constraint = 'law_5',
                  hint = 'two planners worked on the same rows; plan again';
    end if;

    select format('order %s item %s: %s shipped and %s cancelled live, %s and %s wanted, %s ordered, %s at the API',
                  t.order_id, t.item_id, l.live_shipped, l.live_cancelled, l.shipped, l.cancelled, l.ordered, i.quantity)
      into wrong
      from (select r.order_id, r.item_id, bool_or(a.shipped > 0) as adds_shipped, bool_or(a.cancelled > 0) as adds_cancelled
              from added a
              join rows r using (row_id)
              join submissions s using (submission_id)
             where s.parent_id is null
             group by r.order_id, r.item_id) t
     cross join lateral (
           select sum(r.posted_shipped + r.open_shipped) as live_shipped,
                  sum(r.posted_cancelled + r.open_cancelled) as live_cancelled,
                  coalesce(sum(r.shipped) filter (where r.is_present), 0) as shipped,
                  coalesce(sum(r.cancelled) filter (where r.is_present), 0) as cancelled,
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
-- Items go with their submission (law_submission_pruned), never by themselves.
create or replace trigger law_items_stay before update or truncate on submission_items
    for each statement execute function refuse('law 11', 'what a submission carried is history');
create or replace trigger law_items_go before delete on submission_items
    for each statement when (pg_trigger_depth() = 0)
    execute function refuse('law 11', 'what a submission carried is history');

create or replace function is_open(state submission_state) returns boolean
language sql immutable parallel safe as
$$ select state in ('planned', 'sending', 'unknown', 'held') $$;

-- The states and the ways between them (DESIGN: states of a submission), and what they do to the counters.
create or replace function law_submissions_updated() returns trigger
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    changes state_change[];
    wrong text;
begin
    select array_agg(row(c.submission_id, c.was, c.is_now)::state_change) into changes
      from (select u.submission_id, max(u.b) as was, max(u.a) as is_now
              from (select submission_id, state as b, null::submission_state as a from before
                    union all
                    select submission_id, null, state from after) u
             group by u.submission_id
            having max(u.b) <> max(u.a)) c;
    if changes is null then
        return null;
    end if;

    select format('submission %s: %s to %s', c.submission_id, c.was, c.is_now)
      into wrong
      from unnest(changes) c
     where (c.was::text, c.is_now::text) not in (
            ('planned', 'sending'), ('planned', 'held'), ('planned', 'withdrawn'), ('planned', 'accepted'),
            ('sending', 'accepted'), ('sending', 'rejected'), ('sending', 'planned'), ('sending', 'unknown'),
            ('sending', 'split'), ('sending', 'held'),
            ('unknown', 'accepted'), ('unknown', 'rejected'), ('unknown', 'planned'), ('unknown', 'held'),
            ('unknown', 'split'),
            ('held', 'planned'), ('held', 'dismissed'), ('held', 'withdrawn'), ('held', 'accepted'),
            ('rejected', 'accepted'), ('rejected', 'dismissed'))
     limit 1;
    if found then
        raise exception 'law 2: no way from one state to the other: %', wrong
            using errcode = 'check_violation', constraint = 'law_2';
    end if;

    update rows r
       set open_shipped = r.open_shipped + c.open_shipped,
           open_cancelled = r.open_cancelled + c.open_cancelled,
           posted_shipped = r.posted_shipped + c.posted_shipped,
           posted_cancelled = r.posted_cancelled + c.posted_cancelled,
           -- a refused one that turns out accepted: evidence wins over what is wanted
           planned_to_shipped = greatest(r.planned_to_shipped,
               r.posted_shipped + c.posted_shipped + r.open_shipped + c.open_shipped),
           planned_to_cancelled = greatest(r.planned_to_cancelled,
               r.posted_cancelled + c.posted_cancelled + r.open_cancelled + c.open_cancelled)
      from (select i.row_id,
                   sum(i.shipped * (is_open(x.is_now)::int - is_open(x.was)::int)) as open_shipped,
                   sum(i.cancelled * (is_open(x.is_now)::int - is_open(x.was)::int)) as open_cancelled,
                   sum(i.shipped * ((x.is_now = 'accepted')::int - (x.was = 'accepted')::int)) as posted_shipped,
                   sum(i.cancelled * ((x.is_now = 'accepted')::int - (x.was = 'accepted')::int)) as posted_cancelled
              from unnest(changes) x
              join submission_items i using (submission_id)
             where is_open(x.is_now) <> is_open(x.was)
                or (x.is_now = 'accepted') <> (x.was = 'accepted')
             group by i.row_id) c
     where r.row_id = c.row_id;
    return null;
end $$;

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
    if old.state = 'accepted' then
        update rows r
           set pruned_shipped = r.pruned_shipped + i.shipped, pruned_cancelled = r.pruned_cancelled + i.cancelled
          from submission_items i
         where i.submission_id = old.submission_id and r.row_id = i.row_id;
        insert into explained (marker, fulfillment_id, order_id, settled_at)
        values (old.marker, old.fulfillment_id, old.order_id, old.settled_at);
    end if;
    delete from submission_items i where i.submission_id = old.submission_id;
    return old;
end $$;

create or replace trigger law_submissions_stay before truncate on submissions
    for each statement execute function refuse('law 11', 'what was submitted is never forgotten');
create or replace trigger law_submissions_deleted before delete on submissions
    for each statement execute function law_submissions_deleted();
create or replace trigger law_submission_pruned before delete on submissions
    for each row execute function law_submission_pruned();

-- Adjustments settle units outside our own POSTs; they are booked, never changed.
create or replace function law_adjustments_inserted() returns trigger
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
begin
    update rows r
       set posted_shipped = r.posted_shipped + c.shipped,
           posted_cancelled = r.posted_cancelled + c.cancelled,
           planned_to_shipped = greatest(r.planned_to_shipped, r.posted_shipped + c.shipped + r.open_shipped),
           planned_to_cancelled = greatest(r.planned_to_cancelled, r.posted_cancelled + c.cancelled + r.open_cancelled)
      from (select row_id, sum(shipped) as shipped, sum(cancelled) as cancelled from added group by row_id) c
     where r.row_id = c.row_id;
    return null;
end $$;

create or replace trigger law_adjustments_inserted after insert on adjustments
    referencing new table as added for each statement execute function law_adjustments_inserted();
create or replace trigger law_adjustments_stay before update or delete or truncate on adjustments
    for each statement execute function refuse('law 11', 'book another adjustment');

create or replace trigger law_rows_counters
    before update of order_id, item_id, shipment_ref, plan_no, planned_to_shipped, planned_to_cancelled,
                     posted_shipped, posted_cancelled, open_shipped, open_cancelled,
                     pruned_shipped, pruned_cancelled on rows
    for each row when (pg_trigger_depth() = 0)
    execute function refuse('law 5', 'counters follow submissions and adjustments');
create or replace trigger law_rows_stay before delete or truncate on rows
    for each statement execute function refuse('law 11', 'posted units are never forgotten');
-- A row begins with nothing: what is settled or open comes through submissions and adjustments.
create or replace function law_rows_inserted() returns trigger
language plpgsql set search_path from current as $$
begin
    if exists (select from added a
                where a.plan_no <> 0 or a.planned_to_shipped <> 0 or a.planned_to_cancelled <> 0
                   or a.posted_shipped <> 0 or a.posted_cancelled <> 0
                   or a.open_shipped <> 0 or a.open_cancelled <> 0
                   or a.pruned_shipped <> 0 or a.pruned_cancelled <> 0) then
        raise exception 'law 5: a row begins with counters of 0'
            using errcode = 'check_violation', constraint = 'law_5';
    end if;
    return null;
end $$;
create or replace trigger law_rows_inserted after insert on rows
    referencing new table as added for each statement execute function law_rows_inserted();

create or replace trigger law_attempts_stay before update or delete or truncate on attempts
    for each statement execute function refuse('law 11', 'history is append-only');
create or replace trigger law_decisions_stay before update or delete or truncate on decisions
    for each statement execute function refuse('law 11', 'history is append-only');
