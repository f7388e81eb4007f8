-- claim: take submissions to send, one an order; committed before anything is sent.
--   $1 int8  worker
--   $2 int8  run
--   $3 int4  schema version that the program works with
--   $4 uuid  claim token, never used before
--   $5 int4  free slots
--   $6 int8  send_within_ms
--   $7 text  only this order; null: any
--   -> a row a line; see functions/claims.sql
select submission_id, marker, order_id, shipment_ref, tries, attempts, unknown_attempts, lines, shipment_id,
       tracking_company, tracking_number, tracking_url, item_id, shipped, cancelled, shipment_item_id, first_sent_at,
       others_succeed
  from claim($1::int8, $2::int8, $3::int4, $4::uuid, $5::int4, $6::int8, $7::text)
