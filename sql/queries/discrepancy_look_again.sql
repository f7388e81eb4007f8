-- discrepancy_look_again: the planner shall look once more at what it found.
--   $1 int8  discrepancy
--   $2 text  who
--   $3 text  why; null: not said
--   -> done, said
select done, said from look_again_at($1::int8, $2::text, $3::text)
