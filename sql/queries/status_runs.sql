-- status_runs: the last five runs.
--   -> as named
select run_id, command, host, extract(epoch from clock_timestamp() - started_at)::int8 as started_age_s,
       duration_ms, finished_at is null as is_running, planned, accepted, rejected, unknown, held, opened, exit_code, error
  from report_runs
 order by run_id desc
 limit 5
