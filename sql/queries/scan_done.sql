-- scan_done: move the watermark, never backwards.
--   $1 timestamptz  up to here; null: that can't be told, it stays
--   $2 text         who holds it back
select scan_done($1::timestamptz, $2::text)
