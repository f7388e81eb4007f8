-- report_runs: one row per pass of the program.
create or replace view report_runs as
select r.run_id, r.host, r.started_at, r.finished_at, r.planned, r.accepted, r.rejected, r.unknown, r.missed_by_feed,
       r.exit_code, r.error,
       r.command, r.pid, r.version, r.started_by, r.swept, r.looked_at, r.retried, r.held, r.opened,
       (extract(epoch from r.finished_at - r.started_at) * 1000)::bigint as duration_ms
  from runs r;

comment on view report_runs is 'every pass of the program: what it found, sent and left';
comment on column report_runs.run_id is 'its number';
comment on column report_runs.host is 'where it ran';
comment on column report_runs.started_at is 'when it began';
comment on column report_runs.finished_at is 'when it ended; null: it runs, or was killed';
comment on column report_runs.planned is 'submissions that it planned';
comment on column report_runs.accepted is 'submissions that it saw accepted';
comment on column report_runs.rejected is 'submissions that it saw refused for good';
comment on column report_runs.unknown is 'submissions whose outcome became unknown in it';
comment on column report_runs.missed_by_feed is 'lines that its sweep found and the feed had not told of; null: it made no sweep';
comment on column report_runs.exit_code is
    '0 delivered or properly waiting, 1 opened something that needs a person, 3 configuration, 4 database, 5 API';
comment on column report_runs.error is 'why it ended early';
comment on column report_runs.command is 'run, watch, audit or baseline';
comment on column report_runs.pid is 'its process';
comment on column report_runs.version is 'of the program';
comment on column report_runs.started_by is 'the database role that it worked as';
comment on column report_runs.swept is 'it read the whole relation';
comment on column report_runs.looked_at is 'orders that it held against the warehouse';
comment on column report_runs.retried is 'submissions that it put back for another attempt';
comment on column report_runs.held is 'submissions that it put aside for a person';
comment on column report_runs.opened is 'discrepancies that it opened';
comment on column report_runs.duration_ms is 'how long it took; null: it runs, or was killed';
