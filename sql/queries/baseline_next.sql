-- baseline_next: orders whose fulfillments are still to be listed, by key.
--   :progress  baseline_progress, or what stands for it in a dry run
--   $1 text  after this one
--   $2 int4  most
--   -> order_id text
select p.order_id::text
  from :progress p
 where p.listed_at is null and p.order_id > $1::text collate "C"
 order by p.order_id
 limit $2::int4
