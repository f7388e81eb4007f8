-- orders_record_unknown: orders that the API doesn't know.
--   $1 text[]  order ids
select record_unknown_orders($1::text[])
