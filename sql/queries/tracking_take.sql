-- tracking_take: changed tracking to send, one of an order, under its lane.
--   $1 int8  worker
--   $2 int4  schema version
--   $3 int4  most
--   $4 int8  lease in milliseconds
--   -> submission_id int8, version int4, fulfillment_id, company, number, url text, failures int4, taken_until timestamptz
select submission_id, version, fulfillment_id, company, number, url, failures, taken_until
  from take_tracking($1::int8, $2::int4, $3::int4, $4::int8)
