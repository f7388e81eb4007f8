-- odoo_view: wms.waybill_line_items over Odoo 17.0's own tables (sale, stock and their bridges).
--
--   psql -d shop -v ON_ERROR_STOP=1 -f odoo_view.sql       as the role that Odoo connects with
--
-- It needs the three fields at the end of odoo_schema.sql, and the modules sale_stock,
-- stock_delivery, mrp and sale_mrp (without the last two: the remark at "kit"). 16.0 calls
-- stock_move.quantity quantity_done. The view is in a schema of its own; drop it before an upgrade
-- of Odoo, which may alter the columns under it, and create it again: the ledger doesn't mind.
--
-- What counts:
-- * shipped: done moves from anywhere but the customer to the customer, so a drop-shipped one
--   (from the supplier) too, and of a pick-pack-ship route the last only; scrap doesn't. A parcel is
--   a transfer (WH/OUT/00001) and its backorder another. Several warehouses: several transfers.
-- * units of measure: moves are in any unit of the category, the line in its own, which has to be
--   what the API counts. A half-delivered dozen counts as none until it is whole.
-- * kits (a BoM of type Kit): moves name components; a kit has left when its last component has,
--   and counts with that transfer. Nested kits are taken apart. The recipe is read as it is now: give
--   a kit that changes a new BoM and archive the old one, as Odoo asks for too.
-- * cancelled: an order that is cancelled: all that was not shipped. Else what is neither shipped
--   nor on its way, once a move was cancelled ("No Backorder", or a backorder that was cancelled), or
--   the order line was lowered below x_dr_quantity. A cancellation at the API can't be taken
--   back: where people cancel a transfer only to make it anew, replace has_cancelled by o.locked.
-- * returned: what came back by a return, less what was sent out again for it; never subtracted.
-- * others: an order without x_dr_order_id is the API's only if its sales team is the web shop's
--   (change the name below): then it is looked up by its number. Quotations have no units.
-- * lines without goods: sections, notes, down payments and the delivery fee are no rows. A service
--   has the quantity that is typed into "Delivered".

create schema if not exists wms;

create view wms.waybill_line_items as
select o.x_dr_order_id as order_id,
       l.x_dr_item_id as item_id,
       case when team.name ->> 'en_US' = 'Website' then o.name end as upstream_id,
       u.shipment_ref,
       line.ordered as ordered_quantity,
       u.shipped as shipped_quantity,
       u.cancelled as cancelled_quantity,
       u.returned as returned_quantity,
       u.tracking_company,
       u.tracking_number,
       u.tracking_url,
       greatest(o.write_date, l.write_date, u.written) at time zone 'utc' as changed_at
  from public.sale_order as o
  join public.sale_order_line as l on l.order_id = o.id
  left join public.crm_team as team on team.id = o.team_id
  cross join lateral (
      select coalesce(nullif(l.x_dr_quantity, 0), l.product_uom_qty) as ordered,
             (select f.factor from public.uom_uom as f where f.id = l.product_uom) as factor
  ) as line
  cross join lateral (
      with recursive moves as (
          -- units: in the reference unit of the category
          select m.id, m.picking_id, m.date, m.state, m.product_id, m.bom_line_id, m.write_date,
                 m.origin_returned_move_id is not null as of_return, away.usage as from_usage,
                 dest.usage as to_usage,
                 coalesce(case when m.state = 'done' then m.quantity else m.product_uom_qty end, 0)
                     / unit.factor as units
            from public.stock_move as m
            join public.uom_uom as unit on unit.id = m.product_uom
            join public.stock_location as away on away.id = m.location_id
            join public.stock_location as dest on dest.id = m.location_dest_id
           where m.sale_line_id = l.id and not coalesce(m.scrapped, false)
      ), gone as (
          select * from moves as m
           where m.to_usage = 'customer' and m.from_usage <> 'customer' and not m.of_return
      ), kit as (
          -- Without mrp: "select false as is_kit", tree ends before "union all", and bom_line_id in
          -- moves is null::int.
          select exists (select from gone as g
                           join public.mrp_bom_line as x on x.id = g.bom_line_id
                           join public.mrp_bom as b on b.id = x.bom_id
                          where b.type = 'phantom') as is_kit
      ), tree as (
          -- What one unit of the line consists of.
          select null::int as bom_line_id, l.product_id, 1::numeric as per, 0 as depth
          union all
          select part.id, part.product_id,
                 t.per * (part.product_qty / part_unit.factor) / (bom.product_qty / bom_unit.factor),
                 t.depth + 1
            from tree as t
            join public.product_product as p on p.id = t.product_id
           cross join lateral (
               -- of several recipes the one that the moves were made from
               select b.id, b.product_qty, b.product_uom_id from public.mrp_bom as b
                where b.type = 'phantom' and b.product_tmpl_id = p.product_tmpl_id
                  and (b.product_id = p.id or b.product_id is null)
                order by exists (select from gone as g join public.mrp_bom_line as x
                                     on x.id = g.bom_line_id where x.bom_id = b.id) desc,
                         b.active desc, b.product_id, b.sequence, b.id
                limit 1
           ) as bom
            join public.mrp_bom_line as part on part.bom_id = bom.id and part.product_qty > 0
            join public.uom_uom as part_unit on part_unit.id = part.product_uom_id
            join public.uom_uom as bom_unit on bom_unit.id = bom.product_uom_id
           where t.depth < 8 and (select k.is_kit from kit as k)
      ), parts as (
          select t.bom_line_id, t.per
            from tree as t
            join public.product_product as p on p.id = t.product_id
            join public.product_template as tp on tp.id = p.product_tmpl_id
           where case when (select k.is_kit from kit as k) then
                      t.depth > 0 and tp.type <> 'service' and not exists (
                          select from public.mrp_bom as b
                           where b.type = 'phantom' and b.product_tmpl_id = p.product_tmpl_id
                             and (b.product_id = p.id or b.product_id is null))
                 else t.depth = 0 end
      ), done as (
          -- the whole units that had left after each done move
          select w.picking_id, w.whole - lag(w.whole, 1, 0::numeric) over (order by w.date, w.id) as units
            from (select e.id, e.picking_id, e.date,
                         floor(round(min(e.have / e.per) * line.factor, 6)) as whole
                    from (select g.id, g.picking_id, g.date, p.per,
                                 sum(case when p.bom_line_id = g.bom_line_id
                                            or p.bom_line_id is null and g.product_id = l.product_id
                                          then g.units else 0 end)
                                     over (partition by p.bom_line_id order by g.date, g.id) as have
                            from gone as g, parts as p
                           where g.state = 'done') as e
                   group by e.id, e.picking_id, e.date) as w
      ), totals as (
          select coalesce(floor(round(min(s.promised / s.per) * line.factor, 6)), 0) as promised,
                 coalesce(floor(round(min(s.back / s.per) * line.factor, 6)), 0) as returned
            from (select p.per,
                         sum(case when m.to_usage = 'customer' and m.from_usage <> 'customer'
                                    and not m.of_return then m.units else 0 end) as promised,
                         sum(case when m.state <> 'done' or m.to_usage = m.from_usage then 0
                                  when m.from_usage = 'customer' then m.units
                                  when m.to_usage = 'customer' and m.of_return then - m.units
                                  else 0 end) as back
                    from parts as p
                    left join moves as m on m.state <> 'cancel'
                      and (p.bom_line_id = m.bom_line_id
                           or p.bom_line_id is null and m.product_id = l.product_id)
                   group by p.bom_line_id, p.per) as s
      ), service as (
          select case when l.qty_delivered_method = 'manual' then floor(coalesce(l.qty_delivered, 0))
                      else 0 end as units
      ), closed as (
          select case o.state
                 when 'cancel' then
                     line.ordered - s.units - coalesce((select sum(d.units) from done as d), 0)
                 when 'sale' then
                     line.ordered - greatest(s.units, t.promised,
                         case when has_cancelled.yes then 0 else l.product_uom_qty end)
                 else 0 end as units
            from totals as t, service as s,
                 (select exists (select from gone as g where g.state = 'cancel') as yes) as has_cancelled
      )
      select r.shipment_ref,
             sum(r.shipped) as shipped,
             sum(r.cancelled) as cancelled,
             sum(r.returned) as returned,
             max(r.tracking_company) as tracking_company,
             max(r.tracking_number) as tracking_number,
             max(r.tracking_url) as tracking_url,
             greatest(max(r.written), (select max(m.write_date) from moves as m)) as written
        from (select '' as shipment_ref, s.units as shipped, greatest(c.units, 0) as cancelled,
                     greatest(t.returned, 0) as returned, null as tracking_company,
                     null as tracking_number, null as tracking_url, null::timestamp as written
                from totals as t, service as s, closed as c
              union all
              select coalesce(p.name, ''), d.units, 0, 0, c.name ->> 'en_US', p.carrier_tracking_ref,
                     replace(c.tracking_url, '<shipmenttrackingnumber>', p.carrier_tracking_ref),
                     p.write_date
                from done as d
                left join public.stock_picking as p on p.id = d.picking_id
                left join public.delivery_carrier as c on c.id = p.carrier_id
               where d.units > 0) as r
       group by r.shipment_ref
  ) as u
 where l.display_type is null and not coalesce(l.is_downpayment, false)
   and not coalesce(l.is_delivery, false);

comment on view wms.waybill_line_items is
    'what Odoo wants the API to know: one row per (order, line, transfer)';
comment on column wms.waybill_line_items.changed_at is
    'Odoo''s write_date is the time of the transaction, as change_feed: scan needs it';
