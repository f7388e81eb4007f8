-- audit_record: open and close discrepancies as an audit found.
--   $1 int8   run
--   $2 jsonb  [{"order_id", "item_id", "verdict", "detail", "fingerprint", "is_settled"}]
--   $3 bool   these orders were counted before
--   -> opened int8
select audit_record($1::int8, $2::jsonb, $3::bool)
