-- check_snapshot: who holds the oldest snapshot in this database, when it is older than so many seconds.
--   $1 int8  seconds
--   -> who text, seconds int8
select x.who, x.seconds
  from (select format('session %s of %s (%s), %s', a.pid, a.usename, a.application_name, a.state),
               extract(epoch from clock_timestamp() - a.xact_start)::int8
          from pg_stat_activity a
         where a.xact_start is not null and (a.datname = current_database() or a.backend_xmin is not null)
           and a.pid <> pg_backend_pid()
         union all
        select format('the prepared transaction %s', p.gid), extract(epoch from clock_timestamp() - p.prepared)::int8
          from pg_prepared_xacts p) x(who, seconds)
 where x.seconds >= $1::int8
 order by x.seconds desc
 limit 1
