-- warehouse_columns: what a relation or function gives, domains seen through.
--   $1 text  kind, as warehouse_find said
--   $2 int8  oid
--   -> name text, type text, category text (of the type, as pg_type says)
with recursive given as (
    select a.attnum::int as place, a.attname::text as name, a.atttypid as type
      from pg_attribute a
     where a.attnum > 0 and not a.attisdropped
       and a.attrelid = case when $1::text <> 'F' then $2::int8::oid
                             else (select t.typrelid from pg_proc p join pg_type t on t.oid = p.prorettype
                                    where p.oid = $2::int8::oid and t.typtype = 'c') end
     union all
    select x.place::int, x.name, x.type
      from pg_proc p
     cross join lateral unnest(p.proargnames, p.proargmodes, p.proallargtypes)
           with ordinality as x(name, mode, type, place)
     where $1::text = 'F' and p.oid = $2::int8::oid and x.mode in ('o', 'b', 't')
), plain as (
    select g.place, g.name, g.type, t.typtype, t.typbasetype, t.typcategory
      from given g join pg_type t on t.oid = g.type
     union all
    select p.place, p.name, p.typbasetype, t.typtype, t.typbasetype, t.typcategory
      from plain p join pg_type t on t.oid = p.typbasetype
     where p.typtype = 'd'
)
select name, format_type(type, null), typcategory::text from plain where typtype <> 'd' order by place
