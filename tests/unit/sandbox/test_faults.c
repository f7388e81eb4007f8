#include "base/clock.h"
#include "fixture.h"

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
    {"first=1:400_html", 400, false, false, false},
    {"first=1:404_html", 404, false, false, false},
    {"first=1:404_api", 404, false, false, true},
    {"first=1:409_html", 409, false, false, false},
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

static bool
is_applied(void *ctx)
{
    (void)ctx;
    return stat_int("applied", "fulfillments") == 1;
}

START_TEST(a_hanging_request_ends_when_the_client_leaves)
{
    int fd = client_connect(&child);

    ck_assert_int_eq(set("/_sandbox/faults", "first=1:hang_after"), 200);
    client_send(fd, "sk_test_sandbox", "POST", "/fulfillments",
                "{\"orderId\":\"ord_1\",\"items\":[{\"itemId\":\"a\",\"quantity\":2}]}");
    /* Meanwhile a second one for the same order is a second one at a time. */
    support_wait_until(is_applied, NULL, 10000, "the hanging request is applied");
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
    support_wait_until(is_applied, NULL, 10000, "the hanging request is applied");
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

int
main(void)
{
    Suite *suite = suite_create("sandbox faults");
    TCase *api = support_case(suite, "api", 60);

    tcase_add_checked_fixture(api, setup, teardown);
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
