-- report_payments: captures and releases of orders whose money was looked at, by state.
create or replace view report_payments as
select c.order_id, c.charge_id, c.state as charge_state, c.amount as charge_amount,
       p.kind, p.state, p.amount, p.at, p.failure_code, p.failure_message,
       p.fulfillment_id, s.submission_id, s.shipment_ref,
       c.asked_at, c.ask_at as next_ask_at, p.operation_id
  from charges c
  left join charge_operations p using (charge_id)
  left join submissions s on s.fulfillment_id = p.fulfillment_id;

comment on view report_payments is
    'captures and releases of money: of orders that stay short of complete, or of which an event told a failure';
comment on column report_payments.order_id is 'the API''s order id';
comment on column report_payments.charge_id is 'the charge that it belongs to';
comment on column report_payments.charge_state is 'the API''s word for the charge; null: not asked for yet';
comment on column report_payments.charge_amount is 'the charge''s whole amount, in the order''s currency';
comment on column report_payments.kind is 'capture (money taken) or cancel (money released); null: nothing is known of the charge yet';
comment on column report_payments.state is 'the API''s word: pending, complete, failed';
comment on column report_payments.amount is 'how much, in the order''s currency';
comment on column report_payments.at is 'when it came into that state, as the API says';
comment on column report_payments.failure_code is 'the API''s word for why it failed';
comment on column report_payments.failure_message is 'and its sentence';
comment on column report_payments.fulfillment_id is 'the fulfillment that made it; releases never name one';
comment on column report_payments.submission_id is 'the submission that the fulfillment came from; null: not ours, or not named';
comment on column report_payments.shipment_ref is 'its parcel';
comment on column report_payments.asked_at is 'when the API last answered for the charge';
comment on column report_payments.next_ask_at is 'when it is asked again; null: not at all';
comment on column report_payments.operation_id is 'the API''s id of the capture or release';
