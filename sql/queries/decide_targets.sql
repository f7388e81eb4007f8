-- decide_targets: what a decision is about.
--   $1 text  retry, hold, release or dismiss
--   $2 text  submission, marker, order, discrepancy or all
--   $3 text  its id
--   $4 text  all: of this kind of discrepancy; null: any
--   $5 int8  all: older than so many milliseconds; null: any
--   $6 int4  at most
--   -> submission_id, discrepancy_id, why: there is nothing to decide
select submission_id, discrepancy_id, why
  from decision_targets($1::text, $2::text, $3::text, $4::text, $5::int8 * interval '1 ms', $6::int4)
