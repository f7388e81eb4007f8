-- plan_preview_keys: orders that a run would look at: queued, planned and not sent, and what a sweep would find.
--   :differs  sweep_differs, filled in; "select null::text as order_id where false" for a function
--   $1 int4   most
--   -> order_key text
select distinct k
  from ((select order_key as k from queue order by queue_id limit $1::int4)
        union all
        (select order_id from submissions where settled_at is null and state = 'planned' order by submission_id limit $1::int4)
        union all
        (select d.order_id from (:differs) d limit $1::int4)) u
 where k <> ''
 order by k
 limit $1::int4
