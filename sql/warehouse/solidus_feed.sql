-- solidus_feed: tell the bridge which of Solidus' orders change. Run once, as the role that Solidus
-- connects with, after `waybill init --grant-feed` of it; demo_feed.sql explains the second argument.

-- The ledger's owner reads the ids that its triggers need, and nothing else.
do $$
declare
    reader name := (select pg_get_userbyid(n.nspowner) from pg_namespace as n where n.nspname = 'waybill');
begin
    execute format('grant usage on schema wms to %I', reader);
    execute format('grant select (id, admin_metadata) on public.spree_orders to %I', reader);
    execute format('grant select (id, order_id) on public.spree_line_items to %I', reader);
    execute format('grant select (order_id) on public.spree_shipments to %I', reader);
    execute format('grant select (id, line_item_id, carton_id) on public.spree_inventory_units to %I', reader);
    execute format('grant select (id) on public.spree_cartons, public.spree_shipping_methods to %I', reader);
    execute format('grant select (inventory_unit_id, exchange_inventory_unit_id)
                        on public.spree_return_items to %I', reader);
end $$;

-- Its order's id at the API, or its number where it has none yet; '' for carts, orders of other
-- channels, and one that is being deleted (its own trigger knows the id).
create or replace function wms.waybill_order_key(of_order int) returns text
language sql stable security definer set search_path = pg_catalog as $$
select coalesce((select coalesce(o.admin_metadata ->> 'dr_order_id',
                                 case when o.channel = 'spree' then o.number end)
                   from public.spree_orders as o
                  where o.id = of_order and o.completed_at is not null), '')
$$;

-- That of a line item.
create or replace function wms.waybill_line_key(of_line int) returns text
language sql stable security definer set search_path = pg_catalog as $$
select wms.waybill_order_key((select l.order_id from public.spree_line_items as l where l.id = of_line))
$$;

select waybill.feed_from('public.spree_orders',
    $$coalesce(r.admin_metadata ->> 'dr_order_id', wms.waybill_order_key(r.id))$$);

select waybill.feed_from('public.spree_line_items', 'wms.waybill_order_key(r.order_id)');

select waybill.feed_from('public.spree_shipments', 'wms.waybill_order_key(r.order_id)');

select waybill.feed_from('public.spree_inventory_units', 'wms.waybill_line_key(r.line_item_id)');

-- A carton is made before its units are put into it; later only its tracking number changes. Of
-- several orders in one carton the other ones' numbers wait for the nightly sweep.
select waybill.feed_from('public.spree_cartons',
    $$wms.waybill_line_key((select min(i.line_item_id) from public.spree_inventory_units as i
                             where i.carton_id = r.id))$$);

-- A unit sent in exchange is no unit of the order any more.
select waybill.feed_from('public.spree_return_items',
    $$wms.waybill_line_key((select i.line_item_id from public.spree_inventory_units as i
                             where i.id = coalesce(r.exchange_inventory_unit_id, r.inventory_unit_id)))$$);

-- Master data: a change there is no news of an order, and '' says so.
select waybill.feed_from('public.spree_shipping_methods', $$''$$);
