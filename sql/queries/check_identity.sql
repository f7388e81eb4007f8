-- check_identity: who the ledger is, held against the machine, without writing anything down.
--   -> mode text, mode_reason text, generation int4, is_this_system bool, is_this_database bool, is_this_timeline bool,
--      version int4, paused_itself bool
select i.mode::text, coalesce(i.mode_reason, 'no reason given'), i.generation,
       i.system_identifier = (select system_identifier::text from pg_control_system()),
       i.database_oid = (select oid from pg_database where datname = current_database()),
       case when pg_is_in_recovery() then null
            else i.timeline = substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end,
       (select max(version) from schema_versions),
       i.mode = 'paused' and i.mode_by = 'waybill'
  from identity i
