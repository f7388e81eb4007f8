-- mode_go_live: end the shadow mode.
--   $1 text  why
--   $2 text  who
--   -> said
select go_live($1::text, $2::text)
