-- solidus_schema: the tables of Solidus 4.7 that solidus_view.sql reads, to try it on without a Rails.
--
--   psql -d shop -v ON_ERROR_STOP=1 -f solidus_schema.sql -f solidus_view.sql -f solidus_sample.sql
--
-- Taken from core/db/migrate of Solidus v4.7.0: 20160101010000_solidus_one_four.rb and those after it
-- that touch these tables (20161009141333 drops the line items' currency, 20170319191942 the
-- inventory units' order_id, 20230427095534 an address of shipments, 20250129061658 adds the
-- metadata columns). The columns that the view reads, those that the sample's flows write, and what is
-- NOT NULL; the indexes are the migrations' own. On a real Solidus only the last statement is for you.

create table spree_orders (
    id serial primary key,
    number varchar(32),
    item_total numeric(10, 2) not null default 0,
    total numeric(10, 2) not null default 0,
    adjustment_total numeric(10, 2) not null default 0,
    shipment_total numeric(10, 2) not null default 0,
    included_tax_total numeric(10, 2) not null default 0,
    state varchar,
    completed_at timestamp,
    shipment_state varchar,
    channel varchar default 'spree',
    canceled_at timestamp,
    frontend_viewable boolean not null default true,
    customer_metadata jsonb default '{}',
    admin_metadata jsonb default '{}',
    created_at timestamp(6),
    updated_at timestamp(6)
);
create index index_spree_orders_on_number on spree_orders (number);

create table spree_line_items (
    id serial primary key,
    variant_id int,
    order_id int,
    quantity int not null,
    price numeric(10, 2) not null,
    included_tax_total numeric(10, 2) not null default 0,
    customer_metadata jsonb default '{}',
    admin_metadata jsonb default '{}',
    created_at timestamp(6),
    updated_at timestamp(6)
);
create index index_spree_line_items_on_order_id on spree_line_items (order_id);

create table spree_stock_locations (
    id serial primary key,
    name varchar,
    "default" boolean not null default false,
    restock_inventory boolean not null default true,
    fulfillable boolean not null default true
);

create table spree_shipments (
    id serial primary key,
    tracking varchar,
    number varchar,
    shipped_at timestamp,
    order_id int,
    state varchar,
    stock_location_id int,
    included_tax_total numeric(10, 2) not null default 0,
    customer_metadata jsonb default '{}',
    admin_metadata jsonb default '{}',
    created_at timestamp(6),
    updated_at timestamp(6)
);
create index index_shipments_on_number on spree_shipments (number);
create index index_spree_shipments_on_order_id on spree_shipments (order_id);

create table spree_shipping_methods (
    id serial primary key,
    name varchar,
    deleted_at timestamp,
    tracking_url varchar,
    carrier varchar
);

create table spree_cartons (
    id serial primary key,
    number varchar,
    external_number varchar,
    stock_location_id int,
    address_id int,
    shipping_method_id int,
    tracking varchar,
    shipped_at timestamp,
    created_at timestamp(6),
    updated_at timestamp(6)
);
create unique index index_spree_cartons_on_number on spree_cartons (number);

create table spree_inventory_units (
    id serial primary key,
    state varchar,
    variant_id int,
    shipment_id int,
    pending boolean default true,
    line_item_id int,
    carton_id int,
    created_at timestamp(6),
    updated_at timestamp(6)
);
create index index_spree_inventory_units_on_carton_id on spree_inventory_units (carton_id);
create index index_spree_inventory_units_on_line_item_id on spree_inventory_units (line_item_id);
create index index_inventory_units_on_shipment_id on spree_inventory_units (shipment_id);

create table spree_unit_cancels (
    id serial primary key,
    inventory_unit_id int not null,
    reason varchar,
    created_by varchar,
    created_at timestamp(6),
    updated_at timestamp(6)
);

create table spree_return_items (
    id serial primary key,
    inventory_unit_id int,
    exchange_variant_id int,
    exchange_inventory_unit_id int,
    amount numeric(12, 4) not null default 0,
    included_tax_total numeric(12, 4) not null default 0,
    additional_tax_total numeric(12, 4) not null default 0,
    reception_status varchar,
    acceptance_status varchar,
    resellable boolean not null default true,
    created_at timestamp(6),
    updated_at timestamp(6)
);
create index index_spree_return_items_on_exchange_inventory_unit_id
    on spree_return_items (exchange_inventory_unit_id);

-- What you add to a real Solidus: the API's ids in admin_metadata, written by whatever brings the
-- order to the API (order: dr_order_id; line item: dr_item_id, dr_quantity), and an index.
create index index_spree_orders_on_dr_order_id on spree_orders ((admin_metadata ->> 'dr_order_id'));
