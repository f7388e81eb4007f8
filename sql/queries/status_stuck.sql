-- status_stuck: what is not moving right now, and why; with the oldest of each reason.
--   -> what text (submissions or orders), state text, why text, count, oldest_age_s, next_s int8 (null: waits for a person or
--      an order), order_id, held_by text
select 'submissions' as what, k.state, k.why, k.count, k.oldest_age_s, k.next_s, s.order_id, k.held_by
  from (select s.state::text as state,
               case when s.state = 'held' then case s.held_by
                        when 'operator' then 'held by a person'
                        when 'attempts' then 'too many failed attempts'
                        when 'ambiguous' then 'the API shows something unexplained'
                        when 'marker' then 'the API never showed a marker of ours'
                        when 'vanished' then 'the warehouse no longer shows the order'
                        else s.held_by end
                    when s.state = 'unknown' then 'the answer was lost, the API is asked'
                    when s.waits_for_gate then 'waits for the order to be accepted'
                    else 'tried again later' || coalesce(', was answered ' || s.http_status::text, '')
                         || coalesce(': ' || s.error_code, '') end as why,
               count(*) as count,
               extract(epoch from clock_timestamp() - min(coalesce(s.unknown_since, s.created_at)))::int8 as oldest_age_s,
               case when min(coalesce(s.next_look_at, s.next_attempt_at)) is not null
                    then greatest(0, extract(epoch from min(coalesce(s.next_look_at, s.next_attempt_at)) - clock_timestamp()))::int8 end as next_s,
               min(s.submission_id) as submission_id, min(s.held_by) as held_by
          from report_submissions s
         where s.settled_at is null and s.state <> 'sending'
           and (s.state <> 'planned' or s.waits_for_gate or s.next_attempt_at > clock_timestamp())
         group by 1, 2) k
  join report_submissions s on s.submission_id = k.submission_id
 union all
select 'orders', k.state, k.why, k.count, k.oldest_age_s, k.next_s, k.order_id, null
  from (select case when o.asked_since is null then o.gate else 'asking' end as state,
               case when o.asked_since is not null then 'the API has not answered for them'
                    when o.unknown_since is not null then 'the API does not know the order'
                    else 'the API says ' || o.state end as why,
               count(*) as count,
               extract(epoch from clock_timestamp() - min(coalesce(o.asked_since, o.unknown_since, o.state_since, o.checked_at)))::int8 as oldest_age_s,
               greatest(0, extract(epoch from min(o.next_ask_at) - clock_timestamp()))::int8 as next_s,
               min(o.order_id) as order_id
          from report_orders o
         where o.next_ask_at is not null
           and case when o.asked_since is null then o.gate = 'waiting'
                    -- a run that asks for many is at it for longer than that, an API that is well answers sooner
                    else o.asked_since < clock_timestamp() - interval '5 s' end
         group by 1, 2) k
 union all
select 'orders', 'listing', 'the lists of their fulfillments can''t be read', k.count, k.oldest_age_s, k.next_s, k.order_id, null
  from (select count(*) as count, extract(epoch from clock_timestamp() - min(o.unlisted_since))::int8 as oldest_age_s,
               greatest(0, extract(epoch from min(o.next_list_at) - clock_timestamp()))::int8 as next_s, min(o.order_id) as order_id
          from report_orders o
         where o.unlisted_since is not null) k
 where k.count > 0
 order by 1 desc, 4 desc, 2, 3
 limit 20
