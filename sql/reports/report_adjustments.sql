-- report_adjustments: units settled outside our own POSTs.
create or replace view report_adjustments as
select a.adjustment_id, a.kind, r.order_id, r.item_id, r.shipment_ref, a.shipped, a.cancelled, a.fulfillment_id,
       a.made_at, a.made_by, a.reason, a.returned
  from adjustments a
  join rows r on r.row_id = a.row_id;

comment on view report_adjustments is 'entries that settled units outside our own POSTs; append-only';
comment on column report_adjustments.adjustment_id is 'its number';
comment on column report_adjustments.kind is
    'baseline (before this ledger), foreign (made at the API by somebody else), returned (came back: settles nothing), write_off (by a person), correction (settled by hand, or units that moved between parcels of a line)';
comment on column report_adjustments.order_id is 'the API''s order id';
comment on column report_adjustments.item_id is 'the API''s line-item id';
comment on column report_adjustments.shipment_ref is 'the warehouse''s own key of the parcel';
comment on column report_adjustments.shipped is 'shipped units that it settled; negative: took back';
comment on column report_adjustments.cancelled is 'cancelled units that it settled; negative: took back';
comment on column report_adjustments.fulfillment_id is 'the API''s fulfillment that it books';
comment on column report_adjustments.made_at is 'when it was booked';
comment on column report_adjustments.made_by is 'the database role that booked it';
comment on column report_adjustments.reason is 'why';
comment on column report_adjustments.returned is 'kind returned: units that came back, as the warehouse says; they settle nothing, and are not due again';
