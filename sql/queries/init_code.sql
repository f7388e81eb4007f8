-- init_code: the functions and views that a ledger has.
--   -> name text, hash text
select name, hash from code_hashes order by name
