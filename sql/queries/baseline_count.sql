-- baseline_count: how far a baseline from the API is.
--   -> orders, listed
select count(*), count(p.listed_at) from baseline_progress p
