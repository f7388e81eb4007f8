-- ledger_pause: the ledger stops itself; every host obeys at its next claim.
--   $1 text  why
select pause_itself($1::text)
