-- solidus_view: wms.waybill_line_items over Solidus 4.7's own tables.
--
--   psql -d shop -v ON_ERROR_STOP=1 -f solidus_view.sql     as the role that Solidus connects with
--
-- It needs the metadata and the index at the end of solidus_schema.sql. The view is in a schema of
-- its own; drop it before a migration that alters the columns under it, and create it again.
--
-- Solidus keeps a row for each unit, spree_inventory_units, with its state:
-- * shipped: a unit that ever went into a carton, or that is shipped or returned. A parcel is a
--   carton (number C...), of a unit without one its shipment (H...). A unit that is cancelled after it
--   was shipped stays shipped: the API can't take that back.
-- * cancelled: a unit that was cancelled or short-shipped before it left; all unshipped units of a
--   shipment or an order that was cancelled; and those by which a completed order's line was lowered
--   below dr_quantity (Solidus deletes their rows). A line that is deleted is gone without a word:
--   cancel its units.
-- * returned: units in state returned. What is sent in exchange for one is no unit of the order.
-- * several warehouses, drop-ship: each stock location has shipments of its own. Others: an order of
--   another channel than "spree" is nobody's here; one without dr_order_id is looked up by its number.
-- * changed_at is left out: updated_at is the application's clock, and deleted rows don't move it. Use
--   the feed.

create schema if not exists wms;

create view wms.waybill_line_items as
select o.admin_metadata ->> 'dr_order_id' as order_id,
       l.admin_metadata ->> 'dr_item_id' as item_id,
       case when o.channel = 'spree' then o.number::text end as upstream_id,
       u.shipment_ref,
       line.ordered as ordered_quantity,
       u.shipped as shipped_quantity,
       u.cancelled as cancelled_quantity,
       u.returned as returned_quantity,
       u.tracking_company,
       u.tracking_number,
       u.tracking_url
  from public.spree_orders as o
  join public.spree_line_items as l on l.order_id = o.id
  cross join lateral (
      select greatest(coalesce((l.admin_metadata ->> 'dr_quantity')::int, l.quantity), l.quantity) as ordered
  ) as line
  cross join lateral (
      select r.shipment_ref,
             sum(r.shipped) as shipped,
             sum(r.cancelled) as cancelled,
             sum(r.returned) as returned,
             max(r.tracking_company)::text as tracking_company,
             max(r.tracking_number)::text as tracking_number,
             max(r.tracking_url)::text as tracking_url
        from (select '' as shipment_ref, 0 as shipped, line.ordered - l.quantity as cancelled, 0 as returned,
                     null as tracking_company, null as tracking_number, null as tracking_url
              union all
              select case when state.is_shipped then coalesce(c.number, s.number, '') else '' end,
                     state.is_shipped::int,
                     (not state.is_shipped and (i.state = 'canceled' or s.state = 'canceled'
                                                or o.state = 'canceled'))::int,
                     (i.state = 'returned')::int,
                     coalesce(m.carrier, m.name),
                     nullif(coalesce(c.tracking, s.tracking), ''),
                     replace(m.tracking_url, ':tracking', nullif(coalesce(c.tracking, s.tracking), ''))
                from public.spree_inventory_units as i
                left join public.spree_shipments as s on s.id = i.shipment_id
                left join public.spree_cartons as c on c.id = i.carton_id
                left join public.spree_shipping_methods as m on m.id = c.shipping_method_id
               cross join lateral (
                   select i.carton_id is not null or i.state in ('shipped', 'returned') as is_shipped
               ) as state
               where i.line_item_id = l.id
                 and not exists (select from public.spree_return_items as x
                                  where x.exchange_inventory_unit_id = i.id)) as r
       group by r.shipment_ref
  ) as u
 where o.completed_at is not null;

comment on view wms.waybill_line_items is
    'what Solidus wants the API to know: one row per (order, line item, carton)';
