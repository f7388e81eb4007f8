-- The ledger: what was planned, what was sent, what became of it.
--
-- Runs with search_path = the ledger's schema; nothing here names it.
-- Who may write: nobody but the functions of sql/functions (security definer);
-- the worker role has EXECUTE on them and SELECT on the tables, so what it
-- can't do, wrong code can't do either. Counters of `rows` are moved by
-- triggers alone (functions/laws.sql).
--
-- Lock order, everywhere: lanes (by order_id) -> submissions -> claims (by token) -> rows. Whoever
-- changes a submission of an order, or a counter of its rows, holds its lane.

create type submission_state as enum (
    'planned', 'sending', 'accepted', 'rejected', 'unknown', 'held', 'dismissed', 'withdrawn', 'split');
comment on type submission_state is 'where a submission is; planned, sending, unknown and held are open';

create type ledger_mode as enum ('new', 'shadow', 'live', 'paused');
create type adjustment_kind as enum ('baseline', 'foreign', 'returned', 'write_off', 'correction');

-- One row of the warehouse relation, normalised by the bridge's own query.
create type reading as (
    order_id text, item_id text, shipment_ref text,
    ordered numeric, shipped numeric, cancelled numeric, returned numeric,
    tracking_company text, tracking_number text, tracking_url text,
    shipment_id text, shipment_item_id text, model text);

-- What a sweep knows as it begins (functions/feed.sql), handed back at its end: the feed's two counters, a transaction id
-- above those of all that moved them, how far the counters are behind it, when it came to its end, and the last wish for one.
create type sweep_start as (
    missed bigint, null_keys bigint, horizon xid8,
    missed_seen bigint, null_keys_seen bigint, wish bigint);

-- A discrepancy, or a note, as somebody found it.
create type finding as (
    kind text, order_id text, item_id text, shipment_ref text, submission_id bigint,
    detail text, fingerprint text, is_note boolean);

-- One row of the warehouse held against the ledger (functions/evaluate.sql).
create type evaluation as (
    order_id text, item_id text, shipment_ref text,
    row_id bigint, is_read boolean, is_bad boolean,
    ordered bigint, shipped bigint, cancelled bigint, returned bigint,
    tracking_company text, tracking_number text, tracking_url text,
    shipment_id text, shipment_item_id text, model text,
    soft_shipped bigint, soft_cancelled bigint,   -- open, and could still be withdrawn
    firm_shipped bigint, firm_cancelled bigint,   -- open, and may have been applied
    due_shipped bigint, due_cancelled bigint,     -- what the row wants beyond posted and firm
    want_shipped bigint, want_cancelled bigint,   -- of that, what may be planned once the gate is open
    rekey_shipped bigint, rekey_cancelled bigint, -- posted units that move to (+) or from (-) this row
    agree_cancelled bigint,                       -- cancelled at the API already: to be booked, not posted
    gate text,                                    -- open, ask, list, wait, shut
    gate_detail text,
    kind text, detail text,                       -- of the line: a discrepancy, or null
    is_note boolean,
    waits_for text,
    is_parked boolean, unparks boolean, looks_when_settled boolean,
    -- against the row as it was last read: what needs to be written, and what to be looked at more closely
    is_changed boolean,                           -- anything of it, or why it waits
    has_fallen boolean,                           -- fewer units than then, or gone
    is_retold boolean,                            -- a known row's tracking, or whether it is there
    tells_returns boolean,                        -- units came back, or had
    turns_looks boolean,                          -- looks_when_settled is another than the row has
    plan_no int,                                  -- the row's last one; null: the row is new
    -- the order's
    asks boolean,                                 -- the API is to be asked, or was to be
    is_forgotten boolean,                         -- nothing personal of it is read
    is_expiring boolean);                         -- its authorization is in its last day

-- What came of one attempt, as the bridge judged it (functions/settle.sql).
create type settlement as (
    kind text,                 -- post or look
    marker uuid, claim_token uuid, next submission_state,
    of_submission bigint, of_order text, -- whose marker it is; null: look for it
    outcome text, sent boolean, duration_ms bigint,
    http_status int, error_code text, error_message text, request_id text,
    fulfillment_id text, unknown_then text, held_by text,
    counts boolean,            -- as an attempt
    is_possible boolean,       -- it may have been applied
    waits_for_gate boolean, shuts_gate boolean,
    delay_ms bigint, settle_ms bigint,
    discrepancy text, detail text,
    alone_item text,           -- split: the line that goes alone; null: halve
    tries int);                -- look: POSTs when it began; one that missed a later POST changes nothing

-- ---------------------------------------------------------------- who we are

create table identity (
    is_only           boolean primary key default true check (is_only),
    ledger_id         uuid not null default gen_random_uuid(),
    mode              ledger_mode not null default 'new',
    mode_since        timestamptz not null default clock_timestamp(),
    mode_by           text not null default session_user,
    mode_reason       text,
    resume_mode       ledger_mode check (resume_mode in ('new', 'shadow', 'live')),
    system_identifier text not null,
    database_oid      oid not null,
    timeline          text not null,
    home              oid not null,
    generation        int not null default 1 check (generation > 0),
    generation_since  timestamptz not null default clock_timestamp(),
    base_url          text,
    is_live           boolean,
    marker_seen_at    timestamptz,
    check ((mode = 'paused') = (resume_mode is not null))
);
comment on table identity is 'one row: who this ledger is, what it may do, and which machine and API it belongs to';
comment on column identity.home is 'this very table''s oid: another one after a dump was restored in place';
comment on column identity.generation is
    'begins anew when commits may have been lost; then every order is listed at the API before it gets a POST';

create table mode_changes (
    changed_at timestamptz not null default clock_timestamp(),
    mode       ledger_mode not null,
    changed_by text not null,
    reason     text,
    generation int
);
comment on column mode_changes.generation is 'the one that began with it; null: none';

-- ------------------------------------------------------------- rows and units

create table rows (
    row_id               bigint generated always as identity primary key,
    order_id             text collate "C" not null check (order_id <> ''),
    item_id              text collate "C" not null,
    shipment_ref         text collate "C" not null default '',
    -- as last read; null: the row is bad
    ordered              bigint,
    shipped              bigint,
    cancelled            bigint,
    returned             bigint not null default 0,
    is_present           boolean not null default true,
    tracking_company     text,
    tracking_number      text,
    tracking_url         text,
    shipment_id          text,
    shipment_item_id     text,
    model                text,
    read_at              timestamptz not null default clock_timestamp(),
    -- law 5
    plan_no              int not null default 0,
    planned_to_shipped   bigint not null default 0,
    planned_to_cancelled bigint not null default 0,
    live_shipped         bigint not null default 0 check (live_shipped >= 0),
    live_cancelled       bigint not null default 0 check (live_cancelled >= 0),
    -- of them, posted: what submissions carried that are pruned by now
    pruned_shipped       bigint not null default 0 check (pruned_shipped >= 0),
    pruned_cancelled     bigint not null default 0 check (pruned_cancelled >= 0),
    -- parked: what the row and its order's item wanted when a submission of it was refused
    refused_shipped      bigint,
    refused_cancelled    bigint,
    refused_api_quantity bigint,
    refused_submission   bigint,
    looks_when_settled   boolean not null default false,
    waits_for            text,
    unique (order_id, item_id, shipment_ref),
    constraint law_5_shipped check (live_shipped <= planned_to_shipped),
    constraint law_5_cancelled check (live_cancelled <= planned_to_cancelled),
    check ((refused_submission is null) = (refused_shipped is null and refused_cancelled is null))
) with (fillfactor = 70); -- counters move in place
create index rows_looks on rows (order_id) where looks_when_settled;
comment on table rows is 'one row per (order, item, shipment_ref) that the warehouse ever showed, with its counters';
comment on column rows.live_shipped is 'posted and open units together: a POST that is accepted changes nothing here; row_units tells them apart';
comment on column rows.planned_to_shipped is 'what the last plan that added units wanted; live units can never pass it';
comment on column rows.plan_no is 'counts the plans that added units to this row; a number can be used once';
comment on column rows.waits_for is 'why the row has units due that are not planned, in words';

create table orders (
    order_id            text collate "C" primary key,
    upstream_id         text,
    state               text,
    state_since         timestamptz,
    checked_at          timestamptz,
    ask_at              timestamptz,
    asks                int not null default 0,
    asked_since         timestamptz,
    unknown_since       timestamptz,
    unread_since        timestamptz,
    list_at             timestamptz,
    lists               int not null default 0,
    lists_when_settled  boolean not null default false,
    listed_at           timestamptz,
    unlisted_since      timestamptz,
    list_generation     int not null default 1,
    verified_generation int not null default 1,
    captured_amount     numeric,
    cancelled_amount    numeric,
    complete_at         timestamptz
);
create index orders_ask on orders (ask_at) where ask_at is not null;
create index orders_list on orders (list_at) where list_at is not null;
create index orders_unlisted on orders (unlisted_since) where unlisted_since is not null;
create index orders_lists_later on orders (order_id) where lists_when_settled;
comment on column orders.ask_at is 'the API is to be asked for this order''s state from then on; null: not at all';
comment on column orders.asked_since is 'units wait since then for the API''s answer about this order; null: it owes none';
comment on column orders.list_at is 'this order''s fulfillments are to be listed from then on; null: not at all';
comment on column orders.lists_when_settled is
    'a fulfillment that nobody explains may be that of a submission on its way: listed again when that has come to an end';
comment on column orders.list_generation is 'the generation for which the listing under way counts as the first look';
comment on column orders.verified_generation is 'the generation in which the order''s fulfillments were last looked at first';
comment on column orders.unlisted_since is 'the list of the order''s fulfillments is wanted, and can''t be read, since then';
comment on column orders.unread_since is 'what the API says of the order can''t be read since then';
comment on column orders.unknown_since is 'the API says since then that it knows no such order';

create table order_items (
    order_id text collate "C" not null references orders,
    item_id  text collate "C" not null,
    quantity bigint not null,
    state    text,
    primary key (order_id, item_id)
);

create table upstreams (
    upstream_id text collate "C" primary key,
    order_id    text collate "C",
    is_ambiguous boolean not null default false,
    first_seen_at timestamptz not null default clock_timestamp(),
    ask_at      timestamptz default clock_timestamp(),
    asks        int not null default 0
);
create index upstreams_order on upstreams (order_id) where order_id is not null;
create index upstreams_ask on upstreams (ask_at) where ask_at is not null;

-- ---------------------------------------------------------------- submissions

create table lanes (
    order_id          text collate "C" primary key,
    active_submission bigint,
    next_at           timestamptz not null default 'infinity',
    urgent_until      timestamptz
) with (fillfactor = 50);
-- Whether a lane is busy is not in here, so that a claim writes no index: claims step over the busy ones that are due.
create index lanes_due on lanes (next_at) where next_at < 'infinity';
create index lanes_urgent on lanes (urgent_until) where urgent_until is not null;
comment on table lanes is 'one row per order: the lock that makes one POST at a time, and when the next may go';
comment on column lanes.urgent_until is 'its authorization ends then, soon: it goes before the others; null: no hurry';

create table submissions (
    submission_id    bigint generated always as identity primary key,
    marker           uuid not null default gen_random_uuid() unique,
    order_id         text collate "C" not null, -- it has a lane: law_submissions_inserted
    shipment_ref     text collate "C" not null,
    state            submission_state not null default 'planned',
    parent_id        bigint references submissions,
    run_id           bigint,
    shipment_id      text,
    tracking_company text,
    tracking_number  text,
    tracking_url     text,
    created_at       timestamptz not null default clock_timestamp(),
    tries            int not null default 0,
    attempts         int not null default 0,
    unknown_attempts int not null default 0,
    next_attempt_at  timestamptz,
    claim_token      uuid,
    claim_expires_at timestamptz,
    worker_id        bigint,
    first_sent_at    timestamptz,
    failed_at        timestamptz,
    unknown_since    timestamptz,
    settle_after     timestamptz,
    next_look_at     timestamptz,
    looks            int not null default 0,
    negative_looks   int not null default 0,
    unknown_then     text,
    held_by          text,
    settled_at       timestamptz,
    settled_by       text,
    fulfillment_id   text,
    http_status      int,
    error_code       text,
    error_message    text,
    request_id       text,
    is_plain         boolean not null default false,
    check ((state = 'planned') = (next_attempt_at is not null)),
    check ((state = 'sending') = (claim_token is not null)),
    check ((state = 'sending') = (claim_expires_at is not null)),
    check ((state = 'unknown') = (unknown_since is not null)),
    check ((state = 'unknown') = (settle_after is not null)),
    check ((state = 'unknown') = (next_look_at is not null)),
    check ((state = 'unknown') = (unknown_then is not null)),
    check (unknown_then in ('replan', 'reject', 'wait')),
    check ((state = 'held') = (held_by is not null)),
    check (held_by in ('operator', 'attempts', 'ambiguous', 'marker', 'vanished')),
    check ((state in ('accepted', 'rejected', 'dismissed', 'withdrawn', 'split')) = (settled_at is not null)),
    check ((settled_at is not null) = (settled_by is not null)),
    check (settled_by in ('answer', 'marker', 'event', 'operator', 'planner')),
    check ((state = 'accepted') = (fulfillment_id is not null)),
    check (not is_plain or (state = 'accepted' and tries = 1))
) with (fillfactor = 50); -- a claim moves nothing, a settlement finds room
-- No index names what a claim changes (state, next_attempt_at, the claim itself): so it writes none. What is open is
-- "settled_at is null", what is unknown has a next_look_at, what is being sent is in `claims`; one POST at a time for an
-- order is law_4_one_post (functions/laws.sql).
create unique index submissions_fulfillment on submissions (fulfillment_id) where fulfillment_id is not null;
create index submissions_held on submissions (held_by) where held_by is not null;
create index submissions_look on submissions (next_look_at) where next_look_at is not null;
create index submissions_open on submissions (order_id, created_at) where settled_at is null;
create index submissions_order on submissions (order_id);
create index submissions_parent on submissions (parent_id) where parent_id is not null;
create index submissions_settled on submissions (settled_at) where settled_at is not null;
create index submissions_withdrawn on submissions (order_id) where settled_by = 'planner';
comment on column submissions.tries is 'how often it was claimed; attempts counts those that say something about it';
comment on column submissions.failed_at is 'when a POST of it last ended otherwise than accepted';
comment on column submissions.is_plain is 'its one POST was accepted: that attempt is told by the columns here, and is not in attempts';
comment on column submissions.marker is 'goes out as metadata.waybill_submission, the same on every attempt';
comment on column submissions.claim_token is 'made anew for every claim and never used again; who settles must name it';
comment on column submissions.claim_expires_at is 'the claim may not be sent after this; the worker watches it on its own clock';
comment on column submissions.settle_after is 'until then "not found" is not believed';
comment on column submissions.unknown_then is 'what a believed "not found" means: replan, reject or wait for the gate';

create table submission_items (
    submission_id bigint not null, -- as foreign keys that are asked for a batch at once, in law_items_inserted
    row_id        bigint not null,
    plan_no       int not null,
    shipped       bigint not null default 0 check (shipped >= 0),
    cancelled     bigint not null default 0 check (cancelled >= 0),
    shipment_item_id text,
    primary key (submission_id, row_id),
    check (shipped + cancelled > 0)
);
create unique index law_5_plan_no on submission_items (row_id, plan_no);

-- What is open is what the open submissions carry; the rest of the live units is posted.
create view row_units as
select r.*, r.live_shipped - o.shipped as posted_shipped, r.live_cancelled - o.cancelled as posted_cancelled,
       o.shipped as open_shipped, o.cancelled as open_cancelled
  from rows r
 cross join lateral (
       select coalesce(sum(i.shipped), 0)::bigint as shipped, coalesce(sum(i.cancelled), 0)::bigint as cancelled
         from (select x.submission_id from submissions x where x.order_id = r.order_id and x.settled_at is null offset 0) s
        cross join lateral (select x.shipped, x.cancelled from submission_items x
                             where x.submission_id = s.submission_id and x.row_id = r.row_id offset 0) i) o;
comment on view row_units is 'rows with their live units told apart: posted, and open in submissions that are not settled';

-- What a claim took, until none of it is being sent under its token any more.
create table claims (
    claim_token uuid primary key,
    worker_id   bigint,
    made_at     timestamptz not null default clock_timestamp(),
    expires_at  timestamptz not null,
    submissions bigint[] not null,
    sending     int not null default 0 check (sending >= 0)
);
create index claims_expires on claims (expires_at);
create index claims_worker on claims (worker_id);
comment on table claims is 'one row per claim: where what is being sent is found again when its worker is gone';
comment on column claims.sending is 'how many of its submissions are being sent under its token; a token is never used again, so that 0 is the end of it';

create table attempts (
    submission_id bigint not null,
    attempt       int not null,
    kind          text not null check (kind in ('post', 'look')),
    worker_id     bigint,
    claim_token   uuid,
    sent          boolean not null,
    started_at    timestamptz not null,
    finished_at   timestamptz not null default clock_timestamp(),
    outcome       text not null,
    http_status   int,
    error         text,
    request_id    text
) partition by range (finished_at);
create table attempts_other partition of attempts default;
create index attempts_submission on attempts (submission_id);
create index attempts_finished on attempts (finished_at);
comment on table attempts is 'requests made for submissions, but for the one POST of a submission that is plain: see attempts_made';

create view plain_attempts as
select s.submission_id, 1 as attempt, 'post'::text as kind, s.worker_id, true as sent, s.first_sent_at as started_at,
       s.settled_at as finished_at, 'accepted'::text as outcome, s.http_status, null::text as error, s.request_id, s.order_id
  from submissions s
 where s.is_plain;
comment on view plain_attempts is 'the one POST of each submission that is plain';

-- For conditions with constants: a join to it reads it all, as the planner looks into no part of a union that has a condition.
create view attempts_made as
select a.submission_id, a.attempt, a.kind, a.worker_id, a.sent, a.started_at, a.finished_at, a.outcome, a.http_status, a.error,
       a.request_id
  from attempts a
 union all
select p.submission_id, p.attempt, p.kind, p.worker_id, p.sent, p.started_at, p.finished_at, p.outcome, p.http_status, p.error,
       p.request_id
  from plain_attempts p;
comment on view attempts_made is 'every request made for a submission';

create table adjustments (
    adjustment_id  bigint generated always as identity primary key,
    kind           adjustment_kind not null,
    row_id         bigint not null references rows,
    shipped        bigint not null default 0,
    cancelled      bigint not null default 0,
    returned       bigint not null default 0,
    fulfillment_id text,
    made_at        timestamptz not null default clock_timestamp(),
    made_by        text not null default session_user,
    reason         text
);
create index adjustments_row on adjustments (row_id);
-- A fulfillment's units are booked once, and taken back once.
create unique index adjustments_once on adjustments (fulfillment_id, row_id, (shipped < 0 or cancelled < 0))
    where fulfillment_id is not null;
create index adjustments_foreign on adjustments (made_at) where kind = 'foreign';
comment on column adjustments.returned is 'units that came back, as the warehouse says; they settle nothing';

-- While a baseline is taken from the API: the orders of the relation, and whose fulfillments are booked.
create table baseline_progress (
    order_id  text collate "C" primary key,
    listed_at timestamptz
);

-- What pruned submissions leave behind, so that a list of the order's fulfillments is still explained.
create table explained (
    marker         uuid primary key,
    fulfillment_id text not null unique,
    order_id       text collate "C" not null,
    settled_at     timestamptz not null
);
create index explained_order on explained (order_id);
comment on table explained is 'markers and fulfillments of pruned submissions, kept until their order is long complete';

-- ------------------------------------------------------- what needs a person

create table discrepancies (
    discrepancy_id bigint generated always as identity primary key,
    kind           text not null,
    order_id       text collate "C" not null default '',
    item_id        text collate "C" not null default '',
    shipment_ref   text collate "C" not null default '',
    submission_id  bigint not null default 0,
    detail         text not null,
    fingerprint    text not null default '',
    is_note        boolean not null default false,
    run_id         bigint,
    opened_at      timestamptz not null default clock_timestamp(),
    seen_at        timestamptz not null default clock_timestamp(),
    closed_at      timestamptz,
    closed_by      text,
    is_dismissed   boolean not null default false,
    reason         text,
    check ((closed_at is null) = (closed_by is null)),
    check (kind in ('over_quantity', 'decreased', 'moved', 'bad_row', 'unreadable', 'unknown_item',
                    'ordered_mismatch', 'guard', 'vanished', 'unknown_order', 'order_blocked',
                    'order_returned', 'rejected', 'foreign', 'ambiguous', 'double', 'missing', 'extra',
                    'payment', 'attempts', 'hand_over', 'feed_broken', 'warehouse_shrank', 'ledger'))
);
create unique index discrepancies_open on discrepancies (order_id, kind, item_id, shipment_ref, submission_id)
    where closed_at is null;
create index discrepancies_order on discrepancies (order_id, kind);
create index discrepancies_opened on discrepancies (opened_at);
create index discrepancies_submission on discrepancies (submission_id) where closed_at is null and submission_id <> 0;

create table decisions (
    decision_id   bigint generated always as identity primary key,
    made_at       timestamptz not null default clock_timestamp(),
    db_user       text not null default session_user,
    os_user       text,
    action        text not null,
    target        text not null,
    submission_id bigint,
    order_id      text collate "C",
    reason        text
);
create index decisions_order on decisions (order_id) where order_id is not null;
comment on table decisions is 'what people decided, when and why; append-only';

-- ---------------------------------------------------------- feed, runs, hosts

create table queue (
    queue_id  bigint generated always as identity primary key,
    order_key text not null,
    source    text not null default 'feed',
    queued_at timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_threshold = 5000);
comment on table queue is 'orders to look at, append-only for writers: nothing is unique here, so nobody waits';

create table relooks (
    order_key text collate "C" primary key,
    due_at    timestamptz not null,
    failures  int not null default 0,
    has_shrunk boolean not null default false
);
create index relooks_due on relooks (due_at);
create index relooks_shrunk on relooks (order_key) where has_shrunk;
comment on table relooks is 'orders that are looked at again later: unreadable ones, and those that a shrinking warehouse left out';

-- Sequences survive a rollback and never block: the feed counts here what it could not queue.
create sequence feed_missed;
create sequence feed_null_keys;

create table feeds (
    relation   regclass primary key,
    name       text not null, -- of the relation, also when it is gone
    order_key  text not null,
    made_at    timestamptz not null default clock_timestamp(),
    made_by    text not null default session_user
);

create table feed_state (
    is_only          boolean primary key default true check (is_only),
    last_sweep_at    timestamptz,
    sweep_wanted     text,
    sweep_wishes     bigint not null default 0,
    missed_seen      bigint not null default 0,
    null_keys_seen   bigint not null default 0,
    missed_swept     bigint not null default 0,
    null_keys_swept  bigint not null default 0,
    swept_horizon    xid8,
    not_ours         bigint,
    missed_by_feed   bigint,
    scan_watermark   timestamptz,
    scan_held_back_by text,
    scan_at          timestamptz,
    touched_at       timestamptz,
    units_per_line_max bigint,
    audited_at       timestamptz,
    audit_row        bigint not null default 0,
    expiring_to      timestamptz
);
comment on column feed_state.sweep_wishes is 'counts them: one that came while a sweep was reading is not served by it';
comment on column feed_state.missed_seen is 'all that was counted up to here had committed before a sweep read';
comment on column feed_state.missed_swept is 'counted when the last sweep began; whoever counted may have been open still';
comment on column feed_state.swept_horizon is 'whoever was open then, and counted, has a transaction id below';
comment on column feed_state.units_per_line_max is 'run.max_units_per_line as the last run had it';
comment on column feed_state.touched_at is 'when an order was last looked at because touch() had queued it';
comment on column feed_state.expiring_to is 'orders accepted until then were looked at for an authorization that ends soon';
comment on column feed_state.audit_row is 'the ledger''s own audit goes on behind this row; 0: it is through';

create table runs (
    run_id         bigint generated always as identity primary key,
    command        text not null,
    host           text not null,
    pid            int not null,
    version        text not null,
    started_by     text not null default session_user,
    started_at     timestamptz not null default clock_timestamp(),
    finished_at    timestamptz,
    swept          boolean not null default false,
    looked_at      bigint not null default 0,
    planned        bigint not null default 0,
    accepted       bigint not null default 0,
    rejected       bigint not null default 0,
    unknown        bigint not null default 0,
    retried        bigint not null default 0,
    held           bigint not null default 0,
    missed_by_feed bigint,
    opened         bigint not null default 0,
    exit_code      int,
    error          text
);
create index runs_started on runs (started_at);

create table workers (
    worker_id   bigint generated always as identity primary key,
    run_id      bigint not null,
    host        text not null,
    pid         int not null,
    backend_pid int not null default pg_backend_pid(),
    started_at  timestamptz not null default clock_timestamp(),
    seen_at     timestamptz not null default clock_timestamp(),
    is_sending  boolean not null default false,
    ended_at    timestamptz
);
create index workers_live on workers (seen_at) where ended_at is null;

create table api_key (
    is_only        boolean primary key default true check (is_only),
    blocked_until  timestamptz not null default '-infinity',
    blocked_why    text,
    refused_at     timestamptz,
    refused_why    text,
    rate           int,
    failing_since  timestamptz,          -- the circuit is open
    failing_why    text,
    probe_at       timestamptz,          -- when the next POST may try
    probes         int not null default 0,
    accepted_at    timestamptz,          -- a POST was, to the second
    clock_set_at   timestamptz           -- when a step of the server's clock was last made good
);

-- ------------------------------------------------ an order's life after the POST

-- What the feed of events said about orders that the ledger knows; kept as long as an event can come again.
create table events (
    event_id       text collate "C" primary key,
    type           text not null,
    kind           text not null check (kind in ('state', 'ask', 'payment', 'fulfillment')),
    what           text,        -- state: which; payment: what failed
    created_at     timestamptz not null,
    order_id       text collate "C" not null,
    state_since    timestamptz, -- as the event's order says
    captured       numeric,
    cancelled      numeric,
    fulfillment_id text,
    marker         text,
    charge_id      text,
    charge_state   text,
    failure_code   text,
    read_at        timestamptz not null default clock_timestamp(),
    applied_at     timestamptz
);
create index events_to_apply on events (created_at, event_id) where applied_at is null;
create index events_created on events (created_at);
create index events_order on events (order_id);
comment on table events is 'events of the API, only what is needed of them; an id is taken once';

create table event_feed (
    is_only       boolean primary key default true check (is_only),
    cursor_id     text,
    cursor_at     timestamptz,
    read_at       timestamptz,
    gap_at        timestamptz,
    gap_why       text,
    unread_why    text
);
comment on column event_feed.cursor_id is 'the newest event of the last whole reading';
comment on column event_feed.gap_at is 'when a reading last did not reach the one before, so that the open orders were asked for instead';
comment on column event_feed.unread_why is 'why the last reading broke off; null: it was whole';

alter table orders
    add column follow_at   timestamptz,
    add column follow_why  text,
    add column follow_asks int not null default 0;
create index orders_follow on orders (follow_at) where follow_at is not null;
create index orders_accepted on orders (state_since) where state = 'accepted';
comment on column orders.follow_at is 'from then on it is looked at whether the order should be complete by now, or is still over; null: not any more';
comment on column orders.follow_why is 'why the API is to be asked at once and whatever was posted: event, gap; null: it isn''t';

-- Personal data of an order: see sql/functions/forget.sql.
alter table orders
    add column forgotten_at timestamptz,
    add column forgotten_by text check (forgotten_by in ('operator', 'api', 'age')),
    add column forget_at    timestamptz;
create index orders_forget on orders (forget_at) where forget_at is not null;
create index orders_over on orders (state_since)
    where forgotten_at is null and state in ('complete', 'cancelled', 'returned', 'blocked');
comment on column orders.forgotten_at is 'since then nothing personal of it is kept or sent; null: nobody asked for that';
comment on column orders.forget_at is 'what is left of it is dropped from then on; null: nothing is left';

create table order_states (
    seq         bigint generated always as identity primary key,
    order_id    text collate "C" not null references orders,
    state       text not null,
    at          timestamptz not null,
    is_exact    boolean not null, -- at is the API's own time of the transition, not when we heard of it
    source      text not null check (source in ('api', 'event')),
    recorded_at timestamptz not null default clock_timestamp(),
    handed_at   timestamptz,
    is_skipped  boolean not null default false,
    unique (order_id, at, state),
    check (handed_at is not null or not is_skipped)
);
create index order_states_pending on order_states (order_id, at, seq) where handed_at is null;
comment on table order_states is 'every state that an order was in at the API, in the order in which they were heard of';
comment on column order_states.handed_at is 'when the warehouse was told; null: not yet';
comment on column order_states.is_skipped is 'the warehouse had been told a newer one already';

create table hand_overs (
    order_id text collate "C" primary key references orders,
    last_at  timestamptz,
    failures int not null default 0,
    next_at  timestamptz
);
comment on table hand_overs is 'one row per order whose states are handed to the warehouse: the newest handed, and when to try again';

-- Tracking that differs from what a submission's POST carried: the newest, and whether it was sent.
create table tracking (
    submission_id bigint primary key references submissions on delete cascade,
    order_id      text collate "C" not null,
    company       text,
    number        text,
    url           text,
    version       int not null default 1,
    next_at       timestamptz default clock_timestamp(),
    failures      int not null default 0,
    sending_until timestamptz,
    sent_at       timestamptz,
    error         text
);
create index tracking_due on tracking (next_at) where next_at is not null;
create index tracking_sending on tracking (sending_until) where sending_until is not null;
comment on column tracking.next_at is 'when it is to be sent, once its submission is accepted; null: it was';
comment on column tracking.sending_until is 'it is on its way and holds its order''s lane, until then at most';
comment on column tracking.version is 'grows when the warehouse changes it again while an older one is on its way';

-- Shipments and cancellations that the API's own fulfillment orders told of, as rows that no warehouse shows: what the
-- lines take that it marks distributed and gives no quantities of.
create table coordinated (
    order_id         text collate "C" not null,
    item_id          text collate "C" not null,
    shipment_ref     text collate "C" not null, -- the shipment's id; of cancelled units the fulfillment order's
    shipped          bigint not null default 0 check (shipped >= 0),
    cancelled        bigint not null default 0 check (cancelled >= 0),
    shipment_id      text,
    shipment_item_id text,
    told_at          timestamptz not null default clock_timestamp(),
    primary key (order_id, item_id, shipment_ref)
);

-- Charges that were looked at, and what became of their captures and releases.
create table charges (
    charge_id text collate "C" primary key,
    order_id  text collate "C" not null,
    state     text,
    amount    numeric,
    first_at  timestamptz not null default clock_timestamp(),
    asked_at  timestamptz,
    ask_at    timestamptz,
    asks      int not null default 0
);
create index charges_order on charges (order_id);
create index charges_ask on charges (ask_at) where ask_at is not null;
comment on column charges.ask_at is 'the API is to be asked for the charge from then on; null: not at all';
comment on column charges.asks is 'how often it was asked since there was a new reason to';

create table charge_operations (
    charge_id       text collate "C" not null references charges,
    operation_id    text collate "C" not null,
    kind            text not null check (kind in ('capture', 'cancel')),
    state           text not null,
    amount          numeric,
    fulfillment_id  text,
    failure_code    text,
    failure_message text,
    at              timestamptz,
    primary key (charge_id, operation_id)
);

insert into event_feed default values;

create table schema_versions (
    version    int primary key,
    name       text not null,
    hash       text not null,
    applied_at timestamptz not null default clock_timestamp(),
    applied_by text not null default session_user
);

create table code_hashes (
    name text primary key,
    hash text not null
);

create table roles (
    role_name name primary key,
    kind      text not null check (kind in ('worker', 'reporter')),
    given_at  timestamptz not null default clock_timestamp()
);

insert into feed_state default values;
insert into api_key default values;
insert into identity (system_identifier, database_oid, timeline, home)
select c.system_identifier::text, d.oid, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), 'identity'::regclass
  from pg_control_system() c, pg_database d
 where d.datname = current_database();

-- A table that was never analyzed is planned for as if it held hundreds of rows, and autovacuum leaves out those that stay small.
analyze identity, event_feed, feed_state, api_key, feeds;
