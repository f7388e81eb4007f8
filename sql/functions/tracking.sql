-- tracking: what became known of a parcel after its POST is sent to its fulfillments; quantities never are.

-- Called by the planner for the orders that it looked at: the rows of a submission now against what was last to be sent
-- for it. Null never clears. What is not accepted yet waits until it is.
create or replace function note_tracking(keys text[]) returns void
language sql volatile security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
insert into tracking as t (submission_id, order_id, company, number, url)
select s.submission_id, s.order_id, coalesce(w.company, k.company), coalesce(w.number, k.number), coalesce(w.url, k.url)
  from (select distinct unnest(keys) as order_id) o
 cross join lateral (select * from submissions s
                      where s.order_id = o.order_id
                        and s.state in ('planned', 'sending', 'unknown', 'held', 'accepted') offset 0) s
 cross join lateral (
       -- as the planner chose it for the POST
       select min(r.tracking_company) as company, min(r.tracking_number) as number, min(r.tracking_url) as url
         from submission_items i
        cross join lateral (select * from rows r where r.row_id = i.row_id and r.is_present offset 0) r
        where i.submission_id = s.submission_id) w
 cross join lateral (
       select coalesce(x.company, s.tracking_company) as company, coalesce(x.number, s.tracking_number) as number,
              coalesce(x.url, s.tracking_url) as url
         from (select) one left join tracking x on x.submission_id = s.submission_id) k
 where coalesce(w.company <> k.company, k.company is null and w.company is not null)
    or coalesce(w.number <> k.number, k.number is null and w.number is not null)
    or coalesce(w.url <> k.url, k.url is null and w.url is not null)
 order by s.submission_id
    on conflict (submission_id) do update
   set company = excluded.company, number = excluded.number, url = excluded.url, version = t.version + 1,
       failures = 0, next_at = clock_timestamp()
$$;

-- Updates to send now, one of an order, each under its order's lane: nothing else of the order is posted meanwhile, on
-- any host. lease_ms: then the lane is free again, whatever became of us. taken_until names the take.
create or replace function take_tracking(for_worker bigint, version_of_schema int, most int, lease_ms bigint)
returns table (submission_id bigint, version int, fulfillment_id text, company text, number text, url text, failures int,
               taken_until timestamptz)
language plpgsql volatile security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
#variable_conflict use_column
declare
    t timestamptz := clock_timestamp();
    chosen bigint[];
    ids text[];
begin
    if (must_be_itself(for_worker, version_of_schema)).mode <> 'live' then
        return;
    end if;
    -- What is on its way under a lease that is over, and what is due.
    chosen := array(select k.submission_id from tracking k where k.sending_until < t order by k.order_id limit 100)
              || array(select distinct on (k.order_id) k.submission_id
                         from tracking k
                         join submissions s using (submission_id)
                         join lanes l on l.order_id = k.order_id
                        where k.next_at <= t and k.sending_until is null and s.state = 'accepted'
                          and l.active_submission is null
                        order by k.order_id, k.next_at limit most);
    -- Then the lanes, alone, as a claim does it: others may have taken, sent or dropped what was just read, and what is
    -- read from here on stays as it is.
    ids := array(select l.order_id from lanes l
                  where l.order_id in (select k.order_id from tracking k where k.submission_id = any (chosen))
                  order by l.order_id for no key update skip locked);
    perform free_lane(k.submission_id, k.sending_until)
       from tracking k
      where k.submission_id = any (chosen) and k.order_id = any (ids) and k.sending_until < t;
    chosen := array(select distinct on (k.order_id) k.submission_id
                      from tracking k
                      join submissions s using (submission_id)
                      join lanes l on l.order_id = k.order_id
                     where k.submission_id = any (chosen) and k.order_id = any (ids)
                       and k.next_at <= t and k.sending_until is null and s.state = 'accepted'
                       and l.active_submission is null
                     order by k.order_id, k.next_at limit most);
    update tracking k set sending_until = t + lease_ms * interval '1 ms' where k.submission_id = any (chosen);
    update lanes l
       set active_submission = k.submission_id
      from tracking k
     where k.submission_id = any (chosen) and l.order_id = k.order_id;
    return query
    select k.submission_id, k.version, s.fulfillment_id, k.company, k.number, k.url, k.failures, k.sending_until
      from tracking k join submissions s using (submission_id)
     where k.submission_id = any (chosen);
end $$;

-- The end of one take, if it still stands: after its lease another host may have taken it anew. The caller holds the lane.
create or replace function free_lane(of_submission bigint, taken_until timestamptz) returns boolean
language plpgsql volatile security definer set search_path from current as $$
begin
    update tracking k
       set sending_until = null
     where k.submission_id = of_submission and k.sending_until = taken_until;
    if not found then
        return false;
    end if;
    update lanes l
       set active_submission = null,
           next_at = lane_next_at(l.order_id)
      from tracking k
     where k.submission_id = of_submission and l.order_id = k.order_id and l.active_submission = of_submission;
    return true;
end $$;

-- What came of one. outcome: sent, again (refused for now, or nobody knows), refused. A repeat of one whose answer was
-- lost is harmless: it sets the same three texts of the same fulfillment, and no quantity with them. Of a take that does not
-- stand any more it says nothing: whoever has it now, or takes it next, sends what is newest.
create or replace function tracking_done(for_run bigint, of_submission bigint, of_version int, outcome text, why text, delay_ms bigint,
                                         taken_until timestamptz) returns void
language plpgsql volatile security definer set search_path from current as $$
declare
    k tracking;
    s submissions;
begin
    perform 1 from lanes l join tracking x using (order_id) where x.submission_id = of_submission for no key update of l;
    if not free_lane(of_submission, taken_until) then
        return;
    end if;
    update tracking x
       set next_at = case when x.version <> of_version then x.next_at
                          when outcome = 'again' then clock_timestamp() + delay_ms * interval '1 ms' end,
           failures = case when outcome = 'again' then x.failures + 1 else 0 end,
           sent_at = case when outcome = 'sent' then clock_timestamp() else x.sent_at end,
           error = nullif(why, '')
     where x.submission_id = of_submission
    returning * into k;
    select * into s from submissions x where x.submission_id = of_submission;
    if outcome = 'refused' then
        perform find_discrepancies(for_run, array[row('rejected', k.order_id, '', s.shipment_ref, 0,
            format('new tracking of fulfillment %s (submission %s) was refused: %s', s.fulfillment_id, of_submission, why),
            format('tracking %s %s', of_submission, of_version), false)::finding]);
    elsif outcome = 'sent' then
        update discrepancies d
           set closed_at = clock_timestamp(), closed_by = 'follow'
         where d.order_id = k.order_id and d.kind = 'rejected' and d.submission_id = 0 and d.closed_at is null
           and d.fingerprint like format('tracking %s %%', of_submission);
    end if;
end $$;
