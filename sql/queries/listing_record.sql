-- listing_record: an order's fulfillments; what nobody explains is booked as foreign.
--   $1 int8   run
--   $2 text   order
--   $3 jsonb  the list, newest first
--   -> lacking text: accepted before, and not in the list of a first look: it was not taken
select record_listing($1::int8, $2::text, $3::jsonb)
