-- init_give_role: note that a role is to have what its kind needs; a worker stays one. No row: there is no such role.
--   $1 text  role
--   $2 text  worker or reporter
--   -> role text
insert into roles as r (role_name, kind)
select p.rolname, $2::text from pg_roles p where p.rolname = $1::text
    on conflict (role_name) do update
   set kind = case when r.kind = 'worker' then 'worker' else excluded.kind end
returning r.role_name::text
