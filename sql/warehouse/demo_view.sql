-- demo_view: wms.waybill_line_items, the relation that the bridge reads.
--
-- How to map your own WMS, in five steps:
--
-- 1. Find the two ids. order_id and item_id are the API's, as your shop stored them. Where only
--    your own number is known, leave order_id NULL and give the number as upstream_id. Orders of
--    other channels have both NULL: they are counted and left alone.
-- 2. Find what identifies a parcel to your people and give it as shipment_ref; units without one,
--    and cancellations, go under ''. A parcel may be renamed later; units that only move from one
--    shipment_ref to another are not sent again.
-- 3. Count cumulative units per (order, line, parcel): what has left the house, not what is
--    packed, and never minus what came back; returns have a column of their own. Kits count in
--    units of the ordered line. Aggregate each table by itself before you put them together: a
--    join of shipments with cancellations multiplies both, and each unit is money.
--    fulfillment_model: what the API's own fulfiller posts is `orchestrated`, and left alone. Of
--    `distributed` give shipment_id and shipment_item_id as the API told them, or leave both quantities
--    NULL: then the API's events of fulfillment orders say what was shipped and cancelled.
-- 4. Make it quick for a few orders. The bridge asks for some 200 order ids at a time: put an index
--    on the order id, and hang the sums on the line with LATERAL, as below. A plain GROUP BY in
--    a subquery reads the whole warehouse first. Look for "Seq Scan" in
--      EXPLAIN SELECT * FROM wms.waybill_line_items WHERE order_id = ANY ('{a,b,c}');
-- 5. Let the bridge in and tell it what changed:
--      GRANT USAGE ON SCHEMA wms TO waybill;
--      GRANT SELECT ON wms.waybill_line_items TO waybill;
--      GRANT EXECUTE ON FUNCTION wms.set_order_state TO waybill;   -- and UPDATE behind it
--    then demo_feed.sql, one line for each table under the view. Where triggers are not welcome,
--    give changed_at instead: the time of the *transaction* (now()), not of the clock or the
--    application, moved by every change that can change a row here, deletes too.
--    Call no functions of your own in the view: they run with the bridge's rights, not yours.
-- Then `waybill check` says what is still wrong, and `waybill plan` what would be sent.

create view wms.waybill_line_items as
select o.api_order_id as order_id,
       l.api_item_id as item_id,
       case when o.channel = 'webshop' then o.number end as upstream_id,
       coalesce(u.shipment_ref, '') as shipment_ref,
       l.quantity as ordered_quantity,
       coalesce(u.shipped, 0) as shipped_quantity,
       coalesce(u.cancelled, 0) as cancelled_quantity,
       coalesce(u.returned, 0) as returned_quantity,
       u.tracking_company,
       u.tracking_number,
       u.tracking_url,
       coalesce(u.fulfillment_model, 'third_party') as fulfillment_model,
       o.updated_at as changed_at
  from wms.orders as o
  join wms.order_lines as l on l.order_id = o.id
  left join lateral (
      -- Each source of units is a branch of the UNION ALL, so nothing can multiply. Several
      -- unlabelled parcels are one row: the grouping is by the ref, not by the parcel.
      select coalesce(p.parcel_no, '') as shipment_ref,
             sum(e.shipped) as shipped,
             sum(e.cancelled) as cancelled,
             sum(e.returned) as returned,
             max(p.tracking_company) as tracking_company,
             max(p.tracking_number) as tracking_number,
             max(p.tracking_url) as tracking_url,
             min(h.fulfillment_model) as fulfillment_model
        from (
            select s.shipment_id, s.parcel_id, s.quantity as shipped, 0 as cancelled, 0 as returned
              from wms.shipment_lines as s
             where s.order_line_id = l.id and not l.kit and s.shipped_at is not null
            union all
            -- A kit has left when its last component has: it counts with the parcel that
            -- completes it, so the parcels add up to the least of the components.
            select k.shipment_id, k.parcel_id, k.kits, 0, 0
              from (
                  select d.shipment_id, d.parcel_id,
                         d.whole - lag(d.whole, 1, 0::bigint) over (order by d.shipped_at, d.id) as kits
                    from (
                        select c.id, c.shipment_id, c.parcel_id, c.shipped_at, min(c.whole) as whole
                          from (
                              select s.id, s.shipment_id, s.parcel_id, s.shipped_at,
                                     sum(case when s.component_sku = r.component_sku
                                              then s.quantity else 0 end)
                                         over (partition by r.component_sku
                                               order by s.shipped_at, s.id) / r.quantity as whole
                                from wms.shipment_lines as s
                                join wms.kits as r on r.kit_sku = l.sku
                               where s.order_line_id = l.id and l.kit and s.shipped_at is not null
                          ) as c
                         group by c.id, c.shipment_id, c.parcel_id, c.shipped_at
                    ) as d
              ) as k
             where k.kits > 0
            union all
            select null, null, 0, c.quantity, 0
              from wms.cancellations as c
             where c.order_line_id = l.id
            union all
            select null, t.parcel_id, 0, 0, t.quantity
              from wms.returns as t
             where t.order_line_id = l.id
        ) as e
        left join wms.parcels as p on p.id = e.parcel_id
        left join wms.shipments as h on h.id = e.shipment_id
       group by coalesce(p.parcel_no, '')
  ) as u on true;

comment on view wms.waybill_line_items is
    'what the warehouse wants the API to know: one row per (order, line, parcel)';
comment on column wms.waybill_line_items.order_id is
    'the API''s order id; NULL: not the API''s, or see upstream_id';
comment on column wms.waybill_line_items.item_id is 'the API''s id of the order line';
comment on column wms.waybill_line_items.upstream_id is
    'our own order number; NULL for orders of other channels';
comment on column wms.waybill_line_items.shipment_ref is
    'number of the parcel; '''' for units without a labelled parcel, cancellations, and lines with nothing yet';
comment on column wms.waybill_line_items.ordered_quantity is
    'units ordered, after edits; the same on each row of a line';
comment on column wms.waybill_line_items.shipped_quantity is
    'units that ever left in this parcel; never goes down by a return';
comment on column wms.waybill_line_items.cancelled_quantity is
    'units cancelled so far; only on rows with shipment_ref ''''';
comment on column wms.waybill_line_items.returned_quantity is
    'units of it that came back; told apart, not subtracted';
comment on column wms.waybill_line_items.fulfillment_model is
    'orchestrated: the API''s own fulfiller reports these units';
comment on column wms.waybill_line_items.changed_at is
    'start of the last transaction that changed anything of the order';
