-- report_discrepancies: what arithmetic could not settle.
--
-- Two halves, so that a condition on order_id reaches the index: the ledger keeps '' where a
-- discrepancy is nobody's in particular, readers get null.
create or replace view report_discrepancies as
select d.discrepancy_id, d.kind, d.order_id, nullif(d.item_id, '') as item_id, nullif(d.shipment_ref, '') as shipment_ref,
       nullif(d.submission_id, 0) as submission_id, d.detail, d.opened_at, d.closed_at, d.closed_by, d.reason,
       d.is_note, d.is_dismissed, d.seen_at, d.run_id
  from discrepancies d
 where d.order_id <> ''
union all
select d.discrepancy_id, d.kind, null, nullif(d.item_id, ''), nullif(d.shipment_ref, ''),
       nullif(d.submission_id, 0), d.detail, d.opened_at, d.closed_at, d.closed_by, d.reason,
       d.is_note, d.is_dismissed, d.seen_at, d.run_id
  from discrepancies d
 where d.order_id = '';

comment on view report_discrepancies is 'what a person must decide (open ones: closed_at is null), and what was';
comment on column report_discrepancies.discrepancy_id is 'its number, for waybill dismiss';
comment on column report_discrepancies.kind is
    'over_quantity, decreased, moved (a note), bad_row, unreadable, unknown_item, ordered_mismatch, guard, vanished, unknown_order, order_blocked, order_returned, rejected, foreign, ambiguous, double, missing, extra, payment, attempts, hand_over, feed_broken, warehouse_shrank or ledger';
comment on column report_discrepancies.order_id is 'the API''s order id, or the merchant''s number where that is all there is; null: of no order';
comment on column report_discrepancies.item_id is 'the line; null: of the whole order';
comment on column report_discrepancies.shipment_ref is 'the parcel, or the table whose feed is broken; null: of no single one';
comment on column report_discrepancies.submission_id is 'the submission; null: of none';
comment on column report_discrepancies.detail is 'what was found, in our words';
comment on column report_discrepancies.opened_at is 'when it was found';
comment on column report_discrepancies.closed_at is 'when it ended; null: open';
comment on column report_discrepancies.closed_by is 'what or who ended it: planner, settled, gate, feed, audit, note, or a person';
comment on column report_discrepancies.reason is 'the operator''s words';
comment on column report_discrepancies.is_note is 'recorded for the reader, nobody has to do anything';
comment on column report_discrepancies.is_dismissed is 'closed by a person; stays closed while its evidence is the same';
comment on column report_discrepancies.seen_at is 'when its evidence last changed';
comment on column report_discrepancies.run_id is 'the run that found it';
