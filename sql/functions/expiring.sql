-- expiring: a card's authorization typically lasts seven days; orders with units planned whose last day it is go first.

create or replace function is_expiring(state text, since timestamptz) returns boolean
language sql volatile parallel safe as $$
select (state = 'accepted' and since <= clock_timestamp() - interval '6 days'
            and since > clock_timestamp() - interval '7 days') is true
$$;

-- From the day before its end to its end. What is over is not hurried: nothing is gained for it any more, and others
-- can still be in time.
create or replace function hurry_orders(keys text[]) returns void
language plpgsql volatile security definer set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_mergejoin = off set enable_seqscan = off
    set plan_cache_mode = force_generic_plan set jit = off as $$
declare
    ids text[];
    ends timestamptz[];
begin
    select array_agg(l.order_id), array_agg(o.state_since + interval '7 days')
      into ids, ends
      from (select distinct unnest(keys) as order_id) k
     cross join lateral (
           select x.state_since from orders x
            where x.order_id = k.order_id and is_expiring(x.state, x.state_since) offset 0) o
     cross join lateral (
           select x.order_id from lanes x
            where x.order_id = k.order_id and x.next_at < 'infinity' and x.urgent_until is null offset 0) l;
    if ids is null then
        return;
    end if;
    perform 1 from lanes l where l.order_id = any (ids) order by l.order_id for no key update;
    update lanes l
       set urgent_until = e.ends_at
      from unnest(ids, ends) as e(order_id, ends_at)
     where l.order_id = any (ids) and l.order_id = e.order_id;
end $$;

-- Time passes: orders that were planned earlier and come into their last day, each once; and those that are out of it, or
-- have nothing to send any more. A few thousand at a time: what is left waits for the next call.
create or replace function note_expiring() returns void
language plpgsql security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    t timestamptz := clock_timestamp();
    seen timestamptz := (select greatest(f.expiring_to, t - interval '7 days') from feed_state f);
    until_now timestamptz := t - interval '6 days';
    ids text[];
begin
    ids := array(select o.order_id from orders o
                  where o.state = 'accepted' and o.state_since > seen and o.state_since <= until_now
                  order by o.state_since limit 2000);
    if cardinality(ids) > 0 then
        perform hurry_orders(ids);
        if cardinality(ids) = 2000 then
            until_now := (select max(o.state_since) from orders o where o.order_id = any (ids));
        end if;
    end if;
    -- An idle ledger is not written to for nothing.
    if cardinality(ids) > 0 or seen < t - interval '6 days 6 hours' then
        update feed_state f set expiring_to = greatest(f.expiring_to, until_now);
    end if;
    update lanes l
       set urgent_until = null
      from (select x.order_id from lanes x
             where x.urgent_until is not null
               and (x.urgent_until <= t or (x.active_submission is null and x.next_at = 'infinity')
                    or not exists (select from orders o where o.order_id = x.order_id and o.state = 'accepted'))
             order by x.urgent_until limit 2000 for no key update of x skip locked) past
     where l.order_id = past.order_id;
end $$;
