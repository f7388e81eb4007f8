-- init_versions: the migrations that a ledger has had.
--   -> version int4, name text, hash text
select version, name, hash from schema_versions order by version
