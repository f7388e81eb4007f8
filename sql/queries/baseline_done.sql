-- baseline_done: the ledger may post from now on.
--   $1 text  kind: nothing or warehouse
--   $2 text  who said so
--   -> one row
select baseline_done($1::text, $2::text)::text
