-- check_below: what a relation is made of, down to its tables, and whether a feed watches it.
--   $1 text  relation, qualified
--   -> kind text (of pg_class), name text, is_fed bool, feed_sql text
with recursive below as (
    select to_regclass($1::text)::oid as oid
     union
    select d.refobjid
      from below b
      join pg_rewrite w on w.ev_class = b.oid
      join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
       and d.refclassid = 'pg_class'::regclass and d.refobjid <> b.oid
)
select c.relkind::text, format('%s.%I', c.relnamespace::regnamespace, c.relname),
       exists (select from feeds f where exists (select from feed_tables(f.relation) t where t = c.oid)),
       -- The table itself has the order's id; for one below a view only its author knows which column is it.
       format('select %s.feed_from(%L, %L)',
              (select n.relnamespace::regnamespace from pg_class n where n.oid = 'feeds'::regclass),
              format('%s.%I', c.relnamespace::regnamespace, c.relname),
              case when c.oid = to_regclass($1::text) then 'order_id' else 'null::text' end)
  from below b
  join pg_class c on c.oid = b.oid
 where c.relkind in ('r', 'p', 'm', 'f') and c.relnamespace <> 'pg_catalog'::regnamespace
 order by 2
