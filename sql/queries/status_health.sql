-- status_health: the one row of report_health that a screen shows.
--   -> as named
select mode::text, mode_by, mode_reason, schema_version, generation, is_live, base_url,
       backlog, backlog_age_s, unknown, unknown_age_s, held, open_discrepancies,
       last_run_id, last_run_age_s, last_run_exit_code,
       last_sweep_age_s, sweep_wanted, missed_by_feed,
       queued, queue_age_s, orders_waiting, oldest_snapshot_s,
       ceil(extract(epoch from api_blocked_until - clock_timestamp()))::int8 as api_blocked_s, api_blocked_why,
       extract(epoch from clock_timestamp() - api_refused_at)::int8 as api_refused_s,
       workers, feed, feed_faults, scan_lag_s, scan_held_back_by,
       authorizations_expiring, asking, asking_age_s,
       events_age_s, extract(epoch from clock_timestamp() - events_read_at)::int8 as events_read_age_s,
       extract(epoch from clock_timestamp() - api_failing_since)::int8 as api_failing_s, api_failing_why,
       events_unread_why
  from report_health
