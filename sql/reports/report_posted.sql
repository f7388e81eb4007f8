-- report_posted: what is posted in total, for whoever takes over: `waybill baseline --from csv` reads it, and so can others.
create or replace view report_posted as
select r.order_id, r.item_id, r.shipment_ref, r.posted_shipped as shipped, r.posted_cancelled as cancelled
  from row_units r
 where r.posted_shipped + r.posted_cancelled > 0;

comment on view report_posted is 'units that are settled at the API in total, by whomever; the form that `waybill baseline --from csv` reads';
comment on column report_posted.order_id is 'the API''s order id';
comment on column report_posted.item_id is 'the API''s line-item id';
comment on column report_posted.shipment_ref is 'the warehouse''s own key of the parcel';
comment on column report_posted.shipped is 'shipped units: accepted by the API, and adjustments';
comment on column report_posted.cancelled is 'cancelled units, the same';
