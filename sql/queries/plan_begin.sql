-- plan_begin: true when this transaction is the planner now; a statement of its own, before any that reads.
--   -> is_mine bool
select plan_begin()
