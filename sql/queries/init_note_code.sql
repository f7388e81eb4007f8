-- init_note_code: note a file of functions or views.
--   $1 text  name
--   $2 text  hash
insert into code_hashes as c (name, hash) values ($1::text, $2::text)
    on conflict (name) do update set hash = excluded.hash
