-- check_feed_state: the feed's faults with what mends them, then the queue.
--   -> faults text, mend text, feeds int4, queued int8, queue_seconds int8, last_sweep_seconds int8
select w.faults, w.mend,
       (select count(*)::int4 from feeds),
       (select count(*) from (select from queue limit 1000000) q),
       (select extract(epoch from clock_timestamp() - queued_at)::int8 from queue order by queue_id limit 1),
       (select extract(epoch from clock_timestamp() - last_sweep_at)::int8 from feed_state)
  from (select string_agg(format('%s: %s', f.relation, f.faults), '; ' order by f.relation) as faults,
               string_agg(distinct f.mend, '; ') as mend
          from (select relation, mend, string_agg(fault, ', ' order by fault) as faults from feed_faults() group by relation, mend) f) w
