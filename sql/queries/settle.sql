-- settle: what came of attempts and looks, a JSON array of type settlement.
--   $1 int8   worker
--   $2 int8   run
--   $3 jsonb  answers
--   -> settled int8
select settle($1::int8, $2::int8, $3::jsonb)
