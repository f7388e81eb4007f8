-- report_decisions: what people decided.
create or replace view report_decisions as
select d.decision_id, d.made_at, d.db_user, d.os_user, d.action, d.target, d.submission_id, d.order_id, d.reason
  from decisions d;

comment on view report_decisions is 'what people decided, when and why; append-only';
comment on column report_decisions.decision_id is 'its number';
comment on column report_decisions.made_at is 'when';
comment on column report_decisions.db_user is 'the database role';
comment on column report_decisions.os_user is 'the user of the system';
comment on column report_decisions.action is
    'retry, hold, release, dismiss, settle, adopt, pause, resume, go_live or baseline';
comment on column report_decisions.target is 'about what';
comment on column report_decisions.submission_id is 'the submission, where it is about one';
comment on column report_decisions.order_id is 'the order, where it is about one';
comment on column report_decisions.reason is 'why, in their words';
