-- settle: what came of attempts goes into the ledger, a batch at a time.
--
-- A settlement names marker and claim token; one that comes too late changes
-- nothing, unless it is evidence that a POST was accepted: that always wins.
--
-- Most batches are all accepted: what only refusals need is not even asked for then. Plans are made once a session, so
-- tables are reached by key only (lateral with offset 0, or = any (array)), and what is in hand is joined by hash.
create or replace function settle(for_worker bigint, for_run bigint, answers jsonb) returns bigint
language plpgsql security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    a settlement[] := array(select r from jsonb_populate_recordset(null::settlement, answers) r);
    orders text[];
    own bigint[];
    settled bigint;
begin
    orders := array(
        select coalesce(x.of_order, s.order_id)
          from unnest(a) x
          left join lateral (select k.order_id from submissions k
                              where x.of_order is null and k.marker = x.marker offset 0) s on true);
    perform 1 from lanes l where l.order_id = any (orders) order by l.order_id for no key update;
    own := settle_own(for_worker, for_run, a, orders);
    perform note_accepted() where exists (select from unnest(a) x where x.kind = 'post' and x.next = 'accepted');
    settled := cardinality(own);
    if settled < cardinality(a) then
        a := array(select x from unnest(a) x where (x.kind = 'post' and x.next = 'accepted' and x.of_submission = any (own)) is not true);
        settled := settled + settle_others(for_worker, for_run, a, orders);
    end if;
    if exists (select from orders o where o.order_id = any (orders) and o.lists_when_settled) then
        perform list_settled(orders);
    end if;
    return settled;
end $$;

-- The API accepts POSTs: what fails beside them is another's fault (claims.sql). Once a second, and nobody waits for it.
create or replace function note_accepted() returns void
language sql volatile security definer set search_path from current as $$
update api_key k
   set accepted_at = clock_timestamp()
 where k.is_only = (select u.is_only from api_key u
                     where coalesce(u.accepted_at, '-infinity') not between clock_timestamp() - interval '1 s' and clock_timestamp()
                       for no key update skip locked)
$$;

-- What nearly all of them are: the API accepted a POST of ours as it was meant, and the claim that it left under still
-- stands. The others are left to settle_others; and all of them, if one names a fulfillment that the ledger knows already,
-- or two name the same.
create or replace function settle_own(for_worker bigint, for_run bigint, a settlement[], orders text[]) returns bigint[]
language plpgsql security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    t timestamptz := clock_timestamp();
    own settlement[] := array(select x from unnest(a) x
                               where x.kind = 'post' and x.next = 'accepted' and x.discrepancy is null);
    ids bigint[] := array(select x.of_submission from unnest(own) x);
    said text[] := array(select x.fulfillment_id from unnest(own) x);
    done bigint[];
begin
    if exists (select from submissions o where o.fulfillment_id = any (said))
       or exists (select from explained o where o.fulfillment_id = any (said))
       or exists (select from adjustments o where o.fulfillment_id = any (said))
       or (select least(count(distinct x.id), count(distinct x.said)) from unnest(ids, said) x(id, said)) < cardinality(own) then
        return '{}';
    end if;
    with put as (
        update submissions s
           set state = 'accepted', settled_at = t, settled_by = 'answer', fulfillment_id = x.fulfillment_id,
               http_status = coalesce(nullif(x.http_status, 0), s.http_status),
               request_id = coalesce(nullif(x.request_id, ''), s.request_id),
               attempts = s.attempts + (x.counts is true)::int,
               first_sent_at = coalesce(s.first_sent_at, t - coalesce(x.duration_ms, 0) * interval '1 ms'),
               error_code = null, error_message = null, claim_token = null, claim_expires_at = null,
               is_plain = s.tries = 1 and s.first_sent_at is null and x.sent is true and x.outcome = 'accepted'
          from unnest(own) x
         where s.submission_id = any (ids) and s.submission_id = x.of_submission
           and s.order_id = x.of_order and s.marker = x.marker and s.claim_token = x.claim_token and s.state = 'sending'
        returning s.submission_id, s.tries, s.is_plain, x.claim_token, x.sent, x.duration_ms, x.outcome, x.http_status, x.request_id
    ), noted as (
        insert into attempts (submission_id, attempt, kind, worker_id, claim_token, sent, started_at, finished_at,
                              outcome, http_status, request_id)
        select p.submission_id, p.tries, 'post', for_worker, p.claim_token, coalesce(p.sent, false),
               t - coalesce(p.duration_ms, 0) * interval '1 ms', t, p.outcome, p.http_status, nullif(p.request_id, '')
          from put p
         where not p.is_plain
    )
    select array_agg(p.submission_id) into done from put p;
    if done is null then
        return '{}';
    end if;
    update lanes l
       set active_submission = null,
           next_at = coalesce((select min(p.next_attempt_at) from submissions p
                                where p.order_id = l.order_id and p.settled_at is null and p.state = 'planned'), 'infinity')
     where l.order_id = any (orders) and l.active_submission = any (done);
    insert into queue (order_key, source)
    select distinct s.order_id, 'settled'
      from rows r
     cross join lateral (select k.order_id from submissions k where k.order_id = r.order_id and k.submission_id = any (done) offset 0) s
     where r.looks_when_settled and r.order_id = any (orders);
    perform close_settled(done);
    update runs r set accepted = r.accepted + cardinality(done) where r.run_id = for_run;
    return done;
end $$;

-- Refusals, answers that were lost, looks, events, and what comes too late. The caller holds the lanes of the orders.
create or replace function settle_others(for_worker bigint, for_run bigint, a settlement[], orders text[]) returns bigint
language plpgsql security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    t timestamptz := clock_timestamp();
    ids bigint[];    -- the submissions that are named
    done bigint[];
    late text[];     -- orders that the planner has to look at
    accepted_count bigint := 0;
    has_refusals boolean;
    has_findings boolean;
    accepts bigint;  -- answers that say so
begin
    select array_agg(s.submission_id), coalesce(bool_or(x.next <> 'accepted'), false),
           coalesce(bool_or(x.discrepancy is not null), false), count(*) filter (where x.next = 'accepted')
      into ids, has_refusals, has_findings, accepts
      from unnest(a) x
      left join lateral (select k.submission_id from submissions k
                          where k.marker = x.marker and k.order_id = any (orders) offset 0) s on true;

    with hit as materialized (
        select x.*, s.submission_id, s.order_id, s.state, s.looks, s.tries as claims
          from unnest(a) x
         cross join lateral (
               select k.submission_id, k.order_id, k.state, k.looks, k.tries
                 from submissions k where k.marker = x.marker offset 0) s
    ), noted as (
        insert into attempts (submission_id, attempt, kind, worker_id, claim_token, sent, started_at, finished_at,
                              outcome, http_status, error, request_id)
        select h.submission_id, case h.kind when 'look' then h.looks + 1 else h.claims end, h.kind, for_worker, h.claim_token,
               coalesce(h.sent, false), t - coalesce(h.duration_ms, 0) * interval '1 ms', t, h.outcome, h.http_status,
               nullif(concat_ws(': ', nullif(h.error_code, ''), nullif(h.error_message, '')), ''), nullif(h.request_id, '')
          from hit h
    )
    -- Evidence that comes after something else was decided: the planner must see it.
    select array_agg(h.order_id) into late
      from hit h where h.next = 'accepted' and h.state in ('planned', 'held', 'rejected');

    -- Accepted: the answer, or a look that found the marker.
    with put as (
        update submissions s
           set state = 'accepted', settled_at = t,
               settled_by = case when x.outcome = 'event' then 'event' when x.kind = 'look' then 'marker' else 'answer' end,
               fulfillment_id = x.fulfillment_id, http_status = coalesce(nullif(x.http_status, 0), s.http_status),
               request_id = case when x.kind = 'post' then coalesce(nullif(x.request_id, ''), s.request_id) else s.request_id end,
               attempts = s.attempts + (x.counts is true and x.kind = 'post' and s.state = 'sending')::int,
               looks = s.looks + (x.kind = 'look')::int,
               first_sent_at = coalesce(s.first_sent_at, t - coalesce(x.duration_ms, 0) * interval '1 ms'),
               error_code = null, error_message = null, claim_token = null, claim_expires_at = null,
               next_attempt_at = null, unknown_since = null, settle_after = null, next_look_at = null,
               unknown_then = null, held_by = null
          from (select distinct on (fulfillment_id) * from unnest(a) where next = 'accepted') x
         where s.submission_id = any (ids) and s.marker = x.marker and is_way(s.state, 'accepted')
           and not exists (select from submissions o where o.fulfillment_id = x.fulfillment_id offset 0)
           and not exists (select from explained o where o.fulfillment_id = x.fulfillment_id offset 0)
        returning s.submission_id
    )
    select array_agg(submission_id), count(*) into done, accepted_count from put;
    if accepted_count > 0 then
        perform take_back_booked(done);
    end if;
    if late is not null and accepted_count > 0 then
        -- What was planned in its place goes no more.
        perform withdraw_unwanted(late, false);
    end if;

    -- Everything else: only the claim's own answer, or a look at what is still unknown.
    if accepted_count < cardinality(a) then
        with put as (
            update submissions s
               set state = y.next,
                   settled_at = case when y.next in ('rejected', 'split') then t end,
                   settled_by = case when y.next in ('rejected', 'split') then
                                     case x.kind when 'look' then 'marker' else 'answer' end end,
                   next_attempt_at = case when y.next = 'planned' then
                                          case when x.waits_for_gate then 'infinity' else t + x.delay_ms * interval '1 ms' end end,
                   unknown_since = case when y.next = 'unknown' then coalesce(s.unknown_since, t) end,
                   settle_after = case when y.next = 'unknown'
                                       then coalesce(s.settle_after, s.claim_expires_at + coalesce(x.settle_ms, 900000) * interval '1 ms') end,
                   next_look_at = case when y.next = 'unknown' then t + coalesce(x.delay_ms, 0) * interval '1 ms' end,
                   unknown_then = case when y.next = 'unknown' then coalesce(s.unknown_then, x.unknown_then, 'replan') end,
                   held_by = case when y.next = 'held' then coalesce(x.held_by, 'ambiguous') end,
                   attempts = s.attempts + coalesce(x.counts, false)::int,
                   unknown_attempts = s.unknown_attempts + (x.kind = 'post' and (coalesce(x.is_possible, false) or x.next = 'accepted'))::int,
                   looks = s.looks + (x.kind = 'look')::int,
                   negative_looks = case when x.kind = 'post' then 0
                                         else s.negative_looks + (x.outcome in ('absent', 'unexplained'))::int end,
                   first_sent_at = coalesce(s.first_sent_at, case when x.sent and x.kind = 'post' then t - coalesce(x.duration_ms, 0) * interval '1 ms' end),
                   failed_at = case when x.sent and x.kind = 'post' then t else s.failed_at end,
                   http_status = case when x.kind = 'post' then nullif(x.http_status, 0) else s.http_status end,
                   error_code = case when x.kind = 'post' or y.next <> 'unknown' then coalesce(nullif(x.error_code, ''), s.error_code) else s.error_code end,
                   error_message = case when x.kind = 'post' or y.next <> 'unknown' then coalesce(nullif(x.error_message, ''), s.error_message) else s.error_message end,
                   request_id = case when x.kind = 'post' then coalesce(nullif(x.request_id, ''), s.request_id) else s.request_id end,
                   claim_token = null, claim_expires_at = null
              from unnest(a) x
             cross join lateral (
                   -- an id that is another submission's can't be believed
                   select case when x.next = 'accepted' then 'unknown' else x.next end as next) y
             where s.submission_id = any (ids) and s.marker = x.marker and s.submission_id <> all (coalesce(done, '{}'))
               and ((x.kind = 'post' and s.state = 'sending' and s.claim_token = x.claim_token)
                    or (x.kind = 'look' and s.state = 'unknown' and x.next <> 'accepted'
                        -- it says nothing about a POST that left after it had begun
                        and s.tries = coalesce(x.tries, s.tries)))
            returning s.submission_id
        )
        select done || array_agg(submission_id) into done from put;
    end if;

    if has_refusals then
        perform split_submissions(for_run, a, done);
        perform park_refused(done);
        -- While it was under way the warehouse may have taken units back, or somebody else have posted them: the planner
        -- could not withdraw it then, and nothing else makes it look again.
        insert into queue (order_key, source) select distinct k, 'withdrawn' from withdraw_unwanted(orders, false) k;
    end if;

    update lanes l
       set active_submission = case when s.state in ('unknown', 'sending') then s.submission_id end,
           -- a busy lane is not due, whatever else waits in it: see lanes_due
           next_at = case when s.state in ('unknown', 'sending') then 'infinity'
                          else coalesce((select min(p.next_attempt_at) from submissions p
                                          where p.order_id = l.order_id and p.settled_at is null and p.state = 'planned'),
                                        'infinity') end
      from (select distinct on (s.order_id) s.order_id, s.submission_id, s.state
              from submissions s where s.submission_id = any (done)
             order by s.order_id, (s.state in ('unknown', 'sending')) desc) s
     where l.order_id = any (orders) and l.order_id = s.order_id
       and (l.active_submission is null or l.active_submission = any (done));

    if has_refusals then
        -- The API's word on the order is out of date. Where it refuses again what its word would let pass, it is asked ever
        -- more seldom. What others posted is listed, to be booked.
        insert into orders as o (order_id, ask_at, list_at)
        select s.order_id, max(case when x.waits_for_gate and s.tries > 1 then t + ask_delay(s.tries) else t end),
               max(case when x.discrepancy = 'foreign' then t end)
          from unnest(a) x
         cross join lateral (select k.submission_id, k.order_id, k.tries from submissions k where k.marker = x.marker offset 0) s
         where x.shuts_gate or (x.discrepancy = 'foreign' and s.submission_id = any (done))
         group by 1
         order by 1
            on conflict (order_id) do update
           set checked_at = null, ask_at = excluded.ask_at, list_at = least(o.list_at, excluded.list_at);
    end if;

    late := late || array(select r.order_id from rows r where r.looks_when_settled and r.order_id = any (orders));
    if has_refusals or late <> '{}' then
        insert into queue (order_key, source)
        select distinct s.order_id, 'settled'
          from submissions s
         where s.submission_id = any (done) and (s.state in ('rejected', 'split') or s.order_id = any (late));
    end if;

    perform close_settled(done);
    if has_findings then
        perform find_discrepancies(for_run, array(
        select row(x.discrepancy, s.order_id,
                   case when x.discrepancy in ('rejected', 'foreign', 'missing', 'extra') then
                        (select min(r.item_id)
                           from submission_items i
                          cross join lateral (select k.item_id from rows k where k.row_id = i.row_id offset 0) r
                          where i.submission_id = s.submission_id having count(*) = 1) end,
                   s.shipment_ref, s.submission_id, coalesce(x.detail, x.discrepancy), x.detail, false)::finding
          from unnest(a) x
         cross join lateral (select * from submissions k where k.marker = x.marker offset 0) s
         where x.discrepancy is not null
           and (s.submission_id = any (done) or s.state = 'accepted')
           -- an answer that is not believed says nothing of units either
           and (x.next <> 'accepted' or s.state <> 'unknown')));
    end if;
    -- Accepted twice, or accepted after somebody decided otherwise.
    if accepts > accepted_count then
        perform find_discrepancies(for_run, array(
        select row(case when s.state = 'accepted' then 'double' else 'extra' end, s.order_id, '', s.shipment_ref, s.submission_id,
                   format('the API accepted it as %s, the ledger says %s%s', x.fulfillment_id, s.state,
                          coalesce(' ' || s.fulfillment_id, '')), null, false)::finding
          from unnest(a) x
         cross join lateral (select * from submissions k where k.marker = x.marker offset 0) s
         where x.next = 'accepted' and s.submission_id <> all (coalesce(done, '{}'))
           and s.fulfillment_id is distinct from x.fulfillment_id));
    end if;

    if has_refusals and (select i.marker_seen_at is not null from identity i) then
        -- Held for want of a marker, by somebody who didn't know yet that a list had shown one.
        perform release_held(array(select s.submission_id from submissions s
                                    where s.submission_id = any (done) and s.state = 'held' and s.held_by = 'marker'));
    end if;

    if not has_refusals and accepted_count = coalesce(cardinality(done), 0) then
        update runs r set accepted = r.accepted + accepted_count where r.run_id = for_run;
        return accepted_count;
    end if;
    update runs r
       set accepted = r.accepted + c.accepted, rejected = r.rejected + c.rejected, unknown = r.unknown + c.unknown,
           retried = r.retried + c.retried, held = r.held + c.held
      from (select count(*) filter (where s.state = 'accepted') as accepted,
                   count(*) filter (where s.state = 'rejected') as rejected,
                   count(*) filter (where s.state = 'unknown' and s.unknown_since >= t) as unknown,
                   count(*) filter (where s.state = 'planned') as retried,
                   count(*) filter (where s.state = 'held') as held
              from submissions s where s.submission_id = any (done)) c
     where r.run_id = for_run;
    return cardinality(coalesce(done, '{}'));
end $$;

-- What was booked as somebody else's is one of ours: its units are posted by the submission, so those that were booked are
-- taken back, first from the rows that they were booked on. The caller holds the lanes of the orders.
create or replace function take_back_booked(ids bigint[]) returns void
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    said text[] := array(select s.fulfillment_id from submissions s where s.submission_id = any (ids) and s.state = 'accepted');
    f record;
    taken record;
    left_shipped bigint;
    left_cancelled bigint;
    now_shipped bigint;
    now_cancelled bigint;
begin
    if not exists (select from adjustments j where j.fulfillment_id = any (said)) then
        return;
    end if;
    for f in
        select s.submission_id, s.order_id, r.item_id, s.fulfillment_id, min(j.kind) as kind, array_agg(j.row_id) as row_ids,
               sum(j.shipped) as shipped, sum(j.cancelled) as cancelled
          from submissions s
          join adjustments j on j.fulfillment_id = s.fulfillment_id
          join rows r on r.row_id = j.row_id and r.order_id = s.order_id
         where s.submission_id = any (ids) and s.fulfillment_id = any (said)
         group by 1, 2, 3, 4
         order by 1, 3
    loop
        left_shipped := f.shipped;
        left_cancelled := f.cancelled;
        for taken in
            select u.row_id, u.posted_shipped, u.posted_cancelled
              from row_units u
             where u.order_id = f.order_id and u.item_id = f.item_id
             order by u.row_id = any (f.row_ids) desc, u.shipment_ref
        loop
            now_shipped := least(left_shipped, greatest(0, taken.posted_shipped));
            now_cancelled := least(left_cancelled, greatest(0, taken.posted_cancelled));
            insert into adjustments (kind, row_id, shipped, cancelled, fulfillment_id, reason)
            select f.kind, taken.row_id, -now_shipped, -now_cancelled, f.fulfillment_id,
                   format('it is that of submission %s', f.submission_id)
             where now_shipped + now_cancelled > 0;
            left_shipped := left_shipped - now_shipped;
            left_cancelled := left_cancelled - now_cancelled;
        end loop;
        update discrepancies d
           set closed_at = clock_timestamp(), closed_by = 'settled'
         where d.order_id = f.order_id and d.kind = 'foreign' and d.item_id = f.item_id and d.submission_id = 0
           and d.fingerprint = f.fulfillment_id and d.closed_at is null;
        insert into queue (order_key, source) values (f.order_id, 'settled');
    end loop;
end $$;

-- Their lists showed what may have been that of a submission on its way, which has come to an end: whose it is can be told now.
create or replace function list_settled(ids text[]) returns void
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
begin
    perform 1 from orders o where o.order_id = any (ids) and o.lists_when_settled order by o.order_id for no key update;
    update orders o
       set list_at = least(o.list_at, clock_timestamp()), lists_when_settled = false
     where o.order_id = any (ids) and o.lists_when_settled
       and not exists (select from submissions s
                        where s.order_id = o.order_id and s.settled_at is null and is_on_its_way(s.state));
end $$;

-- What was refused for good is parked until its row, or its item at the API, changes.
create or replace function park_refused(ids bigint[]) returns void
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
begin
    update rows r
       set refused_submission = s.submission_id, refused_shipped = r.shipped, refused_cancelled = r.cancelled,
           refused_api_quantity = (select o.quantity from order_items o
                                    where o.order_id = r.order_id and o.item_id = r.item_id)
      from submissions s
      join submission_items i using (submission_id)
     where s.submission_id = any (ids) and s.state = 'rejected' and r.row_id = i.row_id
       and r.shipped is not null and r.cancelled is not null;
end $$;

-- A refusal of several lines: the one that was named goes alone, else each half.
create or replace function split_submissions(for_run bigint, a settlement[], done bigint[]) returns void
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
begin
    if not exists (select from unnest(a) x where x.next = 'split') then
        return;
    end if;
    with parents as (
        select s.*, x.alone_item
          from unnest(a) x
          join submissions s on s.marker = x.marker
         where x.next = 'split' and s.state = 'split' and s.submission_id = any (done)
    ), parts as (
        select p.submission_id as parent_id, r.row_id, i.shipped, i.cancelled, i.shipment_item_id, r.plan_no + 1 as plan_no,
               case when bool_or(r.item_id = p.alone_item) over (partition by p.submission_id) then (r.item_id = p.alone_item)::int
                    else ntile(2) over (partition by p.submission_id order by r.item_id) - 1 end as part
          from parents p
          join submission_items i using (submission_id)
          join rows r using (row_id)
    ), heads as (
        select distinct d.parent_id, d.part, gen_random_uuid() as marker
          from (select distinct parent_id, part from parts) d
    ), made as (
        insert into submissions (marker, order_id, shipment_ref, parent_id, run_id, next_attempt_at, attempts,
                                 shipment_id, tracking_company, tracking_number, tracking_url)
        select h.marker, p.order_id, p.shipment_ref, p.submission_id, for_run, clock_timestamp(), 0,
               p.shipment_id, p.tracking_company, p.tracking_number, p.tracking_url
          from heads h
          join parents p on p.submission_id = h.parent_id
         order by h.parent_id, h.part
        returning submission_id, marker
    )
    insert into submission_items (submission_id, row_id, plan_no, shipped, cancelled, shipment_item_id)
    select m.submission_id, x.row_id, x.plan_no, x.shipped, x.cancelled, x.shipment_item_id
      from parts x
      join heads h using (parent_id, part)
      join made m using (marker);
end $$;

-- What kept a submission's discrepancy open has ended.
create or replace function close_settled(ids bigint[]) returns void
language plpgsql volatile security definer set search_path from current
    set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off as $$
begin
    if not exists (select from discrepancies d
                    where d.submission_id = any (ids) and d.closed_at is null and d.submission_id <> 0) then
        return;
    end if;
    update discrepancies d
       set closed_at = clock_timestamp(), closed_by = 'settled'
      from submissions s
     where s.submission_id = any (ids) and d.submission_id = s.submission_id and d.closed_at is null and d.submission_id <> 0
       and ((d.kind in ('ambiguous', 'attempts') and s.state <> 'held')
            or (d.kind in ('rejected', 'payment', 'foreign') and s.state = 'accepted'));
end $$;

-- A whole list of an order's fulfillments, as the API showed it: [{"id", "marker", "created", "items":
-- [{"item", "shipped", "cancelled"}]}]. Takes every marker of ours as evidence and says about one of them
-- whether it is there and, if not, what stands in the way of believing that: fulfillments that nobody
-- explains, or that the list lacks those which the API has accepted before and so can't be the whole list.
create or replace function read_listing(
    for_run bigint, of_order text, listing jsonb, of_marker uuid, sent_after timestamptz,
    out found_id text, out unexplained bigint, out unexplained_detail text, out marker_was_seen boolean, out lacking_detail text)
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    evidence jsonb;
    unseen bigint[];
begin
    -- The first marker that a list shows sets others free: their lanes are locked with this one, in order.
    if (select i.marker_seen_at is null from identity i)
       and exists (select from jsonb_array_elements(listing) f
                    join known_markers(of_order) k on k.marker::text = lower(f ->> 'marker')) then
        unseen := array(select s.submission_id from submissions s where s.held_by = 'marker');
    end if;
    perform 1
       from lanes l
      where l.order_id in (select of_order union all
                           select s.order_id from submissions s where s.submission_id = any (unseen))
      order by l.order_id for no key update;
    if unseen is not null then
        update identity set marker_seen_at = clock_timestamp() where marker_seen_at is null;
        perform release_held(unseen);
    end if;

    -- newest first in the list, so the oldest of two with one marker is the original
    select jsonb_agg(jsonb_build_object('kind', 'look', 'marker', e.marker, 'next', 'accepted', 'outcome', 'found',
                                        'sent', true, 'fulfillment_id', e.id))
      into evidence
      from (select distinct on (s.marker) s.marker, f.value ->> 'id' as id
              from jsonb_array_elements(listing) with ordinality f
              join submissions s on s.marker::text = lower(f.value ->> 'marker') and s.order_id = of_order
             where is_way(s.state, 'accepted') and s.state <> 'sending' -- its own answer says it
             order by s.marker, f.ordinality desc) e;
    if evidence is not null then
        perform settle(null, for_run, evidence);
    end if;
    -- Those, and what an event has settled since the order was listed last: neither said how many units there are.
    perform find_discrepancies(for_run, applied_otherwise(listing, array(
        select s.submission_id from submissions s
         where s.order_id = of_order and s.state = 'accepted'
           and (s.marker::text in (select e ->> 'marker' from jsonb_array_elements(evidence) e)
                or (s.settled_by = 'event'
                    and s.settled_at > coalesce((select o.listed_at from orders o where o.order_id = of_order), '-infinity'))))));
    perform find_discrepancies(for_run, array(
        select row('double', of_order, '', min(k.shipment_ref), k.submission_id,
                   format('%s fulfillments carry the marker of one submission: %s', count(*), string_agg(f ->> 'id', ', ' order by f ->> 'id')),
                   null, false)::finding
          from jsonb_array_elements(listing) f
          join known_markers(of_order) k on k.marker::text = lower(f ->> 'marker')
         group by k.submission_id, k.marker
        having count(distinct f ->> 'id') > 1));

    select f ->> 'id' into found_id
      from jsonb_array_elements(listing) with ordinality x(f, n)
     where lower(f ->> 'marker') = of_marker::text
     order by n desc limit 1;
    select count(*), string_agg(f ->> 'id', ', ' order by f ->> 'id')
      into unexplained, unexplained_detail
      from jsonb_array_elements(listing) f
     where not is_explained(of_order, f ->> 'id', f ->> 'marker')
       -- it could be ours: not surely older than our first byte, by clocks that may differ
       and (sent_after is null or is_later(f ->> 'created', sent_after - interval '10 min'));
    select marker_seen_at is not null into marker_was_seen from identity;
    lacking_detail := lacking_in(of_order, listing);
end $$;

-- Submissions whose fulfillment, as a list shows it, has other units than were sent; one that shows no items says nothing.
create or replace function applied_otherwise(listing jsonb, ids bigint[]) returns finding[]
language sql stable set search_path from current as $$
select array(
    select row(case when bool_or(u.got_shipped < u.sent_shipped or u.got_cancelled < u.sent_cancelled) then 'missing' else 'extra' end,
               s.order_id, case when count(*) = 1 then min(u.item_id) end, s.shipment_ref, s.submission_id,
               format('fulfillment %s was found: %s', s.fulfillment_id,
                      string_agg(format('item %s: sent %s+%s, applied %s+%s', u.item_id, u.sent_shipped, u.sent_cancelled,
                                        u.got_shipped, u.got_cancelled), ', ' order by u.item_id)), null, false)::finding
      from submissions s
      join jsonb_array_elements(listing) f on f ->> 'id' = s.fulfillment_id and f -> 'items' <> '[]'
     cross join lateral (
           select x.item_id, sum(x.shipped) filter (where x.is_sent) as sent_shipped, sum(x.cancelled) filter (where x.is_sent) as sent_cancelled,
                  sum(x.shipped) filter (where not x.is_sent) as got_shipped, sum(x.cancelled) filter (where not x.is_sent) as got_cancelled
             from (select r.item_id, i.shipped, i.cancelled, true as is_sent
                     from submission_items i join rows r using (row_id) where i.submission_id = s.submission_id
                    union all
                   select i ->> 'item', (i ->> 'shipped')::bigint, (i ->> 'cancelled')::bigint, false
                     from jsonb_array_elements(f -> 'items') i) x
            group by x.item_id) z
     cross join lateral (
           select z.item_id, coalesce(z.sent_shipped, 0) as sent_shipped, coalesce(z.sent_cancelled, 0) as sent_cancelled,
                  coalesce(z.got_shipped, 0) as got_shipped, coalesce(z.got_cancelled, 0) as got_cancelled) u
     where s.submission_id = any (ids) and (u.sent_shipped, u.sent_cancelled) <> (u.got_shipped, u.got_cancelled)
     group by s.submission_id)
$$;

-- The fulfillments that the API has accepted from us and that a list of the order should show, but doesn't; without those of
-- lines of which a person has said that the API lost some.
create or replace function lacking_in(of_order text, listing jsonb) returns text
language sql stable set search_path from current as $$
select string_agg(s.fulfillment_id, ', ' order by s.submission_id)
  from submissions s
 where s.order_id = of_order and s.state = 'accepted'
   and s.fulfillment_id <> all (array(select f ->> 'id' from jsonb_array_elements(listing) f))
   and not exists (select from discrepancies d
                    where d.order_id = of_order and d.kind = 'missing' and d.is_dismissed
                      and s.settled_at < d.closed_at -- what was accepted since then must show
                      and (d.submission_id = s.submission_id
                           or exists (select from submission_items i join rows r using (row_id)
                                       where i.submission_id = s.submission_id and r.item_id = d.item_id)))
$$;

-- The markers that this ledger ever sent for an order; submission_id 0: pruned by now.
create or replace function known_markers(of_order text)
returns table (marker uuid, submission_id bigint, shipment_ref text, state submission_state)
language sql stable set search_path from current as $$
select s.marker, s.submission_id, s.shipment_ref::text, s.state from submissions s where s.order_id = of_order
 union all
select e.marker, 0, '', 'accepted' from explained e where e.order_id = of_order
$$;

-- Does the ledger know what a fulfillment of the API's is? What was withdrawn or split was never applied, as far as the
-- ledger knows; found at the API, after a restore, it counts as nobody's, and its units are booked.
create or replace function is_explained(of_order text, id text, of_marker text) returns boolean
language sql stable set search_path from current as $$
select exists (select from known_markers(of_order) k
                where k.marker::text = lower(of_marker) and k.state not in ('withdrawn', 'split'))
    or exists (select from submissions s where s.fulfillment_id = id)
    or exists (select from adjustments j where j.fulfillment_id = id)
    or exists (select from explained e where e.fulfillment_id = id)
$$;

-- Can what nobody explains be that of a submission on its way? It shows no marker, and is not surely older than the first
-- POST, by clocks that may differ.
create or replace function may_be_ours(of_order text, fulfillment jsonb) returns boolean
language sql stable set search_path from current as $$
select coalesce(fulfillment ->> 'marker', '') = ''
       and exists (select from submissions s
                    where s.order_id = of_order and s.settled_at is null and is_on_its_way(s.state)
                      and is_later(fulfillment ->> 'created', coalesce(s.first_sent_at, s.created_at) - interval '10 min'))
       and not is_explained(of_order, fulfillment ->> 'id', fulfillment ->> 'marker')
$$;

create or replace function is_later(at text, than timestamptz) returns boolean
language plpgsql immutable set search_path from current as $$
begin
    return coalesce(at::timestamptz >= than, true);
exception when others then
    return true;
end $$;

-- Held only because no marker of ours had ever been seen in a list: now one was. The caller holds their lanes.
create or replace function release_held(ids bigint[]) returns void
language plpgsql security definer set search_path from current as $$
declare
    freed bigint[];
begin
    with put as (
        update submissions s
           set state = 'planned', held_by = null, next_attempt_at = clock_timestamp()
         where s.submission_id = any (ids) and s.state = 'held' and s.held_by = 'marker'
        returning s.submission_id, s.order_id
    ), lane as (
        update lanes l set next_at = clock_timestamp() from put where l.order_id = put.order_id
    )
    select array_agg(submission_id) into freed from put;
    perform close_settled(freed);
end $$;
