-- report_attempts: one row per HTTP request made for a submission.
--
-- A join, so that a condition on order_id finds the submissions first; attempts of a pruned one have no order.
create or replace view report_attempts as
select a.submission_id, a.attempt, a.kind,
       (select format('%s/%s', w.host, w.pid) from workers w where w.worker_id = a.worker_id) as worker,
       a.sent, a.started_at, a.finished_at, a.outcome, a.http_status, a.error, a.request_id,
       a.order_id
  from (select x.submission_id, x.attempt, x.kind, x.worker_id, x.sent, x.started_at, x.finished_at, x.outcome, x.http_status,
               x.error, x.request_id, s.order_id
          from attempts x
          left join submissions s on s.submission_id = x.submission_id
         union all
        select p.submission_id, p.attempt, p.kind, p.worker_id, p.sent, p.started_at, p.finished_at, p.outcome, p.http_status,
               p.error, p.request_id, p.order_id
          from plain_attempts p) a;

comment on view report_attempts is 'every request made for a submission: POSTs, and looks that asked what became of one';
comment on column report_attempts.submission_id is 'the submission''s number in this ledger';
comment on column report_attempts.attempt is 'counts the claims of a submission for POSTs, and its looks for looks';
comment on column report_attempts.kind is 'post or look';
comment on column report_attempts.worker is 'who made it: host/pid';
comment on column report_attempts.sent is 'at least one byte of it was handed to the network';
comment on column report_attempts.started_at is 'when it began: before finished_at by as long as the request took, by the database''s clock';
comment on column report_attempts.finished_at is 'when its outcome was recorded, by the database''s clock';
comment on column report_attempts.outcome is 'what came of it, in one word';
comment on column report_attempts.http_status is 'of the answer; 0 or null: none came';
comment on column report_attempts.error is 'code and message, the API''s or ours';
comment on column report_attempts.request_id is 'the API''s id of the request';
comment on column report_attempts.order_id is 'the API''s order id; to look for one order''s attempts, join report_submissions';
