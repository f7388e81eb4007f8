-- enqueue: queue orders to be looked at.
--   $1 text[]  order keys
--   $2 text    why
--   -> queued int8
select enqueue($1::text[], $2::text)
