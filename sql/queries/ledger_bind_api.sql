-- ledger_bind_api: bind the ledger to an API and account, or refuse when it is bound to another.
--   $1 text  base URL
--   $2 bool  live mode
--   -> void
select bind_api($1::text, $2::bool)
