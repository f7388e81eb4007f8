-- marker_probe: an accepted order to list, so that a marker of ours is seen once; null: no need.
--   -> order_id text
select take_marker_probe()
