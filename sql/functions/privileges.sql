-- privileges: who may do what. Given anew by every init: nothing to the public, then to each role what its kind needs.

-- Not for workers. The first could feed other SQL into the vendor's statements, or let the ledger post what it must not. The
-- rest are steps of functions that know who asks and what is locked; alone they would forge a decision, or shorten a wait.
-- Whatever of ours reads or writes with the owner's rights, and no statement of the program calls, is named here, but for what
-- a person calls, which has a comment; a test compares.
create or replace function is_for_owner(function_name name) returns boolean
language sql immutable parallel safe as
$$ select function_name in ('feed_from', 'feed_stop', 'note_feed', 'forget_feed',
                            'set_mode', 'go_live', 'give_privileges', 'give_feed')
    or function_name in (
        'apply_fulfillment_event', 'apply_payment_event', 'apply_state_event', 'ask_charges',
        'book_foreign', 'clock_stepped', 'close_payments', 'close_settled', 'close_shrunk', 'decide',
        'drop_personal', 'events_lock', 'events_unlock', 'feed_missed_why', 'feed_wants_look',
        'find_and_close', 'find_discrepancies', 'find_payment', 'free_lane', 'free_lost_lanes', 'hurry_orders',
        'is_all_posted', 'is_first_live', 'is_shadow', 'leave_shrunk', 'ledger_faults', 'list_settled',
        'make_submissions', 'note_accepted', 'note_coordinated', 'note_decision', 'note_first_look', 'note_forget',
        'note_state', 'note_tracking', 'one_post_at_a_time', 'park_refused', 'put_aside_unverified',
        'release_held', 'settle_others', 'settle_own', 'split_submissions', 'take_back_booked', 'take_back_missing',
        'timeline_now', 'withdraw_unwanted', 'worker_key', 'write_off_kept_back')
    or function_name ~ '^(baseline_|prune_|begin_generation|recover_here$|recover_api$)' $$;

-- A feeder, who owns tables of the warehouse, installs the feed on them; give_privileges adds what feed_from calls. He is
-- trusted with the owner's rights: what his order_key calls runs with them.
create or replace function give_feed(to_role name) returns void
language plpgsql set search_path from current as $$
begin
    execute format('grant usage on schema %s to %I',
                   (select c.relnamespace::regnamespace from pg_class c where c.oid = 'roles'::regclass), to_role);
    execute format('grant execute on function feed_from(regclass, text) to %I', to_role);
end $$;

create or replace function give_privileges() returns void
language plpgsql set search_path from current as $$
declare
    home oid := (select c.relnamespace from pg_class c where c.oid = 'roles'::regclass);
    owner oid := (select c.relowner from pg_class c where c.oid = 'roles'::regclass);
    receiver record;
    thing record;
    feeder name;
begin
    delete from roles r where not exists (select from pg_roles p where p.rolname = r.role_name);

    -- Tables, views and sequences. The owner's own rights are those that our functions run with: never touched.
    for thing in
        select c.oid::regclass as name, case when c.relkind = 'S' then 'sequence' else 'table' end as what,
               -- a program asks for the version before it asks for a report
               c.relkind = 'v' and c.relname like 'report\_%' or c.relname = 'schema_versions' as is_report
          from pg_class c
         where c.relnamespace = home and c.relowner = owner and c.relkind in ('r', 'p', 'v', 'm', 'S')
         order by c.oid
    loop
        execute format('revoke all on %s %s from public', thing.what, thing.name);
        for receiver in select r.role_name, r.kind from roles r where r.role_name <> pg_get_userbyid(owner) loop
            execute format('revoke all on %s %s from %I', thing.what, thing.name, receiver.role_name);
            if receiver.kind = 'worker' or thing.is_report then
                execute format('grant select on %s %s to %I', thing.what, thing.name, receiver.role_name);
            end if;
        end loop;
    end loop;

    -- Functions. A definer's trigger function hung on somebody's own table would take made-up rows for ours,
    -- so nobody gets those. A view's functions are called with the reader's rights.
    for thing in
        select p.oid::regprocedure as name, p.proname, p.prorettype = 'trigger'::regtype as is_trigger,
               exists (select from pg_depend d
                         join pg_rewrite w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
                         join pg_class v on v.oid = w.ev_class
                        where d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid
                          and v.relnamespace = home and v.relname like 'report\_%')
               or p.proname in ('order_story', 'feed_trigger_start', 'feed_tables') as is_in_report
          from pg_proc p
         where p.pronamespace = home and p.proowner = owner
         order by p.oid
    loop
        execute format('revoke all on function %s from public', thing.name);
        for receiver in select r.role_name, r.kind from roles r where r.role_name <> pg_get_userbyid(owner) loop
            execute format('revoke all on function %s from %I', thing.name, receiver.role_name);
            if not thing.is_trigger and not is_for_owner(thing.proname)
               and (receiver.kind = 'worker' or thing.is_in_report) then
                execute format('grant execute on function %s to %I', thing.name, receiver.role_name);
            end if;
        end loop;
        -- Whoever was given feed_from (the warehouse's owner) needs what it calls and makes.
        if thing.proname ~ '^(feed_(stop|tables|trigger_start|key|lock|truncated|[0-9]+_(new|old|both|row))|note_feed|forget_feed)$' then
            for feeder in
                select distinct pg_get_userbyid(a.grantee)
                  from pg_proc p cross join lateral aclexplode(p.proacl) a
                 where p.pronamespace = home and p.proname = 'feed_from' and a.grantee not in (0, owner)
            loop
                execute format('grant execute on function %s to %I', thing.name, feeder);
            end loop;
        end if;
    end loop;

    for receiver in select r.role_name from roles r where r.role_name <> pg_get_userbyid(owner) loop
        execute format('grant usage on schema %s to %I', home::regnamespace, receiver.role_name);
    end loop;
end $$;
