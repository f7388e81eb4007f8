-- demo_generate: fills the demo warehouse and lets it go on working.
--
--   SELECT wms.generate(2000, 1);     new orders, in the middle of their lives
--   SELECT wms.generate_edge();       a few made by hand to hurt (once per warehouse)
--   SELECT wms.work(500, 2);          late shipments, cancels, returns, relabels, ...
--   TABLE wms.api_orders;             the same orders for the sandbox, one JSON object each
--   TABLE wms.expected;               what the API must have been told in the end
--
-- The same calls with the same seeds on an empty warehouse give the same rows, times apart.
-- wms.work edits orders (quantity up): give the sandbox wms.api_orders after it, or say
-- wms.work(500, 2, edits => false). It archives only what the API has called done
-- (wms.set_order_state) or never knew; wms.archive_orders moves whatever it is told.

create function wms.dice(seed int, salt int, key bigint, sides int) returns int
language sql immutable parallel safe as $$
    select 1 + ((hashint8extended(key, seed::bigint * 1000 + salt) & 4294967295) % sides)::int
$$;
comment on function wms.dice(int, int, bigint, int) is
    '1..sides, always the same for the same arguments; salt tells one throw from another';

create function wms.reset() returns void language plpgsql as $$
begin
    truncate wms.orders, wms.order_lines, wms.shipments, wms.parcels, wms.shipment_lines,
             wms.cancellations, wms.returns, wms.orders_archive, wms.order_lines_archive,
             wms.shipments_archive, wms.parcels_archive, wms.shipment_lines_archive,
             wms.cancellations_archive, wms.returns_archive restart identity;
    perform setval('wms.parcel_numbers', 1, false);
end $$;
comment on function wms.reset() is 'empties the warehouse and starts its keys anew';

insert into wms.kits (kit_sku, component_sku, quantity)
select format('KIT-%s', to_char(k, 'FM0000')), format('PART-%s-%s', to_char(k, 'FM0000'), c),
       wms.dice(0, 1, k * 10 + c, 3)
  from generate_series(1, 400) as k, generate_series(1, 3) as c
 where c <= 1 + wms.dice(0, 2, k, 2);

-- Steps of wms.generate; lo and hi are the orders' first and last id, n = id - lo the dice's key.

create function wms.generate_lines(lo bigint, hi bigint, seed int) returns void
language sql as $$
    insert into wms.order_lines (order_id, line_no, sku, quantity, api_item_id, kit)
    select o.id, n.line_no,
           case when k.kit then 'KIT-' || to_char(wms.dice(seed, 13, k.key, 400), 'FM0000')
                else 'SKU-' || to_char(wms.dice(seed, 14, k.key, 5000), 'FM00000') end,
           wms.dice(seed, 15, k.key, 6),
           case when o.channel = 'webshop' then (140000000000 + o.id * 1000 + n.line_no)::text end,
           k.kit
      from wms.orders as o
     cross join lateral generate_series(1, wms.dice(seed, 11, o.id - lo, 5)) as n (line_no)
     cross join lateral (select (o.id - lo) * 8 + n.line_no as key,
                                wms.dice(seed, 12, (o.id - lo) * 8 + n.line_no, 12) = 1 as kit) as k
     where o.id between lo and hi
     order by o.id, n.line_no
$$;
comment on function wms.generate_lines(bigint, bigint, int) is 'step of wms.generate';

-- Each unit (of a kit: each component of each kit) meets its own fate; box 1..4 is a parcel, 0 is
-- shipped without one, -1 is cancelled. Left out: still to come. The class of the order says
-- which fates there are:
--   1..20 nothing yet   21..60 all shipped   61..83 some shipped   84..94 some shipped, some
--   cancelled   95..97 some cancelled only   98..100 packed, not gone (as "all shipped")
create function wms.generate_units(lo bigint, hi bigint, seed int) returns void
language plpgsql set client_min_messages = warning as $$
begin
    drop table if exists pg_temp.demo_units;
    create temporary table demo_units on commit drop as
    select d.order_id, d.line_id, d.component_sku, d.box, sum(d.units)::int as quantity,
           min(d.class) as class
      from (
          select l.order_id, l.id as line_id, k.component_sku, coalesce(k.quantity, 1) as units, c.class,
                 case when c.class > 94 and c.class <= 97 or c.class > 83 and c.class <= 94
                           and wms.dice(seed, 23, u.key, 5) = 1
                      then case when c.class <= 94 or wms.dice(seed, 24, u.key, 2) = 1 then -1 end
                      when c.class <= 20 or c.class between 61 and 94 and wms.dice(seed, 25, p.key, 5) <= 2
                      then null
                      when c.boxes = 0 then 0
                      else wms.dice(seed, 26, p.key, c.boxes) end as box
            from wms.order_lines as l
           cross join lateral (
               select wms.dice(seed, 21, l.order_id - lo, 100) as class,
                      (array[0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 4])
                      [wms.dice(seed, 22, l.order_id - lo, 20)] as boxes) as c
           cross join lateral generate_series(1, l.quantity) as n (unit)
           cross join lateral (select ((l.order_id - lo) * 8 + l.line_no) * 8 + n.unit as key) as u
            left join wms.kits as k on l.kit and k.kit_sku = l.sku
           cross join lateral (
               select u.key * 8 + coalesce(right(k.component_sku, 1)::int, 0) as key) as p
           where l.order_id between lo and hi
      ) as d
     where d.box is not null
     group by d.order_id, d.line_id, d.component_sku, d.box;
    analyze demo_units;
end $$;
comment on function wms.generate_units(bigint, bigint, int) is
    'step of wms.generate: the table demo_units, what becomes of each unit';

-- Boxes 0 to 2 leave first, 3 and 4 some hours later, so that orders have up to two shipments.
create function wms.generate_shipments(lo bigint, hi bigint, seed int) returns void
language plpgsql set client_min_messages = warning as $$
begin
    insert into wms.shipments (order_id, status, packed_at, shipped_at)
    select o.id, case when g.class > 97 then 'packed' else 'shipped' end,
           o.placed_at + g.wave * interval '6 hours',
           case when g.class <= 97 then o.placed_at + g.wave * interval '7 hours' end
      from (select u.order_id, 1 + (u.box > 2)::int as wave, min(u.class) as class
              from demo_units as u where u.box >= 0 group by 1, 2) as g
      join wms.orders as o on o.id = g.order_id
     order by o.id, g.wave;

    drop table if exists pg_temp.demo_waves;
    create temporary table demo_waves on commit drop as
    select s.order_id, s.id as shipment_id, s.shipped_at,
           case when s.packed_at < o.placed_at + interval '7 hours' then 1 else 2 end as wave
      from wms.shipments as s
      join wms.orders as o on o.id = s.order_id
     where s.order_id between lo and hi;

    insert into wms.parcels (order_id, shipment_id, parcel_no, tracking_company, tracking_number, tracking_url)
    select b.order_id, w.shipment_id, format('P%s-%s', b.order_id, b.box), t.company, t.number,
           'https://track.example/' || t.number
      from (select distinct u.order_id, u.box from demo_units as u where u.box > 0) as b
      join demo_waves as w on w.order_id = b.order_id and w.wave = 1 + (b.box > 2)::int
     cross join lateral (
         select (array['UPS', 'FedEx', 'DHL'])[wms.dice(seed, 32, b.order_id - lo, 3)] as company,
                format('1Z%s%s', to_char(b.order_id, 'FM0000000000'), b.box) as number) as t
     order by b.order_id, b.box;

    insert into wms.shipment_lines
           (order_id, shipment_id, parcel_id, order_line_id, component_sku, quantity, shipped_at)
    select u.order_id, w.shipment_id, p.id, u.line_id, u.component_sku, u.quantity, w.shipped_at
      from demo_units as u
      join demo_waves as w on w.order_id = u.order_id and w.wave = 1 + (u.box > 2)::int
      left join wms.parcels as p
        on u.box > 0 and p.parcel_no = format('P%s-%s', u.order_id, u.box)
     where u.box >= 0
     order by u.line_id, u.box, u.component_sku;

    -- One parcel in 14 has no label yet; until here the number tied parcels to their boxes.
    update wms.parcels as p
       set parcel_no = null, tracking_company = null, tracking_number = null, tracking_url = null
     where p.order_id between lo and hi
       and wms.dice(seed, 31, (p.order_id - lo) * 8 + right(p.parcel_no, 1)::int, 14) = 1;

    -- Of a kit, each component says so: the cancelled kits are those of any one of them.
    insert into wms.cancellations (order_id, order_line_id, quantity, cancelled_at)
    select u.order_id, u.line_id, max(u.quantity / coalesce(k.quantity, 1)), min(o.placed_at) + interval '1 hour'
      from demo_units as u
      join wms.orders as o on o.id = u.order_id
      join wms.order_lines as l on l.id = u.line_id
      left join wms.kits as k on l.kit and k.kit_sku = l.sku and k.component_sku = u.component_sku
     where u.box = -1
     group by u.order_id, u.line_id
     order by u.line_id;

    insert into wms.returns (order_id, order_line_id, parcel_id, quantity)
    select s.order_id, s.order_line_id, s.parcel_id, 1
      from wms.shipment_lines as s
     where s.order_id between lo and hi and s.component_sku is null and s.shipped_at is not null
       and wms.dice(seed, 33, (s.order_id - lo) * 8 + s.order_line_id % 8, 80) = 1
     order by s.id;
end $$;
comment on function wms.generate_shipments(bigint, bigint, int) is
    'step of wms.generate: shipments, parcels, shipment_lines, cancellations from demo_units; returns';

create function wms.generate(orders int, seed int) returns int language plpgsql as $$
declare
    lo bigint;
    hi bigint;
begin
    -- One at a time, so that no foreign order lies between lo and hi.
    perform pg_advisory_xact_lock(hashtext('wms.generate'));
    with made as (
        insert into wms.orders (id, number, channel, api_order_id, placed_at)
        select i.id, 'W' || to_char(i.id, 'FM00000000'), c.code,
               case when c.code = 'webshop' then (230000000000 + i.id)::text end,
               now() - interval '2 days' - ($1 - i.n) * interval '1 second'
          from (select nextval(pg_get_serial_sequence('wms.orders', 'id')) as id, n
                  from generate_series(1, $1) as n) as i
         cross join lateral (
             select case when wms.dice($2, 1, i.n, 100) > 15 then 'webshop'
                         when wms.dice($2, 2, i.n, 2) = 1 then 'ebay' else 'store' end as code) as c
        returning id)
    select min(m.id), max(m.id) into lo, hi from made as m;
    if lo is null then
        return 0;
    end if;
    perform wms.generate_lines(lo, hi, seed);
    perform wms.generate_units(lo, hi, seed);
    perform wms.generate_shipments(lo, hi, seed);
    -- Autovacuum would come a minute later; until then every plan were a guess.
    analyze wms.orders, wms.order_lines, wms.shipments, wms.parcels, wms.shipment_lines,
            wms.cancellations, wms.returns, wms.kits;
    return hi - lo + 1;
end $$;
comment on function wms.generate(int, int) is
    'makes so many new orders, always the same for one seed on an empty warehouse; returns the number';

-- A hand-made order: lines as (item, quantity ordered), numbered in their order.
create function wms.edge_order(number text, api_order_id text, items text[], quantity int)
returns bigint language plpgsql as $$
declare
    made bigint;
begin
    insert into wms.orders (number, channel, api_order_id) values ($1, 'webshop', $2)
    returning id into made;
    insert into wms.order_lines (order_id, line_no, sku, quantity, api_item_id)
    select made, i.n, 'SKU-EDGE', $4, i.item from unnest($3) with ordinality as i (item, n);
    return made;
end $$;
comment on function wms.edge_order(text, text, text[], int) is 'one order of wms.generate_edge';

-- Ships so many units of each line of the order; parcel_no NULL: unlabelled, '': no parcel at all.
create function wms.edge_ship(target bigint, parcel_no text, units int,
                              model text default 'third_party') returns void language sql as $$
    with shipment as (
        insert into wms.shipments (order_id, status, shipped_at, fulfillment_model)
        values (target, 'shipped', now(), model)
        returning id
    ), parcel as (
        insert into wms.parcels (order_id, shipment_id, parcel_no, tracking_company, tracking_number)
        select target, s.id, $2, case when $2 is not null then 'DHL' end, left($2, 40)
          from shipment as s where $2 is distinct from ''
        returning id
    )
    insert into wms.shipment_lines (order_id, shipment_id, parcel_id, order_line_id, quantity, shipped_at)
    select target, s.id, (select p.id from parcel as p), l.id, units, now()
      from shipment as s, wms.order_lines as l
     where l.order_id = target
     order by l.id
$$;
comment on function wms.edge_ship(bigint, text, int, text) is 'one shipment of wms.generate_edge';

create function wms.generate_edge() returns int language plpgsql as $$
declare
    o bigint;
    odd text[] := array['O''Hare "7" \\"', 'C:\temp\new', '  two  spaces  ', '📦👩‍🚀 Grüße', 'a,b;c|d',
                        '100%41/../?x=1&y=#z', '{"a":[1]}', 'null', E'tab\tline\nend',
                        repeat('x', 499) || '!'];
    id text;
begin
    perform pg_advisory_xact_lock(hashtext('wms.generate'));
    -- More lines than one submission may have.
    o := wms.edge_order('EDGE-LONG', 'edge-130-lines',
                        array(select 'line-' || n from generate_series(1, 130) as n), 2);
    perform wms.edge_ship(o, 'EDGE-P130', 2);

    -- Any text as order, item and parcel, each of them in each place.
    foreach id in array odd loop
        o := wms.edge_order('EDGE-ODD ' || id, id, odd, 3);
        perform wms.edge_ship(o, 'EDGE ' || id, 1);
        perform wms.edge_ship(o, null, 1);
    end loop;

    -- Ids that only case or an accent tells apart.
    foreach id in array array['edge-case', 'EDGE-CASE', 'edge-cäse', 'edge-cäse'] loop
        o := wms.edge_order('EDGE-TWIN ' || id, id, array['i', 'I', 'ı'], 1);
        perform wms.edge_ship(o, id, 1);
    end loop;

    o := wms.edge_order('EDGE-CANCELLED', 'edge-only-cancelled', array['a', 'b'], 2);
    insert into wms.cancellations (order_id, order_line_id, quantity)
    select l.order_id, l.id, 1 from wms.order_lines as l, generate_series(1, 2) where l.order_id = o;

    perform wms.edge_order('EDGE-NOTHING', 'edge-nothing-yet', array['a', 'b'], 5);

    -- Two boxes without a label, units without a box, and a cancellation: one row with ref ''.
    o := wms.edge_order('EDGE-UNLABELLED', 'edge-unlabelled', array['a'], 9);
    perform wms.edge_ship(o, null, 2), wms.edge_ship(o, null, 3), wms.edge_ship(o, '', 1);
    insert into wms.cancellations (order_id, order_line_id, quantity)
    select l.order_id, l.id, 2 from wms.order_lines as l where l.order_id = o;

    -- The shop has told our number to the API, but its id not yet to us.
    o := wms.edge_order('EDGE-BY-NUMBER', null, array['a'], 2);
    perform wms.edge_ship(o, 'EDGE-BY-NUMBER-1', 2);

    -- The API's own fulfiller reports these; we must not.
    o := wms.edge_order('EDGE-ORCHESTRATED', 'edge-orchestrated', array['a'], 2);
    perform wms.edge_ship(o, 'EDGE-ORCH-1', 2, 'orchestrated');

    o := wms.edge_order('EDGE-MILLION', 'edge-million', array['a'], 2000000);
    perform wms.edge_ship(o, 'EDGE-MILLION-1', 1000000), wms.edge_ship(o, 'EDGE-MILLION-2', 999999);
    return (select count(*) from wms.orders as e where e.number like 'EDGE-%');
end $$;
comment on function wms.generate_edge() is
    'a few orders made by hand: long, oddly named, only cancelled, nothing shipped; once per warehouse';

-- Steps of wms.work: each does one thing to one order, or returns false where it can't.

-- Units of each line that are neither cancelled nor on their way out. Of a kit, one that was
-- begun counts as gone, though it is shipped only when its last component is.
create function wms.room(target bigint)
returns table (line_id bigint, sku text, kit boolean, begun int, cancelled int, room int)
language sql stable as $$
    select l.id, l.sku, l.kit, b.begun, c.cancelled, l.quantity - b.begun - c.cancelled
      from wms.order_lines as l
     cross join lateral (
         select coalesce(max(-div(-p.units, p.per)), 0)::int as begun
           from (select sum(s.quantity) as units, coalesce(min(k.quantity), 1) as per
                   from wms.shipment_lines as s
                   left join wms.kits as k on k.kit_sku = l.sku and k.component_sku = s.component_sku
                  where s.order_line_id = l.id
                  group by s.component_sku) as p) as b
     cross join lateral (
         select coalesce(sum(x.quantity), 0)::int as cancelled
           from wms.cancellations as x where x.order_line_id = l.id) as c
     where l.order_id = target
     order by l.id
$$;
comment on function wms.room(bigint) is
    'per line of an order: what may still be shipped or cancelled';

create sequence wms.parcel_numbers;
comment on sequence wms.parcel_numbers is 'labels that wms.work prints';

create function wms.new_parcel_no(target bigint) returns text language sql as $$
    select format('P%s-n%s', target, nextval('wms.parcel_numbers'))
$$;
comment on function wms.new_parcel_no(bigint) is 'the next label for a parcel of this order';

-- A new shipment with one parcel; how: 1 no parcel, 2 unlabelled, else labelled.
create function wms.new_shipment(target bigint, how int, packed boolean,
                                 out shipment bigint, out parcel bigint) language plpgsql as $$
declare
    no text := case when how > 2 then wms.new_parcel_no(target) end;
begin
    insert into wms.shipments (order_id, status, shipped_at)
    values (target, case when packed then 'packed' else 'shipped' end, case when not packed then now() end)
    returning id into shipment;
    if how > 1 then
        insert into wms.parcels (order_id, shipment_id, parcel_no, tracking_company, tracking_number)
        values (target, shipment, no, case when how > 2 then 'DHL' end, 'JJ' || no)
        returning id into parcel;
    end if;
end $$;
comment on function wms.new_shipment(bigint, int, boolean) is 'one more departure of an order';

-- Late: some or all of what is left. A kit may go without one of its components.
create function wms.work_ship(target bigint, seed int, step int) returns boolean language plpgsql as $$
declare
    l record;
    box record;
    units int;
    packed boolean := wms.dice(seed, 51, step, 8) = 1;
    all_of_it boolean := wms.dice(seed, 52, step, 2) = 1;
begin
    if not exists (select from wms.room(target) as r where r.room > 0) then
        return false;
    end if;
    box := wms.new_shipment(target, wms.dice(seed, 53, step, 10), packed);
    for l in select r.* from wms.room(target) as r where r.room > 0 order by r.line_id loop
        units := case when all_of_it then l.room else wms.dice(seed, 54, step * 1000 + l.line_id, l.room) end;
        insert into wms.shipment_lines
               (order_id, shipment_id, parcel_id, order_line_id, component_sku, quantity, shipped_at)
        select target, box.shipment, box.parcel, l.line_id, k.component_sku,
               units * coalesce(k.quantity, 1), case when not packed then now() end
          from (select) as one
          left join wms.kits as k on l.kit and k.kit_sku = l.sku
         where not l.kit or k.component_sku not like '%-' || wms.dice(seed, 55, step, 12)
         order by k.component_sku;
        exit when wms.dice(seed, 56, step * 1000 + l.line_id, 4) = 1;
    end loop;
    return true;
end $$;
comment on function wms.work_ship(bigint, int, int) is
    'step of wms.work: a late shipment, or one more parcel';

create function wms.work_complete(target bigint) returns boolean language plpgsql as $$
declare
    box record;
    missing record;
begin
    for missing in
        select r.line_id, k.component_sku, r.begun * k.quantity - coalesce(sum(s.quantity), 0) as units
          from wms.room(target) as r
          join wms.kits as k on r.kit and k.kit_sku = r.sku
          left join wms.shipment_lines as s
            on s.order_line_id = r.line_id and s.component_sku = k.component_sku
         group by r.line_id, r.begun, k.component_sku, k.quantity
        having r.begun * k.quantity > coalesce(sum(s.quantity), 0)
         order by 1, 2
    loop
        if box is null then
            box := wms.new_shipment(target, 3, false);
        end if;
        insert into wms.shipment_lines
               (order_id, shipment_id, parcel_id, order_line_id, component_sku, quantity, shipped_at)
        values (target, box.shipment, box.parcel, missing.line_id, missing.component_sku, missing.units, now());
    end loop;
    return box is not null;
end $$;
comment on function wms.work_complete(bigint) is
    'step of wms.work: missing components of begun kits leave';

create function wms.work_depart(target bigint) returns boolean language plpgsql as $$
begin
    update wms.shipments as s set status = 'shipped', shipped_at = now()
     where s.order_id = target and s.status = 'packed';
    update wms.shipment_lines as s set shipped_at = now()
     where s.order_id = target and s.shipped_at is null;
    return found;
end $$;
comment on function wms.work_depart(bigint) is 'step of wms.work: what was packed leaves';

create function wms.work_cancel(target bigint, seed int, step int) returns boolean language plpgsql as $$
begin
    insert into wms.cancellations (order_id, order_line_id, quantity)
    select target, r.line_id, wms.dice(seed, 57, step, r.room)
      from wms.room(target) as r where r.room > 0
     order by wms.dice(seed, 58, step * 1000 + r.line_id, 1000), r.line_id
     limit 1;
    return found;
end $$;
comment on function wms.work_cancel(bigint, int, int) is 'step of wms.work: a late cancellation';

-- Kits come back whole, and nobody writes down their parcel.
create function wms.work_return(target bigint, seed int, step int) returns boolean language plpgsql as $$
begin
    insert into wms.returns (order_id, order_line_id, parcel_id, quantity)
    select target, g.line_id, g.parcel_id, wms.dice(seed, 59, step, g.units::int)
      from (
          select s.order_line_id as line_id, s.parcel_id, sum(s.quantity)
                 - (select coalesce(sum(t.quantity), 0) from wms.returns as t
                     where t.order_line_id = s.order_line_id
                       and t.parcel_id is not distinct from s.parcel_id) as units
            from wms.shipment_lines as s
           where s.order_id = target and s.shipped_at is not null and s.component_sku is null
           group by s.order_line_id, s.parcel_id
          union all
          select l.id, null, min(p.kits)
                 - (select coalesce(sum(t.quantity), 0) from wms.returns as t where t.order_line_id = l.id)
            from wms.order_lines as l
            join wms.kits as k on l.kit and k.kit_sku = l.sku
           cross join lateral (
               select coalesce(sum(s.quantity), 0) / k.quantity as kits
                 from wms.shipment_lines as s
                where s.order_line_id = l.id and s.component_sku = k.component_sku
                  and s.shipped_at is not null) as p
           where l.order_id = target
           group by l.id
      ) as g
     where g.units >= 1
     order by wms.dice(seed, 60, step * 1000 + g.line_id, 1000), g.line_id, g.parcel_id
     limit 1;
    return found;
end $$;
comment on function wms.work_return(bigint, int, int) is 'step of wms.work: units come back';

-- Units without a box get one; a box without a label gets it.
create function wms.work_label(target bigint) returns boolean language plpgsql as $$
declare
    loose bigint;
    box bigint;
begin
    select min(s.shipment_id) into loose
      from wms.shipment_lines as s where s.order_id = target and s.parcel_id is null;
    if loose is not null then
        insert into wms.parcels (order_id, shipment_id) values (target, loose) returning id into box;
        update wms.shipment_lines as s set parcel_id = box
         where s.shipment_id = loose and s.parcel_id is null;
    end if;
    update wms.parcels as p
       set parcel_no = n.no, tracking_company = 'UPS', tracking_number = '1Z' || n.no
      from wms.new_parcel_no(target) as n (no)
     where p.id = (select min(q.id) from wms.parcels as q
                    where q.order_id = target and q.parcel_no is null);
    return found;
end $$;
comment on function wms.work_label(bigint) is 'step of wms.work: a parcel gets its number late';

create function wms.work_relabel(target bigint, seed int, step int) returns boolean language plpgsql as $$
begin
    update wms.parcels as p
       set parcel_no = n.no, tracking_company = 'FedEx', tracking_number = 'FX' || n.no,
           tracking_url = 'https://track.example/FX' || n.no
      from wms.new_parcel_no(target) as n (no)
     where p.id = (select q.id from wms.parcels as q
                    where q.order_id = target and q.parcel_no is not null
                    order by wms.dice(seed, 61, step * 1000 + q.id, 1000), q.id limit 1);
    return found;
end $$;
comment on function wms.work_relabel(bigint, int, int) is
    'step of wms.work: a parcel gets another number';

create function wms.work_track(target bigint, seed int, step int) returns boolean language plpgsql as $$
begin
    update wms.parcels as p
       set tracking_number = format('TR%s-%s', p.id, step), tracking_url = null
     where p.id = (select q.id from wms.parcels as q
                    where q.order_id = target and q.parcel_no is not null
                    order by wms.dice(seed, 62, step * 1000 + q.id, 1000), q.id limit 1);
    return found;
end $$;
comment on function wms.work_track(bigint, int, int) is
    'step of wms.work: the carrier changes the tracking number, the parcel keeps its own';

create function wms.work_merge(target bigint) returns boolean language plpgsql as $$
declare
    kept bigint;
    gone bigint;
begin
    select min(p.id), max(p.id) into kept, gone
      from wms.parcels as p join wms.shipments as s on s.id = p.shipment_id
     where p.order_id = target and s.status = 'shipped' and s.fulfillment_model = 'third_party';
    if kept is null or kept = gone then
        return false;
    end if;
    update wms.shipment_lines as s set parcel_id = kept where s.parcel_id = gone;
    update wms.returns as t set parcel_id = kept where t.parcel_id = gone;
    delete from wms.parcels as p where p.id = gone;
    return true;
end $$;
comment on function wms.work_merge(bigint) is 'step of wms.work: two parcels turn out to be one';

-- Half of a row moves, what came back is booked to the first half; its shipped_at stays, since it
-- left when it left.
create function wms.work_split(target bigint) returns boolean language plpgsql as $$
declare
    s wms.shipment_lines;
    box bigint;
begin
    select c.* into s
      from wms.shipment_lines as c
     where c.order_id = target and c.parcel_id is not null and c.quantity > 1
       and c.quantity - c.quantity / 2 >= (select coalesce(sum(t.quantity), 0) from wms.returns as t
                                            where t.order_line_id = c.order_line_id
                                              and t.parcel_id = c.parcel_id)
     order by c.id limit 1;
    if s.id is null then
        return false;
    end if;
    insert into wms.parcels (order_id, shipment_id, parcel_no, tracking_company, tracking_number)
    select target, s.shipment_id, n.no, 'DHL', 'JJ' || n.no from wms.new_parcel_no(target) as n (no)
    returning id into box;
    update wms.shipment_lines as c set quantity = c.quantity - s.quantity / 2 where c.id = s.id;
    insert into wms.shipment_lines
           (order_id, shipment_id, parcel_id, order_line_id, component_sku, quantity, shipped_at)
    values (target, s.shipment_id, box, s.order_line_id, s.component_sku, s.quantity / 2, s.shipped_at);
    return true;
end $$;
comment on function wms.work_split(bigint) is 'step of wms.work: one parcel turns out to be two';

-- Only before the first unit left or was cancelled.
create function wms.work_edit(target bigint, seed int, step int) returns boolean language plpgsql as $$
begin
    if exists (select from wms.room(target) as r where r.begun + r.cancelled > 0) then
        return false;
    end if;
    update wms.order_lines as l set quantity = l.quantity + wms.dice(seed, 63, step, 3)
     where l.id = (select min(m.id) from wms.order_lines as m where m.order_id = target);
    return found;
end $$;
comment on function wms.work_edit(bigint, int, int) is 'step of wms.work: the customer wants more';

-- An order that the API has not called done may have units that nobody has read yet: it stays.
create function wms.work_archive(target bigint) returns boolean language plpgsql as $$
begin
    if not exists (select from wms.orders as o
                    where o.id = target
                      and (o.channel <> 'webshop' or o.state in ('fulfilled', 'complete', 'cancelled')))
       or exists (select from wms.room(target) as r where r.room > 0)
       or exists (select from wms.shipment_lines as s where s.order_id = target and s.shipped_at is null) then
        return false;
    end if;
    return wms.archive_orders(array[target]) = 1;
end $$;
comment on function wms.work_archive(bigint) is
    'step of wms.work: a finished order moves to the archive';

create function wms.work_step(kind text, target bigint, seed int, step int) returns boolean
language sql as $$
    select case kind
           when 'ship' then wms.work_ship(target, seed, step)
           when 'complete' then wms.work_complete(target)
           when 'depart' then wms.work_depart(target)
           when 'cancel' then wms.work_cancel(target, seed, step)
           when 'return' then wms.work_return(target, seed, step)
           when 'label' then wms.work_label(target)
           when 'relabel' then wms.work_relabel(target, seed, step)
           when 'track' then wms.work_track(target, seed, step)
           when 'merge' then wms.work_merge(target)
           when 'split' then wms.work_split(target)
           when 'edit' then wms.work_edit(target, seed, step)
           when 'archive' then wms.work_archive(target)
           end
$$;
comment on function wms.work_step(text, bigint, int, int) is
    'does one kind of work to one order; false: not possible there';

create function wms.work(steps int, seed int, edits boolean default true)
returns table (kind text, done int) language plpgsql as $$
declare
    kinds text[] := array['ship', 'ship', 'ship', 'ship', 'ship', 'complete', 'depart', 'depart', 'cancel',
                          'cancel', 'return', 'label', 'label', 'relabel', 'relabel', 'track', 'merge',
                          'merge', 'split', 'edit', 'archive'];
    counts jsonb := '{}';
    what text;
    target bigint;
    lo bigint;
    hi bigint;
begin
    select min(o.id), max(o.id) into lo, hi from wms.orders as o;
    for step in 1..case when hi is null then 0 else steps end loop
        what := kinds[wms.dice(seed, 41, step, array_length(kinds, 1))];
        continue when what = 'edit' and not edits;
        -- From a random order on to the first that the step suits; most suit soon.
        target := lo - 1 + wms.dice(seed, 42, step, (hi - lo + 1)::int);
        for try in 1..100 loop
            -- Another session may be at work too: leave it the orders that it has locked.
            select o.id into target from wms.orders as o
             where o.id >= target order by o.id limit 1 for no key update skip locked;
            exit when target is null;
            if wms.work_step(what, target, seed, step) then
                counts := counts || jsonb_build_object(what, coalesce((counts ->> what)::int, 0) + 1);
                exit;
            end if;
            target := target + 1;
        end loop;
    end loop;
    return query select c.key, c.value::int from jsonb_each_text(counts) as c order by 1;
end $$;
comment on function wms.work(int, int, boolean) is
    'the warehouse goes on for so many steps; shipped + cancelled never exceed ordered; returns what it did';

-- What the API must have been told in the end. Written without a look at the mapping view: sums per
-- table over live and archived rows, no parcels, no LATERAL; a test compares the two.
create view wms.expected as
with orders as (
    select * from wms.orders union all select * from wms.orders_archive
), lines as (
    select * from wms.order_lines union all select * from wms.order_lines_archive
), left_house as (
    select s.order_line_id, s.component_sku, sum(s.quantity) as units
      from (select * from wms.shipment_lines union all select * from wms.shipment_lines_archive) as s
      join (select * from wms.shipments union all select * from wms.shipments_archive) as h
        on h.id = s.shipment_id
     where h.status = 'shipped' and h.fulfillment_model <> 'orchestrated'
     group by s.order_line_id, s.component_sku
), shipped as (
    select g.order_line_id as line_id, g.units from left_house as g where g.component_sku is null
    union all
    select l.id, min(floor(coalesce(c.units, 0) / k.quantity))
      from lines as l
      join wms.kits as k on k.kit_sku = l.sku
      left join left_house as c on c.order_line_id = l.id and c.component_sku = k.component_sku
     where l.kit
     group by l.id
), cancelled as (
    select c.order_line_id as line_id, sum(c.quantity) as units
      from (select * from wms.cancellations union all select * from wms.cancellations_archive) as c
     group by c.order_line_id
)
select coalesce(o.api_order_id, 'ord_' || o.number) as order_id,
       l.api_item_id as item_id,
       coalesce(s.units, 0)::bigint as shipped,
       coalesce(c.units, 0)::bigint as cancelled
  from orders as o
  join lines as l on l.order_id = o.id
  left join shipped as s on s.line_id = l.id
  left join cancelled as c on c.line_id = l.id
 where o.channel = 'webshop' and coalesce(s.units, 0) + coalesce(c.units, 0) > 0;
comment on view wms.expected is
    'units that the API must have in the end, per line with any; webshop orders, archived ones too';
comment on column wms.expected.order_id is
    'api_order_id; for orders whose id the shop has not told us, the one that wms.api_orders gives them';

create view wms.api_orders as
select jsonb_build_object(
           'id', coalesce(o.api_order_id, 'ord_' || o.number), 'upstreamId', o.number, 'state', 'accepted',
           'items', (select jsonb_agg(jsonb_build_object('id', l.api_item_id, 'quantity', l.quantity)
                                      order by l.line_no)
                       from (select * from wms.order_lines union all select * from wms.order_lines_archive) as l
                      where l.order_id = o.id)) as api_order
  from (select * from wms.orders union all select * from wms.orders_archive) as o
 where o.channel = 'webshop';
comment on view wms.api_orders is
    'each webshop order as the sandbox takes it, quantities as they are ordered now, archived ones too';
