-- events_end: a reading is over.
--   $1 bool  it was whole
--   $2 text  newest event's id; null: there was none
--   $3 text  its time
--   $4 text  why it did not reach the reading before; null: it did
--   $5 text  why it broke off; null: it did not, or for a reason of our own
--   -> void
select events_end($1::bool, $2::text, $3::text, $4::text, $5::text)
