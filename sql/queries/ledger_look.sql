-- ledger_look: what stands in the way of reading a ledger.
--   $1 text  schema
--   -> exists bool, is_usable bool, is_ledger bool, is_readable bool, role text
select n.oid is not null,
       coalesce(has_schema_privilege(n.oid, 'usage'), false),
       c.oid is not null,
       coalesce(has_table_privilege(c.oid, 'select'), false),
       quote_ident(current_user)
  from (select) as one
  left join pg_namespace n on n.nspname = $1::text
  left join pg_class c on c.relnamespace = n.oid and c.relname = 'schema_versions' and c.relkind = 'r'
