-- ledger_audit: once a day, piece by piece: do the counters say what submissions and adjustments say?
--   $1 int8  run
--   $2 int4  rows of a piece
--   -> found int8
select ledger_audit($1::int8, $2::int4)
