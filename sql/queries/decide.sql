-- decide: an operator's decision on submissions, one transaction.
--   $1 text    retry, hold, release or dismiss
--   $2 int8[]  submissions
--   $3 text    who, by the system's name
--   $4 text    why; null: not said
--   $5 bool    forced
--   $6 text    dismiss: settled or due
--   -> submission_id, order_id, done, said
select submission_id, order_id, done, said
  from decide_many($1::text, $2::int8[], $3::text, $4::text, $5::bool, $6::text)
