-- plan_preview_upstreams: orders that the warehouse knows by the merchant's number alone, held against the ledger as if
-- that were their order id; changes nothing.
--   :relation  the warehouse's rows: the columns of type reading, then upstream_id and changed_at
--   $1 text[]  numbers; null: all   $2 int4  most orders
--   $3 bool    api.order_gate       $4 bool  on_decrease is note
--   $5 int8    run.max_units_per_line   $6 int8  api.unknown_order_grace_ms   $7 int8  gate freshness in ms
--   -> columns of type evaluation; order_id is the number
with unnamed as materialized (
    select x.*
      from (:relation) x(order_id, item_id, shipment_ref, ordered, shipped, cancelled, returned, tracking_company,
                         tracking_number, tracking_url, shipment_id, shipment_item_id, model, upstream_id, changed_at)
     where coalesce(x.order_id, '') = '' and x.upstream_id <> '' and octet_length(x.upstream_id) <= 1000
       and ($1::text[] is null or x.upstream_id = any ($1::text[]))
       -- the same text is another order's id: it is that one's rows that the ledger has
       and not exists (select from orders o where o.order_id = x.upstream_id)
), taken as materialized (
    select n.upstream_id, coalesce(u.asks, 0) as asks, coalesce(u.is_ambiguous, false) as is_ambiguous
      from (select distinct upstream_id from unnamed order by upstream_id limit $2::int4) n
      left join upstreams u on u.upstream_id = n.upstream_id
)
select e.order_id, e.item_id, e.shipment_ref, e.is_read, e.ordered, e.shipped, e.cancelled,
       e.soft_shipped, e.soft_cancelled, e.firm_shipped, e.firm_cancelled, e.due_shipped, e.due_cancelled,
       e.want_shipped, e.want_cancelled, e.rekey_shipped, e.rekey_cancelled, e.agree_cancelled,
       g.gate, g.gate_detail, e.kind, e.detail, e.is_note,
       case when e.want_shipped + e.want_cancelled > 0 then g.gate_detail else e.waits_for end as waits_for
  from evaluate(array(select t.upstream_id from taken t),
                array(select row(n.upstream_id, n.item_id, n.shipment_ref, n.ordered, n.shipped, n.cancelled, n.returned,
                                 n.tracking_company, n.tracking_number, n.tracking_url, n.shipment_id,
                                 n.shipment_item_id, n.model)::reading
                        from unnamed n join taken t using (upstream_id)),
                $3::bool, $4::bool, $5::int8, $6::int8, $7::int8) e
  join taken t on t.upstream_id = e.order_id
 cross join lateral (
       select case when t.asks = 0 then 'ask' else 'wait' end as gate,
              case when t.is_ambiguous then 'more than one order at the API has this upstream id'
                   when t.asks > 0 then 'no order at the API has this upstream id yet; it is asked again'
                   else 'asking the API for the order with this upstream id' end as gate_detail) g
 order by e.order_id, e.item_id, e.shipment_ref
