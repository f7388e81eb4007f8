/*
 * Refusals of what stands before the API: they say nothing of an order, and end with the trouble
 * there.
 */
#include <stdio.h>

#include "support/shop.h"

enum { ORDERS = 5 };

static struct shop shop;

static void
setup(void)
{
    shop_begin(&shop, ORDERS);
    shop_use(&shop, "waybill", "shop.lines", "");
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    for (int i = 1; i <= ORDERS; i++) {
        char rows[100];

        (void)snprintf(rows, sizeof(rows), "('o%d', 'a', '', 3, 0), ('o%d', 'b', '', 2, 1)", i, i);
        shop_ships(&shop, rows);
    }
}

static void
teardown(void)
{
    shop_end(&shop);
}

static void
submissions_are(const char *expected)
{
    support_query_is(shop.url,
                     "select state, count(*), max(error_code) from waybill.report_submissions"
                     " group by 1 order by 1",
                     expected);
    support_query_is(shop.url, "select count(*) from waybill.report_discrepancies", "0");
}

static bool
all_is_posted(void *ctx)
{
    (void)ctx;
    shop_must(&shop, 0, "run");
    return shop_applied(&shop) == ORDERS;
}

static const char *const GATEWAY_FAULTS[] = {"404_html=1", "400_html=1"};

START_TEST(a_gateway_with_nobody_behind_it_splits_and_rejects_nothing)
{
    support_sandbox_faults(&shop.sandbox, GATEWAY_FAULTS[_i]);
    shop_must(&shop, 5, "run", "--sweep");
    shop_warned(&shop, "the API fails again and again");
    submissions_are("planned|5|not_json");
    support_sandbox_faults(&shop.sandbox, "");
    support_wait_until(all_is_posted, NULL, 60000, "all orders at the API");
    submissions_are("accepted|5|");
}
END_TEST

START_TEST(a_conflict_in_nobodys_words_is_looked_into)
{
    support_sandbox_faults(&shop.sandbox, "first=1:409_html");
    shop_must(&shop, 0, "run", "--sweep");
    support_wait_until(all_is_posted, NULL, 60000, "all orders at the API");
    submissions_are("accepted|5|");
    support_query_is(shop.url,
                     "select kind, outcome, http_status, count(*) > 2"
                     "  from waybill.report_attempts where submission_id in"
                     "  (select submission_id from waybill.report_attempts where http_status = 409)"
                     "   and (kind = 'look' or http_status = 409) group by 1, 2, 3 order by 1",
                     "look|absent||t\npost|unknown|409|f");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("gateway");
    TCase *tests = support_case(suite, "gateway", 120);

    support_need_database();
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, a_gateway_with_nobody_behind_it_splits_and_rejects_nothing, 0,
                        (int)(sizeof(GATEWAY_FAULTS) / sizeof(GATEWAY_FAULTS[0])));
    tcase_add_test(tests, a_conflict_in_nobodys_words_is_looked_into);
    return support_run_suite(suite);
}
