-- init_note_version: note a migration, in its own transaction.
--   $1 int4  version
--   $2 text  name
--   $3 text  hash
insert into schema_versions (version, name, hash) values ($1::int4, $2::text, $3::text)
