-- check_policies: no row of the relation. With row_security off the server refuses it where a policy would hide some.
--   :relation  the warehouse's rows, all of them
--   -> nothing
select from (:relation) x limit 0
