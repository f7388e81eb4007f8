-- audit_compare: lists of fulfillments against the ledger. The warehouse's units are those that were read last.
--   $1 text[]  orders
--   $2 jsonb   [{"order_id", "taken_at", "listing"}], of these orders
--   -> order_id, item_id text, posted_shipped, posted_cancelled, open_shipped, open_cancelled, api_shipped,
--      api_cancelled, wanted_shipped, wanted_cancelled int8, verdict text, shipped, cancelled int8, detail, fingerprint text
select l.order_id, x.item_id, x.posted_shipped, x.posted_cancelled, x.open_shipped, x.open_cancelled, x.api_shipped,
       x.api_cancelled, x.read_shipped as wanted_shipped, x.read_cancelled as wanted_cancelled,
       x.verdict, x.shipped, x.cancelled, x.detail, x.fingerprint
  from jsonb_to_recordset($2::jsonb) as l(order_id text, taken_at timestamptz, listing jsonb)
 cross join lateral audit_order(l.order_id, l.taken_at, l.listing) x
 where l.order_id = any ($1::text[])
 order by l.order_id collate "C", x.item_id collate "C", x.verdict
