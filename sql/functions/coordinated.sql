-- coordinated: fulfillments that the API's own fulfillment orders coordinate (model `distributed`). A row of the warehouse
-- that is marked so, and whose quantities are both null, takes them from events.

-- A page of events, those of fulfillment orders: [{"kind": "shipped" or "withdrawn", "order_id", "object_id",
-- "items": [{"item", "id", "quantity"}]}]. Kept whether the order is known yet or not. Told again, or in more than one event,
-- nothing is added up: a shipment is one POST, and whether cancelled units are told as a sum or as what came since is not
-- known, so that the larger number is taken. Too few cancelled leave the order incomplete, which is reported; too many
-- could not be taken back.
create or replace function note_coordinated(page jsonb) returns bigint
language plpgsql volatile security definer set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
    changed text[];
begin
    with told as (
        select x.order_id, i.item, x.object_id, x.kind, min(x.n) as n, min(i.id) as shipment_item_id, sum(i.quantity) as quantity
          from (select e.ordinality as n, e.value ->> 'order_id' as order_id, e.value ->> 'object_id' as object_id,
                       e.value ->> 'kind' as kind, e.value -> 'items' as items
                  from jsonb_array_elements(page) with ordinality e
                 where e.value ->> 'kind' in ('shipped', 'withdrawn')) x
         cross join lateral jsonb_to_recordset(x.items) as i(item text, id text, quantity bigint)
         where x.order_id <> '' and x.object_id <> '' and i.item <> '' and i.quantity > 0
           and not is_key_too_long(x.order_id, i.item, x.object_id)
         -- of one event: a shipment may hold a line in several boxes
         group by x.order_id, i.item, x.object_id, x.kind, x.n
    ), put as (
        insert into coordinated as c (order_id, item_id, shipment_ref, shipped, cancelled, shipment_id, shipment_item_id)
        select t.order_id, t.item, t.object_id,
               least(units_max(), coalesce(max(t.quantity) filter (where t.kind = 'shipped'), 0)),
               least(units_max(), coalesce(max(t.quantity) filter (where t.kind = 'withdrawn'), 0)),
               max(t.object_id) filter (where t.kind = 'shipped'),
               nullif(max(t.shipment_item_id) filter (where t.kind = 'shipped'), '')
          from told t
         group by 1, 2, 3
         order by 1, 2, 3
            on conflict (order_id, item_id, shipment_ref) do update
           set shipped = greatest(c.shipped, excluded.shipped), cancelled = greatest(c.cancelled, excluded.cancelled)
         where c.shipped < excluded.shipped or c.cancelled < excluded.cancelled
        returning c.order_id
    )
    select array_agg(distinct put.order_id) into changed from put;
    insert into queue (order_key, source) select k, 'event' from unnest(changed) k;
    return coalesce(cardinality(changed), 0);
end $$;

-- Whether a row of the warehouse is marked so.
create or replace function is_told_by_events(model text, shipped numeric, cancelled numeric) returns boolean
language sql immutable parallel safe as
$$ select coalesce(model = 'distributed' and shipped is null and cancelled is null, false) $$;

-- The warehouse's rows, and where one is marked `distributed` without quantities, those that events told of its line: of
-- its own shipment, where it names one, it is the row.
create or replace function with_coordinated(readings reading[]) returns reading[]
language plpgsql stable set search_path from current
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
begin
    if not exists (select from unnest(readings) r
                    where is_told_by_events(r.model, r.shipped, r.cancelled)) then
        return readings;
    end if;
    return array(
        select row(r.order_id, r.item_id, r.shipment_ref, r.ordered,
                   case when m.is_marked then coalesce(c.shipped, 0) else r.shipped end,
                   case when m.is_marked then coalesce(c.cancelled, 0) else r.cancelled end,
                   r.returned, r.tracking_company, r.tracking_number, r.tracking_url,
                   coalesce(r.shipment_id, c.shipment_id), coalesce(r.shipment_item_id, c.shipment_item_id), r.model)::reading
          from unnest(readings) r
         cross join lateral (
               select is_told_by_events(r.model, r.shipped, r.cancelled) as is_marked) m
          left join lateral (
               select * from coordinated c
                where m.is_marked and c.order_id = r.order_id and c.item_id = r.item_id and c.shipment_ref = r.shipment_ref
               offset 0) c on true
        union all
        select row(c.order_id, c.item_id, c.shipment_ref, l.ordered, c.shipped, c.cancelled, null, null, null, null,
                   c.shipment_id, c.shipment_item_id, 'distributed')::reading
          from (select r.order_id collate "C" as order_id, r.item_id collate "C" as item_id, min(r.ordered) as ordered,
                       array_agg(r.shipment_ref) as refs
                  from unnest(readings) r
                 where is_told_by_events(r.model, r.shipped, r.cancelled)
                 group by 1, 2) l
         cross join lateral (
               select * from coordinated c where c.order_id = l.order_id and c.item_id = l.item_id offset 0) c
         where array_position(l.refs, c.shipment_ref) is null);
end $$;
