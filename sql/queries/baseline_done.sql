-- baseline_done: the ledger may work from now on.
--   $1 text  kind: nothing, warehouse, csv or api
--   $2 text  who said so
--   $3 text  live or shadow
--   -> one row
select baseline_done($1::text, $2::text, $3::text::ledger_mode)::text
