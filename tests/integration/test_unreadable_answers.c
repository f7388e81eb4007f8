/*
 * Answers that are larger than waybill reads: what stands beside them on a page goes on, and the
 * one that is to blame is seen.
 */
#include <stdio.h>

#include "support/shop.h"

static struct shop shop;

static void
setup(void)
{
    shop_begin(&shop, 6);
    shop_use(&shop, "waybill", "shop.lines", NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
}

static void
teardown(void)
{
    shop_end(&shop);
}

/* Orders PREFIX1, PREFIX2 ... with some 600 bytes for each of so many lines. */
static void
large_orders(const char *prefix, int count, int lines)
{
    char sql[600];

    (void)snprintf(sql, sizeof(sql),
                   "create table shop.large as select json_build_object('id', '%s' || n,"
                   " 'state', 'accepted', 'items', (select json_agg(json_build_object("
                   "  'id', case i when 1 then 'i1' else rpad('i' || i || '_', 400, 'x') end,"
                   "  'quantity', 10)) from generate_series(1, %d) i))::text"
                   "  from generate_series(1, %d) n",
                   prefix, lines, count);
    support_psql(shop.url, sql);
    shop_tell_api(&shop, "shop.large");
    (void)snprintf(sql, sizeof(sql),
                   "insert into shop.lines (order_id, item_id, shipment_ref, shipped_quantity,"
                   " cancelled_quantity) select '%s' || n, 'i1', '', 1, 0"
                   "  from generate_series(1, %d) n",
                   prefix, count);
    support_psql(shop.url, sql);
}

START_TEST(an_order_that_can_not_be_read_hides_no_other_and_is_seen)
{
    large_orders("huge", 1, 9000);
    shop_ships(&shop, "('o1', 'a', '', 1, 0), ('o2', 'a', '', 1, 0), ('o3', 'a', '', 1, 0),"
                      " ('o4', 'a', '', 1, 0), ('o5', 'a', '', 1, 0)");
    shop_must(&shop, 0, "run", "--sweep");
    ck_assert_int_eq(shop_applied(&shop), 5);
    support_query_is(shop.url,
                     "select order_id, status, reason from waybill.report_line_items"
                     " where due_shipped > 0",
                     "huge1|waiting|what the API says of the order can't be read");

    /* For an hour that may be an accident. */
    support_psql(shop.url, "update waybill.orders set ask_at = now()");
    shop_must(&shop, 0, "run");
    support_psql(shop.url, "update waybill.orders set ask_at = now(),"
                           " unread_since = unread_since - interval '61 min'"
                           " where order_id = 'huge1'");
    shop_must(&shop, 1, "run");
    support_query_is(shop.url,
                     "select kind, order_id, detail ~ 'larger than allowed'"
                     "  from waybill.report_discrepancies where closed_at is null",
                     "unreadable|huge1|t");
    /* The rows can be read: that says nothing about the API. */
    shop_must(&shop, 0, "run", "--sweep");
    support_psql(shop.url, "update waybill.orders set ask_at = now() where order_id = 'huge1'");
    shop_must(&shop, 0, "run");
    support_query_is(
        shop.url, "select count(*) from waybill.report_discrepancies where closed_at is null", "1");

    /* An answer as a smaller order's would be. */
    support_query_is(shop.url,
                     "select waybill.record_orders('[{\"order_id\": \"huge1\", \"state\":"
                     " \"accepted\", \"items\": [{\"item_id\": \"i1\", \"quantity\": 10}]}]')",
                     "1");
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 6);
    support_query_is(shop.url, "select kind, closed_by from waybill.report_discrepancies",
                     "unreadable|planner");
}
END_TEST

START_TEST(a_list_that_can_not_be_read_is_seen)
{
    char url[128];

    (void)snprintf(url, sizeof(url), "%s/_sandbox/orders/o1", shop.sandbox.url);
    ck_assert_int_eq(support_http_post(url, "{\"state\":\"fulfilled\"}", NULL), 200);
    shop_ships(&shop, "('o1', 'a', '', 1, 0), ('o2', 'a', '', 1, 0)");
    support_sandbox_faults(&shop.sandbox, "list:500_before=1");
    shop_must(&shop, 0, "run", "--sweep");
    shop_warned(&shop, "event=list_not_read order=o1");
    ck_assert_int_eq(shop_applied(&shop), 1);
    support_query_is(shop.url,
                     "select status, reason from waybill.report_line_items where order_id = 'o1'",
                     "waiting|the order is fulfilled at the API, and the list of its fulfillments"
                     " can't be read");
    shop_must(&shop, 0, "status");
    shop_said(&shop, "1 listing order: the lists of their fulfillments can't be read");

    /* For an hour that may be an accident. */
    support_psql(shop.url, "update waybill.orders set list_at = now(),"
                           " unlisted_since = unlisted_since - interval '61 min'"
                           " where order_id = 'o1'");
    shop_must(&shop, 1, "run");
    support_query_is(shop.url,
                     "select kind, order_id, detail ~ '500' from waybill.report_discrepancies",
                     "unreadable|o1|t");
    shop_must(&shop, 0, "run", "--sweep");
    support_query_is(
        shop.url, "select count(*) from waybill.report_discrepancies where closed_at is null", "1");

    support_sandbox_faults(&shop.sandbox, "");
    support_psql(shop.url, "update waybill.orders set list_at = now() where order_id = 'o1'");
    shop_must(&shop, 1, "run");
    support_query_is(shop.url,
                     "select kind, closed_by from waybill.report_discrepancies order by 1",
                     "foreign|\nunreadable|planner");
    support_query_is(shop.url, "select count(unlisted_since) from waybill.report_orders", "0");
}
END_TEST

/* Each page of all events would be above the bound. */
START_TEST(large_events_are_read_a_few_at_a_time)
{
    char url[128];

    large_orders("large", 8, 1800);
    shop_must(&shop, 0, "run", "--sweep");
    ck_assert_int_eq(shop_applied(&shop), 8);
    for (int i = 1; i <= 8; i++) {
        (void)snprintf(url, sizeof(url), "%s/_sandbox/orders/large%d", shop.sandbox.url, i);
        ck_assert_int_eq(support_http_post(url, "{\"state\":\"dispute\"}", NULL), 200);
    }
    shop_must(&shop, 0, "run");
    support_query_is(shop.url,
                     "select count(*), min(state), max(state) from waybill.report_orders"
                     " where order_id like 'large%'",
                     "8|dispute|dispute");
    support_query_is(shop.url,
                     "select cursor_id is not null, gap_at is null from waybill.event_feed", "t|t");
}
END_TEST

START_TEST(an_event_that_can_not_be_read_is_seen)
{
    char url[128];

    large_orders("huge", 1, 9000);
    shop_must(&shop, 0, "run", "--sweep");
    (void)snprintf(url, sizeof(url), "%s/_sandbox/orders/huge1", shop.sandbox.url);
    ck_assert_int_eq(support_http_post(url, "{\"state\":\"dispute\"}", NULL), 200);
    support_psql(shop.url, "update waybill.event_feed set read_at = now() - interval '61 min';"
                           "update waybill.identity set mode_since = now() - interval '2 hours'");
    shop_must(&shop, 0, "run");
    shop_must(&shop, 0, "status", "--check");
    support_psql(shop.url, "update waybill.event_feed set read_at = now() - interval '63 min'");
    shop_must(&shop, 1, "status", "--check");
    shop_said(&shop, "the API's events have not been read to the end for 63 min");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("unreadable answers");

    support_need_database();
    SUPPORT_CASE(suite, 120, setup, teardown,
                 an_order_that_can_not_be_read_hides_no_other_and_is_seen);
    SUPPORT_CASE(suite, 120, setup, teardown, a_list_that_can_not_be_read_is_seen);
    SUPPORT_CASE(suite, 120, setup, teardown, an_event_that_can_not_be_read_is_seen);
    SUPPORT_CASE(suite, 120, setup, teardown, large_events_are_read_a_few_at_a_time);
    return support_run_suite(suite);
}
