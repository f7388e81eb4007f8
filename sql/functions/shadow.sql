-- shadow: everything but the POST, beside an older integration that posts; and the step from there to live.
--
-- What is planned stays planned. The orders of it are listed now and then; what the older integration has posted meanwhile
-- is booked as foreign, and the planner withdraws it. So what is still planned is what nobody has posted.

create or replace function is_shadow() returns boolean
language sql stable security definer set search_path from current as
$$ select mode = 'shadow' from identity $$;

-- Orders with planned units whose list is older than five minutes (or was never seen) are to be listed.
create or replace function shadow_looks(of_orders text[] default null) returns bigint
language plpgsql security definer set search_path from current as $$
declare
    t timestamptz := clock_timestamp();
    asked bigint;
begin
    if not is_shadow() then
        return 0;
    end if;
    with put as (
        insert into orders as o (order_id, list_at)
        select distinct s.order_id, t
          from submissions s
          left join orders x on x.order_id = s.order_id
         where s.settled_at is null and s.state = 'planned' and (of_orders is null or s.order_id = any (of_orders))
           and (x.listed_at is null or x.listed_at < t - interval '5 min') and x.list_at is null
         order by 1
            on conflict (order_id) do update set list_at = t where o.list_at is null
        returning 1
    )
    select count(*) into asked from put;
    return asked;
end $$;

-- From shadow to live: a new generation, so that no order's first POST leaves before its list was read, and that no earlier
-- than settle_ms from now: the older integration's last requests may be applied late.
create or replace function go_live(why text, who text default session_user) returns text
language plpgsql security definer set search_path from current as $$
declare
    me identity;
begin
    select * into strict me from identity for update;
    if coalesce(me.resume_mode, me.mode) <> 'shadow' then
        raise exception 'the ledger is %, not shadow', coalesce(me.resume_mode, me.mode)
            using errcode = 'WB006', hint = case when me.mode = 'paused' then 'run: waybill resume' else 'only a ledger in shadow goes live' end;
    end if;
    if coalesce(why, '') = '' then
        raise exception 'going live needs a reason' using errcode = 'WB006';
    end if;
    me := begin_generation('from shadow to live: ' || why, who);
    update identity
       set mode = 'live', resume_mode = null, mode_since = me.generation_since, mode_by = who, mode_reason = why;
    insert into mode_changes (mode, changed_by, reason, generation) values ('live', who, why, me.generation);
    perform note_decision('go_live', 'ledger', null, null, who, why);
    return 'live';
end $$;
comment on function go_live(text, text) is 'end the shadow mode: post from now on, each order after its list was read';

-- A generation that began by going live: what is found then was made by the integration before us, and alarms nobody.
create or replace function is_first_live(of_generation int) returns boolean
language sql stable security definer set search_path from current as $$
select exists (select from identity i join mode_changes m on m.generation = i.generation
                where i.generation = of_generation and m.mode = 'live')
$$;
