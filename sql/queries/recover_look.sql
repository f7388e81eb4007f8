-- recover_look: what the ledger recorded about its place, and what is there.
--   $1 text  base URL of the configuration
--   $2 bool  its mode is live
--   -> what text, recorded text, actual text, differs bool
select what, recorded, actual, differs from recover_look($1::text, $2::bool)
