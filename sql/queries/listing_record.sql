-- listing_record: an order's fulfillments; what nobody explains is booked as foreign.
--   $1 int8   run
--   $2 text   order
--   $3 jsonb  the list, newest first
--   -> booked int8
select record_listing($1::int8, $2::text, $3::jsonb)
