-- What a next release could bring, for the tests only: a program that is built with it is one version ahead. It has the
-- number after the newest of sql/migrations; the build refuses a gap.
alter table submissions add column later_note text;
update submissions set later_note = 'was ' || state;
create table later_things (submission_id bigint primary key references submissions, seen_at timestamptz not null);
insert into later_things select submission_id, clock_timestamp() from submissions;
