-- report_line_items: one row per (order, item, shipment_ref) that the warehouse ever showed.
--
-- Everything that isn't a column of `rows` is asked for row by row and only where it can matter, so
-- that the view is as quick for one order as for none of its neighbours.
--
-- What a row is due can't be told by itself: units that moved to another parcel of the line are not
-- due again (the planner re-keys them), so the line's rows are looked at in the planner's order.
create or replace view report_line_items as
select r.order_id, r.item_id, r.shipment_ref,
       r.ordered, r.shipped, r.cancelled,
       r.posted_shipped, r.posted_cancelled,
       r.open_shipped, r.open_cancelled,
       x.due_shipped, x.due_cancelled,
       case
       when d.discrepancy_id is not null then 'discrepancy'
       when s.is_held then 'held'
       when s.submission_id is not null then 'open'
       when r.refused_submission is not null and r.is_present then 'parked'
       when x.due_shipped + x.due_cancelled > 0 and r.waits_for is null then 'due'
       when r.waits_for is not null and (x.due_shipped is null or x.due_shipped + x.due_cancelled > 0) then 'waiting'
       when n.is_unseen then 'waiting'
       when not r.is_present then 'gone'
       else 'done' end as status,
       case
       when d.discrepancy_id is not null then d.kind || ': ' || d.detail
       when s.submission_id is not null then s.reason
       when r.refused_submission is not null and r.is_present then
            coalesce((select format('refused as submission %s%s; waits for a change or for retry', f.submission_id,
                                    coalesce(': ' || nullif(concat_ws(': ', f.error_code, f.error_message), ''), ''))
                        from submissions f where f.submission_id = r.refused_submission), r.waits_for)
       when x.due_shipped + x.due_cancelled > 0 and r.waits_for is null then 'not planned yet: the next run takes it'
       when r.waits_for is not null and (x.due_shipped is null or x.due_shipped + x.due_cancelled > 0) then r.waits_for
       when n.is_unseen then 'not looked at yet: the next run does'
       when not r.is_present then 'the warehouse shows it no more' end as reason,
       s.submission_id,
       coalesce(d.discrepancy_id, e.discrepancy_id) as discrepancy_id,
       coalesce(s.held_shipped, 0) as held_shipped, coalesce(s.held_cancelled, 0) as held_cancelled,
       coalesce((select sum(a.shipped) from adjustments a where a.row_id = r.row_id), 0)::bigint as adjusted_shipped,
       coalesce((select sum(a.cancelled) from adjustments a where a.row_id = r.row_id), 0)::bigint as adjusted_cancelled,
       coalesce((select sum(a.shipped) from adjustments a where a.row_id = r.row_id and a.kind = 'foreign'), 0)::bigint
           as foreign_shipped,
       coalesce((select sum(a.cancelled) from adjustments a where a.row_id = r.row_id and a.kind = 'foreign'), 0)::bigint
           as foreign_cancelled,
       r.returned, r.is_present, r.read_at as looked_at
  from row_units r
  left join lateral (
       -- the line, where this row wants more than it has: units given up by its other rows, and what
       -- the rows before this one take of them
       select least(sum(g.less_shipped), sum(g.more_shipped)) as moves_shipped,
              coalesce(sum(g.more_shipped) filter (where g.shipment_ref < r.shipment_ref), 0) as before_shipped,
              least(sum(g.less_cancelled), sum(g.more_cancelled)) as moves_cancelled,
              coalesce(sum(g.more_cancelled) filter (where g.shipment_ref < r.shipment_ref), 0) as before_cancelled
         from (select o.shipment_ref,
                      case when w.is_ours then greatest(0, w.shipped - o.live_shipped) else 0 end as more_shipped,
                      greatest(0, o.live_shipped - w.shipped) as less_shipped,
                      case when w.is_ours then greatest(0, w.cancelled - o.live_cancelled) else 0 end as more_cancelled,
                      greatest(0, o.live_cancelled - w.cancelled) as less_cancelled
                 from rows o
                cross join lateral (select case when o.is_present then coalesce(o.shipped, 0) else 0 end as shipped,
                                           case when o.is_present then coalesce(o.cancelled, 0) else 0 end as cancelled,
                                           not is_orchestrated(o.model) as is_ours) w
                where o.order_id = r.order_id and o.item_id = r.item_id) g
        where (r.shipped > r.live_shipped or r.cancelled > r.live_cancelled) and not is_orchestrated(r.model)) l on true
 cross join lateral (
       select case when not r.is_present then 0
                   when r.shipped is null then null
                   when r.shipped <= r.live_shipped then 0
                   else m.shipped - least(m.shipped, greatest(0, l.moves_shipped - l.before_shipped)) end::bigint as due_shipped,
              case when not r.is_present then 0
                   when r.cancelled is null then null
                   when r.cancelled <= r.live_cancelled then 0
                   else m.cancelled - least(m.cancelled, greatest(0, l.moves_cancelled - l.before_cancelled)) end::bigint as due_cancelled
         from (select r.shipped - r.live_shipped as shipped,
                      r.cancelled - r.live_cancelled as cancelled) m) x
 cross join lateral (
       -- it has units by the word of a baseline or of the API; what was read has a model
       select not r.is_present and r.model is null
              and (exists (select from feed_state f where f.last_sweep_at is null)
                   or r.order_id in (select q.order_key collate "C" from queue q)) as is_unseen) n
  left join lateral (
       select o.submission_id, o.state = 'held' as is_held,
              sum(i.shipped) filter (where o.state = 'held') over () ::bigint as held_shipped,
              sum(i.cancelled) filter (where o.state = 'held') over () ::bigint as held_cancelled,
              case o.state
              when 'held' then format('submission %s is held: %s', o.submission_id,
                   case o.held_by when 'operator' then 'by an operator' when 'attempts' then 'too many attempts failed'
                        when 'ambiguous' then 'the API shows something that could be this one'
                        when 'marker' then 'the API has never shown a marker in a list, so its absence says nothing'
                        when 'vanished' then 'the order is gone from the warehouse' end)
              when 'sending' then format('submission %s is being sent', o.submission_id)
              when 'unknown' then format('submission %s: nobody knows yet whether it was applied; asked again at %s', o.submission_id,
                                         to_char(o.next_look_at, 'YYYY-MM-DD HH24:MI:SS TZ'))
              else case when o.next_attempt_at = 'infinity' then format('submission %s waits for the order to be accepted', o.submission_id)
                        when o.next_attempt_at > o.created_at and o.tries > 0
                        then format('submission %s is tried again at %s', o.submission_id,
                                    to_char(greatest(o.next_attempt_at, (select k.blocked_until from api_key k)), 'YYYY-MM-DD HH24:MI:SS TZ'))
                        else format('submission %s is planned', o.submission_id) end
              end || coalesce(': ' || nullif(concat_ws(': ', o.error_code, o.error_message), ''), '') as reason
         from submissions o
         join submission_items i on i.submission_id = o.submission_id and i.row_id = r.row_id
        where r.open_shipped + r.open_cancelled > 0
          and o.order_id = r.order_id and o.settled_at is null -- as a state it would tempt the planner to all that is open
        order by o.state = 'held' desc, o.submission_id
        limit 1) s on true
  left join lateral (
       select c.discrepancy_id, c.kind, c.detail
         from discrepancies c
        where c.order_id = r.order_id and c.closed_at is null and not c.is_note
          -- an empty item stands for the whole order, but for a bad row, where it is the bad one
          and (c.item_id = r.item_id or (c.item_id = '' and c.kind <> 'bad_row')) and c.shipment_ref in ('', r.shipment_ref)
          -- what is held or parked says so itself
          and (c.submission_id = 0 or c.kind not in ('rejected', 'payment', 'foreign', 'ambiguous', 'attempts'))
          and (c.submission_id = 0
               or exists (select from submission_items i where i.submission_id = c.submission_id and i.row_id = r.row_id))
        order by c.discrepancy_id
        limit 1) d on true
  left join lateral (
       select c.discrepancy_id
         from discrepancies c
        where (r.refused_submission is not null or r.open_shipped + r.open_cancelled > 0)
          and c.order_id = r.order_id and c.closed_at is null and not c.is_note
          and c.submission_id in (r.refused_submission, s.submission_id)
        order by c.discrepancy_id
        limit 1) e on true;

comment on view report_line_items is
    'where every unit of the warehouse is: one row per (order_id, item_id, shipment_ref), with what is wanted, posted, on its way and due';
comment on column report_line_items.order_id is 'the API''s order id';
comment on column report_line_items.item_id is 'the API''s line-item id';
comment on column report_line_items.shipment_ref is 'the warehouse''s own key of the parcel; empty where it keeps only totals';
comment on column report_line_items.ordered is 'units ordered on the line, as last read; null: the row is bad';
comment on column report_line_items.shipped is 'units shipped so far, as last read; null: the row is bad';
comment on column report_line_items.cancelled is 'units cancelled so far, as last read; null: the row is bad';
comment on column report_line_items.posted_shipped is 'shipped units that are settled: accepted by the API, plus adjustments';
comment on column report_line_items.posted_cancelled is 'cancelled units that are settled: accepted by the API, plus adjustments';
comment on column report_line_items.open_shipped is 'shipped units in submissions not settled yet: planned, sending, unknown, held';
comment on column report_line_items.open_cancelled is 'cancelled units in submissions not settled yet: planned, sending, unknown, held';
comment on column report_line_items.due_shipped is
    'shipped units neither posted nor open, without those that only moved to this parcel; never negative; null: the row is bad; see status for whether they will go';
comment on column report_line_items.due_cancelled is 'the same for cancelled units';
comment on column report_line_items.status is
    'the first that holds of: discrepancy (a person must look; held and parked ones say so themselves), held, open (planned, sending or unknown), parked (refused by the API), due (the next run plans it), waiting (due, but not to be posted yet; or settled by a baseline and not looked at yet), gone (the warehouse shows it no more), done';
comment on column report_line_items.reason is 'why it isn''t moving, in words; null: done';
comment on column report_line_items.submission_id is 'the open submission that carries units of this row; a held one first';
comment on column report_line_items.discrepancy_id is 'the open discrepancy of this row, its line, order or submission';
comment on column report_line_items.held_shipped is 'of open_shipped, what is held';
comment on column report_line_items.held_cancelled is 'of open_cancelled, what is held';
comment on column report_line_items.adjusted_shipped is 'of posted_shipped, what adjustments settled';
comment on column report_line_items.adjusted_cancelled is 'of posted_cancelled, what adjustments settled';
comment on column report_line_items.foreign_shipped is 'of posted_shipped, what somebody else posted';
comment on column report_line_items.foreign_cancelled is 'of posted_cancelled, what somebody else posted';
comment on column report_line_items.returned is 'units that came back, as last read';
comment on column report_line_items.is_present is 'false: the warehouse showed the row once, but not the last time';
comment on column report_line_items.looked_at is 'when the row was last read and differed from before';
