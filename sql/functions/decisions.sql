-- decisions: what a person decides about submissions, orders and discrepancies; recorded, and refused with the
-- reason where it would break a law.

create or replace function note_decision(action text, target text, of_submission bigint, of_order text, who text, why text)
returns void language sql volatile security definer set search_path from current as $$
insert into decisions (action, target, submission_id, order_id, os_user, reason)
values (action, target, of_submission, of_order, who, why)
$$;

-- What a decision of this kind is about: what it can change, and what it must be told of as refused.
create or replace function is_decided_by(action text, state submission_state) returns boolean
language sql immutable parallel safe as $$
select state in ('sending', 'unknown')
    or (state = 'planned' and action in ('retry', 'hold'))
    or (state = 'held' and action in ('retry', 'release', 'dismiss'))
    or (state = 'rejected' and action in ('retry', 'dismiss'))
$$;

-- What is behind "submission 17", "marker UUID", "order ID", "discrepancy 4", or behind a filter ("all": with an open
-- discrepancy of a kind, or older than so long). A discrepancy stands for its submission while that one waits for a
-- decision; without one it can only be dismissed by itself. why: there is nothing to decide.
create or replace function decision_targets(
    action text, target_kind text, target text, of_kind text, older_than interval, most int,
    out submission_id bigint, out discrepancy_id bigint, out why text)
returns setof record
language plpgsql stable security definer set search_path from current as $$
#variable_conflict use_column
declare
    before timestamptz := coalesce(clock_timestamp() - older_than, 'infinity');
begin
    case target_kind
    when 'submission', 'marker' then
        return query
        select s.submission_id, null::bigint, null::text from submissions s
         where case target_kind when 'submission' then s.submission_id = decision_targets.target::bigint
                                else s.marker = decision_targets.target::uuid end;
        if not found then
            return query select null::bigint, null::bigint, format('there is no submission with %s %s', replace(target_kind, 'submission', 'number'), target);
        end if;
    when 'order' then
        return query
        select s.submission_id, null::bigint, null::text from submissions s
         where s.order_id = target and is_decided_by(action, s.state) and s.state <> 'rejected'
            or s.order_id = target and s.state = 'rejected' and is_decided_by(action, s.state)
               and is_still_refused(action, s.order_id, s.submission_id)
         order by s.submission_id limit most;
        if not found then
            return query select null::bigint, null::bigint,
                case when exists (select from lanes l where l.order_id = target)
                     then format('order %s has no submission to %s', target, action)
                     else format('the ledger knows no order %s', target) end;
        end if;
    when 'discrepancy' then
        return query
        select x.submission_id, x.discrepancy_id, x.why
          from discrepancies d cross join lateral discrepancy_target(action, d) x
         where d.discrepancy_id = decision_targets.target::bigint;
        if not found then
            return query select null::bigint, null::bigint, format('there is no discrepancy %s', target);
        end if;
    when 'all' then
        if of_kind is not null then
            return query
            select distinct on (x.submission_id, x.discrepancy_id) x.submission_id, x.discrepancy_id, null::text
              from discrepancies d cross join lateral discrepancy_target(action, d) x
             where d.kind = of_kind and d.closed_at is null and d.opened_at < before
               and x.why is null
             order by x.submission_id, x.discrepancy_id limit most;
        elsif older_than is not null then
            return query
            select s.submission_id, null::bigint, null::text from submissions s
             where s.state in ('planned', 'held', 'rejected') and is_decided_by(action, s.state) and s.created_at < before
               and (s.state <> 'rejected' or is_still_refused(action, s.order_id, s.submission_id))
             order by s.submission_id limit most;
        end if;
    end case;
end $$;

-- Does a refused submission still wait for a person: do its units, or is a discrepancy of it open?
create or replace function is_still_refused(action text, of_order text, of_submission bigint) returns boolean
language sql stable set search_path from current as $$
select exists (select from rows r where r.order_id = of_order and r.refused_submission = of_submission)
    or (action = 'dismiss'
        and exists (select from discrepancies d where d.submission_id = of_submission and d.submission_id <> 0 and d.closed_at is null))
$$;

-- What the planner finds when it looks at an order, and closes when it looks again and finds it no more. Not the foreign
-- fulfillment of a line: found in a list of them, and no plan can tell that it has ended.
create or replace function is_planners(kind text, item_id text) returns boolean
language sql immutable parallel safe as $$
select kind in ('over_quantity', 'decreased', 'bad_row', 'unknown_item', 'ordered_mismatch', 'guard', 'vanished',
                'unknown_order', 'order_blocked', 'order_returned', 'foreign', 'unreadable')
       and (kind <> 'foreign' or item_id = '')
$$;

-- A discrepancy's submission, where that is what waits; else the discrepancy itself, if it is to be dismissed, or looked at
-- again by the planner.
create or replace function discrepancy_target(action text, d discrepancies,
                                              out submission_id bigint, out discrepancy_id bigint, out why text)
language sql stable set search_path from current as $$
select case when x.is_waiting then s.submission_id end,
       case when not x.is_waiting and (action = 'dismiss' or x.looks_again) then (d).discrepancy_id end,
       case when x.is_waiting or action = 'dismiss' or x.looks_again then null
            when (d).closed_at is not null then format('discrepancy %s (%s) is closed: nothing to %s', (d).discrepancy_id, (d).kind, action)
            when s.submission_id is null then format('discrepancy %s (%s) has no submission: nothing to %s', (d).discrepancy_id, (d).kind, action)
            else format('submission %s of discrepancy %s is %s: nothing to %s', s.submission_id, (d).discrepancy_id, s.state, action) end
  from (select) one
  left join submissions s on s.submission_id = (d).submission_id and (d).submission_id <> 0
 cross join lateral (select coalesce(is_decided_by(action, s.state)
                                     and not (action = 'dismiss' and s.state in ('sending', 'unknown')), false) as is_waiting,
                            action = 'retry' and (d).closed_at is null and (d).submission_id = 0 and (d).order_id <> ''
                                and is_planners((d).kind, (d).item_id) as looks_again) x
$$;

-- Many at once: their lanes first, in the lock order, then one after the other.
create or replace function decide_many(action text, ids bigint[], who text, why text, is_forced boolean, units text)
returns table (submission_id bigint, order_id text, done boolean, said text)
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
#variable_conflict use_column
declare
    one bigint;
begin
    perform 1 from lanes l
      where l.order_id in (select s.order_id from submissions s where s.submission_id = any (ids))
      order by l.order_id for no key update;
    foreach one in array ids loop
        return query
        select one, (select s.order_id::text from submissions s where s.submission_id = one), d.done, d.said
          from decide(action, one, who, why, is_forced, units) d;
    end loop;
end $$;

-- One decision on one submission. said: what was done, or why not.
create or replace function decide(action text, of_submission bigint, who text, why text, is_forced boolean, units text,
                                  out done boolean, out said text)
language plpgsql security definer set search_path from current as $$
#variable_conflict use_column
declare
    s submissions;
    t timestamptz := clock_timestamp();
    waiting bigint[]; -- rows whose units wait for the decision
    booked bigint;
begin
    done := false;
    perform 1 from lanes l join submissions x using (order_id) where x.submission_id = of_submission for no key update of l;
    select * into s from submissions x where x.submission_id = of_submission;
    if not found then
        said := format('there is no submission %s', of_submission);
        return;
    end if;
    if s.state in ('sending', 'unknown') then
        said := format('submission %s is %s: the API must say first what became of it', of_submission, s.state);
        return;
    end if;
    if action = 'dismiss' and s.unknown_attempts > 0 and not is_forced then
        said := format('submission %s may have been applied: look at the order at the API first, then --force', of_submission);
        return;
    end if;
    if action = 'dismiss' and units = 'settled' and s.state = 'rejected'
       and exists (select from discrepancies d join orders o using (order_id)
                    where d.submission_id = of_submission and d.kind = 'foreign' and d.closed_at is null and o.list_at is not null) then
        said := format('submission %s was refused, and what others posted of order %s is not booked yet: the next run does, then look again',
                       of_submission, s.order_id);
        return;
    end if;

    if action in ('retry', 'release') and s.state = 'held' then
        update submissions x
           set state = 'planned', held_by = null, next_attempt_at = t,
               attempts = case action when 'retry' then 0 else x.attempts end
         where x.submission_id = of_submission;
        said := 'planned again';
    elsif action = 'retry' and s.state = 'planned' then
        update submissions x set next_attempt_at = t, attempts = 0 where x.submission_id = of_submission;
        said := 'goes with the next claim';
    elsif action = 'retry' and s.state = 'rejected' then
        update rows r
           set refused_submission = null, refused_shipped = null, refused_cancelled = null, refused_api_quantity = null
          from submission_items i
         where i.submission_id = of_submission and r.row_id = i.row_id and r.refused_submission = of_submission;
        if not found then
            said := format('submission %s is rejected, and nothing waits for it any more', of_submission);
            return;
        end if;
        said := 'its units are planned anew by the next run';
    elsif action = 'hold' and s.state = 'planned' then
        update submissions x
           set state = 'held', held_by = 'operator', next_attempt_at = null
         where x.submission_id = of_submission;
        said := 'held';
    elsif action = 'dismiss' and s.state = 'rejected' and not is_still_refused(action, s.order_id, of_submission) then
        said := format('submission %s is rejected, and nothing waits for it any more', of_submission);
        return;
    elsif action = 'dismiss' and s.state in ('held', 'rejected') then
        -- of a refused one, what was planned anew since then is none of its own any more
        waiting := array(select i.row_id from submission_items i join rows r using (row_id)
                          where i.submission_id = of_submission
                            and (s.state = 'held' or r.refused_submission = of_submission or r.shipped is null));
        update submissions x
           set state = 'dismissed', settled_at = t, settled_by = 'operator', held_by = null
         where x.submission_id = of_submission;
        update rows r
           set refused_submission = null, refused_shipped = null, refused_cancelled = null, refused_api_quantity = null
          from submission_items i
         where i.submission_id = of_submission and r.row_id = i.row_id and r.refused_submission = of_submission;
        if units = 'settled' then
            -- only what is still due of it: part may have been planned anew since it was refused
            insert into adjustments (kind, row_id, shipped, cancelled, reason)
            select 'write_off', x.row_id, x.shipped, x.cancelled, format('submission %s dismissed: %s', of_submission, why)
              from (select r.row_id,
                           least(i.shipped, greatest(0, coalesce(r.shipped, i.shipped) - r.live_shipped)) as shipped,
                           least(i.cancelled, greatest(0, coalesce(r.cancelled, i.cancelled) - r.live_cancelled)) as cancelled
                      from submission_items i join rows r using (row_id)
                     where i.submission_id = of_submission and r.row_id = any (waiting)) x
             where x.shipped + x.cancelled > 0;
            get diagnostics booked = row_count;
            said := format('dismissed; the units of %s rows count as settled', booked);
        else
            said := 'dismissed; its units are due again';
        end if;
        update discrepancies d
           set closed_at = t, closed_by = 'operator', reason = why, is_dismissed = true
         where d.submission_id = of_submission and d.closed_at is null;
    else
        said := format('submission %s is %s: nothing to %s%s', of_submission, s.state, action,
                       case when action = 'dismiss' and s.state = 'planned' then '; hold it first' else '' end);
        return;
    end if;
    update lanes l set next_at = t where l.order_id = s.order_id and l.active_submission is null
       and exists (select from submissions x where x.order_id = s.order_id and x.state = 'planned');
    insert into queue (order_key, source) values (s.order_id, 'operator');
    perform close_settled(array[of_submission]);
    perform note_decision(action, 'submission ' || of_submission::text, of_submission, s.order_id, who, why);
    done := true;
end $$;

-- Units that the API has lost, by the word of an audit and of a person: what is posted of their line is taken back.
create or replace function take_back_missing(d discrepancies, why text) returns bigint
language plpgsql security definer set search_path from current as $$
declare
    taken bigint;
begin
    with told as (
        select x[1]::bigint as shipped, x[2]::bigint as cancelled from regexp_match(d.fingerprint, '^audit missing (\d+)/(\d+)') x
    ), has as (
        select u.row_id, u.posted_shipped, u.posted_cancelled, sum(u.posted_shipped) over w - u.posted_shipped as shipped_before,
               sum(u.posted_cancelled) over w - u.posted_cancelled as cancelled_before
          from row_units u
         where u.order_id = d.order_id and u.item_id = d.item_id
        window w as (order by u.shipment_ref)
    ), put as (
        insert into adjustments (kind, row_id, shipped, cancelled, reason)
        select 'correction', x.row_id, -x.shipped, -x.cancelled, 'missing at the API: ' || why
          from (select has.row_id, least(posted_shipped, greatest(0, told.shipped - shipped_before)) as shipped,
                       least(posted_cancelled, greatest(0, told.cancelled - cancelled_before)) as cancelled
                  from told, has) x
         where x.shipped + x.cancelled > 0
        returning shipped + cancelled as units
    )
    select coalesce(-sum(put.units), 0) into taken from put;
    insert into queue (order_key, source) values (d.order_id, 'operator');
    return taken;
end $$;

-- Kinds that keep units due back for as long as they last, of their line or of their whole order.
create or replace function keeps_units_back(kind text, item_id text) returns boolean
language sql immutable parallel safe as $$
select kind in ('over_quantity', 'bad_row', 'guard', 'unknown_item', 'ordered_mismatch', 'unknown_order', 'order_blocked',
                'order_returned', 'unreadable', 'foreign')
       and (kind <> 'foreign' or item_id = '')
$$;

-- What such a discrepancy keeps back counts as settled. said: how many units; what can't be counted can't be booked.
create or replace function write_off_kept_back(d discrepancies, why text) returns text
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    booked bigint;
begin
    if d.kind in ('bad_row', 'unreadable') then
        return 'its units can''t be counted, so none is booked: see waybill settle';
    end if;
    with put as (
        insert into adjustments (kind, row_id, shipped, cancelled, reason)
        select 'write_off', r.row_id, l.due_shipped, l.due_cancelled, format('%s dismissed: %s', d.kind, why)
          from report_line_items l
          join rows r using (order_id, item_id, shipment_ref)
         where l.order_id = d.order_id and (d.item_id = '' or l.item_id = d.item_id) and (d.shipment_ref in ('', l.shipment_ref))
           and l.due_shipped + l.due_cancelled > 0 and not is_orchestrated(r.model)
        returning shipped + cancelled as units
    )
    select coalesce(sum(put.units), 0) into booked from put;
    return format('%s units count as settled', booked);
end $$;

-- A discrepancy that a person has looked at; it stays closed while its evidence is the same. units: due plans anew what is
-- missing at the API.
create or replace function dismiss_discrepancy(of_discrepancy bigint, who text, why text, units text,
                                               out done boolean, out said text)
language plpgsql security definer set search_path from current as $$
declare
    d discrepancies;
    waiting bigint;
begin
    done := false;
    perform 1 from lanes l join discrepancies x using (order_id) where x.discrepancy_id = of_discrepancy for no key update of l;
    if units = 'due' and exists (select from discrepancies x
                                  where x.discrepancy_id = of_discrepancy and x.kind = 'missing' and x.submission_id <> 0) then
        said := format('discrepancy %s is of a submission: dismiss it as settled, audit the order, then dismiss the line''s',
                       of_discrepancy);
        return;
    end if;
    if units = 'due' and exists (select from discrepancies x
                                  where x.discrepancy_id = of_discrepancy and x.closed_at is null and x.submission_id = 0
                                    and keeps_units_back(x.kind, x.item_id)) then
        said := format('discrepancy %s keeps its units back for as long as its cause lasts: mend that, then waybill retry discrepancy %s',
                       of_discrepancy, of_discrepancy);
        return;
    end if;
    update discrepancies x
       set closed_at = clock_timestamp(), closed_by = 'operator', reason = why, is_dismissed = true
     where x.discrepancy_id = of_discrepancy and x.closed_at is null
    returning * into d;
    done := found;
    if not found then
        said := format('there is no open discrepancy %s', of_discrepancy);
        return;
    end if;
    said := format('%s%s dismissed', d.kind, ' of order ' || nullif(d.order_id, ''));
    -- What waits for its order to be accepted would wait for ever, and nobody would say so any more.
    if d.submission_id = 0 and d.item_id = '' and d.kind in ('foreign', 'order_blocked', 'order_returned') then
        for waiting in
            update submissions s set state = 'held', held_by = 'operator', next_attempt_at = null
             where s.order_id = d.order_id and s.state = 'planned' and s.next_attempt_at = 'infinity' and s.unknown_attempts = 0
            returning s.submission_id
        loop
            perform decide('dismiss', waiting, who, why, false, units);
        end loop;
    end if;
    if d.submission_id = 0 and keeps_units_back(d.kind, d.item_id) then
        said := said || '; ' || write_off_kept_back(d, why);
        insert into queue (order_key, source) values (d.order_id, 'operator');
    end if;
    if units = 'due' and d.kind = 'missing' then
        said := said || format('; %s units are due again', take_back_missing(d, why));
        -- Used up: what is missing once they were posted again is another loss, though the numbers may be the same.
        update discrepancies x set fingerprint = 'taken back: ' || x.fingerprint where x.discrepancy_id = d.discrepancy_id;
    end if;
    perform note_decision('dismiss', 'discrepancy ' || of_discrepancy::text, nullif(d.submission_id, 0), nullif(d.order_id, ''), who, why);
end $$;

-- What the planner found, once more: it is closed if it has ended, and opened for what it is now if not.
create or replace function look_again_at(of_discrepancy bigint, who text, why text, out done boolean, out said text)
language plpgsql security definer set search_path from current as $$
declare
    d discrepancies;
begin
    select * into d from discrepancies x where x.discrepancy_id = of_discrepancy and x.closed_at is null;
    done := found;
    if not found then
        said := format('there is no open discrepancy %s', of_discrepancy);
        return;
    end if;
    insert into queue (order_key, source) values (d.order_id, 'operator');
    said := format('order %s is looked at again by the next run', d.order_id);
    perform note_decision('retry', 'discrepancy ' || of_discrepancy::text, null, d.order_id, who, why);
end $$;

-- Units that a person knows to be settled: on the rows that have them due first, the rest on the first row.
create or replace function settle_by_hand(of_order text, of_item text, n_shipped bigint, n_cancelled bigint, who text, why text,
                                          out done boolean, out said text)
language plpgsql security definer set search_path from current as $$
declare
    booked bigint;
    has_ordered bigint;
    has_posted bigint;
    on_the_way bigint;
begin
    done := false;
    if n_shipped < 0 or n_cancelled < 0 or n_shipped + n_cancelled = 0 then
        said := 'nothing to book';
        return;
    end if;
    perform 1 from lanes l where l.order_id = of_order for no key update;
    if not exists (select from rows r where r.order_id = of_order and r.item_id = of_item) then
        said := format('the ledger knows no item %s of order %s', of_item, of_order);
        return;
    end if;
    -- What is planned and was never possibly applied gives way.
    select max(r.ordered), sum(r.posted_shipped + r.posted_cancelled), coalesce(sum(f.units), 0)
      into has_ordered, has_posted, on_the_way
      from row_units r
      left join lateral (
           select sum(i.shipped + i.cancelled) as units
             from submission_items i join submissions s using (submission_id)
            where i.row_id = r.row_id and (s.state in ('sending', 'unknown')
                                           or (s.state in ('planned', 'held') and s.unknown_attempts > 0))) f on true
     where r.order_id = of_order and r.item_id = of_item;
    if has_posted + on_the_way + n_shipped + n_cancelled > has_ordered then
        said := format('%s ordered of item %s, %s posted and %s on their way: %s more would be too many',
                       has_ordered, of_item, has_posted, on_the_way, n_shipped + n_cancelled);
        return;
    end if;
    with r as (
        select x.row_id, row_number() over (order by is_orchestrated(x.model), x.shipment_ref) as n,
               greatest(0, coalesce(x.shipped, 0) - x.live_shipped) as due_shipped,
               greatest(0, coalesce(x.cancelled, 0) - x.live_cancelled) as due_cancelled
          from rows x where x.order_id = of_order and x.item_id = of_item
    ), cut as (
        select r.*, coalesce(sum(due_shipped) over w, 0) as shipped_before, coalesce(sum(due_cancelled) over w, 0) as cancelled_before,
               sum(due_shipped) over () as all_shipped, sum(due_cancelled) over () as all_cancelled
          from r window w as (order by n rows between unbounded preceding and 1 preceding)
    ), put as (
        insert into adjustments (kind, row_id, shipped, cancelled, reason)
        select 'correction', c.row_id, c.shipped, c.cancelled, format('settled by hand by %s: %s', who, why)
          from (select row_id,
                       least(due_shipped, greatest(0, n_shipped - shipped_before))
                           + case when n = 1 then greatest(0, n_shipped - all_shipped) else 0 end as shipped,
                       least(due_cancelled, greatest(0, n_cancelled - cancelled_before))
                           + case when n = 1 then greatest(0, n_cancelled - all_cancelled) else 0 end as cancelled
                  from cut) c
         where c.shipped + c.cancelled > 0
        returning shipped + cancelled as units
    )
    select sum(put.units) into booked from put;
    perform withdraw_unwanted(array[of_order], false);
    insert into queue (order_key, source) values (of_order, 'operator');
    perform note_decision('settle', format('order %s item %s', of_order, of_item), null, of_order, who, why);
    done := true;
    said := format('%s units count as settled', booked);
end $$;

-- A fulfillment of the API's, as listed: booked as made by somebody else.
create or replace function adopt(of_order text, listing jsonb, who text, why text, out done boolean, out said text)
language plpgsql security definer set search_path from current as $$
declare
    booked bigint;
    id text := listing -> 0 ->> 'id';
begin
    perform 1 from lanes l where l.order_id = of_order for no key update;
    perform read_listing(null, of_order, listing, null, null);
    booked := book_foreign(null, of_order, listing, false, format('adopted by %s: %s', who, why));
    done := true;
    if booked = 0 then
        said := coalesce((select format('fulfillment %s is that of submission %s', id, s.submission_id)
                            from submissions s where s.fulfillment_id = id),
                         format('fulfillment %s is in the ledger already', id));
        return;
    end if;
    perform withdraw_unwanted(array[of_order], true);
    insert into queue (order_key, source) values (of_order, 'operator');
    perform note_decision('adopt', 'fulfillment ' || id, null, of_order, who, why);
    said := format('fulfillment %s of order %s is adopted', id, of_order);
end $$;

-- Every host stops at its next claim; and goes on.
create or replace function pause(why text default null, who text default session_user) returns text
language plpgsql security definer set search_path from current as $$
declare
    me identity;
begin
    select * into strict me from identity;
    if me.mode = 'paused' then
        return format('paused already, by %s%s', me.mode_by, coalesce(': ' || nullif(me.mode_reason, ''), ''));
    end if;
    perform set_mode('paused', who, why);
    perform note_decision('pause', 'ledger', null, null, who, why);
    return 'paused';
end $$;
comment on function pause(text, text) is 'stop every host at its next claim';

create or replace function resume(why text default null, who text default session_user) returns text
language plpgsql security definer set search_path from current as $$
declare
    me identity;
begin
    select * into strict me from identity;
    if me.mode <> 'paused' then
        return format('the ledger is %s already', me.mode);
    end if;
    update identity set mode = coalesce(me.resume_mode, 'live'), resume_mode = null,
           mode_since = clock_timestamp(), mode_by = who, mode_reason = why;
    insert into mode_changes (mode, changed_by, reason) values (coalesce(me.resume_mode, 'live'), who, why);
    perform note_decision('resume', 'ledger', null, null, who, why);
    return format('%s again', coalesce(me.resume_mode, 'live'));
end $$;
comment on function resume(text, text) is 'go on after pause()';
