-- prune_personal: a piece of the orders that are over for so long is to be forgotten.
--   $1 int8  keep, in milliseconds
--   $2 int4  most
--   -> orders int8
select prune_personal($1::int8, $2::int4)
