-- recover_api: the API has another base URL now; a new generation, paused.
--   $1 text  base URL
--   $2 text  who
--   $3 text  why
--   -> generation int4
select recover_api($1::text, $2::text, $3::text)
