#include "base/clock.h"
#include "client.h"
#include "support/support.h"

static struct sandbox_child child;

#define ORDERS                                                                                     \
    "{\"id\":\"ord_1\",\"upstreamId\":\"up_1\",\"items\":[{\"id\":\"a\",\"quantity\":5},"          \
    "{\"id\":\"b\",\"quantity\":1}]}\n"                                                            \
    "{\"id\":\"ord_2\",\"upstreamId\":\"up_2\",\"items\":[{\"id\":\"a\",\"quantity\":1000}]}\n"    \
    "{\"id\":\"ord_dispute\",\"state\":\"dispute\",\"items\":[{\"id\":\"a\",\"quantity\":1}]}\n"   \
    "{\"id\":\"ord_expired\",\"authorization\":\"expired\",\"items\":[{\"id\":\"a\","              \
    "\"quantity\":1}]}\n"

static void
setup(void)
{
    child_start(&child, NULL);
    ck_assert_int_eq(client_status(&child, "POST", "/_sandbox/orders", ORDERS), 201);
}

static void
teardown(void)
{
    child_stop(&child);
}

static int
set(const char *what, const char *value)
{
    return client_status(&child, "POST", what, value);
}

static void
post(const char *order, const char *item, int64_t quantity, const char *marker, struct reply *reply)
{
    char body[512];

    (void)snprintf(body, sizeof(body),
                   "{\"orderId\":\"%s\",\"items\":[{\"itemId\":\"%s\",\"quantity\":%lld}],"
                   "\"metadata\":{\"waybill_submission\":\"%s\"}}",
                   order, item, (long long)quantity, marker);
    client_ask(&child, "POST", "/fulfillments", body, reply);
}

static int
post_status(const char *order, const char *item, int64_t quantity)
{
    struct reply reply;
    int status;

    post(order, item, quantity, "m", &reply);
    status = reply.status;
    reply_free(&reply);
    return status;
}

/* What was really applied, as the admin's CSV says it. */
static void
assert_applied(const char *rows)
{
    struct reply reply;
    char expected[512];

    (void)snprintf(expected, sizeof(expected), "order_id,item_id,shipped,cancelled,posts\n%s",
                   rows);
    client_ask(&child, "GET", "/_sandbox/applied", NULL, &reply);
    ck_assert_str_eq(reply.body, expected);
    reply_free(&reply);
}

static int64_t
stat_int(const char *group, const char *name)
{
    struct reply reply;
    const struct json_value *root;
    int64_t value = 0;

    client_ask(&child, "GET", "/_sandbox/stats", NULL, &reply);
    root = json_root(reply.doc);
    (void)json_int(group == NULL ? root : json_get(root, group), name, &value);
    reply_free(&reply);
    return value;
}

static bool
order_has_state(void *ctx)
{
    const char *const *wanted = ctx;
    struct reply reply;
    const char *state;
    bool is_there;

    client_ask(&child, "GET", wanted[0], NULL, &reply);
    state = json_text(json_root(reply.doc), "state");
    is_there = state != NULL && strcmp(state, wanted[1]) == 0;
    reply_free(&reply);
    return is_there;
}

static void
wait_for_state(const char *path, const char *state)
{
    const char *wanted[] = {path, state};

    support_wait_until(order_has_state, wanted, 10000, state);
}

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

/* ---- faults ---- */

static const struct {
    const char *spec;
    int status; /* 0: no answer */
    bool is_applied;
    bool is_reset;
    bool is_json;
} fault_cases[] = {
    {"first=1:drop_before", 0, false, false, false},
    {"first=1:drop_after", 0, true, false, false},
    {"first=1:reset_before", 0, false, true, false},
    {"first=1:reset_after", 0, true, true, false},
    {"first=1:408", 408, false, false, true},
    {"first=1:429", 429, false, false, true},
    {"first=1:500", 500, false, false, true},
    {"first=1:500_after", 500, true, false, true},
    {"first=1:502_before", 502, false, false, false},
    {"first=1:502_after", 502, true, false, false},
    {"first=1:503_before:9", 503, false, false, true},
    {"first=1:503_after", 503, true, false, true},
    {"first=1:504_after", 504, true, false, true},
    {"first=1:401", 401, false, false, true},
    {"first=1:403_html", 403, false, false, false},
    {"first=1:403_api", 403, false, false, true},
    {"first=1:html", 200, false, false, false},
    {"first=1:slow:30", 201, true, false, true},
    {"first=1:garbage", 201, true, false, false},
    {"first=1:huge:2", 201, true, false, true},
    {"first=1:deep:50", 201, true, false, true},
    {"first=1:deep", 201, true, false, false},
    {"first=1:no_id", 201, true, false, true},
    {"first=1:wrong_order", 201, true, false, true},
    {"first=1:wrong_quantity", 201, true, false, true},
    {"first=1:wrong_live", 201, true, false, true},
};

START_TEST(a_fault_shows_itself_and_applies_what_it_says)
{
    struct reply reply;
    int fd = client_connect(&child);

    ck_assert_int_eq(set("/_sandbox/faults", fault_cases[_i].spec), 200);
    /* On a kept-alive connection, where a client is tempted to send again by itself. */
    client_send(fd, "sk_test_sandbox", "GET", "/orders/ord_1", NULL);
    client_receive(fd, &reply);
    ck_assert_int_eq(reply.status, 200);
    reply_free(&reply);
    client_send(fd, "sk_test_sandbox", "POST", "/fulfillments",
                "{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\",\"quantity\":2}]}");
    client_receive(fd, &reply);
    ck_assert_int_eq(reply.status, fault_cases[_i].status);
    ck_assert_int_eq(reply.is_reset, fault_cases[_i].is_reset);
    ck_assert(!reply.is_timeout);
    ck_assert_int_eq(reply.doc != NULL, fault_cases[_i].is_json);
    if (reply.status == 429)
        ck_assert_str_eq(reply_header(&reply, "Retry-After"), "1");
    if (reply.status == 503 && !fault_cases[_i].is_applied)
        ck_assert_str_eq(reply_header(&reply, "Retry-After"), "9");
    reply_free(&reply);
    (void)close(fd);
    assert_applied(fault_cases[_i].is_applied ? "ord_1,a,2,0,1\n" : "");
}
END_TEST

START_TEST(a_truncated_answer_promises_more_than_it_holds)
{
    struct reply reply;

    ck_assert_int_eq(set("/_sandbox/faults", "first=1:truncated"), 200);
    post("ord_1", "a", 2, "m", &reply);
    ck_assert_int_eq(reply.status, 201);
    ck_assert(reply.is_cut);
    ck_assert_uint_gt(reply.body_bytes, 0);
    reply_free(&reply);
    assert_applied("ord_1,a,2,0,1\n");
}
END_TEST

START_TEST(a_lie_is_told_but_the_truth_is_applied)
{
    static const struct {
        const char *spec;
        const char *lie;
    } lies[] = {{"first=1:wrong_order", "ord_of_somebody_else"},
                {"first=1:wrong_quantity", "\"quantity\":3"},
                {"first=1:wrong_live", "\"liveMode\":true"}};
    struct reply reply;

    ck_assert_int_eq(set("/_sandbox/faults", lies[_i].spec), 200);
    post("ord_1", "a", 2, "m", &reply);
    ck_assert_ptr_nonnull(strstr(reply.body, lies[_i].lie));
    reply_free(&reply);
    client_ask(&child, "GET", "/fulfillments?orderId=ord_1", NULL, &reply);
    ck_assert_ptr_null(strstr(reply.body, lies[_i].lie));
    ck_assert_int_eq(json_count(json_get(json_root(reply.doc), "data")), 1);
    reply_free(&reply);
}
END_TEST

static bool
late_is_over(void *ctx)
{
    (void)ctx;
    return stat_int("applied", "late") == 1;
}

START_TEST(a_late_request_is_applied_after_its_answer)
{
    ck_assert_int_eq(set("/_sandbox/faults", "first=1:late:300"), 200);
    ck_assert_int_ne(post_status("ord_1", "a", 2), 201);
    assert_applied("");
    support_wait_until(late_is_over, NULL, 10000, "the late request is applied");
    assert_applied("ord_1,a,2,0,1\n");
}
END_TEST

static bool
hang_is_over(void *ctx)
{
    struct reply reply;
    int64_t none = 0;

    (void)ctx;
    client_ask(&child, "GET", "/_sandbox/stats", NULL, &reply);
    (void)json_int(json_get(json_get(json_root(reply.doc), "requests"), "POST /fulfillments"),
                   "none", &none);
    reply_free(&reply);
    return none == 1;
}

START_TEST(a_hanging_request_ends_when_the_client_leaves)
{
    int fd = client_connect(&child);

    ck_assert_int_eq(set("/_sandbox/faults", "first=1:hang_after"), 200);
    client_send(fd, "sk_test_sandbox", "POST", "/fulfillments",
                "{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\",\"quantity\":2}]}");
    /* Meanwhile a second one for the same order is a second one at a time. */
    while (stat_int("applied", "fulfillments") == 0)
        ;
    ck_assert_int_eq(post_status("ord_1", "a", 1), 201);
    ck_assert_int_eq(stat_int(NULL, "concurrent_posts"), 1);
    ck_assert(!hang_is_over(NULL));
    (void)close(fd);
    support_wait_until(hang_is_over, NULL, 10000, "the request is over");
    ck_assert_int_eq(post_status("ord_1", "a", 1), 201);
    ck_assert_int_eq(stat_int(NULL, "concurrent_posts"), 1);
}
END_TEST

START_TEST(a_server_with_hanging_requests_stops_at_once)
{
    int fd = client_connect(&child);
    struct reply reply;

    ck_assert_int_eq(set("/_sandbox/faults", "first=1:hang_after first=1:slow:60000"), 200);
    client_send(fd, "sk_test_sandbox", "POST", "/fulfillments",
                "{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\",\"quantity\":2}]}");
    while (stat_int("applied", "fulfillments") == 0)
        ;
    child_stop(&child);
    client_receive(fd, &reply);
    ck_assert_int_eq(reply.status, 0);
    reply_free(&reply);
    (void)close(fd);
    child_start(&child, NULL);
}
END_TEST

START_TEST(faults_of_gets_have_scopes)
{
    struct reply reply;

    ck_assert_int_eq(set("/_sandbox/faults", "orders:first=1:500 get:first=2:none "
                                             "get:first=1:drop_before list_empty_page=1:1"),
                     200);
    ck_assert_int_eq(post_status("ord_1", "a", 1), 201);
    ck_assert_int_eq(client_status(&child, "GET", "/orders", NULL), 500);
    ck_assert_int_eq(client_status(&child, "GET", "/orders", NULL), 200);
    ck_assert_int_eq(client_status(&child, "GET", "/events", NULL), 200);
    ck_assert_int_eq(client_status(&child, "GET", "/events", NULL), 0);
    client_ask(&child, "GET", "/fulfillments", NULL, &reply);
    ck_assert_str_eq(reply.body, "{\"hasMore\":true,\"data\":[]}");
    reply_free(&reply);
    ck_assert_int_eq(stat_int("faults", "drop_before"), 1);
    ck_assert_int_eq(set("/_sandbox/faults", "nonsense=1"), 400);
    ck_assert_int_eq(set("/_sandbox/faults", ""), 200);
}
END_TEST

START_TEST(a_foreign_fulfillment_has_no_metadata_and_meets_no_fault)
{
    struct reply reply;

    ck_assert_int_eq(set("/_sandbox/faults", "drop_before=1"), 200);
    client_ask(&child, "POST", "/_sandbox/fulfillments",
               "{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\",\"quantity\":2}],"
               "\"metadata\":{\"waybill_submission\":\"stolen\"}}",
               &reply);
    ck_assert_int_eq(reply.status, 201);
    ck_assert_ptr_null(json_get(json_root(reply.doc), "metadata"));
    reply_free(&reply);
    assert_applied("ord_1,a,2,0,1\n");
    ck_assert_int_eq(stat_int("applied", "foreign"), 1);
}
END_TEST

/* ---- rate ---- */

static const char *const rate_options[] = {"--rate", "3", NULL};

START_TEST(above_the_rate_the_key_is_blocked_until_retry_after)
{
    struct reply reply;
    struct clock_mono start;
    int64_t blocked = 0;

    child_stop(&child);
    child_start(&child, rate_options);
    start = clock_mono_now();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(client_status(&child, "GET", "/orders", NULL), 200);
    client_ask(&child, "GET", "/orders", NULL, &reply);
    if (clock_mono_since_ms(start) < 900) {
        ck_assert_int_eq(reply.status, 429);
        ck_assert_str_eq(reply_header(&reply, "Retry-After"), "1");
        ck_assert_int_eq(client_status(&child, "GET", "/orders", NULL), 429);
        blocked = 1;
    }
    reply_free(&reply);
    ck_assert_int_ge(stat_int(NULL, "requests_while_blocked"), blocked);
    /* The sandbox's own paths are never blocked. */
    ck_assert_int_eq(client_status(&child, "GET", "/_sandbox/stats", NULL), 200);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

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
    tcase_add_loop_test(api, a_fault_shows_itself_and_applies_what_it_says, 0, COUNT(fault_cases));
    tcase_add_test(api, a_truncated_answer_promises_more_than_it_holds);
    tcase_add_loop_test(api, a_lie_is_told_but_the_truth_is_applied, 0, 3);
    tcase_add_test(api, a_late_request_is_applied_after_its_answer);
    tcase_add_test(api, a_hanging_request_ends_when_the_client_leaves);
    tcase_add_test(api, a_server_with_hanging_requests_stops_at_once);
    tcase_add_test(api, faults_of_gets_have_scopes);
    tcase_add_test(api, a_foreign_fulfillment_has_no_metadata_and_meets_no_fault);
    tcase_add_test(api, above_the_rate_the_key_is_blocked_until_retry_after);
    return support_run_suite(suite);
}
