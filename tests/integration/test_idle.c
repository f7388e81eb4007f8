#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "ledger/init.h"
#include "ledger/ledger.h"
#include "support/support.h"

/* One question tells whether there is anything to do: what it calls idle must be so, since nobody
 * asks again. */

static char url[SUPPORT_URL_MAX];
static char plain[SUPPORT_URL_MAX];

#define LOOK                                                                                       \
    "select is_idle, reads_events from look_for_work((select max(version) from schema_versions), " \
    "'https://api.example.com', false, true, 86400000, null, true, 2000, 0)"

static void
setup(void)
{
    struct error err = {0};
    struct ledger_options session = {.url = plain,
                                     .schema = "waybill",
                                     .application_name = "waybill test",
                                     .connect_timeout_ms = 5000};
    struct ledger_init_options options = {.session = &session};
    struct ledger_init_result result;

    support_database_create(plain);
    ck_assert_msg(ledger_init(&options, &result, &err), "%s: %s", err.context, err.message);
    (void)snprintf(url, sizeof(url), "%s%coptions=-csearch_path%%3Dwaybill%%2Cpg_temp", plain,
                   strchr(plain, '?') != NULL ? '&' : '?');
    support_psql(
        url,
        "update identity set mode = 'live', base_url = 'https://api.example.com', is_live = false;"
        "update feed_state set last_sweep_at = now(), audited_at = now(),"
        "  expiring_to = now() - interval '6 days', units_per_line_max = 0;"
        "create table public.lines (order_id text); select feed_from('public.lines', 'order_id');"
        "update feed_state set sweep_wanted = null;"
        "insert into lanes (order_id) values ('O');"
        "insert into orders (order_id, state, state_since) values ('O', 'accepted', now());"
        "insert into rows (order_id, item_id, ordered, shipped, cancelled)"
        "  values ('O', 'I', 3, 3, 0)");
}

/* The session ends with the answer, and what it changed goes with it. */
static void
looks_after(const char *change, const char *expected)
{
    char sql[1600];

    (void)snprintf(sql, sizeof(sql), "begin; %s; " LOOK, change);
    char *text = support_query_text(url, sql);

    ck_assert_msg(strcmp(text, expected) == 0, "after \"%s\": %s, not %s", change, text, expected);
    free(text);
}

START_TEST(whatever_is_due_ends_idleness)
{
    static const char submission[] =
        "insert into submissions (order_id, shipment_ref, state, %s) values ('O', '', %s)";
    static const char *const work[] = {
        "insert into queue (order_key) values ('P')",
        "insert into relooks (order_key, due_at) values ('P', now())",
        "update lanes set next_at = clock_timestamp() + interval '1 s'",
        "insert into claims (claim_token, worker_id, expires_at, submissions)"
        " values (gen_random_uuid(), 1, now() + interval '1 h', '{}')",
        "update lanes set urgent_until = now() + interval '1 hour'",
        "update orders set ask_at = now()",
        "update orders set list_at = now()",
        "update orders set follow_at = now()",
        "update orders set forget_at = now()",
        "update orders set state_since = now() - interval '6 days'",
        "insert into upstreams (upstream_id) values ('U')",
        "insert into events (event_id, type, kind, created_at, order_id)"
        "  values ('E', 'order.accepted', 'state', now(), 'O')",
        "insert into charges (charge_id, order_id, ask_at) values ('C', 'O', now())",
        "insert into order_states (order_id, state, at, is_exact, source)"
        "  values ('O', 'accepted', now(), true, 'api')",
        "update api_key set failing_since = now()",
        "update api_key set refused_at = now()",
        "update feed_state set audited_at = now() - interval '25 hours'",
        "update feed_state set audit_row = 1",
        "update feed_state set units_per_line_max = 1",
        "update feed_state set last_sweep_at = now() - interval '25 hours'",
        "update feed_state set last_sweep_at = null",
        "update feed_state set sweep_wanted = 'why'",
        "update feed_state set expiring_to = null",
        "update feed_state set expiring_to = now() - interval '6 days 7 hours'",
        "insert into discrepancies (kind, detail) values ('feed_broken', 'x')",
        "alter table public.lines disable trigger waybill_feed_update",
        "alter table public.lines enable trigger waybill_feed_update",
        "drop trigger waybill_feed_truncate on public.lines",
        "drop table public.lines",
        "update identity set mode = 'shadow'",
        "update identity set mode = 'paused', resume_mode = 'live'",
        "update identity set base_url = 'https://other.example.com'",
        "update identity set is_live = null, base_url = null",
        "update identity set is_live = true",
    };
    static const char *const states[][2] = {
        {"unknown_since, settle_after, next_look_at, unknown_then",
         "'unknown', now(), now(), now(), 'replan'"},
        {"settled_at, settled_by, fulfillment_id",
         "'accepted', now(), 'answer', 'F'); insert into tracking (submission_id, order_id)"
         "  select submission_id, 'O' from submissions where (true"},
    };

    looks_after("select where false", "t|f");
    for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++)
        looks_after(work[i], "f|f");
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        char change[800];

        (void)snprintf(change, sizeof(change), submission, states[i][0], states[i][1]);
        looks_after(change, "f|f");
    }
}
END_TEST

START_TEST(what_waits_for_its_time_does_not)
{
    looks_after("update lanes set next_at = now() + interval '1 min'", "t|f");
    looks_after("update orders set ask_at = now() + interval '1 min', follow_at = ask_at", "t|f");
    looks_after("insert into relooks (order_key, due_at) values ('P', now() + interval '1 h')",
                "t|f");
    looks_after("update orders set state_since = now() - interval '8 days'", "t|f");
    looks_after("update feed_state set missed_seen = 5", "t|f");
}
END_TEST

/* Counters of what the feed could not queue are sequences: no rollback takes them back. */
START_TEST(a_statement_that_the_feed_missed_does)
{
    support_psql(url, "select nextval('feed_missed')");
    support_query_is(url, LOOK, "f|f");
    support_psql(url, "update feed_state set missed_seen = 1");
    support_query_is(url, LOOK, "t|f");
    /* rows without a key: a sweep an hour at most */
    support_psql(url, "select nextval('feed_null_keys')");
    support_query_is(url, LOOK, "t|f");
    support_psql(url, "update feed_state set last_sweep_at = now() - interval '2 hours'");
    support_query_is(url, LOOK, "f|f");
}
END_TEST

START_TEST(a_row_without_a_key_is_counted_and_keeps_no_other_from_the_queue)
{
    static const char seen[] =
        "select (select string_agg(order_key, ' ' order by order_key) from queue),"
        "       (select is_called from feed_null_keys)";

    support_psql(url, "insert into public.lines values ('K'), (''), ('L'), ('K')");
    support_query_is(url, seen, "K L|f");
    support_psql(url,
                 "update public.lines set order_id = nullif(order_id, 'L') where order_id <> 'K'");
    support_query_is(url, seen, "K L L|t");
    support_query_is(url, "select last_value from feed_missed", "1");
    support_query_is(url, "select is_called from feed_missed", "f");
}
END_TEST

/* A turn of a watch leaves what is rare to the next whole pass, but nothing that is to be planned
 * or sent. */
START_TEST(a_turn_of_a_watch_looks_at_less)
{
    static const char *const changes[][2] = {
        {"insert into queue (order_key) values ('P')", "f|f"},
        {"update lanes set next_at = now()", "f|f"},
        {"update orders set ask_at = now()", "f|f"},
        {"update identity set mode = 'paused', resume_mode = 'live'", "f|f"},
        {"update feed_state set sweep_wanted = 'why'", "t|f"},
        {"select where false", "t|f"},
    };
    char *turn = support_query_text(
        url, "select replace($$" LOOK "$$, '(select max(version) from schema_versions)', 'null')");

    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        char sql[800];

        (void)snprintf(sql, sizeof(sql), "begin; %s; %s", changes[i][0], turn);
        support_query_is(url, sql, changes[i][1]);
    }
    free(turn);
}
END_TEST

START_TEST(events_are_read_when_the_last_reading_is_old)
{
    char *sql = support_query_text(url, "select replace($$" LOOK "$$, 'null', '60000')");

    support_query_is(url, sql, "t|t");
    support_psql(url, "update event_feed set read_at = now()");
    support_query_is(url, sql, "t|f");
    support_psql(url, "update event_feed set read_at = now() - interval '61 s'");
    support_query_is(url, sql, "t|t");
    free(sql);
}
END_TEST

/* Copied elsewhere, it is refused here as everywhere. */
START_TEST(a_ledger_that_is_not_itself_is_refused)
{
    char state[6];

    support_psql_state(url, "update identity set system_identifier = '1'; " LOOK, state);
    ck_assert_str_eq(state, "WB002");
}
END_TEST

static const char *
configure(const char *line_items)
{
    char text[1200];
    const char *key = support_write_file("idle.key", "sk_test_idle\n", 0600);

    support_psql(url, "update identity set base_url = 'http://127.0.0.1:1'");
    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\nwarehouse:\n  line_items: %s\n"
                   "api:\n  base_url: http://127.0.0.1:1\n  key_file: %s\n  mode: test\n"
                   "follow:\n  events: false\n",
                   plain, line_items, key);
    return support_write_file("idle.yaml", text, 0600);
}

/* The same work through the program: a run with nothing to do is noted, and starts no worker. */
START_TEST(a_run_with_nothing_to_do_begins_and_ends_at_once)
{
    char *out = NULL;
    const char *config = configure("public.lines");

    const char *argv[] = {SUPPORT_WAYBILL, "-c", config, "run", NULL};

    ck_assert_int_eq(support_run(argv, NULL, &out, NULL), 0);
    ck_assert_msg(strstr(out, "run 1: looked at 0, planned 0") != NULL, "%s", out);
    free(out);
    support_query_is(url,
                     "select command, finished_at is not null, exit_code, opened,"
                     "       (select count(*) from workers) from runs",
                     "run|t|0|0|0");
    /* and the first change is work again: the feed's table is no relation to read */
    support_psql(url, "insert into public.lines values ('Q')");
    ck_assert_int_eq(support_run(argv, NULL, NULL, NULL), 3);
}
END_TEST

START_TEST(a_run_with_nothing_to_do_and_no_relation_says_so)
{
    static const char *const there[] = {"public.lines", "public.these"};
    const char *argv[] = {SUPPORT_WAYBILL, "-c", NULL, "run", NULL};
    char *errors = NULL;

    support_psql(url, "create function public.these(order_ids text[]) returns setof public.lines"
                      " language sql as 'select * from public.lines'");
    for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
        argv[2] = configure(there[i]);
        int code = support_run(argv, NULL, NULL, &errors);

        ck_assert_msg(code == 0, "%s: %d, %s", there[i], code, errors);
        free(errors);
    }
    support_query_is(url, "select count(*), (select count(*) from workers) from runs", "2|0");
    argv[2] = configure("public.nosuch");
    ck_assert_int_eq(support_run(argv, NULL, NULL, &errors), 3);
    ck_assert_msg(strstr(errors, "public.nosuch") != NULL, "%s", errors);
    free(errors);
}
END_TEST

#define SCAN_CONFIG                                                                                \
    "database:\n  url: %s\nwarehouse:\n  line_items: public.scanned\n  change_feed: scan\n"        \
    "api:\n  base_url: http://127.0.0.1:1\n  key_file: %s\n  mode: test\n"                         \
    "  order_gate: false\nfollow:\n  events: false\n"

/* With the feed scan too: nothing has changed since the watermark, which moves all the same. */
START_TEST(a_scan_that_would_find_nothing_ends_it_too)
{
    char text[1200];
    const char *key = support_write_file("idle.key", "sk_test_idle\n", 0600);
    const char *config;

    support_psql(url,
                 "update identity set base_url = 'http://127.0.0.1:1';"
                 "create table public.scanned (order_id text, item_id text, ordered_quantity int,"
                 "  shipped_quantity int, cancelled_quantity int, changed_at timestamptz);"
                 "insert into public.scanned values ('O', 'I', 3, 0, 0, now() - interval '1 h');"
                 "update rows set shipped = 0;"
                 "update feed_state set scan_watermark = now() - interval '30 min'");
    (void)snprintf(text, sizeof(text), SCAN_CONFIG, plain, key);
    config = support_write_file("scan.yaml", text, 0600);

    const char *argv[] = {SUPPORT_WAYBILL, "-c", config, "run", NULL};

    ck_assert_int_eq(support_run(argv, NULL, NULL, NULL), 0);
    support_query_is(url,
                     "select exit_code, (select count(*) from workers),"
                     "       (select scan_watermark > now() - interval '1 min' from feed_state)"
                     "  from runs",
                     "0|0|t");
    /* a change is work, whenever the warehouse says that it was: the API can't be reached */
    support_psql(url, "update public.scanned set shipped_quantity = 1, changed_at = now()");
    ck_assert_int_eq(support_run(argv, NULL, NULL, NULL), 5);
    support_query_is(url, "select planned from runs order by run_id desc limit 1", "1");
}
END_TEST

/* What can't be told is left to the scan, which says what is wrong. */
START_TEST(a_relation_that_cannot_be_asked_is_never_quiet)
{
    static const char quiet[] = "select scan_is_quiet('public.scanned', 60000, false)";
    char state[6];

    support_psql(url, "update feed_state set scan_watermark = now()");
    support_query_is(url, quiet, "f");
    support_psql(url, "create table public.scanned (changed_at timestamptz)");
    support_query_is(url, quiet, "t");
    support_query_is(url, "select scan_is_quiet('scanned', 60000, false)", "f");
    support_psql(url, "insert into public.scanned values (now() - interval '59 s')");
    support_query_is(url, quiet, "f");
    support_query_is(url, "select scan_is_quiet('public.scanned', 50000, false)", "t");
    support_psql(url, "update feed_state set scan_watermark = null");
    support_query_is(url, "select scan_is_quiet('public.scanned', 50000, false)", "f");
    support_psql(url,
                 "update feed_state set scan_watermark = now();"
                 "drop table public.scanned; create table public.scanned (changed_at timestamp)");
    support_query_is(url, quiet, "f");
    support_psql_state(
        url,
        "drop table public.scanned; create table public.scanned (changed_at timestamptz);"
        "create role idle_reader; grant usage on schema waybill to idle_reader;"
        "grant select on feed_state to idle_reader;"
        "grant execute on function scan_is_quiet to idle_reader;"
        "set role idle_reader; select scan_is_quiet('public.scanned', 60000, false)",
        state);
    ck_assert_str_eq(state, "42501");
}
END_TEST

/* The session of a watch asks again and again: of a table with an index, by a statement that it
 * keeps. */
START_TEST(a_session_that_asks_again_sees_what_has_changed_since)
{
    static const char partial[] = "create index on public.scanned (changed_at)"
                                  " where changed_at < '2020-01-01';";
    static const char *const indexes[] = {"", "create index on public.scanned (changed_at);",
                                          partial};
    char sql[2048];

    for (size_t i = 0; i < sizeof(indexes) / sizeof(*indexes); i++) {
        (void)snprintf(
            sql, sizeof(sql),
            "drop table if exists public.scanned;"
            "create table public.scanned (changed_at timestamptz); %s"
            "update feed_state set scan_watermark = now();"
            "do $$"
            "declare kept int := (select count(*) from pg_prepared_statements);"
            " is_kept boolean := %s; "
            "begin"
            "  for n in 1..3 loop"
            "    assert scan_is_quiet('public.scanned', 60000, true), 'it has no rows';"
            "    insert into public.scanned values (null), (now() - interval '1 h');"
            "    assert scan_is_quiet('public.scanned', 60000, true), 'nothing is new';"
            "    insert into public.scanned values (now() - interval '59 s');"
            "    assert not scan_is_quiet('public.scanned', 60000, true), 'one is new';"
            "    assert scan_is_quiet('public.scanned', 50000, true), 'not so new';"
            "    update feed_state set scan_watermark = null;"
            "    assert not scan_is_quiet('public.scanned', 50000, true), 'it never looked';"
            "    update feed_state set scan_watermark = now() - interval '1 min';"
            "    assert not scan_is_quiet('public.scanned', 50000, true), 'new since then';"
            "    update feed_state set scan_watermark = now();"
            "    delete from public.scanned;"
            "  end loop;"
            "  assert (select count(*) - kept = is_kept::int from pg_prepared_statements), 'kept';"
            "  drop table public.scanned;"
            "  assert not scan_is_quiet('public.scanned', 50000, true), 'it is gone';"
            "  create table public.scanned (changed_at timestamp);"
            "  assert not scan_is_quiet('public.scanned', 50000, true), 'it is another';"
            "end $$",
            indexes[i], i == 1 ? "true" : "false");
        support_psql(url, sql);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("idle");

    support_need_database();
    SUPPORT_CASE(suite, 60, setup, NULL, whatever_is_due_ends_idleness);
    SUPPORT_CASE(suite, 60, setup, NULL, what_waits_for_its_time_does_not);
    SUPPORT_CASE(suite, 60, setup, NULL, a_statement_that_the_feed_missed_does);
    SUPPORT_CASE(suite, 60, setup, NULL,
                 a_row_without_a_key_is_counted_and_keeps_no_other_from_the_queue);
    SUPPORT_CASE(suite, 60, setup, NULL, a_turn_of_a_watch_looks_at_less);
    SUPPORT_CASE(suite, 60, setup, NULL, events_are_read_when_the_last_reading_is_old);
    SUPPORT_CASE(suite, 60, setup, NULL, a_ledger_that_is_not_itself_is_refused);
    SUPPORT_CASE(suite, 60, setup, NULL, a_run_with_nothing_to_do_begins_and_ends_at_once);
    SUPPORT_CASE(suite, 60, setup, NULL, a_run_with_nothing_to_do_and_no_relation_says_so);
    SUPPORT_CASE(suite, 60, setup, NULL, a_scan_that_would_find_nothing_ends_it_too);
    SUPPORT_CASE(suite, 60, setup, NULL, a_session_that_asks_again_sees_what_has_changed_since);
    SUPPORT_CASE(suite, 60, setup, NULL, a_relation_that_cannot_be_asked_is_never_quiet);
    return support_run_suite(suite);
}
