-- prune_attempts: months of attempts that are over for so long.
--   $1 int8  keep, in milliseconds
--   -> dropped int8
select prune_attempts($1::int8)
