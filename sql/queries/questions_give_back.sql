-- questions_give_back: questions that others may ask again, in a while.
--   $1 text    ask, list or upstream
--   $2 text[]  orders, or the merchant's own numbers
--   $3 int8    milliseconds
select give_back_questions($1::text, $2::text[], $3::int8)
