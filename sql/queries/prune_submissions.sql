-- prune_submissions: a piece of the submissions that are settled for so long.
--   $1 int8  keep, in milliseconds
--   $2 int4  most
--   -> pruned int8
select prune_submissions($1::int8, $2::int4)
