-- scan_differs: of the rows that changed, those that are not in the ledger as they are now.
--   :changed  scan_changed, filled in
--   -> the relation's columns
select a.*
  from (:changed) a
 where not exists (
       select from rows r
        where r.order_id = a.order_id and r.item_id = coalesce(a.item_id, '')
          and r.shipment_ref = coalesce(a.shipment_ref, '') and r.is_present
          and r.shipped = a.shipped and r.cancelled = a.cancelled and r.ordered = a.ordered
          and r.returned = coalesce(a.returned, 0)
          and (coalesce(r.model, 'third_party'), r.shipment_id, r.shipment_item_id) is not distinct from
              (coalesce(a.model, 'third_party'), a.shipment_id, a.shipment_item_id)
          and ((r.tracking_company, r.tracking_number, r.tracking_url) is not distinct from
               (a.tracking_company, a.tracking_number, a.tracking_url)
               or is_forgotten(r.order_id)))
