#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "support/support.h"

/*
 * Much at once: a warehouse purged, emptied for a moment, or replaced by a wrong view;
 * cancellations on both sides; and years of history dropped. What a person is asked stays little,
 * and no unit is sent twice or forgotten.
 *
 * One line an order: order N is oN, its item iN, 2 units ordered.
 */

#define RUN_MS 120000

static struct {
    char url[SUPPORT_URL_MAX];
    struct support_sandbox sandbox;
    const char *config;
    char *out;
    char *errors;
} world;

static const char WAREHOUSE[] =
    "create schema w;"
    "create table w.line (order_id text, item_id text, ordered int, shipped int not null default 0,"
    " cancelled int not null default 0, primary key (order_id, item_id));"
    "create view w.lines as select order_id, item_id, ordered as ordered_quantity,"
    " shipped as shipped_quantity, cancelled as cancelled_quantity from w.line;"
    "create table w.copy as select * from w.line;"
    "create function w.orders(text) returns text language sql as $$"
    " select string_agg(json_build_object('id', $1 || n, 'state', 'accepted', 'items', "
    "json_build_array("
    "  json_build_object('id', 'i' || n, 'quantity', 2)))::text, E'\\n') from generate_series(1, "
    "300) n $$;";

static void
write_config(const char *line_items, const char *more)
{
    char text[2048];

    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\n"
                   "warehouse:\n  line_items: %s\n"
                   "api:\n  base_url: %s\n  key_file: %s\n  mode: test\n"
                   "  requests_per_second: 5000\n  timeout_ms: 1500\n  connect_timeout_ms: 1000\n"
                   "  send_within_ms: 1000\n  settle_ms: 500\n%s"
                   "log:\n  level: warn\n",
                   world.url, line_items, world.sandbox.url,
                   support_write_file("api.key", "sk_test_sandbox\n", 0600), more);
    world.config = support_write_file("waybill.yaml", text, 0600);
}

static int
waybill(const char *command, const char *a, const char *b)
{
    const char *const argv[] = {SUPPORT_WAYBILL, "-c", world.config, command, a, b, NULL};
    struct support_process process;
    int code;

    free(world.out);
    free(world.errors);
    support_spawn(&process, argv, NULL);
    code = support_wait_exit(&process, RUN_MS);
    world.out = support_output(&process);
    world.errors = support_errors(&process);
    return code;
}

static void
must(int expected, const char *command, const char *a, const char *b)
{
    int code = waybill(command, a, b);

    ck_assert_msg(code == expected, "waybill %s %s: %d, not %d: %s%s", command, a == NULL ? "" : a,
                  code, expected, world.out, world.errors);
}

static void
is(const char *sql, const char *expected)
{
    support_query_is(world.url, sql, expected);
}

static void
do_sql(const char *sql)
{
    support_psql(world.url, sql);
}

#define OPEN                                                                                       \
    "select coalesce(string_agg(distinct kind || ' ' || detail_count, ','), '') from"              \
    " (select kind, count(*) over (partition by kind) as detail_count"                             \
    " from waybill.report_discrepancies where closed_at is null and not is_note) d"

static int64_t
posts(void)
{
    char url[128];
    char *text = NULL;
    const char *at;
    int64_t value;

    (void)snprintf(url, sizeof(url), "%s/_sandbox/stats", world.sandbox.url);
    ck_assert_int_eq(support_http_get(url, &text), 200);
    ck_assert_ptr_nonnull(strstr(text, "\"duplicate_markers\":0"));
    at = strstr(text, "\"fulfillments\":");
    ck_assert_ptr_nonnull(at);
    at += strlen("\"fulfillments\":");
    text[(at - text) + (ptrdiff_t)strspn(at, "0123456789")] = '\0';
    ck_assert(number_parse(at, 0, INT64_MAX, &value));
    free(text);
    return value;
}

static void
setup(void)
{
    char url[128];
    char *orders;
    const char *const options[] = {"--rate", "0", "--seed", "1", NULL};

    memset(&world, 0, sizeof(world));
    support_database_create(world.url);
    do_sql(WAREHOUSE);
    support_sandbox_start(&world.sandbox, options);
    orders = support_query_text(world.url, "select w.orders('o')");
    (void)snprintf(url, sizeof(url), "%s/_sandbox/orders", world.sandbox.url);
    ck_assert_int_eq(support_http_post(url, orders, NULL), 201);
    free(orders);
    write_config("w.lines", "");
    must(0, "init", NULL, NULL);
    do_sql("select waybill.feed_from('w.line', 'order_id');"
           "insert into w.line select 'o' || n, 'i' || n, 2, 1 from generate_series(1, 300) n");
    must(0, "baseline", "--from", "nothing");
    must(0, "run", NULL, NULL);
    ck_assert_int_eq(posts(), 300);
    is(OPEN, "");
}

static void
teardown(void)
{
    if (world.sandbox.process.pid > 0)
        support_sandbox_stop(&world.sandbox);
    free(world.out);
    free(world.errors);
    support_database_drop(world.url);
}

/* Some orders have something on their way: it is planned, and can't go yet. */
static void
leave_some_planned(void)
{
    do_sql("update w.line set shipped = 2 where right(order_id, 1) = '7'");
    must(0, "run", "--max-posts", "1");
    is("select count(*) from waybill.submissions where state = 'planned'", "29");
}

START_TEST(a_warehouse_purged_of_old_rows_opens_nothing)
{
    do_sql("delete from w.line where right(order_id, 1) in ('1', '2', '3', '4', '5', '6')");
    must(0, "run", NULL, NULL);
    is(OPEN, "");
    do_sql("delete from w.line");
    must(0, "run", "--sweep", NULL);
    is(OPEN, "");
    is("select count(*), sum(posted_shipped) from waybill.row_units where not is_present",
       "300|300");
    ck_assert_int_eq(posts(), 300);
}
END_TEST

START_TEST(a_nightly_reload_opens_one_discrepancy_which_closes_by_itself)
{
    leave_some_planned();
    do_sql("insert into w.copy select * from w.line; truncate w.line");
    must(1, "run", "--max-posts", "1");
    is(OPEN, "warehouse_shrank 1");
    /* Nothing is withdrawn, held or forgotten meanwhile. */
    is("select count(*) from waybill.submissions where state in ('held', 'withdrawn')", "0");
    is("select count(*) from waybill.rows where is_present", "300");
    write_config("w.lines", "run:\n  max_posts: 1\n");
    must(0, "run", "--sweep", NULL);
    is(OPEN, "warehouse_shrank 1");

    do_sql("insert into w.line select * from w.copy");
    write_config("w.lines", "");
    must(0, "run", NULL, NULL);
    is(OPEN, "");
    is("select count(*) from waybill.relooks", "0");
    is("select closed_by from waybill.report_discrepancies where kind = 'warehouse_shrank'",
       "planner");
    ck_assert_int_eq(posts(), 330);
    must(0, "run", "--sweep", NULL);
    ck_assert_int_eq(posts(), 330);
}
END_TEST

START_TEST(a_reload_in_a_delete_and_a_later_insert_is_the_same)
{
    leave_some_planned();
    do_sql("insert into w.copy select * from w.line; delete from w.line");
    must(1, "run", "--max-posts", "1");
    is(OPEN, "warehouse_shrank 1");
    do_sql("insert into w.line select * from w.copy");
    must(0, "run", NULL, NULL);
    is(OPEN, "");
    ck_assert_int_eq(posts(), 330);
}
END_TEST

START_TEST(a_view_that_lost_its_quantities_opens_one_and_a_person_may_say_that_it_is_right)
{
    do_sql("update w.line set shipped = 0");
    must(1, "run", NULL, NULL);
    is(OPEN, "warehouse_shrank 1");
    do_sql("select waybill.dismiss_discrepancy(discrepancy_id, 'me', 'all came back', 'settled')"
           " from waybill.report_discrepancies where closed_at is null");
    must(1, "run", "--sweep", NULL);
    is(OPEN, "decreased 300");
    ck_assert_int_eq(posts(), 300);
}
END_TEST

START_TEST(a_few_orders_that_fall_are_told_one_by_one)
{
    do_sql("update w.line set shipped = 0 where order_id in ('o1', 'o2', 'o3')");
    must(1, "run", NULL, NULL);
    is(OPEN, "decreased 3");
}
END_TEST

START_TEST(new_numbers_for_all_parcels_are_no_fall)
{
    do_sql(
        "create or replace view w.lines as select order_id, item_id, ordered as ordered_quantity,"
        " shipped as shipped_quantity, cancelled as cancelled_quantity, 'P' || item_id as"
        " shipment_ref from w.line");
    must(0, "run", "--sweep", NULL);
    is(OPEN, "");
    ck_assert_int_eq(posts(), 300);
}
END_TEST

START_TEST(a_view_with_other_ids_stops_with_one_sentence)
{
    do_sql("create view w.wrong as select 'x' || order_id as order_id, item_id, ordered_quantity,"
           " shipped_quantity, cancelled_quantity from w.lines");
    write_config("w.wrong", "");
    do_sql("truncate waybill.feeds");
    must(3, "run", "--sweep", NULL);
    ck_assert_ptr_nonnull(
        strstr(world.errors, "unknown to the API: is order_id the API's order id?"));
    is(OPEN, "");
    ck_assert_int_eq(posts(), 300);
}
END_TEST

START_TEST(a_few_dozen_orders_that_the_api_does_not_know_stop_no_other)
{
    do_sql("insert into w.line select 'x' || n, 'i', 2, 1 from generate_series(1, 60) n;"
           "update w.line set shipped = 2 where order_id in ('o1', 'o2')");
    must(0, "run", NULL, NULL);
    ck_assert_int_eq(posts(), 302);
    is(OPEN, "");
    is("select count(*) from waybill.orders where unknown_since is not null", "60");
}
END_TEST

START_TEST(what_the_shop_and_the_warehouse_both_cancelled_agrees_by_itself)
{
    char url[160];

    /* The shop cancels one unit of each of ten orders; the warehouse follows. */
    for (int n = 1; n <= 10; n++) {
        char body[200];

        (void)snprintf(url, sizeof(url), "%s/_sandbox/fulfillments", world.sandbox.url);
        (void)snprintf(body, sizeof(body),
                       "{\"orderId\":\"o%d\",\"items\":[{\"itemId\":\"i%d\",\"quantity\":0,"
                       "\"cancelQuantity\":1}]}",
                       n, n);
        ck_assert_int_eq(support_http_post(url, body, NULL), 201);
    }
    do_sql("update waybill.orders set checked_at = now() - interval '1 day';"
           "update w.line set cancelled = 1 where substr(order_id, 2)::int <= 10");
    must(0, "run", NULL, NULL);
    is(OPEN, "");
    is("select count(*) from waybill.report_line_items where due_shipped + due_cancelled > 0", "0");
    is("select sum(posted_cancelled) from waybill.row_units", "10");
    ck_assert_int_eq(posts(), 310); /* the shop's among them */
}
END_TEST

START_TEST(pruning_forgets_history_and_no_unit)
{
    char *before;
    char *after;

    leave_some_planned();
    before = support_query_text(world.url, "select sum(posted_shipped), sum(open_shipped), count(*)"
                                           " from waybill.row_units");
    must(2, "prune", "--keep", "soon");
    must(2, "prune", NULL, NULL);
    must(0, "prune", "--keep", "90d");
    is("select count(*) from waybill.submissions where state = 'accepted'", "301");
    must(0, "prune", "--keep", "0");
    is("select count(*) from waybill.submissions where state = 'accepted'", "0");
    is("select count(*) from waybill.explained", "301");
    is("select sum(pruned_shipped) from waybill.row_units", "301");
    after = support_query_text(world.url, "select sum(posted_shipped), sum(open_shipped), count(*)"
                                          " from waybill.row_units");
    ck_assert_str_eq(before, after);
    is("select count(*) from waybill.ledger_faults(0, 1000000)", "0");

    /* The rest goes; what is pruned is not due, not even for a ledger that looks at all of it anew.
     */
    must(0, "run", "--sweep", NULL);
    ck_assert_int_eq(posts(), 330);
    must(0, "prune", "--keep", "0s");
    do_sql("update w.line set shipped = shipped");
    must(0, "run", "--sweep", NULL);
    ck_assert_int_eq(posts(), 330);
    is(OPEN, "");
    free(before);
    free(after);
}
END_TEST

START_TEST(a_list_of_pruned_fulfillments_is_explained)
{
    must(0, "prune", "--keep", "0");
    /* Every order is looked at anew: what is there is ours, though no submission says so. */
    do_sql("select waybill.recover_here('me', 'to see'); select waybill.resume('to see');"
           "update w.line set shipped = 2");
    for (int i = 0; i < 20 && posts() < 600; i++)
        must(0, "run", NULL, NULL);
    ck_assert_int_eq(posts(), 600);
    is(OPEN, "");
    is("select count(*) from waybill.adjustments", "0");
    is("select sum(posted_shipped) from waybill.row_units", "600");
}
END_TEST

START_TEST(only_pruning_deletes_and_only_what_is_over)
{
    char sqlstate[6];

    leave_some_planned();
    support_psql_state(world.url, "delete from waybill.submissions", sqlstate);
    ck_assert_str_eq(sqlstate, "23514");
    support_psql_state(world.url,
                       "set waybill.is_pruning = 'on'; delete from waybill.submissions"
                       " where state = 'planned'",
                       sqlstate);
    ck_assert_str_eq(sqlstate, "23514");
    support_psql_state(world.url, "delete from waybill.submission_items", sqlstate);
    ck_assert_str_eq(sqlstate, "23514");
    /* Even by hand its units are kept. */
    do_sql(
        "set waybill.is_pruning = 'on'; delete from waybill.submissions where state = 'accepted'");
    is("select sum(posted_shipped), sum(pruned_shipped) from waybill.row_units", "301|301");
    is("select count(*) from waybill.ledger_faults(0, 1000000)", "0");
}
END_TEST

START_TEST(a_worker_may_not_prune)
{
    char sqlstate[6];

    do_sql("do $$ begin if not exists (select from pg_roles where rolname = 'waybill_test_worker') "
           "then"
           " create role waybill_test_worker; end if; end $$;");
    must(0, "init", "--grant", "waybill_test_worker");
    support_psql_state(world.url,
                       "set role waybill_test_worker; select waybill.prune_submissions(0, 10)",
                       sqlstate);
    ck_assert_str_eq(sqlstate, "42501");
    support_psql_state(
        world.url, "set role waybill_test_worker; select waybill.recover_here('x', 'y')", sqlstate);
    ck_assert_str_eq(sqlstate, "42501");
    do_sql("drop owned by waybill_test_worker; drop role waybill_test_worker;"
           "delete from waybill.roles");
}
END_TEST

START_TEST(a_counter_that_is_wrong_is_found_once_a_day)
{
    do_sql("set session_replication_role = replica; update waybill.rows set live_shipped = 0"
           " where order_id = 'o5'; update waybill.feed_state set audited_at = null");
    must(1, "run", NULL, NULL);
    is(OPEN, "ledger 1");
    is("select order_id, detail from waybill.report_discrepancies where kind = 'ledger'",
       "o5|live shipped is 0, submissions and adjustments say 1");
    do_sql("set session_replication_role = replica; update waybill.rows set live_shipped = 1"
           " where order_id = 'o5'; update waybill.feed_state set audited_at = now() - interval '25"
           " hours'");
    must(0, "run", NULL, NULL);
    is(OPEN, "");
}
END_TEST

static Suite *
floods_suite(void)
{
    Suite *suite = suite_create("floods");
    TCase *tcase = support_case(suite, "floods", 120);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_warehouse_purged_of_old_rows_opens_nothing);
    tcase_add_test(tcase, a_nightly_reload_opens_one_discrepancy_which_closes_by_itself);
    tcase_add_test(tcase, a_reload_in_a_delete_and_a_later_insert_is_the_same);
    tcase_add_test(tcase,
                   a_view_that_lost_its_quantities_opens_one_and_a_person_may_say_that_it_is_right);
    tcase_add_test(tcase, a_few_orders_that_fall_are_told_one_by_one);
    tcase_add_test(tcase, new_numbers_for_all_parcels_are_no_fall);
    tcase_add_test(tcase, a_view_with_other_ids_stops_with_one_sentence);
    tcase_add_test(tcase, a_few_dozen_orders_that_the_api_does_not_know_stop_no_other);
    tcase_add_test(tcase, what_the_shop_and_the_warehouse_both_cancelled_agrees_by_itself);
    tcase_add_test(tcase, pruning_forgets_history_and_no_unit);
    tcase_add_test(tcase, a_list_of_pruned_fulfillments_is_explained);
    tcase_add_test(tcase, only_pruning_deletes_and_only_what_is_over);
    tcase_add_test(tcase, a_worker_may_not_prune);
    tcase_add_test(tcase, a_counter_that_is_wrong_is_found_once_a_day);
    return suite;
}

int
main(void)
{
    support_need_database();
    return support_run_suite(floods_suite());
}
