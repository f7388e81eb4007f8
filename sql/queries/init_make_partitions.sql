-- init_make_partitions: the months' partitions.
--   -> void
select make_partitions()
