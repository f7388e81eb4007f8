-- odoo_schema: the tables of Odoo 17.0 that odoo_view.sql reads, to try it on without an Odoo.
--
--   psql -d shop -v ON_ERROR_STOP=1 -f odoo_schema.sql -f odoo_view.sql -f odoo_sample.sql
--
-- As Odoo's ORM creates them from its models, in schema public: the columns that the view reads,
-- those that the sample's flows write, and what is NOT NULL; the indexes are the models' own.
-- Taken from these files of Odoo 17.0 (community):
--   addons/uom/models/uom_uom.py                addons/product/models/product_{template,product}.py
--   addons/sale/models/sale_order.py            addons/sale/models/sale_order_line.py
--   addons/sale_stock/models/{sale_order,sale_order_line,stock}.py
--   addons/stock/models/stock_{location,picking,move,move_line,lot,quant}.py
--   addons/stock_delivery/models/stock_picking.py, addons/delivery/models/delivery_carrier.py
--   addons/mrp/models/{mrp_bom,stock_move}.py   addons/sales_team/models/crm_team.py
-- Char is varchar, a translated Char jsonb, Datetime timestamp in UTC, Float with digits numeric,
-- Many2one integer with a foreign key. On a real Odoo only the end of this file is for you: the
-- three fields that hold the API's ids.

create table uom_category (
    id serial primary key,
    name jsonb not null
);

create table uom_uom (
    id serial primary key,
    category_id int not null references uom_category on delete restrict,
    uom_type varchar not null,
    name jsonb not null,
    factor numeric not null check (factor <> 0),
    rounding numeric not null check (rounding > 0),
    active boolean
);
comment on column uom_uom.factor is 'how many of it make one reference unit: a dozen has 1/12';

create table product_template (
    id serial primary key,
    categ_id int not null default 1,
    uom_id int not null references uom_uom,
    uom_po_id int not null references uom_uom,
    detailed_type varchar not null,
    type varchar,
    tracking varchar not null default 'none',
    name jsonb not null,
    active boolean default true
);

create table product_product (
    id serial primary key,
    product_tmpl_id int not null references product_template on delete cascade,
    default_code varchar,
    active boolean default true
);
create index on product_product (product_tmpl_id);

create table mrp_bom (
    id serial primary key,
    product_tmpl_id int not null references product_template on delete restrict,
    product_id int references product_product,
    product_qty numeric not null,
    product_uom_id int not null references uom_uom,
    sequence int,
    type varchar not null,
    ready_to_produce varchar not null default 'all_available',
    consumption varchar not null default 'warning',
    active boolean default true
);
create index on mrp_bom (product_tmpl_id);
create index on mrp_bom (product_id);

create table mrp_bom_line (
    id serial primary key,
    bom_id int not null references mrp_bom on delete cascade,
    product_id int not null references product_product on delete restrict,
    product_qty numeric not null,
    product_uom_id int not null references uom_uom,
    sequence int
);
create index on mrp_bom_line (bom_id);

create table crm_team (
    id serial primary key,
    name jsonb not null,
    active boolean default true
);

create table delivery_carrier (
    id serial primary key,
    product_id int not null references product_product on delete restrict,
    delivery_type varchar not null default 'fixed',
    invoice_policy varchar not null default 'estimated',
    name jsonb not null,
    tracking_url varchar
);

create table stock_location (
    id serial primary key,
    location_id int references stock_location on delete cascade,
    name varchar not null,
    complete_name varchar,
    usage varchar not null,
    scrap_location boolean
);

create table stock_picking_type (
    id serial primary key,
    company_id int not null default 1,
    code varchar not null,
    sequence_code varchar not null,
    name jsonb not null,
    reservation_method varchar not null default 'at_confirm',
    create_backorder varchar not null default 'ask'
);

create table sale_order (
    id serial primary key,
    company_id int not null default 1,
    partner_id int not null,
    partner_invoice_id int not null,
    partner_shipping_id int not null,
    team_id int references crm_team on delete set null,
    warehouse_id int not null default 1,
    picking_policy varchar not null default 'direct',
    name varchar not null,
    client_order_ref varchar,
    state varchar,
    locked boolean,
    date_order timestamp not null,
    create_date timestamp,
    write_date timestamp,
    check ((state = 'sale' and date_order is not null) or state <> 'sale')
);

create table sale_order_line (
    id serial primary key,
    order_id int not null references sale_order on delete cascade,
    product_id int references product_product on delete restrict,
    product_uom int references uom_uom on delete restrict,
    display_type varchar,
    is_downpayment boolean,
    is_delivery boolean,
    name text not null,
    product_uom_qty numeric not null,
    qty_delivered_method varchar,
    qty_delivered numeric,
    price_unit numeric not null default 0,
    customer_lead float8 not null default 0,
    state varchar,
    create_date timestamp,
    write_date timestamp,
    check (display_type is not null or (product_id is not null and product_uom is not null)),
    check (display_type is null or (product_id is null and price_unit = 0
           and product_uom_qty = 0 and product_uom is null and customer_lead = 0))
);
create index on sale_order_line (order_id);

create table procurement_group (
    id serial primary key,
    name varchar not null,
    move_type varchar not null default 'direct',
    sale_id int references sale_order
);

create table stock_picking (
    id serial primary key,
    location_id int not null references stock_location,
    location_dest_id int not null references stock_location,
    picking_type_id int not null references stock_picking_type,
    company_id int default 1,
    group_id int references procurement_group,
    sale_id int references sale_order,
    backorder_id int references stock_picking,
    return_id int references stock_picking,
    carrier_id int references delivery_carrier,
    name varchar,
    origin varchar,
    move_type varchar not null default 'direct',
    state varchar,
    carrier_tracking_ref varchar,
    date_done timestamp,
    create_date timestamp,
    write_date timestamp,
    unique (name, company_id)
);
create index on stock_picking (sale_id) where sale_id is not null;

create table stock_move (
    id serial primary key,
    company_id int not null default 1,
    product_id int not null references product_product,
    product_uom int not null references uom_uom,
    location_id int not null references stock_location,
    location_dest_id int not null references stock_location,
    picking_id int references stock_picking,
    group_id int references procurement_group,
    sale_line_id int references sale_order_line on delete set null,
    bom_line_id int references mrp_bom_line on delete set null,
    origin_returned_move_id int references stock_move,
    name varchar not null,
    state varchar,
    procure_method varchar not null default 'make_to_stock',
    product_uom_qty numeric not null,
    product_qty numeric,
    quantity numeric,
    picked boolean,
    scrapped boolean,
    to_refund boolean,
    date timestamp not null,
    create_date timestamp,
    write_date timestamp
);
create index on stock_move (sale_line_id) where sale_line_id is not null;
create index on stock_move (picking_id);
create index on stock_move (origin_returned_move_id);

create table stock_lot (
    id serial primary key,
    company_id int not null default 1,
    product_id int not null references product_product,
    name varchar not null
);

create table stock_quant_package (
    id serial primary key,
    name varchar
);

create table stock_move_line (
    id serial primary key,
    company_id int not null default 1,
    picking_id int references stock_picking,
    move_id int references stock_move,
    product_id int references product_product on delete cascade,
    product_uom_id int not null references uom_uom,
    location_id int not null references stock_location,
    location_dest_id int not null references stock_location,
    lot_id int references stock_lot,
    result_package_id int references stock_quant_package on delete restrict,
    quantity numeric,
    picked boolean,
    state varchar,
    date timestamp not null
);
create index on stock_move_line (move_id);

-- What you add to a real Odoo: three fields (Settings, Technical, Fields; or a module of yours),
-- filled by whatever brings the API's orders into Odoo, and an index, since the bridge asks by id.
alter table sale_order add column x_dr_order_id varchar;
alter table sale_order_line add column x_dr_item_id varchar;
alter table sale_order_line add column x_dr_quantity int;
create index on sale_order (x_dr_order_id);
comment on column sale_order.x_dr_order_id is 'the API''s order id';
comment on column sale_order_line.x_dr_item_id is 'the API''s id of the order''s item';
comment on column sale_order_line.x_dr_quantity is
    'units that the API''s item has; stays when the quantity is lowered here. 0 or NULL: not kept';
