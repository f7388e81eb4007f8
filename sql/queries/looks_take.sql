-- looks_take: unknown submissions to look up now.
--   $1 int4  most
--   $2 int8  lease in milliseconds
--   $3 text  only this order; null: any
--   -> submission_id, marker, order_id, first_sent_at, attempts, unknown_attempts, lines, negative_looks, is_settled,
--      unknown_then, error_code, error_message, tries, looks
select submission_id, marker, order_id, first_sent_at, attempts, unknown_attempts, lines, negative_looks, is_settled,
       unknown_then, error_code, error_message, tries, looks
  from take_looks($1::int4, $2::int8, $3::text)
