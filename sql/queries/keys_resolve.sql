-- keys_resolve: order ids behind keys of the queue, upstream ids mapped.
--   $1 text[]  keys
--   -> order_id text
select resolve_keys($1::text[])
