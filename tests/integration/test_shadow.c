#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/shop.h"

/*
 * Beside an older integration, without a POST; then live, with a look at the API before each
 * order's first; and small steps: so many POSTs, or one order.
 */

static struct shop shop;

static void
setup(void)
{
    shop_begin(&shop, 30);
    shop_use(&shop, "waybill", "shop.lines", NULL);
    shop_must(&shop, 0, "init");
}

static void
teardown(void)
{
    shop_end(&shop);
}

static void
shadow_says(const char *expected)
{
    support_query_is(shop.url,
                     "select order_id, item_id, we_shipped, they_shipped, we_cancelled,"
                     " they_cancelled, verdict from waybill.report_shadow order by 1, 2",
                     expected);
}

/* As if so much time had passed. */
static void
lists_are_old(void)
{
    support_psql(shop.url, "update waybill.orders set listed_at = listed_at - interval '10 min'");
}

START_TEST(a_shadow_run_posts_nothing_and_tells_who_posted_what)
{
    shop_must(&shop, 0, "baseline", "--from", "nothing", "--shadow");
    shop_ships(&shop, "('o1', 'a', 'p1', 2, 0), ('o1', 'a', 'p2', 1, 1), ('o2', 'a', '', 2, 0),"
                      " ('o3', 'a', '', 1, 0), ('o4', 'b', '', 3, 0)");
    shop_other_posts(&shop, "o4", "b", 3, 0, NULL);
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 1);
    shadow_says("o1|a|3|0|1|0|we_more\no2|a|2|0|0|0|we_more\no3|a|1|0|0|0|we_more\n"
                "o4|b|3|3|0|0|agree");
    shop_other_posts(&shop, "o1", "a", 3, 1, NULL);
    shop_other_posts(&shop, "o2", "a", 1, 0, NULL);
    shop_other_posts(&shop, "o3", "a", 2, 0, NULL);
    lists_are_old();
    (void)shop_waybill(&shop, (const char *const[]){"run", NULL});
    shadow_says("o1|a|3|3|1|1|agree\no2|a|2|1|0|0|we_more\no3|a|1|2|0|0|they_more\n"
                "o4|b|3|3|0|0|agree");
    support_query_is(shop.url,
                     "select order_id, state from waybill.submissions"
                     " where state <> 'withdrawn' order by 1",
                     "o2|planned");
    ck_assert_int_eq(shop_applied(&shop), 4);
    support_query_is(shop.url, "select mode from waybill.report_health", "shadow");
}
END_TEST

static bool
run_until_posted(void *ctx)
{
    const int64_t *wanted = ctx;

    shop_must(&shop, 0, "run");
    return shop_applied(&shop) >= *wanted;
}

START_TEST(going_live_lists_every_order_before_its_first_post)
{
    int64_t wanted;

    shop_must(&shop, 0, "baseline", "--from", "nothing", "--shadow");
    shop_ships(&shop, "('o1', 'a', '', 2, 0), ('o2', 'a', '', 3, 0), ('o3', 'a', '', 1, 0)");
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 0);
    /* posted after our last look, by an integration that is about to be switched off */
    shop_other_posts(&shop, "o1", "a", 2, 0, NULL);
    shop_other_posts(&shop, "o2", "a", 1, 0, NULL);

    shop_must(&shop, 3, "resume");
    shop_warned(&shop, "waybill resume --live --reason");
    shop_must(&shop, 0, "pause");
    shop_must(&shop, 0, "resume");
    shop_said(&shop, "shadow again");
    shop_must(&shop, 0, "resume", "--live", "--reason", "the old one is off");
    shop_must(&shop, 3, "resume", "--live", "--reason", "twice");
    /* the server's clock goes ahead meanwhile */
    support_psql(shop.url,
                 "select waybill.clock_stepped(clock_timestamp() - interval '1 min', 59900)");
    shop_ships(&shop, "('o4', 'b', '', 2, 0)");
    shop_must(&shop, 0, "run", "--sweep");

    wanted = 2 + 3; /* the rest of o2, o3 and o4 */
    support_wait_until(run_until_posted, &wanted, 30000, "the first posts");
    shop_must(&shop, 0, "run", "--sweep");
    ck_assert_int_eq(shop_applied(&shop), wanted);
    support_query_is(shop.url, "select order_id, shipped from waybill.report_posted order by 1",
                     "o1|2\no2|3\no3|1\no4|2");
    support_query_is(shop.url,
                     "select order_id, shipped from waybill.report_submission_items"
                     " where state = 'accepted' order by 1",
                     "o2|2\no3|1\no4|2");
    /* not before what the other one sent last must show: timeout_ms and settle_ms */
    support_query_is(shop.url,
                     "select bool_and(s.first_sent_at >= i.generation_since + interval '2.5 s'),"
                     " bool_and(o.listed_at >= i.generation_since + interval '2.5 s')"
                     "  from waybill.submissions s join waybill.orders o using (order_id)"
                     " cross join waybill.identity i where s.state = 'accepted'",
                     "t|t");
    support_query_is(shop.url, "select count(*) from waybill.discrepancies", "0");
    support_query_is(shop.url,
                     "select action, reason from waybill.report_decisions where action = 'go_live'",
                     "go_live|the old one is off");
}
END_TEST

START_TEST(a_canary_posts_exactly_so_many_and_only_that_order)
{
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    support_psql(shop.url, "insert into shop.lines (order_id, item_id, shipment_ref,"
                           " shipped_quantity, cancelled_quantity)"
                           " select 'o' || n, 'a', 'p' || k, 1, 0"
                           " from generate_series(1, 20) n, generate_series(1, 2) k");
    shop_must(&shop, 0, "run", "--order", "o7");
    ck_assert_int_eq(shop_applied(&shop), 2);
    support_query_is(shop.url, "select distinct order_id from waybill.report_posted", "o7");
    shop_must(&shop, 0, "run", "--max-posts", "3");
    ck_assert_int_eq(shop_applied(&shop), 5);
    support_query_is(shop.url,
                     "select state, count(*) from waybill.submissions group by 1 order by 1",
                     "planned|35\naccepted|5");
    shop_must(&shop, 0, "run", "--max-posts", "7", "--sweep");
    ck_assert_int_eq(shop_applied(&shop), 12);
    shop_must(&shop, 0, "run", "--max-posts", "1", "--order", "o9");
    ck_assert_int_eq(shop_applied(&shop), 13);
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 40);
}
END_TEST

START_TEST(a_worker_decides_but_does_not_begin_a_ledger)
{
    char worker[SUPPORT_URL_MAX];
    char state[6];

    support_psql(shop.url, "drop role if exists shop_worker; create role shop_worker login;"
                           " grant usage on schema shop to shop_worker;"
                           " grant select on shop.lines to shop_worker");
    shop_must(&shop, 0, "init", "--grant", "shop_worker");
    (void)snprintf(worker, sizeof(worker), "%s", shop.url);
    for (int i = 0; i < 3; i++) {
        static const char *const REFUSED[] = {
            "set role shop_worker; select waybill.baseline_done('nothing', 'me')",
            "set role shop_worker; select waybill.baseline_listings('[]', '{}', 'me')",
            "set role shop_worker; select waybill.go_live('me')"};

        support_psql_state(shop.url, REFUSED[i], state);
        ck_assert_str_eq(state, "42501");
    }
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_ships(&shop, "('o1', 'a', '', 2, 0)");
    support_psql(shop.url, "set role shop_worker; select waybill.pause('x');"
                           " select waybill.resume('x');"
                           " select * from waybill.decide_many('hold', '{1}', 'me', null, false,"
                           " 'settled')");
    support_psql(shop.url, "drop owned by shop_worker; drop role shop_worker");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("shadow");
    TCase *tests = support_case(suite, "shadow", 120);

    support_need_database();
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_shadow_run_posts_nothing_and_tells_who_posted_what);
    tcase_add_test(tests, going_live_lists_every_order_before_its_first_post);
    tcase_add_test(tests, a_canary_posts_exactly_so_many_and_only_that_order);
    tcase_add_test(tests, a_worker_decides_but_does_not_begin_a_ledger);
    return support_run_suite(suite);
}
