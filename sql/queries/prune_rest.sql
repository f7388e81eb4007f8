-- prune_rest: a piece of the closed discrepancies, finished runs and workers, and explanations nobody needs.
--   $1 int8  keep, in milliseconds
--   $2 int4  most of each
--   -> discrepancies, runs, others int8
select discrepancies, runs, others from prune_rest($1::int8, $2::int4)
