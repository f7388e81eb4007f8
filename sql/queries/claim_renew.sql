-- claim_renew: a claim that stands begins anew, after the look before its POST; committed before anything is sent.
--   $1 int8  worker
--   $2 int4  schema version that the program works with
--   $3 uuid  marker
--   $4 uuid  claim token
--   $5 int8  send_within_ms
--   -> bool: it stands; see functions/claims.sql
select renew_claim($1::int8, $2::int4, $3::uuid, $4::uuid, $5::int8)
