#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/life.h"

/*
 * The integration checklist of the API, line by line: each of its sentences about fulfillments is
 * the name of a test that begins with a row of the warehouse and ends with what the API and the
 * warehouse say.
 */

/* What the sandbox applied: order, item, shipped, cancelled, number of fulfillments. */
static void
api_applied_is(const char *expected)
{
    char from[300];
    char *answer = NULL;
    const char *rows;

    (void)snprintf(from, sizeof(from), "%s/_sandbox/applied", life_sandbox.url);
    ck_assert_int_eq(support_http_get(from, &answer), 200);
    rows = strchr(answer, '\n');
    ck_assert_ptr_nonnull(rows);
    ck_assert_str_eq(rows + 1, expected);
    free(answer);
}

START_TEST(the_fulfilled_quantity_is_posted_after_the_order_is_accepted)
{
    life_make_orders(1, 1, ",\"state\":\"pending_payment\"", 2);
    life_must(0, "run", NULL, NULL);
    api_applied_is("");
    life_move_order("o-1", "{\"state\":\"in_review\"}");
    life_must(0, "run", NULL, NULL);
    api_applied_is("");
    support_query_is(life_url, "select state from t.orders", "in_review");

    life_move_order("o-1", "{\"state\":\"accepted\"}");
    life_must(0, "run", NULL, NULL);
    api_applied_is("o-1,i-1,2,0,1\n");
    life_must(0, "run", NULL, NULL);
    life_must(0, "run", "--sweep", NULL);
    api_applied_is("o-1,i-1,2,0,1\n");
    support_query_is(life_url,
                     "select ordered, shipped, posted_shipped, due_shipped, status"
                     " from waybill.report_line_items",
                     "2|2|2|0|done");
}
END_TEST

START_TEST(the_cancel_quantity_is_posted)
{
    /* All of one order, some of another, whose rest is shipped. */
    life_make_orders(1, 1, "", 0);
    life_make_orders(2, 2, "", 1);
    support_psql(life_url, "update t.lines set cancelled_quantity = 2 - shipped_quantity");
    life_must(0, "run", NULL, NULL);
    api_applied_is("o-1,i-1,0,2,1\no-2,i-2,1,1,1\n");
    life_wait_api(1, "cancelled");
    life_wait_api(2, "complete");
    life_run_until_states_agree(2);
    api_applied_is("o-1,i-1,0,2,1\no-2,i-2,1,1,1\n");
    support_query_is(life_url, "select state from t.orders order by order_id",
                     "cancelled\ncomplete");
    support_query_is(life_url,
                     "select posted_cancelled, due_cancelled, status"
                     " from waybill.report_line_items order by order_id",
                     "2|0|done\n1|0|done");
}
END_TEST

START_TEST(the_status_is_updated_after_the_event_order_complete)
{
    life_make_orders(1, 1, "", 1);
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select state from t.orders", "accepted");
    support_psql(life_url, "update t.lines set shipped_quantity = 2");
    life_must(0, "run", NULL, NULL);
    life_wait_api(1, "complete");
    /* Nothing but the event says so: nobody asks for the order. */
    support_psql(life_url,
                 "update waybill.orders set follow_at = clock_timestamp() + interval '1 d'");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select state from t.orders", "complete");
    support_query_is(life_url,
                     "select count(*) from waybill.events"
                     " where type = 'order.complete' and applied_at is not null",
                     "1");
    support_query_is(life_url,
                     "select state, source from waybill.report_order_states"
                     " where state = 'complete' and handed_at is not null",
                     "complete|event");
    life_told_once_and_in_order();
}
END_TEST

/* Between the checklist's lines: nothing is posted while an order is in dispute, or after it was
 * blocked or returned; a dispute ends, the others call a person. */
START_TEST(a_dispute_waits_for_its_end_and_blocked_and_returned_orders_call_a_person)
{
    life_make_orders(1, 3, "", 1);
    life_must(0, "run", NULL, NULL);
    api_applied_is("o-1,i-1,1,0,1\no-2,i-2,1,0,1\no-3,i-3,1,0,1\n");
    life_move_order("o-1", "{\"state\":\"dispute\"}");
    life_move_order("o-2", "{\"state\":\"blocked\"}");
    life_move_order("o-3", "{\"state\":\"returned\"}");
    life_must(0, "run", NULL, NULL);
    support_psql(life_url, "update t.lines set shipped_quantity = 2");
    life_must(1, "run", NULL, NULL);
    api_applied_is("o-1,i-1,1,0,1\no-2,i-2,1,0,1\no-3,i-3,1,0,1\n");
    support_query_is(life_url, "select order_id, state from t.orders order by 1",
                     "o-1|dispute\no-2|blocked\no-3|returned");
    support_query_is(life_url,
                     "select order_id, kind from waybill.report_discrepancies"
                     " where closed_at is null order by 1",
                     "o-2|order_blocked\no-3|order_returned");
    support_query_is(life_url,
                     "select status, reason from waybill.report_line_items where order_id = 'o-1'",
                     "waiting|the order is dispute at the API");

    life_move_order("o-1", "{\"state\":\"accepted\"}");
    life_must(0, "run", NULL, NULL);
    api_applied_is("o-1,i-1,2,0,2\no-2,i-2,1,0,1\no-3,i-3,1,0,1\n");
    life_wait_api(1, "complete");
    life_run_until_states_agree(3);
    life_told_once_and_in_order();
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("checklist");
    TCase *tests = support_case(suite, "checklist", 120);

    support_need_database();
    tcase_add_checked_fixture(tests, life_begin, life_end);
    tcase_add_test(tests, the_fulfilled_quantity_is_posted_after_the_order_is_accepted);
    tcase_add_test(tests, the_cancel_quantity_is_posted);
    tcase_add_test(tests, the_status_is_updated_after_the_event_order_complete);
    tcase_add_test(tests,
                   a_dispute_waits_for_its_end_and_blocked_and_returned_orders_call_a_person);
    return support_run_suite(suite);
}
