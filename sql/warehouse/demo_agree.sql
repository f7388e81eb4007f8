-- demo_agree: are the demo warehouse, the ledger and the sandbox of one mind, unit for unit?
--
--   curl -s http://127.0.0.1:PORT/_sandbox/applied | psql -qAt -v ON_ERROR_STOP=1 -f demo_agree.sql
--
-- Reads what the sandbox applied from stdin. One line when all three agree; else the lines that
-- differ, and psql ends with 3. The ledger is looked for in the schema waybill.

begin;

create temporary table applied (
    order_id text,
    item_id text,
    shipped bigint,
    cancelled bigint,
    posts bigint
) on commit drop;

\copy applied from pstdin with (format csv, header)

create temporary table verdict on commit drop as
with ledger as (
    select r.order_id, r.item_id, sum(r.posted_shipped) as shipped, sum(r.posted_cancelled) as cancelled
      from waybill.report_line_items as r
     group by r.order_id, r.item_id
), lines as (
    select order_id, item_id,
           array[coalesce(w.shipped, 0), coalesce(w.cancelled, 0)] as wanted,
           array[coalesce(l.shipped, 0)::bigint, coalesce(l.cancelled, 0)::bigint] as posted,
           array[coalesce(a.shipped, 0), coalesce(a.cancelled, 0)] as applied
      from wms.expected as w
      full join ledger as l using (order_id, item_id)
      full join applied as a using (order_id, item_id)
)
select l.*, l.wanted = l.posted and l.wanted = l.applied as agrees
  from lines as l;

select format('%s / %s: warehouse %s, ledger %s, API %s (shipped, cancelled)',
              v.order_id, v.item_id, v.wanted, v.posted, v.applied)
  from verdict as v
 where not v.agrees
 order by v.order_id, v.item_id
 limit 20;

do $$
declare
    differing bigint := (select count(*) from verdict as v where not v.agrees);
begin
    if differing > 0 then
        raise exception '% lines differ between warehouse, ledger and API', differing;
    end if;
end $$;

select format('%s lines, %s units: warehouse, ledger and API agree',
              count(*), coalesce(sum(v.wanted[1] + v.wanted[2]), 0))
  from verdict as v
 where v.wanted <> array[0, 0]::bigint[];

commit;
