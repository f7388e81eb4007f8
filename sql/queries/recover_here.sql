-- recover_here: this is the ledger's place; a new generation, paused.
--   $1 text  who
--   $2 text  why
--   -> generation int4
select recover_here($1::text, $2::text)
