#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/support.h"

/*
 * `waybill audit` against the sandbox: a small warehouse is posted, then one of the three books is
 * changed behind the others' backs.
 */

#define COMMAND_MS 60000
#define MANY       1000

static char url[SUPPORT_URL_MAX];
static struct support_sandbox sandbox;
static const char *config;
static char *out;
static char *errors;

static void
write_config(const char *database, int settle_ms)
{
    char text[4096];

    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\n"
                   "warehouse:\n  line_items: public.items\n"
                   "api:\n  base_url: %s\n  key_file: %s\n  mode: test\n"
                   "  requests_per_second: 5000\n  timeout_ms: 5000\n  connect_timeout_ms: 1000\n"
                   "  settle_ms: %d\nlog:\n  level: warn\n",
                   database, sandbox.url, support_write_file("api.key", "sk_test_sandbox\n", 0600),
                   settle_ms);
    config = support_write_file("waybill.yaml", text, 0600);
}

/* Keeps what it said in out and errors; the exit code. */
static int
waybill(const char *command, const char *a, const char *b)
{
    const char *const argv[] = {SUPPORT_WAYBILL, "-c", config, command, a, b, NULL};
    struct support_process process;
    int code;

    free(out);
    free(errors);
    support_spawn(&process, argv, NULL);
    code = support_wait_exit(&process, COMMAND_MS);
    out = support_output(&process);
    errors = support_errors(&process);
    return code;
}

static void
must(int expected, const char *command, const char *a, const char *b)
{
    int code = waybill(command, a, b);

    ck_assert_msg(code == expected, "waybill %s %s %s: %d, not %d: %s%s", command,
                  a == NULL ? "" : a, b == NULL ? "" : b, code, expected, out, errors);
}

static void
must_say(const char *text)
{
    ck_assert_msg(strstr(out, text) != NULL || strstr(errors, text) != NULL, "not \"%s\" in: %s%s",
                  text, out, errors);
}

static void
tell_sandbox(const char *path, const char *body, int status)
{
    char to[200];
    char *answer = NULL;
    int got;

    (void)snprintf(to, sizeof(to), "%s/_sandbox/%s", sandbox.url, path);
    got = support_http_post(to, body, &answer);
    ck_assert_msg(got == status, "%s: %d: %s", path, got, answer);
    free(answer);
}

/* As the bridge posts, or somebody else who has the key. */
static void
post(const char *order, const char *item, int shipped, int cancelled, const char *marker)
{
    static const char *const HEADERS[] = {"Authorization: Bearer sk_test_sandbox",
                                          "Content-Type: application/json", NULL};
    char body[1000];
    char to[200];
    char *answer = NULL;
    int got;

    (void)snprintf(body, sizeof(body),
                   "{\"orderId\":\"%s\",\"items\":[{\"itemId\":\"%s\",\"quantity\":%d,"
                   "\"cancelQuantity\":%d}],\"metadata\":{\"%s\":\"%s\"}}",
                   order, item, shipped, cancelled,
                   marker != NULL ? "waybill_submission" : "made_by",
                   marker != NULL ? marker : "somebody");
    (void)snprintf(to, sizeof(to), "%s/fulfillments", sandbox.url);
    got = support_http("POST", to, HEADERS, body, &answer);
    ck_assert_msg(got == 201, "%d: %s", got, answer);
    free(answer);
}

/* kind and item of what is open. */
static void
open_is(const char *expected)
{
    support_query_is(url,
                     "select kind, order_id, item_id, shipment_ref from "
                     "waybill.report_discrepancies where closed_at is null order by 1, 2, 3",
                     expected);
}

/* Three orders of two lines; 3 of 5 shipped and 1 cancelled of a, 2 of 5 shipped of b. */
static void
setup(void)
{
    static const char *const OPTIONS[] = {"--rate", "0", "--seed", "1", NULL};

    out = NULL;
    errors = NULL;
    support_database_create(url);
    support_psql(url, "create table public.items (order_id text, item_id text, shipment_ref text,"
                      " ordered_quantity int, shipped_quantity int, cancelled_quantity int);"
                      "insert into public.items select 'o' || n, i, '', 5,"
                      " case i when 'a' then 3 else 2 end, case i when 'a' then 1 else 0 end"
                      " from generate_series(1, 3) n, unnest(array['a', 'b']) i");
    memset(&sandbox, 0, sizeof(sandbox));
    support_sandbox_start(&sandbox, OPTIONS);
    for (int n = 1; n <= 3; n++) {
        char order[300];

        (void)snprintf(order, sizeof(order),
                       "{\"id\":\"o%d\",\"items\":[{\"id\":\"a\",\"quantity\":5},"
                       "{\"id\":\"b\",\"quantity\":5}]}",
                       n);
        tell_sandbox("orders", order, 201);
    }
    write_config(url, 0);
    must(0, "init", NULL, NULL);
}

static void
setup_posted(void)
{
    setup();
    must(0, "baseline", "--from", "nothing");
    must(0, "run", NULL, NULL);
    tell_sandbox("switches", "quantity_check=off", 200);
}

static void
teardown(void)
{
    if (sandbox.process.pid > 0)
        support_sandbox_stop(&sandbox);
    free(out);
    free(errors);
    support_database_drop(url);
}

START_TEST(after_a_run_all_agree)
{
    must(0, "audit", NULL, NULL);
    must_say("3 orders, 6 lines: agrees 6, missing 0, extra 0, foreign 0, double 0; skipped 0;");
    must_say("opened 0");
    ck_assert_msg(strstr(out, "order_id") == NULL, "a table of nothing: %s", out);
    must(0, "audit", "--order", "o2");
    must_say("o2        a        agrees   0+0    3+1        3+1     3+1");
    must(0, "audit", "--since=2001-01-01", "-q");
    ck_assert_str_eq(out, "");
    must(0, "audit", "--since", "0s");
    must_say("0 orders");
    must(0, "audit", "--all", "--json");
    must_say("\"orders\":3,\"lines\":6,\"agrees\":6,");
    must_say("\"differing\":[]");
    open_is("");
    support_query_is(url,
                     "select command, exit_code, finished_at is not null, looked_at"
                     "  from waybill.runs where command = 'audit' order by run_id desc limit 1",
                     "audit|0|t|3");
    /* A run is what health speaks of. */
    support_query_is(url,
                     "select r.command from waybill.report_health h"
                     "  join waybill.report_runs r on r.run_id = h.last_run_id",
                     "run");
}
END_TEST

START_TEST(a_fulfillment_of_somebody_else_is_foreign_until_it_is_adopted)
{
    tell_sandbox("fulfillments",
                 "{\"orderId\":\"o1\",\"items\":[{\"itemId\":\"b\",\"quantity\":1,"
                 "\"cancelQuantity\":1}]}",
                 201);
    must(1, "audit", NULL, NULL);
    must_say("o1        b        foreign  1+1    2+0        2+0     3+1");
    must_say("agrees 5, missing 0, extra 0, foreign 1, double 0");
    open_is("foreign|o1|b|");
    /* Known already: nothing was opened by this one, and a look of the planner leaves it. */
    must(0, "audit", NULL, NULL);
    must(0, "run", "--order", "o1");
    open_is("foreign|o1|b|");

    /* Booked with its id, as the bridge and `adopt` do. */
    support_psql(
        url, "insert into waybill.adjustments (kind, row_id, shipped, cancelled,"
             "                                 fulfillment_id, reason)"
             " select 'foreign', r.row_id, 1, 1, substring(d.detail from 'ful_[^ ]*'), 'adopted'"
             "   from waybill.rows r join waybill.discrepancies d using (order_id, item_id)");
    must(0, "audit", NULL, NULL);
    must_say("agrees 6");
    must_say("warehouse: due 0, decreased 1");
    open_is("");
    support_query_is(url, "select closed_by from waybill.discrepancies", "audit");
}
END_TEST

START_TEST(one_marker_twice_is_double_and_not_extra_as_well)
{
    char *marker =
        support_query_text(url, "select marker from waybill.submissions where order_id = 'o3'");

    post("o3", "a", 3, 1, marker);
    must(0, "audit", "--quick", NULL);
    must_say("double   3+1    3+1        3+1     6+2");
    must_say("(not recorded)");
    must_say("not recorded 1");
    open_is("");
    must(1, "audit", NULL, NULL);
    must_say("agrees 5, missing 0, extra 0, foreign 0, double 1");
    open_is("double|o3|a|");
    /* The other one is the original: the ledger knows its id. */
    support_query_is(url,
                     "select d.detail like '%which is ' || s.fulfillment_id"
                     "   and d.detail not like s.fulfillment_id || '%'"
                     "  from waybill.discrepancies d join waybill.submissions s using (order_id)",
                     "t");
    must(0, "audit", NULL, NULL);

    /* A person has looked: closed, and not opened again while it is the same. */
    support_psql(url, "select waybill.dismiss_discrepancy(1, 'me', 'refunded', 'settled')");
    must(0, "audit", NULL, NULL);
    open_is("");
    post("o3", "a", 1, 0, marker);
    must(1, "audit", NULL, NULL);
    open_is("double|o3|a|");
    free(marker);
}
END_TEST

/* Told by an answer or a look it is its submission's, told by an audit its line's. */
START_TEST(a_double_that_was_dismissed_as_its_submissions_is_not_told_again_as_its_lines)
{
    char *marker =
        support_query_text(url, "select marker from waybill.submissions where order_id = 'o3'");

    post("o3", "a", 1, 0, marker);
    support_psql(url, "update waybill.orders set list_at = now() where order_id = 'o3'");
    must(1, "run", NULL, NULL);
    open_is("double|o3||");
    support_psql(url, "update waybill.discrepancies set is_dismissed = true, closed_at = now(),"
                      " closed_by = 'operator', reason = 'refunded'");
    must(0, "audit", NULL, NULL);
    must_say("agrees 5, missing 0, extra 0, foreign 0, double 1");
    open_is("");

    /* Another one is news. */
    post("o3", "a", 1, 0, marker);
    must(1, "audit", NULL, NULL);
    open_is("double|o3|a|");
    free(marker);
}
END_TEST

START_TEST(what_only_the_ledger_has_is_missing_until_it_agrees)
{
    support_psql(url, "insert into waybill.adjustments (kind, row_id, shipped, reason)"
                      " select 'correction', row_id, 1, 'a slip of the pen' from waybill.rows"
                      "  where order_id = 'o2' and item_id = 'a'");
    must(0, "audit", "--quick", "--order=o2");
    must_say("missing  1+0    3+1        4+1     3+1");
    open_is("");
    must(1, "audit", NULL, NULL);
    must_say("missing 1, extra 0");
    open_is("missing|o2|a|");
    must(0, "audit", NULL, NULL);
    /* It is still there, so a quick one doesn't close it either. */
    must(0, "audit", "--quick", NULL);
    open_is("missing|o2|a|");
    support_query_is(url, "select waybill.lacking_in('o2', '[]') is not null", "t");

    post("o2", "a", 1, 0, NULL);
    must(0, "audit", "--quick", NULL);
    must_say("agrees 6");
    open_is("");
}
END_TEST

START_TEST(what_the_api_has_lost_is_due_again_when_a_person_says_so)
{
    support_psql(url, "insert into waybill.adjustments (kind, row_id, shipped, reason)"
                      " select 'correction', row_id, 1, 'a slip of the pen' from waybill.rows"
                      "  where order_id = 'o2' and item_id = 'a'");
    must(1, "audit", NULL, NULL);
    support_query_is(url,
                     "select said from waybill.discrepancies d, waybill.dismiss_discrepancy("
                     "d.discrepancy_id, 'me', 'says their support', 'due')",
                     "missing of order o2 dismissed; 1 units are due again");
    must(0, "audit", NULL, NULL);
    must_say("agrees 6, missing 0");
    open_is("");
    /* It stays away, and the order's lists are believed without it. */
    support_query_is(url, "select waybill.lacking_in('o2', '[]') is null", "t");
    support_query_is(url,
                     "select kind, shipped, reason from waybill.report_adjustments"
                     " where shipped < 0",
                     "correction|-1|missing at the API: says their support");
    support_query_is(url, "select order_key, source from waybill.queue", "o2|operator");
}
END_TEST

START_TEST(what_only_the_api_has_of_ours_is_extra)
{
    support_psql(url, "insert into waybill.adjustments (kind, row_id, shipped, cancelled, reason)"
                      " select 'correction', row_id, -1, -1, 'a slip of the pen' from waybill.rows"
                      "  where order_id = 'o2' and item_id = 'a'");
    must(1, "audit", NULL, NULL);
    must_say("extra    1+1    3+1        2+0     3+1");
    open_is("extra|o2|a|");
    support_psql(url, "insert into waybill.adjustments (kind, row_id, shipped, cancelled, reason)"
                      " select 'correction', row_id, 1, 1, 'mended' from waybill.rows"
                      "  where order_id = 'o2' and item_id = 'a'");
    must(0, "audit", NULL, NULL);
    open_is("");
}
END_TEST

START_TEST(trouble_of_another_kind_takes_the_place_of_the_first)
{
    post("o1", "a", 1, 0, NULL);
    must(1, "audit", NULL, NULL);
    open_is("foreign|o1|a|");
    support_psql(url, "insert into waybill.adjustments (kind, row_id, shipped, reason)"
                      " select 'correction', row_id, 2, 'one too many' from waybill.rows"
                      "  where order_id = 'o1' and item_id = 'a'");
    must(1, "audit", NULL, NULL);
    open_is("missing|o1|a|");
}
END_TEST

START_TEST(a_list_that_lags_is_not_missing)
{
    struct clock_mono began;

    must(0, "baseline", "--from", "nothing");
    write_config(url, 3000);
    tell_sandbox("switches", "list_lag_ms=1500", 200);
    must(0, "run", NULL, NULL);
    began = clock_mono_now();
    must(0, "audit", "--quick", NULL);
    must_say("missing 6");
    ck_assert_int_lt(clock_mono_since_ms(began), 1500);
    must(0, "audit", NULL, NULL);
    must_say("agrees 6, missing 0");
    ck_assert_int_ge(clock_mono_since_ms(began), 1500);
    open_is("");

    /* What is settled for long is not waited for so long again. */
    support_psql(url, "insert into waybill.adjustments (kind, row_id, shipped, reason)"
                      " select 'correction', row_id, 1, '' from waybill.rows"
                      "  where order_id = 'o2' and item_id = 'a';"
                      "set session_replication_role = replica;"
                      "update waybill.submissions set settled_at = settled_at - interval '1 hour'");
    began = clock_mono_now();
    must(1, "audit", NULL, NULL);
    ck_assert_int_lt(clock_mono_since_ms(began), 2900);
    open_is("missing|o2|a|");
}
END_TEST

START_TEST(orders_on_their_way_are_skipped_and_counted)
{
    must(0, "baseline", "--from", "nothing");
    must(0, "run", "--max-posts", "1");
    must(0, "audit", NULL, NULL);
    must_say("1 orders, 2 lines: agrees 2,");
    must_say("skipped 2;");
}
END_TEST

START_TEST(what_came_before_the_ledger_stands_for_what_nobody_knows_by_id)
{
    post("o1", "a", 3, 1, NULL);
    post("o1", "b", 2, 0, NULL);
    post("o2", "a", 3, 0, NULL);
    must(0, "baseline", "--from", "warehouse");
    must(1, "audit", "--all", NULL);
    must_say("agrees 2, missing 4, extra 0, foreign 0");
    must_say("o2        a        missing  0+1    3+1        3+1     3+0");
    open_is("missing|o2|a|\nmissing|o2|b|\nmissing|o3|a|\nmissing|o3|b|");
    post("o1", "b", 1, 0, NULL);
    must(1, "audit", "--order", "o1");
    must_say("o1        b        foreign  1+0    2+0        2+0     3+0");
}
END_TEST

START_TEST(a_write_off_need_not_be_at_the_api)
{
    support_psql(url, "insert into waybill.adjustments (kind, row_id, shipped, reason)"
                      " select 'write_off', row_id, 2, 'broken' from waybill.rows"
                      "  where order_id = 'o1' and item_id = 'a'");
    must(0, "audit", NULL, NULL);
    must_say("agrees 6");
    /* nor is it wrong when it is */
    post("o1", "a", 1, 0, NULL);
    must(0, "audit", NULL, NULL);
    must_say("agrees 6");
}
END_TEST

START_TEST(an_answer_that_told_more_than_was_applied_is_settled_by_the_list)
{
    must(0, "baseline", "--from", "nothing");
    tell_sandbox("faults", "first=1:wrong_quantity", 200);
    must(1, "run", NULL, NULL);
    support_query_is(url, "select kind from waybill.report_discrepancies where closed_at is null",
                     "extra");
    must(0, "audit", NULL, NULL);
    must_say("agrees 6");
    open_is("");
}
END_TEST

START_TEST(a_bad_row_of_the_warehouse_keeps_no_order_from_being_audited)
{
    support_psql(url,
                 "alter table public.items rename to raw;"
                 "create view public.items as select order_id, item_id, shipment_ref,"
                 " ordered_quantity, case when order_id = 'o2' then 1 / (ordered_quantity - 5)"
                 " else shipped_quantity end as shipped_quantity, cancelled_quantity from raw");
    must(0, "audit", NULL, NULL);
    must_say("3 orders, 6 lines: agrees 6,");
    must_say("warehouse_unreadable");
}
END_TEST

START_TEST(a_429_is_waited_for_and_told_to_every_host)
{
    tell_sandbox("faults", "list:first=2:429:1", 200);
    must(0, "audit", NULL, NULL);
    must_say("agrees 6");
    support_query_is(url, "select blocked_why from waybill.api_key", "429: too many requests");
    tell_sandbox("faults", "list:first=1:429:600", 200);
    must(5, "audit", NULL, NULL);
    must_say("told us to stay away");
    /* Blocked by whomever, it asks nothing. */
    tell_sandbox("faults", "", 200);
    must(5, "audit", NULL, NULL);
}
END_TEST

START_TEST(what_stands_in_the_way_has_its_exit_code)
{
    char database[128];

    must(3, "audit", NULL, NULL);
    must_say("waybill baseline");
    must(0, "baseline", "--from", "nothing");
    must(0, "run", NULL, NULL);
    must(2, "audit", "--since", "yesterweek");
    must_say("got \"yesterweek\"");
    must(2, "audit", "--all", "--order=o1");
    must_say("give one of");
    must(2, "audit", "--order", "");

    tell_sandbox("faults", "list:503=1", 200);
    must(5, "audit", "--order", "o1");
    must_say("no order's list can be read");
    tell_sandbox("faults", "list:garbage=1", 200);
    must(5, "audit", "--order", "o1");
    tell_sandbox("faults", "list:401=1", 200);
    must(5, "audit", NULL, NULL);
    must_say("refuses the key");
    open_is("");
    /* A failure in passing is none. */
    tell_sandbox("faults", "list:first=2:503", 200);
    must(0, "audit", NULL, NULL);
    must_say("agrees 6");

    support_sandbox_stop(&sandbox);
    must(5, "audit", NULL, NULL);
    must_say("can't be reached");
    support_query_is(url,
                     "select exit_code from waybill.report_runs"
                     " where command = 'audit' order by run_id desc limit 1",
                     "5");
    (void)snprintf(database, sizeof(database), "postgresql://postgres@127.0.0.1:%d/wms",
                   support_free_port());
    write_config(database, 0);
    must(4, "audit", NULL, NULL);
}
END_TEST

START_TEST(a_worker_may_audit_and_a_paused_ledger_be_audited)
{
    char worker[SUPPORT_URL_MAX];
    char *database;

    support_psql(url, "do $$ begin create role waybill_auditor login;"
                      " exception when duplicate_object then null; end $$;"
                      "grant select on public.items to waybill_auditor");
    must(0, "init", "--grant", "waybill_auditor");
    post("o1", "a", 1, 0, NULL);
    support_psql(url, "select waybill.set_mode('paused', 'me', 'to look')");
    database = support_query_text(url, "select current_database()");
    support_url(database, "waybill_auditor", worker);
    free(database);
    write_config(worker, 0);
    must(1, "audit", NULL, NULL);
    open_is("foreign|o1|a|");
    support_query_is(url, "select started_by from waybill.report_runs where command = 'audit'",
                     "waybill_auditor");
    support_psql(url, "drop owned by waybill_auditor");
}
END_TEST

START_TEST(many_orders_are_taken_page_by_page)
{
    char *orders;

    support_psql(url, "insert into public.items select 'p' || n, 'a', '', 2, 1, 0"
                      "  from generate_series(1, 1000) n");
    orders = support_query_text(
        url, "select format('{\"id\":\"p%s\",\"items\":[{\"id\":\"a\",\"quantity\":2}]}', n)"
             "  from generate_series(1, 1000) n");
    tell_sandbox("orders", orders, 201);
    free(orders);
    must(0, "baseline", "--from", "nothing");
    must(0, "run", NULL, NULL);
    for (int n = 1; n <= MANY; n += 300) {
        char order[24];

        (void)snprintf(order, sizeof(order), "p%d", n);
        post(order, "a", 1, 0, NULL);
    }
    must(1, "audit", NULL, NULL);
    must_say("1003 orders, 1006 lines: agrees 1002, missing 0, extra 0, foreign 4, double 0;");
    open_is("foreign|p1|a|\nforeign|p301|a|\nforeign|p601|a|\nforeign|p901|a|");
    /* Long ago but for what needs a person. */
    support_psql(url, "set session_replication_role = replica;"
                      "update waybill.submissions set settled_at = settled_at - interval '1 year';"
                      "update waybill.rows set read_at = read_at - interval '1 year'");
    must(0, "audit", NULL, NULL);
    must_say("4 orders, 4 lines");
    must(0, "audit", "--all", NULL);
    must_say("1003 orders");
}
END_TEST

/* posted, told by id, may be elsewhere; ours, strange, doubled at the API -> doubled, strange,
 * missing, extra */
static const struct {
    const char *given, *expected;
} units[] = {
    {"0, 0, 0, 0, 0, 0", "0|0|0|0"}, {"3, 3, 0, 3, 0, 0", "0|0|0|0"},
    {"3, 3, 0, 2, 0, 0", "0|0|1|0"}, {"3, 3, 0, 4, 0, 0", "0|0|0|1"},
    {"3, 3, 0, 3, 2, 0", "0|2|0|0"}, {"3, 3, 0, 3, 0, 3", "3|0|0|0"},
    {"3, 3, 0, 3, 2, 3", "3|2|0|0"}, {"3, 3, 0, 4, 2, 3", "3|2|0|1"},
    {"3, 3, 0, 0, 2, 0", "0|2|3|0"}, {"3, 0, 0, 0, 3, 0", "0|0|0|0"},
    {"3, 0, 0, 0, 2, 0", "0|0|1|0"}, {"3, 0, 0, 0, 4, 0", "0|1|0|0"},
    {"4, 3, 0, 3, 0, 3", "2|0|0|0"}, {"5, 3, 0, 3, 1, 3", "2|0|0|0"},
    {"2, 3, 0, 3, 0, 0", "0|0|0|1"}, {"2, 3, 0, 2, 0, 0", "0|0|0|0"},
    {"5, 3, 2, 3, 0, 0", "0|0|0|0"}, {"5, 3, 2, 3, 1, 0", "0|0|0|0"},
    {"5, 3, 2, 3, 3, 0", "0|1|0|0"}, {"6, 3, 2, 3, 0, 0", "0|0|1|0"},
    {"6, 3, 2, 3, 1, 0", "0|0|0|0"}, {"5, 3, 2, 1, 0, 0", "0|0|2|0"},
    {"6, 3, 2, 5, 0, 0", "0|0|0|0"}, {"6, 3, 2, 7, 0, 0", "0|0|0|1"},
};

START_TEST(each_unit_of_difference_is_named_once)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        char sql[200];
        char *got;

        (void)snprintf(sql, sizeof(sql), "select * from waybill.audit_units(%s)", units[i].given);
        got = support_query_text(url, sql);
        ck_assert_msg(strcmp(got, units[i].expected) == 0, "%s: %s, not %s", units[i].given, got,
                      units[i].expected);
        free(got);
    }
}
END_TEST

START_TEST(what_was_pruned_is_still_known_by_its_marker)
{
    char *marker =
        support_query_text(url, "select marker from waybill.submissions where order_id = 'o1'");

    support_psql(url, "select waybill.prune_submissions(0, 10)");
    support_query_is(url, "select count(*) from waybill.submissions", "0");
    must(0, "audit", "--all", NULL);
    must_say("3 orders, 6 lines: agrees 6");
    post("o1", "b", 1, 0, NULL);
    post("o1", "a", 1, 0, marker);
    must(1, "audit", "--all", NULL);
    must_say("agrees 4, missing 0, extra 0, foreign 1, double 1");
    must_say("has the marker of a pruned submission, which is ful_");
    /* Nothing tells whose fulfillments they are any more; the units are still counted. */
    support_psql(url, "delete from waybill.explained");
    must(0, "audit", "--order", "o2");
    must_say("agrees 2");
    free(marker);
}
END_TEST

START_TEST(asked_to_stop_while_it_waits_it_leaves_at_once)
{
    struct support_process process;
    struct clock_mono began = clock_mono_now();
    const char *argv[] = {SUPPORT_WAYBILL, "-c", NULL, "audit", NULL};

    support_psql(url, "insert into waybill.adjustments (kind, row_id, shipped, reason)"
                      " select 'correction', row_id, 1, '' from waybill.rows"
                      "  where order_id = 'o2' and item_id = 'a'");
    write_config(url, 60000);
    argv[2] = config;
    support_spawn(&process, argv, NULL);
    support_wait_query(url, "select looked_at from waybill.runs where command = 'audit'", "3",
                       COMMAND_MS / 2);
    support_signal(&process, SIGTERM);
    ck_assert_int_eq(support_wait_exit(&process, COMMAND_MS / 2), 0);
    ck_assert_int_lt(clock_mono_since_ms(began), 50000);
    free(out);
    out = support_output(&process);
    must_say("2 orders, 4 lines: agrees 4, missing 0");
    must_say(", stopped");
    open_is("");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("audit");
    TCase *fresh = support_case(suite, "fresh", 120);
    TCase *posted = support_case(suite, "posted", 120);

    support_need_database();
    tcase_add_checked_fixture(fresh, setup, teardown);
    tcase_add_test(fresh, each_unit_of_difference_is_named_once);
    tcase_add_test(fresh, a_list_that_lags_is_not_missing);
    tcase_add_test(fresh, orders_on_their_way_are_skipped_and_counted);
    tcase_add_test(fresh, what_came_before_the_ledger_stands_for_what_nobody_knows_by_id);
    tcase_add_test(fresh, an_answer_that_told_more_than_was_applied_is_settled_by_the_list);
    tcase_add_test(fresh, what_stands_in_the_way_has_its_exit_code);
    tcase_add_test(fresh, many_orders_are_taken_page_by_page);
    tcase_add_checked_fixture(posted, setup_posted, teardown);
    tcase_add_test(posted, after_a_run_all_agree);
    tcase_add_test(posted, a_fulfillment_of_somebody_else_is_foreign_until_it_is_adopted);
    tcase_add_test(posted, one_marker_twice_is_double_and_not_extra_as_well);
    tcase_add_test(posted,
                   a_double_that_was_dismissed_as_its_submissions_is_not_told_again_as_its_lines);
    tcase_add_test(posted, what_only_the_ledger_has_is_missing_until_it_agrees);
    tcase_add_test(posted, what_the_api_has_lost_is_due_again_when_a_person_says_so);
    tcase_add_test(posted, what_only_the_api_has_of_ours_is_extra);
    tcase_add_test(posted, trouble_of_another_kind_takes_the_place_of_the_first);
    tcase_add_test(posted, a_write_off_need_not_be_at_the_api);
    tcase_add_test(posted, a_bad_row_of_the_warehouse_keeps_no_order_from_being_audited);
    tcase_add_test(posted, a_429_is_waited_for_and_told_to_every_host);
    tcase_add_test(posted, a_worker_may_audit_and_a_paused_ledger_be_audited);
    tcase_add_test(posted, what_was_pruned_is_still_known_by_its_marker);
    tcase_add_test(posted, asked_to_stop_while_it_waits_it_leaves_at_once);
    return support_run_suite(suite);
}
