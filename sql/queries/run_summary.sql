-- run_summary: what a run did, and what the whole ledger has still to send.
--   $1 int8  run
--   -> looked_at, planned, accepted, rejected, unknown, retried, held, missed_by_feed, opened int8,
--      swept bool, backlog int8
select r.looked_at, r.planned, r.accepted, r.rejected, r.unknown, r.retried, r.held,
       coalesce(r.missed_by_feed, -1), r.opened, r.swept,
       (select count(*) from submissions s where s.settled_at is null and s.state <> 'held')
  from runs r
 where r.run_id = $1::int8
