-- listing_read: an order's fulfillments as evidence; what they say about one submission.
--   $1 int8         run
--   $2 text         order
--   $3 jsonb        the list, newest first
--   $4 uuid         marker
--   $5 timestamptz  our first byte left not before
--   -> found_id text, unexplained int8, detail text, marker_was_seen bool, lacking text
select found_id, unexplained, unexplained_detail, marker_was_seen, lacking_detail
  from read_listing($1::int8, $2::text, $3::jsonb, $4::uuid, $5::timestamptz)
