#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/support.h"

/*
 * An order's life after the POST, with the built programs: a warehouse of one table, whose function
 * keeps a diary of what it is told and writes to that table; the sandbox's events come late, out of
 * order and twice.
 */

#define RUN_MS     120000
#define SETTLED_MS 60000

static char url[SUPPORT_URL_MAX];
static struct support_sandbox sandbox;
static const char *config;
static char said[65536]; /* by all commands of a test, on both channels */

static const char *const SCHEMA =
    "create schema t;"
    "create table t.orders (order_id text primary key, state text, at timestamptz);"
    "create table t.lines (order_id text, item_id text, shipment_ref text default '',"
    "  ordered_quantity int default 2, shipped_quantity int default 0,"
    "  cancelled_quantity int default 0, tracking_company text, tracking_number text,"
    "  tracking_url text, note text, primary key (order_id, item_id, shipment_ref));"
    "create table t.told (n serial, order_id text, state text, at timestamptz,"
    "  in_transaction xid8 default pg_current_xact_id());"
    "create table t.trouble (order_id text, does text);"
    "create function t.tell(order_id text, state text, at timestamptz) returns void"
    "  language plpgsql as $f$ declare does text := (select x.does from t.trouble x"
    "    where x.order_id = $1); begin"
    "  if does = 'slow' then perform pg_sleep(20); end if;"
    "  if does = 'raise' then raise exception 'no such customer'; end if;"
    "  update t.orders o set state = $2, at = $3 where o.order_id = $1;"
    "  update t.lines l set note = $2 where l.order_id = $1;"
    "  insert into t.told (order_id, state, at) values ($1, $2, $3); end $f$;";

static int
run_command(const char *command, const char *a, const char *b)
{
    const char *const argv[] = {SUPPORT_WAYBILL, "-c", config, "--log-level", "debug",
                                command,         a,    b,      NULL};
    struct support_process process;
    size_t used = strlen(said);
    char *out;
    char *errors;
    int code;

    support_spawn(&process, argv, NULL);
    code = support_wait_exit(&process, RUN_MS);
    out = support_output(&process);
    errors = support_errors(&process);
    (void)snprintf(said + used, sizeof(said) - used, "%s%s", out, errors);
    free(out);
    free(errors);
    return code;
}

static void
must(int expected, const char *command, const char *a, const char *b)
{
    int code = run_command(command, a, b);

    ck_assert_msg(code == expected, "waybill %s: %d, not %d: %s", command, code, expected, said);
}

static void
write_config(const char *more)
{
    char text[2048];

    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\nwarehouse:\n  line_items: t.lines\n"
                   "  order_state_function: t.tell\n"
                   "api:\n  base_url: %s\n  key_file: %s\n  mode: test\n"
                   "  requests_per_second: 1000\n  timeout_ms: 1500\n  settle_ms: 60000\n"
                   "retry:\n  first_delay_ms: 50\n  max_delay_ms: 100\n%s",
                   url, sandbox.url, support_write_file("api.key", "sk_test_sandbox\n", 0600),
                   more);
    config = support_write_file("waybill.yaml", text, 0600);
}

static void
setup(void)
{
    static const char *const OPTIONS[] = {"--rate", "0", "--switch", "state_lag_ms=100", NULL};

    said[0] = '\0';
    memset(&sandbox, 0, sizeof(sandbox));
    support_database_create(url);
    support_psql(url, SCHEMA);
    support_sandbox_start(&sandbox, OPTIONS);
    write_config("");
    must(0, "init", NULL, NULL);
    must(0, "baseline", "--from", "nothing");
    support_psql(url, "select waybill.feed_from('t.lines', 'order_id')");
}

static void
teardown(void)
{
    support_sandbox_stop(&sandbox);
    support_database_drop(url);
}

static void
sandbox_post(const char *path, const char *body)
{
    char to[300];
    char *answer = NULL;
    int status;

    (void)snprintf(to, sizeof(to), "%s/_sandbox/%s", sandbox.url, path);
    status = support_http_post(to, body, &answer);
    ck_assert_msg(status == 200 || status == 201, "%s: %d %s", path, status, answer);
    free(answer);
}

static void
move_order(const char *order_id, const char *body)
{
    char path[100];

    (void)snprintf(path, sizeof(path), "orders/%s", order_id);
    sandbox_post(path, body);
}

/* Orders o-1 ... of two units of one item, known to the shop and to the warehouse. more: of each
 * order at the API. */
static void
make_orders(int first, int last, const char *more, int shipped)
{
    char body[200];
    char sql[300];

    for (int i = first; i <= last; i++) {
        (void)snprintf(body, sizeof(body),
                       "[{\"id\":\"o-%d\",\"items\":[{\"id\":\"i-%d\",\"quantity\":2,"
                       "\"price\":9.99}]%s}]",
                       i, i, more);
        sandbox_post("orders", body);
    }
    (void)snprintf(
        sql, sizeof(sql),
        "insert into t.orders (order_id) select 'o-' || i from generate_series(%d, %d) i;"
        "insert into t.lines (order_id, item_id, shipped_quantity)"
        " select 'o-' || i, 'i-' || i, %d from generate_series(%d, %d) i",
        first, last, shipped, first, last);
    support_psql(url, sql);
}

/* What GET /orders/{id} says. The caller frees it. */
static char *
api_order(int i)
{
    static const char *const KEY[] = {"Authorization: Bearer sk_test_sandbox", NULL};
    char from[300];
    char *answer = NULL;

    (void)snprintf(from, sizeof(from), "%s/orders/o-%d", sandbox.url, i);
    ck_assert_int_eq(support_http("GET", from, KEY, NULL, &answer), 200);
    return answer;
}

/* A number of the sandbox's statistics. */
static int64_t
sandbox_number(const char *key)
{
    char from[300];
    char *answer = NULL;
    const char *at;
    int64_t value = 0;

    (void)snprintf(from, sizeof(from), "%s/_sandbox/stats", sandbox.url);
    ck_assert_int_eq(support_http_get(from, &answer), 200);
    at = strstr(answer, key);
    ck_assert_msg(at != NULL, "no %s in %s", key, answer);
    for (at += strlen(key) + 1; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    free(answer);
    return value;
}

static void
api_state(int i, char out[32])
{
    char *answer = api_order(i);
    const char *at = strstr(answer, "\"state\":\"");

    /* The order's own comes before its payment's; its items' have come before it. */
    for (const char *next = at; next != NULL; next = strstr(next + 1, "\"state\":\"")) {
        if (strncmp(next, "\"state\":\"", 9) == 0 && strstr(next, "\"stateTransitions\"") != NULL)
            at = next;
    }
    ck_assert_ptr_nonnull(at);
    (void)snprintf(out, 32, "%.*s", (int)strcspn(at + 9, "\""), at + 9);
    free(answer);
}

struct awaited {
    int order;
    const char *state;
};

static bool
is_in_state(void *ctx)
{
    const struct awaited *awaited = ctx;
    char state[32];

    api_state(awaited->order, state);
    return strcmp(state, awaited->state) == 0;
}

static void
wait_api(int order, const char *state)
{
    struct awaited awaited = {order, state};

    support_wait_until(is_in_state, &awaited, SETTLED_MS, state);
}

/* Runs until the ledger, the warehouse and the API say the same of all orders. */
static void
run_until_states_agree(int orders)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), SETTLED_MS);
    char why[200] = "";

    for (bool agrees = false; !agrees;) {
        int code = run_command("run", NULL, NULL);

        ck_assert_msg(code == 0 || code == 1, "run: %d: %s", code, said);
        agrees = true;
        for (int i = 1; i <= orders && agrees; i++) {
            char api[32];
            char sql[200];
            char *ours;

            api_state(i, api);
            (void)snprintf(sql, sizeof(sql),
                           "select r.state || '|' || o.state from waybill.report_orders r"
                           " join t.orders o using (order_id) where order_id = 'o-%d'",
                           i);
            ours = support_query_text(url, sql);
            (void)snprintf(sql, sizeof(sql), "%s|%s", api, api);
            agrees = strcmp(ours, sql) == 0;
            (void)snprintf(why, sizeof(why), "o-%d: %s, at the API %s", i, ours, api);
            free(ours);
        }
        ck_assert_msg(agrees || clock_mono_left_ms(deadline) > 0, "%s: %s", why, said);
    }
}

/* Nothing twice, nothing backwards, nothing that was not recorded, and the last word is the last.
 */
static void
told_once_and_in_order(void)
{
    support_query_is(url,
                     "select order_id, state, at from t.told"
                     " group by 1, 2, 3 having count(*) > 1",
                     "");
    support_query_is(url,
                     "select * from (select order_id, n, at, lag(at) over w as before,"
                     " state, lag(state) over w as was from t.told"
                     " window w as (partition by order_id order by n)) x"
                     " where at < before or state = was",
                     "");
    support_query_is(url,
                     "select * from t.told a where not exists ("
                     " select from waybill.report_order_states s"
                     "  where (s.order_id, s.state, s.at) = (a.order_id, a.state, a.at)"
                     "    and s.handed_at is not null and not s.is_skipped)",
                     "");
    support_query_is(
        url, "select count(*) from waybill.report_order_states where handed_at is null", "0");
}

START_TEST(states_come_back_each_once_and_in_order_however_the_events_come)
{
    sandbox_post("switches", "events_late_ms=400 events_repeat=on");
    make_orders(1, 25, "", 2);
    make_orders(26, 30, ",\"state\":\"in_review\"", 2);
    must(0, "run", NULL, NULL);
    move_order("o-3", "{\"state\":\"dispute\"}");
    move_order("o-27", "{\"state\":\"accepted\"}");
    move_order("o-28", "{\"state\":\"blocked\"}");
    run_until_states_agree(30);
    move_order("o-3", "{\"state\":\"complete\"}");
    move_order("o-29", "{\"state\":\"accepted\"}");
    move_order("o-30", "{\"state\":\"accepted\"}");
    support_psql(url, "update waybill.orders set ask_at = ask_at + interval '1 hour'");
    run_until_states_agree(30);
    told_once_and_in_order();
    support_query_is(url,
                     "select state from t.orders where order_id in ('o-1', 'o-28', 'o-30')"
                     " order by order_id",
                     "complete\nblocked\ncomplete");
    support_query_is(url,
                     "select string_agg(state, ' ' order by n) from t.told where order_id = 'o-3'",
                     "accepted fulfilled complete dispute complete");
    /* Each order was told of in transactions of its own. */
    support_query_is(url,
                     "select in_transaction from t.told group by 1"
                     " having count(distinct order_id) > 1",
                     "");

    /* The warehouse wrote to its own fed table meanwhile: that brings a look, and nothing more. */
    must(0, "run", NULL, NULL);
    must(0, "run", NULL, NULL);
    support_query_is(url, "select looked_at from waybill.report_runs order by run_id desc limit 1",
                     "0");
    support_query_is(url, "select count(*) from waybill.events where applied_at is null", "0");
}
END_TEST

START_TEST(an_event_that_comes_too_late_is_kept_and_changes_nothing)
{
    make_orders(1, 1, "", 2);
    run_until_states_agree(1);
    wait_api(1, "complete");
    run_until_states_agree(1);
    support_psql(url,
                 "insert into waybill.events (event_id, type, kind, what, order_id, created_at)"
                 " select 'late', 'order.dispute', 'state', 'dispute', order_id,"
                 "        complete_at - interval '5 ms' from waybill.orders");
    must(0, "run", NULL, NULL);
    support_query_is(url, "select state from waybill.report_orders", "complete");
    support_query_is(url, "select state from t.orders", "complete");
    support_query_is(
        url, "select is_skipped from waybill.report_order_states where state = 'dispute'", "t");
    support_query_is(url, "select count(*) from t.told where state = 'dispute'", "0");
    told_once_and_in_order();
}
END_TEST

START_TEST(an_accepted_order_is_posted_when_its_event_comes)
{
    make_orders(1, 1, ",\"state\":\"in_review\"", 2);
    must(0, "run", NULL, NULL);
    support_query_is(url, "select count(*) from waybill.submissions", "0");
    support_query_is(url, "select string_agg(state, ' ') from t.told", "in_review");
    support_psql(url, "update waybill.orders set ask_at = clock_timestamp() + interval '1 hour'");
    must(0, "run", NULL, NULL);
    support_query_is(url, "select count(*) from waybill.submissions", "0");
    move_order("o-1", "{\"state\":\"accepted\"}");
    must(0, "run", NULL, NULL);
    support_query_is(url, "select state from waybill.report_submissions", "accepted");
}
END_TEST

START_TEST(orders_whose_authorization_ends_soon_are_counted)
{
    make_orders(1, 3, "", 1);
    must(0, "run", "--max-posts", "1");
    support_query_is(url, "select authorizations_expiring from waybill.report_health", "0");
    support_psql(url, "update waybill.orders set state_since = state_since - interval '6 days'");
    support_query_is(url, "select authorizations_expiring from waybill.report_health", "2");
}
END_TEST

START_TEST(without_events_states_are_asked_for)
{
    write_config("follow:\n  events: false\n  interval_ms: 200\n");
    make_orders(1, 3, ",\"state\":\"in_review\"", 2);
    must(0, "run", NULL, NULL);
    support_psql(url, "update waybill.orders set asks = 20, ask_at = clock_timestamp()");
    must(0, "run", NULL, NULL);
    support_query_is(url,
                     "select bool_and(ask_at <= checked_at + interval '3.1 s' and asks > 20)"
                     " from waybill.orders",
                     "t");
    move_order("o-2", "{\"state\":\"accepted\"}");
    support_psql(url, "update waybill.orders set ask_at = clock_timestamp()");
    must(0, "run", NULL, NULL);
    support_query_is(url, "select order_id from waybill.report_submissions", "o-2");
    support_query_is(url, "select count(*) from waybill.events", "0");
}
END_TEST

START_TEST(money_that_did_not_move_calls_a_person_once)
{
    make_orders(1, 1, ",\"capture\":\"fail\"", 2);
    make_orders(2, 2, ",\"cancel\":\"fail\"", 0);
    make_orders(3, 3, "", 2);
    support_psql(url, "update t.lines set cancelled_quantity = 2 where order_id = 'o-2'");
    must(0, "run", NULL, NULL);
    wait_api(1, "fulfilled");
    wait_api(2, "cancelled");
    wait_api(3, "complete");
    must(1, "run", NULL, NULL);
    must(0, "run", NULL, NULL);
    support_query_is(url,
                     "select order_id, kind, detail ~ 'capture of fulfillment ful_.*submission 1',"
                     " detail ~ 'release' from waybill.report_discrepancies"
                     " where closed_at is null order by 1",
                     "o-1|payment|t|f\no-2|payment|f|t");
    support_query_is(url, "select state from waybill.report_orders order by order_id",
                     "fulfilled\ncancelled\ncomplete");

    /* The API's own retry succeeds: complete is captured. What was not released stays so. */
    move_order("o-1", "{\"state\":\"complete\"}");
    must(0, "run", NULL, NULL);
    support_query_is(url,
                     "select order_id, closed_by from waybill.report_discrepancies"
                     " where kind = 'payment' order by 1",
                     "o-1|follow\no-2|");
}
END_TEST

START_TEST(an_event_settles_what_was_unknown_before_any_list_shows_it)
{
    sandbox_post("switches", "list_lag_ms=600000");
    sandbox_post("faults", "first=1:drop_after");
    make_orders(1, 1, "", 2);
    must(0, "run", NULL, NULL);
    support_query_is(url, "select state, fulfillment_id from waybill.report_submissions",
                     "unknown|");
    must(0, "run", NULL, NULL);
    support_query_is(url,
                     "select state, settled_by, fulfillment_id like 'ful_%'"
                     " from waybill.report_submissions",
                     "accepted|event|t");
    support_query_is(url, "select posted_shipped, due_shipped from waybill.report_line_items",
                     "2|0");
}
END_TEST

START_TEST(somebody_elses_fulfillment_is_listed_and_booked)
{
    make_orders(1, 2, "", 1);
    must(0, "run", NULL, NULL);
    sandbox_post("fulfillments",
                 "{\"orderId\":\"o-1\",\"items\":[{\"itemId\":\"i-1\",\"cancelQuantity\":1}]}");
    must(0, "run", NULL, NULL); /* the shop is ahead of the warehouse: nobody is called */
    support_query_is(url, "select order_id, kind, cancelled from waybill.report_adjustments",
                     "o-1|foreign|1");
    support_psql(url, "update t.lines set cancelled_quantity = 1");
    must(0, "run", NULL, NULL);
    support_query_is(url,
                     "select order_id, count(*) from waybill.report_submissions"
                     " group by 1 order by 1",
                     "o-1|1\no-2|2");
}
END_TEST

START_TEST(a_gap_in_the_feed_is_noticed_and_healed_by_asking)
{
    sandbox_post("switches", "state_lag_ms=1500");
    make_orders(1, 3, "", 2);
    must(0, "run", NULL, NULL);
    must(0, "run", NULL, NULL);
    support_query_is(url, "select count(*) > 0 from waybill.report_orders where state = 'accepted'",
                     "t");
    wait_api(1, "complete");
    wait_api(3, "complete");
    sandbox_post("switches", "events_keep_ms=1");
    must(0, "run", NULL, NULL);
    support_query_is(url, "select gap_at is not null from waybill.event_feed", "t");
    run_until_states_agree(3);
    support_query_is(url, "select distinct state from t.orders", "complete");
    told_once_and_in_order();

    /* The next reading has an end again. */
    sandbox_post("switches", "events_keep_ms=0");
    support_psql(url, "update waybill.event_feed set gap_at = null");
    make_orders(4, 4, "", 2);
    must(0, "run", NULL, NULL);
    must(0, "run", NULL, NULL);
    support_query_is(url, "select gap_at is null from waybill.event_feed", "t");
}
END_TEST

START_TEST(a_failing_hand_over_stops_only_its_own_order)
{
    static const char *const HOLDER[] = {
        "psql",
        "-X",
        "-q",
        "-d",
        NULL,
        "-c",
        "begin; select from t.orders where order_id = 'o-3' for update; select pg_sleep(60)",
        NULL};
    const char *argv[8];
    struct support_process holder;

    memcpy(argv, HOLDER, sizeof(argv));
    argv[4] = url;
    make_orders(1, 6, "", 2);
    support_spawn(&holder, argv, NULL);
    support_wait_query(url,
                       "select count(*) from pg_stat_activity"
                       " where datname = current_database() and query like '%pg_sleep(60)'"
                       "   and wait_event = 'PgSleep'",
                       "1", 10000);
    support_psql(url, "insert into t.trouble values ('o-1', 'raise'), ('o-2', 'slow')");
    must(1, "run", NULL, NULL);
    support_query_is(url,
                     "select order_id, kind, substring(detail, 'accepted: (.....)')"
                     " from waybill.report_discrepancies where closed_at is null order by 1",
                     "o-1|hand_over|P0001\no-2|hand_over|57014\no-3|hand_over|55P03");
    support_query_is(url, "select distinct order_id from t.told order by 1", "o-4\no-5\no-6");
    /* The gate opened all the same. */
    support_query_is(
        url, "select count(*) from waybill.report_submissions where state = 'accepted'", "6");

    support_signal(&holder, 9);
    (void)support_wait_exit(&holder, 10000);
    support_query_is(url,
                     "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                     " where query like '%pg_sleep(60)' and pid <> pg_backend_pid()",
                     "1");
    support_psql(url, "truncate t.trouble");
    support_psql(url, "update waybill.hand_overs set next_at = clock_timestamp()");
    run_until_states_agree(6);
    told_once_and_in_order();
    support_query_is(
        url, "select count(*) from waybill.report_discrepancies where closed_at is null", "0");
}
END_TEST

START_TEST(a_missing_function_is_said_by_check_and_made_up_for_later)
{
    support_psql(url, "alter function t.tell rename to tell_later");
    make_orders(1, 3, "", 2);
    must(3, "check", NULL, NULL);
    ck_assert_msg(strstr(said, "there is no function t.tell(") != NULL, "%s", said);
    must(1, "run", NULL, NULL);
    ck_assert_msg(strstr(said, "42883") != NULL, "%s", said);
    support_query_is(
        url, "select distinct kind from waybill.report_discrepancies where closed_at is null",
        "hand_over");
    support_psql(url, "alter function t.tell_later rename to tell");
    must(0, "check", NULL, NULL);
    support_psql(url, "update waybill.hand_overs set next_at = clock_timestamp()");
    run_until_states_agree(3);
    told_once_and_in_order();
    support_query_is(
        url, "select count(*) from waybill.report_discrepancies where closed_at is null", "0");
}
END_TEST

/* Without events: what is left is asked for, later and later, until a person must see it. */
START_TEST(an_order_that_should_be_complete_is_asked_for_and_says_why_it_is_not)
{
    write_config("follow:\n  events: false\n");
    sandbox_post("switches", "state_lag_ms=0");
    make_orders(1, 1, "", 2);
    make_orders(2, 2, ",\"capture\":\"fail\"", 2);
    make_orders(3, 3, "", 1); /* one unit is neither shipped nor cancelled */
    sandbox_post("orders", "[{\"id\":\"o-4\",\"items\":[{\"id\":\"i-4\",\"quantity\":2},"
                           "{\"id\":\"gift\",\"quantity\":1}]}]");
    support_psql(url, "insert into t.lines (order_id, item_id, shipped_quantity) values"
                      " ('o-4', 'i-4', 2); insert into t.orders values ('o-4')");
    must(0, "run", NULL, NULL);
    support_query_is(url, "select distinct state from waybill.report_orders", "accepted");
    support_query_is(url,
                     "select bool_and(next_follow_at between checked_at + interval '9 s'"
                     " and checked_at + interval '11 s') from waybill.report_orders",
                     "t");

    support_psql(url, "update waybill.orders set follow_at = clock_timestamp()");
    must(0, "run", NULL, NULL);
    support_query_is(url,
                     "select order_id, state, next_follow_at is null from waybill.report_orders"
                     " order by 1",
                     "o-1|complete|t\no-2|fulfilled|f\no-3|accepted|f\no-4|accepted|f");
    support_psql(url, "update waybill.orders set follow_at = clock_timestamp(), follow_asks = 3"
                      " where follow_at is not null");
    must(0, "run", NULL, NULL);
    support_query_is(url,
                     "select bool_and(next_follow_at > checked_at + interval '75 s')"
                     " from waybill.report_orders where next_follow_at is not null",
                     "t");

    support_query_is(url, "select count(incomplete_reason) from waybill.report_orders", "0");
    support_psql(url, "alter table waybill.submissions disable trigger all;"
                      "update waybill.submissions set settled_at = settled_at - interval '25 h';"
                      "alter table waybill.submissions enable trigger all");
    support_query_is(url,
                     "select order_id, incomplete_reason from waybill.report_orders"
                     " where incomplete_since is not null order by 1",
                     "o-2|capture pending\n"
                     "o-3|units missing: neither shipped nor cancelled: 1 of item i-3\n"
                     "o-4|no warehouse row covers item gift (1)");
    write_config("");
    must(1, "run", NULL, NULL);
    support_query_is(url,
                     "select incomplete_reason like 'capture failed: a capture of%'"
                     " from waybill.report_orders where order_id = 'o-2'",
                     "t");
}
END_TEST

/* Tracking of all fulfillments at the API, newest change last. */
static void
api_tracking_is(const char *expected)
{
    char from[300];
    char found[1000] = "";
    char *answer = NULL;

    (void)snprintf(from, sizeof(from), "%s/_sandbox/fulfillments", sandbox.url);
    ck_assert_int_eq(support_http_get(from, &answer), 200);
    for (const char *at = answer; (at = strstr(at, "\"trackingNumber\":\"")) != NULL; at++)
        (void)snprintf(found + strlen(found), sizeof(found) - strlen(found), "%.*s ",
                       (int)strcspn(at + 18, "\""), at + 18);
    ck_assert_msg(strcmp(found, expected) == 0, "%s, not %s, in %s", found, expected, answer);
    free(answer);
}

START_TEST(tracking_that_came_later_is_sent_once_and_never_cleared)
{
    make_orders(1, 2, "", 1);
    support_psql(url, "update t.lines set tracking_number = 'A', tracking_company = 'UPS'"
                      " where order_id = 'o-1'");
    must(0, "run", NULL, NULL);
    api_tracking_is("A ");
    support_psql(url, "update t.lines set tracking_number = 'B'");
    must(0, "run", NULL, NULL);
    api_tracking_is("B B ");
    support_query_is(url, "select count(*) from waybill.tracking where next_at is null", "2");
    support_psql(url, "update t.lines set tracking_number = null, tracking_company = null");
    must(0, "run", NULL, NULL);
    must(0, "run", "--sweep", NULL);
    api_tracking_is("B B ");
    support_query_is(url, "select max(version) from waybill.tracking", "1");
    ck_assert_int_eq(sandbox_number("\"updates\""), 2);

    /* Both fulfillments of the parcel are told, and units still go. */
    support_psql(url, "update t.lines set tracking_number = 'C', shipped_quantity = 2"
                      " where order_id = 'o-1'");
    must(0, "run", NULL, NULL);
    must(0, "run", NULL, NULL);
    api_tracking_is("C B C ");
    support_query_is(url,
                     "select posted_shipped from waybill.report_line_items"
                     " where order_id = 'o-1'",
                     "2");
    support_query_is(url, "select count(*) from waybill.lanes where active_submission is not null",
                     "0");
}
END_TEST

START_TEST(a_lost_answer_to_new_tracking_is_sent_again_and_a_refusal_is_told)
{
    make_orders(1, 2, "", 1);
    must(0, "run", NULL, NULL);
    sandbox_post("faults", "update:first=1:drop_after update:first=1:503_before");
    support_psql(url, "update t.lines set tracking_number = 'A'");
    for (int i = 0; i < 4; i++)
        must(0, "run", NULL, NULL);
    api_tracking_is("A A ");
    support_query_is(url, "select count(*) from waybill.tracking where next_at is null", "2");

    /* A fulfillment that the API doesn't know, often enough. */
    support_psql(url, "update waybill.submissions set fulfillment_id = 'x' || fulfillment_id"
                      " where order_id = 'o-1';"
                      "update t.lines set tracking_number = 'B' where order_id = 'o-1'");
    must(0, "run", NULL, NULL);
    support_psql(url, "update waybill.tracking set failures = 19, next_at = clock_timestamp()"
                      " where next_at is not null");
    must(1, "run", NULL, NULL);
    must(0, "run", NULL, NULL);
    api_tracking_is("A A ");
    support_query_is(url,
                     "select order_id, kind, detail like 'new tracking of fulfillment%'"
                     " from waybill.report_discrepancies where closed_at is null",
                     "o-1|rejected|t");
    support_psql(url, "update waybill.submissions set fulfillment_id = substr(fulfillment_id, 2)"
                      " where order_id = 'o-1';"
                      "update t.lines set tracking_number = 'C' where order_id = 'o-1'");
    must(0, "run", NULL, NULL);
    api_tracking_is("C A ");
    support_query_is(
        url, "select count(*) from waybill.report_discrepancies where closed_at is null", "0");
}
END_TEST

/* A worker that is gone holds a lane for a while only. */
START_TEST(a_lane_held_for_tracking_by_nobody_is_free_again)
{
    make_orders(1, 1, "", 1);
    must(0, "run", NULL, NULL);
    support_psql(url,
                 "insert into waybill.tracking (submission_id, order_id, number, sending_until)"
                 " values (1, 'o-1', 'Z', clock_timestamp() + interval '1 hour');"
                 "update waybill.lanes set active_submission = 1;"
                 "update t.lines set shipped_quantity = 2");
    must(0, "run", NULL, NULL);
    support_query_is(url, "select count(*) from waybill.submissions where state = 'accepted'", "1");
    support_psql(url, "update waybill.tracking set sending_until = clock_timestamp()");
    must(0, "run", NULL, NULL);
    must(0, "run", NULL, NULL);
    support_query_is(url, "select count(*) from waybill.submissions where state = 'accepted'", "2");
    api_tracking_is("Z ");
}
END_TEST

/* Every personal field of the sandbox's answers has one of these in it. */
static const char *const CANARIES[] = {"shopper.example", "+1-952-555", "Bren Road",
                                       "203.0.113.",      "firstName",  "postalCode",
                                       "lastFourDigits"};

START_TEST(no_personal_field_is_kept_or_said)
{
    char *answer;
    char *dump = NULL;
    char *errors = NULL;
    const char *const argv[] = {"pg_dump", "--inserts", url, NULL};

    make_orders(1, 5, ",\"capture\":\"fail\"", 2);
    must(0, "run", NULL, NULL);
    wait_api(5, "fulfilled");
    must(1, "run", NULL, NULL);
    (void)run_command("report", "orders", NULL);
    (void)run_command("report", "discrepancies", NULL);
    answer = api_order(1);
    ck_assert_int_eq(support_run(argv, NULL, &dump, &errors), 0);
    ck_assert_ptr_nonnull(strstr(dump, "order.charge.capture.failed"));
    for (size_t i = 0; i < sizeof(CANARIES) / sizeof(CANARIES[0]); i++) {
        ck_assert_msg(strstr(answer, CANARIES[i]) != NULL, "the API shows no %s", CANARIES[i]);
        ck_assert_msg(strstr(dump, CANARIES[i]) == NULL, "%s is in the database", CANARIES[i]);
        ck_assert_msg(strstr(said, CANARIES[i]) == NULL, "%s was said: %s", CANARIES[i], said);
    }
    free(answer);
    free(dump);
    free(errors);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("follow");
    TCase *tests = support_case(suite, "follow", 300);

    support_need_database();
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, states_come_back_each_once_and_in_order_however_the_events_come);
    tcase_add_test(tests, an_event_that_comes_too_late_is_kept_and_changes_nothing);
    tcase_add_test(tests, an_accepted_order_is_posted_when_its_event_comes);
    tcase_add_test(tests, orders_whose_authorization_ends_soon_are_counted);
    tcase_add_test(tests, without_events_states_are_asked_for);
    tcase_add_test(tests, money_that_did_not_move_calls_a_person_once);
    tcase_add_test(tests, an_event_settles_what_was_unknown_before_any_list_shows_it);
    tcase_add_test(tests, somebody_elses_fulfillment_is_listed_and_booked);
    tcase_add_test(tests, a_gap_in_the_feed_is_noticed_and_healed_by_asking);
    tcase_add_test(tests, a_failing_hand_over_stops_only_its_own_order);
    tcase_add_test(tests, a_missing_function_is_said_by_check_and_made_up_for_later);
    tcase_add_test(tests, an_order_that_should_be_complete_is_asked_for_and_says_why_it_is_not);
    tcase_add_test(tests, tracking_that_came_later_is_sent_once_and_never_cleared);
    tcase_add_test(tests, a_lost_answer_to_new_tracking_is_sent_again_and_a_refusal_is_told);
    tcase_add_test(tests, a_lane_held_for_tracking_by_nobody_is_free_again);
    tcase_add_test(tests, no_personal_field_is_kept_or_said);
    return support_run_suite(suite);
}
