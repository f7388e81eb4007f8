#include "config/keys.h"
#include "provider/methods.h"
#include "unit/provider/given.h"

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
    provider_request_free(&request);
    given_tear_down();
}

static bool
has_header(const char *line)
{
    for (int i = 0; request.headers[i] != NULL; i++) {
        if (strcmp(request.headers[i], line) == 0)
            return true;
    }
    return false;
}

START_TEST(a_post_has_the_documented_fields_and_no_other)
{
    struct provider_submission s = given;
    struct http_request http;

    s.shipment_id = "ship-1";
    s.tracking_company = "UPS";
    s.tracking_number = "1Z";
    s.tracking_url = "https://t/1Z";
    ck_assert_msg(provider_post(provider, &s, &request, &err), "%s", err.message);
    provider_request_to_http(&request, &http);

    ck_assert_str_eq(http.method, "POST");
    ck_assert_str_eq(http.url, "https://api.example.com/fulfillments");
    ck_assert_uint_eq(http.body_bytes, strlen(http.body));
    ck_assert_str_eq(
        http.body,
        "{\"orderId\":\"ord_1\",\"shipmentId\":\"ship-1\",\"items\":["
        "{\"itemId\":\"item-a\",\"quantity\":2,\"cancelQuantity\":0},"
        "{\"itemId\":\"item-b\",\"quantity\":0,\"cancelQuantity\":1},"
        "{\"itemId\":\"item-c\",\"quantity\":3,\"cancelQuantity\":4,\"shipmentItemId\":\"si-9\"}],"
        "\"trackingCompany\":\"UPS\",\"trackingNumber\":\"1Z\",\"trackingUrl\":\"https://t/1Z\","
        "\"metadata\":{\"waybill_submission\":\"" MARKER "\",\"waybill_instance\":\"" INSTANCE
        "\"}}");
}
END_TEST

START_TEST(what_is_not_given_is_not_sent)
{
    ck_assert(provider_post(provider, &given, &request, &err));
    ck_assert_ptr_null(strstr(buffer_text(&request.body), "shipmentId"));
    ck_assert_ptr_null(strstr(buffer_text(&request.body), "tracking"));
    ck_assert_ptr_null(strstr(buffer_text(&request.body), "null"));
}
END_TEST

START_TEST(a_post_says_who_sends_and_which_submission)
{
    ck_assert(provider_post(provider, &given, &request, &err));
    ck_assert(has_header("Content-Type: application/json"));
    ck_assert(has_header("Accept: application/json"));
    ck_assert(has_header("DigitalRiver-Version: 2021-12-13"));
    ck_assert(has_header("upstream-id: " MARKER));
    ck_assert(has_header("upstream-application-id: waybill/0.1.0"));
}
END_TEST

START_TEST(a_request_that_was_used_before_is_built_anew)
{
    struct http_request http;

    ck_assert(provider_post(provider, &given, &request, &err));
    ck_assert(provider_probe(provider, &request, &err));
    provider_request_to_http(&request, &http);
    ck_assert_str_eq(http.method, "GET");
    ck_assert_str_eq(http.url, "https://api.example.com/fulfillments?limit=1");
    ck_assert_ptr_null(http.body);
    ck_assert(!has_header("Content-Type: application/json"));
    ck_assert(!has_header("upstream-id: " MARKER));
    ck_assert(has_header("DigitalRiver-Version: 2021-12-13"));
}
END_TEST

START_TEST(the_marker_is_the_shipment_id_only_where_asked_and_none_is_given)
{
    struct provider_options options = given_options;
    struct provider_submission s = given;

    options.marker_as_shipment_id = true;
    given_set_options(&options);
    ck_assert(provider_post(provider, &s, &request, &err));
    ck_assert_ptr_nonnull(strstr(buffer_text(&request.body), "\"shipmentId\":\"" MARKER "\""));
    s.shipment_id = "own";
    ck_assert(provider_post(provider, &s, &request, &err));
    ck_assert_ptr_nonnull(strstr(buffer_text(&request.body), "\"shipmentId\":\"own\""));
}
END_TEST

START_TEST(ids_of_500_characters_survive)
{
    char order_id[500 * 4 + 1] = "";
    char item_id[501];
    struct provider_item item = {.item_id = item_id, .shipped = INT64_C(9007199254740991)};
    struct provider_submission s = {
        .marker = MARKER, .order_id = order_id, .items = &item, .items_count = 1};
    struct json_doc *doc = NULL;
    const struct json_value *root;
    const struct json_value *line;
    int64_t units;

    for (int i = 0; i < 500; i++)
        memcpy(order_id + strlen(order_id), "\xf0\x9f\x93\xa6", 5);
    memset(item_id, '"', sizeof(item_id) - 1);
    memcpy(item_id, "a\\b \n\t'{}", 9);
    item_id[500] = '\0';
    ck_assert(provider_post(provider, &s, &request, &err));
    ck_assert(json_parse(request.body.data, request.body.used, &doc, &err));
    root = json_root(doc);
    line = json_at(json_get(root, "items"), 0);
    ck_assert_str_eq(json_text(root, "orderId"), order_id);
    ck_assert_str_eq(json_text(line, "itemId"), item_id);
    ck_assert(json_int(line, "quantity", &units));
    ck_assert_int_eq(units, INT64_C(9007199254740991));
    json_free(doc);

    ck_assert(provider_list_fulfillments(provider, order_id, NULL, &request, &err));
    ck_assert_ptr_nonnull(strstr(buffer_text(&request.url), "orderId=%F0%9F%93%A6%F0"));
}
END_TEST

START_TEST(a_list_is_asked_for_by_whole_pages)
{
    ck_assert(provider_list_fulfillments(provider, "o/1 &x", NULL, &request, &err));
    ck_assert_str_eq(buffer_text(&request.url),
                     "https://api.example.com/fulfillments?orderId=o%2F1%20%26x&limit=100");
    ck_assert(provider_list_fulfillments(provider, "o", "ful_9/", &request, &err));
    ck_assert_str_eq(
        buffer_text(&request.url),
        "https://api.example.com/fulfillments?orderId=o&limit=100&startingAfter=ful_9%2F");
    ck_assert(provider_get_fulfillment(provider, "ful_1/../x", &request, &err));
    ck_assert_str_eq(buffer_text(&request.url),
                     "https://api.example.com/fulfillments/ful_1%2F..%2Fx");
}
END_TEST

START_TEST(orders_are_asked_for_by_repeated_ids)
{
    static const char *const ids[] = {"a", "b&c"};

    ck_assert(provider_ask_orders(provider, ids, 2, &request, &err));
    ck_assert_str_eq(buffer_text(&request.url),
                     "https://api.example.com/orders?limit=100&ids=a&ids=b%26c");
    ck_assert(provider_ask_upstream(provider, ids, 2, &request, &err));
    ck_assert_str_eq(buffer_text(&request.url),
                     "https://api.example.com/orders?limit=100&upstreamIds=a&upstreamIds=b%26c");
}
END_TEST

START_TEST(a_question_has_a_bound_and_says_how_many_fit)
{
    const char *ids[30];
    char long_id[1001];
    char emoji[2001] = "";
    int most = provider_capabilities(provider)->orders_per_ask_max;

    for (int i = 0; i < 30; i++)
        ids[i] = "ord_1";
    ck_assert_int_eq(provider_ask_fits(provider, ids, 30), most);
    ck_assert_int_eq(provider_ask_fits(provider, ids, 3), 3);
    ck_assert_int_eq(provider_ask_fits(provider, ids, 0), 0);
    ck_assert(!provider_ask_orders(provider, ids, most + 1, &request, &err));
    ck_assert_int_eq(err.code, ERROR_LIMIT);

    memset(long_id, 'x', 1000);
    long_id[1000] = '\0';
    for (int i = 0; i < 30; i++)
        ids[i] = long_id;
    ck_assert_int_eq(provider_ask_fits(provider, ids, 30), 4);
    err = (struct error){0};
    ck_assert(provider_ask_orders(provider, ids, 4, &request, &err));
    ck_assert_uint_le(request.url.used, 4096 + 100);
    ck_assert(!provider_ask_orders(provider, ids, 5, &request, &err));
    ck_assert_int_eq(err.code, ERROR_LIMIT);

    /* One id is always asked for, however long. */
    for (int i = 0; i < 500; i++)
        memcpy(emoji + strlen(emoji), "\xf0\x9f\x93\xa6", 5);
    ids[0] = emoji;
    ck_assert_int_eq(provider_ask_fits(provider, ids, 30), 1);
    err = (struct error){0};
    ck_assert_msg(provider_ask_orders(provider, ids, 1, &request, &err), "%s", err.message);
}
END_TEST

START_TEST(too_many_lines_are_refused)
{
    static struct provider_item items[101];
    struct provider_submission s = given;

    for (int i = 0; i < 101; i++)
        items[i] = (struct provider_item){.item_id = "i", .shipped = 1};
    s.items = items;
    s.items_count = 100;
    ck_assert(provider_post(provider, &s, &request, &err));
    s.items_count = 101;
    ck_assert(!provider_post(provider, &s, &request, &err));
    ck_assert_int_eq(err.code, ERROR_LIMIT);
}
END_TEST

START_TEST(an_unknown_provider_or_an_unfit_option_is_refused)
{
    struct provider *other = NULL;
    struct provider_options options = given_options;
    char text[300];

    ck_assert(!provider_new(&other, "acme", &options, &err));
    ck_assert_int_eq(err.code, ERROR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "\"acme\""));
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    options.version = text;
    err = (struct error){0};
    ck_assert(!provider_new(&other, "digitalriver", &options, &err));
    ck_assert_int_eq(err.code, ERROR_LIMIT);
    ck_assert_ptr_null(other);
    ck_assert(!provider_capabilities(provider)->has_idempotency_key);
}
END_TEST

START_TEST(the_configuration_names_the_providers_that_there_are)
{
    char name[64];
    const char *at = CONFIG_PROVIDERS;

    for (int i = 0; PROVIDER_KNOWN[i] != NULL; i++) {
        size_t bytes = strcspn(at, "|");

        (void)snprintf(name, sizeof(name), "%.*s", (int)bytes, at);
        ck_assert_str_eq(PROVIDER_KNOWN[i]->name, name);
        at += bytes + (at[bytes] == '|');
    }
    ck_assert_str_eq(at, "");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("digitalriver");
    TCase *tcase = tcase_create("requests");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_post_has_the_documented_fields_and_no_other);
    tcase_add_test(tcase, what_is_not_given_is_not_sent);
    tcase_add_test(tcase, a_post_says_who_sends_and_which_submission);
    tcase_add_test(tcase, a_request_that_was_used_before_is_built_anew);
    tcase_add_test(tcase, the_marker_is_the_shipment_id_only_where_asked_and_none_is_given);
    tcase_add_test(tcase, ids_of_500_characters_survive);
    tcase_add_test(tcase, a_list_is_asked_for_by_whole_pages);
    tcase_add_test(tcase, orders_are_asked_for_by_repeated_ids);
    tcase_add_test(tcase, a_question_has_a_bound_and_says_how_many_fit);
    tcase_add_test(tcase, too_many_lines_are_refused);
    tcase_add_test(tcase, the_configuration_names_the_providers_that_there_are);
    tcase_add_test(tcase, an_unknown_provider_or_an_unfit_option_is_refused);
    suite_add_tcase(suite, tcase);
    return given_run(suite);
}
