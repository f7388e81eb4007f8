-- sweep_begin: what a sweep has to know before it reads.
--   -> start text (for sweep_done), had_sweep bool
select b.start::text, b.had_sweep from sweep_begin() b
