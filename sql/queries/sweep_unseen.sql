-- sweep_unseen: the relation is a function, which was not asked for all: a discrepancy, where the feed had missed something.
--   $1 int8  run
--   $2 text  function
select note_unswept($1::int8, $2::text)
