-- shrunk: a warehouse of which much is gone at once, for a moment or by mistake, opens one discrepancy, not thousands.
--
-- WMS tables are reloaded at night (truncated in one transaction, filled in the next), and views are replaced by wrong
-- ones. An order *fell* when the warehouse shows fewer units of one of its lines than last time, and fewer than are
-- posted or on their way; units that moved to another parcel, or came back, don't count. It is *harmed* when that would
-- change what is on its way, or open a discrepancy: an old order that was purged after all was posted is not.

-- Which of these orders are to be left alone, and looked at again later.
create or replace function leave_shrunk(for_run bigint, free text[], ev evaluation[]) returns text[]
language plpgsql security definer set search_path from current
    set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    fell text[];
    harmed text[];
    leave text[];
    last discrepancies;
    total bigint;
begin
    if not exists (select from unnest(ev) e where e.row_id is not null) then
        return '{}';
    end if;
    with lines as (
        select e.order_id, e.item_id, bool_or(e.is_read) as is_read, bool_or(e.is_bad) as is_bad,
               coalesce(sum(e.shipped + e.returned) filter (where e.is_read), 0) as shipped,
               coalesce(sum(e.cancelled) filter (where e.is_read), 0) as cancelled,
               coalesce(sum(r.shipped + r.returned) filter (where r.is_present), 0) as was_shipped,
               coalesce(sum(r.cancelled) filter (where r.is_present), 0) as was_cancelled,
               coalesce(sum(r.live_shipped), 0) as live_shipped, coalesce(sum(r.live_cancelled), 0) as live_cancelled,
               sum(e.soft_shipped + e.soft_cancelled + e.firm_shipped + e.firm_cancelled) as open,
               bool_or(coalesce(e.kind, '') = 'decreased' and not e.is_note) as is_decreased
          from unnest(ev) e
          left join lateral (select * from rows x where x.row_id = e.row_id offset 0) r on true
         group by e.order_id, e.item_id
    ), fallen as (
        select l.order_id, bool_or(l.open > 0 or (l.is_read and l.is_decreased)) as is_harmed
          from lines l
         where not l.is_bad
           and (l.shipped < least(l.was_shipped, l.live_shipped) or l.cancelled < least(l.was_cancelled, l.live_cancelled))
         group by l.order_id
    )
    select array_agg(f.order_id), array_agg(f.order_id) filter (where f.is_harmed) into fell, harmed from fallen f;
    if harmed is null then
        return '{}';
    end if;

    select * into last from discrepancies d
     where d.kind = 'warehouse_shrank' and d.order_id = '' order by d.discrepancy_id desc limit 1;
    if last.is_dismissed and last.closed_at > clock_timestamp() - interval '1 day' then
        return '{}';   -- a person said that it is meant to be so
    end if;
    total := (select count(*) from relooks r where r.has_shrunk);
    if cardinality(fell) >= shrunk_orders_min() and cardinality(fell) * 2 > cardinality(free) then
        leave := free;
    elsif last.discrepancy_id is not null and last.closed_at is null and total >= shrunk_orders_min() then
        leave := harmed;   -- the rest of the same reload
    else
        return '{}';
    end if;

    insert into relooks as r (order_key, due_at, failures, has_shrunk)
    select k, clock_timestamp() + interval '1 min', 1, true from unnest(leave) k order by 1
        on conflict (order_key) do update
       set has_shrunk = true, failures = r.failures + 1,
           due_at = clock_timestamp() + least(10, power(2, least(r.failures, 11))) * interval '1 min';
    total := (select count(*) from relooks r where r.has_shrunk);
    perform find_discrepancies(for_run, array[row('warehouse_shrank', '', '', '', 0,
        format('much of the warehouse is gone: %s of %s orders looked at have fewer units than are posted or on their way, %s '
               'orders wait. Nothing of them is planned or withdrawn until their rows are back; then this closes by itself. '
               'If it is meant to be so, dismiss it.', cardinality(fell), cardinality(free), total),
        to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI'), false)::finding]);
    return leave;
end $$;

create or replace function shrunk_orders_min() returns int
language sql immutable parallel safe as $$ select 20 $$;

-- The warehouse is whole again, or what is left of it was looked at one by one.
create or replace function close_shrunk() returns void
language sql volatile security definer set search_path from current as $$
update discrepancies d
   set closed_at = clock_timestamp(), closed_by = 'planner'
 where d.order_id = '' and d.kind = 'warehouse_shrank' and d.closed_at is null
   and not exists (select from relooks r where r.has_shrunk)
$$;
