#include <string.h>

#include "support/life.h"

/* Money: authorizations that end, captures and releases that fail, and what waybill says of it. */

START_TEST(orders_whose_authorization_ends_soon_are_counted)
{
    life_make_orders(1, 3, "", 1);
    life_must(0, "run", "--max-posts", "1");
    support_query_is(life_url, "select authorizations_expiring from waybill.report_health", "0");
    support_psql(life_url,
                 "update waybill.orders set state_since = state_since - interval '6 days'");
    support_query_is(life_url, "select authorizations_expiring from waybill.report_health", "2");
    life_must(0, "status", NULL, NULL);
    ck_assert_msg(strstr(life_said, "2 orders with units due were accepted six days ago") != NULL,
                  "%s", life_said);
    life_must(0, "status", "--json", NULL);
    ck_assert_msg(strstr(life_said, "\"authorizations_expiring\":2") != NULL, "%s", life_said);
}
END_TEST

/* Planned long before and just now, and what came due before them: the least time left is first. */
START_TEST(orders_whose_authorization_ends_soon_go_first_when_not_all_can_go)
{
    life_make_orders(1, 9, "", 1);
    life_must(0, "run", "--max-posts", "1");
    support_query_is(life_url, "select count(*) from waybill.submissions where state = 'planned'",
                     "8");
    support_psql(life_url,
                 "update waybill.orders set state_since = clock_timestamp() - x.age"
                 " from (values ('o-6', interval '6 days 5 hours'), ('o-8', '6 days 20 hours'),"
                 "  ('o-9', '8 days'), ('o-7', '5 days')) x(order_id, age)"
                 " where orders.order_id = x.order_id");
    /* As if no run had looked meanwhile; of what has nothing due nobody hurries. */
    support_psql(life_url,
                 "update waybill.feed_state set expiring_to = null;"
                 "update waybill.orders set state_since = clock_timestamp() - interval '6.5 d'"
                 " where order_id in (select order_id from waybill.submissions"
                 "  where state = 'accepted')");
    life_must(0, "run", "--max-posts", "1");
    life_must(0, "run", "--max-posts", "1");
    support_query_is(life_url,
                     "select order_id from waybill.submissions where state = 'accepted'"
                     " order by first_sent_at offset 1",
                     "o-8\no-6");
    support_query_is(life_url,
                     "select count(*) from waybill.lanes where urgent_until is not null"
                     " and order_id not in ('o-8', 'o-6')",
                     "0");

    /* What is planned within its last day is hurried as it is planned. */
    life_post("switches", "order_events=off");
    life_make_orders(10, 12, "", 0);
    support_psql(life_url,
                 "insert into waybill.orders (order_id, state, state_since, checked_at) values"
                 " ('o-12', 'accepted', clock_timestamp() - interval '6.5 d', now());"
                 "update t.lines set shipped_quantity = 1 where order_id in ('o-10', 'o-12')");
    life_must(0, "run", "--max-posts", "1"); /* it may begin before they are planned */
    life_must(0, "run", "--max-posts", "1");
    support_query_is(life_url,
                     "select order_id from waybill.submissions where state = 'accepted'"
                     " order by first_sent_at desc limit 1",
                     "o-12");
    life_must(0, "run", NULL, NULL);
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select count(*) from waybill.lanes where urgent_until is not null",
                     "0");
    support_query_is(life_url, "select count(*) from waybill.submissions where state <> 'accepted'",
                     "0");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("payments");
    TCase *tests = support_case(suite, "payments", 300);

    support_need_database();
    tcase_add_checked_fixture(tests, life_begin, life_end);
    tcase_add_test(tests, orders_whose_authorization_ends_soon_are_counted);
    tcase_add_test(tests, orders_whose_authorization_ends_soon_go_first_when_not_all_can_go);
    return support_run_suite(suite);
}
