-- init_give_feed: let a role install the feed on its tables. No row: there is no such role.
--   $1 text  role
--   -> role text
select p.rolname::text, give_feed(p.rolname) from pg_roles p where p.rolname = $1::text
