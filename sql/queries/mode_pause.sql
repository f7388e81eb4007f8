-- mode_pause: stop every host at its next claim.
--   $1 text  why
--   $2 text  who
--   -> said
select pause($1::text, $2::text)
