-- Fills a warehouse and a ledger for benchmarks, past all triggers: what it leaves behind is what years of
-- runs would have. The session is a superuser's, with session_replication_role = replica.
--
-- Order n is 230000000000 + n; its items are the order's id with 01, 02, ... behind; each has two units
-- ordered and one of them shipped, in one parcel.

create schema bench;
create schema wms;

create table wms.lines (
    order_id text not null,
    item_id text not null,
    shipment_ref text not null default '',
    ordered_quantity int not null,
    shipped_quantity int not null,
    cancelled_quantity int not null default 0,
    tracking_company text,
    tracking_number text,
    tracking_url text,
    changed_at timestamptz not null default now(),
    primary key (order_id, item_id)
);
create index on wms.lines (changed_at);

create function bench.order_id(n bigint) returns text language sql immutable parallel safe as
$$ select (230000000000 + n)::text $$;

-- As the planner makes them (waybill.new_marker), at another time.
create function bench.marker(at timestamptz) returns uuid language sql volatile as
$$ select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 19))::uuid $$;

-- The tables of a list stop keeping their indexes, until bench.index_all makes them anew: many times quicker.
create function bench.index_none(tables regclass[]) returns void language sql as $$
update pg_index i set indisready = false, indisvalid = false
  from unnest(tables) t
 where i.indrelid = t or i.indrelid in (select p.relid from pg_partition_tree(t) p where p.isleaf)
$$;

create procedure bench.index_all(tables regclass[]) language plpgsql as $$
declare
    t regclass;
begin
    set local maintenance_work_mem = '1GB';
    foreach t in array array(select distinct coalesce(p.relid, x) from unnest(tables) x
                               left join lateral pg_partition_tree(x) p on true
                              where coalesce(p.isleaf, true)) loop
        execute format('reindex table %s', t);
    end loop;
    update pg_index i set indisready = true, indisvalid = true where not i.indisvalid;
end $$;

create function bench.add_lines(first bigint, last bigint, lines int) returns void language sql as $$
insert into wms.lines (order_id, item_id, shipment_ref, ordered_quantity, shipped_quantity,
                       tracking_company, tracking_number, tracking_url, changed_at)
select o.id, o.id || to_char(j, 'FM00'), 'P' || n, 2, 1,
       'UPS', '1Z' || lpad(n::text, 16, '0'), 'https://tracking.example.com/1Z' || lpad(n::text, 16, '0'),
       now() - interval '2 days'
  from generate_series(first, last) n
 cross join lateral (select bench.order_id(n) as id) o
 cross join generate_series(1, lines) j
$$;

-- Submissions first .. last, one an order, `parcels` of them for each order; settled over the last months,
-- or planned and due now.
create function bench.add_submissions(first bigint, last bigint, lines int, parcels int, is_settled boolean, months int)
returns void language plpgsql set search_path from current as $$
declare
    t timestamptz := clock_timestamp();
    step interval := months * interval '30 days' / (last - first + 1);
    lo bigint := (first - 1) / parcels + 1;
    hi bigint := (last - 1) / parcels + 1;
    month date;
begin
    if is_settled then
        for month in select (date_trunc('month', now()) - n * interval '1 month')::date from generate_series(1, months) n loop
            execute format('create table if not exists waybill.attempts_%s partition of waybill.attempts
                            for values from (%L) to (%L)',
                           to_char(month, 'YYYYMM'), month, (month + interval '1 month')::date);
        end loop;
    end if;
    insert into waybill.rows (row_id, order_id, item_id, shipment_ref, ordered, shipped, cancelled,
                              tracking_company, tracking_number, tracking_url, read_at, plan_no,
                              planned_to_shipped, live_shipped)
    overriding system value
    select (n - 1) * lines + j, o.id, o.id || to_char(j, 'FM00'), 'P' || n, parcels + 1, parcels, 0,
           'UPS', '1Z' || lpad(n::text, 16, '0'), 'https://tracking.example.com/1Z' || lpad(n::text, 16, '0'), t, parcels,
           parcels, parcels
      from generate_series(lo, hi) n
     cross join lateral (select bench.order_id(n) as id) o
     cross join generate_series(1, lines) j;
    insert into waybill.lanes (order_id, next_at)
    select bench.order_id(n), case when is_settled then 'infinity' else t end from generate_series(lo, hi) n;
    insert into waybill.orders (order_id, state, state_since, checked_at, complete_at)
    select bench.order_id(n), case when is_settled then 'complete' else 'accepted' end, t, t, case when is_settled then t end
      from generate_series(lo, hi) n;
    insert into waybill.order_items (order_id, item_id, quantity, state)
    select bench.order_id(n), bench.order_id(n) || to_char(j, 'FM00'), parcels + 1, 'created'
      from generate_series(lo, hi) n cross join generate_series(1, lines) j;
    insert into waybill.submissions (submission_id, marker, order_id, shipment_ref, state, tracking_company, tracking_number,
                                     tracking_url, created_at, next_attempt_at, tries, attempts, first_sent_at,
                                     settled_at, settled_by, fulfillment_id, http_status, request_id, is_plain)
    overriding system value
    select s, bench.marker(o.at), bench.order_id(o.n), 'P' || o.n, case when is_settled then 'accepted' else 'planned' end::waybill.submission_state,
           'UPS', '1Z' || lpad(o.n::text, 16, '0'), 'https://tracking.example.com/1Z' || lpad(o.n::text, 16, '0'),
           o.at, case when is_settled then null else t end, is_settled::int + o.is_again, is_settled::int + o.is_again,
           case when is_settled then o.at end, case when is_settled then o.at end, case when is_settled then 'answer' end,
           case when is_settled then 'ful-' || s end, case when is_settled then 201 end,
           case when is_settled then '0b5f6c3e-2d1a-4c57-9f58-' || lpad(s::text, 12, '0') end, is_settled and o.is_again = 0
      from generate_series(first, last) s
     cross join lateral (select (s - 1) / parcels + 1 as n, (is_settled and s % 20 = 0)::int as is_again,
                                case when is_settled then t - (last - s + 1) * step else t end as at) o;
    insert into waybill.submission_items (submission_id, row_id, plan_no, shipped)
    select s, ((s - 1) / parcels) * lines + j, (s - 1) % parcels + 1, 1
      from generate_series(first, last) s cross join generate_series(1, lines) j;
    if is_settled then
        insert into waybill.attempts (submission_id, attempt, kind, worker_id, claim_token, sent, started_at, finished_at,
                                      outcome, http_status, request_id)
        -- one of 20 was refused at first
        select s, n, 'post', 1, gen_random_uuid(), true, o.at - (3 - n) * interval '50 ms', o.at - (2 - n) * interval '50 ms',
               case n when 1 then 'refused' else 'accepted' end, case n when 1 then 429 else 201 end,
               '0b5f6c3e-2d1a-4c57-9f58-' || lpad(s::text, 12, '0')
          from generate_series(first, last) s
         cross join lateral (select t - (last - s + 1) * step as at) o
         cross join generate_series(1, 2) n
         where s % 20 = 0;
    end if;
    perform setval(pg_get_serial_sequence('waybill.rows', 'row_id'), greatest(hi * lines, 1)),
            setval(pg_get_serial_sequence('waybill.submissions', 'submission_id'), greatest(last, 1));
    -- A sweep and the ledger's audit of itself were just made, as on most of a day's runs.
    update waybill.feed_state set last_sweep_at = t, sweep_wanted = null, audited_at = t, audit_row = 0;
end $$;

create function bench.forget() returns void language sql as $$
truncate waybill.rows, waybill.lanes, waybill.orders, waybill.order_items, waybill.submissions,
         waybill.submission_items, waybill.attempts, waybill.adjustments, waybill.tracking, waybill.order_states,
         waybill.hand_overs, waybill.discrepancies, waybill.queue, waybill.relooks, waybill.events cascade
$$;
