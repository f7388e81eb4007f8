-- warehouse_find: the relation or function that a name from the configuration means, by the user's own search_path.
--   $1 text  name, as somebody would write it in SQL
--   -> kind text (r, p, v, m, f: relation; F: function; other: neither), oid int8, name text, has_rights bool,
--      returns_rows bool, role text
with found as (
    select c.oid, c.relkind::text as kind,
           format('%s.%I', c.relnamespace::regnamespace, c.relname) as name,
           has_any_column_privilege(c.oid, 'select') as has_rights, true as returns_rows
      from pg_class c
     where c.oid = to_regclass($1::text)
     union all
    select p.oid, case when p.prokind = 'f' then 'F' else 'P' end,
           format('%s.%I', p.pronamespace::regnamespace, p.proname),
           has_function_privilege(p.oid, 'execute'),
           p.proretset and (p.prorettype <> 'record'::regtype or p.proargmodes && '{o,b,t}')
      from pg_proc p
     where to_regclass($1::text) is null
       and p.oid = to_regprocedure(case when $1::text ~ '\)\s*$' then $1::text else $1::text || '(text[])' end)
       and p.proargtypes[0] = 'text[]'::regtype and p.pronargs = 1
)
select kind, oid::int8, name, has_rights, returns_rows, quote_ident(current_user) from found
