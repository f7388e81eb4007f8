-- sweep_done: a sweep came to its end.
--   $1 int8  run
--   $2 text  start, of sweep_begin
--   $3 int8  lines that the feed had missed
--   $4 int8  rows that are not ours
select sweep_done($1::int8, $2::text::sweep_start, $3::int8, $4::int8)
