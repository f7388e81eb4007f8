-- key_probe: may we send the next probe?
--   $1 int8  milliseconds for which it is ours
--   -> bool
select key_probe($1::int8)
