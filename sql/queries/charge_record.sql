-- charge_record: what the API said of a charge.
--   $1 int8   the run
--   $2 text   the charge
--   $3 jsonb  the answer; null: there is no such charge
--   -> void
select record_charge($1::int8, $2::text, $3::jsonb)
