-- report_orders: what the API says of the orders that were asked for, and why those that should be complete are not.
create or replace view report_orders as
select o.order_id, o.upstream_id, o.state, o.state_since, o.captured_amount, o.cancelled_amount, o.checked_at, o.complete_at,
       case when o.unknown_since is not null then 'waiting'
            when o.state is null then 'asking'
            when o.state = 'accepted' then 'open'
            when o.state in ('blocked', 'returned', 'cancelled', 'fulfilled', 'complete') then 'shut'
            else 'waiting' end as gate,
       o.unknown_since, o.ask_at as next_ask_at, o.list_at as next_list_at, o.listed_at, o.verified_generation,
       o.follow_at as next_follow_at,
       w.posted_at as incomplete_since,
       case when w.posted_at is null then null
            when p.detail is not null then 'capture failed: ' || p.detail
            when m.failed is not null then 'capture failed: ' || m.failed
            when o.state = 'dispute' then 'the order is in dispute'
            when u.uncovered is not null then 'no warehouse row covers item ' || u.uncovered
            when u.missing is not null then 'units missing: neither shipped nor cancelled: ' || u.missing
            when o.state = 'fulfilled' and m.pending is not null then 'capture pending: ' || m.pending
            when o.state = 'fulfilled' then 'capture pending'
            else format('all units are posted, the API says %s', coalesce(o.state, 'nothing')) end as incomplete_reason,
       o.forgotten_at, o.forgotten_by, o.asked_since, o.unlisted_since
  from orders o
  left join lateral (
       -- all that the warehouse wants is posted, for longer than a day
       select t.posted_at
         from (select max(s.settled_at) as posted_at from submissions s
                where s.order_id = o.order_id and s.state = 'accepted') t
        where t.posted_at < clock_timestamp() - interval '1 day'
          and not exists (select from row_units r
                           where r.order_id = o.order_id
                             and (r.open_shipped + r.open_cancelled > 0
                                  or (r.is_present and (coalesce(r.shipped, 0) > r.posted_shipped
                                                        or coalesce(r.cancelled, 0) > r.posted_cancelled))))) w
    on o.complete_at is null and coalesce(o.state, '') not in ('complete', 'cancelled', 'returned', 'blocked')
  left join lateral (
       select d.detail from discrepancies d
        where d.order_id = o.order_id and d.kind = 'payment' and d.closed_at is null and d.fingerprint like 'capture %'
        order by d.discrepancy_id limit 1) p on w.posted_at is not null
  left join lateral (
       select string_agg(concat_ws(': ', x.failure_code, x.failure_message), ', ' order by x.at)
                  filter (where x.state = 'failed') as failed,
              string_agg(format('%s since %s', x.amount, to_char(x.at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')), ', ' order by x.at)
                  filter (where x.state = 'pending') as pending
         from charges c join charge_operations x using (charge_id)
        where c.order_id = o.order_id and x.kind = 'capture') m on w.posted_at is not null
  left join lateral (
       select string_agg(format('%s (%s)', i.item_id, i.quantity), ', ' order by i.item_id)
                  filter (where not l.is_covered) as uncovered,
              string_agg(format('%s of item %s', i.quantity - l.posted, i.item_id), ', ' order by i.item_id)
                  filter (where l.is_covered and l.posted < i.quantity) as missing
         from order_items i
        cross join lateral (
              select coalesce(sum(r.posted_shipped + r.posted_cancelled), 0) as posted,
                     coalesce(bool_or(r.is_present or r.posted_shipped + r.posted_cancelled > 0), false) as is_covered
                from row_units r
               where r.order_id = i.order_id and r.item_id = i.item_id) l
        where i.order_id = o.order_id) u on w.posted_at is not null;

comment on view report_orders is 'the API''s word on each order that it was asked for';
comment on column report_orders.order_id is 'the API''s order id';
comment on column report_orders.upstream_id is 'the merchant''s own number';
comment on column report_orders.state is 'the API''s own word; null: not asked for yet';
comment on column report_orders.state_since is 'when the order came into that state, as the API says';
comment on column report_orders.captured_amount is 'captured so far, in the order''s currency';
comment on column report_orders.cancelled_amount is 'released so far, in the order''s currency';
comment on column report_orders.checked_at is
    'when the API last answered for this order; null: not yet, or an event has told of a new state since';
comment on column report_orders.complete_at is 'when the order was complete';
comment on column report_orders.gate is
    'asking (no answer yet), open (new units may be posted), waiting (for a state that passes, or for the API to know the order), shut (new units need a person)';
comment on column report_orders.unknown_since is 'since when the API says that it knows no such order';
comment on column report_orders.next_ask_at is 'when the API is asked for the order next; null: not at all';
comment on column report_orders.next_list_at is 'when the order''s fulfillments are listed next; null: not at all';
comment on column report_orders.listed_at is 'when the order''s fulfillments were last listed';
comment on column report_orders.verified_generation is 'the generation of the ledger in which the order''s fulfillments were compared';
comment on column report_orders.next_follow_at is
    'when it is looked at next whether the order is complete (all of it posted, the API is asked) or still over; null: not any more';
comment on column report_orders.incomplete_since is
    'when the last unit was posted, where that is longer than a day ago, nothing is due, and the order is not complete';
comment on column report_orders.incomplete_reason is
    'why it is not: a capture failed or is pending, units are missing, or an item that the warehouse has no row of';
comment on column report_orders.forgotten_at is
    'since when nothing personal of it is kept: no tracking, no words of the API; its units stay; null: nobody asked for that';
comment on column report_orders.forgotten_by is 'operator (waybill forget), api (requestToBeForgotten), age (waybill prune --forget)';
comment on column report_orders.asked_since is 'since when units wait for the API''s answer about the order; null: it owes none';
comment on column report_orders.unlisted_since is 'since when the list of the order''s fulfillments can''t be read, though it is wanted; null: it can';
