-- scan_changed: rows that changed since the watermark, as a subquery of other statements.
--   :relation  the warehouse's rows, all of them, with upstream_id and changed_at
--   $1 timestamptz  watermark
--   $2 int8         scan_overlap_ms
--   -> the relation's columns
select b.*
  from (:relation) b(order_id, item_id, shipment_ref, ordered, shipped, cancelled, returned,
                     tracking_company, tracking_number, tracking_url,
                     shipment_id, shipment_item_id, model, upstream_id, changed_at)
 where b.changed_at > $1::timestamptz - $2::int8 * interval '1 ms'
