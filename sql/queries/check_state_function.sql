-- check_state_function: the function that order states are handed to, by the user's own search_path.
--   $1 text  name, as somebody would write it in SQL
--   -> signature text (null: there is none), is_function bool, has_rights bool, others text, role text
with path as materialized (
    select set_config('search_path', reset_val, true) as path from pg_settings where name = 'search_path'
)
select f.signature, coalesce(f.is_function, false), coalesce(f.has_rights, false), f.others, quote_ident(current_user)
  from path
 cross join lateral (
       select (select p.oid::regprocedure::text from pg_proc p where p.oid = o.oid) as signature,
              (select p.prokind = 'f' from pg_proc p where p.oid = o.oid) as is_function,
              has_schema_privilege((select p.pronamespace from pg_proc p where p.oid = o.oid), 'usage')
                  and has_function_privilege(o.oid, 'execute') as has_rights,
              (select string_agg(p.oid::regprocedure::text, ', ' order by p.oid)
                 from pg_proc p
                where p.proname = (parse_ident($1::text))[array_length(parse_ident($1::text), 1)]
                  and (array_length(parse_ident($1::text), 1) = 1
                       or p.pronamespace::regnamespace::text = quote_ident((parse_ident($1::text))[1]))) as others
         from (select to_regprocedure($1::text || '(text, text, timestamptz)')::oid as oid
                where path.path is not null) o) f
