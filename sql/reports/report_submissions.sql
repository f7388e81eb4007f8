-- report_submissions: one row per intended POST and what became of it.
create or replace view report_submissions as
select s.submission_id, s.marker, s.order_id, s.shipment_ref, s.state, s.attempts,
       s.http_status, s.error_code, s.error_message, s.request_id, s.fulfillment_id, s.settled_by, s.looks,
       (select format('%s/%s', w.host, w.pid) from workers w where w.worker_id = s.worker_id) as worker,
       s.run_id, s.created_at, s.first_sent_at, s.unknown_since, s.settled_at,
       nullif(s.next_attempt_at, 'infinity') as next_attempt_at,
       s.held_by,
       s.next_attempt_at is not distinct from 'infinity' as waits_for_gate,
       s.next_look_at, s.settle_after, s.claim_expires_at, s.tries, s.unknown_attempts, s.parent_id,
       (select count(*) from submission_items i where i.submission_id = s.submission_id) as lines,
       (select sum(i.shipped)::bigint from submission_items i where i.submission_id = s.submission_id) as shipped,
       (select sum(i.cancelled)::bigint from submission_items i where i.submission_id = s.submission_id) as cancelled
  from submissions s;

comment on view report_submissions is 'every POST that was ever intended: its state, its answer, who sent it and when';
comment on column report_submissions.submission_id is 'the submission''s number in this ledger';
comment on column report_submissions.marker is 'sent as metadata.waybill_submission, the same on every attempt';
comment on column report_submissions.order_id is 'the API''s order id';
comment on column report_submissions.shipment_ref is 'the warehouse''s own key of the parcel';
comment on column report_submissions.state is
    'planned, sending, unknown and held are open; accepted, rejected, dismissed, withdrawn (planned anew) and split (into smaller ones) are settled';
comment on column report_submissions.attempts is 'requests that say something about this submission; a 429 or a refused key is none';
comment on column report_submissions.http_status is 'of the last answer to a POST; null: none came';
comment on column report_submissions.error_code is 'the API''s code of the last refusal, or ours; null once accepted';
comment on column report_submissions.error_message is 'the API''s words, cut and cleaned';
comment on column report_submissions.request_id is 'the API''s id of the last POST that told one; for its support';
comment on column report_submissions.fulfillment_id is 'the API''s fulfillment; set exactly when accepted';
comment on column report_submissions.settled_by is
    'answer (of the POST), marker (found in a list), event, operator, planner; null while open';
comment on column report_submissions.looks is 'how often the API was asked what became of it';
comment on column report_submissions.worker is 'who claimed it last: host/pid';
comment on column report_submissions.run_id is 'the run that planned it';
comment on column report_submissions.created_at is 'when it was planned';
comment on column report_submissions.first_sent_at is 'when its first byte may have left';
comment on column report_submissions.unknown_since is 'since when nobody knows whether it was applied; null: not unknown';
comment on column report_submissions.settled_at is 'when it ended; null: it is open, which an index finds at once';
comment on column report_submissions.next_attempt_at is 'planned: not sent before; null while it waits for the order to be accepted';
comment on column report_submissions.held_by is
    'held: operator, attempts (too many failed), ambiguous (the API shows something unexplained), marker (the API never showed one), vanished (the order is gone)';
comment on column report_submissions.waits_for_gate is 'planned, but not sent until the API says that the order is accepted';
comment on column report_submissions.next_look_at is 'unknown: when the API is asked next';
comment on column report_submissions.settle_after is 'unknown: until then "not found" is not believed';
comment on column report_submissions.claim_expires_at is 'sending: it may not leave after this';
comment on column report_submissions.tries is 'how often it was claimed';
comment on column report_submissions.unknown_attempts is 'attempts that may have been applied';
comment on column report_submissions.parent_id is 'the submission that was split into this one';
comment on column report_submissions.lines is 'how many lines it carries';
comment on column report_submissions.shipped is 'how many shipped units it carries';
comment on column report_submissions.cancelled is 'how many cancelled units it carries';
