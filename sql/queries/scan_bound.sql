-- scan_bound: how far a scan may go, and who holds it back; in a transaction of its own.
--   -> bound text, held_by text, watermark text
select b.bound, b.held_by, s.scan_watermark from scan_bound() b cross join feed_state s
