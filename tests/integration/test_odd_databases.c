#include <stdio.h>

#include "support/shop.h"

/* Databases that were set up for another program, long before this one came. */

static struct shop shop;

static void
teardown(void)
{
    shop_end(&shop);
}

static void
setup(void)
{
    shop_begin(&shop, 4);
    shop_use(&shop, "waybill", "shop.lines", NULL);
}

static void
decide(const char *action, const char *what, const char *number_sql)
{
    char id[24];

    (void)snprintf(id, sizeof(id), "%lld", (long long)support_query_int(shop.url, number_sql));
    shop_must(&shop, 0, action, what, id, "--reason", "so it is");
}

/* Whatever it finds: it comes to its end. */
static void
works(const char *const arguments[])
{
    int code = shop_waybill(&shop, arguments);

    ck_assert_msg(code <= 1, "%s: %d: %s", arguments[0], code, shop.errors);
}
#define WORKS(...) works((const char *const[]){__VA_ARGS__, NULL})

/* From init to each kind of answer, with a parcel that is renamed and units that are not known. */
static void
lives_a_day(void)
{
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    support_psql(shop.url, "select waybill.feed_from('shop.lines', 'order_id')");
    shop_ships(&shop, "('o1', 'a', 'p1', 3, 1), ('o2', 'a', '', 2, 0), ('o3', 'a', '', 11, 0),"
                      " ('o4', 'c', '', 1, 0)");
    shop_must(&shop, 0, "check");
    shop_must(&shop, 0, "plan");
    shop_must(&shop, 0, "plan", "--explain", "o1");
    WORKS("run");
    ck_assert_int_eq(shop_applied(&shop), 2);
    support_psql(shop.url, "update shop.lines set shipment_ref = 'p9' where order_id = 'o1'");
    shop_other_posts(&shop, "o2", "a", 1, 0, NULL);
    WORKS("run", "--sweep");
    WORKS("audit", "--all");
    WORKS("run");
    decide("retry", "discrepancy",
           "select max(discrepancy_id) from waybill.discrepancies where order_id = 'o3'");
    decide("dismiss", "discrepancy",
           "select max(discrepancy_id) from waybill.discrepancies where order_id = 'o4'");
    shop_ships(&shop, "('o1', 'b', '', 1, 0), ('o2', 'b', '', 1, 0)");
    WORKS("run", "--max-posts", "1");
    decide("hold", "submission",
           "select max(submission_id) from waybill.submissions where state = 'planned'");
    shop_must(&shop, 0, "status");
    shop_must(&shop, 0, "report", "order", "--id", "o1");
    shop_said(&shop, "HTTP 201");
    shop_must(&shop, 0, "report", "--html", support_write_file("page.html", "", 0600));
    shop_must(&shop, 0, "report", "attempts");
    shop_must(&shop, 0, "report", "decisions");
    shop_must(&shop, 0, "prune", "--keep", "30d");
    support_query_is(shop.url,
                     "select order_id, shipment_ref, posted_shipped, posted_cancelled"
                     " from waybill.report_line_items where order_id = 'o1' and item_id = 'a' and "
                     "posted_shipped > 0",
                     "o1|p9|3|1");
}

/* As databases got them that came from before PostgreSQL 8.3: numbers are texts wherever one will
 * do, and 'x' || 1 has two meanings. */
START_TEST(numbers_may_be_texts_by_implicit_casts)
{
    support_psql(shop.url, "create cast (smallint as text) with inout as implicit;"
                           "create cast (integer as text) with inout as implicit;"
                           "create cast (bigint as text) with inout as implicit;"
                           "create cast (numeric as text) with inout as implicit;"
                           "create cast (date as text) with inout as implicit;"
                           "create cast (timestamptz as text) with inout as implicit");
    lives_a_day();
}
END_TEST

START_TEST(null_in_an_array_may_be_a_word)
{
    support_psql(shop.url, "do $$ begin execute format('alter database %I set array_nulls = off',"
                           " current_database()); end $$");
    lives_a_day();
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("odd_databases");

    support_need_database();
    SUPPORT_CASE(suite, 120, setup, teardown, numbers_may_be_texts_by_implicit_casts);
    SUPPORT_CASE(suite, 120, setup, teardown, null_in_an_array_may_be_a_word);
    return support_run_suite(suite);
}
