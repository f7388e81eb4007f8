-- forget_due: a piece of the orders that are forgotten and have something left to drop.
--   $1 int4  at most so many
--   -> orders int8
select forget_due($1::int4)
