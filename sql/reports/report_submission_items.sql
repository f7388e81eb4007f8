-- report_submission_items: which units went with which submission.
create or replace view report_submission_items as
select s.submission_id, s.marker, s.order_id, r.item_id, s.shipment_ref, i.shipped, i.cancelled, s.state,
       s.fulfillment_id, s.created_at, s.settled_at, i.plan_no
  from submissions s
  join submission_items i on i.submission_id = s.submission_id
  join rows r on r.row_id = i.row_id;

comment on view report_submission_items is 'the units that each submission carries: with report_adjustments, where every unit is';
comment on column report_submission_items.submission_id is 'the submission''s number in this ledger';
comment on column report_submission_items.marker is 'sent as metadata.waybill_submission';
comment on column report_submission_items.order_id is 'the API''s order id';
comment on column report_submission_items.item_id is 'the API''s line-item id';
comment on column report_submission_items.shipment_ref is 'the warehouse''s own key of the parcel';
comment on column report_submission_items.shipped is 'shipped units that it carries';
comment on column report_submission_items.cancelled is 'cancelled units that it carries';
comment on column report_submission_items.state is 'of the submission: these units are posted when it is accepted, open while it is planned, sending, unknown or held, and else in neither';
comment on column report_submission_items.fulfillment_id is 'the API''s fulfillment; set exactly when accepted';
comment on column report_submission_items.created_at is 'when it was planned';
comment on column report_submission_items.settled_at is 'when it ended';
comment on column report_submission_items.plan_no is 'which plan of the row it came from; a number is used once';
