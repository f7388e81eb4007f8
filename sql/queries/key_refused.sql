-- key_refused: the API doesn't take the key.
--   $1 text  why
select key_refused($1::text)
