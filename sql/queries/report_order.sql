-- report_order: all that is known of one order, in the order of time.
--   $1 text  order id, or the merchant's own number
--   -> at timestamptz, what text, detail text
select s.at, s.what, s.detail from order_story($1::text) s
