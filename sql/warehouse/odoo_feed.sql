-- odoo_feed: tell the bridge which of Odoo's orders change. Run once, as the role that Odoo connects
-- with, after `waybill init --grant-feed` of it; demo_feed.sql explains the second argument. Triggers
-- stay through Odoo's upgrades.

-- The ledger's owner reads the ids that its triggers need, and nothing else.
do $$
declare
    reader name := (select pg_get_userbyid(n.nspowner) from pg_namespace as n where n.nspname = 'waybill');
begin
    execute format('grant usage on schema wms to %I', reader);
    execute format('grant select (id, x_dr_order_id) on public.sale_order to %I', reader);
    execute format('grant select (id, order_id) on public.sale_order_line to %I', reader);
    execute format('grant select (sale_line_id) on public.stock_move to %I', reader);
    execute format('grant select (sale_id) on public.stock_picking to %I', reader);
    execute format('grant select (id) on public.mrp_bom, public.mrp_bom_line, public.crm_team,
                        public.delivery_carrier, public.product_product, public.product_template,
                        public.stock_location, public.uom_uom to %I', reader);
end $$;

-- Its order's id at the API, or its number where the web shop's order has none yet; '' for those of
-- others, and for an order that is being deleted (its own trigger knows the id).
create or replace function wms.waybill_order_key(of_order int) returns text
language sql stable security definer set search_path = pg_catalog as $$
select coalesce((select coalesce(o.x_dr_order_id,
                                 case when t.name ->> 'en_US' = 'Website' then o.name end)
                   from public.sale_order as o
                   left join public.crm_team as t on t.id = o.team_id
                  where o.id = of_order), '')
$$;

select waybill.feed_from('public.sale_order',
    'coalesce(r.x_dr_order_id, wms.waybill_order_key(r.id))');

select waybill.feed_from('public.sale_order_line', 'wms.waybill_order_key(r.order_id)');

-- Most moves are of no sale: they ask for nothing.
select waybill.feed_from('public.stock_move',
    $$case when r.sale_line_id is null then '' else wms.waybill_order_key(
        (select l.order_id from public.sale_order_line as l where l.id = r.sale_line_id)) end$$);

-- A tracking number comes late, and to the transfer only.
select waybill.feed_from('public.stock_picking',
    $$case when r.sale_id is null then '' else wms.waybill_order_key(r.sale_id) end$$);

-- A recipe belongs to no order; it changes rarely enough to look at everything.
select waybill.feed_from('public.mrp_bom', 'null::text');
select waybill.feed_from('public.mrp_bom_line', 'null::text');

-- Master data under the view: a change there is no news of an order, and '' says so. What it changes
-- all the same is found by the nightly sweep.
select waybill.feed_from(t.tab::regclass, $$''$$)
  from unnest(array['public.crm_team', 'public.delivery_carrier', 'public.product_product',
                    'public.product_template', 'public.stock_location', 'public.uom_uom']) as t (tab);
