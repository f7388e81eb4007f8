-- ledger_version: the newest migration of the ledger that the session's search_path names.
--   -> version int4
select coalesce(max(version), 0)::int4 from schema_versions
