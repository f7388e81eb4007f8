-- events_begin: our turn to read the API's events? Then until events_end.
--   $1 int8  not when they were read in the last so many milliseconds
--   -> is_ours bool, cursor text (null: none yet), since text
select is_ours, cursor, since from events_begin($1::int8)
