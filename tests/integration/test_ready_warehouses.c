#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/shop.h"

/*
 * The mapping views for systems that exist, on their own tables: what their flows make of rows is
 * posted unit for unit, and what they do next is noticed by the feed alone.
 */

#define WAREHOUSE_SQL WAYBILL_SOURCE_DIR "/sql/warehouse/"

static struct shop shop;

static void
setup(void)
{
    shop_begin(&shop, 0);
}

static void
teardown(void)
{
    shop_end(&shop);
}

/* What the API applied, a line each: order item shipped cancelled. */
static void
applied_is(const char *expected)
{
    static const char SCRIPT[] = "sed 1d \"$1\" | cut -d, -f1-4 | LC_ALL=C sort | tr , ' '";
    char url[128];
    char *text = NULL;
    char *lines = NULL;
    const char *path;

    (void)snprintf(url, sizeof(url), "%s/_sandbox/applied", shop.sandbox.url);
    ck_assert_int_eq(support_http_get(url, &text), 200);
    path = support_write_file("applied.csv", text, 0600);

    const char *const argv[] = {"sh", "-c", SCRIPT, "sh", path, NULL};

    ck_assert_int_eq(support_run(argv, NULL, &lines, NULL), 0);
    ck_assert_str_eq(lines, expected);
    free(lines);
    free(text);
}

/* One fulfillment was told a tracking number later. */
static void
one_was_updated(void)
{
    static const char KEY[] = "\"updates\":";
    char url[128];
    char *text = NULL;
    const char *at;

    (void)snprintf(url, sizeof(url), "%s/_sandbox/stats", shop.sandbox.url);
    ck_assert_int_eq(support_http_get(url, &text), 200);
    at = strstr(text, KEY);
    ck_assert_ptr_nonnull(at);
    at += strlen(KEY);
    at += strspn(at, " ");
    ck_assert_msg(strspn(at, "0123456789") == 1 && at[0] == '1', "%.20s", at);
    free(text);
}

/* The ledger beside a warehouse, up to the first run. */
static void
connect_to(const char *feed)
{
    shop_use(&shop, "waybill", "wms.waybill_line_items", NULL);
    shop_must(&shop, 0, "init");
    if (feed != NULL)
        shop_file(&shop, feed);
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_must(&shop, 0, "check");
    if (feed != NULL)
        ck_assert_msg(strstr(shop.out, "warn") == NULL, "%s", shop.out);
}

/* A change is posted by a run that looks at nothing but the queue. */
static void
run_without_a_sweep(void)
{
    char *sweeps = support_query_text(shop.url, "select count(*) from waybill.runs where swept");

    shop_must(&shop, 0, "run");
    support_query_is(shop.url, "select count(*) from waybill.runs where swept", sweeps);
    free(sweeps);
}

static void
look_again_posts_nothing(void)
{
    int64_t posts = shop_posts(&shop);

    shop_must(&shop, 0, "run", "--sweep");
    ck_assert_int_eq(shop_posts(&shop), posts);
    support_query_is(shop.url,
                     "select missed_by_feed from waybill.runs where swept order by run_id desc"
                     " limit 1",
                     "0");
    support_query_is(shop.url,
                     "select kind, order_id, reason from waybill.report_discrepancies"
                     " where closed_at is null",
                     "");
}

START_TEST(what_odoo_delivers_and_cancels_is_posted)
{
    shop_file(&shop, WAREHOUSE_SQL "odoo_schema.sql");
    shop_file(&shop, WAREHOUSE_SQL "odoo_view.sql");
    shop_file(&shop, WAREHOUSE_SQL "odoo_sample.sql");
    shop_tell_api(&shop, "flow.api_orders");
    connect_to(WAREHOUSE_SQL "odoo_feed.sql");
    shop_must(&shop, 0, "run");
    applied_is("by-number i1 1 0\n"
               "dr-1 i1 3 0\n"
               "dr-1 i2 2 0\n"
               "dr-1 i3 1 0\n"
               "dr-10 i1 3 0\n"
               "dr-13 i1 1 2\n"
               "dr-16 i1 0 2\n"
               "dr-17 i1 2 0\n"
               "dr-2 i1 5 0\n"
               "dr-3 i1 4 0\n"
               "dr-3 i2 1 0\n"
               "dr-4 i1 4 2\n"
               "dr-4 i2 0 2\n"
               "dr-5 i1 1 0\n"
               "dr-7 i1 1 0\n"
               "dr-8 i1 2 0\n"
               "dr-9 i1 2 0\n");

    /* A second delivery in two parts, a return, a remainder that is cancelled, a kit made whole,
     * the second step of two. */
    support_psql(shop.url,
                 "select flow.ship('WH/OUT/00002b', '{\"A\": 2}');"
                 "select flow.take_back('WH/OUT/00001', '{\"A\": 1}');"
                 "select flow.cancel('WH/OUT/00007b');"
                 "select flow.ship('WH/OUT/00005b', '{\"A\": 2, \"B\": 1, \"C\": 0.6}', false);"
                 "select flow.ship('WH/OUT/00015')");
    run_without_a_sweep();
    support_psql(shop.url, "select flow.ship('WH/OUT/00002bb'); select flow.confirm('S00012',"
                           " 'WH/OUT/00012'); select flow.cancel_order('S00012')");
    run_without_a_sweep();
    applied_is("by-number i1 1 0\n"
               "dr-1 i1 3 0\n"
               "dr-1 i2 2 0\n"
               "dr-1 i3 1 0\n"
               "dr-10 i1 3 0\n"
               "dr-12 i1 0 1\n"
               "dr-13 i1 1 2\n"
               "dr-15 i1 2 0\n"
               "dr-16 i1 0 2\n"
               "dr-17 i1 2 0\n"
               "dr-2 i1 8 0\n"
               "dr-3 i1 4 0\n"
               "dr-3 i2 1 0\n"
               "dr-4 i1 4 2\n"
               "dr-4 i2 0 2\n"
               "dr-5 i1 3 0\n"
               "dr-7 i1 1 1\n"
               "dr-8 i1 2 0\n"
               "dr-9 i1 2 0\n");
    support_query_is(shop.url,
                     "select shipment_ref, posted_shipped from waybill.report_line_items"
                     " where order_id = 'dr-2' and posted_shipped > 0 order by 1",
                     "WH/OUT/00002|5\nWH/OUT/00002b|2\nWH/OUT/00002bb|1");

    /* Of the other channel's order nothing is known; a number that comes late is sent. */
    support_query_is(shop.url, "select count(*) from waybill.report_line_items where order_id = ''",
                     "0");
    support_psql(shop.url, "update stock_picking set carrier_tracking_ref = 'TRACK-2'"
                           " where name = 'WH/OUT/00002'");
    run_without_a_sweep();
    one_was_updated();
    look_again_posts_nothing();
}
END_TEST

START_TEST(what_solidus_ships_and_cancels_is_posted)
{
    shop_file(&shop, WAREHOUSE_SQL "solidus_schema.sql");
    shop_file(&shop, WAREHOUSE_SQL "solidus_view.sql");
    shop_file(&shop, WAREHOUSE_SQL "solidus_sample.sql");
    shop_tell_api(&shop, "flow.api_orders");
    connect_to(WAREHOUSE_SQL "solidus_feed.sql");
    shop_must(&shop, 0, "run");
    applied_is("by-number i1 1 0\n"
               "dr-1 i1 3 0\n"
               "dr-1 i2 2 0\n"
               "dr-11 i1 2 0\n"
               "dr-2 i1 4 0\n"
               "dr-3 i1 3 1\n"
               "dr-4 i1 2 0\n"
               "dr-5 i1 2 0\n"
               "dr-6 i1 1 2\n"
               "dr-7 i1 3 1\n");

    /* The last unit of one, a return and an exchange that change nothing, a remainder that is
     * cancelled, a tracking number that comes late. */
    support_psql(shop.url, "select flow.ship('H2', null, 'C2c'); select flow.take_back('C1', 2);"
                           "select flow.exchange('C3', 1, 'H3x'); select flow.ship('H3x');"
                           "select flow.cancel_units('H4', 2)");
    run_without_a_sweep();
    support_psql(shop.url, "update spree_cartons set tracking = '1Z2' where number = 'C7'");
    run_without_a_sweep();
    applied_is("by-number i1 1 0\n"
               "dr-1 i1 3 0\n"
               "dr-1 i2 2 0\n"
               "dr-11 i1 2 0\n"
               "dr-2 i1 5 0\n"
               "dr-3 i1 3 1\n"
               "dr-4 i1 2 2\n"
               "dr-5 i1 2 0\n"
               "dr-6 i1 1 2\n"
               "dr-7 i1 3 1\n");
    one_was_updated();
    look_again_posts_nothing();
}
END_TEST

/* The file says of each view what it shows, in lines that begin with an arrow. */
START_TEST(the_snippets_show_what_they_say_and_it_is_posted)
{
    static const char SCRIPT[] =
        "psql -X -q -A -t -v ON_ERROR_STOP=1 -d \"$1\" -f \"$2\" > \"$3\" && export LC_ALL=C &&"
        " sort -o \"$3\" \"$3\" && sed -n 's/^--> //p' \"$2\" | sort | diff - \"$3\"";
    const char *const argv[] = {"sh",
                                "-c",
                                SCRIPT,
                                "sh",
                                shop.url,
                                WAREHOUSE_SQL "snippets.sql",
                                support_write_file("shown", "", 0600),
                                NULL};
    char *differs = NULL;
    char *errors = NULL;
    int code = support_run(argv, NULL, &differs, &errors);

    ck_assert_msg(code == 0, "%s%s", differs, errors);
    free(differs);
    free(errors);
    support_psql(
        shop.url,
        "create view api_orders as select jsonb_build_object('id', order_id, 'state',"
        " 'accepted', 'upstreamId', up, 'items', jsonb_agg(item))::text"
        "  from (select coalesce(order_id, 'by-number') as order_id, max(upstream_id) as up,"
        "               jsonb_build_object('id', item_id, 'quantity',"
        "                                  max(ordered_quantity)) as item"
        "          from wms.waybill_line_items where item_id is not null"
        "         group by order_id, upstream_id, item_id) as i group by order_id, up");
    shop_tell_api(&shop, "api_orders");
    connect_to(NULL);
    shop_must(&shop, 0, "run");
    applied_is("by-number a 1 0\n"
               "chan-1 a 2 0\n"
               "drop-1 a 4 2\n"
               "house-1 a 3 0\n"
               "kit-1 a 2 0\n"
               "soft-1 a 2 0\n"
               "soft-1 b 1 2\n"
               "soft-2 a 0 1\n"
               "unit-1 a 3 1\n"
               "uom-1 a 3 0\n");
    look_again_posts_nothing();
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ready_warehouses");
    TCase *tests = support_case(suite, "ready_warehouses", 120);

    support_need_database();
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_odoo_delivers_and_cancels_is_posted);
    tcase_add_test(tests, what_solidus_ships_and_cancels_is_posted);
    tcase_add_test(tests, the_snippets_show_what_they_say_and_it_is_posted);
    return support_run_suite(suite);
}
