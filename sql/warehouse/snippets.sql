-- snippets: what every warehouse has, each by itself, small enough to copy.
--
--   psql -d anything -v ON_ERROR_STOP=1 -f snippets.sql
--
--   1 kits                 sold as one line, shipped as components
--   2 units of measure     sold by the dozen, counted by the piece
--   3 drop-ship            the supplier ships, and tells us by a message
--   4 several warehouses   each numbers its parcels from 1
--   5 status per unit      a row for each unit with a state, no quantities
--   6 other channels       orders of marketplaces beside the web shop's
--   7 soft deletes         rows that are struck out, not removed
--
-- Each has its own tables in a schema of its own and ends with a view in the form that the bridge
-- reads; lines that begin with "-->" are what the view shows. In the end wms.waybill_line_items has
-- all of them. demo_view.sql puts such pieces together in one warehouse.

-- 1 kits. A kit has left when its last component has: it counts with the parcel that completes it.
-- Each component's units so far are divided by what one kit takes; the least is the number of
-- whole kits so far, and the difference to the row before is what this parcel completed.

create schema kits;
create table kits.recipe (kit_sku text, component_sku text, quantity int, primary key (kit_sku, component_sku));
create table kits.line (id int primary key, order_id text, item_id text, sku text, quantity int);
create table kits.shipped (id int primary key, line_id int references kits.line, parcel text,
                           component_sku text, quantity int, at timestamptz);
create index on kits.shipped (line_id);

create view kits.waybill_line_items as
select l.order_id, l.item_id, coalesce(u.parcel, '') as shipment_ref, l.quantity as ordered_quantity,
       coalesce(u.kits, 0) as shipped_quantity, 0 as cancelled_quantity
  from kits.line as l
  left join lateral (
      select d.parcel, sum(d.kits) as kits
        from (select c.parcel, min(c.whole) - lag(min(c.whole), 1, 0::bigint) over (order by c.at, c.id) as kits
                from (select s.id, s.at, s.parcel,
                             sum(case when s.component_sku = r.component_sku then s.quantity else 0 end)
                                 over (partition by r.component_sku order by s.at, s.id) / r.quantity as whole
                        from kits.shipped as s, kits.recipe as r
                       where s.line_id = l.id and r.kit_sku = l.sku) as c
               group by c.id, c.at, c.parcel) as d
       where d.kits > 0
       group by d.parcel) as u on true;

insert into kits.recipe values ('SET', 'CUP', 2), ('SET', 'PLATE', 1);
insert into kits.line values (1, 'kit-1', 'a', 'SET', 3);
insert into kits.shipped values (1, 1, 'K1', 'CUP', 5, '2026-03-01'), (2, 1, 'K2', 'PLATE', 2, '2026-03-02');
table kits.waybill_line_items;
--> kit-1|a|K2|3|2|0

-- 2 units of measure. The API counts what was sold: boxes. The warehouse counts pieces. Divide what
-- has left in all, not each parcel, and round down: half a box is none until the rest follows.

create schema uom;
create table uom.line (id int primary key, order_id text, item_id text, quantity int, pieces_per_unit int);
create table uom.shipped (id int primary key, line_id int references uom.line, parcel text, pieces int);
create index on uom.shipped (line_id);

create view uom.waybill_line_items as
select l.order_id, l.item_id, coalesce(u.parcel, '') as shipment_ref, l.quantity as ordered_quantity,
       coalesce(u.units, 0) as shipped_quantity, 0 as cancelled_quantity
  from uom.line as l
  left join lateral (
      select d.parcel, sum(d.units) as units
        from (select w.parcel, w.whole - lag(w.whole, 1, 0::bigint) over (order by w.id) as units
                from (select s.id, s.parcel, sum(s.pieces) over (order by s.id) / l.pieces_per_unit as whole
                        from uom.shipped as s where s.line_id = l.id) as w) as d
       where d.units > 0
       group by d.parcel) as u on true;

insert into uom.line values (1, 'uom-1', 'a', 4, 12);
insert into uom.shipped values (1, 1, 'U1', 18), (2, 1, 'U2', 18);
table uom.waybill_line_items;
--> uom-1|a|U1|4|1|0
--> uom-1|a|U2|4|2|0

-- 3 drop-ship. What the supplier reports is one more source of units: one more branch of the union,
-- never one more join, or each would multiply the other. The newest message of a parcel counts, since
-- suppliers send the same one again, and correct it; its number may be anybody's, so it gets a prefix.

create schema dropship;
create table dropship.line (id int primary key, order_id text, item_id text, quantity int);
create table dropship.shipped (line_id int references dropship.line, parcel text, quantity int);
create table dropship.message (id int primary key, line_id int references dropship.line, supplier text,
                               parcel text, shipped int, refused int);
create index on dropship.shipped (line_id);
create index on dropship.message (line_id);

create view dropship.waybill_line_items as
select l.order_id, l.item_id, coalesce(u.ref, '') as shipment_ref, l.quantity as ordered_quantity,
       coalesce(sum(u.shipped), 0) as shipped_quantity, coalesce(sum(u.cancelled), 0) as cancelled_quantity
  from dropship.line as l
  left join lateral (
      select s.parcel as ref, s.quantity as shipped, 0 as cancelled
        from dropship.shipped as s where s.line_id = l.id
      union all
      select m.ref, m.shipped, m.refused
        from (select distinct on (x.supplier, x.parcel)
                     case when x.shipped > 0 then x.supplier || '/' || x.parcel else '' end as ref,
                     x.shipped, x.refused
                from dropship.message as x where x.line_id = l.id
               order by x.supplier, x.parcel, x.id desc) as m) as u on true
 group by l.id, u.ref;

insert into dropship.line values (1, 'drop-1', 'a', 6);
insert into dropship.shipped values (1, 'D1', 1);
insert into dropship.message values (1, 1, 'acme', '1', 3, 0), (2, 1, 'acme', '1', 3, 0), (3, 1, 'acme', '', 0, 2);
table dropship.waybill_line_items;
--> drop-1|a||6|0|2
--> drop-1|a|D1|6|1|0
--> drop-1|a|acme/1|6|3|0

-- 4 several warehouses. A parcel's number is unique in its house only: put the house in front, else
-- two parcels are taken for one. A transfer from house to house is no shipment.

create schema houses;
create table houses.line (id int primary key, order_id text, item_id text, quantity int);
create table houses.shipped (line_id int references houses.line, house text, parcel int, to_house text, quantity int);
create index on houses.shipped (line_id);

create view houses.waybill_line_items as
select l.order_id, l.item_id, coalesce(s.house || '-' || s.parcel, '') as shipment_ref,
       l.quantity as ordered_quantity, coalesce(sum(s.quantity), 0) as shipped_quantity, 0 as cancelled_quantity
  from houses.line as l
  left join houses.shipped as s on s.line_id = l.id and s.to_house is null
 group by l.id, s.house, s.parcel;

insert into houses.line values (1, 'house-1', 'a', 5);
insert into houses.shipped values (1, 'east', 1, null, 2), (1, 'west', 1, null, 1), (1, 'west', 2, 'east', 2);
table houses.waybill_line_items;
--> house-1|a|east-1|5|2|0
--> house-1|a|west-1|5|1|0

-- 5 status per unit. Count rows by what can't be undone: that a unit has a time of departure, not that
-- its state is 'shipped' now, since it will be 'delivered' or 'returned' next.

create schema unit_rows;
create table unit_rows.line (id int primary key, order_id text, item_id text, quantity int);
create table unit_rows.unit (id int primary key, line_id int references unit_rows.line, state text,
                             parcel text, departed_at timestamptz);
create index on unit_rows.unit (line_id);

create view unit_rows.waybill_line_items as
select l.order_id, l.item_id, coalesce(u.ref, '') as shipment_ref, l.quantity as ordered_quantity,
       coalesce(u.shipped, 0) as shipped_quantity, coalesce(u.cancelled, 0) as cancelled_quantity,
       coalesce(u.returned, 0) as returned_quantity
  from unit_rows.line as l
  left join lateral (
      select case when x.departed_at is not null then coalesce(x.parcel, '') else '' end as ref,
             count(*) filter (where x.departed_at is not null) as shipped,
             count(*) filter (where x.departed_at is null and x.state = 'cancelled') as cancelled,
             count(*) filter (where x.departed_at is not null and x.state = 'returned') as returned
        from unit_rows.unit as x where x.line_id = l.id
       group by 1) as u on true;

insert into unit_rows.line values (1, 'unit-1', 'a', 5);
insert into unit_rows.unit values (1, 1, 'delivered', 'N1', '2026-03-01'), (2, 1, 'returned', 'N1', '2026-03-01'),
                                  (3, 1, 'cancelled', null, null), (4, 1, 'shipped', 'N2', '2026-03-02'),
                                  (5, 1, 'picked', 'N3', null);
table unit_rows.waybill_line_items;
--> unit-1|a||5|0|1|0
--> unit-1|a|N1|5|2|0|1
--> unit-1|a|N2|5|1|0|0

-- 6 other channels. Leave their rows in, with order_id null: they are counted, and an order of ours
-- that is taken for one of theirs can be found. upstream_id is for our own orders only: where the shop
-- has not told the API's id yet, it is looked up by our number.

create schema channels;
create table channels.sale (id int primary key, number text, channel text, api_order_id text);
create table channels.line (id int primary key, sale_id int references channels.sale, api_item_id text,
                            quantity int, shipped int);
create index on channels.line (sale_id);
create index on channels.sale (api_order_id);

create view channels.waybill_line_items as
select case when s.channel = 'shop' then s.api_order_id end as order_id, l.api_item_id as item_id,
       '' as shipment_ref, l.quantity as ordered_quantity, l.shipped as shipped_quantity,
       0 as cancelled_quantity, case when s.channel = 'shop' then s.number end as upstream_id
  from channels.sale as s
  join channels.line as l on l.sale_id = s.id;

insert into channels.sale values (1, 'N-1', 'shop', 'chan-1'), (2, 'N-2', 'shop', null), (3, 'N-3', 'ebay', null);
insert into channels.line values (1, 1, 'a', 2, 2), (2, 2, 'a', 1, 1), (3, 3, null, 7, 7);
table channels.waybill_line_items;
--> chan-1|a||2|2|0|N-1
--> |a||1|1|0|N-2
--> |||7|7|0|

-- 7 soft deletes. A struck-out parcel was never sent: it doesn't count. A struck-out line is not the
-- same as no line: leave it in and count what did not leave as cancelled, or nobody releases the money;
-- and a struck-out order too. A parcel that is struck out after its units were posted makes them fewer
-- than what the API has, and a person hears of it.

create schema soft;
create table soft.sale (id int primary key, api_order_id text, deleted_at timestamptz);
create table soft.line (id int primary key, sale_id int references soft.sale, api_item_id text, quantity int,
                        deleted_at timestamptz);
create table soft.shipped (line_id int references soft.line, parcel text, quantity int, deleted_at timestamptz);
create index on soft.sale (api_order_id);
create index on soft.line (sale_id);
create index on soft.shipped (line_id);

create view soft.waybill_line_items as
select s.api_order_id as order_id, l.api_item_id as item_id, u.ref as shipment_ref,
       l.quantity as ordered_quantity, u.shipped as shipped_quantity, u.cancelled as cancelled_quantity
  from soft.sale as s
  join soft.line as l on l.sale_id = s.id
 cross join lateral (
      select x.parcel as ref, sum(x.quantity) as shipped, 0 as cancelled
        from soft.shipped as x where x.line_id = l.id and x.deleted_at is null
       group by x.parcel
      union all
      select '', 0, case when coalesce(s.deleted_at, l.deleted_at) is null then 0
                         else l.quantity - coalesce((select sum(x.quantity) from soft.shipped as x
                                                      where x.line_id = l.id and x.deleted_at is null), 0) end
 ) as u;

insert into soft.sale values (1, 'soft-1', null), (2, 'soft-2', now());
insert into soft.line values (1, 1, 'a', 4, null), (2, 1, 'b', 3, now()), (3, 2, 'a', 1, null);
insert into soft.shipped values (1, 'S1', 2, null), (1, 'S2', 2, now()), (2, 'S1', 1, null);
table soft.waybill_line_items;
--> soft-1|a||4|0|0
--> soft-1|a|S1|4|2|0
--> soft-1|b||3|0|2
--> soft-1|b|S1|3|1|0
--> soft-2|a||1|0|1

-- All of them as one warehouse.

create schema wms;
create view wms.waybill_line_items as
select order_id, item_id, null::text as upstream_id, shipment_ref, ordered_quantity, shipped_quantity,
       cancelled_quantity, 0::bigint as returned_quantity from kits.waybill_line_items
union all
select order_id, item_id, null, shipment_ref, ordered_quantity, shipped_quantity, cancelled_quantity, 0
  from uom.waybill_line_items
union all
select order_id, item_id, null, shipment_ref, ordered_quantity, shipped_quantity, cancelled_quantity, 0
  from dropship.waybill_line_items
union all
select order_id, item_id, null, shipment_ref, ordered_quantity, shipped_quantity, cancelled_quantity, 0
  from houses.waybill_line_items
union all
select order_id, item_id, null, shipment_ref, ordered_quantity, shipped_quantity, cancelled_quantity,
       returned_quantity from unit_rows.waybill_line_items
union all
select order_id, item_id, upstream_id, shipment_ref, ordered_quantity, shipped_quantity, cancelled_quantity, 0
  from channels.waybill_line_items
union all
select order_id, item_id, null, shipment_ref, ordered_quantity, shipped_quantity, cancelled_quantity, 0
  from soft.waybill_line_items;
