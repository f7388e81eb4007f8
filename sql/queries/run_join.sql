-- run_join: take this host's place on this ledger for the session; exclusive: only if no other run of the host has one.
--   $1 text  host
--   $2 bool  exclusive
--   -> is_alone bool
select case when $2::bool then pg_try_advisory_lock(1463898948, hashtext($1::text || ':' || 'orders'::regclass::oid::text))
            else pg_try_advisory_lock_shared(1463898948, hashtext($1::text || ':' || 'orders'::regclass::oid::text)) end
