-- book_by_hand: units of a line that a person knows to be settled.
--   $1 text  order
--   $2 text  item
--   $3 int8  shipped
--   $4 int8  cancelled
--   $5 text  who
--   $6 text  why
--   -> done, said
select done, said from settle_by_hand($1::text, $2::text, $3::int8, $4::int8, $5::text, $6::text)
