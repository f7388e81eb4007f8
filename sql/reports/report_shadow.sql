-- report_shadow: in shadow mode, line by line: what we would have posted, and what an older integration has.
--
-- What it has posted is booked as foreign (functions/shadow.sql). We would have posted what is planned, and of the foreign
-- units those that the warehouse shows too.
create or replace view report_shadow as
with me as (
    select i.mode_since, exists (select where 'shadow' in (i.mode, i.resume_mode)) as is_shadow from identity i
), touched as (
    select r.order_id, r.item_id
      from me
      join submissions s on me.is_shadow and s.settled_at is null and s.state in ('planned', 'held')
     cross join lateral (select i.row_id from submission_items i where i.submission_id = s.submission_id offset 0) i
     cross join lateral (select r.order_id, r.item_id from rows r where r.row_id = i.row_id offset 0) r
    union
    select r.order_id, r.item_id
      from me
      join adjustments a on me.is_shadow and a.kind = 'foreign'
     cross join lateral (select r.order_id, r.item_id from rows r where r.row_id = a.row_id offset 0) r
), line as (
    select t.order_id, t.item_id,
           sum(x.shipped) as shipped, sum(x.cancelled) as cancelled,
           sum(x.open_shipped) as open_shipped, sum(x.open_cancelled) as open_cancelled,
           sum(x.foreign_shipped) as foreign_shipped, sum(x.foreign_cancelled) as foreign_cancelled,
           -- settled before the older integration's posts that we saw
           sum(x.posted_shipped - x.foreign_shipped) as before_shipped,
           sum(x.posted_cancelled - x.foreign_cancelled) as before_cancelled
      from touched t
     cross join lateral (
           select case when r.is_present then coalesce(r.shipped, 0) else 0 end as shipped,
                  case when r.is_present then coalesce(r.cancelled, 0) else 0 end as cancelled,
                  r.open_shipped, r.open_cancelled, r.posted_shipped, r.posted_cancelled,
                  coalesce(f.shipped, 0) as foreign_shipped, coalesce(f.cancelled, 0) as foreign_cancelled
             from row_units r
             left join lateral (select sum(a.shipped) as shipped, sum(a.cancelled) as cancelled
                                  from adjustments a where a.row_id = r.row_id and a.kind = 'foreign') f on true
            where r.order_id = t.order_id and r.item_id = t.item_id offset 0) x
     group by t.order_id, t.item_id
), both_sides as (
    select l.order_id, l.item_id,
           (l.open_shipped + least(l.foreign_shipped, greatest(0, l.shipped - l.before_shipped)))::bigint as we_shipped,
           l.foreign_shipped::bigint as they_shipped,
           (l.open_cancelled + least(l.foreign_cancelled, greatest(0, l.cancelled - l.before_cancelled)))::bigint as we_cancelled,
           l.foreign_cancelled::bigint as they_cancelled
      from line l
)
select b.order_id, b.item_id, b.we_shipped, b.they_shipped, b.we_cancelled, b.they_cancelled,
       case when b.we_shipped = b.they_shipped and b.we_cancelled = b.they_cancelled then 'agree'
            when b.they_shipped > b.we_shipped or b.they_cancelled > b.we_cancelled then 'they_more'
            else 'we_more' end as verdict,
       o.listed_at
  from both_sides b
  left join orders o on o.order_id = b.order_id;

comment on view report_shadow is
    'in shadow mode, line by line: what we would have posted since the baseline, and what an older integration has; else empty';
comment on column report_shadow.order_id is 'the API''s order id';
comment on column report_shadow.item_id is 'the API''s line-item id';
comment on column report_shadow.we_shipped is 'shipped units that we would have posted';
comment on column report_shadow.they_shipped is 'shipped units that appeared at the API';
comment on column report_shadow.we_cancelled is 'cancelled units that we would have posted';
comment on column report_shadow.they_cancelled is 'cancelled units that appeared at the API';
comment on column report_shadow.verdict is
    'agree; we_more: not posted by the older integration, or not yet; they_more: it posted what the warehouse does not show';
comment on column report_shadow.listed_at is 'when the API''s side was last read';
