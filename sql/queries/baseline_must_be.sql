-- baseline_must_be: refuses unless a baseline of this kind may be given.
--   $1 text  kind
--   -> one row
select baseline_must_be($1::text)::text
