-- report_lines_of_order: what the ledger has of one order's rows.
--   $1 text  order id
--   -> item_id text, shipment_ref text, posted_shipped, posted_cancelled, open_shipped, open_cancelled int8,
--      status text, reason text
select l.item_id, l.shipment_ref, l.posted_shipped, l.posted_cancelled, l.open_shipped, l.open_cancelled, l.status, l.reason
  from report_line_items l
 where l.order_id = $1::text
 order by l.item_id, l.shipment_ref
 limit 10000
