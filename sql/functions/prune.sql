-- prune: old history goes; what is settled is never forgotten. And the ledger's audit of itself.

-- Settled for good: nothing waits for it, and nobody is to look at it. Without a path of its own it is inlined: whoever
-- calls it has one.
create or replace function is_prunable(s submissions) returns boolean
language sql stable as $$
select (s).state in ('accepted', 'rejected', 'dismissed', 'withdrawn', 'split')
       -- it may have been applied after all: its marker must be recognised
       and ((s).state = 'accepted' or (s).unknown_attempts = 0)
       and not exists (select from rows r where r.order_id = (s).order_id and r.refused_submission = (s).submission_id)
       and not exists (select from discrepancies d
                        where d.order_id = (s).order_id and d.submission_id = (s).submission_id and d.closed_at is null)
       and not exists (select from submissions p where p.parent_id = (s).submission_id)
       -- an update of its tracking holds its order's lane, or is to be sent
       and not exists (select from tracking k
                        where k.submission_id = (s).submission_id
                          and (k.sending_until is not null or ((s).state = 'accepted' and k.next_at is not null)))
$$;

-- One bounded piece: submissions settled more than keep_ms ago, their items with them. 0: there are no more.
create or replace function prune_submissions(keep_ms bigint, most int) returns bigint
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    ids bigint[];
    pruned bigint;
begin
    ids := array(select s.submission_id from submissions s
                  where s.settled_at < clock_timestamp() - keep_ms * interval '1 ms' and is_prunable(s)
                  order by s.settled_at limit most);
    perform 1 from lanes l
      where l.order_id in (select s.order_id from submissions s where s.submission_id = any (ids))
      order by l.order_id for no key update;
    -- not in the function's head: only a superuser may name a setting there that no module has declared
    perform set_config('waybill.is_pruning', 'on', true);
    delete from submissions s where s.submission_id = any (ids) and is_prunable(s);
    get diagnostics pruned = row_count;
    perform set_config('waybill.is_pruning', '', true);
    return pruned;
end $$;

-- Months of attempts that ended more than keep_ms ago. A busy table is asked for a moment only.
create or replace function prune_attempts(keep_ms bigint) returns bigint
language plpgsql security definer set search_path from current set lock_timeout = '2s' as $$
declare
    month record;
    dropped bigint := 0;
begin
    for month in
        select c.oid::regclass as name
          from pg_inherits i
          join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'attempts'::regclass and c.relname ~ '^attempts_[0-9]{6}$'
           and to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' <= clock_timestamp() - keep_ms * interval '1 ms'
         order by c.relname
    loop
        execute format('drop table %s', month.name);
        dropped := dropped + 1;
    end loop;
    return dropped;
end $$;

-- The rest, a piece of each: closed discrepancies, finished runs and workers, and what explained fulfillments of orders
-- that are long complete. Decisions and adjustments stay. The newest of what was dismissed, or noted, of a line stays
-- too: it keeps its like from being opened again.
create or replace function prune_rest(keep_ms bigint, most int, out discrepancies bigint, out runs bigint, out others bigint)
language plpgsql security definer set search_path from current as $$
declare
    before timestamptz := clock_timestamp() - keep_ms * interval '1 ms';
    more bigint;
begin
    delete from discrepancies x
     where x.discrepancy_id in (
           select d.discrepancy_id from discrepancies d
            where d.closed_at < before
              and (not (d.is_dismissed or d.is_note)
                   or (d.submission_id <> 0 and not exists (select from submissions s where s.submission_id = d.submission_id))
                   or exists (select from discrepancies n
                               where n.order_id = d.order_id and n.kind = d.kind and n.item_id = d.item_id
                                 and n.shipment_ref = d.shipment_ref and n.submission_id = d.submission_id
                                 and n.discrepancy_id > d.discrepancy_id))
            limit most);
    get diagnostics discrepancies = row_count;

    delete from runs x
     where x.run_id in (select r.run_id from runs r
                         where r.finished_at < before and r.run_id < (select max(run_id) from runs) limit most);
    get diagnostics runs = row_count;

    delete from workers x
     where x.worker_id in (select w.worker_id from workers w
                            where (w.ended_at < before or w.seen_at < least(before, clock_timestamp() - interval '1 day'))
                              and not exists (select from claims c where c.worker_id = w.worker_id)
                            limit most);
    get diagnostics others = row_count;
    delete from explained x
     where x.marker in (select e.marker from explained e join orders o using (order_id)
                         where o.complete_at < clock_timestamp() - interval '400 days'
                           and o.complete_at < before limit most);
    get diagnostics more = row_count;
    others := others + more;
end $$;

-- Do the counters say what submissions and adjustments say? Rows behind `after`, at most so many; upto: how far it came,
-- 0 at the end.
create or replace function ledger_faults(after bigint, most int)
returns table (row_id bigint, order_id text, item_id text, shipment_ref text, fault text)
language sql stable security definer set search_path from current as $$
with piece as (
    select * from rows r where r.row_id > after order by r.row_id limit most
), told as (
    select p.row_id, p.order_id, p.item_id, p.shipment_ref, k.what, k.counted, k.told
      from piece p
     cross join lateral (
           select coalesce(sum(i.shipped), 0) as shipped, coalesce(sum(i.cancelled), 0) as cancelled
             from submission_items i join submissions s using (submission_id)
            where i.row_id = p.row_id and is_live(s.state)) i
     cross join lateral (
           select coalesce(sum(a.shipped), 0) as shipped, coalesce(sum(a.cancelled), 0) as cancelled
             from adjustments a where a.row_id = p.row_id) a
     cross join lateral (values
           ('live shipped', p.live_shipped, p.pruned_shipped + i.shipped + a.shipped),
           ('live cancelled', p.live_cancelled, p.pruned_cancelled + i.cancelled + a.cancelled)) k(what, counted, told)
     where k.counted <> k.told
)
select t.row_id, t.order_id::text, t.item_id::text, t.shipment_ref::text,
       string_agg(format('%s is %s, submissions and adjustments say %s', t.what, t.counted, t.told), '; ' order by t.what)
  from told t
 group by t.row_id, t.order_id, t.item_id, t.shipment_ref
$$;

-- Is something of it on its way that holds its order's lane?
create or replace function holds_lane(of_submission bigint) returns boolean
language sql stable set search_path from current as $$
select exists (select from submissions s where s.submission_id = of_submission and is_on_its_way(s.state))
    or exists (select from tracking k where k.submission_id = of_submission and k.sending_until is not null)
$$;

-- Lanes that are held for nothing: no answer would ever free them. A person is told. One that is locked is in use.
create or replace function free_lost_lanes(for_run bigint, of_orders text[]) returns bigint
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    ids text[] := array(select l.order_id from lanes l
                         where l.order_id = any (of_orders) and l.active_submission is not null
                           and not holds_lane(l.active_submission));
    lost finding[];
begin
    if cardinality(ids) = 0 then
        return 0;
    end if;
    -- Looked at once more when they are ours.
    ids := array(select l.order_id from lanes l where l.order_id = any (ids)
                  order by l.order_id for no key update skip locked);
    with freed as (
        update lanes l
           set active_submission = null,
               next_at = lane_next_at(l.order_id)
          from (select x.order_id, x.active_submission from lanes x where x.order_id = any (ids)) was
         where l.order_id = any (ids) and l.order_id = was.order_id
           and was.active_submission is not null and not holds_lane(was.active_submission)
        returning l.order_id, was.active_submission
    )
    select array_agg(row('ledger', f.order_id, '', '', 0,
                         format('its lane was held for submission %s, of which nothing is on its way; it is free again', f.active_submission),
                         format('lane %s', f.active_submission), false)::finding)
      into lost from freed f;
    return find_discrepancies(for_run, lost);
end $$;

-- Once a day from the first row on, a bounded piece in each pass until it is through.
create or replace function ledger_audit(for_run bigint, most int) returns bigint
language plpgsql security definer set search_path from current set lock_timeout = '1s' as $$
declare
    from_row bigint;
    upto bigint;
    found_count bigint;
begin
    -- Whoever comes second finds it done; nobody waits.
    select f.audit_row into from_row from feed_state f
     where f.audit_row > 0 or f.audited_at is null or f.audited_at < clock_timestamp() - interval '1 day'
       for update skip locked;
    if not found then
        return 0;
    end if;
    upto := coalesce((select max(x.row_id) from (select r.row_id from rows r where r.row_id > from_row
                                                  order by r.row_id limit most) x), 0);
    found_count := find_discrepancies(for_run, array(
        select row('ledger', f.order_id, f.item_id, f.shipment_ref, 0, f.fault, null, false)::finding
          from ledger_faults(from_row, most) f));
    update feed_state
       set audit_row = case when exists (select from rows r where r.row_id > upto) and upto > 0 then upto else 0 end,
           audited_at = case when from_row = 0 then clock_timestamp() else audited_at end;
    -- Mended since: closed where it was found.
    update discrepancies d
       set closed_at = clock_timestamp(), closed_by = 'audit'
     where d.kind = 'ledger' and d.closed_at is null and d.submission_id = 0
       and exists (select from rows r where (r.order_id, r.item_id, r.shipment_ref) = (d.order_id, d.item_id, d.shipment_ref)
                      and r.row_id > from_row and (r.row_id <= upto or upto = 0))
       and not exists (select from rows r cross join lateral ledger_faults(r.row_id - 1, 1) f
                        where (r.order_id, r.item_id, r.shipment_ref) = (d.order_id, d.item_id, d.shipment_ref));
    -- A lane was mended when it was found: the next day is soon enough to close that.
    update discrepancies d
       set closed_at = clock_timestamp(), closed_by = 'audit'
     where d.kind = 'ledger' and d.closed_at is null and d.submission_id = 0 and d.fingerprint like 'lane %'
       and exists (select from rows r where r.order_id = d.order_id and r.row_id > from_row and (r.row_id <= upto or upto = 0));
    found_count := found_count + free_lost_lanes(for_run, array(
        select distinct r.order_id from rows r where r.row_id > from_row and r.row_id <= upto));
    if from_row = 0 then
        begin
            perform make_partitions();
        exception when lock_not_available then
            null; -- tomorrow: there are two months left
        end;
    end if;
    return found_count;
end $$;
