-- report_orders: what the API says of the orders that were asked for.
create or replace view report_orders as
select o.order_id, o.upstream_id, o.state, o.state_since, o.captured_amount, o.cancelled_amount, o.checked_at, o.complete_at,
       case when o.unknown_since is not null then 'waiting'
            when o.state is null then 'asking'
            when o.state = 'accepted' then 'open'
            when o.state in ('blocked', 'returned', 'cancelled', 'fulfilled', 'complete') then 'shut'
            else 'waiting' end as gate,
       o.unknown_since, o.ask_at as next_ask_at, o.list_at as next_list_at, o.listed_at, o.verified_generation
  from orders o;

comment on view report_orders is 'the API''s word on each order that it was asked for';
comment on column report_orders.order_id is 'the API''s order id';
comment on column report_orders.upstream_id is 'the merchant''s own number';
comment on column report_orders.state is 'the API''s own word; null: not asked for yet';
comment on column report_orders.state_since is 'when the order came into that state, as the API says';
comment on column report_orders.captured_amount is 'captured so far, in the order''s currency';
comment on column report_orders.cancelled_amount is 'released so far, in the order''s currency';
comment on column report_orders.checked_at is 'when the API last answered for this order';
comment on column report_orders.complete_at is 'when the order was complete';
comment on column report_orders.gate is
    'asking (no answer yet), open (new units may be posted), waiting (for a state that passes, or for the API to know the order), shut (new units need a person)';
comment on column report_orders.unknown_since is 'since when the API says that it knows no such order';
comment on column report_orders.next_ask_at is 'when the API is asked for the order next; null: not at all';
comment on column report_orders.next_list_at is 'when the order''s fulfillments are listed next; null: not at all';
comment on column report_orders.listed_at is 'when the order''s fulfillments were last listed';
comment on column report_orders.verified_generation is 'the generation of the ledger in which the order''s fulfillments were compared';
