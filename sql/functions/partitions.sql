-- partitions: a month of attempts each, this month and the next two; what fits none goes to attempts_other.
create or replace function make_partitions() returns void
language plpgsql security definer set search_path from current as $$
declare
    month date;
    name text;
begin
    for month in select (date_trunc('month', now()) + n * interval '1 month')::date from generate_series(0, 2) n loop
        name := 'attempts_' || to_char(month, 'YYYYMM');
        if to_regclass(name) is null then
            begin
                execute format('create table %I partition of attempts for values from (%L) to (%L)',
                               name, month, (month + interval '1 month')::date);
                -- statement triggers of the parent don't watch who names a partition
                execute format('create trigger law_attempts_stay before update or delete or truncate on %I
                                for each statement execute function refuse(''law 11'', ''history is append-only'')', name);
            exception when duplicate_table or check_violation then
                null; -- another host was faster, or rows of that month lie in attempts_other already
            end;
        end if;
    end loop;
end $$;

-- Where a view that looks back a month begins to look at attempts. Said to be immutable, though time passes: then the
-- planner knows it and leaves out the partitions before it, of which ten years have 120. A plan that is kept looks back
-- further than it has to, never less; the view bounds its time itself.
create or replace function attempts_of_late() returns timestamptz
language sql immutable parallel safe as $$ select now() - interval '40 days' $$;

-- The attempts of some submissions that were made, and settled, between two times: with constants the planner leaves out
-- the other months, of which ten years have 120, and which take longer to plan for than to look at. Wider by more than a
-- month on both sides, for a server's clock that was wrong; report_attempts shows what lies further off.
create or replace function attempts_of(ids bigint[], since timestamptz, until timestamptz) returns setof attempts_made
language plpgsql stable set search_path from current as $$
begin
    return query execute format(
        'select m.* from attempts_made m where m.submission_id = any ($1) and m.finished_at between %L and %L',
        since - interval '40 days', until + interval '40 days') using ids;
end $$;
