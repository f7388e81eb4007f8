-- baseline_readings: the rows of a copy, as a subquery of other statements.
--   :copy  baseline_copy
--   -> n int8, reading reading
select x.n, row(x.order_id, x.item_id, x.shipment_ref, x.ordered_quantity, x.shipped_quantity, x.cancelled_quantity,
                x.returned_quantity, x.tracking_company, x.tracking_number, x.tracking_url, x.shipment_id, x.shipment_item_id,
                x.fulfillment_model)::reading as reading
  from :copy x
