#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/life.h"

static const char *const KEY[] = {"Authorization: Bearer sk_test_sandbox", NULL};

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
                     "select order_id from (select order_id from waybill.submissions"
                     "  where state = 'accepted' order by first_sent_at desc limit 2) newest"
                     " where order_id in ('o-10', 'o-12')",
                     "o-12");
    life_must(0, "run", NULL, NULL);
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select count(*) from waybill.lanes where urgent_until is not null",
                     "0");
    support_query_is(life_url, "select count(*) from waybill.submissions where state <> 'accepted'",
                     "0");
}
END_TEST

/* So many captures and releases have failed at the API. */
static bool
money_failed(void *ctx)
{
    char from[300];
    char *answer = NULL;
    size_t failed = 0;

    (void)snprintf(from, sizeof(from),
                   "%s/events?types=order.charge.capture.failed&"
                   "types=order.charge.cancel.failed",
                   life_sandbox.url);
    ck_assert_int_eq(support_http("GET", from, KEY, NULL, &answer), 200);
    for (const char *at = answer; (at = strstr(at, ".failed\"")) != NULL; at++)
        failed++;
    free(answer);
    return failed == (size_t)ctx;
}

/* One of two units: the order stays accepted, so that nothing but the charge can tell. */
START_TEST(a_failed_capture_is_explained_by_its_charge_and_over_when_it_succeeds)
{
    life_make_orders(1, 1, ",\"capture\":\"fail\"", 1);
    life_make_orders(2, 2, ",\"cancel\":\"fail\"", 0);
    support_psql(life_url, "update t.lines set cancelled_quantity = 1 where order_id = 'o-2'");
    life_must(0, "run", NULL, NULL);
    support_wait_until(money_failed, (void *)2, LIFE_SETTLED_MS, "two failures");
    life_must(1, "run", NULL, NULL);
    life_must(0, "run", NULL, NULL);
    support_query_is(
        life_url,
        "select order_id, kind, state, amount, failure_message,"
        " fulfillment_id is not null, submission_id is not null, next_ask_at > asked_at"
        " from waybill.report_payments order by 1",
        "o-1|capture|failed|9.99|The authorization has expired.|t|t|t\n"
        "o-2|cancel|failed|9.99|The authorization has expired.|f|f|t");
    support_query_is(
        life_url,
        "select order_id, kind, detail ~ 'failed-request: The authorization has expired',"
        " detail ~ 'ask the customer for another payment', detail ~ 'refunded'"
        " from waybill.report_discrepancies where closed_at is null order by 1",
        "o-1|payment|t|t|f\no-2|payment|t|f|t");

    /* Asked again and still so: nothing new. Then the API's own retry succeeds. */
    support_psql(life_url, "update waybill.charges set ask_at = clock_timestamp()");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select count(*) from waybill.report_discrepancies", "2");
    life_move_order("o-1", "{\"capture\":\"ok\"}");
    life_move_order("o-2", "{\"cancel\":\"ok\"}");
    support_psql(life_url, "update waybill.charges set ask_at = clock_timestamp()");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url,
                     "select order_id, state, next_ask_at is null from waybill.report_payments"
                     " order by 1",
                     "o-1|complete|t\no-2|complete|t");
    support_query_is(life_url,
                     "select order_id, closed_by, reason from waybill.report_discrepancies"
                     " order by 1",
                     "o-1|follow|captured after all\no-2|follow|released after all");
}
END_TEST

START_TEST(a_capture_that_stays_pending_is_the_reason_that_an_order_is_not_complete)
{
    life_make_orders(1, 1, ",\"capture\":\"pending\"", 2);
    life_must(0, "run", NULL, NULL);
    life_wait_api(1, "fulfilled");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select count(*) from waybill.report_payments", "0");
    support_psql(life_url,
                 "alter table waybill.submissions disable trigger all;"
                 "update waybill.submissions set settled_at = settled_at - interval '25 h';"
                 "alter table waybill.submissions enable trigger all;"
                 "update waybill.orders set follow_at = clock_timestamp() - interval '1 s'");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select kind, state, amount from waybill.report_payments",
                     "capture|pending|19.98");
    support_query_is(life_url,
                     "select incomplete_reason ~ '^capture pending: 19.98 since 20..-..-.. '"
                     " from waybill.report_orders",
                     "t");
    support_query_is(life_url, "select count(*) from waybill.report_discrepancies", "0");

    /* Pending, then failed, and no event comes. */
    life_write_config("follow:\n  events: false\n");
    life_move_order("o-1", "{\"capture\":\"fail\"}");
    support_psql(life_url,
                 "update waybill.charges set ask_at = clock_timestamp() - interval '1 s'");
    life_must(1, "run", NULL, NULL);
    support_query_is(life_url,
                     "select incomplete_reason ~ '^capture failed: a capture of fulfillment ful_.*'"
                     " from waybill.report_orders",
                     "t");
    life_move_order("o-1", "{\"capture\":\"ok\"}");
    life_wait_api(1, "complete");
    support_psql(life_url,
                 "update waybill.orders set follow_at = clock_timestamp() - interval '1 s'");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select state from t.orders", "complete");
    support_query_is(
        life_url, "select count(*) from waybill.report_discrepancies where closed_at is null", "0");
}
END_TEST

/* 409 payment_authorization_failed: a body without a type, its words in `description`. */
START_TEST(a_payment_that_could_not_be_authorized_calls_a_person_with_the_apis_words)
{
    life_make_orders(1, 2, "", 1);
    life_move_order("o-1", "{\"authorization\":\"expired\"}");
    life_must(1, "run", NULL, NULL);
    support_query_is(life_url,
                     "select order_id, state, http_status, error_code"
                     " from waybill.report_submissions order by 1",
                     "o-1|rejected|409|payment_authorization_failed\no-2|accepted|201|");
    support_query_is(life_url,
                     "select kind, detail ~ 'payment authorization has expired'"
                     " from waybill.report_discrepancies where closed_at is null"
                     "  and submission_id is not null",
                     "payment|t");
    /* Nothing was accepted: it can be sent again. */
    life_must(0, "status", NULL, NULL);
    ck_assert_msg(strstr(life_said, "next:     waybill retry discrepancy 1\n") != NULL, "%s",
                  life_said);
    life_must(1, "run", NULL, NULL); /* the event order.charge.reauth.failed */
    support_query_is(life_url,
                     "select order_id, detail ~ 'could not be authorized again',"
                     " detail ~ 'do not ship what is not posted yet: ask the customer'"
                     " from waybill.report_discrepancies where closed_at is null"
                     "  and submission_id is null",
                     "o-1|t|t");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select max(tries) from waybill.submissions", "1");
    life_move_order("o-1", "{\"authorization\":\"valid\"}");
    life_must(0, "retry", "order", "o-1");
    life_must(0, "run", NULL, NULL);
    life_must(0, "run", NULL, NULL); /* its event: the payment was authorized after all */
    support_query_is(life_url, "select distinct status from waybill.report_line_items", "done");
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
    tcase_add_test(tests, a_failed_capture_is_explained_by_its_charge_and_over_when_it_succeeds);
    tcase_add_test(tests, a_capture_that_stays_pending_is_the_reason_that_an_order_is_not_complete);
    tcase_add_test(tests,
                   a_payment_that_could_not_be_authorized_calls_a_person_with_the_apis_words);
    return support_run_suite(suite);
}
