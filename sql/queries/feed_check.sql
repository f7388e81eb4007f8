-- feed_check: open and close feed_broken; why a sweep is due, null when it isn't.
--   $1 int8  run
--   $2 bool  change_feed is queue
--   $3 int8  sweep_interval_ms
--   -> why text
select check_feed($1::int8, $2::bool, $3::int8)
