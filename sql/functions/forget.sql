-- forget: what is personal of an order goes, its units stay. Tracking leads to a parcel and so to a door; the words of
-- the API and details made of them may name anybody, and so may what a person wrote as a reason. Who decided what, and when,
-- stays, and so does the reason of the forgetting itself.

create or replace function is_forgetting() returns boolean
language sql stable set search_path from current as
$$ select coalesce(current_setting('waybill.is_forgetting', true), '') = 'on' $$;

-- What is appended stays as it is; of its words only (the column that the trigger names), and only by forgetting,
-- something may go.
create or replace function law_words_forgotten() returns trigger
language plpgsql set search_path from current as $$
begin
    if not is_forgetting() or (to_jsonb(new) - tg_argv[0]) <> (to_jsonb(old) - tg_argv[0]) then
        raise exception 'law 11: update on % is refused', tg_table_name
            using errcode = 'check_violation', hint = tg_argv[1] || '; see waybill forget';
    end if;
    return new;
end $$;
create or replace trigger law_attempt_forgotten before update on attempts
    for each row execute function law_words_forgotten('error', 'history is append-only');
create or replace trigger law_decision_forgotten before update on decisions
    for each row execute function law_words_forgotten('reason', 'history is append-only');
create or replace trigger law_adjustment_forgotten before update on adjustments
    for each row execute function law_words_forgotten('reason', 'book another adjustment');

create or replace function is_forgotten(of_order text) returns boolean
language sql stable set search_path from current as
$$ select exists (select from orders o where o.order_id = of_order and o.forgotten_at is not null) $$;

-- Drops what nothing needs any more. The caller holds the order's lane. left_over: something is on its way, or open,
-- and is needed as it is until that is over.
create or replace function drop_personal(of_order text, out dropped bigint, out left_over boolean)
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    n bigint;
begin
    update rows r
       set tracking_company = null, tracking_number = null, tracking_url = null
     where r.order_id = of_order
       and coalesce(r.tracking_company, r.tracking_number, r.tracking_url) is not null;
    get diagnostics dropped = row_count;
    delete from tracking k
     using submissions s
     where k.order_id = of_order and s.submission_id = k.submission_id and not is_open(s.state) and k.sending_until is null;
    get diagnostics n = row_count;
    dropped := dropped + n;
    update submissions s
       set tracking_company = null, tracking_number = null, tracking_url = null,
           -- "was held" is ours, and the planner's
           error_message = case when s.error_message like 'was held: %' then s.error_message end
     where s.order_id = of_order and not is_open(s.state)
       and (coalesce(s.tracking_company, s.tracking_number, s.tracking_url) is not null
            or s.error_message not like 'was held: %');
    get diagnostics n = row_count;
    dropped := dropped + n;
    -- not in the function's head: only a superuser may name a setting there that no module has declared
    perform set_config('waybill.is_forgetting', 'on', true);
    update attempts a
       set error = split_part(a.error, ': ', 1)
      from submissions s
     where s.order_id = of_order and not is_open(s.state) and a.submission_id = s.submission_id and a.error like '%: %';
    get diagnostics n = row_count;
    dropped := dropped + n;
    update decisions d
       set reason = null
     where d.order_id = of_order and d.action <> 'forget' and d.reason is not null;
    get diagnostics n = row_count;
    dropped := dropped + n;
    -- what stands before the colon is ours: "settled by hand by NAME: ", "adopted by NAME: ", "submission N dismissed: "
    update adjustments j
       set reason = split_part(j.reason, ': ', 1)
      from rows r
     where r.order_id = of_order and j.row_id = r.row_id and j.kind in ('correction', 'write_off', 'foreign')
       and (j.reason like 'settled by hand by %: %' or j.reason like 'adopted by %: %' or j.reason like '% dismissed: %');
    get diagnostics n = row_count;
    perform set_config('waybill.is_forgetting', '', true);
    dropped := dropped + n;
    -- its like is still known by its fingerprint
    update discrepancies d
       set detail = 'forgotten', fingerprint = md5(d.fingerprint), reason = case when d.closed_by <> 'operator' then d.reason end
     where d.order_id = of_order and d.closed_at is not null and d.detail <> 'forgotten';
    get diagnostics n = row_count;
    dropped := dropped + n;
    update events e
       set charge_id = null, failure_code = null
     where e.order_id = of_order and e.applied_at is not null and coalesce(e.charge_id, e.failure_code) is not null;
    update charge_operations c
       set failure_message = null
      from charges x
     where x.order_id = of_order and c.charge_id = x.charge_id and c.failure_message is not null;
    left_over := exists (select from submissions s where s.order_id = of_order and is_open(s.state))
              or exists (select from discrepancies d where d.order_id = of_order and d.closed_at is null)
              or exists (select from tracking k where k.order_id = of_order)
              or exists (select from events e where e.order_id = of_order and e.applied_at is null);
end $$;

-- A person asks for it. Said again it drops what has come since, and is no second decision.
create or replace function forget_order(of_order text, who text, why text, out done boolean, out said text)
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    was timestamptz;
    dropped bigint;
    left_over boolean;
begin
    done := false;
    perform 1 from lanes l where l.order_id = of_order for no key update;
    if not found and not exists (select from orders o where o.order_id = of_order) then
        said := format('the ledger knows no order %s', of_order);
        return;
    end if;
    insert into orders (order_id) values (of_order) on conflict do nothing;
    select o.forgotten_at into was from orders o where o.order_id = of_order for no key update;
    select p.dropped, p.left_over into dropped, left_over from drop_personal(of_order) p;
    update orders o
       set forgotten_at = coalesce(o.forgotten_at, clock_timestamp()), forgotten_by = coalesce(o.forgotten_by, 'operator'),
           forget_at = case when left_over then clock_timestamp() + interval '1 hour' end
     where o.order_id = of_order;
    if was is null then
        perform note_decision('forget', 'order ' || of_order, null, of_order, who, why);
    end if;
    done := true;
    said := format('order %s is forgotten%s: tracking, messages and reasons dropped in %s places; its units stay%s', of_order,
                   case when was is not null then ' since ' || to_char(was at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') else '' end,
                   dropped,
                   case when left_over then '. Something of it is on its way or needs a person; what that holds goes when it is over' else '' end);
end $$;

-- The API says that they are to be forgotten: [{"order_id", "forget"}]. What is asked for is done with the housekeeping.
create or replace function note_forget(orders_told jsonb) returns void
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    wished text[] := array(select distinct x.order_id
                             from jsonb_to_recordset(orders_told) as x(order_id text, forget boolean) where x.forget);
    one text;
begin
    if cardinality(wished) = 0 then
        return;
    end if;
    for one in
        select o.order_id from orders o where o.order_id = any (wished) and o.forgotten_at is null
         order by o.order_id for no key update
    loop
        update orders o
           set forgotten_at = clock_timestamp(), forgotten_by = 'api', forget_at = clock_timestamp()
         where o.order_id = one;
        perform note_decision('forget', 'order ' || one, null, one, 'api', 'the customer asked the API for it');
    end loop;
end $$;

-- A piece of those that are forgotten and have something left to drop. An order that is busy is tried again.
create or replace function forget_due(most int) returns bigint
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    t timestamptz := clock_timestamp();
    due text[];
    one text;
    n bigint := 0;
    is_left boolean;
begin
    due := array(select o.order_id from orders o where o.forget_at <= t order by o.forget_at limit most);
    for one in
        select x.order_id
          from (select d as order_id from unnest(due) d order by 1) x
         where not exists (select from lanes l where l.order_id = x.order_id)
            or exists (select from lanes l where l.order_id = x.order_id for no key update skip locked)
    loop
        select p.left_over into is_left from drop_personal(one) p;
        update orders o set forget_at = case when is_left then t + interval '1 hour' end where o.order_id = one;
        n := n + 1;
    end loop;
    return n;
end $$;

-- Orders that are over for longer than that are forgotten, a piece at a time. 0: there are no more.
create or replace function prune_personal(keep_ms bigint, most int) returns bigint
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    marked bigint;
begin
    update orders o
       set forgotten_at = clock_timestamp(), forgotten_by = 'age', forget_at = clock_timestamp()
     where o.order_id in (select x.order_id from orders x
                           where x.forgotten_at is null and is_final_state(x.state)
                             and x.state_since < clock_timestamp() - keep_ms * interval '1 ms'
                           order by x.state_since limit most for no key update skip locked);
    get diagnostics marked = row_count;
    return marked;
end $$;
