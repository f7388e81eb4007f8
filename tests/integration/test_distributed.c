#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/life.h"

/*
 * Fulfillments that the API coordinates: what the warehouse gives of them goes into the request;
 * where it only marks a line as distributed, the API's events of fulfillment orders bring the
 * units.
 */

/* As JSON in a text: every quote needs one more backslash. */
static void
tell(const char *type, const char *order_id, const char *object)
{
    char body[4096];
    size_t used;

    used = (size_t)snprintf(body, sizeof(body), "{\"type\":\"%s\",\"orderId\":\"%s\",\"object\":\"",
                            type, order_id);
    for (const char *at = object; *at != '\0' && used + 8 < sizeof(body); at++) {
        if (*at == '"')
            body[used++] = '\\';
        body[used++] = *at;
    }
    (void)snprintf(body + used, sizeof(body) - used, "\"}");
    life_post("events", body);
}

static void
shipped(const char *shipment, int order, const char *item, int quantity)
{
    char id[24];
    char object[600];

    (void)snprintf(id, sizeof(id), "o-%d", order);
    (void)snprintf(object, sizeof(object),
                   "{\"id\":\"%s\",\"fulfillmentOrderId\":\"fo-%d\","
                   "\"fulfillmentOrderUpstreamId\":\"o-%d\",\"shipTo\":{\"name\":\"Ada\"},"
                   "\"items\":[{\"id\":\"%s-a\",\"fulfillmentOrderItemUpstreamId\":\"%s\","
                   "\"quantity\":%d}]}",
                   shipment, order, order, shipment, item, quantity);
    tell("fulfillment_order.shipped", id, object);
}

static void
cancelled(const char *type, int order, int quantity)
{
    char id[24];
    char object[600];

    (void)snprintf(id, sizeof(id), "o-%d", order);
    (void)snprintf(object, sizeof(object),
                   "{\"id\":\"fo-%d\",\"upstreamId\":\"o-%d\",\"items\":[{\"id\":\"x\","
                   "\"upstreamId\":\"i-%d\",\"quantity\":2,\"cancelled\":%d}]}",
                   order, order, order, quantity);
    tell(type, id, object);
}

/* Marked, and without quantities: events say them. */
static void
mark(int first, int last)
{
    char sql[200];

    (void)snprintf(sql, sizeof(sql),
                   "update t.lines set fulfillment_model = 'distributed', shipped_quantity = null,"
                   " cancelled_quantity = null where order_id in (select 'o-' || i"
                   " from generate_series(%d, %d) i)",
                   first, last);
    support_psql(life_url, sql);
}

/* order, shipmentId, shipmentItemId, quantity, cancelQuantity of each fulfillment, oldest first */
static void
api_fulfillments_are(const char *expected)
{
    char from[300];
    char *answer = NULL;
    char sql[200];
    const char *path;

    (void)snprintf(from, sizeof(from), "%s/_sandbox/fulfillments", life_sandbox.url);
    ck_assert_int_eq(support_http_get(from, &answer), 200);
    path = support_write_file("fulfillments.json", answer, 0644);
    support_psql(life_url, "drop table if exists t.f; create table t.f (n serial, j jsonb)");
    (void)snprintf(sql, sizeof(sql),
                   "\\copy t.f (j) from '%s' with (format csv, quote e'\\x01', delimiter e'\\x02')",
                   path);
    const char *const argv[] = {"psql", "-X", "-q", "-d", life_url, "-c", sql, NULL};
    ck_assert_int_eq(support_run(argv, NULL, NULL, NULL), 0);
    support_query_is(life_url,
                     "select j ->> 'orderId', j ->> 'shipmentId', i ->> 'shipmentItemId',"
                     " i ->> 'quantity', i ->> 'cancelQuantity'"
                     " from t.f, jsonb_array_elements(j -> 'items') i order by 1, 2, 3, 4, 5",
                     expected);
    free(answer);
}

START_TEST(what_the_warehouse_says_of_a_shipment_goes_with_its_one_post)
{
    life_make_orders(1, 3, "", 2);
    support_psql(life_url,
                 "update t.lines set fulfillment_model = 'distributed', shipment_id = 'shp_1',"
                 " shipment_item_id = 'shi_1', shipment_ref = 'P1' where order_id = 'o-1';"
                 "update t.lines set fulfillment_model = 'orchestrated' where order_id = 'o-2'");
    life_must(0, "run", NULL, NULL);
    api_fulfillments_are("o-1|shp_1|shi_1|2|0\no-3|||2|0");
    support_query_is(life_url,
                     "select due_shipped, status, reason from waybill.report_line_items"
                     " where order_id = 'o-2'",
                     "2|waiting|orchestrated: the API's own fulfiller posts it");
}
END_TEST

START_TEST(shipments_that_events_tell_of_are_posted_once_for_each_shipment_id)
{
    life_make_orders(1, 2, "", 0);
    mark(1, 1);
    life_must(0, "run", NULL, NULL);
    api_fulfillments_are("");
    shipped("shp_a", 1, "i-1", 1);
    shipped("shp_a", 1, "i-1", 1); /* the same again, as another event */
    shipped("shp_z", 2, "i-2", 1); /* of an order that the warehouse gives quantities of */
    life_must(0, "run", NULL, NULL);
    life_must(0, "run", NULL, NULL);
    api_fulfillments_are("o-1|shp_a|shp_a-a|1|0");
    shipped("shp_b", 1, "i-1", 1);
    shipped("shp_a", 1, "i-1", 1);
    life_must(0, "run", NULL, NULL);
    life_must(0, "run", "--sweep", NULL);
    life_must(0, "run", NULL, NULL);
    api_fulfillments_are("o-1|shp_a|shp_a-a|1|0\no-1|shp_b|shp_b-a|1|0");
    life_wait_api(1, "complete");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select state from t.orders where order_id = 'o-1'", "complete");
    support_query_is(life_url,
                     "select shipment_ref, shipped, posted_shipped, status"
                     " from waybill.report_line_items where order_id = 'o-1' order by 1",
                     "|0|0|done\nshp_a|1|1|done\nshp_b|1|1|done");
    support_query_is(life_url, "select sum(missed_by_feed) from waybill.report_runs", "0");
    support_query_is(life_url, "select count(*) from waybill.report_discrepancies", "0");
}
END_TEST

/* Told before the warehouse shows the line: kept until it does. */
START_TEST(a_shipment_of_an_order_that_is_not_known_yet_waits_for_its_row)
{
    life_post("orders", "[{\"id\":\"o-1\",\"items\":[{\"id\":\"i-1\",\"quantity\":2}]}]");
    life_must(0, "run", NULL, NULL);
    shipped("shp_a", 1, "i-1", 2);
    life_must(0, "run", NULL, NULL);
    api_fulfillments_are("");
    support_psql(life_url, "insert into t.orders (order_id) values ('o-1');"
                           "insert into t.lines values ('o-1', 'i-1')");
    mark(1, 1);
    life_must(0, "run", NULL, NULL);
    api_fulfillments_are("o-1|shp_a|shp_a-a|2|0");
}
END_TEST

/* A warehouse that knows the shipments, but not what is in them. */
START_TEST(a_marked_row_of_the_shipment_itself_takes_what_events_tell_of_it)
{
    life_make_orders(1, 1, "", 0);
    support_psql(life_url, "update t.lines set shipment_ref = 'shp_a', tracking_number = 'T-1'");
    mark(1, 1);
    life_must(0, "run", NULL, NULL);
    shipped("shp_a", 1, "i-1", 1);
    shipped("shp_b", 1, "i-1", 1);
    life_must(0, "run", NULL, NULL);
    api_fulfillments_are("o-1|shp_a|shp_a-a|1|0\no-1|shp_b|shp_b-a|1|0");
    life_must(0, "run", "--sweep", NULL);
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url,
                     "select shipment_ref, shipped, posted_shipped, status"
                     " from waybill.report_line_items where order_id = 'o-1' order by 1",
                     "shp_a|1|1|done\nshp_b|1|1|done");
    support_query_is(
        life_url, "select tracking_number from waybill.rows where shipment_ref = 'shp_a'", "T-1");
    support_query_is(life_url, "select sum(missed_by_feed) from waybill.report_runs", "0");
    support_query_is(life_url, "select count(*) from waybill.report_discrepancies", "0");
}
END_TEST

/* Two pages of the documents, one cancellation: whoever follows both cancels twice. And whether the
 * second event's number is a sum or what came since is not known. */
START_TEST(cancelled_units_are_posted_once_whichever_way_they_are_told)
{
    life_make_orders(1, 3, "", 0);
    mark(1, 3);
    life_must(0, "run", NULL, NULL);
    cancelled("fulfillment_order.cancelled", 1, 1);
    cancelled("fulfillment_cancellation.accepted", 1, 1);
    cancelled("fulfillment_order.cancelled", 2, 1);
    life_must(0, "run", NULL, NULL);
    api_fulfillments_are("o-1|||0|1\no-2|||0|1");
    cancelled("fulfillment_order.cancelled", 1, 1); /* once more: no unit more */
    cancelled("fulfillment_order.cancelled", 2, 2); /* a sum: one more */
    shipped("shp_a", 1, "i-1", 1);
    life_must(0, "run", NULL, NULL);
    life_must(0, "run", "--sweep", NULL);
    support_query_is(life_url,
                     "select order_id, sum(posted_shipped), sum(posted_cancelled)"
                     " from waybill.report_line_items group by 1 order by 1",
                     "o-1|1|1\no-2|0|2\no-3|0|0");
    life_wait_api(1, "complete");
    life_wait_api(2, "cancelled");
    support_query_is(life_url, "select count(*) from waybill.report_discrepancies", "0");
}
END_TEST

/* Beside it the run ends, and what is posted keeps the tracking that it has. */
START_TEST(a_text_that_no_request_could_hold_stops_its_own_line)
{
    life_make_orders(1, 3, "", 1);
    support_psql(life_url, "update t.lines set tracking_url = repeat('x', 5000000)"
                           " where order_id = 'o-2'");
    life_must(1, "run", NULL, NULL);
    api_fulfillments_are("o-1|||1|0\no-3|||1|0");
    support_query_is(life_url, "select kind, order_id, detail from waybill.report_discrepancies",
                     "bad_row|o-2|tracking_url is longer than 2000 bytes");
    support_psql(life_url, "update t.lines set tracking_url = repeat('x', 5000000)"
                           " where order_id = 'o-1'");
    life_must(1, "run", NULL, NULL);
    support_psql(life_url, "update t.lines set tracking_url = 'https://t/1'");
    life_must(0, "run", NULL, NULL);
    api_fulfillments_are("o-1|||1|0\no-2|||1|0\no-3|||1|0");
    support_query_is(
        life_url, "select count(*) from waybill.report_discrepancies where closed_at is null", "0");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("distributed");

    support_need_database();
    SUPPORT_CASE(suite, 120, life_begin, life_end,
                 what_the_warehouse_says_of_a_shipment_goes_with_its_one_post);
    SUPPORT_CASE(suite, 120, life_begin, life_end,
                 shipments_that_events_tell_of_are_posted_once_for_each_shipment_id);
    SUPPORT_CASE(suite, 120, life_begin, life_end,
                 a_shipment_of_an_order_that_is_not_known_yet_waits_for_its_row);
    SUPPORT_CASE(suite, 120, life_begin, life_end,
                 a_marked_row_of_the_shipment_itself_takes_what_events_tell_of_it);
    SUPPORT_CASE(suite, 120, life_begin, life_end,
                 cancelled_units_are_posted_once_whichever_way_they_are_told);
    SUPPORT_CASE(suite, 120, life_begin, life_end,
                 a_text_that_no_request_could_hold_stops_its_own_line);
    return support_run_suite(suite);
}
