-- mode_resume: go on as before the pause.
--   $1 text  why
--   $2 text  who
--   -> said
select resume($1::text, $2::text)
