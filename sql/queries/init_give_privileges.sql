-- init_give_privileges: nobody has anything, then each role what it needs.
--   -> void
select give_privileges()
