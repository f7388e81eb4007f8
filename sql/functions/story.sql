-- story: all that is known of one order, in the order of time, by its id or the merchant's own number.
--
-- With the owner's rights, since a reporter may ask for it, and for no table that it reads: it tells nothing that
-- the reports don't, but for what is queued.
create or replace function order_story(asked text) returns table (at timestamptz, what text, detail text)
language sql stable security definer set search_path from current as $$
with wanted as (
    select $1::text collate "C" as order_id
     union
    select u.order_id from upstreams u where u.upstream_id = $1::text and u.order_id is not null
), subs as (
    select s.*, (select string_agg(format('%s: %s shipped, %s cancelled', r.item_id, i.shipped, i.cancelled), '; ' order by r.item_id)
                   from submission_items i join rows r using (row_id) where i.submission_id = s.submission_id) as items
      from submissions s
     where s.order_id in (select w.order_id from wanted w)
), story as (
    select s.created_at as at, 1 as place, 'planned' as what,
           format('submission %s, parcel "%s"%s: %s', s.submission_id, s.shipment_ref,
                  case when s.parent_id is not null then format(' (split off %s)', s.parent_id) else '' end, s.items) as detail
      from subs s
     union all
    select a.finished_at, 2, a.kind,
           format('submission %s, %s %s: %s', a.submission_id, a.kind, a.attempt,
                  concat_ws(', ', a.outcome, 'HTTP ' || nullif(a.http_status, 0)::text, case when not a.sent then 'not sent' end,
                            a.error, 'request ' || a.request_id))
      from attempts_of((select array_agg(s.submission_id) from subs s), (select min(s.created_at) from subs s),
                       (select max(coalesce(s.settled_at, clock_timestamp())) from subs s)) a
     union all
    select s.settled_at, 3, s.state::text,
           format('submission %s by %s%s', s.submission_id, s.settled_by,
                  coalesce(': ' || coalesce(s.fulfillment_id, nullif(concat_ws(': ', s.error_code, s.error_message), '')), ''))
      from subs s where s.settled_at is not null
     union all
    select j.made_at, 4, 'adjustment',
           format('%s, item %s, parcel "%s": %s shipped, %s cancelled%s', j.kind, r.item_id, r.shipment_ref, j.shipped, j.cancelled,
                  coalesce(': ' || nullif(concat_ws(', ', j.fulfillment_id, j.reason), ''), ''))
      from rows r join adjustments j on j.row_id = r.row_id
     where r.order_id in (select w.order_id from wanted w)
     union all
    select d.opened_at, 5, case when d.is_note then 'note' else 'discrepancy' end,
           format('%s%s: %s', d.kind, case when d.is_note then '' else format(' (number %s)', d.discrepancy_id) end, d.detail)
      from discrepancies d where d.order_id = $1::text or d.order_id in (select w.order_id from wanted w)
     union all
    select d.closed_at, 6, 'closed',
           format('%s (number %s) by %s%s', d.kind, d.discrepancy_id, d.closed_by, coalesce(': ' || d.reason, ''))
      from discrepancies d
     where (d.order_id = $1::text or d.order_id in (select w.order_id from wanted w)) and d.closed_at is not null and not d.is_note
     union all
    select coalesce(o.state_since, o.checked_at), 7, 'order',
           concat_ws(', ', format('%s at the API', o.state), format('asked %s', to_char(o.checked_at, 'YYYY-MM-DD HH24:MI:SS TZ')),
                     'captured ' || o.captured_amount::text, 'cancelled ' || o.cancelled_amount::text)
      from orders o where o.order_id in (select w.order_id from wanted w) and o.state is not null
     union all
    select d.made_at, 6, 'decision', format('%s %s by %s%s', d.action, d.target, coalesce(d.os_user, d.db_user), ': ' || d.reason)
      from decisions d where d.order_id in (select w.order_id from wanted w)
     union all
    select o.unknown_since, 7, 'order', 'the API does not know it'
      from orders o where o.order_id in (select w.order_id from wanted w) and o.unknown_since is not null
     union all
    select q.queued_at, 8, 'queued', format('to be looked at: %s', q.source)
      from queue q where q.order_key = $1::text or q.order_key in (select w.order_id from wanted w)
     union all
    select clock_timestamp(), 9, 'now',
           format('item %s, parcel "%s": %s, %s of %s shipped and %s of %s cancelled units posted, %s and %s open%s',
                  l.item_id, l.shipment_ref, l.status, l.posted_shipped, coalesce(l.shipped::text, '?'),
                  l.posted_cancelled, coalesce(l.cancelled::text, '?'), l.open_shipped, l.open_cancelled,
                  coalesce('; ' || l.reason, ''))
      from wanted w cross join lateral (select * from report_line_items x where x.order_id = w.order_id
                                         order by x.item_id, x.shipment_ref offset 0) l
     union all
    select clock_timestamp(), 9, 'now',
           format('submission %s is %s%s', s.submission_id, s.state,
                  coalesce(': ' || case s.state
                      when 'planned' then case when s.next_attempt_at = 'infinity' then 'waits for the order to be accepted'
                                               else 'may go from ' || to_char(s.next_attempt_at, 'YYYY-MM-DD HH24:MI:SS TZ') end
                      when 'unknown' then 'looked for again at ' || to_char(s.next_look_at, 'YYYY-MM-DD HH24:MI:SS TZ')
                      when 'held' then s.held_by end, ''))
      from subs s where s.settled_at is null
)
select at, what, detail from story order by at, place limit 10000
$$;
