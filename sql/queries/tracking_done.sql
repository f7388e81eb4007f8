-- tracking_done: what came of one update.
--   $1 int8  run
--   $2 int8  submission
--   $3 int4  version
--   $4 text  sent, again, refused
--   $5 text  why; null: nothing is wrong
--   $6 int8  milliseconds until it is sent again
--   $7 timestamptz  until when it was taken
--   -> void
select tracking_done($1::int8, $2::int8, $3::int4, $4::text, $5::text, $6::int8, $7::timestamptz)
