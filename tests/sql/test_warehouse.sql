-- The demo warehouse keeps its promises: psql -X -v ON_ERROR_STOP=1 -f test_warehouse.sql
-- on an empty database. Silent when all is well; raises an exception otherwise.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\o /dev/null
set client_min_messages = warning;
set jit = off; -- compiling costs more than any query here

\ir ../../sql/warehouse/demo_schema.sql
\ir ../../sql/warehouse/demo_view.sql
\ir ../../sql/warehouse/demo_generate.sql
\ir ../../sql/warehouse/bad_rows.sql

create function pg_temp.must(holds boolean, sentence text) returns void language plpgsql as $$
begin
    if holds is not true then
        raise exception 'not so: %', sentence;
    end if;
end $$;

-- What the view says per line, under the order id that wms.expected uses.
create view pg_temp.said as
select coalesce(v.order_id, 'ord_' || v.upstream_id) as order_id, v.item_id,
       min(v.ordered_quantity) as ordered,
       sum(v.shipped_quantity) as shipped, sum(v.cancelled_quantity) as cancelled, sum(v.returned_quantity) as returned
  from wms.waybill_line_items as v
 where v.upstream_id is not null and v.fulfillment_model <> 'orchestrated'
 group by 1, 2;

create view pg_temp.archived as
select o.api_order_id as order_id from wms.orders_archive as o where o.api_order_id is not null;

-- What must be so at any moment of a warehouse's life.
create function pg_temp.check_all(moment text) returns void language plpgsql as $$
declare
    odd text;
begin
    select format('%s/%s/%s', v.order_id, v.item_id, v.shipment_ref) into odd
      from wms.waybill_line_items as v where v.upstream_id is not null
     group by v.order_id, v.upstream_id, v.item_id, v.shipment_ref having count(*) > 1 limit 1;
    perform pg_temp.must(odd is null, format('%s: each key has one row: %s', moment, odd));

    select format('%s/%s said %s+%s, expected %s+%s',
                  coalesce(s.order_id, e.order_id), coalesce(s.item_id, e.item_id), s.shipped, s.cancelled, e.shipped, e.cancelled) into odd
      from (select * from pg_temp.said as x where x.shipped + x.cancelled > 0) as s
      full join (select * from wms.expected as x
                  where x.order_id not in (select a.order_id from pg_temp.archived as a)) as e
        on e.order_id = s.order_id and e.item_id = s.item_id
     where (s.shipped, s.cancelled) is distinct from (e.shipped, e.cancelled) limit 1;
    perform pg_temp.must(odd is null, format('%s: the view adds up to what is expected: %s', moment, odd));

    select format('%s/%s', x.order_id, x.item_id) into odd
      from pg_temp.said as x where x.shipped + x.cancelled > x.ordered or x.returned > x.shipped limit 1;
    perform pg_temp.must(odd is null, format('%s: no line is over what was ordered: %s', moment, odd));

    -- What is packed, and a kit of which one component is gone, is promised, too.
    select format('line %s', p.line_id) into odd
      from (select l.id as line_id, l.quantity, coalesce(min(k.quantity), 1) as per, sum(s.quantity) as units
              from wms.order_lines as l
              join wms.shipment_lines as s on s.order_line_id = l.id
              left join wms.kits as k on l.kit and k.kit_sku = l.sku and k.component_sku = s.component_sku
             group by l.id, l.quantity, s.component_sku) as p
      left join (select c.order_line_id as line_id, sum(c.quantity) as units
                   from wms.cancellations as c group by c.order_line_id) as c using (line_id)
     where p.units > (p.quantity - coalesce(c.units, 0)) * p.per limit 1;
    perform pg_temp.must(odd is null, format('%s: nothing is promised twice: %s', moment, odd));

    select format('%s/%s', v.order_id, v.item_id) into odd
      from wms.waybill_line_items as v
     group by v.order_id, v.upstream_id, v.item_id
    having (v.order_id is not null or v.upstream_id is not null)
       and count(distinct v.ordered_quantity) > 1 limit 1;
    perform pg_temp.must(odd is null, format('%s: rows of a line agree on what was ordered: %s', moment, odd));

    perform pg_temp.must(not exists (
        select from wms.waybill_line_items as v
         where v.shipment_ref is null or v.changed_at is null
            or v.ordered_quantity is null or not coalesce(v.shipped_quantity >= 0, false)
            or not coalesce(v.cancelled_quantity >= 0, false) or not coalesce(v.returned_quantity >= 0, false)),
        moment || ': quantities are there and not negative');

    perform pg_temp.must(not exists (
        select from wms.waybill_line_items as v
         where v.shipment_ref <> '' and (v.cancelled_quantity > 0
               or not exists (select from wms.parcels as p join wms.orders as o on o.id = p.order_id
                               where p.parcel_no = v.shipment_ref
                                 and o.api_order_id is not distinct from v.order_id
                                 and p.tracking_number is not distinct from v.tracking_number))),
        moment || ': a shipment_ref is a parcel of that order, with its tracking, and has no cancellations');

    perform pg_temp.must(
        (select count(*) from wms.order_lines)
        = (select count(*) from (select distinct v.order_id, v.upstream_id, v.item_id
              from wms.waybill_line_items as v
                                  where v.upstream_id is not null) as d)
          + (select count(*) from wms.order_lines as l join wms.orders as o on o.id = l.order_id
              where o.channel <> 'webshop'),
        moment || ': each line of the webshop is there, whether anything happened to it or not');

    perform pg_temp.must(not exists (
        select from wms.orders as o where o.channel <> 'webshop' and o.api_order_id is not null)
        and (select count(*) from wms.waybill_line_items as v
              where v.order_id is null and v.upstream_id is null)
            >= (select count(*) from wms.order_lines as l join wms.orders as o on o.id = l.order_id
                 where o.channel <> 'webshop'),
        moment || ': other channels are shown without any id of the API');

    perform pg_temp.must(not exists (
        select from wms.waybill_line_items as v where v.order_id in (select a.order_id
              from pg_temp.archived as a))
        and (select count(*) from wms.api_orders)
            = (select count(*) from (select channel from wms.orders union all select channel
                  from wms.orders_archive) as o
                where o.channel = 'webshop'),
        moment || ': archived orders are gone from the view, not from what the API must have');
end $$;

-- A warehouse in the middle of its life.
select wms.generate(2000, 1);
select pg_temp.check_all('generated');
select pg_temp.must((select count(*) from wms.orders) = 2000, 'as many orders as were asked for');
select pg_temp.must((select count(*) filter (where channel <> 'webshop') between 240 and 360
      from wms.orders),
                    'about 15 % of the orders are of other channels');
select pg_temp.must((select min(n) = 1 and max(n) = 5 and min(low) = 1 and max(high) = 6
                       from (select count(*) as n, min(quantity) as low, max(quantity) as high
                               from wms.order_lines group by order_id) as o),
                                     '1 to 5 lines of 1 to 6 units');
select pg_temp.must((select array_agg(distinct n order by n) = '{1,2,3,4}'
                       from (select count(*) as n
                             from wms.parcels group by order_id) as p), '1 to 4 parcels');
select pg_temp.must((select count(*) > 20 from wms.parcels where parcel_no is null), 'unlabelled parcels');
select pg_temp.must((select count(*) > 20
      from wms.shipment_lines where parcel_id is null), 'units without a parcel');
select pg_temp.must((select count(*) > 20 from wms.shipments where status = 'packed'), 'packed, not gone');
select pg_temp.must((select count(*) > 20
      from pg_temp.said where shipped > 0 and shipped + cancelled < ordered),
                    'lines that are shipped in part');
select pg_temp.must((select count(*) > 20 from pg_temp.said where shipped > 0 and cancelled > 0),
                    'lines that are shipped and cancelled in part');
select pg_temp.must((select count(*) > 20 from pg_temp.said where shipped = 0 and cancelled = 0),
                    'lines with nothing yet');
select pg_temp.must((select count(*) > 20 from pg_temp.said where returned > 0), 'lines with returns');
select pg_temp.must((select count(*) > 20 from wms.order_lines where kit), 'kits');
select pg_temp.must((select count(*) > 5 from (
                         select l.id from wms.order_lines as l join wms.shipment_lines as s on s.order_line_id = l.id
                          where l.kit group by l.id having count(distinct s.parcel_id) > 1) as k),
                    'kits whose components left in several parcels');

-- By hand: 2 A and 1 B make a kit; 5 of them ordered.
insert into wms.kits values ('KIT-HAND', 'A', 2), ('KIT-HAND', 'B', 1);
with o as (insert into wms.orders (number, channel, api_order_id)
      values ('HAND', 'webshop', 'hand') returning id),
     l as (insert into wms.order_lines (order_id, line_no, sku, quantity, api_item_id, kit)
           select o.id, 1, 'KIT-HAND', 5, 'kit', true from o returning id, order_id),
     s as (insert into wms.shipments (order_id, status, shipped_at) select l.order_id,
           'shipped', now() from l returning id),
     p as (insert into wms.parcels (order_id, shipment_id, parcel_no)
           select l.order_id, s.id, v.no from l, s, (values ('H1'), ('H2'), ('H3')) as v (no) returning id, parcel_no)
insert into wms.shipment_lines (order_id, shipment_id, parcel_id, order_line_id, component_sku, quantity, shipped_at)
select l.order_id, s.id, p.id, l.id, v.sku, v.units, timestamptz '2026-01-01 00:00Z' + v.hour * interval '1 hour'
  from l, s, p, (values (1, 'H1', 'A', 5), (1, 'H1', 'B', 1), (2, 'H2', 'B', 2), (3, 'H3',
        'A', 2)) as v (hour, no, sku, units)
 where p.parcel_no = v.no;
select pg_temp.must((select array_agg(format('%s:%s', v.shipment_ref, v.shipped_quantity) order by v.shipment_ref)
                       = '{H1:1,H2:1,H3:1}' from wms.waybill_line_items as v where v.order_id = 'hand'),
                    'a kit counts with the parcel that completes it, and a lonely component does not');
select pg_temp.check_all('a kit by hand');

select wms.generate_edge();
select pg_temp.check_all('with edges');
select pg_temp.must((select count(*) = 130 and sum(v.shipped_quantity) = 260
      from wms.waybill_line_items as v
                      where v.order_id = 'edge-130-lines'), 'an order of 130 lines');
select pg_temp.must((select count(*) > 0 and bool_and(v.shipped_quantity = 0 and v.cancelled_quantity = 2)
                       from wms.waybill_line_items as v
                             where v.order_id = 'edge-only-cancelled'), 'only cancellations');
select pg_temp.must((select count(*) = 2 and bool_and(v.shipped_quantity = 0 and v.cancelled_quantity = 0 and v.shipment_ref = '')
                       from wms.waybill_line_items as v
                             where v.order_id = 'edge-nothing-yet'), 'nothing shipped yet');
select pg_temp.must((select count(*) = 1 and min(v.shipped_quantity) = 6 and min(v.cancelled_quantity) = 2
                       from wms.waybill_line_items as v where v.order_id = 'edge-unlabelled'),
                    'unlabelled boxes, loose units and cancellations share one row');
select pg_temp.must((select count(*) = 1 from wms.waybill_line_items as v
                      where v.order_id is null and v.upstream_id = 'EDGE-BY-NUMBER'),
                            'an order known by its number');
select pg_temp.must((select max(length(o.api_order_id)) = 500 and bool_or(o.api_order_id like '%\\%')
                            and bool_or(o.api_order_id like '%"%') and bool_or(o.api_order_id like '%''%')
                            and bool_or(o.api_order_id like ' %') and bool_or(o.api_order_id like '%📦%')
                       from wms.orders as o), 'ids of any characters');
select pg_temp.must(not exists (select from wms.expected as e where e.order_id = 'edge-orchestrated'),
                    'what the API''s own fulfiller reports is not expected of us');

-- A change of the order's rows, a deletion too, moves changed_at to the start of its transaction.
create table pg_temp.before as select v.order_id, max(v.changed_at) as at
      from wms.waybill_line_items as v group by 1;
create table pg_temp.merged as
    select o.api_order_id as order_id, wms.work_merge(o.id) as merged, now() as at from wms.orders as o
     where o.api_order_id is not null order by o.id limit 300;
select pg_temp.must((select count(*) filter (where m.merged) > 10
                            and bool_and(m.merged = (v.changed_at = m.at)) and bool_and(m.merged or v.changed_at = b.at)
                       from pg_temp.merged as m join wms.waybill_line_items as v using (order_id)
                       join pg_temp.before as b using (order_id)),
                    'changed_at moves with a deleted parcel, and only with a change');

-- Renamed, merged, split, labelled late: other keys, the same sums.
create function pg_temp.sums() returns text language sql as
    'select md5(string_agg(s::text, '';'' order by s.order_id, s.item_id)) from pg_temp.said as s';
create function pg_temp.refs() returns text language sql as
    'select md5(string_agg(distinct v.shipment_ref, '';'')) from wms.waybill_line_items as v';
create function pg_temp.moves_only(kind text) returns void language plpgsql as $$
declare
    sums text := pg_temp.sums();
    refs text := pg_temp.refs();
    done bigint;
begin
    select count(*) filter (where wms.work_step(kind, o.id, 9, o.id::int)) into done from wms.orders as o;
    perform pg_temp.must(done > 20, format('many orders suit "%s"', kind));
    perform pg_temp.must(pg_temp.sums() = sums, format('"%s" keeps the sums', kind));
    perform pg_temp.must(pg_temp.refs() <> refs, format('"%s" changes shipment_refs', kind));
end $$;
select pg_temp.moves_only(k) from unnest(array['relabel', 'label', 'split', 'merge']) as k;
select pg_temp.check_all('after moves');

-- States come back; late news is no news.
select wms.set_order_state(o.api_order_id, 'fulfilled', '2026-05-01 00:00Z') from wms.orders as o
 where o.id % 2 = 0 and o.api_order_id is not null;
select wms.set_order_state(o.api_order_id, 'accepted', '2026-04-01 00:00Z') from wms.orders as o
 where o.id % 2 = 0 and o.api_order_id is not null;
select pg_temp.must((select count(*) > 500 from wms.orders where state = 'fulfilled')
                    and not exists (select
                          from wms.orders where state = 'accepted'), 'an older state changes nothing');

-- The warehouse goes on. Nothing that the API was told is ever taken back.
create table pg_temp.told as select * from wms.expected;
create table pg_temp.did as select * from wms.work(500, 2);
select pg_temp.check_all('after work');
select pg_temp.must((select count(*) = 12 and sum(done) > 400
      from pg_temp.did), 'each kind of work was done');
select pg_temp.must((select count(*) > 0 from pg_temp.archived), 'work archives orders');
select pg_temp.must(not exists (
    select from wms.orders_archive as o
     where o.channel = 'webshop' and o.state is distinct from 'fulfilled'),
           'work archives nothing that is not done');
select pg_temp.must(not exists (
    select from pg_temp.told as t left join wms.expected as e using (order_id, item_id)
     where e.shipped >= t.shipped and e.cancelled >= t.cancelled is not true), 'units only ever grow');
select pg_temp.must((select sum(e.shipped) + sum(e.cancelled) from wms.expected as e)
                    > (select sum(t.shipped) + sum(t.cancelled)
                          from pg_temp.told as t), 'work ships and cancels');
create table pg_temp.quantities as select l.id, l.quantity from wms.order_lines as l;
select wms.work(300, 3, edits => false);
select pg_temp.must(not exists (select from wms.order_lines as l join pg_temp.quantities as q using (id)
                                 where q.quantity <> l.quantity), 'without edits, what was ordered stays');
select pg_temp.check_all('after more work');

-- A look-up reads no table as a whole; three orders, since of 2000 that is little enough.
analyze;
create function pg_temp.plan_of(keys text[]) returns setof text language plpgsql as $$
begin
    return query execute format('explain select *
          from wms.waybill_line_items where order_id = any (%L)', keys);
end $$;
select pg_temp.must(not exists (
    select from (select array_agg(o.api_order_id) as keys
                   from (select api_order_id
                         from wms.orders where api_order_id is not null order by id limit 3) as o) as k,
                pg_temp.plan_of(k.keys) as line
     where line ~ 'Seq Scan on (orders|order_lines|shipments|parcels|shipment_lines)'),
           'look-ups use indexes');

-- The same seeds make the same warehouse.
create function pg_temp.live(seed int) returns text language plpgsql as $$
begin
    perform wms.reset();
    perform wms.generate(300, seed);
    perform wms.generate_edge();
    perform wms.work(200, seed + 1);
    return (select md5(string_agg(md5(to_jsonb(v)::text || coalesce(v.order_id, 'none')),
          '' order by md5(to_jsonb(v)::text)))
              from (select w.order_id, w.upstream_id, w.item_id, w.shipment_ref, w.ordered_quantity,
                           w.shipped_quantity, w.cancelled_quantity, w.returned_quantity, w.tracking_company,
                           w.tracking_number, w.tracking_url from wms.waybill_line_items as w) as v)
           || (select md5(string_agg(a.api_order::text, '' order by a.api_order::text))
                 from wms.api_orders as a)
           || (select md5(string_agg(e::text, '' order by e::text)) from wms.expected as e);
end $$;
create table pg_temp.lives as select n, pg_temp.live(s) as hash from (values (1, 7), (2, 7), (3, 8)) as v (n, s) order by n;
select pg_temp.must((select a.hash = b.hash and a.hash <> c.hash
      from pg_temp.lives as a, pg_temp.lives as b, pg_temp.lives as c
                      where a.n = 1 and b.n = 2 and c.n = 3),
                            'one seed, one warehouse; another seed, another one');
select pg_temp.check_all('a second life');
select pg_temp.must(wms.generate(0, 1) = 0, 'no orders, if none are asked for');
select wms.reset();
select pg_temp.must((select count(*) = 0 from wms.work(10, 1)), 'an empty warehouse has no work');

-- The bad rows are as bad as they say.
select pg_temp.must((select bool_and(exists (select
      from wms.bad_rows as g where g.order_id = b.order_id and g.item_id = 'good'))
                       from wms.bad_rows as b
                             where b.order_id <> ''), 'each bad line has an innocent neighbour');
select pg_temp.must((select count(*) > 30 from wms.waybill_bad_rows), 'bad rows can be read');
select pg_temp.must((select count(*) = 2 from wms.waybill_unreadable as u
      where u.order_id = 'bad-over-sum'), 'neighbours can be read');
do $$
begin
    perform u.shipped_quantity from wms.waybill_unreadable as u where u.order_id = 'bad-raises';
    raise exception 'not so: the unreadable order can''t be read' using errcode = 'XX000';
exception when division_by_zero then
    null;
end $$;

-- What a reader of the catalogue should find.
select pg_temp.must((select count(*) = 0 from pg_class as c
                      where c.relnamespace = 'wms'::regnamespace and c.relkind in ('r', 'v')
                        and c.relname not like '%\_archive' and obj_description(c.oid, 'pg_class') is null),
                    'each table and view says what it is');
select pg_temp.must((select count(*) = 0 from pg_proc as p
                      where p.pronamespace = 'wms'::regnamespace and obj_description(p.oid,
                            'pg_proc') is null),
                    'each function says what it is for');
