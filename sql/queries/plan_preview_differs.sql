-- plan_preview_differs: orders among some in which relation and ledger differ.
--   :differs  sweep_differs, filled in; its parameter is $1 text[]
--   $2 int4   most
--   -> order_id text
select distinct d.order_id from (:differs) d order by 1 limit $2::int4
