-- discrepancy_dismiss: a person has looked at it.
--   $1 int8  discrepancy
--   $2 text  who
--   $3 text  why
--   $4 text  what becomes of units that are missing at the API: settled or due
--   -> done, said
select done, said from dismiss_discrepancy($1::int8, $2::text, $3::text, $4::text)
