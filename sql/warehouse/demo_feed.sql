-- demo_feed: tell the bridge which orders change. Run once by the WMS's owner, after `waybill init`.
--
-- One call for each table under wms.waybill_line_items. The second argument is an expression over
-- the changed row r that gives the order's key. It runs in the warehouse's own transaction, so
-- it should be no more than a look-up by primary key, and every name has its schema.
--   an id       look at this order: the API's order id, or the upstream_id where that is unknown
--   ''          surely not the API's (another channel): nothing to look at
--   null        can't be told from this row: asks for a look at everything
-- It is evaluated with the rights of the ledger's owner, and so is what it calls: whoever may install
-- a feed is trusted with them. Where that is not the WMS's owner too:
--   grant usage on schema wms to waybill_owner; grant select on wms.orders to waybill_owner;
-- `select waybill.feed_stop('wms.parcels');` takes one away again.

select waybill.feed_from('wms.orders',
    $$coalesce(r.api_order_id, case when r.channel = 'webshop' then r.number else '' end)$$);

select waybill.feed_from(t.tab::regclass,
    $$(select coalesce(o.api_order_id, case when o.channel = 'webshop' then o.number else '' end)
         from wms.orders as o where o.id = r.order_id)$$)
  from unnest(array['wms.order_lines', 'wms.shipments', 'wms.parcels', 'wms.shipment_lines',
                    'wms.cancellations', 'wms.returns']) as t (tab);

-- A recipe belongs to no order; it changes rarely enough to look at everything.
select waybill.feed_from('wms.kits', 'null::text');
