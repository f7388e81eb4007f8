-- report_held_rows: rows with units in a held submission, of some orders.
--   $1 text[]  order ids
--   -> order_id, item_id, shipment_ref text
select s.order_id, r.item_id, s.shipment_ref
  from submissions s
  join submission_items i using (submission_id)
  join rows r using (row_id)
 where s.state = 'held' and s.order_id = any ($1::text[])
 order by 1, 2, 3
