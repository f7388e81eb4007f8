-- baseline_count: how far a baseline from the API is.
--   :progress  baseline_progress, or what stands for it in a dry run
--   -> orders int8, listed int8
select count(*), count(p.listed_at) from :progress p
