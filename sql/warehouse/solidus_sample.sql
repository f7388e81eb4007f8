-- solidus_sample: orders in the tables of solidus_schema.sql, made as Solidus 4.7's flows make them.
--
-- The functions in schema flow do to the rows what core/app/models does; tests and you can go on with them:
--   select flow.ship('H1', 2, 'C9', 'TRACK');   OrderShipping#ship: 2 units of a shipment into a carton
--   select flow.cancel_units('H1', 1);          OrderCancellations#short_ship
--   select flow.take_back('C9', 1);             a customer return, received
--   select flow.exchange('C9', 1, 'H8');        the same with a new unit in its place
--   select flow.cancel_order('R1');             Order#cancel!
--   select flow.lower('R1', 0, 3);              Edit order: the quantity of a line item

create schema flow;

insert into spree_stock_locations (id, name, "default") values (1, 'default', true), (2, 'supplier', false);
insert into spree_shipping_methods (id, name, carrier, tracking_url)
values (1, 'UPS Ground', 'UPS', 'https://ups.example/track/:tracking');

-- A completed order with its shipments: items [[units, ...of stock location 1, units of 2], ...].
create function flow.complete(order_number text, dr_order text, sold_by text, items int[],
                              from_supplier int[] default '{}') returns void
language plpgsql as $$
declare
    o int;
    l int;
    home int;
    supplier int;
begin
    insert into spree_orders (number, state, completed_at, channel, admin_metadata, created_at, updated_at)
    values (order_number, 'complete', now(), sold_by,
            case when dr_order is null then '{}' else jsonb_build_object('dr_order_id', dr_order) end, now(), now())
    returning id into o;
    insert into spree_shipments (number, order_id, state, stock_location_id, created_at, updated_at)
    values ('H' || substr(order_number, 2), o, 'ready', 1, now(), now()) returning id into home;
    if cardinality(from_supplier) > 0 then
        insert into spree_shipments (number, order_id, state, stock_location_id, created_at, updated_at)
        values ('HS' || substr(order_number, 2), o, 'ready', 2, now(), now()) returning id into supplier;
    end if;
    for n in 1 .. cardinality(items) loop
        insert into spree_line_items (variant_id, order_id, quantity, price, admin_metadata, created_at, updated_at)
        values (n, o, items[n] + coalesce(from_supplier[n], 0), 10,
                jsonb_build_object('dr_item_id', 'i' || n,
                                   'dr_quantity', items[n] + coalesce(from_supplier[n], 0)), now(), now())
        returning id into l;
        insert into spree_inventory_units (state, variant_id, shipment_id, pending, line_item_id, created_at, updated_at)
        select 'on_hand', n, case when k <= items[n] then home else supplier end, false, l, now(), now()
          from generate_series(1, items[n] + coalesce(from_supplier[n], 0)) as k;
    end loop;
end $$;

-- So many units that have not left, in order of id: the shipment's by default all.
create function flow.units(shipment text, units int) returns setof int language sql as $$
select i.id from spree_inventory_units as i join spree_shipments as s on s.id = i.shipment_id
 where s.number = shipment and i.state in ('on_hand', 'backordered') order by i.id limit units
$$;

create function flow.ship(shipment text, units int default null, carton text default null,
                          with_tracking text default null) returns void
language plpgsql as $$
declare
    made int;
    chosen int[] := array(select flow.units(shipment, units));
begin
    update spree_inventory_units set state = 'shipped', updated_at = now() where id = any (chosen);
    insert into spree_cartons (number, stock_location_id, address_id, shipping_method_id, tracking, shipped_at,
                               created_at, updated_at)
    select coalesce(carton, 'C' || substr(shipment, 2)), s.stock_location_id, 1, 1, with_tracking, now(), now(), now()
      from spree_shipments as s where s.number = shipment returning id into made;
    update spree_inventory_units set carton_id = made, updated_at = now() where id = any (chosen);
    update spree_shipments as s
       set tracking = with_tracking, updated_at = now(),
           state = case when done then 'shipped' else s.state end,
           shipped_at = case when done then now() at time zone 'utc' end
      from (select not exists (select flow.units(shipment, null)) as done) as d
     where s.number = shipment;
end $$;

create function flow.cancel_units(shipment text, units int) returns void language sql as $$
with u as (select x.id from flow.units(shipment, units) as x (id)),
     c as (insert into spree_unit_cancels (inventory_unit_id, reason, created_at, updated_at)
           select u.id, 'Short Ship', now(), now() from u)
update spree_inventory_units as i set state = 'canceled', updated_at = now() from u where i.id = u.id
$$;

create function flow.take_back(carton text, units int) returns setof int language sql as $$
with u as (select i.id from spree_inventory_units as i join spree_cartons as c on c.id = i.carton_id
            where c.number = carton and i.state = 'shipped' order by i.id limit units),
     r as (insert into spree_return_items (inventory_unit_id, reception_status, acceptance_status, created_at, updated_at)
           select u.id, 'received', 'accepted', now(), now() from u returning id),
     s as (update spree_inventory_units as i set state = 'returned', updated_at = now() from u where i.id = u.id)
select r.id from r
$$;

create function flow.exchange(carton text, units int, new_shipment text) returns void
language plpgsql as $$
declare
    returned int;
    made int;
    shipment int;
begin
    insert into spree_shipments (number, order_id, state, stock_location_id, created_at, updated_at)
    select new_shipment, s.order_id, 'ready', 1, now(), now()
      from spree_cartons as c join spree_inventory_units as i on i.carton_id = c.id
      join spree_shipments as s on s.id = i.shipment_id where c.number = carton limit 1
    returning id into shipment;
    for returned in select flow.take_back(carton, units) loop
        insert into spree_inventory_units (state, variant_id, shipment_id, pending, line_item_id, created_at, updated_at)
        select 'on_hand', i.variant_id, shipment, false, i.line_item_id, now(), now()
          from spree_return_items as r join spree_inventory_units as i on i.id = r.inventory_unit_id
         where r.id = returned returning id into made;
        update spree_return_items set exchange_inventory_unit_id = made, updated_at = now() where id = returned;
    end loop;
end $$;

create function flow.cancel_order(order_number text) returns void language sql as $$
update spree_shipments as s set state = 'canceled', updated_at = now() from spree_orders as o
 where o.id = s.order_id and o.number = order_number and s.state <> 'shipped';
update spree_orders as o set state = 'canceled', canceled_at = now(), updated_at = now() where o.number = order_number;
$$;

create function flow.lower(order_number text, item int, to_quantity int) returns void language sql as $$
with l as (update spree_line_items as x set quantity = to_quantity, updated_at = now() from spree_orders as o
            where o.id = x.order_id and o.number = order_number and x.variant_id = item returning x.id)
delete from spree_inventory_units as i using l
 where i.id in (select y.id from spree_inventory_units as y
                 where y.line_item_id = l.id and y.state = 'on_hand'
                 order by y.id offset greatest(to_quantity - (select count(*) from spree_inventory_units as z
                                                where z.line_item_id = l.id and z.state <> 'on_hand'), 0))
$$;

-- All of it in one carton.
select flow.complete('R1', 'dr-1', 'spree', '{3,2}'), flow.ship('H1', null, 'C1', '1Z1');
-- Two cartons of one shipment, and one unit still here.
select flow.complete('R2', 'dr-2', 'spree', '{5}'), flow.ship('H2', 2, 'C2a'), flow.ship('H2', 2, 'C2b');
-- One unit short-shipped, the others left.
select flow.complete('R3', 'dr-3', 'spree', '{4}'), flow.cancel_units('H3', 1), flow.ship('H3');
-- Half of it from a supplier, who has shipped.
select flow.complete('R4', 'dr-4', 'spree', '{2}', '{2}'), flow.ship('HS4');
-- Shipped, one came back and was exchanged; its substitute has left too.
select flow.complete('R5', 'dr-5', 'spree', '{2}'), flow.ship('H5', null, 'C5'), flow.exchange('C5', 1, 'H5x'),
       flow.ship('H5x');
-- Cancelled after a part of it was gone.
select flow.complete('R6', 'dr-6', 'spree', '{3}'), flow.ship('H6', 1), flow.cancel_order('R6');
-- Lowered from 4 to 3 before it was shipped.
select flow.complete('R7', 'dr-7', 'spree', '{4}'), flow.lower('R7', 1, 3), flow.ship('H7');
-- Of a marketplace; nobody told us the API's id; a cart.
select flow.complete('R8', null, 'amazon', '{9}'), flow.ship('H8');
select flow.complete('R9', null, 'spree', '{1}'), flow.ship('H9');
insert into spree_orders (number, state) values ('R10', 'cart');
-- A shipped unit that somebody cancelled: it is shipped all the same.
select flow.complete('R11', 'dr-11', 'spree', '{2}'), flow.ship('H11');
update spree_inventory_units set state = 'canceled' where id = (select min(i.id) from spree_inventory_units as i
  join spree_shipments as s on s.id = i.shipment_id where s.number = 'H11');

-- What the API knows, a JSON object a row: the shop's own orders.
create view flow.api_orders as
select jsonb_build_object('id', coalesce(o.admin_metadata ->> 'dr_order_id', 'by-number'), 'state', 'accepted',
                          'upstreamId', o.number, 'items',
                          jsonb_agg(jsonb_build_object('id', l.admin_metadata ->> 'dr_item_id',
                                                       'quantity', (l.admin_metadata ->> 'dr_quantity')::int)))::text
  from spree_orders as o join spree_line_items as l on l.order_id = o.id
 where o.channel = 'spree'
 group by o.id;
