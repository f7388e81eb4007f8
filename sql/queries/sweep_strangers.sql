-- sweep_strangers: rows that are not ours, and merchants' numbers to be looked up.
--   :relation  the warehouse's rows, all of them
--   -> not_ours int8, noted text
select count(*) filter (where coalesce(a.order_id, '') = '' and coalesce(a.upstream_id, '') = ''),
       note_upstreams(array(select distinct b.upstream_id
                              from (:relation) b
                             where coalesce(b.order_id, '') = '' and b.upstream_id <> ''))::text
  from (:relation) a
