#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "support/shop.h"

/*
 * A ledger that begins beside history: nothing of what was posted before it is posted again, and
 * all that comes after it is.
 */

#define WAREHOUSE_SQL  WAYBILL_SOURCE_DIR "/sql/warehouse/"
#define LINES          5000 /* shipped before; WAYBILL_BASELINE_LINES says otherwise */
#define LINES_OF_ORDER 2    /* at least so many lines with units has an order of the demo */

static struct shop shop;

static void
teardown(void)
{
    shop_end(&shop);
}

/* ------------------------------------------------------------------- a long history */

static void
setup_history(void)
{
    const char *wanted = getenv("WAYBILL_BASELINE_LINES");
    int64_t lines = LINES;
    char sql[100];

    ck_assert(wanted == NULL || number_parse(wanted, 100, 10000000, &lines));
    shop_begin(&shop, 0);
    shop_file(&shop, WAREHOUSE_SQL "demo_schema.sql");
    shop_file(&shop, WAREHOUSE_SQL "demo_view.sql");
    shop_file(&shop, WAREHOUSE_SQL "demo_generate.sql");
    (void)snprintf(sql, sizeof(sql), "select wms.generate(%lld, 1); analyze",
                   (long long)(lines / LINES_OF_ORDER));
    support_psql(shop.url, sql);
    shop_tell_api(&shop, "wms.api_orders");
    ck_assert_int_ge(support_query_int(shop.url,
                                       "select count(*) from wms.waybill_line_items"
                                       " where order_id <> ''"
                                       "   and shipped_quantity + cancelled_quantity > 0"),
                     lines);
    /* the integration before us */
    shop_use(&shop, "older", "wms.waybill_line_items", NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_must(&shop, 0, "run");
}

/* Five orders get a parcel each. */
static void
five_parcels(void)
{
    support_psql(
        shop.url,
        "do $$ declare o record; s bigint; p bigint; begin"
        " for o in select distinct on (l.order_id) l.order_id, l.id"
        "   from wms.order_lines l join wms.orders w on w.id = l.order_id"
        "   join (select order_id, item_id, max(ordered_quantity) as ordered,"
        "                sum(shipped_quantity) + sum(cancelled_quantity) as gone"
        "           from wms.waybill_line_items group by 1, 2) v"
        "     on v.order_id = w.api_order_id and v.item_id = l.api_item_id"
        "  where not l.kit and v.gone < v.ordered"
        "    and not exists (select from wms.shipments h where h.order_id = w.id"
        "                       and (h.status = 'packed'"
        "                            or h.fulfillment_model = 'orchestrated'))"
        "  order by l.order_id, l.id limit 5 loop"
        "  insert into wms.shipments (order_id, status, shipped_at)"
        "  values (o.order_id, 'shipped', now()) returning id into s;"
        "  insert into wms.parcels (order_id, shipment_id, parcel_no)"
        "  values (o.order_id, s, format('NEW-%s', s)) returning id into p;"
        "  insert into wms.shipment_lines (order_id, shipment_id, parcel_id, order_line_id,"
        "                                  quantity, shipped_at)"
        "  values (o.order_id, s, p, o.id, 1, now());"
        " end loop; end $$");
}

/* The ledger that was just given its baseline posts nothing, and then the five. */
static void
begins_where_the_other_ended(void)
{
    int64_t before = shop_applied(&shop);

    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), before);
    five_parcels();
    shop_must(&shop, 0, "run", "--sweep");
    ck_assert_int_eq(shop_applied(&shop), before + 5);
    shop_must(&shop, 0, "run", "--sweep");
    ck_assert_int_eq(shop_applied(&shop), before + 5);
}

static void
new_ledger(const char *schema)
{
    shop_use(&shop, schema, "wms.waybill_line_items", NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 3, "run");
}

static const char *
export_posted(void)
{
    shop_must(&shop, 0, "report", "posted", "--format", "csv");
    return support_write_file("posted.csv", shop.out, 0600);
}

START_TEST(a_ledger_takes_over_from_the_api_from_a_file_and_from_the_warehouse)
{
    const char *file;
    char *now;

    new_ledger("waybill");
    shop_must(&shop, 0, "baseline", "--from", "api", "--dry-run");
    shop_said(&shop, "; 0 shipped and 0 cancelled units of 0 lines would be due");
    shop_must(&shop, 3, "run");
    shop_must(&shop, 0, "baseline", "--from", "api");
    begins_where_the_other_ended();
    shop_must(&shop, 3, "baseline", "--from", "api");
    shop_warned(&shop, "its baseline is given already");

    /* and back: the next one begins with what this one has posted */
    file = export_posted();
    new_ledger("third");
    shop_must(&shop, 0, "baseline", "--from", "csv", file, "--dry-run");
    shop_said(&shop, "; 0 shipped and 0 cancelled units of 0 lines would be due");
    shop_must(&shop, 0, "baseline", "--from", "csv", file);
    begins_where_the_other_ended();

    now = support_query_text(shop.url, "select clock_timestamp()");
    new_ledger("fourth");
    shop_must(&shop, 0, "baseline", "--from", "warehouse", "--before", now);
    free(now);
    begins_where_the_other_ended();
    support_query_is(shop.url, "select count(*) from fourth.discrepancies", "0");
    support_query_is(shop.url, "select count(*) from waybill.discrepancies", "0");
}
END_TEST

/* ------------------------------------------------------------------- small ones */

static void
setup(void)
{
    shop_begin(&shop, 40);
    shop_use(&shop, "waybill", "shop.lines", NULL);
    shop_must(&shop, 0, "init");
}

static void
posted_is(const char *expected)
{
    support_query_is(shop.url,
                     "select order_id, item_id, shipment_ref, shipped, cancelled"
                     " from waybill.report_posted order by 1, 2, 3",
                     expected);
}

START_TEST(the_apis_units_go_to_the_rows_that_show_them)
{
    shop_ships(&shop, "('o1', 'a', 'p1', 3, 0), ('o1', 'a', 'p2', 2, 0), ('o1', 'a', '', 0, 2),"
                      " ('o2', 'a', 'p9', 1, 0), ('o3', 'a', '', 0, 0)");
    shop_other_posts(&shop, "o1", "a", 4, 1, NULL);
    shop_other_posts(&shop, "o1", "a", 1, 0, NULL);
    shop_other_posts(&shop, "o2", "a", 2, 0, NULL);
    shop_other_posts(&shop, "o2", "b", 5, 0, NULL);
    shop_must(&shop, 0, "baseline", "--from", "api", "--dry-run");
    shop_said(&shop, "0 shipped and 1 cancelled units of 1 lines would be due");
    posted_is("");
    shop_must(&shop, 0, "baseline", "--from", "api");
    /* that was no run */
    support_query_is(shop.url, "select last_run_id is null from waybill.report_health", "t");
    posted_is("o1|a||0|1\no1|a|p1|3|0\no1|a|p2|2|0\no2|a|p9|2|0\no2|b||5|0");
    /* what the API has beyond the warehouse calls a person */
    shop_must(&shop, 1, "run");
    support_query_is(shop.url,
                     "select kind, order_id, item_id from waybill.report_discrepancies"
                     " where closed_at is null",
                     "decreased|o2|a");
    posted_is("o1|a||0|2\no1|a|p1|3|0\no1|a|p2|2|0\no2|a|p9|2|0\no2|b||5|0");
}
END_TEST

START_TEST(a_row_without_a_time_is_on_neither_side_of_one)
{
    static const char *const before[] = {"baseline", "--from",     "warehouse",
                                         "--before", "2026-01-01", NULL};

    shop_ships(&shop, "('o1', 'a', '', 3, 0), ('o2', 'a', '', 2, 0), ('o3', 'a', 'p', 0, 1),"
                      " ('o4', 'a', '', 0, 0)");
    support_psql(shop.url,
                 "update shop.lines set changed_at = case order_id when 'o1' then '2025-01-01' end"
                 "::timestamptz");
    shop_must_end(&shop, 3, before);
    shop_warned(&shop, "2 rows of shop.lines have units and no changed_at, which --before needs:"
                       " o2 a, o3 a p");
    posted_is("");
    support_psql(shop.url,
                 "update shop.lines set changed_at = 'infinity' where order_id in ('o2', 'o3')");
    shop_must_end(&shop, 0, before);
    posted_is("o1|a||3|0");
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 2);
}
END_TEST

static bool
has_booked_more(void *ctx)
{
    const int64_t *before = ctx;

    return support_query_int(shop.url, "select count(*) from waybill.baseline_progress"
                                       " where listed_at is not null") > *before;
}

START_TEST(a_baseline_from_the_api_that_was_killed_goes_on)
{
    struct support_process process;
    int64_t booked = 0;
    const char *file = support_write_file(
        "one.csv", "order_id,item_id,shipment_ref,shipped,cancelled\no1,a,,1,0\n", 0600);

    support_psql(shop.url,
                 "create table shop.more as select replace(format('{\"id\": \"m%s\", \"state\":"
                 " \"accepted\", \"items\": [{\"id\": \"a\", \"quantity\": 10}]}', n), '~', '')"
                 "  from generate_series(1, 6000) n;"
                 "insert into shop.lines (order_id, item_id, shipment_ref, shipped_quantity,"
                 " cancelled_quantity) select 'm' || n, 'a', '', 1, 0"
                 "  from generate_series(1, 6000) n");
    shop_tell_api(&shop, "shop.more");
    shop_other_posts(&shop, "m1", "a", 1, 0, NULL);
    shop_other_posts(&shop, "m999", "a", 1, 0, NULL);
    for (int i = 0; i < 2; i++) {
        shop_spawn(&shop, &process, (const char *const[]){"baseline", "--from", "api", NULL});
        support_wait_until(has_booked_more, &booked, 30000, "a piece");
        support_signal(&process, i == 0 ? SIGKILL : SIGTERM);
        ck_assert_int_eq(support_wait_exit(&process, 30000), i == 0 ? 128 + SIGKILL : 1);
        /* what a killed one had asked for may still be under way at the server */
        support_wait_query(shop.url,
                           "select count(*) from pg_stat_activity where datname ="
                           " current_database() and pid <> pg_backend_pid()",
                           "0", 30000);
        booked = support_query_int(shop.url, "select count(listed_at)"
                                             " from waybill.baseline_progress");
    }
    shop_must(&shop, 3, "run");
    shop_must(&shop, 3, "baseline", "--from", "csv", file);
    shop_warned(&shop, "a baseline from the API is under way");
    shop_must(&shop, 3, "baseline", "--from", "nothing");
    shop_must(&shop, 0, "baseline", "--from", "api");
    posted_is("m1|a||1|0\nm999|a||1|0");
    support_query_is(shop.url,
                     "select (select mode from waybill.report_health),"
                     " (select count(*) from waybill.baseline_progress)",
                     "live|0");
}
END_TEST

START_TEST(what_a_file_settled_waits_for_its_first_look)
{
    const char *file = support_write_file(
        "two.csv", "order_id,item_id,shipment_ref,shipped,cancelled\no1,a,,1,0\nelsewhere,a,,1,0\n",
        0600);
    static const char REPORT[] =
        "select string_agg(concat_ws(' ', order_id, status, reason), ', ' order by order_id)"
        "  from filed.report_line_items where order_id in ('o1', 'elsewhere')";

    shop_ships(&shop, "('o1', 'a', '', 1, 0)");
    shop_use(&shop, "filed", "shop.lines", NULL);
    shop_must(&shop, 0, "init", "-q");
    shop_must(&shop, 0, "pause", "--reason", "not yet");
    shop_must(&shop, 3, "baseline", "--from", "csv", file);
    shop_warned(&shop, "the ledger is paused");
    shop_warned(&shop, "resume it first");
    shop_must(&shop, 0, "resume");
    shop_must(&shop, 0, "baseline", "--from", "csv", file);
    support_query_is(shop.url, REPORT,
                     "elsewhere waiting not looked at yet: the next run does,"
                     " o1 waiting not looked at yet: the next run does");
    shop_must(&shop, 0, "run", "-q");
    support_query_is(shop.url, REPORT, "elsewhere gone the warehouse shows it no more, o1 done");
}
END_TEST

START_TEST(a_file_is_booked_whole_or_not_at_all_and_every_mistake_has_its_line)
{
    static const char *const BAD = "order_id,item_id,shipment_ref,shipped,cancelled\r\n"
                                   "o1,a,p1,3,0\r\n"
                                   ",a,p1,3,0\r\n"
                                   "o1,a,p1,1,0\r\n"
                                   "o2,a,\"two\nlines\",-1,x\r\n"
                                   "o2,a,p1,1\r\n"
                                   "o2,\"a\"b,p1,1,0\r\n"
                                   "o\xff,a,p1,1,0\r\n"
                                   "o2,a,\"never closed,1,0\r\n";
    const char *file = support_write_file("bad.csv", BAD, 0600);

    shop_must(&shop, 3, "baseline", "--from", "csv", file);
    shop_warned(&shop, "bad.csv:3: order_id is empty");
    shop_warned(&shop, "bad.csv:4: the same order_id, item_id and shipment_ref as in line 2");
    shop_warned(&shop, "bad.csv:5: shipped must be a whole number 0..1000000000, got \"-1\"");
    shop_warned(&shop, "bad.csv:5: cancelled must be a whole number");
    shop_warned(&shop, "bad.csv:7: 4 fields instead of 5");
    shop_warned(&shop, "bad.csv:8: text after a closing quote");
    shop_warned(&shop, "bad.csv:9: order_id is not UTF-8");
    shop_warned(&shop, "bad.csv:10: a quote is opened and never closed");
    shop_warned(&shop, "8 mistakes in ");
    posted_is("");
    support_query_is(shop.url, "select mode from waybill.identity", "new");

    shop_must(&shop, 3, "baseline", "--from", "csv", "/no/such/file.csv");
    file = support_write_file("bad.csv", "order_id,item,shipped\n", 0600);
    shop_must(&shop, 3, "baseline", "--from", "csv", file);
    shop_warned(&shop, "bad.csv:1: unknown column \"item\"");
    shop_warned(&shop, "bad.csv:1: no column cancelled");
    file = support_write_file("bad.csv", "", 0600);
    shop_must(&shop, 3, "baseline", "--from", "csv", file);
    shop_warned(&shop, "bad.csv:1: the file is empty");

    file = support_write_file("good.csv",
                              "\xef\xbb\xbfitem_id,order_id,shipment_ref,cancelled,shipped\n"
                              "a,o1,\"say \"\"hi\"\", twice\",1,2\n\n\"b\",o1,,0,0\n",
                              0600);
    shop_must(&shop, 0, "baseline", "--from", "csv", file, "--shadow");
    posted_is("o1|a|say \"hi\", twice|2|1");
    support_query_is(shop.url, "select mode from waybill.identity", "shadow");
}
END_TEST

START_TEST(a_dry_run_says_what_would_be_and_changes_nothing)
{
    const char *file = support_write_file(
        "one.csv", "order_id,item_id,shipment_ref,shipped,cancelled\no1,a,p1,1,0\n", 0600);

    shop_ships(&shop, "('o1', 'a', 'p1', 3, 1), ('o2', 'a', '', 2, 0)");
    shop_must(&shop, 0, "baseline", "--from", "nothing", "--dry-run");
    shop_said(&shop, "nothing is settled; 5 shipped and 1 cancelled units of 2 lines would be due");
    shop_must(&shop, 0, "baseline", "--from", "warehouse", "--dry-run");
    shop_said(&shop, "6 units of 2 rows are settled; 0 shipped and 0 cancelled");
    shop_must(&shop, 0, "baseline", "--from", "csv", file, "--dry-run");
    shop_said(&shop, "1 units of 1 rows are settled; 4 shipped and 1 cancelled units of 2 lines");
    posted_is("");
    shop_must(&shop, 3, "run");
    shop_must(&shop, 2, "baseline");
    shop_must(&shop, 2, "baseline", "--from", "csv");
    shop_must(&shop, 2, "baseline", "--from", "api", file);
    shop_must(&shop, 2, "baseline", "--from", "api", "--before", "2026-01-01");
}
END_TEST

/* What somebody mends one day is history all the same. */
START_TEST(a_warehouse_with_rows_that_can_t_be_counted_is_not_taken_at_its_word)
{
    support_psql(shop.url,
                 "alter table shop.lines drop constraint lines_pkey, add fulfillment_model text;"
                 "insert into shop.lines (order_id, item_id, shipment_ref, ordered_quantity,"
                 " shipped_quantity, cancelled_quantity, fulfillment_model)"
                 " values ('o1', 'a', '', null, 4, 0, null), ('o1', 'b', '', 10, 4, 0, null),"
                 " ('o2', 'a', 'p', 10, 3, 0, null), ('o2', 'a', 'p', 10, 2, 0, null),"
                 " ('o2', 'b', '', 10, null, 0, null), ('o3', '', '', 10, 0, 1, null),"
                 " ('o4', repeat('i', 900), repeat('r', 1000), 10, 1, 0, null),"
                 " (repeat('o', 800), repeat('i', 800), repeat('r', 801), 10, 1, 0, null),"
                 /* and what has no units */
                 " ('o5', 'a', '', null, 0, 0, null), ('o5', 'b', '', 10, 0, 0, null),"
                 " ('o5', 'b', '', 10, 0, 0, null), ('o6', 'a', '', 10, null, null, 'distributed'),"
                 " ('o6', 'b', '', 10, 1, 0, 'weird')");
    shop_must(&shop, 3, "baseline", "--from", "warehouse", "--dry-run");
    shop_warned(&shop, "7 rows of shop.lines can't be counted, nor settled: "
                       "o1 a (ordered_quantity is null), o2 a p (2 rows for one key), "
                       "o2 b (shipped_quantity is null), ...");
    shop_must(&shop, 3, "baseline", "--from", "warehouse");
    shop_warned(&shop, "mend them first");
    posted_is("");
    support_psql(
        shop.url,
        "delete from shop.lines where length(order_id) > 2 or item_id = '';"
        "update shop.lines set ordered_quantity = 10 where ordered_quantity is null;"
        "update shop.lines set shipped_quantity = 0 where item_id = 'b' and"
        " shipped_quantity is null;"
        "delete from shop.lines where shipped_quantity = 2;"
        "update shop.lines set fulfillment_model = null where fulfillment_model = 'weird'");
    shop_must(&shop, 0, "baseline", "--from", "warehouse");
    shop_said(&shop, "13 units of 5 rows are settled");
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 0);
}
END_TEST

/* W-1, which the API knows as n1 and has three units of. */
static void
ships_under_the_merchants_number(void)
{
    support_psql(shop.url,
                 "alter table shop.lines add upstream_id text, drop constraint lines_pkey,"
                 " alter order_id drop not null;"
                 "create table shop.named as select '{\"id\": \"n1\", \"upstreamId\": \"W-1\","
                 " \"state\": \"accepted\", \"items\": [{\"id\": \"a\", \"quantity\": 10}]}';"
                 "insert into shop.lines (upstream_id, item_id, shipment_ref, shipped_quantity,"
                 " cancelled_quantity) values ('W-1', 'a', '', 3, 0)");
    shop_tell_api(&shop, "shop.named");
    shop_other_posts(&shop, "n1", "a", 3, 0, NULL);
}

START_TEST(orders_known_by_the_merchants_number_belong_to_the_history)
{
    ships_under_the_merchants_number();
    support_psql(shop.url,
                 "insert into shop.lines (order_id, upstream_id, item_id, shipment_ref,"
                 " shipped_quantity, cancelled_quantity) values ('', 'W-2', 'a', '', 1, 0)");
    shop_must(&shop, 3, "baseline", "--from", "warehouse");
    shop_warned(&shop, "2 rows of shop.lines have units and no order_id yet");
    shop_must(&shop, 0, "baseline", "--from", "api");
    posted_is("n1|a||3|0");
    support_psql(shop.url, "update shop.lines set shipped_quantity = 4 where upstream_id = 'W-1'");
    shop_must(&shop, 0, "run", "--sweep");
    ck_assert_int_eq(shop_applied(&shop), 2);
    posted_is("n1|a||4|0");
}
END_TEST

START_TEST(an_api_in_trouble_is_asked_again_until_the_history_is_whole)
{
    shop_ships(&shop, "('o1', 'a', '', 2, 0)");
    ships_under_the_merchants_number();
    shop_other_posts(&shop, "o1", "a", 2, 0, NULL);
    support_sandbox_faults(&shop.sandbox, "orders:first=1:429:1 orders:first=1:503_before:0"
                                          " orders:first=1:garbage list:first=1:429:1"
                                          " list:first=1:503_before:0 list:first=1:garbage");
    shop_must(&shop, 0, "baseline", "--from", "api");
    posted_is("n1|a||3|0\no1|a||2|0");
    shop_warned(&shop, "event=blocked why=\"429: too many requests\"");
    shop_warned(&shop, "event=list_not_read order=");
}
END_TEST

/* What stands before the API, or a replica that lags, refuses while the order is being read. */
static const struct {
    const char *faults;
    const char *api; /* its switches */
} HISTORY_REFUSED[] = {
    {"list:first=1:404_html", ""},
    {"list:first=1:400_html", ""},
    {"list:first=2:none list:first=1:400_html", ""},
    {"list:first=2:none list:first=1:404_api", ""},
    {"list:none=1 orders:none=1 get:first=2:404_html", "list_metadata=off"},
    {"list:none=1 orders:none=1 get:first=2:404_api", "list_metadata=off"},
    {"orders:first=1:404_html", ""},
    {"orders:first=3:400_html", ""},
};

START_TEST(only_the_api_itself_can_say_that_it_has_no_such_order)
{
    char url[128];

    shop_ships(&shop, "('l1', 'a', '', 101, 0)");
    ships_under_the_merchants_number();
    support_psql(shop.url, "create table shop.long as select '{\"id\": \"l1\", \"state\":"
                           " \"accepted\", \"items\": [{\"id\": \"a\", \"quantity\": 200}]}'");
    shop_tell_api(&shop, "shop.long");
    for (int i = 0; i < 101; i++)
        shop_other_posts(&shop, "l1", "a", 1, 0, NULL);
    (void)snprintf(url, sizeof(url), "%s/_sandbox/switches", shop.sandbox.url);
    ck_assert_int_eq(support_http_post(url, HISTORY_REFUSED[_i].api, NULL), 200);
    support_sandbox_faults(&shop.sandbox, HISTORY_REFUSED[_i].faults);
    shop_must(&shop, 0, "baseline", "--from", "api");
    posted_is("l1|a||101|0\nn1|a||3|0");
}
END_TEST

START_TEST(a_wrong_key_and_a_wrong_view_end_a_baseline_from_the_api)
{
    shop_ships(&shop, "('o1', 'a', 'p1', 3, 1)");
    (void)support_write_file("api.key", "sk_test_other", 0600);
    shop_must(&shop, 5, "baseline", "--from", "api");
    shop_warned(&shop, "refuses the key");
    (void)support_write_file("api.key", "sk_test_sandbox", 0600);
    shop_use(&shop, "waybill", "shop.nonesuch", NULL);
    shop_must(&shop, 3, "baseline", "--from", "api");
    shop_warned(&shop, "shop.nonesuch");
    posted_is("");
    support_query_is(shop.url, "select mode from waybill.identity", "new");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("baseline");
    TCase *history =
        support_case(suite, "history", getenv("WAYBILL_BASELINE_LINES") != NULL ? 7200 : 500);
    TCase *tests = support_case(suite, "baseline", 120);

    support_need_database();
    tcase_add_checked_fixture(history, setup_history, teardown);
    tcase_add_test(history, a_ledger_takes_over_from_the_api_from_a_file_and_from_the_warehouse);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_apis_units_go_to_the_rows_that_show_them);
    tcase_add_test(tests, a_baseline_from_the_api_that_was_killed_goes_on);
    tcase_add_test(tests, what_a_file_settled_waits_for_its_first_look);
    tcase_add_test(tests, a_file_is_booked_whole_or_not_at_all_and_every_mistake_has_its_line);
    tcase_add_test(tests, a_dry_run_says_what_would_be_and_changes_nothing);
    tcase_add_test(tests, a_warehouse_with_rows_that_can_t_be_counted_is_not_taken_at_its_word);
    tcase_add_test(tests, a_row_without_a_time_is_on_neither_side_of_one);
    tcase_add_test(tests, orders_known_by_the_merchants_number_belong_to_the_history);
    SUPPORT_CASE(suite, 120, setup, teardown,
                 an_api_in_trouble_is_asked_again_until_the_history_is_whole);
    tcase_add_loop_test(tests, only_the_api_itself_can_say_that_it_has_no_such_order, 0,
                        (int)(sizeof(HISTORY_REFUSED) / sizeof(HISTORY_REFUSED[0])));
    tcase_add_test(tests, a_wrong_key_and_a_wrong_view_end_a_baseline_from_the_api);
    return support_run_suite(suite);
}
