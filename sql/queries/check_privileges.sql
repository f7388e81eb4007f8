-- check_privileges: what a worker may and this role may not.
--   -> what text, grant_sql text
with home as (
    select n.oid, quote_ident(n.nspname) as name, quote_ident(current_user) as me
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.oid = 'roles'::regclass
)
select format('%s.%I', h.name, c.relname),
       format('grant select on %s.%I to %s', h.name, c.relname, h.me)
  from home h
  join pg_class c on c.relnamespace = h.oid
 where c.relkind in ('r', 'p', 'v') and not c.relispartition and not has_table_privilege(c.oid, 'select')
 union all
select format('%s.%I', h.name, c.relname),
       format('grant select on sequence %s.%I to %s', h.name, c.relname, h.me)
  from home h
  join pg_class c on c.relnamespace = h.oid
 where case when c.relkind = 'S' then not has_sequence_privilege(c.oid, 'select') end
 union all
select format('%s.%I()', h.name, p.proname),
       format('grant execute on function %s.%I(%s) to %s', h.name, p.proname,
              pg_get_function_identity_arguments(p.oid), h.me)
  from home h
  join pg_proc p on p.pronamespace = h.oid
 where p.prorettype <> 'trigger'::regtype and not is_for_owner(p.proname)
   and not has_function_privilege(p.oid, 'execute')
 order by 1
