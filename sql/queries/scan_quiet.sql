-- scan_quiet: has no row of the relation changed since the watermark?
--   $1 text  the relation, as the configuration names it
--   $2 int8  scan_overlap_ms
--   $3 bool  this session asks again and again
--   -> is_quiet bool
select scan_is_quiet($1::text, $2::int8, $3::bool)
