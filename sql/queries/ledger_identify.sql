-- ledger_identify: who this ledger is, after it was held against the machine and the program.
--   $1 int4  schema version that the program works with
--   -> ledger_id text, mode text, mode_reason text, mode_by text, generation int4
select i.ledger_id::text, i.mode::text, i.mode_reason, i.mode_by, i.generation
  from must_be_itself(null, $1::int4) i
