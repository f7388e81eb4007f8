-- baseline_time: whether a text is a time; refused when it isn't.
--   $1 text  a time, as PostgreSQL reads it
--   -> time text
select ($1::text)::timestamptz::text
