-- report_order_states: every state that an order was in at the API, and what the warehouse was told of it.
create or replace view report_order_states as
select s.order_id, s.state, s.at, s.source, s.recorded_at, s.handed_at, s.is_skipped,
       case when s.handed_at is null then h.failures end as failures,
       case when s.handed_at is null then h.next_at end as next_try_at,
       s.seq
  from order_states s
  left join hand_overs h using (order_id);

comment on view report_order_states is 'the states of orders at the API in the order in which they were heard of, and their hand-over to the warehouse';
comment on column report_order_states.order_id is 'the API''s order id';
comment on column report_order_states.state is 'the API''s own word';
comment on column report_order_states.at is 'when the order came into that state, as the API says';
comment on column report_order_states.source is 'event (a hint of the feed), api (its answer for the order)';
comment on column report_order_states.recorded_at is 'when the ledger first heard of it';
comment on column report_order_states.handed_at is
    'when warehouse.order_state_function took it; null: not yet, or none is configured';
comment on column report_order_states.is_skipped is 'not handed over: the warehouse had been told a newer one already';
comment on column report_order_states.failures is 'how often in a row the function failed for this order; null: it is handed over';
comment on column report_order_states.next_try_at is 'when it is tried again';
comment on column report_order_states.seq is 'grows with each state that is recorded';
