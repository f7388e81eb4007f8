-- feed_check: open and close feed_broken; why a sweep is due, null when it isn't.
--   $1 int8  run
--   $2 bool  change_feed is queue
--   $3 int8  sweep_interval_ms
--   -> why text, missed int8, null_keys int8, had_sweep bool
select check_feed($1::int8, $2::bool, $3::int8),
       (select case when is_called then last_value else 0 end from feed_missed),
       (select case when is_called then last_value else 0 end from feed_null_keys),
       (select last_sweep_at is not null from feed_state)
