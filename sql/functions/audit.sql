-- audit: the ledger held against what the API has, line by line. Compares and records; mends nothing.

-- An order may be compared while nothing of it is on its way, or could still be applied.
create or replace function is_quiet(of_order text) returns boolean
language sql stable set search_path from current as $$
select not exists (
    select from submissions s
     where s.order_id = of_order and s.settled_at is null
       and (s.state in ('sending', 'unknown')
            or (s.state = 'planned' and (s.next_attempt_at <= clock_timestamp() or s.unknown_attempts > 0))))
$$;

-- Orders to audit, in the order of their ids, behind `after`. since null: all of them; else those of which something
-- was settled or changed since, is open, or needs a person. The last row, unless there is none, is not wanted: it says
-- how far was looked. One statement walks a bounded number of orders, so that years of quiet ones need no patience.
create or replace function audit_orders(after text, since timestamptz, most int, walk_most int)
returns table (order_id text, is_wanted boolean)
language plpgsql stable set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set enable_hashagg = off as $$
#variable_conflict use_column
declare
    walked text[] := array(select distinct r.order_id from rows r where r.order_id > after
                            order by r.order_id limit walk_most);
begin
    return query
    select x.k, true
      from unnest(walked) with ordinality x(k, n)
     where since is null
        or exists (select from rows r where r.order_id = x.k and r.read_at >= since)
        or exists (select from submissions s where s.order_id = x.k and (s.settled_at is null or s.settled_at >= since))
        or exists (select from discrepancies d where d.order_id = x.k and d.closed_at is null)
        or exists (select from rows r join adjustments a using (row_id) where r.order_id = x.k and a.made_at >= since)
     order by x.n
     limit most;
    if cardinality(walked) > 0 then
        return query select walked[cardinality(walked)], false;
    end if;
end $$;

-- What is known of orders right before they are listed. A POST that was answered a moment ago may be missing from a
-- list; settles_ms says how long its order's list is not believed yet.
create or replace function audit_begin(of_orders text[], settle_ms bigint)
returns table (order_id text, quiet boolean, taken_at timestamptz, settles_ms bigint)
language sql stable set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
select x.k, is_quiet(x.k), clock_timestamp(),
       greatest(0, coalesce((select settle_ms - (extract(epoch from clock_timestamp() - max(s.settled_at)) * 1000)::bigint
                               from submissions s where s.order_id = x.k and s.state = 'accepted'), 0))
  from unnest(of_orders) with ordinality x(k, n)
 order by x.n
$$;

-- One order's list of fulfillments (as read_listing takes it), asked for after taken_at, against its ledger. For each
-- line one row for each thing that is wrong, or one that says `agrees`; a single row `moving` where it was not quiet.
--
-- Each unit of difference is named once: double, then foreign, then missing or extra. Units that were settled without a
-- fulfillment's id (baselines, corrections) stand for fulfillments that nobody knows by id. Some of them need not be at the API
-- at all: a write-off says so, and a line may be cancelled in the shop without any fulfillment.
create or replace function audit_order(of_order text, asked_at timestamptz, listing jsonb)
returns table (item_id text, posted_shipped bigint, posted_cancelled bigint, open_shipped bigint, open_cancelled bigint,
               api_shipped bigint, api_cancelled bigint, read_shipped bigint, read_cancelled bigint,
               verdict text, shipped bigint, cancelled bigint, detail text, fingerprint text)
language plpgsql stable set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
#variable_conflict use_column
begin
    if not is_quiet(of_order)
       or exists (select from submissions s where s.order_id = of_order and s.settled_at >= asked_at)
       or exists (select from rows r join adjustments a using (row_id)
                   where r.order_id = of_order and a.made_at >= asked_at) then
        return query select null::text, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, 0::bigint, null::bigint,
                            null::bigint, 'moving', 0::bigint, 0::bigint, null::text, null::text;
        return;
    end if;

    return query
    with listed as (
        select f.v ->> 'id' as id, nullif(lower(f.v ->> 'marker'), '') as marker, f.v -> 'items' as items, f.n
          from jsonb_array_elements(listing) with ordinality f(v, n)
    ), marked as (
        -- of two with one marker the ledger's own is the original; where it has none of them, the oldest (newest first)
        select l.*, s.name, s.state, s.fulfillment_id,
               row_number() over (partition by case when s.name is null then l.n::text else l.marker end
                                  order by (s.fulfillment_id = l.id) is true desc, l.n desc) as copy
          from listed l
          left join lateral (select 'submission ' || s.submission_id::text as name, s.state::text as state, s.fulfillment_id
                               from submissions s where s.order_id = of_order and s.marker::text = l.marker
                              union all
                             select 'a pruned submission', 'accepted', e.fulfillment_id
                               from explained e where e.order_id = of_order and e.marker::text = l.marker
                              limit 1) s on true
    ), judged as (
        select m.*,
               case when exists (select from submissions s where s.fulfillment_id = m.id and s.order_id = of_order)
                      or exists (select from explained e where e.fulfillment_id = m.id and e.order_id = of_order)
                      or exists (select from adjustments a join rows r using (row_id)
                                  where a.fulfillment_id = m.id and r.order_id = of_order)
                      or (m.name is not null and m.copy = 1) then 'ours'
                    when m.name is not null then 'double'
                    else 'foreign' end as what
          from marked m
    ), applied as (
        select i.v ->> 'item' as item_id, j.id, j.marker, j.name, j.state, j.fulfillment_id, j.what,
               sum((i.v ->> 'shipped')::bigint)::bigint as shipped, sum((i.v ->> 'cancelled')::bigint)::bigint as cancelled
          from judged j
         cross join lateral jsonb_array_elements(j.items) i(v)
         group by 1, 2, 3, 4, 5, 6, 7
    ), api as (
        select a.item_id,
               sum(a.shipped) as shipped, sum(a.cancelled) as cancelled,
               coalesce(sum(a.shipped) filter (where a.what = 'ours'), 0) as ours_shipped,
               coalesce(sum(a.cancelled) filter (where a.what = 'ours'), 0) as ours_cancelled,
               coalesce(sum(a.shipped) filter (where a.what = 'double'), 0) as double_shipped,
               coalesce(sum(a.cancelled) filter (where a.what = 'double'), 0) as double_cancelled,
               coalesce(sum(a.shipped) filter (where a.what = 'foreign'), 0) as foreign_shipped,
               coalesce(sum(a.cancelled) filter (where a.what = 'foreign'), 0) as foreign_cancelled,
               string_agg(format('%s (%s shipped, %s cancelled) has the marker of %s%s', a.id, a.shipped, a.cancelled,
                                 a.name, coalesce(', which is ' || a.fulfillment_id, '')), '; ' order by a.id)
                   filter (where a.what = 'double') as doubles,
               string_agg(format('%s (%s shipped, %s cancelled)%s', a.id, a.shipped, a.cancelled,
                                 case when a.marker is not null then ' has a marker that this ledger doesn''t know' else '' end),
                          '; ' order by a.id)
                   filter (where a.what = 'foreign') as foreigns,
               string_agg(format('%s has the marker of %s, which is %s', a.id, a.name, a.state), '; ' order by a.id)
                   filter (where a.what = 'ours' and a.state <> 'accepted') as not_accepted
          from applied a
         group by a.item_id
    ), told as (
        -- by fulfillment id: what the API must have, one by one
        select u.item_id, sum(u.shipped) as shipped, sum(u.cancelled) as cancelled
          from (select r.item_id, i.shipped, i.cancelled
                  from submissions s
                  join submission_items i using (submission_id)
                  join rows r using (row_id)
                 where s.order_id = of_order and s.state = 'accepted'
                union all
                select r.item_id, a.shipped, a.cancelled
                  from rows r join adjustments a using (row_id)
                 where r.order_id = of_order and a.fulfillment_id is not null and a.kind <> 'returned'
                union all
                select r.item_id, r.pruned_shipped, r.pruned_cancelled
                  from rows r
                 where r.order_id = of_order and exists (select from explained e where e.order_id = of_order)) u
         group by u.item_id
    ), apart as (
        -- without one: what need not be at the API, and what says nothing about it
        select r.item_id,
               coalesce(sum(a.shipped) filter (where a.kind <> 'returned'), 0) as may_shipped,
               coalesce(sum(a.cancelled) filter (where a.kind <> 'returned'), 0) as may_cancelled,
               coalesce(sum(a.shipped) filter (where a.kind = 'returned'), 0) as returned_shipped,
               coalesce(sum(a.cancelled) filter (where a.kind = 'returned'), 0) as returned_cancelled
          from rows r join adjustments a using (row_id)
         where r.order_id = of_order
           and (a.kind = 'returned' or (a.fulfillment_id is null and a.kind in ('write_off', 'foreign')))
         group by r.item_id
    ), kept as (
        select r.item_id, sum(r.posted_shipped)::bigint as posted_shipped, sum(r.posted_cancelled)::bigint as posted_cancelled,
               sum(r.open_shipped)::bigint as open_shipped, sum(r.open_cancelled)::bigint as open_cancelled,
               case when bool_and(r.shipped is not null or not r.is_present) then sum(r.shipped) filter (where r.is_present) end::bigint as read_shipped,
               case when bool_and(r.cancelled is not null or not r.is_present) then sum(r.cancelled) filter (where r.is_present) end::bigint as read_cancelled
          from row_units r where r.order_id = of_order
         group by r.item_id
    ), lines as (
        select coalesce(k.item_id, p.item_id) as item_id, k.open_shipped, k.open_cancelled, k.read_shipped, k.read_cancelled,
               coalesce(k.posted_shipped, 0) as posted_shipped, coalesce(k.posted_cancelled, 0) as posted_cancelled,
               coalesce(p.shipped, 0)::bigint as api_shipped, coalesce(p.cancelled, 0)::bigint as api_cancelled,
               p.doubles, p.foreigns, p.not_accepted,
               audit_units(coalesce(k.posted_shipped, 0) - coalesce(x.returned_shipped, 0), coalesce(t.shipped, 0),
                           coalesce(x.may_shipped, 0), coalesce(p.ours_shipped, 0), coalesce(p.foreign_shipped, 0),
                           coalesce(p.double_shipped, 0)) as s,
               audit_units(coalesce(k.posted_cancelled, 0) - coalesce(x.returned_cancelled, 0), coalesce(t.cancelled, 0),
                           coalesce(x.may_cancelled, 0), coalesce(p.ours_cancelled, 0), coalesce(p.foreign_cancelled, 0),
                           coalesce(p.double_cancelled, 0)) as c
          from kept k
          full join api p on p.item_id = k.item_id
          left join told t on t.item_id = coalesce(k.item_id, p.item_id)
          left join apart x on x.item_id = coalesce(k.item_id, p.item_id)
    )
    select l.item_id, l.posted_shipped, l.posted_cancelled, coalesce(l.open_shipped, 0), coalesce(l.open_cancelled, 0),
           l.api_shipped, l.api_cancelled, l.read_shipped, l.read_cancelled,
           v.verdict, v.shipped, v.cancelled, left(v.detail, 2000),
           concat_ws(' ', 'audit', v.verdict, v.shipped::text || '/' || v.cancelled::text,
                     case when v.verdict in ('double', 'foreign') then md5(v.detail) end)
      from lines l
     cross join lateral (
           select 'double' as verdict, (l.s).doubled as shipped, (l.c).doubled as cancelled, l.doubles as detail
           union all
           select 'foreign', (l.s).strange, (l.c).strange, l.foreigns
           union all
           select 'missing', (l.s).missing, (l.c).missing,
                  format('the ledger says %s shipped and %s cancelled, the API has %s and %s',
                         l.posted_shipped, l.posted_cancelled, l.api_shipped, l.api_cancelled)
           union all
           select 'extra', (l.s).extra, (l.c).extra,
                  format('the API has %s shipped and %s cancelled, the ledger says %s and %s',
                         l.api_shipped, l.api_cancelled, l.posted_shipped, l.posted_cancelled) || coalesce(': ' || l.not_accepted, '')
           union all
           select 'agrees', 0, 0, null
            where (l.s).doubled + (l.s).strange + (l.s).missing + (l.s).extra
                  + (l.c).doubled + (l.c).strange + (l.c).missing + (l.c).extra = 0) v
     where v.verdict = 'agrees' or v.shipped + v.cancelled > 0
     order by l.item_id collate "C", v.verdict;
end $$;

-- The arithmetic of one line and one kind of units. posted: what the ledger counts; told: of it, what it knows by
-- fulfillment id; may: of it, what need not be at the API; ours, strange_api, doubled_api: what the API has, by whose it is.
create or replace function audit_units(posted numeric, told numeric, may numeric, ours numeric, strange_api numeric, doubled_api numeric,
                                       out doubled bigint, out strange bigint, out missing bigint, out extra bigint)
language plpgsql immutable parallel safe as $$
declare
    untold numeric := posted - told - may;  -- settled, but nobody knows as which fulfillment
    pool numeric;
    over numeric;
begin
    -- less than nothing: somebody corrected what was told
    over := ours - told - least(untold, 0);
    untold := greatest(untold, 0);
    pool := untold + greatest(may, 0);

    extra := greatest(over, 0) - least(greatest(over, 0), pool);
    pool := pool - (greatest(over, 0) - extra);
    strange := strange_api - least(strange_api, pool);
    pool := pool - (strange_api - strange);
    doubled := doubled_api - least(doubled_api, pool);
    pool := pool - (doubled_api - doubled);
    -- what must be at the API and stands for nothing there
    missing := greatest(-over, 0) + greatest(pool - greatest(may, 0), 0);
end $$;

-- Has a person dismissed what an answer or a look had told of each of these fulfillments? detail: of a line, as
-- audit_compare() says it; one that was cut names not all.
create or replace function is_dismissed_double(of_order text, detail text) returns boolean
language sql stable set search_path from current as $$
select length(detail) < 2000
   and bool_and(exists (select from discrepancies d
                         where d.order_id = of_order and d.kind = 'double' and d.is_dismissed
                           and d.submission_id <> 0 and d.submission_id::text = m[2]
                           and m[1] = any (regexp_split_to_array(d.detail, '[ ,]+'))))
   and count(*) = (select count(*) from regexp_matches(detail, 'has the marker of', 'g'))
  from regexp_matches(detail, '(\S+) \([0-9]+ shipped, [0-9]+ cancelled\) has the marker of submission ([0-9]+)', 'g') m
$$;

-- What an audit found: [{"order_id", "item_id", "verdict", "detail", "fingerprint", "is_settled"}], all rows of each order.
-- missing and double are only written, and closed, where the list is old enough to be believed (is_settled).
-- Returns how many discrepancies were opened.
create or replace function audit_record(for_run bigint, found_lines jsonb, is_again boolean) returns bigint
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    orders_count bigint;
    opened bigint;
begin
    perform 1 from lanes l
      where l.order_id in (select x ->> 'order_id' from jsonb_array_elements(found_lines) x)
      order by l.order_id for no key update;
    opened := find_discrepancies(for_run, array(
        select row(x.verdict, x.order_id, x.item_id, '', 0, x.detail, x.fingerprint, false)::finding
          from jsonb_to_recordset(found_lines) as x(order_id text, item_id text, verdict text, detail text,
                                                    fingerprint text, is_settled boolean)
         where x.verdict in ('double', 'foreign', 'missing', 'extra')
           and (x.is_settled or x.verdict in ('foreign', 'extra'))
           -- told already, by an answer or a look, as that submission's
           and not exists (select from discrepancies d
                            where d.order_id = x.order_id and d.kind = x.verdict and d.closed_at is null and d.submission_id <> 0
                              and x.verdict <> 'foreign'
                              and exists (select from submission_items i join rows r using (row_id)
                                           where i.submission_id = d.submission_id and r.item_id = x.item_id))
           and not (x.verdict = 'double' and is_dismissed_double(x.order_id, x.detail))));

    -- A line that agrees, or has other trouble now: what the audit, or an answer of the API, said of it has ended.
    with judged as (
        select x.order_id, x.item_id, array_agg(x.verdict) as verdicts
          from jsonb_to_recordset(found_lines) as x(order_id text, item_id text, verdict text)
         group by x.order_id, x.item_id
    )
    update discrepancies d
       set closed_at = clock_timestamp(), closed_by = 'audit'
     where d.closed_at is null and d.order_id in (select j.order_id from judged j)
       and ((d.kind in ('double', 'missing', 'extra')) or (d.kind = 'foreign' and d.submission_id = 0 and d.fingerprint like 'audit %'))
       and case when d.submission_id = 0
                then exists (select from judged j where j.order_id = d.order_id and j.item_id = d.item_id and d.kind <> all (j.verdicts))
                else not exists (select from submission_items i
                                   join rows r using (row_id)
                                   left join judged j on j.order_id = r.order_id and j.item_id = r.item_id
                                  where i.submission_id = d.submission_id
                                    and (j.item_id is null or d.kind = any (j.verdicts)))
                     and exists (select from submission_items i where i.submission_id = d.submission_id) end;

    if not is_again then
        select count(distinct x ->> 'order_id') into orders_count from jsonb_array_elements(found_lines) x;
        update runs r set looked_at = r.looked_at + orders_count where r.run_id = for_run;
    end if;
    return opened;
end $$;
