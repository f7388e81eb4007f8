-- evaluate: the warehouse's rows of some orders held against the ledger, set by set. Changes nothing.
--
-- For each row: desired (what the warehouse says), posted, open; then, line by
-- line (order, item), what is wrong with it, and what may be planned. The rules
-- are numbered as they apply:
--   1 a bad row, an item the API doesn't have, other quantities, a decrease: a
--     discrepancy of that line, nothing of it is planned;
--   2 rows of a line with fewer units than are live, and others with more:
--     posted units are re-keyed from the first to the second (a parcel renamed,
--     merged, split, numbered late), in the order of their shipment_ref;
--   3 what the line wants beyond that is due; never more (law 10).
-- Absence of a row is no decrease (law 11): an absent row wants nothing, and
-- takes nothing back.
--
-- The plan is made once a session and must hold for any number of orders: what is in hand is joined by hash, tables are
-- reached by key only (lateral, offset 0). An offset 0 behind a step keeps the planner from writing its expressions anew
-- into each of those that follow, which makes them many times as many.
create or replace function evaluate(
    keys text[], readings reading[],
    has_gate boolean, decrease_is_note boolean, units_per_line_max bigint,
    unknown_grace_ms bigint, gate_fresh_ms bigint)
returns setof evaluation
language plpgsql stable set search_path from current
    set enable_nestloop = off set enable_hashjoin = on set enable_seqscan = off set plan_cache_mode = force_generic_plan set jit = off as $$
#variable_conflict use_column
begin
    return query
with wanted as (
    select distinct k.order_id collate "C" as order_id from unnest(keys) as k(order_id)
), api as (
    -- what the API last said of each order, and of its items
    select w.order_id, o.state, o.state_since, o.checked_at, o.unknown_since, o.unread_since, o.ask_at, o.listed_at,
           o.unlisted_since, o.verified_generation, o.forgotten_at
      from wanted w
      left join lateral (select * from orders x where x.order_id = w.order_id offset 0) o on true
), api_items as (
    select i.*
      from wanted w
     cross join lateral (select x.order_id, x.item_id, x.quantity, x.state from order_items x
                          where x.order_id = w.order_id offset 0) i
), read_rows as (
    select r.order_id collate "C" as order_id,
           kept_key(r.item_id, r.is_too_long) collate "C" as item_id, kept_key(r.shipment_ref, r.is_too_long) collate "C" as shipment_ref,
           r.ordered, r.shipped, r.cancelled, r.returned,
           short_text(r.tracking_company) as tracking_company, short_text(r.tracking_number) as tracking_number,
           short_text(r.tracking_url) as tracking_url,
           short_text(r.shipment_id) as shipment_id, short_text(r.shipment_item_id) as shipment_item_id,
           coalesce(r.model, 'third_party') as model,
           r.problem
      from (select k.*, bad_reading(k) as problem, is_key_too_long(k.order_id, k.item_id, k.shipment_ref) as is_too_long
              from unnest(with_coordinated(readings)) k) r
), grouped as (
    -- one row a key; a key twice is a view that fans out, and can't be counted
    select order_id, item_id, shipment_ref,
           coalesce(min(problem), case when count(*) > 1 then format('%s rows for one key', count(*)) end) as problem,
           case when count(*) = 1 and min(problem) is null then min(ordered)::bigint end as ordered,
           case when count(*) = 1 and min(problem) is null then min(shipped)::bigint end as shipped,
           case when count(*) = 1 and min(problem) is null then min(cancelled)::bigint end as cancelled,
           case when count(*) = 1 and min(problem) is null then coalesce(min(returned), 0)::bigint else 0 end as returned,
           min(tracking_company) as tracking_company, min(tracking_number) as tracking_number,
           min(tracking_url) as tracking_url, min(shipment_id) as shipment_id,
           min(shipment_item_id) as shipment_item_id, min(model) as model
      from read_rows
     group by order_id, item_id, shipment_ref
), keyed as (
    -- of two ordered quantities nobody knows which is right
    select g.order_id, g.item_id, g.shipment_ref, p.problem,
           case when p.problem is null then g.ordered end as ordered,
           case when p.problem is null then g.shipped end as shipped,
           case when p.problem is null then g.cancelled end as cancelled,
           case when p.problem is null then g.returned else 0 end as returned,
           g.tracking_company, g.tracking_number, g.tracking_url, g.shipment_id, g.shipment_item_id, g.model
      from (select k.*, min(k.ordered) over line <> max(k.ordered) over line as has_two_ordered
              from grouped k
            window line as (partition by k.order_id, k.item_id) offset 0) g
     cross join lateral (
           select coalesce(g.problem, case when g.has_two_ordered
                                           then 'the rows of the line have different ordered quantities' end) as problem offset 0) p
), kept as (
    select r.*
      from wanted w
     cross join lateral (select * from rows r where r.order_id = w.order_id offset 0) r
), opened as (
    select i.row_id,
           sum(i.shipped) filter (where s.is_soft) as soft_shipped,
           sum(i.cancelled) filter (where s.is_soft) as soft_cancelled,
           sum(i.shipped) filter (where not s.is_soft) as firm_shipped,
           sum(i.cancelled) filter (where not s.is_soft) as firm_cancelled
      from wanted w
     cross join lateral (
           select s.submission_id, s.state in ('planned', 'held') and s.unknown_attempts = 0 as is_soft
             from submissions s
            where s.order_id = w.order_id and s.settled_at is null
           offset 0) s
     cross join lateral (select * from submission_items i where i.submission_id = s.submission_id offset 0) i
     group by i.row_id
), met as (
    select coalesce(k.order_id, l.order_id) as order_id, coalesce(k.item_id, l.item_id) as item_id,
           coalesce(k.shipment_ref, l.shipment_ref) as shipment_ref,
           l.row_id, l.plan_no, k.order_id is not null as is_read, k.problem,
           k.ordered, k.shipped, k.cancelled, coalesce(k.returned, 0) as returned,
           k.tracking_company, k.tracking_number, k.tracking_url, k.shipment_id, k.shipment_item_id, k.model,
           coalesce(l.live_shipped - coalesce(o.soft_shipped, 0) - coalesce(o.firm_shipped, 0), 0)::bigint as posted_shipped,
           coalesce(l.live_cancelled - coalesce(o.soft_cancelled, 0) - coalesce(o.firm_cancelled, 0), 0)::bigint as posted_cancelled,
           coalesce(o.soft_shipped, 0)::bigint as soft_shipped, coalesce(o.soft_cancelled, 0)::bigint as soft_cancelled,
           coalesce(o.firm_shipped, 0)::bigint as firm_shipped, coalesce(o.firm_cancelled, 0)::bigint as firm_cancelled,
           l.refused_submission, l.refused_shipped, l.refused_cancelled, l.refused_api_quantity,
           l.row_id is null
           or (l.ordered, l.shipped, l.cancelled, l.returned, l.is_present, l.tracking_company, l.tracking_number, l.tracking_url,
               l.shipment_id, l.shipment_item_id, l.model)
              is distinct from
              (k.ordered, k.shipped, k.cancelled, k.returned, true, k.tracking_company, k.tracking_number, k.tracking_url,
               k.shipment_id, k.shipment_item_id, k.model) as is_news,
           l.row_id is not null
           and (k.order_id is null or k.problem is not null or k.shipped + k.returned < l.shipped + l.returned
                or k.cancelled < l.cancelled) is true as has_fallen,
           l.row_id is not null
           and (l.is_present <> (k.order_id is not null)
                or (l.tracking_company, l.tracking_number, l.tracking_url)
                   is distinct from (k.tracking_company, k.tracking_number, k.tracking_url)) as is_retold,
           -- of a row that could not be counted nobody knows what was told
           k.problem is null and (k.returned > 0 or l.returned > 0 or (l.row_id is not null and l.ordered is null)) is true
               as tells_returns,
           coalesce(l.looks_when_settled, false) as looked_when_settled, l.waits_for as waited_for
      from keyed k
      full join kept l
        on l.order_id = k.order_id and l.item_id = k.item_id and l.shipment_ref = k.shipment_ref
      left join opened o on o.row_id = l.row_id
), measured as (
    select m.*,
           case when is_read then coalesce(shipped, 0) else 0 end as counted_shipped,
           case when is_read then coalesce(cancelled, 0) else 0 end as counted_cancelled,
           posted_shipped + firm_shipped as live_shipped,
           posted_cancelled + firm_cancelled as live_cancelled,
           is_orchestrated(model) as is_orchestrated
      from met m
), desired as (
    select m.*,
           wanted_from_us(model, counted_shipped, live_shipped) as desired_shipped,
           wanted_from_us(model, counted_cancelled, live_cancelled) as desired_cancelled
      from measured m
), gaps as (
    select d.*,
           greatest(0, desired_shipped - live_shipped) as more_shipped,
           greatest(0, live_shipped - desired_shipped) as less_shipped,
           greatest(0, desired_cancelled - live_cancelled) as more_cancelled,
           greatest(0, live_cancelled - desired_cancelled) as less_cancelled,
           counted_shipped - desired_shipped as theirs_shipped, counted_cancelled - desired_cancelled as theirs_cancelled
      from desired d
), lines as (
    select g.order_id, g.item_id,
           bool_or(is_read) as is_present,
           min(problem) as problem,
           max(ordered) as ordered,
           sum(shipped) as shipped, sum(cancelled) as cancelled, sum(returned) as returned,
           sum(desired_shipped) as desired_shipped, sum(desired_cancelled) as desired_cancelled,
           sum(live_shipped) as live_shipped, sum(live_cancelled) as live_cancelled,
           sum(theirs_shipped + theirs_cancelled) as theirs,
           sum(more_shipped) as more_shipped, sum(less_shipped) as less_shipped,
           sum(more_cancelled) as more_cancelled, sum(less_cancelled) as less_cancelled,
           -- rows that are still read, and fell
           coalesce(sum(less_shipped) filter (where is_read), 0) as fell_shipped,
           coalesce(sum(less_cancelled) filter (where is_read), 0) as fell_cancelled
      from gaps g
     group by g.order_id, g.item_id
), facts as (
    select l.*, o.state as api_state, i.quantity as api_quantity, i.state as item_state,
           h.order_id is not null as has_items,
           -- units that came back explain a fall of the line (after what moved between its rows)
           desired_shipped + returned < live_shipped as falls_shipped,
           -- what somebody else cancelled at the API is ahead of the warehouse, not behind it
           case when desired_cancelled < live_cancelled
                then desired_cancelled < live_cancelled - (
                     select coalesce(sum(j.cancelled), 0)
                       from rows r
                      cross join lateral (select a.cancelled from adjustments a
                                           where a.row_id = r.row_id and a.kind = 'foreign' offset 0) j
                      where r.order_id = l.order_id and r.item_id = l.item_id)
                else false end as falls_cancelled
      from lines l
      join api o on o.order_id = l.order_id
      left join (select distinct x.order_id from api_items x) h on h.order_id = l.order_id
      left join api_items i on i.order_id = l.order_id and i.item_id = l.item_id
    offset 0
), weighted as (
    select f.*,
           greatest(more_shipped - less_shipped, 0) + greatest(more_cancelled - less_cancelled, 0) as adds,
           -- Units of rows that are gone may have become those of new rows, of either kind: then a person must say.
           (falls_shipped and (fell_shipped > 0 or more_shipped + more_cancelled > 0))
           or (falls_cancelled and (fell_cancelled > 0 or more_shipped + more_cancelled > 0)) as is_decreased,
           decrease_is_note and fell_shipped + fell_cancelled > 0 as is_noted
      from facts f
), judged as (
    select f.*,
           case
           when not is_present then null
           when problem is not null then 'bad_row'
           when shipped + cancelled > ordered then 'over_quantity'
           when has_gate and has_items and api_quantity is null then 'unknown_item'
           when api_quantity <> ordered then 'ordered_mismatch'
           when is_decreased and not is_noted then 'decreased'
           -- what is posted can't be taken back: it counts even where the warehouse says less by now
           when adds > 0 and greatest(desired_shipped, live_shipped)
                + greatest(desired_cancelled, live_cancelled) + theirs > ordered then 'over_quantity'
           when units_per_line_max > 0 and adds > units_per_line_max then 'guard'
           when is_decreased then 'decreased'
           end as kind
      from weighted f
    offset 0
), told as (
    select j.*,
           coalesce(kind = 'decreased' and is_noted, false) as is_note,
           case kind
           when 'bad_row' then problem
           when 'over_quantity' then
                case when shipped + cancelled > ordered
                     then format('%s shipped and %s cancelled, but only %s ordered', shipped, cancelled, ordered)
                     else format('%s shipped and %s cancelled now, %s and %s are posted or on their way: more than %s ordered',
                                 shipped, cancelled, live_shipped, live_cancelled, ordered) end
           when 'unknown_item' then 'the order has no such item at the API'
           when 'ordered_mismatch' then format('%s ordered here, %s at the API', ordered, api_quantity)
           when 'guard' then format('%s units due at once, more than run.max_units_per_line = %s', adds, units_per_line_max)
           when 'decreased' then format('%s shipped and %s cancelled now, but %s and %s are posted or on their way%s',
                shipped, cancelled, live_shipped, live_cancelled,
                case when fell_shipped + fell_cancelled = 0 then '; rows are gone and others are new: renamed or purged?' else '' end)
           end as detail
      from judged j
    offset 0
), gates as (
    select o.order_id,
           case
           when coalesce(o.verified_generation, 1) < g.generation and (not has_gate or o.state = 'accepted') then 'list'
           when not has_gate then 'open'
           when o.checked_at is null and o.unknown_since is null then 'ask'
           when o.unknown_since is not null then
                case when o.ask_at is null then 'ask'
                     when o.unknown_since < clock_timestamp() - unknown_grace_ms * interval '1 ms' then 'shut' else 'wait' end
           when o.state in ('accepted', 'fulfilled', 'complete', 'cancelled', 'blocked', 'returned')
                and o.checked_at < clock_timestamp() - gate_fresh_ms * interval '1 ms' then 'ask'
           when o.state = 'accepted' then 'open'
           when o.state in ('fulfilled', 'complete', 'cancelled') then
                case when o.listed_at is null or o.listed_at < o.checked_at then 'list' else 'shut' end
           when o.state in ('blocked', 'returned') then 'shut'
           when o.ask_at is null then 'ask'
           else 'wait' end as gate,
           case
           when coalesce(o.verified_generation, 1) < g.generation and (not has_gate or o.state = 'accepted') then
                format('generation %s of the ledger: the order is looked for at the API before anything is posted', g.generation)
                || case when o.unlisted_since is not null then ', and the list of its fulfillments can''t be read' else '' end
           when o.unknown_since is not null then 'the API does not know the order'
           when o.unread_since is not null then 'what the API says of the order can''t be read'
           when o.state is null then 'asking the API for the order'
           else format('the order is %s at the API', o.state)
                || case when o.unlisted_since is not null and o.state in ('fulfilled', 'complete', 'cancelled')
                        then ', and the list of its fulfillments can''t be read' else '' end end as gate_detail,
           o.state as api_state, o.forgotten_at is not null as is_forgotten, o.ask_at is not null as is_asked,
           is_expiring(o.state, o.state_since) as is_expiring
      from api o
     cross join identity g
), summed as (
    -- rule 2, in running sums: what is given is taken first-come by the rows that want more
    select g.*, t.kind, t.detail, t.is_note, t.api_quantity, t.item_state,
           least(t.less_shipped, t.more_shipped) as moves_shipped,
           least(t.less_cancelled, t.more_cancelled) as moves_cancelled,
           sum(g.less_shipped) over before as gave_shipped, sum(g.more_shipped) over before as took_shipped,
           sum(g.less_cancelled) over before as gave_cancelled, sum(g.more_cancelled) over before as took_cancelled
      from gaps g
      join told t using (order_id, item_id)
    window before as (partition by g.order_id, g.item_id order by g.shipment_ref
                      rows between unbounded preceding and 1 preceding)
), moved as (
    select s.*,
           least(less_shipped, greatest(0, moves_shipped - coalesce(gave_shipped, 0))) as gives_shipped,
           least(more_shipped, greatest(0, moves_shipped - coalesce(took_shipped, 0))) as takes_shipped,
           least(less_cancelled, greatest(0, moves_cancelled - coalesce(gave_cancelled, 0))) as gives_cancelled,
           least(more_cancelled, greatest(0, moves_cancelled - coalesce(took_cancelled, 0))) as takes_cancelled
      from summed s
    offset 0
), weighed as (
    select m.*,
           -- units still on their way can't be re-keyed: wait for them
           bool_or(gives_shipped > posted_shipped or gives_cancelled > posted_cancelled)
               over (partition by m.order_id, m.item_id) as is_moving,
           (kind is not null and not is_note) or not is_read or is_orchestrated as is_stopped,
           refused_submission is not null and shipped = refused_shipped and cancelled = refused_cancelled
               and api_quantity is not distinct from refused_api_quantity as is_parked
      from moved m
), gated as (
    select w.*, g.gate, g.gate_detail, g.is_forgotten, g.is_asked, g.is_expiring,
           has_gate and (w.item_state = 'cancelled' or (g.api_state = 'cancelled' and g.gate = 'shut')) is true as is_agreed
      from weighed w
      join gates g using (order_id)
), agreed as (
    select w.*,
           case when is_agreed and not is_stopped and not is_moving then more_cancelled - takes_cancelled else 0 end as agrees
      from gated w
), due as (
    select w.*,
           more_shipped - takes_shipped + theirs_shipped as due_shipped,
           more_cancelled - takes_cancelled + theirs_cancelled as due_cancelled,
           more_shipped - takes_shipped + theirs_shipped + more_cancelled - takes_cancelled + theirs_cancelled - agrees as remains
      from agreed w
    offset 0
)
select w.order_id, w.item_id, w.shipment_ref, w.row_id, w.is_read, coalesce(w.problem is not null, false),
       w.ordered, w.shipped, w.cancelled, w.returned,
       case when not w.is_forgotten then w.tracking_company end,
       case when not w.is_forgotten then w.tracking_number end,
       case when not w.is_forgotten then w.tracking_url end, w.shipment_id, w.shipment_item_id, w.model,
       w.soft_shipped, w.soft_cancelled, w.firm_shipped, w.firm_cancelled,
       due_shipped::bigint, due_cancelled::bigint,
       case when is_stopped or is_moving or is_parked then 0 else due_shipped end::bigint,
       case when is_stopped or is_moving or is_parked then 0 else due_cancelled - agrees end::bigint,
       case when (kind is null or is_note) and not is_moving then takes_shipped - gives_shipped else 0 end::bigint,
       case when (kind is null or is_note) and not is_moving then takes_cancelled - gives_cancelled else 0 end::bigint,
       agrees::bigint,
       w.gate, w.gate_detail,
       case when w.kind is not null then w.kind end, w.detail, w.is_note,
       why.waits_for,
       coalesce(is_parked, false),
       -- changed, or explained by now: what was refused is over
       refused_submission is not null and is_read and w.problem is null
           and (not coalesce(is_parked, false) or (remains <= 0 and not is_moving)),
       is_moving,
       is_read and (is_news or waited_for is distinct from why.waits_for),
       has_fallen, is_retold, is_read and tells_returns, is_moving <> looked_when_settled,
       w.plan_no, w.gate in ('ask', 'list') or is_asked, w.is_forgotten, w.is_expiring
  from due w
 cross join lateral (select
       case
       when remains <= 0 and (kind is null or is_note) then null
       when not is_read then null
       when kind is not null and not is_note then format('%s: %s', kind, w.detail)
       when is_orchestrated then 'orchestrated: the API''s own fulfiller posts it'
       when is_moving then 'units that moved to another parcel are still on their way'
       when is_parked then format('refused as submission %s; waits for a change or for retry', refused_submission)
       when w.gate <> 'open' then w.gate_detail
       end as waits_for offset 0) why;
end $$;

-- Posted by the API's own fulfiller: left alone.
create or replace function is_orchestrated(model text) returns boolean
language sql immutable parallel safe as
$$ select coalesce(model, 'third_party') = 'orchestrated' $$;

-- What the API's own fulfiller posts is not wanted from us, and takes over nothing that we posted.
create or replace function wanted_from_us(model text, units bigint, live bigint) returns bigint
language sql immutable parallel safe as
$$ select case when is_orchestrated(model) then least(units, live) else units end $$;

-- The most units that a row can have.
create or replace function units_max() returns bigint
language sql immutable parallel safe as $$ select 1000000000::bigint $$;

-- What is wrong with a quantity, in words; null: nothing. Stable as format() is, or it would be called and not inlined.
create or replace function bad_quantity(name text, quantity numeric) returns text
language sql stable parallel safe as $$
select case when quantity is null then name || ' is null'
            when quantity = 'NaN' then name || ' is not a number'
            when quantity < 0 then format('%s is negative: %s', name, left(quantity::text, 40))
            when quantity > units_max() then format('%s is above %s: %s', name, units_max(), left(quantity::text, 40))
            when quantity <> trunc(quantity) then format('%s is a fraction: %s', name, left(quantity::text, 40))
       end
$$;

-- No index can hold it.
create or replace function is_order_too_long(order_id text) returns boolean
language sql immutable parallel safe as $$ select octet_length(order_id) > 1000 $$;

-- An index entry holds 2704 bytes, and all three are in one.
create or replace function is_key_too_long(order_id text, item_id text, shipment_ref text) returns boolean
language sql immutable parallel safe as $$
select octet_length(order_id) + coalesce(octet_length(item_id), 0) + coalesce(octet_length(shipment_ref), 0) > 2400
$$;

-- A row's item or parcel as the ledger keeps it: of what its index can't hold, the beginning and a hash.
create or replace function kept_key(value text, is_too_long boolean) returns text
language sql immutable parallel safe as $$
select coalesce(case when octet_length(value) > 1000 or is_too_long then left(value, 100) || '~' || md5(value) else value end, '')
$$;

-- Why a row, looked at by itself, is a bad one, of which no units are counted; null: it isn't. The one rule for runs, sweeps,
-- baselines and checks. Inlined, as its parts are.
create or replace function bad_reading(r reading) returns text
language sql stable parallel safe as $$
select case when is_order_too_long(r.order_id) then 'order_id is longer than 1000 bytes'
            when coalesce(r.item_id, '') = '' then 'item_id is empty'
            when octet_length(r.item_id) > 1000 then 'item_id is longer than 1000 bytes'
            when octet_length(r.shipment_ref) > 1000 then 'shipment_ref is longer than 1000 bytes'
            when is_key_too_long(r.order_id, r.item_id, r.shipment_ref)
            then 'order_id, item_id and shipment_ref together are longer than 2400 bytes'
            else coalesce(bad_quantity('ordered_quantity', r.ordered),
                          case when not is_told_by_events(r.model, r.shipped, r.cancelled)
                               then coalesce(bad_quantity('shipped_quantity', r.shipped),
                                             bad_quantity('cancelled_quantity', r.cancelled)) end,
                          bad_quantity('returned_quantity', coalesce(r.returned, 0)),
                          long_text('tracking_company', r.tracking_company), long_text('tracking_number', r.tracking_number),
                          long_text('tracking_url', r.tracking_url), long_text('shipment_id', r.shipment_id),
                          long_text('shipment_item_id', r.shipment_item_id),
                          case when r.model not in ('third_party', 'distributed', 'orchestrated')
                               then format('fulfillment_model is "%s"', left(r.model, 40)) end)
       end
$$;

-- What is sent along of a row. A request has a bound, and so has what is read of an answer, which echoes an id: 500
-- characters of four bytes. What is longer is told and not kept, so that it isn't sent later either.
create or replace function short_text(value text) returns text
language sql immutable parallel safe as
$$ select case when octet_length(value) <= 2000 then value end $$;

create or replace function long_text(name text, value text) returns text
language sql immutable parallel safe as
$$ select case when octet_length(value) > 2000 then name || ' is longer than 2000 bytes' end $$;
