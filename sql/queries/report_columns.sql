-- report_columns: the columns of a report and what they are.
--   $1 text  the view
--   -> name text, kind text (N number, B boolean, others text)
select a.attname::text, t.typcategory::text
  from pg_attribute a
  join pg_type t on t.oid = a.atttypid
 where a.attrelid = to_regclass($1::text) and a.attnum > 0 and not a.attisdropped
 order by a.attnum
