-- odoo_sample: orders in the tables of odoo_schema.sql, made as Odoo 17.0's flows make them.
--
-- The functions in schema flow do to the rows what the buttons do; tests and you can go on with
-- them:
--   select flow.ship('WH/OUT/00002');                    Validate, all of it
--   select flow.ship('WH/OUT/00002', '{"A": 2}');        Validate 2 of A, Create Backorder
--   select flow.ship('WH/OUT/00002', '{"A": 2}', false); the same, No Backorder
--   select flow.take_back('WH/OUT/00002', '{"A": 1}');   Return, and the return validated
--   select flow.cancel('WH/OUT/00002');                  Cancel a transfer
--   select flow.cancel_order('S00013');                  Cancel an order

create schema flow;

insert into uom_category (id, name) values (1, '{"en_US": "Unit"}');
insert into uom_uom (id, category_id, uom_type, name, factor, rounding, active)
values (1, 1, 'reference', '{"en_US": "Units"}', 1, 0.01, true),
       (2, 1, 'bigger', '{"en_US": "Dozens"}', 0.08333333333333333, 0.01, true);

create function flow.product(sku text, of_type text default 'product') returns void
language sql as $$
with t as (insert into product_template (uom_id, uom_po_id, detailed_type, type, name)
           values (1, 1, of_type, of_type, jsonb_build_object('en_US', sku)) returning id)
insert into product_product (product_tmpl_id, default_code) select t.id, sku from t
$$;
select flow.product(sku) from unnest(array['A', 'B', 'C', 'KIT', 'INNER', 'SERIAL']) as sku;
select flow.product('DELIVERY', 'service'), flow.product('SETUP', 'service');

create function flow.sku(of_sku text) returns int language sql stable as
'select p.id from product_product as p where p.default_code = of_sku';

-- A kit is 2 A and 1 INNER; an INNER is 1 B and half a dozen C.
create function flow.bom(of_sku text, parts jsonb) returns void language sql as $$
with b as (insert into mrp_bom (product_tmpl_id, product_qty, product_uom_id, sequence, type)
           select p.product_tmpl_id, 1, 1, 1, 'phantom' from product_product as p
            where p.default_code = of_sku returning id)
insert into mrp_bom_line (bom_id, product_id, product_qty, product_uom_id)
select b.id, flow.sku(x ->> 0), (x ->> 1)::numeric, (x ->> 2)::int from b, jsonb_array_elements(parts) as x
$$;
select flow.bom('KIT', '[["A", 2, 1], ["INNER", 1, 1]]'), flow.bom('INNER', '[["B", 1, 1], ["C", 0.5, 2]]');

insert into crm_team (id, name) values (1, '{"en_US": "Sales"}'), (2, '{"en_US": "Website"}');
insert into delivery_carrier (id, product_id, name, tracking_url)
values (1, flow.sku('DELIVERY'), '{"en_US": "DHL", "de_DE": "DHL"}', 'https://dhl.example/?id=<shipmenttrackingnumber>');
insert into stock_location (id, location_id, name, complete_name, usage, scrap_location)
values (1, null, 'Vendors', 'Partners/Vendors', 'supplier', false),
       (2, null, 'Customers', 'Partners/Customers', 'customer', false),
       (3, null, 'Stock', 'WH/Stock', 'internal', false),
       (4, null, 'Output', 'WH/Output', 'internal', false),
       (5, null, 'Stock', 'CHIC/Stock', 'internal', false),
       (6, null, 'Scrap', 'Virtual Locations/Scrap', 'inventory', true);
insert into stock_picking_type (id, code, sequence_code, name)
values (1, 'incoming', 'IN', '{"en_US": "Receipts"}'), (2, 'outgoing', 'OUT', '{"en_US": "Delivery Orders"}'),
       (3, 'internal', 'PICK', '{"en_US": "Pick"}'), (4, 'incoming', 'DS', '{"en_US": "Dropship"}');

-- The order as an import brings it, as a quotation; items: [sku, units, unit of measure].
create function flow.quote(order_name text, dr_order text, team int, items jsonb) returns int
language plpgsql as $$
declare
    made int;
begin
    insert into sale_order (partner_id, partner_invoice_id, partner_shipping_id, team_id, name, state,
                            x_dr_order_id, date_order, create_date, write_date)
    values (7, 7, 7, team, order_name, 'draft', dr_order, now() at time zone 'utc',
            now() at time zone 'utc', now() at time zone 'utc') returning id into made;
    insert into sale_order_line (order_id, product_id, product_uom, name, product_uom_qty,
                                 qty_delivered_method, qty_delivered, state, x_dr_item_id,
                                 x_dr_quantity, create_date, write_date)
    select made, flow.sku(x.item ->> 0), coalesce((x.item ->> 2)::int, 1), x.item ->> 0,
           (x.item ->> 1)::numeric,
           case when t.type = 'service' then 'manual' else 'stock_move' end, 0, 'draft',
           case when team = 2 then 'i' || x.n end,
           case when team = 2 then (x.item ->> 1)::int else 0 end,
           now() at time zone 'utc', now() at time zone 'utc'
      from jsonb_array_elements(items) with ordinality as x (item, n)
      join product_product as p on p.default_code = x.item ->> 0
      join product_template as t on t.id = p.product_tmpl_id;
    insert into procurement_group (name, sale_id) values (order_name, made);
    return made;
end $$;

-- A transfer of these lines with their kits taken apart, as the stock rules make it; units in the
-- product's unit. share: of the ordered quantity, where several warehouses deliver.
create function flow.transfer(order_name text, picking_name text, from_location int, to_location int,
                              of_type int, share numeric default 1) returns void
language plpgsql as $$
declare
    o sale_order := (select x from sale_order as x where x.name = order_name);
    made int;
begin
    insert into stock_picking (location_id, location_dest_id, picking_type_id, group_id, sale_id,
                               name, origin, state, carrier_id, create_date, write_date)
    select from_location, to_location, of_type, g.id, o.id, picking_name, order_name, 'assigned',
           case when to_location = 2 then 1 end, now() at time zone 'utc', now() at time zone 'utc'
      from procurement_group as g where g.sale_id = o.id returning id into made;
    insert into stock_move (product_id, product_uom, location_id, location_dest_id, picking_id, group_id,
                            sale_line_id, bom_line_id, name, state, product_uom_qty, product_qty,
                            quantity, picked, scrapped, date, create_date, write_date)
    with recursive parts as (
        select l.id as line_id, l.product_id, null::int as bom_line_id,
               l.product_uom_qty / u.factor * share as units, 1 as unit
          from sale_order_line as l join uom_uom as u on u.id = l.product_uom
          join product_product as p on p.id = l.product_id
          join product_template as t on t.id = p.product_tmpl_id
         where l.order_id = o.id and t.type <> 'service'
        union all
        select c.line_id, b.product_id, b.id, c.units / bu.factor * b.product_qty * bu.factor, b.product_uom_id
          from parts as c join product_product as p on p.id = c.product_id
          join mrp_bom as m on m.product_tmpl_id = p.product_tmpl_id and m.type = 'phantom'
          join mrp_bom_line as b on b.bom_id = m.id join uom_uom as bu on bu.id = b.product_uom_id
    )
    select c.product_id, c.unit, from_location, to_location, made, (select group_id
           from stock_picking where id = made), c.line_id, c.bom_line_id, p.default_code, 'assigned',
           round(c.units, 2), round(c.units / u.factor, 2), round(c.units, 2), false, false,
           now() at time zone 'utc', now() at time zone 'utc', now() at time zone 'utc'
      from parts as c join product_product as p on p.id = c.product_id
      join uom_uom as u on u.id = c.unit
     where not exists (select from mrp_bom as m where m.product_tmpl_id = p.product_tmpl_id);
end $$;

-- Confirm: the order is a sales order, and what rules would make of it is there.
create function flow.confirm(order_name text, picking_name text) returns void
language plpgsql as $$
begin
    update sale_order as o set state = 'sale', write_date = now() at time zone 'utc' where o.name = order_name;
    update sale_order_line as l set state = 'sale' from sale_order as o
     where o.id = l.order_id and o.name = order_name;
    if picking_name is not null then
        perform flow.transfer(order_name, picking_name, 3, 2, 2);
    end if;
end $$;

-- Validate. What is not done goes to a backorder, or is split off and cancelled in its transfer.
create function flow.ship(picking_name text, done jsonb default null, backorder boolean default true)
returns void language plpgsql as $$
declare
    p stock_picking := (select x from stock_picking as x where x.name = picking_name);
    m stock_move;
    units numeric;
    rest int;
begin
    for m in select x.* from stock_move as x where x.picking_id = p.id and x.state = 'assigned'
              order by x.id loop
        units := case when done is null then m.product_uom_qty
                      else least(m.product_uom_qty, coalesce((done ->> m.name)::numeric, 0)) end;
        if units < m.product_uom_qty and backorder then
            if rest is null then
                insert into stock_picking (location_id, location_dest_id, picking_type_id, group_id,
                                           sale_id, backorder_id, carrier_id, name, origin, state,
                                           create_date, write_date)
                select p.location_id, p.location_dest_id, p.picking_type_id, p.group_id, p.sale_id, p.id,
                       p.carrier_id, picking_name || 'b', p.origin, 'assigned',
                       now() at time zone 'utc', now() at time zone 'utc'
                returning id into rest;
            end if;
        end if;
        if units = 0 then
            update stock_move as x
               set picking_id = case when backorder then rest else x.picking_id end,
                   state = case when backorder then x.state else 'cancel' end,
                   quantity = case when backorder then x.quantity else 0 end,
                   write_date = now() at time zone 'utc'
             where x.id = m.id;
            continue;
        end if;
        if units < m.product_uom_qty then
            insert into stock_move (product_id, product_uom, location_id, location_dest_id, picking_id,
                                    group_id, sale_line_id, bom_line_id, name, state, product_uom_qty,
                                    product_qty, quantity, picked, scrapped, date, create_date, write_date)
            select m.product_id, m.product_uom, m.location_id, m.location_dest_id,
                   case when backorder then rest else p.id end, m.group_id, m.sale_line_id,
                   m.bom_line_id, m.name, case when backorder then 'assigned' else 'cancel' end,
                   m.product_uom_qty - units, null, case when backorder then m.product_uom_qty - units else 0 end,
                   false, false, now() at time zone 'utc', now() at time zone 'utc', now() at time zone 'utc';
        end if;
        update stock_move as x
           set state = 'done', quantity = units, product_uom_qty = units, picked = true,
               date = now() at time zone 'utc', write_date = now() at time zone 'utc'
         where x.id = m.id;
        insert into stock_move_line (picking_id, move_id, product_id, product_uom_id, location_id,
                                     location_dest_id, quantity, picked, state, date)
        values (p.id, m.id, m.product_id, m.product_uom, m.location_id, m.location_dest_id, units,
                true, 'done', now() at time zone 'utc');
    end loop;
    update stock_picking as x
       set state = 'done', date_done = now() at time zone 'utc', write_date = now() at time zone 'utc'
     where x.id = p.id;
end $$;

create function flow.cancel(picking_name text) returns void language sql as $$
update stock_move as m set state = 'cancel', quantity = 0, write_date = now() at time zone 'utc'
  from stock_picking as p
 where p.id = m.picking_id and p.name = picking_name and m.state not in ('done', 'cancel');
update stock_picking as p set state = 'cancel', write_date = now() at time zone 'utc'
 where p.name = picking_name;
$$;

create function flow.cancel_order(order_name text) returns void language sql as $$
select flow.cancel(p.name) from stock_picking as p join sale_order as o on o.id = p.sale_id
 where o.name = order_name and p.state not in ('done', 'cancel');
update sale_order as o set state = 'cancel', write_date = now() at time zone 'utc' where o.name = order_name;
$$;

-- Return and validate it; of a return it is the exchange that goes out again.
create function flow.take_back(picking_name text, units jsonb) returns void language plpgsql as $$
declare
    p stock_picking := (select x from stock_picking as x where x.name = picking_name);
    back int;
begin
    insert into stock_picking (location_id, location_dest_id, picking_type_id, group_id, sale_id,
                               return_id, name, origin, state, date_done, create_date, write_date)
    select p.location_dest_id, p.location_id, case when p.picking_type_id = 1 then 2 else 1 end, p.group_id,
           p.sale_id, p.id, picking_name || 'r', 'Return of ' || picking_name, 'done',
           now() at time zone 'utc', now() at time zone 'utc', now() at time zone 'utc'
    returning id into back;
    insert into stock_move (product_id, product_uom, location_id, location_dest_id, picking_id, group_id,
                            sale_line_id, bom_line_id, origin_returned_move_id, name, state, to_refund,
                            product_uom_qty, product_qty, quantity, picked, scrapped, date, create_date, write_date)
    select m.product_id, m.product_uom, m.location_dest_id, m.location_id, back, m.group_id, m.sale_line_id,
           m.bom_line_id, m.id, m.name, 'done', true, u.n, u.n, u.n, true, false,
           now() at time zone 'utc', now() at time zone 'utc', now() at time zone 'utc'
      from stock_move as m, lateral (select (units ->> m.name)::numeric as n) as u
     where m.picking_id = p.id and m.state = 'done' and u.n > 0;
end $$;

-- Two lines, a delivery fee, a service, a section: all delivered, with a tracking number.
select flow.quote('S00001', 'dr-1', 2, '[["A", 3], ["B", 2], ["SETUP", 1], ["DELIVERY", 1]]');
update sale_order_line set is_delivery = true where name = 'DELIVERY';
insert into sale_order_line (order_id, display_type, name, product_uom_qty)
select id, 'line_section', 'Gifts', 0 from sale_order where name = 'S00001';
select flow.confirm('S00001', 'WH/OUT/00001'), flow.ship('WH/OUT/00001');
update stock_picking set carrier_tracking_ref = 'TRACK-1' where name = 'WH/OUT/00001';
update sale_order_line set qty_delivered = 1 where name = 'SETUP';
-- Half of it gone, the rest in a backorder.
select flow.quote('S00002', 'dr-2', 2, '[["A", 8]]');
select flow.confirm('S00002', 'WH/OUT/00002'), flow.ship('WH/OUT/00002', '{"A": 5}');
-- The backorder gone too.
select flow.quote('S00003', 'dr-3', 2, '[["A", 4], ["B", 1]]');
select flow.confirm('S00003', 'WH/OUT/00003'), flow.ship('WH/OUT/00003', '{"A": 1}'), flow.ship('WH/OUT/00003b');
-- No Backorder: the rest of A and all of B is cancelled.
select flow.quote('S00004', 'dr-4', 2, '[["A", 6], ["B", 2]]');
select flow.confirm('S00004', 'WH/OUT/00004'), flow.ship('WH/OUT/00004', '{"A": 4}', false);
-- 3 kits with a kit within: the components left for one, and a part of a second.
select flow.quote('S00005', 'dr-5', 2, '[["KIT", 3]]');
select flow.confirm('S00005', 'WH/OUT/00005'), flow.ship('WH/OUT/00005', '{"A": 4, "B": 2, "C": 0.9}');
-- 2 dozens, moved in units: 18 gone.
select flow.quote('S00007', 'dr-7', 2, '[["A", 2, 2]]');
select flow.confirm('S00007', 'WH/OUT/00007'), flow.ship('WH/OUT/00007', '{"A": 18}');
-- Drop-shipped: from the vendor to the customer.
select flow.quote('S00008', 'dr-8', 2, '[["B", 2]]');
select flow.confirm('S00008', null), flow.transfer('S00008', 'DS/00001', 1, 2, 4), flow.ship('DS/00001');
-- From two warehouses, one half each; only one has shipped.
select flow.quote('S00009', 'dr-9', 2, '[["A", 4]]');
select flow.confirm('S00009', null), flow.transfer('S00009', 'WH/OUT/00009', 3, 2, 2, 0.5),
       flow.transfer('S00009', 'CHIC/OUT/00001', 5, 2, 2, 0.5), flow.ship('CHIC/OUT/00001');
-- Delivered, one came back, and went out again.
select flow.quote('S00010', 'dr-10', 2, '[["A", 3]]');
select flow.confirm('S00010', 'WH/OUT/00010'), flow.ship('WH/OUT/00010'),
       flow.take_back('WH/OUT/00010', '{"A": 2}'), flow.take_back('WH/OUT/00010r', '{"A": 1}');
-- Of another channel.
select flow.quote('S00011', null, 1, '[["A", 9]]');
select flow.confirm('S00011', 'WH/OUT/00011'), flow.ship('WH/OUT/00011');
-- A quotation.
select flow.quote('S00012', 'dr-12', 2, '[["A", 1]]');
-- Cancelled, after one of three was gone.
select flow.quote('S00013', 'dr-13', 2, '[["A", 3]]');
select flow.confirm('S00013', 'WH/OUT/00013'), flow.ship('WH/OUT/00013', '{"A": 1}'), flow.cancel_order('S00013');
-- The API's id was never brought back: found by the number.
select flow.quote('S00014', null, 2, '[["B", 1]]');
select flow.confirm('S00014', 'WH/OUT/00014'), flow.ship('WH/OUT/00014');
-- Picked, not shipped: two steps.
select flow.quote('S00015', 'dr-15', 2, '[["A", 2]]');
select flow.confirm('S00015', null), flow.transfer('S00015', 'WH/PICK/00001', 3, 4, 3),
       flow.transfer('S00015', 'WH/OUT/00015', 4, 2, 2), flow.ship('WH/PICK/00001');
-- The order line was lowered from 5 to 3, and one was scrapped.
select flow.quote('S00016', 'dr-16', 2, '[["A", 5]]');
select flow.confirm('S00016', 'WH/OUT/00016');
update sale_order_line set product_uom_qty = 3 where order_id = (select id from sale_order where name = 'S00016');
update stock_move set product_uom_qty = 3 where picking_id = (select id from stock_picking where name = 'WH/OUT/00016');
insert into stock_move (product_id, product_uom, location_id, location_dest_id, sale_line_id, name, state,
                        product_uom_qty, quantity, picked, scrapped, date)
select m.product_id, 1, 3, 6, m.sale_line_id, 'A', 'done', 1, 1, true, true, now() at time zone 'utc'
  from stock_move as m join stock_picking as p on p.id = m.picking_id where p.name = 'WH/OUT/00016';
-- Two serial numbers in one move, each in a package.
select flow.quote('S00017', 'dr-17', 2, '[["SERIAL", 2]]');
select flow.confirm('S00017', 'WH/OUT/00017'), flow.ship('WH/OUT/00017');
with lots as (insert into stock_lot (product_id, name) select flow.sku('SERIAL'), 'SN' || n
                from generate_series(1, 2) as n returning id),
     packs as (insert into stock_quant_package (name) values ('PACK1'), ('PACK2') returning id),
     old as (delete from stock_move_line as l using stock_picking as p
              where p.id = l.picking_id and p.name = 'WH/OUT/00017' returning l.*)
insert into stock_move_line (picking_id, move_id, product_id, product_uom_id, location_id, location_dest_id,
                             lot_id, result_package_id, quantity, picked, state, date)
select o.picking_id, o.move_id, o.product_id, 1, o.location_id, o.location_dest_id, a.id, b.id, 1, true,
       'done', o.date
  from old as o, (select id, row_number() over () as n from lots) as a,
       (select id, row_number() over () as n from packs) as b where a.n = b.n;

-- What the API knows, a JSON object a row: the web shop's orders.
create view flow.api_orders as
select jsonb_build_object('id', coalesce(o.x_dr_order_id, 'by-number'), 'state', 'accepted',
                          'upstreamId', o.name, 'items',
                          jsonb_agg(jsonb_build_object('id', l.x_dr_item_id, 'quantity', l.x_dr_quantity)))::text
  from sale_order as o join sale_order_line as l on l.order_id = o.id
 where o.team_id = 2 and l.x_dr_item_id is not null and l.name <> 'DELIVERY'
 group by o.id;
