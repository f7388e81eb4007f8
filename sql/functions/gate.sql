-- gate: what the API says of orders, and what follows for their units.

-- How long until a waiting order is asked for again: 1, 2, 4 ... 60 s.
create or replace function ask_delay(asks int) returns interval
language sql immutable parallel safe as
$$ select least(60, power(2, least(asks, 10))) * interval '1 s' $$;

-- Not longer than the configuration says, but always longer than a run waits.
create or replace function ask_delay(asks int, most_ms bigint) returns interval
language sql immutable parallel safe as
$$ select least(ask_delay(asks), greatest(most_ms, 3000) * interval '1 ms') $$;

-- Orders to ask for now; taken for lease_ms so that two hosts don't ask the same.
create or replace function take_asks(most int, lease_ms bigint, only_order text) returns setof text
language sql volatile security definer set search_path from current as $$
update orders o
   set ask_at = clock_timestamp() + lease_ms * interval '1 ms'
  from (select x.order_id from orders x
         where x.ask_at <= clock_timestamp() and (only_order is null or x.order_id = only_order)
         order by x.ask_at limit most for no key update skip locked) due
 where o.order_id = due.order_id
returning o.order_id::text
$$;

-- Questions that got no answer, or were not even asked, before their lease is over: others may ask them in delay_ms.
create or replace function give_back_questions(kind text, ids text[], delay_ms bigint) returns void
language plpgsql volatile security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    again timestamptz := clock_timestamp() + delay_ms * interval '1 ms';
begin
    if kind = 'upstream' then
        update upstreams u set ask_at = again where u.upstream_id = any (ids) and u.ask_at is not null;
        return;
    end if;
    perform 1 from orders o where o.order_id = any (ids) order by o.order_id for no key update;
    if kind = 'ask' then
        update orders o set ask_at = again where o.order_id = any (ids) and o.ask_at is not null;
    else
        update orders o set list_at = again where o.order_id = any (ids) and o.list_at is not null;
    end if;
end $$;

-- A first look in a new generation waits until late POSTs of the old one must show: settle_ms after it began.
create or replace function take_lists(most int, lease_ms bigint, settle_ms bigint, only_order text) returns setof text
language sql volatile security definer set search_path from current as $$
update orders o
   set list_at = early.wait_until
  from (select x.order_id, i.generation_since + settle_ms * interval '1 ms' as wait_until
          from orders x cross join identity i
         where i.generation > 1 and i.generation_since + settle_ms * interval '1 ms' > clock_timestamp()
           and x.list_at <= clock_timestamp() and x.verified_generation < i.generation
           and (only_order is null or x.order_id = only_order)
         order by x.list_at limit 5000 for no key update of x skip locked) early
 where o.order_id = early.order_id;

update orders o
   set list_at = clock_timestamp() + lease_ms * interval '1 ms', lists = o.lists + 1, list_generation = due.generation
  from (select x.order_id, i.generation from orders x cross join identity i
         where x.list_at <= clock_timestamp() and (only_order is null or x.order_id = only_order)
           and (x.verified_generation >= i.generation or i.generation = 1
                or i.generation_since + settle_ms * interval '1 ms' <= clock_timestamp())
         order by x.list_at limit most for no key update of x skip locked) due
 where o.order_id = due.order_id
returning o.order_id::text
$$;

-- Answers of GET /orders: [{"order_id", "upstream_id", "state", "since", "captured", "cancelled",
-- "items": [{"item_id", "quantity", "state"}]}]. Whoever waited for them is looked at again.
create or replace function record_orders(answers jsonb, ask_most_ms bigint default 60000, follow_after_ms bigint default 3600000)
returns bigint
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    t timestamptz := clock_timestamp();
    known bigint;
    stale text[]; -- answers that are older than what is known already
begin
    -- What a refusal had sent back to wait for the gate goes on; lanes come first in the order of locks. Also those of what
    -- is on its way: its refusal may be settled by the time that we come to it.
    perform 1
       from lanes l
      where l.order_id in (select s.order_id
                             from jsonb_to_recordset(answers) as x(order_id text, state text)
                             join submissions s on s.order_id = x.order_id and s.settled_at is null
                            where x.state = 'accepted')
      order by l.order_id for no key update;
    insert into orders (order_id)
    select distinct x.order_id from jsonb_to_recordset(answers) as x(order_id text)
     where not exists (select from orders o where o.order_id = x.order_id)
     order by 1
        on conflict do nothing;
    perform 1
       from orders o
      where o.order_id in (select x.order_id from jsonb_to_recordset(answers) as x(order_id text))
      order by o.order_id for no key update;
    stale := array(
        select x.order_id
          from (select distinct on (x.order_id) *
                  from jsonb_to_recordset(answers) as x(order_id text, state text, since text, updated text)
                 order by x.order_id offset 0) x
         where not note_state(x.order_id, x.state, to_time(x.since), to_time(x.updated), 'api'));

    perform note_forget(answers);
    with a as (
        select distinct on (x.order_id) *
          from jsonb_to_recordset(answers) as x(order_id text, upstream_id text, state text, since text,
                                                captured numeric, cancelled numeric, items jsonb)
         where x.order_id <> all (stale)
         order by x.order_id
    ), put as (
        update orders o
           set upstream_id = coalesce(nullif(a.upstream_id, ''), o.upstream_id),
               checked_at = t, asked_since = null, unknown_since = null, unread_since = null,
               ask_at = case when is_waiting_state(a.state)
                             then t + ask_delay(o.asks + 1, ask_most_ms) end,
               asks = case when is_waiting_state(a.state) then o.asks + 1 else 0 end,
               follow_at = case when is_final_state(a.state) then final_look_at(o.state_since, t)
                                when o.follow_why is null and o.follow_at > t then o.follow_at
                                else t + follow_after_ms * interval '1 ms' end,
               follow_why = null,
               captured_amount = coalesce(a.captured, o.captured_amount),
               cancelled_amount = coalesce(a.cancelled, o.cancelled_amount)
          from a
         where o.order_id = a.order_id
        returning 1
    ), items as (
        insert into order_items as i (order_id, item_id, quantity, state)
        select distinct on (a.order_id, x.item_id) a.order_id, x.item_id, x.quantity, x.state
          from a cross join lateral jsonb_to_recordset(a.items) as x(item_id text, quantity bigint, state text)
         where x.item_id <> ''
         order by a.order_id, x.item_id
            on conflict (order_id, item_id) do update
           set quantity = excluded.quantity, state = excluded.state
         where (i.quantity, i.state) is distinct from (excluded.quantity, excluded.state)
    ), queued as (
        insert into queue (order_key, source) select a.order_id, 'gate' from a
    )
    select count(*) into known from put;
    update orders o
       set ask_at = case when o.ask_at is not null
                         then t + ask_delay(o.asks + 1, ask_most_ms) end,
           asks = o.asks + 1, unread_since = null
     where o.order_id = any (stale);

    with opened as (
        update submissions s
           set next_attempt_at = t
          from jsonb_to_recordset(answers) as x(order_id text, state text)
         where s.order_id = x.order_id and x.state = 'accepted' and x.order_id <> all (stale)
           and s.state = 'planned' and s.next_attempt_at = 'infinity'
        returning s.order_id
    )
    update lanes l set next_at = t from opened where l.order_id = opened.order_id and l.active_submission is null;
    -- Fulfilled, and asked for since it is not complete: its captures say why.
    perform ask_charges(x.order_id, x.charges)
       from jsonb_to_recordset(answers) as x(order_id text, state text, charges text[])
      where x.state = 'fulfilled' and x.charges is not null and x.order_id <> all (stale)
        and exists (select from orders o where o.order_id = x.order_id and o.follow_asks > 0);
    return known;
end $$;

create or replace function to_time(at text) returns timestamptz
language plpgsql stable set search_path from current as $$
begin
    return nullif(at, '')::timestamptz;
exception when others then
    return null;
end $$;

-- States that pass by themselves; a word that we don't know is one of them.
create or replace function is_waiting_state(state text) returns boolean
language sql immutable parallel safe as $$
select state not in ('accepted', 'blocked', 'cancelled', 'fulfilled', 'complete', 'returned')
$$;

-- Asked for alone, and the API knows no such order.
create or replace function record_unknown_orders(ids text[], ask_most_ms bigint default 60000) returns void
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    t timestamptz := clock_timestamp();
begin
    insert into orders as o (order_id, unknown_since, ask_at, asks)
    select k, t, t + ask_delay(1, ask_most_ms), 1 from (select distinct unnest(ids) as k order by 1) x
        on conflict (order_id) do update
       set unknown_since = coalesce(o.unknown_since, t), unread_since = null, checked_at = null, asked_since = null,
           asks = o.asks + 1,
           follow_why = null,
           ask_at = t + ask_delay(o.asks + 1, ask_most_ms);
    insert into queue (order_key, source) select distinct unnest(ids), 'gate';
end $$;

-- What the API has of an order can't be read, since then. For an hour that may be an accident of the moment; then a person has
-- to look, since nothing of the order's is posted meanwhile and nothing else would say so.
create or replace function note_unread(
    for_run bigint, of_order text, since timestamptz, t timestamptz, detail text, what text) returns void
language plpgsql set search_path from current as $$
begin
    if since = t then
        insert into queue (order_key, source) values (of_order, 'gate');
    elsif since < t - interval '1 hour' then
        perform find_discrepancies(for_run, array[row('unreadable', of_order, '', '', 0, detail, what, false)::finding]);
    end if;
end $$;

-- It was asked for alone, and the answer can't be read.
create or replace function record_unread_order(for_run bigint, of_order text, why text, ask_most_ms bigint) returns void
language plpgsql security definer set search_path from current as $$
declare
    t timestamptz := clock_timestamp();
    since timestamptz;
begin
    update orders o
       set unread_since = coalesce(o.unread_since, t), asks = o.asks + 1,
           ask_at = case when o.ask_at is not null then t + ask_delay(o.asks + 1, ask_most_ms) end
     where o.order_id = of_order
    returning o.unread_since into since;
    perform note_unread(for_run, of_order, since, t, format('what the API says of the order: %s', why), 'api');
end $$;

-- The same of the list of an order's fulfillments. It is asked for again when its lease is over, or in delay_ms.
create or replace function record_unlisted(for_run bigint, of_order text, why text, delay_ms bigint) returns void
language plpgsql security definer set search_path from current as $$
declare
    t timestamptz := clock_timestamp();
    since timestamptz;
begin
    update orders o
       set unlisted_since = coalesce(o.unlisted_since, t),
           list_at = case when o.list_at is not null then greatest(o.list_at, t + delay_ms * interval '1 ms') end
     where o.order_id = of_order
    returning o.unlisted_since into since;
    perform note_unread(for_run, of_order, since, t, format('the list of the order''s fulfillments: %s', why), 'list');
end $$;

-- Are the unknown ones the fewer? Then the relation speaks of the API's orders. No more are counted than decide it.
create or replace function knows_more_orders() returns boolean
language sql stable security definer set search_path from current as $$
select (select count(*) from (select from orders o where o.state is not null limit u.count + 1) k) > u.count
  from (select count(*) from orders o where o.ask_at is not null and o.unknown_since is not null) u
$$;

-- An order's fulfillments, listed because of its state, a refusal, or a new generation. Our markers are
-- evidence; what nobody explains was made by somebody else and is booked as such, unless it may be that of
-- a submission on its way: then the order is listed again when that has come to an end. A first look in a
-- generation that lacks what the API has accepted before is none: it says what is lacking, and the order
-- is listed again when its lease ends. It books all: what it takes for posted can't be posted twice, and what
-- turns out to be a submission's is taken back.
create or replace function record_listing(for_run bigint, of_order text, listing jsonb) returns text
language plpgsql security definer set search_path from current as $$
declare
    looked_in int;   -- the generation in which the listing was taken; a later one needs another
    is_first_look boolean;
    is_in_doubt boolean;
    booked bigint;
    lacking text;
begin
    select r.lacking_detail into lacking from read_listing(for_run, of_order, listing, null, null) r;
    select coalesce(o.list_generation, 1), coalesce(o.list_generation > o.verified_generation, false)
      into looked_in, is_first_look
      from (select) x left join orders o on o.order_id = of_order;
    if is_first_look and lacking is not null then
        return lacking;
    end if;
    select coalesce(jsonb_agg(f) filter (where is_first_look or not may_be_ours(of_order, f)), '[]'),
           not is_first_look and coalesce(bool_or(may_be_ours(of_order, f)), false)
      into listing, is_in_doubt
      from jsonb_array_elements(listing) f;
    booked := book_foreign(for_run, of_order, listing, is_first_look and not is_first_live(looked_in),
                           'made at the API by somebody else');
    if booked > 0 then
        perform withdraw_unwanted(array[of_order], true);
    end if;
    insert into orders as o (order_id, listed_at, lists_when_settled)
    values (of_order, clock_timestamp(), is_in_doubt)
        on conflict (order_id) do update
       set listed_at = clock_timestamp(), list_at = null, unlisted_since = null, lists_when_settled = is_in_doubt,
           verified_generation = greatest(o.verified_generation, looked_in);
    if is_first_look then
        perform note_first_look(of_order, looked_in);
    end if;
    -- What was booked may be what is planned: the planner looks at it before anything of the order goes.
    update lanes l
       set next_at = case when booked > 0 then 'infinity' else p.next_at end
      from (select min(s.next_attempt_at) as next_at from submissions s
             where s.order_id = of_order and s.state = 'planned') p
     where l.order_id = of_order and l.active_submission is null and p.next_at is not null;
    insert into queue (order_key, source) values (of_order, 'listed');
    return null;
end $$;

-- What waits to be sent was looked for before: its history says so.
create or replace function note_first_look(of_order text, in_generation int) returns void
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
begin
    with put as (
        update submissions s
           set looks = s.looks + 1
         where s.order_id = of_order and s.state = 'planned'
        returning s.submission_id, s.looks
    )
    insert into attempts (submission_id, attempt, kind, sent, started_at, outcome, error)
    select p.submission_id, p.looks, 'look', true, clock_timestamp(), 'absent',
           format('first look of generation %s: the API has no fulfillment of it', in_generation)
      from put p;
end $$;

-- The reason of an adjustment for what the API has of ours and the ledger has lost.
create or replace function own_lost() returns text
language sql immutable as $$ select 'posted by this ledger, which lost the commit' $$;

-- Fulfillments that nobody explains become adjustments `foreign`, on the rows that have such units due first. why: the
-- reason of those that are not our own.
create or replace function book_foreign(for_run bigint, of_order text, listing jsonb, is_alarm boolean, why text) returns bigint
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    f record;
    taken record;
    left_shipped bigint;
    left_cancelled bigint;
    named_shipped bigint;
    named_cancelled bigint;
    now_shipped bigint;
    now_cancelled bigint;
    booked bigint := 0;
begin
    for f in
        select l ->> 'id' as id, i ->> 'item' as item_id,
               -- our own name on it: this ledger posted it, and has lost the commit that said so
               bool_or(l ->> 'instance' = (select y.ledger_id::text from identity y)) is true as is_own,
               coalesce(sum((i ->> 'shipped')::bigint), 0) as shipped,
               coalesce(sum((i ->> 'cancelled')::bigint), 0) as cancelled
          from jsonb_array_elements(listing) l
         cross join lateral jsonb_array_elements(l -> 'items') i
         where not is_explained(of_order, l ->> 'id', l ->> 'marker')
         group by 1, 2
         order by 1, 2
    loop
        left_shipped := f.shipped;
        left_cancelled := f.cancelled;
        insert into rows (order_id, item_id, shipment_ref, is_present)
        select of_order, f.item_id, '', false
         where not exists (select from rows r where r.order_id = of_order and r.item_id = f.item_id);
        -- Cancelled units that warehouse and API had agreed on already: here is who cancelled them, so they are not
        -- booked a second time.
        for taken in
            select r.row_id, least(sum(j.cancelled), r.posted_cancelled) as agreed
              from row_units r
              join adjustments j using (row_id)
             where r.order_id = of_order and r.item_id = f.item_id and j.kind = 'foreign' and j.fulfillment_id is null
             group by r.row_id, r.posted_cancelled
             order by r.row_id
        loop
            insert into adjustments (kind, row_id, cancelled, reason)
            select 'foreign', taken.row_id, -least(left_cancelled, taken.agreed), 'cancelled by fulfillment ' || f.id
             where least(left_cancelled, taken.agreed) > 0;
            left_cancelled := left_cancelled - greatest(0, least(left_cancelled, taken.agreed));
        end loop;
        left_cancelled := f.cancelled;
        -- A baseline from a file or the warehouse settled units without knowing their fulfillments: here is one of them,
        -- so its units are taken out of the baseline and booked below under its name.
        named_shipped := 0;
        named_cancelled := 0;
        for taken in
            select r.row_id, r.posted_shipped, r.posted_cancelled, b.shipped, b.cancelled
              from row_units r
             cross join lateral (
                   select coalesce(sum(j.shipped), 0) as shipped, coalesce(sum(j.cancelled), 0) as cancelled
                     from rows x join adjustments j using (row_id)
                    where x.order_id = of_order and x.item_id = f.item_id
                      and j.kind = 'baseline' and j.fulfillment_id is null offset 0) b
             where r.order_id = of_order and r.item_id = f.item_id
             order by r.row_id
        loop
            now_shipped := greatest(0, least(f.shipped - named_shipped, taken.shipped - named_shipped, taken.posted_shipped));
            now_cancelled := greatest(0, least(f.cancelled - named_cancelled, taken.cancelled - named_cancelled, taken.posted_cancelled));
            insert into adjustments (kind, row_id, shipped, cancelled, reason)
            select 'baseline', taken.row_id, -now_shipped, -now_cancelled, 'settled by fulfillment ' || f.id
             where now_shipped + now_cancelled > 0;
            named_shipped := named_shipped + now_shipped;
            named_cancelled := named_cancelled + now_cancelled;
        end loop;
        for taken in
            select r.row_id, row_number() over (order by is_orchestrated(r.model), r.shipment_ref) = 1 as is_first,
                   -- what is planned and can still be taken back is as good as due
                   greatest(0, coalesce(r.shipped, 0) - r.posted_shipped - firm.shipped) as due_shipped,
                   greatest(0, coalesce(r.cancelled, 0) - r.posted_cancelled - firm.cancelled) as due_cancelled
              from row_units r
             cross join lateral (
                   select coalesce(sum(i.shipped), 0) as shipped, coalesce(sum(i.cancelled), 0) as cancelled
                     from submission_items i
                     join submissions s using (submission_id)
                    where i.row_id = r.row_id
                      and (s.state in ('sending', 'unknown') or (s.state in ('planned', 'held') and s.unknown_attempts > 0))
                   offset 0) firm
             where r.order_id = of_order and r.item_id = f.item_id
             order by is_orchestrated(r.model) desc, r.shipment_ref desc
        loop
            -- what the API's own fulfiller posts is most likely its; the last row visited takes what no row wants
            insert into adjustments (kind, row_id, shipped, cancelled, fulfillment_id, reason)
            select 'foreign', taken.row_id, x.shipped, x.cancelled, f.id,
                   case when f.is_own then own_lost() else why end
              from (select case when taken.is_first then left_shipped else least(left_shipped, taken.due_shipped) end as shipped,
                           case when taken.is_first then left_cancelled else least(left_cancelled, taken.due_cancelled) end as cancelled) x
             where x.shipped <> 0 or x.cancelled <> 0;
            if found then
                booked := booked + 1;
            end if;
            left_shipped := left_shipped - case when taken.is_first then left_shipped else least(left_shipped, taken.due_shipped) end;
            left_cancelled := left_cancelled - case when taken.is_first then left_cancelled else least(left_cancelled, taken.due_cancelled) end;
        end loop;
        -- Our own calls nobody: a restore loses many, and all is right again. `waybill recover` counts them.
        if is_alarm and not f.is_own and (named_shipped < f.shipped or named_cancelled < f.cancelled) then
            perform find_discrepancies(for_run, array[row('foreign', of_order, f.item_id, '', 0,
                format('fulfillment %s has %s shipped and %s cancelled that this ledger did not post', f.id, f.shipped, f.cancelled),
                f.id, false)::finding]);
        end if;
    end loop;
    if booked > 0 then
        -- What was refused because others had posted it is known now: what is left of it is planned anew.
        update rows r
           set refused_submission = null, refused_shipped = null, refused_cancelled = null, refused_api_quantity = null
          from discrepancies d
         where r.order_id = of_order and d.order_id = of_order and d.submission_id = r.refused_submission
           and d.kind = 'foreign' and d.closed_at is null;
    end if;
    return booked;
end $$;

-- Merchants' own order numbers, for rows without an order id.
create or replace function note_upstreams(ids text[]) returns void
language sql volatile security definer set search_path from current as $$
insert into upstreams (upstream_id)
select distinct u from unnest(ids) u where u <> '' and octet_length(u) <= 1000 order by 1
    on conflict (upstream_id) do nothing
$$;

create or replace function take_upstreams(most int, lease_ms bigint) returns setof text
language sql volatile security definer set search_path from current as $$
update upstreams u
   set ask_at = clock_timestamp() + lease_ms * interval '1 ms', asks = u.asks + 1
  from (select x.upstream_id from upstreams x where x.ask_at <= clock_timestamp()
         order by x.ask_at limit most for no key update skip locked) due
 where u.upstream_id = due.upstream_id
returning u.upstream_id::text
$$;

-- asked: the numbers of one question; answers: [{"order_id", "upstream_id"}]. Two orders with one number can't be
-- told apart by us: a discrepancy, until one of them is gone or a person decides.
create or replace function record_upstreams(for_run bigint, asked text[], answers jsonb, grace_ms bigint) returns void
language plpgsql security definer set search_path from current as $$
declare
    t timestamptz := clock_timestamp();
begin
    with f as (
        select x.upstream_id, count(distinct x.order_id) as orders, min(x.order_id) as order_id
          from jsonb_to_recordset(answers) as x(order_id text, upstream_id text)
         group by x.upstream_id
    )
    update upstreams u
       set order_id = case when f.orders = 1 then f.order_id end,
           is_ambiguous = f.orders > 1,
           ask_at = case when f.orders = 1 then null else t + ask_delay(u.asks) end
      from f
     where u.upstream_id = f.upstream_id and u.upstream_id = any (asked);
    update upstreams u
       set ask_at = t + ask_delay(u.asks)
     where u.upstream_id = any (asked) and u.order_id is null and not u.is_ambiguous;
    perform find_discrepancies(for_run, array(
        select row(case when u.is_ambiguous then 'ambiguous' else 'unknown_order' end, u.upstream_id, '', '', 0,
                   case when u.is_ambiguous then format('more than one order at the API has the upstream id %s', u.upstream_id)
                        else format('no order at the API has the upstream id %s', u.upstream_id) end, null, false)::finding
          from upstreams u
         where u.upstream_id = any (asked)
           and (u.is_ambiguous or (u.order_id is null and u.first_seen_at < t - grace_ms * interval '1 ms'))));
    update discrepancies d
       set closed_at = t, closed_by = 'gate'
      from upstreams u
     where u.upstream_id = any (asked) and u.order_id is not null
       and d.order_id = u.upstream_id and d.kind in ('ambiguous', 'unknown_order') and d.closed_at is null;
    insert into queue (order_key, source)
    select u.order_id, 'gate' from upstreams u where u.upstream_id = any (asked) and u.order_id is not null;
end $$;
