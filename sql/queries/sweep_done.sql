-- sweep_done: a sweep came to its end.
--   $1 int8  run
--   $2 int8  feed_missed when it began
--   $3 int8  feed_null_keys when it began
--   $4 int8  lines that the feed had missed
--   $5 int8  rows that are not ours
select sweep_done($1::int8, $2::int8, $3::int8, null, $4::int8, $5::int8)
