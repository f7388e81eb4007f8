#include "fixture.h"

/* ---- validation ---- */

static const struct {
    const char *body;
    int status;
    const char *code;
    const char *parameter;
} refusals[] = {
    {"{", 400, "invalid_parameter", "body"},
    {"[]", 400, "invalid_parameter", "body"},
    {"{\"items\":[{\"itemId\":\"a\",\"quantity\":1}]}", 400, "missing_parameter", "orderId"},
    {"{\"orderId\":\" \",\"items\":[]}", 400, "invalid_string_blank", "orderId"},
    {"{\"orderId\":7,\"items\":[]}", 400, "invalid_parameter", "orderId"},
    {"{\"orderId\":\"ord_1\"}", 400, "missing_parameter", "items"},
    {"{\"orderId\":\"ord_1\",\"items\":{}}", 400, "invalid_parameter", "items"},
    {"{\"orderId\":\"ord_1\",\"items\":[]}", 400, "invalid_empty", "items"},
    {"{\"orderId\":\"ord_1\",\"items\":[7]}", 400, "invalid_parameter", "items"},
    {"{\"orderId\":\"ord_1\",\"upstreamId\":\"x\",\"items\":[]}", 400, "unknown_parameter",
     "upstreamId"},
    {"{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\",\"quantity\":1,\"reason\":\"x\"}]}", 400,
     "unknown_parameter", "items[0].reason"},
    {"{\"orderId\":\"ord_1\",\"items\":[{\"quantity\":1}]}", 400, "missing_parameter", "itemId"},
    {"{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\"}]}", 400, "invalid_quantity_amount",
     "quantity"},
    {"{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\",\"quantity\":0,\"cancelQuantity\":null}]"
     "}",
     400, "invalid_quantity_amount", "quantity"},
    {"{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\",\"quantity\":1.5}]}", 400,
     "invalid_integer", "items[0].quantity"},
    {"{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\",\"quantity\":-1}]}", 400,
     "invalid_quantity_amount", "items[0].quantity"},
    {"{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"zzz\",\"quantity\":1}]}", 400,
     "invalid_parameter", "itemId"},
    {"{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\",\"quantity\":1},{\"itemId\":\"a\","
     "\"quantity\":1}]}",
     400, "invalid_parameter", "itemId"},
    {"{\"orderId\":\"ord_1\",\"metadata\":{},\"items\":[{\"itemId\":\"a\",\"quantity\":1}]}", 400,
     "invalid_empty", "metadata"},
    {"{\"orderId\":\"ord_1\",\"metadata\":{\"a1234567890123456789012345678901234567890\":\"x\"},"
     "\"items\":[{\"itemId\":\"a\",\"quantity\":1}]}",
     400, "invalid_metadata_key", "metadata"},
    {"{\"orderId\":\"ord_1\",\"metadata\":{\"a\":{}},\"items\":[{\"itemId\":\"a\",\"quantity\":1}]"
     "}",
     400, "invalid_metadata_value", "metadata"},
    {"{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\",\"quantity\":1,\"shippingCost\":2}]}",
     400, "missing_parameter", "currency"},
    {"{\"orderId\":\"nope\",\"items\":[{\"itemId\":\"a\",\"quantity\":1}]}", 404, "not_found",
     "orderId"},
    {"{\"orderId\":\"ord_dispute\",\"items\":[{\"itemId\":\"a\",\"quantity\":1}]}", 409,
     "order_not_submitted", "orderId"},
    {"{\"orderId\":\"ord_expired\",\"items\":[{\"itemId\":\"a\",\"quantity\":1}]}", 409,
     "payment_authorization_failed", "orderId"},
    {"{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"b\",\"quantity\":1},{\"itemId\":\"a\","
     "\"quantity\":6}]}",
     409, "quantity_too_large", "quantity"},
    {"{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\",\"quantity\":3,\"cancelQuantity\":3}]}",
     409, "quantity_too_large", "quantity"},
};

START_TEST(a_bad_request_gets_its_error_and_changes_nothing)
{
    struct reply reply;
    const struct json_value *error;

    client_ask(&child, "POST", "/fulfillments", refusals[_i].body, &reply);
    ck_assert_int_eq(reply.status, refusals[_i].status);
    ck_assert_ptr_nonnull(reply.doc);
    error = json_first(json_get(json_root(reply.doc), "errors"));
    ck_assert_str_eq(json_text(error, "code"), refusals[_i].code);
    ck_assert_str_eq(json_text(error, "parameter"), refusals[_i].parameter);
    ck_assert_ptr_nonnull(reply_header(&reply, "x-dr-requestid"));
    reply_free(&reply);
    assert_applied("");
}
END_TEST

START_TEST(the_key_the_method_and_the_path_are_checked)
{
    struct reply reply;
    int fd = client_connect(&child);

    client_send(fd, "sk_wrong", "GET", "/orders", NULL);
    client_receive(fd, &reply);
    ck_assert_int_eq(reply.status, 401);
    ck_assert_str_eq(json_text(json_root(reply.doc), "type"), "unauthorized");
    reply_free(&reply);
    (void)close(fd);
    ck_assert_int_eq(client_status(&child, "POST", "/orders", "{}"), 405);
    ck_assert_int_eq(client_status(&child, "GET", "/nothing", NULL), 404);
    ck_assert_int_eq(client_status(&child, "GET", "/orders/nope", NULL), 404);
    ck_assert_int_eq(client_status(&child, "GET", "/fulfillments/ful_x", NULL), 404);
}
END_TEST

START_TEST(units_are_counted_over_all_fulfillments_of_a_line)
{
    ck_assert_int_eq(post_status("ord_1", "a", 3), 201);
    ck_assert_int_eq(post_status("ord_1", "a", 3), 409);
    ck_assert_int_eq(post_status("ord_1", "a", 2), 201);
    assert_applied("ord_1,a,5,0,2\n");
    ck_assert_int_eq(stat_int(NULL, "duplicate_markers"), 1);
}
END_TEST

START_TEST(a_check_by_request_lets_an_overflow_through)
{
    ck_assert_int_eq(set("/_sandbox/switches", "quantity_check=request state_lag_ms=60000"), 200);
    ck_assert_int_eq(post_status("ord_1", "a", 3), 201);
    ck_assert_int_eq(post_status("ord_1", "a", 3), 201);
    ck_assert_int_eq(post_status("ord_1", "a", 6), 409);
    assert_applied("ord_1,a,6,0,2\n");
}
END_TEST

/* ---- states ---- */

START_TEST(an_order_follows_its_fulfillments_later)
{
    struct reply reply;
    struct reply again;

    ck_assert_int_eq(set("/_sandbox/switches", "state_lag_ms=100"), 200);
    post("ord_1", "a", 5, "m1", &reply);
    ck_assert_int_eq(reply.status, 201);
    reply_free(&reply);
    client_ask(&child, "POST", "/fulfillments",
               "{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"b\",\"cancelQuantity\":\"1\"}]}",
               &reply);
    ck_assert_int_eq(reply.status, 201);
    reply_free(&reply);
    client_ask(&child, "GET", "/orders/ord_1", NULL, &again);
    ck_assert_str_eq(json_text(json_root(again.doc), "state"), "accepted");
    reply_free(&again);
    wait_for_state("/orders/ord_1", "complete");
    ck_assert_int_eq(post_status("ord_1", "a", 1), 409);
    client_ask(&child, "GET", "/events?type=order.*&limit=100", NULL, &reply);
    ck_assert_ptr_nonnull(strstr(reply.body, "order.fulfilled"));
    ck_assert_ptr_nonnull(strstr(reply.body, "order.charge.cancel.complete"));
    ck_assert_ptr_null(strstr(reply.body, "\"fulfillment.created\""));
    reply_free(&reply);
}
END_TEST

START_TEST(an_order_whose_lines_are_all_cancelled_is_cancelled)
{
    ck_assert_int_eq(
        client_status(&child, "POST", "/fulfillments",
                      "{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\",\"cancelQuantity\":5},"
                      "{\"itemId\":\"b\",\"cancelQuantity\":1,\"quantity\":0}]}"),
        201);
    wait_for_state("/orders/ord_1", "cancelled");
}
END_TEST

START_TEST(a_failed_capture_leaves_the_order_fulfilled)
{
    struct reply reply;

    ck_assert_int_eq(
        client_status(&child, "POST", "/_sandbox/orders/ord_2", "{\"capture\":\"fail\"}"), 200);
    ck_assert_int_eq(post_status("ord_2", "a", 1000), 201);
    wait_for_state("/orders/ord_2", "fulfilled");
    client_ask(&child, "GET", "/events?types=order.charge.capture.failed", NULL, &reply);
    ck_assert_int_eq(json_count(json_get(json_root(reply.doc), "data")), 1);
    reply_free(&reply);
}
END_TEST

START_TEST(an_order_moved_by_hand_tells_it)
{
    struct reply reply;

    ck_assert_int_eq(
        client_status(&child, "POST", "/_sandbox/orders/ord_dispute", "{\"state\":\"accepted\"}"),
        200);
    ck_assert_int_eq(post_status("ord_dispute", "a", 1), 201);
    client_ask(&child, "GET", "/events?limit=3", NULL, &reply);
    ck_assert_ptr_nonnull(strstr(reply.body, "order.dispute.resolved"));
    reply_free(&reply);
}
END_TEST

/* ---- lists ---- */

static void
page_ids(const char *path, char ids[][64], int *count, bool *has_more)
{
    struct reply reply;
    const struct json_value *value;

    client_ask(&child, "GET", path, NULL, &reply);
    ck_assert_int_eq(reply.status, 200);
    ck_assert(json_bool(json_root(reply.doc), "hasMore", has_more));
    *count = 0;
    for (value = json_first(json_get(json_root(reply.doc), "data")); value != NULL;
         value = json_next(value))
        (void)snprintf(ids[(*count)++], 64, "%s", json_text(value, "id"));
    reply_free(&reply);
}

START_TEST(fulfillments_are_paged_newest_first)
{
    char made[12][64];
    char ids[100][64];
    char path[256];
    int count;
    bool has_more;

    for (int i = 0; i < 12; i++) {
        struct reply reply;

        post("ord_2", "a", 1, "m", &reply);
        (void)snprintf(made[11 - i], 64, "%s", json_text(json_root(reply.doc), "id"));
        reply_free(&reply);
        ck_assert_int_eq(post_status("ord_1", "a", i == 0 ? 1 : 6), i == 0 ? 201 : 409);
    }
    page_ids("/fulfillments?orderId=ord_2", ids, &count, &has_more);
    ck_assert_int_eq(count, 10);
    ck_assert(has_more);
    for (int i = 0; i < 10; i++)
        ck_assert_str_eq(ids[i], made[i]);
    (void)snprintf(path, sizeof(path), "/fulfillments?orderId=ord_2&startingAfter=%s", ids[9]);
    page_ids(path, ids, &count, &has_more);
    ck_assert_int_eq(count, 2);
    ck_assert(!has_more);
    ck_assert_str_eq(ids[1], made[11]);
    (void)snprintf(path, sizeof(path),
                   "/fulfillments?orderId=ord_2&limit=3&endingBefore=%s&startingAfter=x", made[5]);
    page_ids(path, ids, &count, &has_more);
    ck_assert_int_eq(count, 3);
    ck_assert(has_more);
    ck_assert_str_eq(ids[0], made[2]);
    ck_assert_str_eq(ids[2], made[4]);
    page_ids("/fulfillments?limit=100", ids, &count, &has_more);
    ck_assert_int_eq(count, 13);
    page_ids("/fulfillments?createdTime%5Bgt%5D=2999-01-01T00:00:00Z", ids, &count, &has_more);
    ck_assert_int_eq(count, 0);
    (void)snprintf(path, sizeof(path), "/fulfillments?ids=%s,%s&ids=%s", made[4], made[0], made[2]);
    page_ids(path, ids, &count, &has_more);
    ck_assert_int_eq(count, 3);
    ck_assert_str_eq(ids[0], made[0]);
    ck_assert_str_eq(ids[2], made[4]);
    ck_assert_int_eq(client_status(&child, "GET", "/fulfillments?limit=101", NULL), 400);
    ck_assert_int_eq(client_status(&child, "GET", "/fulfillments?startingAfter=x", NULL), 400);
}
END_TEST

static const struct {
    const char *mode;
    const char *query;
    int count;
} id_cases[] = {
    {"orders_ids=both", "ids=ord_1,ord_2", 2},
    {"orders_ids=both", "ids=ord_1&ids=ord_2", 2},
    {"orders_ids=comma", "ids=ord_1,ord_2", 2},
    {"orders_ids=comma", "ids=ord_1&ids=ord_2", 1},
    {"orders_ids=repeat", "ids=ord_1,ord_2", 0},
    {"orders_ids=repeat", "ids=ord_1&ids=ord_2", 2},
    {"orders_ids=both", "upstreamIds=up_1,up_2", 2},
    {"orders_ids=both", "ids=nope&ids=ord_1&ids=ord_1", 1},
    {"orders_ids_max=1", "ids=ord_1,ord_2", -1},
};

START_TEST(orders_are_asked_for_by_ids_as_the_switch_says)
{
    struct reply reply;
    char path[128];

    ck_assert_int_eq(set("/_sandbox/switches", id_cases[_i].mode), 200);
    (void)snprintf(path, sizeof(path), "/orders?%s", id_cases[_i].query);
    client_ask(&child, "GET", path, NULL, &reply);
    ck_assert_int_eq(reply.status, id_cases[_i].count < 0 ? 400 : 200);
    if (id_cases[_i].count >= 0)
        ck_assert_int_eq(json_count(json_get(json_root(reply.doc), "data")), id_cases[_i].count);
    reply_free(&reply);
}
END_TEST

START_TEST(an_order_shows_personal_fields_and_its_charge)
{
    struct reply reply;
    const struct json_value *root;
    const struct json_value *charge;
    char path[128];

    client_ask(&child, "GET", "/orders/ord_1", NULL, &reply);
    root = json_root(reply.doc);
    ck_assert_ptr_nonnull(strstr(json_text(root, "email"), "@"));
    ck_assert_ptr_nonnull(json_text(root, "browserIp"));
    ck_assert_ptr_nonnull(json_text(json_get(json_get(root, "shipTo"), "address"), "postalCode"));
    ck_assert_str_eq(json_text(root, "upstreamId"), "up_1");
    charge = json_first(json_get(json_get(root, "payment"), "charges"));
    (void)snprintf(path, sizeof(path), "/charges/%s", json_text(charge, "id"));
    reply_free(&reply);
    client_ask(&child, "GET", path, NULL, &reply);
    ck_assert_str_eq(json_text(json_root(reply.doc), "orderId"), "ord_1");
    reply_free(&reply);
}
END_TEST

START_TEST(lists_may_lag_and_hide_metadata)
{
    struct reply reply;
    char ids[10][64];
    char path[128];
    int count;
    bool has_more;

    ck_assert_int_eq(set("/_sandbox/switches", "list_metadata=off list_lag_ms=60000"), 200);
    post("ord_1", "a", 1, "m1", &reply);
    (void)snprintf(path, sizeof(path), "/fulfillments/%s", json_text(json_root(reply.doc), "id"));
    reply_free(&reply);
    page_ids("/fulfillments?orderId=ord_1", ids, &count, &has_more);
    ck_assert_int_eq(count, 0);
    client_ask(&child, "GET", path, NULL, &reply);
    ck_assert_str_eq(json_text(json_get(json_root(reply.doc), "metadata"), "waybill_submission"),
                     "m1");
    ck_assert_ptr_nonnull(json_get(json_root(reply.doc), "orderDetails"));
    ck_assert_ptr_null(json_get(json_get(json_root(reply.doc), "orderDetails"), "payment"));
    reply_free(&reply);
    ck_assert_int_eq(set("/_sandbox/switches", "list_lag_ms=0"), 200);
    ck_assert_int_eq(post_status("ord_1", "a", 1), 201);
    client_ask(&child, "GET", "/fulfillments?orderId=ord_1", NULL, &reply);
    ck_assert_int_eq(json_count(json_get(json_root(reply.doc), "data")), 1);
    ck_assert_ptr_null(strstr(reply.body, "waybill_submission"));
    reply_free(&reply);
}
END_TEST

START_TEST(an_update_changes_tracking_and_never_quantities)
{
    struct reply reply;
    char path[128];

    post("ord_1", "a", 1, "m1", &reply);
    (void)snprintf(path, sizeof(path), "/fulfillments/%s", json_text(json_root(reply.doc), "id"));
    reply_free(&reply);
    ck_assert_int_eq(client_status(&child, "POST", path, "{\"quantity\":2}"), 400);
    ck_assert_int_eq(client_status(&child, "POST", path, "{\"items\":[{\"itemId\":\"b\"}]}"), 400);
    client_ask(&child, "POST", path,
               "{\"trackingNumber\":\"T9\",\"items\":[{\"itemId\":\"a\",\"trackingUrl\":\"u\"}],"
               "\"metadata\":{\"more\":\"1\"}}",
               &reply);
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(json_text(json_root(reply.doc), "trackingNumber"), "T9");
    ck_assert_ptr_nonnull(strstr(reply.body, "\"waybill_submission\":\"m1\""));
    ck_assert_ptr_nonnull(strstr(reply.body, "\"more\":\"1\""));
    reply_free(&reply);
    client_ask(&child, "GET", "/fulfillments?trackingNumber=T9", NULL, &reply);
    ck_assert_int_eq(json_count(json_get(json_root(reply.doc), "data")), 1);
    reply_free(&reply);
    assert_applied("ord_1,a,1,0,1\n");
}
END_TEST

START_TEST(ids_with_odd_characters_survive_to_the_csv)
{
    ck_assert_int_eq(set("/_sandbox/orders", "[{\"id\":\"o,\\\"\u00e9\",\"items\":[{\"id\":\"x y\","
                                             "\"quantity\":2}]}]"),
                     201);
    ck_assert_int_eq(post_status("o,\\\"\u00e9", "x y", 2), 201);
    assert_applied("\"o,\"\"\u00e9\",x y,2,0,1\n");
    ck_assert_int_eq(client_status(&child, "GET", "/orders/o%2C%22%C3%A9", NULL), 200);
}
END_TEST

/* ---- the program ---- */

START_TEST(orders_come_from_a_file_and_what_is_applied_goes_to_a_journal)
{
    const char *orders = support_write_file("orders.jsonl", ORDERS, 0600);
    char journal[1024];
    char port_file[1024];
    char port[16];
    char *text;
    const char *options[] = {"--live",          "--orders", orders,          "--journal", journal,
                             "--port-file",     port_file,  "--key",         "sk_second", "--key",
                             "sk_test_sandbox", "--switch", "time_digits=0", NULL};
    struct reply reply;

    (void)snprintf(journal, sizeof(journal), "%s/journal", support_folder());
    (void)snprintf(port_file, sizeof(port_file), "%s/port", support_folder());
    child_stop(&child);
    child_start(&child, options);
    post("ord_1", "a", 2, "m1", &reply);
    ck_assert_int_eq(reply.status, 201);
    ck_assert_ptr_nonnull(strstr(reply.body, "\"liveMode\":true"));
    ck_assert_uint_eq(strlen(json_text(json_root(reply.doc), "createdTime")), 20);
    text = support_read_file(journal);
    ck_assert_uint_eq(strlen(text), reply.body_bytes + 1);
    ck_assert_int_eq(strncmp(text, reply.body, reply.body_bytes), 0);
    free(text);
    reply_free(&reply);
    text = support_read_file(port_file);
    (void)snprintf(port, sizeof(port), "%d\n", child.port);
    ck_assert_str_eq(text, port);
    free(text);
}
END_TEST

START_TEST(events_are_found_by_type_and_time)
{
    struct reply reply;
    const struct json_value *data;
    char path[256];

    ck_assert_int_eq(post_status("ord_1", "a", 2), 201);
    client_ask(&child, "GET", "/events?types=fulfillment.created,order.blocked", NULL, &reply);
    data = json_get(json_root(reply.doc), "data");
    ck_assert_int_eq(json_count(data), 1);
    (void)snprintf(path, sizeof(path), "/events?type=fulfillment.*&createdTime%%5Bgte%%5D=%s",
                   json_text(json_first(data), "createdTime"));
    ck_assert_str_eq(json_text(json_get(json_get(json_first(data), "data"), "object"), "orderId"),
                     "ord_1");
    reply_free(&reply);
    client_ask(&child, "GET", path, NULL, &reply);
    ck_assert_int_eq(json_count(json_get(json_root(reply.doc), "data")), 1);
    reply_free(&reply);
    ck_assert_int_eq(client_status(&child, "GET", "/events?type=order.*&types=order.blocked", NULL),
                     400);
    client_ask(&child, "GET", "/events?createdTime%5Bgte%5D=2999-01-01", NULL, &reply);
    ck_assert_int_eq(json_count(json_get(json_root(reply.doc), "data")), 0);
    reply_free(&reply);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *api = support_case(suite, "api", 60);

    tcase_add_checked_fixture(api, setup, teardown);
    tcase_add_loop_test(api, a_bad_request_gets_its_error_and_changes_nothing, 0, COUNT(refusals));
    tcase_add_test(api, the_key_the_method_and_the_path_are_checked);
    tcase_add_test(api, units_are_counted_over_all_fulfillments_of_a_line);
    tcase_add_test(api, a_check_by_request_lets_an_overflow_through);
    tcase_add_test(api, an_order_follows_its_fulfillments_later);
    tcase_add_test(api, an_order_whose_lines_are_all_cancelled_is_cancelled);
    tcase_add_test(api, a_failed_capture_leaves_the_order_fulfilled);
    tcase_add_test(api, an_order_moved_by_hand_tells_it);
    tcase_add_test(api, fulfillments_are_paged_newest_first);
    tcase_add_loop_test(api, orders_are_asked_for_by_ids_as_the_switch_says, 0, COUNT(id_cases));
    tcase_add_test(api, an_order_shows_personal_fields_and_its_charge);
    tcase_add_test(api, lists_may_lag_and_hide_metadata);
    tcase_add_test(api, an_update_changes_tracking_and_never_quantities);
    tcase_add_test(api, ids_with_odd_characters_survive_to_the_csv);
    tcase_add_test(api, orders_come_from_a_file_and_what_is_applied_goes_to_a_journal);
    tcase_add_test(api, events_are_found_by_type_and_time);
    return support_run_suite(suite);
}
