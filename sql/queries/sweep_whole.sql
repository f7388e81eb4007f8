-- sweep_whole: differences of the whole relation, but for orders that are known to be unreadable: they have a
-- time-table of their own, and would spoil every sweep.
--   :differs  sweep_differs, filled in
--   -> order_id text, is_missed bool
select k.order_id, k.is_missed
  from (:differs) k
 where not exists (select from relooks o where o.order_key = k.order_id and not o.has_shrunk)
