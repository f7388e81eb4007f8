#include "unit/provider/given.h"

static struct provider_events events;
static struct provider_answer how;
static struct provider_request request;

static void
set_up(void)
{
    given_set_up();
    provider_request_init(&request);
}

static void
tear_down(void)
{
    provider_events_free(&events);
    provider_request_free(&request);
    given_tear_down();
}

static void
read_events(const char *body, const char *cursor)
{
    struct http_answer answer = given_answer(200, body);

    provider_events_free(&events);
    provider_read_events(provider, &answer, cursor, &events, &how);
}

static void
read_one(const char *type, const char *object)
{
    char body[2048];

    (void)snprintf(body, sizeof(body),
                   "{\"hasMore\":false,\"data\":[{\"id\":\"e1\",\"type\":\"%s\",\"liveMode\":true,"
                   "\"createdTime\":\"2026-11-23T14:00:00.123456Z\",\"data\":{\"object\":%s}}]}",
                   type, object);
    read_events(body, NULL);
    ck_assert_msg(how.read == PROVIDER_READ_OK, "%s", how.error);
}

START_TEST(fewer_than_twenty_types_are_asked_for_since_a_time)
{
    const char *url;
    int types = 0;

    ck_assert(provider_list_events(provider, "2026-11-23T14:00:00Z", "e/9", 25, &request, &err));
    url = buffer_text(&request.url);
    for (const char *at = strstr(url, "&types="); at != NULL; at = strstr(at + 1, "&types="))
        types++;
    ck_assert_int_gt(types, 10);
    ck_assert_int_lt(types, 20);
    ck_assert_ptr_nonnull(strstr(url, "https://api.example.com/events?limit=25&"));
    ck_assert_ptr_nonnull(strstr(url, "&types=order.charge.capture.failed&"));
    ck_assert_ptr_nonnull(
        strstr(url, "&createdTime%5Bgte%5D=2026-11-23T14%3A00%3A00Z&startingAfter=e%2F9"));
    ck_assert_str_eq(request.method, "GET");
}
END_TEST

START_TEST(half_a_character_in_a_customers_name_hides_no_event)
{
    read_one("order.charge.capture.failed",
             "{\"id\":\"ch\",\"orderId\":\"o\",\"state\":\"capturable\","
             "\"owner\":{\"firstName\":\"Jo \\ud83d\",\"lastName\":\"\\u0000\"}}");
    ck_assert_int_eq(events.count, 1);
    ck_assert_int_eq(events.list[0].kind, PROVIDER_EVENT_PAYMENT);
    ck_assert_str_eq(events.list[0].order_id, "o");
}
END_TEST

START_TEST(an_orders_state_comes_with_its_own_time_and_amounts)
{
    read_one("order.fulfilled",
             "{\"id\":\"o\",\"state\":\"fulfilled\",\"capturedAmount\":9.5,\"email\":\"a@b.c\","
             "\"stateTransitions\":{\"accepted\":\"2026-01-01T00:00:00Z\","
             "\"fulfilled\":\"2026-01-02T00:00:00Z\"}}");
    ck_assert_int_eq(events.count, 1);
    ck_assert_int_eq(events.list[0].kind, PROVIDER_EVENT_STATE);
    ck_assert_str_eq(events.list[0].what, "fulfilled");
    ck_assert_str_eq(events.list[0].order_id, "o");
    ck_assert_str_eq(events.list[0].state_since, "2026-01-02T00:00:00Z");
    ck_assert_str_eq(events.list[0].created_time, "2026-11-23T14:00:00.123456Z");
    ck_assert(events.list[0].has_captured && !events.list[0].has_cancelled);
    ck_assert(events.list[0].has_live_mode && events.list[0].live_mode);

    /* A payload that was made later shows another state: its amounts are not this event's. */
    read_one("order.accepted", "{\"id\":\"o\",\"state\":\"complete\",\"capturedAmount\":9.5}");
    ck_assert_str_eq(events.list[0].what, "accepted");
    ck_assert_str_eq(events.list[0].state_since, "");
    ck_assert(!events.list[0].has_captured);

    read_one("order.dispute.resolved", "{\"id\":\"o\",\"state\":\"dispute\"}");
    ck_assert_int_eq(events.list[0].kind, PROVIDER_EVENT_ASK);
}
END_TEST

START_TEST(a_failed_capture_names_its_fulfillment)
{
    read_one("order.charge.capture.failed",
             "{\"id\":\"c\",\"orderId\":\"o\",\"state\":\"capturable\",\"captures\":["
             "{\"state\":\"failed\",\"createdTime\":\"2026-01-01T00:00:00Z\","
             "\"fulfillmentId\":\"ful_1\",\"failureCode\":\"old\"},"
             "{\"state\":\"failed\",\"createdTime\":\"2026-01-03T00:00:00Z\","
             "\"fulfillmentId\":\"ful_3\",\"failureCode\":\"failed-request\"},"
             "{\"state\":\"complete\",\"createdTime\":\"2026-01-04T00:00:00Z\","
             "\"fulfillmentId\":\"ful_4\"}]}");
    ck_assert_int_eq(events.list[0].kind, PROVIDER_EVENT_PAYMENT);
    ck_assert_str_eq(events.list[0].what, "capture");
    ck_assert_str_eq(events.list[0].order_id, "o");
    ck_assert_str_eq(events.list[0].charge_id, "c");
    ck_assert_str_eq(events.list[0].charge_state, "capturable");
    ck_assert_str_eq(events.list[0].fulfillment_id, "ful_3");
    ck_assert_str_eq(events.list[0].failure_code, "failed-request");

    /* The one of them that carries the order, not the charge. */
    read_one("order.charge.reauth.failed", "{\"id\":\"o9\",\"state\":\"accepted\"}");
    ck_assert_str_eq(events.list[0].what, "reauthorization");
    ck_assert_str_eq(events.list[0].order_id, "o9");
    ck_assert_str_eq(events.list[0].charge_id, "");
}
END_TEST

START_TEST(a_fulfillment_shows_its_marker_where_it_has_one)
{
    read_one("fulfillment.created", "{\"id\":\"ful_1\",\"orderId\":\"o\",\"metadata\":{"
                                    "\"waybill_submission\":\"" MARKER "\"}}");
    ck_assert_int_eq(events.list[0].kind, PROVIDER_EVENT_FULFILLMENT);
    ck_assert_str_eq(events.list[0].fulfillment_id, "ful_1");
    ck_assert_str_eq(events.list[0].marker, MARKER);
    read_one("fulfillment.created", "{\"id\":\"ful_1\",\"orderId\":\"o\"}");
    ck_assert_str_eq(events.list[0].marker, "");
}
END_TEST

START_TEST(what_says_too_little_or_was_not_asked_for_is_left_out_but_pages_on)
{
    read_events("{\"hasMore\":true,\"data\":["
                "{\"id\":\"e5\",\"type\":\"checkout.created\",\"createdTime\":\"t5\"},"
                "{\"id\":\"e4\",\"type\":\"order.accepted\",\"data\":{\"object\":{}}},"
                "{\"id\":\"e3\",\"type\":\"fulfillment.created\",\"data\":{\"object\":"
                "{\"orderId\":\"o\"}}},"
                "{\"id\":\"e2\",\"type\":\"order.accepted\",\"data\":{\"object\":{\"id\":\"o\"}}},"
                "{\"id\":\"e1\",\"type\":7,\"createdTime\":\"t1\",\"data\":[]}]}",
                "e3");
    ck_assert_msg(how.read == PROVIDER_READ_OK, "%s", how.error);
    ck_assert_int_eq(events.count, 1);
    ck_assert_str_eq(events.list[0].event_id, "e2");
    ck_assert_str_eq(events.first_id, "e5");
    ck_assert_str_eq(events.first_time, "t5");
    ck_assert_str_eq(events.last_id, "e1");
    ck_assert(events.has_more);
    ck_assert(events.has_cursor);
    read_events("{\"hasMore\":false,\"data\":[]}", "e3");
    ck_assert(how.read == PROVIDER_READ_OK && !events.has_cursor && events.first_id[0] == '\0');
}
END_TEST

START_TEST(a_page_without_ids_is_no_page)
{
    static const char *const BAD[] = {
        "{\"hasMore\":false,\"data\":[{\"type\":\"order.accepted\"}]}",
        "{\"hasMore\":false,\"data\":[{\"id\":\"\",\"type\":\"order.accepted\"}]}",
        "{\"hasMore\":false,\"data\":[5]}",
        "{\"data\":[]}",
        "{\"hasMore\":true,\"data\":[]}",
        "[]",
    };

    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        read_events(BAD[i], NULL);
        ck_assert_msg(how.read == PROVIDER_READ_LATER, "%s", BAD[i]);
        ck_assert_ptr_nonnull(strstr(how.error, "can't be read"));
        ck_assert_int_eq(events.count, 0);
    }
}
END_TEST

START_TEST(an_update_of_tracking_holds_nothing_but_what_is_given)
{
    ck_assert(provider_update_tracking(provider, "ful/1", "UPS", NULL, "http://t", &request, &err));
    ck_assert_str_eq(buffer_text(&request.url), "https://api.example.com/fulfillments/ful%2F1");
    ck_assert_str_eq(request.method, "POST");
    ck_assert_str_eq(buffer_text(&request.body),
                     "{\"trackingCompany\":\"UPS\",\"trackingUrl\":\"http://t\"}");
}
END_TEST

/* Mapped as the documents say: the upstream ids are the API's order and its lines. */
START_TEST(a_shipment_names_its_order_and_lines_by_their_upstream_ids)
{
    read_one("fulfillment_order.shipped",
             "{\"id\":\"shp_1\",\"fulfillmentOrderUpstreamId\":\"ord_1\",\"items\":["
             "{\"id\":\"shi_1\",\"fulfillmentOrderItemUpstreamId\":\"i1\",\"quantity\":2},"
             "{\"id\":\"shi_2\",\"quantity\":2},"
             "{\"id\":\"shi_3\",\"fulfillmentOrderItemUpstreamId\":\"i3\",\"quantity\":0},"
             "{\"id\":\"shi_4\",\"fulfillmentOrderItemUpstreamId\":\"i4\",\"quantity\":\"x\"},"
             "{\"id\":\"shi_5\",\"fulfillmentOrderItemUpstreamId\":\"i5\",\"quantity\":1}]}");
    ck_assert_int_eq(events.count, 1);
    ck_assert_int_eq(events.list[0].kind, PROVIDER_EVENT_SHIPPED);
    ck_assert_str_eq(events.list[0].order_id, "ord_1");
    ck_assert_str_eq(events.list[0].object_id, "shp_1");
    ck_assert_int_eq(events.list[0].items_count, 2);
    ck_assert_str_eq(events.list[0].items[0].item_id, "i1");
    ck_assert_str_eq(events.list[0].items[0].shipment_item_id, "shi_1");
    ck_assert_int_eq(events.list[0].items[0].quantity, 2);
    ck_assert_str_eq(events.list[0].items[1].item_id, "i5");
}
END_TEST

START_TEST(a_fulfillment_order_that_cancels_gives_its_counts_and_no_shipment)
{
    read_one(
        "fulfillment_order.cancelled",
        "{\"id\":\"fo_1\",\"upstreamId\":\"ord_1\",\"items\":[{\"id\":\"a\",\"upstreamId\":\"i1\","
        "\"quantity\":3,\"cancelled\":1},{\"id\":\"b\",\"upstreamId\":\"i2\",\"quantity\":3}]}");
    ck_assert_int_eq(events.count, 1);
    ck_assert_int_eq(events.list[0].kind, PROVIDER_EVENT_WITHDRAWN);
    ck_assert_int_eq(events.list[0].items_count, 1);
    ck_assert_int_eq(events.list[0].items[0].quantity, 1);
    ck_assert_str_eq(events.list[0].items[0].shipment_item_id, "");

    /* Without our ids it is nobody's; and the other word for a cancellation is not listened to. */
    read_one("fulfillment_order.shipped",
             "{\"id\":\"s\",\"items\":[{\"id\":\"a\",\"fulfillmentOrderItemUpstreamId\":\"i\","
             "\"quantity\":1}]}");
    ck_assert_int_eq(events.count, 0);
    read_one("fulfillment_cancellation.accepted", "{\"id\":\"s\",\"upstreamId\":\"ord_1\"}");
    ck_assert_int_eq(events.count, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("digitalriver_events");
    TCase *tests = tcase_create("digitalriver_events");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, fewer_than_twenty_types_are_asked_for_since_a_time);
    tcase_add_test(tests, half_a_character_in_a_customers_name_hides_no_event);
    tcase_add_test(tests, an_orders_state_comes_with_its_own_time_and_amounts);
    tcase_add_test(tests, a_failed_capture_names_its_fulfillment);
    tcase_add_test(tests, a_fulfillment_shows_its_marker_where_it_has_one);
    tcase_add_test(tests, what_says_too_little_or_was_not_asked_for_is_left_out_but_pages_on);
    tcase_add_test(tests, a_page_without_ids_is_no_page);
    tcase_add_test(tests, a_shipment_names_its_order_and_lines_by_their_upstream_ids);
    tcase_add_test(tests, a_fulfillment_order_that_cancels_gives_its_counts_and_no_shipment);
    tcase_add_test(tests, an_update_of_tracking_holds_nothing_but_what_is_given);
    suite_add_tcase(suite, tests);
    return given_run(suite);
}
