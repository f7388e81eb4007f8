-- init_look: what is where the ledger is to be.
--   $1 text  schema
--   -> exists bool, owner text, may_create bool, is_ledger bool, ledger_owner text, may_alter bool,
--      others text, me text, database text
with home as (
    select n.oid, n.nspowner from pg_namespace n where n.nspname = $1::text
), ours as (
    -- The name alone could be another program's: two tables more make it ours.
    select min(c.relowner::text)::oid as owner
      from home h
      join pg_class c on c.relnamespace = h.oid and c.relkind = 'r'
       and c.relname in ('schema_versions', 'code_hashes', 'identity')
    having count(*) = 3
)
select h.oid is not null,
       h.nspowner::regrole::text,
       case when h.oid is null then has_database_privilege(current_database(), 'create')
            else has_schema_privilege(h.oid, 'create') end,
       o.owner is not null,
       pg_get_userbyid(o.owner),
       coalesce(pg_has_role(o.owner, 'member'), false),
       (select string_agg(x.name, ', ' order by x.name)
          from (select format('%s %s', case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end,
                              c.relname) as name
                  from pg_class c where c.relnamespace = h.oid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
                 union all
                select format('function %s', p.proname) from pg_proc p where p.pronamespace = h.oid
                 union all
                select format('type %s', t.typname) from pg_type t
                 where t.typnamespace = h.oid and t.typtype in ('e', 'd', 'r')
                 limit 3) x),
       quote_ident(current_user),
       quote_ident(current_database())
  from (select) as one
  left join home h on true
  left join ours o on true
