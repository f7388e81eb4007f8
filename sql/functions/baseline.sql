-- baseline: the honest word for what happened before this ledger. Given once, from nothing, from the warehouse itself,
-- from a file (csv), or from the API's own list of fulfillments (api).

-- Refuses a second one, and another kind while one from the API is half done: what that has booked stays booked.
create or replace function baseline_must_be(kind text) returns void
language plpgsql stable security definer set search_path from current as $$
declare
    me identity;
    total bigint;
    listed bigint;
begin
    select * into strict me from identity;
    if me.mode = 'paused' and me.resume_mode = 'new' then
        raise exception 'the ledger is paused'
            using errcode = 'WB006', hint = 'resume it first: waybill resume';
    end if;
    if me.mode <> 'new' then
        raise exception 'the ledger is %, its baseline is given already', me.mode
            using errcode = 'WB006';
    end if;
    if kind <> 'api' and exists (select from baseline_progress p where p.listed_at is not null) then
        select count(*), count(p.listed_at) into total, listed from baseline_progress p;
        raise exception 'a baseline from the API is under way: % of % orders are listed', listed, total
            using errcode = 'WB006', hint = 'go on with: waybill baseline --from api';
    end if;
end $$;

-- The rows of some orders, for what is booked on them.
create or replace function baseline_note_rows(readings reading[]) returns void
language sql volatile security definer set search_path from current as $$
insert into rows as r (order_id, item_id, shipment_ref, ordered, shipped, cancelled, returned,
                       tracking_company, tracking_number, tracking_url, shipment_id, shipment_item_id, model)
select distinct on (k.order_id, k.item_id, coalesce(k.shipment_ref, ''))
       k.order_id, k.item_id, coalesce(k.shipment_ref, ''), k.ordered, k.shipped, k.cancelled, coalesce(k.returned, 0),
       k.tracking_company, k.tracking_number, k.tracking_url, k.shipment_id, k.shipment_item_id, coalesce(k.model, 'third_party')
  from unnest(readings) k
 where k.order_id <> '' and bad_reading(k) is null
 order by 1, 2, 3
    on conflict (order_id, item_id, shipment_ref) do nothing
$$;

-- From the warehouse: the caller hands over rows as read (in pieces); they are booked as settled up to what they show.
create or replace function baseline_rows(readings reading[], why text, out lines bigint, out units bigint)
language plpgsql security definer set search_path from current as $$
begin
    perform baseline_must_be('warehouse');
    perform baseline_note_rows(readings);
    with put as (
        insert into adjustments (kind, row_id, shipped, cancelled, reason)
        select 'baseline', r.row_id, r.shipped, r.cancelled, why
          from (select distinct k.order_id, k.item_id, coalesce(k.shipment_ref, '') as shipment_ref from unnest(readings) k) k
          join row_units r using (order_id, item_id, shipment_ref)
         where r.shipped + r.cancelled > 0 and r.posted_shipped = 0 and r.posted_cancelled = 0
        returning shipped + cancelled as u
    )
    select count(*), coalesce(sum(u), 0) into lines, units from put;
end $$;

-- From the API. listings: [{"order_id", "list": [{"id", "created", "items": [{"item", "shipped", "cancelled"}]}]}], each
-- order's list whole; readings: the warehouse's rows of these orders. What the API has goes to the rows that show such
-- units, and what no row shows to the line's first row. Safe to repeat: a fulfillment is booked once.
create or replace function baseline_listings(listings jsonb, readings reading[], why text, out lines bigint, out units bigint)
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
begin
    perform baseline_must_be('api');
    perform baseline_note_rows(readings);
    insert into rows (order_id, item_id, shipment_ref, is_present)
    select distinct o ->> 'order_id', i ->> 'item', '', false
      from jsonb_array_elements(listings) o
     cross join lateral jsonb_array_elements(o -> 'list') f
     cross join lateral jsonb_array_elements(f -> 'items') i
     where not exists (select from rows r where r.order_id = o ->> 'order_id' and r.item_id = i ->> 'item')
     order by 1, 2;

    with made as (
        select o ->> 'order_id' as order_id, i ->> 'item' as item_id, f ->> 'id' as id, min(f ->> 'created') as created,
               coalesce(sum((i ->> 'shipped')::bigint), 0) as shipped, coalesce(sum((i ->> 'cancelled')::bigint), 0) as cancelled
          from jsonb_array_elements(listings) o
         cross join lateral jsonb_array_elements(o -> 'list') f
         cross join lateral jsonb_array_elements(f -> 'items') i
         where not exists (select from adjustments j where j.fulfillment_id = f ->> 'id')
         group by 1, 2, 3
    ), lined as (
        -- each unit of a line has a number; a fulfillment has a stretch of them, and so has a row
        select m.*, sum(m.shipped) over w - m.shipped as shipped_from, sum(m.shipped) over w as shipped_to,
               sum(m.cancelled) over w - m.cancelled as cancelled_from, sum(m.cancelled) over w as cancelled_to
          from made m window w as (partition by m.order_id, m.item_id order by m.created, m.id)
    ), has as (
        select r.row_id, k.order_id, k.item_id, row_number() over w as n, count(*) over (partition by k.order_id, k.item_id) as last,
               sum(r.due_shipped) over w - r.due_shipped as shipped_from, sum(r.due_shipped) over w as shipped_to,
               sum(r.due_cancelled) over w - r.due_cancelled as cancelled_from, sum(r.due_cancelled) over w as cancelled_to
          from (select distinct m.order_id, m.item_id from made m) k
         cross join lateral (
               select r.row_id, r.shipment_ref, r.model,
                      greatest(0, coalesce(r.shipped, 0) - r.posted_shipped) as due_shipped,
                      greatest(0, coalesce(r.cancelled, 0) - r.posted_cancelled) as due_cancelled
                 from row_units r where r.order_id = k.order_id and r.item_id = k.item_id offset 0) r
        window w as (partition by k.order_id, k.item_id order by is_orchestrated(r.model) desc, r.shipment_ref desc)
    ), meet as (
        select h.row_id, l.id, l.order_id, l.item_id,
               greatest(0, least(l.shipped_to, case when h.n = h.last then l.shipped_to else h.shipped_to end)
                           - greatest(l.shipped_from, h.shipped_from)) as shipped,
               greatest(0, least(l.cancelled_to, case when h.n = h.last then l.cancelled_to else h.cancelled_to end)
                           - greatest(l.cancelled_from, h.cancelled_from)) as cancelled
          from lined l
          join has h on h.order_id = l.order_id and h.item_id = l.item_id
    ), put as (
        insert into adjustments (kind, row_id, shipped, cancelled, fulfillment_id, reason)
        select 'baseline', m.row_id, m.shipped, m.cancelled, m.id, why
          from meet m
         where m.shipped + m.cancelled > 0
         order by m.row_id, m.id
            on conflict (fulfillment_id, row_id, (shipped < 0 or cancelled < 0)) where fulfillment_id is not null do nothing
        returning row_id, shipped + cancelled as u
    )
    select count(distinct row_id), coalesce(sum(u), 0) into lines, units from put;

    -- More at the API than the warehouse shows: the first run looks, and tells.
    insert into queue (order_key, source)
    select distinct r.order_id, 'baseline'
      from jsonb_array_elements(listings) o
     cross join lateral (select r.order_id from row_units r
                          where r.order_id = o ->> 'order_id' and r.is_present
                            and (r.posted_shipped > r.shipped or r.posted_cancelled > r.cancelled) offset 0) r;
    update baseline_progress p
       set listed_at = clock_timestamp()
      from jsonb_array_elements(listings) o
     where p.order_id = o ->> 'order_id';
end $$;

-- From a file: what somebody else has posted, row by row; in pieces, in one transaction with baseline_done.
create or replace function baseline_file(orders text[], items text[], refs text[], shipped bigint[], cancelled bigint[],
                                         why text, out lines bigint, out units bigint)
language plpgsql security definer set search_path from current as $$
begin
    perform baseline_must_be('csv');
    insert into rows (order_id, item_id, shipment_ref, is_present)
    select f.order_id, f.item_id, f.shipment_ref, false
      from unnest(orders, items, refs) f(order_id, item_id, shipment_ref)
     order by 1, 2, 3
        on conflict (order_id, item_id, shipment_ref) do nothing;
    with put as (
        insert into adjustments (kind, row_id, shipped, cancelled, reason)
        select 'baseline', r.row_id, f.shipped, f.cancelled, why
          from unnest(orders, items, refs, baseline_file.shipped, baseline_file.cancelled) f(order_id, item_id, shipment_ref, shipped, cancelled)
          join rows r using (order_id, item_id, shipment_ref)
         where f.shipped + f.cancelled > 0
         order by r.row_id
        returning adjustments.shipped + adjustments.cancelled as u
    )
    select count(*), coalesce(sum(u), 0) into lines, units from put;
end $$;

create or replace function baseline_done(kind text, who text, to_mode ledger_mode default 'live') returns void
language plpgsql security definer set search_path from current as $$
begin
    perform baseline_must_be(kind);
    if to_mode not in ('live', 'shadow') then
        raise exception 'a ledger begins live or in shadow, not %', to_mode using errcode = 'WB006';
    end if;
    if exists (select from baseline_progress p where p.listed_at is null) then
        raise exception '% orders are not listed yet', (select count(*) from baseline_progress p where p.listed_at is null)
            using errcode = 'WB006', hint = 'go on with: waybill baseline --from api';
    end if;
    delete from baseline_progress;
    perform set_mode(to_mode, who, 'baseline from ' || kind);
    perform note_decision('baseline', 'ledger', null, null, who, 'from ' || kind);
    perform want_sweep('first sweep after the baseline');
end $$;
