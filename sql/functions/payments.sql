-- payments: what became of the money of an order's units, charge by charge and capture by capture.

-- Something speaks of trouble: these charges are asked for now. What was known of them stays.
create or replace function ask_charges(of_order text, ids text[]) returns void
language sql volatile security definer set search_path from current as $$
insert into charges as c (charge_id, order_id, ask_at)
select k, of_order, clock_timestamp()
  from (select distinct unnest(ids) as k order by 1) x
 where k <> '' and octet_length(k) <= 1000
    on conflict (charge_id) do update
   set ask_at = clock_timestamp(), asks = 0
 where c.order_id = excluded.order_id
$$;

-- Charges to ask for now, for lease_ms. New reasons at once; what is only looked at again, not within the pass in which
-- it came due.
create or replace function take_charges(most int, lease_ms bigint, pass_age_ms bigint) returns setof text
language sql volatile security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
update charges c
   set ask_at = clock_timestamp() + lease_ms * interval '1 ms', asks = c.asks + 1
  from (select x.charge_id from charges x
         where x.ask_at <= clock_timestamp()
           and (x.asks = 0 or x.ask_at <= clock_timestamp() - pass_age_ms * interval '1 ms')
         order by x.ask_at limit most for no key update skip locked) due
 where c.charge_id = due.charge_id
returning c.charge_id::text
$$;

-- A discrepancy of money that did not move, in the words of whoever has to act. what: capture, cancel or reauthorization.
create or replace function find_payment(for_run bigint, of_order text, what text, of_fulfillment text, of_charge text,
                                        at timestamptz, why text) returns void
language plpgsql security definer set search_path from current as $$
declare
    s submissions;
    of_parcel text;
    story text := format('%s %s', what, coalesce(of_fulfillment, of_charge, ''));
    words text;
begin
    select * into s from submissions x where x.fulfillment_id = of_fulfillment and x.order_id = of_order;
    of_parcel := case when s.submission_id is not null
                      then format(' of fulfillment %s (submission %s%s)', of_fulfillment, s.submission_id,
                                  case when s.shipment_ref <> '' then ', parcel ' || s.shipment_ref else '' end)
                      when of_fulfillment is not null then format(' of fulfillment %s', of_fulfillment)
                      else '' end;
    words := format('%s at %s%s: %s',
               case what
               when 'capture' then format('a capture%s failed', of_parcel)
               when 'cancel' then format('a release of money%s failed', of_parcel)
               else 'the payment could not be authorized again' end,
               to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'),
               coalesce(' (' || nullif(left(why, 300), '') || ')', ''),
               case what
               when 'capture' then 'the API tries again for up to 30 days; stop the parcel if it has not left, or ask the customer for another payment. Nothing is posted again: the units are posted'
               when 'cancel' then 'have the charge released or refunded at the API; the units are posted as cancelled'
               else 'do not ship what is not posted yet: ask the customer for another payment, or cancel those units' end);
    -- repeated failures of one parcel are one story
    perform find_discrepancies(for_run, array[row('payment', of_order, '', coalesce(s.shipment_ref, ''), 0,
                                                  words, story, false)::finding]);
    -- told again in more words: the same story
    update discrepancies d
       set detail = words, seen_at = clock_timestamp()
     where d.order_id = of_order and d.kind = 'payment' and d.closed_at is null and d.submission_id = 0
       and d.fingerprint = story and length(d.detail) < length(words);
end $$;

-- What GET /charges/{id} said: {"state", "amount", "operations": [{"id", "kind", "state", "amount", "fulfillment_id",
-- "failure_code", "failure_message", "at"}]}; null: the API knows no such charge. The state of each operation counts, never
-- a flag of the charge. What failed calls a person; what succeeds later closes that. Asked again, later and later, while
-- something may still change: the API itself repeats captures for up to 30 days.
create or replace function record_charge(for_run bigint, of_charge text, answer jsonb) returns void
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    t timestamptz := clock_timestamp();
    c charges;
    f record;
    is_unsettled boolean;
begin
    -- The order first, then what it has: as events are taken in.
    perform 1 from orders o
      where o.order_id = (select x.order_id from charges x where x.charge_id = of_charge) for no key update;
    select * into c from charges x where x.charge_id = of_charge for no key update;
    if not found then
        return;
    end if;
    if answer is null then
        update charges x set ask_at = null where x.charge_id = of_charge;
        return;
    end if;
    insert into charge_operations as p (charge_id, operation_id, kind, state, amount, fulfillment_id, failure_code,
                                        failure_message, at)
    select distinct on (x.id) of_charge, x.id, x.kind, x.state, x.amount, nullif(x.fulfillment_id, ''),
           nullif(x.failure_code, ''), nullif(x.failure_message, ''), to_time(x.at)
      from jsonb_to_recordset(answer -> 'operations') as x(id text, kind text, state text, amount numeric,
                                                           fulfillment_id text, failure_code text, failure_message text, at text)
     where x.id <> ''
     order by x.id
        on conflict (charge_id, operation_id) do update
       set state = excluded.state, amount = excluded.amount, fulfillment_id = excluded.fulfillment_id,
           failure_code = excluded.failure_code, failure_message = excluded.failure_message, at = excluded.at;
    -- A capture that is still under way when its order is complete doesn't happen; a release may.
    is_unsettled := exists (select from charge_operations p
                             where p.charge_id = of_charge and p.state <> 'complete'
                               and (p.kind = 'cancel'
                                    or not exists (select from orders o where o.order_id = c.order_id and o.state = 'complete')));
    update charges x
       set state = nullif(answer ->> 'state', ''), amount = (answer ->> 'amount')::numeric, asked_at = t,
           ask_at = case when is_unsettled and x.first_at > t - interval '40 days'
                         then t + least(86400, 60 * power(2, least(x.asks, 20))) * interval '1 s' end
     where x.charge_id = of_charge;
    for f in
        select p.kind, p.fulfillment_id, max(coalesce(p.at, t)) as at,
               concat_ws(': ', max(p.failure_code), max(p.failure_message)) as why
          from charge_operations p
         where p.charge_id = of_charge and p.state = 'failed'
           and (p.kind = 'cancel'
                or not exists (select from orders o where o.order_id = c.order_id and o.state = 'complete'))
         group by p.kind, p.fulfillment_id
         order by 1, 2
    loop
        perform find_payment(for_run, c.order_id, f.kind, f.fulfillment_id, of_charge, f.at, f.why);
    end loop;
    update discrepancies d
       set closed_at = t, closed_by = 'follow', reason = case p.kind when 'capture' then 'captured after all' else 'released after all' end
      from (select x.kind, coalesce(x.fulfillment_id, x.charge_id) as of_what
              from charge_operations x
             where x.charge_id = of_charge
             group by 1, 2
            having bool_and(x.state = 'complete')) p
     where d.order_id = c.order_id and d.kind = 'payment' and d.submission_id = 0 and d.closed_at is null
       and d.fingerprint = p.kind || ' ' || p.of_what;
end $$;
