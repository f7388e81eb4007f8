-- check_feed_state: the feed's faults with what mends them, then the queue.
--   -> faults text, mend text, feeds int4, queued int8, queue_seconds int8, last_sweep_seconds int8
select (select string_agg(format('%s: %s', f.relation, f.faults), '; ' order by f.relation)
          from (select relation, string_agg(fault, ', ' order by fault) as faults from feed_faults() group by relation) f),
       (select string_agg(format('select %I.feed_from(%L, %L)', n.nspname, f.relation::text, f.order_key), '; '
                          order by f.relation::text)
          from feeds f
          join pg_class c on c.oid = 'feeds'::regclass
          join pg_namespace n on n.oid = c.relnamespace
         where exists (select from feed_faults() x, feed_tables(f.relation) t
                        where x.relation = t::text or x.relation = f.relation::text)),
       (select count(*)::int4 from feeds),
       (select count(*) from (select from queue limit 1000000) q),
       (select extract(epoch from clock_timestamp() - queued_at)::int8 from queue order by queue_id limit 1),
       (select extract(epoch from clock_timestamp() - last_sweep_at)::int8 from feed_state)
