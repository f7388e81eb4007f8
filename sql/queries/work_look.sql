-- work_look: is there anything to do? Asked before a run begins, and by each turn of a watch.
--   $1 int4  schema version that the program works with; null: in a turn of a watch
--   $2 text  base URL of the API          $3 bool  live
--   $4 bool  change_feed is queue         $5 int8  sweep_interval_ms
--   $6 int8  events are read again when the last reading is older, in ms; null: not at all
--   $7 bool  states are handed over       $8 int8  what is due so soon counts, in ms
--   $9 int8  run.max_units_per_line       $10 text  the relation or function, as the configuration names it
--   -> is_idle bool, reads_events bool, lacks_relation bool (one without a schema: can't be told here)
select is_idle, reads_events,
       $1::int4 is not null and strpos($10::text, '.') > 0 and to_regclass($10::text) is null
       and to_regprocedure($10::text || '(text[])') is null
  from look_for_work($1::int4, $2::text, $3::bool, $4::bool, $5::int8, $6::int8, $7::bool, $8::int8, $9::int8)
