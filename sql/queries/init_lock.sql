-- init_lock: one init at a time works on a schema. A statement of its own: what follows sees all that the one before us
-- committed.
--   $1 text  schema
--   -> one row
select pg_advisory_xact_lock(hashtextextended('waybill init ' || $1::text, 0))::text
