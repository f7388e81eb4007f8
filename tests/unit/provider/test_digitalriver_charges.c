#include "unit/provider/given.h"

static struct provider_charge charge;
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
    provider_charge_free(&charge);
    provider_request_free(&request);
    given_tear_down();
}

static void
read_charge(int status, const char *body)
{
    struct http_answer answer = given_answer(status, body);

    provider_charge_free(&charge);
    provider_read_charge(provider, &answer, &charge, &how);
}

START_TEST(a_charge_is_asked_for_by_its_encoded_id)
{
    ck_assert(provider_get_charge(provider, "a/b c", &request, &err));
    ck_assert_str_eq(buffer_text(&request.url), "https://api.example.com/charges/a%2Fb%20c");
    ck_assert_str_eq(request.method, "GET");
}
END_TEST

START_TEST(each_capture_and_release_has_its_own_state_whatever_the_charge_says)
{
    read_charge(200,
                "{\"id\":\"c1\",\"state\":\"capturable\",\"amount\":30.5,\"captured\":true,"
                "\"owner\":{\"email\":\"x@example.com\"},"
                "\"captures\":[{\"id\":\"k1\",\"state\":\"failed\",\"amount\":10,"
                "\"createdTime\":\"2026-11-23T14:00:00Z\","
                "\"updatedTime\":\"2026-11-23T15:00:00Z\","
                "\"failureCode\":\"failed-request\",\"failureMessage\":\"It \\u0007 expired.\","
                "\"fulfillmentId\":\"ful_1\"},{\"state\":\"complete\"},{\"id\":\"k2\"},"
                "{\"id\":\"k3\",\"state\":\"pending\","
                "\"createdTime\":\"2026-11-23T16:00:00Z\"}],"
                "\"cancels\":[{\"id\":\"r1\",\"state\":\"complete\",\"amount\":5.25}]}");
    ck_assert_int_eq(how.read, PROVIDER_READ_OK);
    ck_assert_str_eq(charge.charge_id, "c1");
    ck_assert_str_eq(charge.state, "capturable");
    ck_assert(charge.has_amount && charge.amount > 30.49 && charge.amount < 30.51);
    ck_assert_int_eq(charge.operations_count, 3);
    ck_assert_str_eq(charge.operations[0].state, "failed");
    ck_assert_str_eq(charge.operations[0].time, "2026-11-23T15:00:00Z");
    ck_assert_str_eq(charge.operations[0].failure_code, "failed-request");
    ck_assert_ptr_null(strchr(charge.operations[0].failure_message, '\a'));
    ck_assert_str_eq(charge.operations[0].fulfillment_id, "ful_1");
    ck_assert_str_eq(charge.operations[1].operation_id, "k3");
    ck_assert_str_eq(charge.operations[1].time, "2026-11-23T16:00:00Z");
    ck_assert(!charge.operations[1].has_amount && !charge.operations[1].is_cancel);
    ck_assert(charge.operations[2].is_cancel);
    ck_assert_str_eq(charge.operations[2].fulfillment_id, "");
}
END_TEST

START_TEST(what_is_no_charge_is_asked_again_or_left)
{
    read_charge(200, "{\"state\":\"capturable\"}");
    ck_assert_int_eq(how.read, PROVIDER_READ_LATER);
    ck_assert_int_eq(charge.operations_count, 0);
    read_charge(200, "{\"id\":\"c1\"}");
    ck_assert_int_eq(how.read, PROVIDER_READ_OK);
    ck_assert_int_eq(charge.operations_count, 0);
    read_charge(404, "{\"type\":\"not_found\",\"errors\":[{\"code\":\"not_found\"}]}");
    ck_assert_int_eq(how.read, PROVIDER_READ_REFUSED);
    ck_assert_int_eq(how.http_status, 404);
    read_charge(503, NULL);
    ck_assert_int_eq(how.read, PROVIDER_READ_LATER);
}
END_TEST

START_TEST(an_order_names_its_charges)
{
    struct provider_orders orders;
    struct http_answer answer =
        given_answer(200, "{\"id\":\"o\",\"state\":\"fulfilled\",\"items\":[],\"payment\":"
                          "{\"charges\":[{\"id\":\"c1\"},{\"state\":\"x\"},{\"id\":\"\"},"
                          "{\"id\":\"c2\"}]}}");

    provider_read_orders(provider, &answer, &orders, &how);
    ck_assert_int_eq(how.read, PROVIDER_READ_OK);
    ck_assert_int_eq(orders.list[0].charges_count, 2);
    ck_assert_str_eq(orders.list[0].charge_ids[0], "c1");
    ck_assert_str_eq(orders.list[0].charge_ids[1], "c2");
    provider_orders_free(&orders);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("digitalriver_charges");
    TCase *tests = tcase_create("charges");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_charge_is_asked_for_by_its_encoded_id);
    tcase_add_test(tests, each_capture_and_release_has_its_own_state_whatever_the_charge_says);
    tcase_add_test(tests, what_is_no_charge_is_asked_again_or_left);
    tcase_add_test(tests, an_order_names_its_charges);
    suite_add_tcase(suite, tests);
    return given_run(suite);
}
