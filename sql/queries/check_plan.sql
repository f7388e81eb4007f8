-- check_plan: tables that a plan reads from end to end though they are large, and the index that each lacks.
--   $1 text  what explain (verbose, format json) said
--   $2 int8  rows from which a table is large
--   -> name text, rows int8, column_name text (null: not to be seen), is_indexed bool, index_sql text
with nodes as (
    select n from jsonb_path_query($1::jsonb, 'strict $.** ? (exists (@."Node Type"))') n
), conditions as (
    select c.value #>> '{}' as text
      from nodes, lateral jsonb_each(n) c
     where c.key in ('Filter', 'Hash Cond', 'Merge Cond', 'Join Filter', 'Index Cond', 'Recheck Cond')
), scans as (
    select coalesce(pg_partition_root(k.oid), k.oid::regclass) as root, n ->> 'Alias' as alias,
           case when k.reltuples < 0 then pg_relation_size(k.oid) / 100 else k.reltuples::int8 end as rows
      from nodes
      join pg_class k on k.relname = n ->> 'Relation Name' and k.relnamespace = to_regnamespace(quote_ident(n ->> 'Schema'))
     where n ->> 'Node Type' = 'Seq Scan'
        or (n ->> 'Node Type' in ('Index Scan', 'Index Only Scan') and not n ? 'Index Cond')
), large as (
    select root, alias, sum(rows)::int8 as rows from scans group by root, alias having sum(rows) > $2::int8
), found as (
    -- alias.column = ..., where the column may be cast; verbose plans write every column with its alias
    select l.root, l.rows, coalesce(m[1], m[2], m[3]) as col,
           c.text ~ (l.word || '\.[^=]* = ANY') as is_asked, m[2] is not null as is_cast
      from (select x.*, regexp_replace(quote_ident(x.alias), '(\W)', '\\\1', 'g') as word from large x) l
      left join conditions c on true
     cross join lateral regexp_match(c.text,
           format('\(%1$s\.([a-z_0-9]+|"[^"]+") = |\(\(%1$s\.([a-z_0-9]+|"[^"]+")\)::text = '
                  || '| = %1$s\.([a-z_0-9]+|"[^"]+")\)', l.word)) m
), judged as (
    select f.root, f.rows, format('%s.%I', k.relnamespace::regnamespace, k.relname) as name,
           case when f.is_cast then format('(%s::text)', f.col) else f.col end as col, f.is_asked,
           not f.is_cast and exists (
               select from pg_index i join pg_attribute a on a.attrelid = k.oid and a.attnum = i.indkey[0]
                where i.indrelid = k.oid and quote_ident(a.attname) = f.col and i.indpred is null) as is_indexed
      from found f join pg_class k on k.oid = f.root
)
select distinct on (format('%s.%I', k.relnamespace::regnamespace, k.relname))
       format('%s.%I', k.relnamespace::regnamespace, k.relname), l.rows, j.col, coalesce(j.is_indexed, false),
       format('create index on %s (%s)', j.name, j.col)
  from large l
  join pg_class k on k.oid = l.root
  left join judged j on j.root = l.root
 order by 1, j.is_asked desc nulls last, j.is_indexed, j.col
