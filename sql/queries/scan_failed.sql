-- scan_failed: a scan can't be made: a sweep finds what it would have found; one an hour.
select want_sweep('the scan failed')
  from feed_state f
 where coalesce(f.last_sweep_at < clock_timestamp() - interval '1 hour', true)
