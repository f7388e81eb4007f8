-- history: a small warehouse and an API's answers, for tests that drive the planner from SQL.
--
-- Loaded into a new ledger (schema waybill) of the tests. A row of the warehouse is written
--     ORDER ITEM REF ORDERED/SHIPPED/CANCELLED[/RETURNED] [MODEL|-] [TRACKING]
-- several with ';' between; '' is the empty text and null is null. What the ledger says comes back as text
-- in the same spirit, so that a test can be read. Order A is the one that nobody names.

create schema t;
set search_path = waybill, t, pg_temp;

create table t.w (
    order_id text, item_id text, shipment_ref text, ordered numeric, shipped numeric, cancelled numeric,
    returned numeric, model text, tracking_number text);

create table t.settings (
    has_gate boolean not null default false,
    is_note  boolean not null default false,
    units_max bigint not null default 0,
    grace_ms bigint not null default 3600000,
    fresh_ms bigint not null default 900000,
    lines_max int not null default 100);
insert into t.settings default values;

create function t.word(word text) returns text language sql immutable as
$$ select case word when '''''' then '' when 'null' then null else word end $$;

create function t.name(name text) returns text language sql immutable as
$$ select case when name = '' then '''''' else name end $$;

create function t.of(order_id text) returns text language sql immutable as
$$ select case when order_id = 'A' then '' else order_id || ' ' end $$;

create function t.warehouse(rows_text text) returns void language plpgsql as $$
declare
    line text;
    p text[];
    q text[];
begin
    delete from t.w;
    foreach line in array string_to_array(rows_text, ';') loop
        p := regexp_split_to_array(trim(line), '\s+');
        continue when p[1] = '';
        q := string_to_array(p[4], '/');
        insert into t.w values (p[1], t.word(p[2]), t.word(p[3]), t.word(q[1])::numeric, t.word(q[2])::numeric,
                                t.word(q[3])::numeric, q[4]::numeric, nullif(p[5], '-'), p[6]);
    end loop;
end $$;

create function t.readings(of_orders text[]) returns reading[] language sql stable as $$
select array(select row(w.order_id, w.item_id, w.shipment_ref, w.ordered, w.shipped, w.cancelled, w.returned,
                        null, w.tracking_number, null, null, null, w.model)::reading
               from t.w w where w.order_id = any (of_orders)
              order by random())
$$;

create function t.plan_these(keys text[]) returns record language plpgsql as $$
declare
    s t.settings;
    r record;
begin
    select * into strict s from t.settings;
    select * into r from plan_orders(null, keys, t.readings(keys), s.has_gate, s.is_note, s.units_max, s.grace_ms,
                                     s.fresh_ms, s.lines_max);
    return r;
end $$;

-- Bytes that nothing can compress.
create function t.noise(bytes int) returns text language sql volatile as
$$ select left(string_agg(md5(random()::text), ''), bytes) from generate_series(1, bytes / 32 + 1) $$;

-- A look at every order that anybody knows; the queue is empty then.
create function t.look() returns text language plpgsql as $$
declare
    r record;
begin
    if not plan_begin() then
        return 'another plans';
    end if;
    delete from queue;
    r := t.plan_these(array(select w.order_id from t.w w union select x.order_id from rows x));
    return format('looked %s planned %s withdrawn %s busy %s opened %s',
                  r.looked, r.planned, r.withdrawn, r.busy, r.opened);
end $$;

create function t.plan(rows_text text) returns text language plpgsql as $$
begin
    perform t.warehouse(rows_text);
    return t.look();
end $$;

-- Where every row version of the ledger lies: it changes with each that is written.
create function t.versions() returns text language sql volatile as $$
select md5(string_agg(x, ' ' order by x))
  from (select 'rows' || ctid from rows union all select 'submissions' || ctid from submissions
        union all select 'items' || ctid from submission_items union all select 'lanes' || ctid from lanes
        union all select 'orders' || ctid from orders union all select 'order_items' || ctid from order_items
        union all select 'discrepancies' || ctid from discrepancies
        union all select 'adjustments' || ctid from adjustments union all select 'queue' || ctid from queue
        union all select 'relooks' || ctid from relooks) v(x)
$$;

create function t.settings(what text) returns void language plpgsql as
$$ begin execute 'update t.settings set ' || what; end $$;

create function t.begin() returns void language plpgsql as $$
begin
    perform set_config('t.worker', worker_begin((select min(run_id) from runs), 'test', 1)::text, false);
end $$;

-- Every wait is over: back-offs, and the time that a claim may be sent.
create function t.time_passes() returns void language plpgsql as $$
begin
    perform 1 from lanes order by order_id for no key update;
    update submissions set next_attempt_at = clock_timestamp()
     where state = 'planned' and next_attempt_at < 'infinity' and next_attempt_at > clock_timestamp();
    update lanes l set next_at = clock_timestamp()
     where l.next_at > clock_timestamp() and l.active_submission is null
       and exists (select from submissions s where s.order_id = l.order_id and s.state = 'planned'
                      and s.next_attempt_at < 'infinity');
end $$;

create function t.claim(slots int) returns bigint language sql volatile as $$
select count(distinct submission_id)
  from claim(current_setting('t.worker')::bigint, null, (select max(version) from schema_versions), gen_random_uuid(),
             slots, 5000, null)
$$;

-- A claim takes nothing of a line that has more than the warehouse wanted when it was last read.
create function t.claim_soundly(slots int) returns bigint language plpgsql as $$
declare
    before bigint[] := array(select submission_id from submissions where state = 'sending');
    claimed bigint := t.claim(slots);
    fault text;
begin
    select format('submission %s of order %s, item %s: %s', s.submission_id, s.order_id, r.item_id, to_json(l))
      into fault
      from submissions s
      join submission_items i using (submission_id)
      join rows r using (row_id)
     cross join lateral (
           select sum(x.live_shipped) as shipped, sum(x.live_cancelled) as cancelled,
                  sum(case when x.is_present then x.shipped + x.returned else x.live_shipped end) as wants_shipped,
                  sum(case when x.is_present then x.cancelled else x.live_cancelled end) as wants_cancelled
             from rows x where x.order_id = r.order_id and x.item_id = r.item_id) l
     where s.state = 'sending' and s.submission_id <> all (before)
       and ((i.shipped > 0 and l.shipped > l.wants_shipped) or (i.cancelled > 0 and l.cancelled > l.wants_cancelled))
     limit 1;
    if found then
        raise exception 'claimed, though no one wants it: %', fault;
    end if;
    return claimed;
end $$;

-- One answer for a submission; what it is beyond its state is in extra.
create function t.answer(id bigint, next text, extra jsonb) returns bigint language sql volatile as $$
select waybill.settle(current_setting('t.worker')::bigint, null, jsonb_build_array(
           jsonb_build_object('kind', 'post', 'marker', s.marker, 'claim_token', s.claim_token, 'next', next,
                              'outcome', next, 'sent', true, 'duration_ms', 5, 'delay_ms', 60000, 'settle_ms', 965000,
                              'counts', true)
           -- half of them say whose marker it is, as the bridge does
           || case when id % 2 = 0 then jsonb_build_object('of_submission', id, 'of_order', s.order_id) else '{}' end
           || extra))
  from submissions s where s.submission_id = id
$$;

create function t.one(id bigint, word text, argument text) returns void language plpgsql as $$
begin
    perform case word
        when 'accept' then t.answer(id, 'accepted', jsonb_build_object('http_status', 201, 'fulfillment_id', 'f' || id))
        when 'later' then t.answer(id, 'planned', '{"http_status": 422}')
        when 'reject' then t.answer(id, 'rejected', '{"http_status": 400, "error_code": "no",
                                                      "discrepancy": "rejected", "detail": "no"}')
        when 'split' then t.answer(id, 'split', jsonb_build_object('http_status', 400, 'alone_item', nullif(argument, '')))
        when 'not_accepted' then t.answer(id, 'planned', '{"waits_for_gate": true, "shuts_gate": true, "delay_ms": 0}')
        when 'attempts' then t.answer(id, 'held', '{"held_by": "attempts", "discrepancy": "attempts", "detail": "20"}')
        when 'unknown' then t.answer(id, 'unknown', '{"is_possible": true, "unknown_then": "replan"}')
        when 'taken' then t.answer(id, 'unknown', '{"unknown_then": "reject", "http_status": 409}')
        when 'unknown_waits' then t.answer(id, 'unknown', '{"is_possible": true, "unknown_then": "wait"}')
        when 'found' then t.answer(id, 'accepted', jsonb_build_object('kind', 'look', 'fulfillment_id', 'f' || id))
        when 'absent' then t.answer(id, 'planned', '{"kind": "look", "outcome": "absent", "counts": false}')
        when 'absent_waits' then t.answer(id, 'planned', '{"kind": "look", "outcome": "absent", "counts": false,
                                                           "waits_for_gate": true, "shuts_gate": true}')
        when 'absent_rejected' then t.answer(id, 'rejected', '{"kind": "look", "outcome": "absent", "counts": false,
                                                               "discrepancy": "foreign", "detail": "others have it"}')
        when 'doubt' then t.answer(id, 'held', '{"kind": "look", "outcome": "unexplained", "held_by": "ambiguous",
                                                 "discrepancy": "ambiguous", "detail": "?"}')
        when 'no_marker' then t.answer(id, 'held', '{"kind": "look", "outcome": "absent", "held_by": "marker",
                                                     "discrepancy": "ambiguous", "detail": "?"}')
    end;
end $$;

create function t.is_look(word text) returns boolean language sql immutable as
$$ select word in ('found', 'absent', 'absent_waits', 'absent_rejected', 'doubt', 'no_marker') $$;

-- The same answer for all that is on its way, or for all that is unknown; what can be claimed is claimed before.
create function t.all(word text, argument text) returns bigint language plpgsql as $$
declare
    answered bigint;
begin
    if not t.is_look(word) and not exists (select from submissions where state = 'sending') then
        perform t.claim(100);
    end if;
    select count(t.one(s.submission_id, word, argument)) into answered
      from submissions s
     where s.state = case when t.is_look(word) then 'unknown' else 'sending' end::submission_state;
    return answered;
end $$;

-- New tracking is on its way, and arrived as the version that is named.
create function t.track() returns bigint language sql volatile as $$
select count(*)
  from take_tracking(current_setting('t.worker')::bigint, (select max(version) from schema_versions), 10, 60000)
$$;

create function t.tracked(version text) returns void language plpgsql as $$
begin
    perform tracking_done(null, k.submission_id, tracked.version::int, 'sent', '', 0, k.sending_until)
       from tracking k where k.sending_until is not null;
end $$;

-- The API's order: ORDER STATE ITEM:QUANTITY[:STATE] ...
create function t.api(text text) returns void language plpgsql as $$
declare
    p text[] := regexp_split_to_array(trim(text), '\s+');
begin
    if p[2] = 'unknown' then
        perform record_unknown_orders(array[p[1]]);
        return;
    end if;
    perform record_orders(jsonb_build_array(jsonb_build_object('order_id', p[1], 'state', p[2], 'items',
        (select coalesce(jsonb_agg(jsonb_build_object('item_id', split_part(i, ':', 1), 'quantity', split_part(i, ':', 2)::int,
                                                      'state', nullif(split_part(i, ':', 3), ''))), '[]')
           from unnest(p[3:]) i))));
end $$;

-- The list of an order's fulfillments: ORDER ID:ITEM:SHIPPED/CANCELLED ...; an id "m*" shows the marker of its oldest submission.
create function t.list(text text) returns void language plpgsql as $$
declare
    p text[] := regexp_split_to_array(trim(text), '\s+');
begin
    perform record_listing(null, p[1],
        (select coalesce(jsonb_agg(jsonb_build_object(
                    'id', split_part(f, ':', 1),
                    'marker', (select s.marker from submissions s where s.order_id = p[1] and f like 'm*:%'
                                order by s.submission_id limit 1),
                    'created', clock_timestamp(),
                    'items', jsonb_build_array(jsonb_build_object(
                        'item', split_part(f, ':', 2),
                        'shipped', split_part(split_part(f, ':', 3), '/', 1)::int,
                        'cancelled', split_part(split_part(f, ':', 3), '/', 2)::int)))), '[]')
           from unnest(p[2:]) f));
end $$;

-- ------------------------------------------------------------------ what the ledger says

-- Open submissions: STATE REF ITEM:SHIPPED/CANCELLED ...
create function t.open() returns text language sql stable as $$
select coalesce(string_agg(format('%s%s%s %s %s', t.of(s.order_id), s.state,
                                  case when s.held_by is not null then ' (' || s.held_by || ')' else '' end,
                                  t.name(s.shipment_ref), i.items), '; ' order by s.order_id, s.submission_id), '')
  from submissions s
 cross join lateral (
       select case when count(*) > 5 then format('%s lines, %s units', count(*), sum(i.shipped + i.cancelled))
                   else string_agg(format('%s:%s/%s', t.name(r.item_id), i.shipped, i.cancelled), ' ' order by r.item_id) end as items
         from submission_items i join rows r using (row_id) where i.submission_id = s.submission_id) i
 where is_open(s.state)
$$;

create function t.posted() returns text language sql stable as $$
select coalesce(string_agg(format('%s%s %s %s/%s', t.of(order_id), t.name(item_id), t.name(shipment_ref), posted_shipped, posted_cancelled),
                           '; ' order by order_id, item_id, shipment_ref), '')
  from row_units where posted_shipped + posted_cancelled > 0
$$;

-- Open discrepancies: KIND ITEM.
create function t.issues() returns text language sql stable as $$
select coalesce(string_agg(trim(format('%s%s %s', t.of(d.order_id), d.kind, d.item_id)), '; '
                           order by d.order_id, d.kind, d.item_id), '')
  from discrepancies d where d.closed_at is null
$$;

create function t.notes() returns text language sql stable as $$
select coalesce(string_agg(trim(format('%s%s %s', t.of(d.order_id), d.kind, d.item_id)), '; ' order by d.discrepancy_id), '')
  from discrepancies d where d.is_note
$$;

-- How often a discrepancy was opened, over all of time.
create function t.opened() returns text language sql stable as
$$ select count(*)::text from discrepancies where not is_note $$;

create function t.detail() returns text language sql stable as
$$ select coalesce(string_agg(detail, '; ' order by kind, item_id), '') from discrepancies where closed_at is null $$;

create function t.states() returns text language sql stable as
$$ select coalesce(string_agg(state::text, ' ' order by submission_id), '') from submissions $$;

create function t.attempts() returns text language sql stable as
$$ select coalesce(string_agg(attempts::text, ' ' order by submission_id), '') from submissions where is_open(state) $$;

create function t.waits() returns text language sql stable as $$
select coalesce(string_agg(format('%s%s %s: %s', t.of(order_id), t.name(item_id), t.name(shipment_ref),
                                  regexp_replace(waits_for, 'submission \d+', 'submission #')), '; '
                           order by order_id, item_id, shipment_ref), '')
  from rows where waits_for is not null
$$;

create function t.adjustments() returns text language sql stable as $$
select coalesce(string_agg(format('%s %s %s %s/%s', j.kind, t.name(r.item_id), t.name(r.shipment_ref), j.shipped, j.cancelled), '; '
                           order by j.adjustment_id), '')
  from adjustments j join rows r using (row_id)
$$;

create function t.asks() returns text language sql stable as $$
select coalesce(string_agg(format('%s%s', case when ask_at is not null then 'ask ' else '' end,
                                  case when list_at is not null then 'list ' else '' end), '' order by order_id), '')
  from orders
$$;

create function t.queued() returns text language sql stable as
$$ select coalesce(string_agg(distinct order_key, ' '), '') from queue $$;

-- A condition that must be true, and a statement that a law must refuse.
create function t.so(condition text) returns void language plpgsql as $$
declare
    is_so boolean;
begin
    execute 'select ' || condition into is_so;
    if is_so is not true then
        raise exception 'it is not so';
    end if;
end $$;

create function t.forbidden(statement text) returns void language plpgsql as $$
begin
    begin
        execute statement;
    exception when check_violation then
        return;
    end;
    raise exception 'it is allowed';
end $$;

-- What must hold at any moment; each line of the answer is a fault.
create function t.faults() returns setof text language plpgsql stable as $$
begin
return query
select format('order %s item %s ref %s: counters say %s/%s posted and %s/%s open, its history %s/%s and %s/%s',
              r.order_id, r.item_id, r.shipment_ref, r.posted_shipped, r.posted_cancelled, r.open_shipped, r.open_cancelled,
              h.posted_shipped, h.posted_cancelled, h.open_shipped, h.open_cancelled)
  from row_units r
 cross join lateral (
       select coalesce(sum(u.shipped) filter (where u.is_posted), 0) as posted_shipped,
              coalesce(sum(u.cancelled) filter (where u.is_posted), 0) as posted_cancelled,
              coalesce(sum(u.shipped) filter (where u.is_open), 0) as open_shipped,
              coalesce(sum(u.cancelled) filter (where u.is_open), 0) as open_cancelled
         from (select i.shipped, i.cancelled, s.state = 'accepted' as is_posted, is_open(s.state) as is_open
                 from submission_items i join submissions s using (submission_id) where i.row_id = r.row_id
               union all
               select j.shipped, j.cancelled, true, false from adjustments j where j.row_id = r.row_id) u) h
 where (r.posted_shipped, r.posted_cancelled, r.open_shipped, r.open_cancelled)
       <> (h.posted_shipped, h.posted_cancelled, h.open_shipped, h.open_cancelled)
union all
select format('order %s has %s submissions on their way', s.order_id, count(*))
  from submissions s where s.state in ('sending', 'unknown') group by s.order_id having count(*) > 1
union all
select format('the lane of order %s says submission %s, on its way is %s', l.order_id, l.active_submission, s.submission_id)
  from lanes l
  left join submissions s on s.order_id = l.order_id and s.state in ('sending', 'unknown')
 where l.active_submission is distinct from s.submission_id
   and not exists (select from tracking k where k.submission_id = l.active_submission and k.sending_until is not null)
union all
select format('submission %s is due %s, its lane %s', s.submission_id, s.next_attempt_at, l.next_at)
  from submissions s join lanes l using (order_id)
 where s.state = 'planned' and l.active_submission is null
   and l.next_at > greatest(s.next_attempt_at, clock_timestamp()) + interval '1 s'
   and not exists (select from submissions d where d.order_id = s.order_id and d.held_by = 'ambiguous')
   -- what a listing booked is looked at first
   and not exists (select from queue q where q.order_key = s.order_id and q.source = 'listed')
union all
select format('order %s has a parcel with one plan number twice', r.order_id)
  from submission_items i join rows r using (row_id) group by r.order_id, i.row_id, i.plan_no having count(*) > 1;
end $$;

-- ------------------------------------------------------------------ fate: an API that answers at random

-- What was applied there, whatever the ledger knows of it.
create table t.applied (submission_id bigint primary key);

create function t.answer_by_fate(id bigint, chance int) returns void language plpgsql as $$
declare
    word text := (array['accept', 'accept', 'accept', 'accept', 'later', 'reject', 'unknown', 'unknown'])[1 + chance % 8];
begin
    if word = 'reject' and (select count(*) > 1 from submission_items i where i.submission_id = id) then
        word := 'split';
    end if;
    if word = 'accept' or chance % 8 = 6 then
        insert into t.applied values (id);
    end if;
    perform t.one(id, word, '');
end $$;

-- Whatever is on its way gets an answer, and some of what is unknown is looked up.
create function t.fate(chance int) returns text language plpgsql as $$
declare
    s record;
begin
    for s in select submission_id, state, row_number() over (order by submission_id)::int as n
               from submissions where state in ('sending', 'unknown') order by submission_id loop
        if s.state = 'sending' then
            perform t.answer_by_fate(s.submission_id, chance + s.n * 5);
        elsif (chance / 8 + s.n) % 3 > 0 then
            perform t.one(s.submission_id,
                          case when exists (select from t.applied a where a.submission_id = s.submission_id)
                               then 'found' else 'absent' end, '');
        end if;
    end loop;
    return t.open();
end $$;

-- Everything comes to its end: what is unknown is found or not, what is refused is tried again, all is accepted.
create function t.finish() returns text language plpgsql as $$
declare
    s record;
begin
    for round in 1..60 loop
        for s in select submission_id from submissions where state = 'unknown' order by submission_id loop
            perform t.one(s.submission_id,
                          case when exists (select from t.applied a where a.submission_id = s.submission_id)
                               then 'found' else 'absent' end, '');
        end loop;
        for s in select distinct refused_submission as submission_id from rows where refused_submission is not null loop
            perform decide('retry', s.submission_id, 'test', 'the end', false, null);
        end loop;
        perform t.look();
        perform t.time_passes();
        perform t.claim(100);
        for s in select submission_id from submissions where state = 'sending' order by submission_id loop
            insert into t.applied values (s.submission_id);
            perform t.one(s.submission_id, 'accept', '');
        end loop;
        exit when not exists (select from submissions where is_open(state)) and not exists (select from queue)
              and not exists (select from rows where refused_submission is not null);
    end loop;
    perform t.look();
    return t.open();
end $$;

create view t.lines as
select order_id, item_id, w.*, l.*, a.*,
       exists (select from discrepancies d where d.closed_at is null and d.order_id = k.order_id
                  and d.item_id in ('', k.item_id)) as has_issue,
       -- absence is no decrease: rows that went away keep what was posted of them
       exists (select from rows g where g.order_id = k.order_id and g.item_id = k.item_id and not g.is_present
                  and g.live_shipped + g.live_cancelled > 0) as has_gone
  from (select order_id, item_id from t.w union select order_id, item_id from rows) k
 cross join lateral (
       select greatest(max(ordered), (select max(r.ordered) from rows r where r.order_id = k.order_id
                                                                         and r.item_id = k.item_id)) as ordered,
              coalesce(sum(shipped), 0) as shipped,
              coalesce(sum(cancelled), 0) as cancelled, coalesce(sum(returned), 0) as returned
         from t.w w where w.order_id = k.order_id and w.item_id = k.item_id) w
 cross join lateral (
       select coalesce(sum(posted_shipped), 0) as posted_shipped, coalesce(sum(posted_cancelled), 0) as posted_cancelled,
              coalesce(sum(open_shipped), 0) as open_shipped, coalesce(sum(open_cancelled), 0) as open_cancelled
         from row_units r where r.order_id = k.order_id and r.item_id = k.item_id) l
 cross join lateral (
       select coalesce(sum(i.shipped), 0) as applied_shipped, coalesce(sum(i.cancelled), 0) as applied_cancelled
         from t.applied x join submission_items i using (submission_id) join rows r using (row_id)
        where r.order_id = k.order_id and r.item_id = k.item_id) a;

-- Never lost, never twice: each line of the answer is a fault. after: 'step', 'look' or 'end'.
create function t.unbalanced(after text) returns setof text language plpgsql stable as $$
begin
return query
select format('%s: %s', what, to_json(l))
  from t.lines l
 cross join lateral (values
       ('settled what was never applied', posted_shipped > applied_shipped or posted_cancelled > applied_cancelled),
       ('applied what the ledger does not know',
        applied_shipped > posted_shipped + open_shipped or applied_cancelled > posted_cancelled + open_cancelled),
       ('more than was ordered', posted_shipped + open_shipped + posted_cancelled + open_cancelled > ordered),
       ('more than is wanted', after <> 'step' and not has_issue and not has_gone
        and (posted_shipped + open_shipped > shipped + returned or posted_cancelled + open_cancelled > cancelled)),
       ('not all of it at the end', after = 'end'
        and (posted_shipped <> applied_shipped or posted_cancelled <> applied_cancelled
             or not has_issue and (posted_shipped < shipped or posted_cancelled < cancelled)))) as f(what, is_so)
 where is_so;
end $$;

-- The first fault, or nothing; in plpgsql, which keeps its plans.
create function t.fault(after text) returns text language plpgsql as $$
declare
    fault text;
begin
    if after is not null then
        select f into fault from t.unbalanced(after) f limit 1;
    end if;
    if fault is null then
        select f into fault from t.faults() f limit 1;
    end if;
    return fault;
end $$;

insert into runs (command, host, pid, version) values ('test', 'test', 1, '0');
select set_mode('live', 'test', 'a test');
