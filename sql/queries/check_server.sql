-- check_server: the server as this session sees it.
--   -> version_number int4, version text, is_standby bool, synchronous_commit text, full_page_writes bool,
--      standbys int4, synchronous_standby_names text, role text, is_superuser bool, sees_others bool
select current_setting('server_version_num')::int4,
       current_setting('server_version'),
       pg_is_in_recovery(),
       current_setting('synchronous_commit'),
       current_setting('full_page_writes')::bool,
       (select count(*)::int4 from pg_stat_replication where application_name <> 'pg_basebackup'),
       current_setting('synchronous_standby_names'),
       quote_ident(current_user),
       coalesce((select rolsuper from pg_roles where rolname = current_user), false),
       pg_has_role(current_user, 'pg_read_all_stats', 'usage')
