#include "unit/provider/given.h"

static struct provider_fulfillments found;
static struct provider_orders orders;
static struct provider_answer how;

static void
tear_down(void)
{
    provider_fulfillments_free(&found);
    provider_orders_free(&orders);
    given_tear_down();
}

static void
read_list(const char *body)
{
    struct http_answer answer = given_answer(200, body);

    provider_fulfillments_free(&found);
    provider_read_fulfillments(provider, &answer, &found, &how);
}

static void
read_orders(const char *body)
{
    struct http_answer answer = given_answer(200, body);

    provider_orders_free(&orders);
    provider_read_orders(provider, &answer, &orders, &how);
}

START_TEST(a_page_of_fulfillments_is_read)
{
    read_list(
        "{\"hasMore\":true,\"data\":[{\"id\":\"ful_2\",\"orderId\":\"ord_1\",\"liveMode\":true,"
        "\"shipmentId\":\"s\",\"createdTime\":\"2026-11-23T14:00:00Z\",\"trackingNumber\":\"1Z\","
        "\"metadata\":{\"waybill_submission\":\"" MARKER "\",\"waybill_instance\":\"" INSTANCE
        "\"},\"items\":[{\"itemId\":\"a\",\"quantity\":2,\"cancelQuantity\":0},"
        "{\"itemId\":\"b\",\"quantity\":null,\"cancelQuantity\":\"3\"},{\"skuId\":\"k\"}]},"
        "{\"id\":\"ful_1\",\"orderId\":\"ord_1\"}]}");
    ck_assert_msg(how.read == PROVIDER_READ_OK, "%s", how.error);
    ck_assert_int_eq(found.count, 2);
    ck_assert(found.has_more);
    ck_assert_str_eq(found.list[0].fulfillment_id, "ful_2");
    ck_assert_str_eq(found.list[0].order_id, "ord_1");
    ck_assert_str_eq(found.list[0].marker, MARKER);
    ck_assert_str_eq(found.list[0].instance, INSTANCE);
    ck_assert_str_eq(found.list[0].shipment_id, "s");
    ck_assert_str_eq(found.list[0].created_time, "2026-11-23T14:00:00Z");
    ck_assert_str_eq(found.list[0].tracking_number, "1Z");
    ck_assert(found.list[0].has_metadata);
    ck_assert(found.list[0].has_live_mode && found.list[0].live_mode);
    ck_assert_int_eq(found.list[0].items_count, 3);
    ck_assert_str_eq(found.list[0].items[0].item_id, "a");
    ck_assert_int_eq(found.list[0].items[0].shipped, 2);
    ck_assert_int_eq(found.list[0].items[1].shipped, 0);
    ck_assert_int_eq(found.list[0].items[1].cancelled, 3);
    ck_assert_str_eq(found.list[0].items[2].item_id, "");
    ck_assert_str_eq(found.list[1].marker, "");
    ck_assert(!found.list[1].has_metadata);
    ck_assert(!found.list[1].has_live_mode);
    ck_assert_int_eq(found.list[1].items_count, 0);
    ck_assert_str_eq(how.request_id, "req-1");
}
END_TEST

START_TEST(an_empty_page_is_a_page)
{
    read_list("{\"hasMore\":false,\"data\":[]}");
    ck_assert_int_eq(how.read, PROVIDER_READ_OK);
    ck_assert_int_eq(found.count, 0);
    ck_assert(!found.has_more);
}
END_TEST

#define ONE(rest) "{\"hasMore\":false,\"data\":[{\"id\":\"ful_1\",\"orderId\":\"ord_1\"," rest "}]}"

static const struct {
    const char *rest;
    bool has_metadata;
    const char *marker;
} metadata_cases[] = {
    {"\"metadata\":null", false, ""},
    {"\"metadata\":{}", true, ""},
    {"\"metadata\":{\"theirs\":1}", true, ""},
    {"\"metadata\":{\"waybill_submission\":7}", true, ""},
    {"\"metadata\":{\"waybill_submission\":\"short\"}", true, "short"},
    {"\"metadata\":{\"waybill_submission\":"
     "\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
     true, ""},
    {"\"metadata\":\"strange\"", true, ""},
    {"\"x\":1", false, ""},
};

START_TEST(only_an_absent_metadata_shows_none)
{
    char body[512];

    (void)snprintf(body, sizeof(body), ONE("%s"), metadata_cases[_i].rest);
    read_list(body);
    ck_assert_int_eq(how.read, PROVIDER_READ_OK);
    ck_assert_int_eq(found.list[0].has_metadata, metadata_cases[_i].has_metadata);
    ck_assert_str_eq(found.list[0].marker, metadata_cases[_i].marker);
}
END_TEST

START_TEST(a_shipment_id_is_the_second_marker_only_where_it_was_asked_for)
{
    struct provider_options options = given_options;

    read_list(ONE("\"shipmentId\":\"" MARKER "\""));
    ck_assert_str_eq(found.list[0].marker, "");
    options.marker_as_shipment_id = true;
    given_set_options(&options);
    read_list(ONE("\"shipmentId\":\"" MARKER "\""));
    ck_assert_str_eq(found.list[0].marker, MARKER);
    ck_assert(!found.list[0].has_metadata);
    read_list(ONE("\"shipmentId\":\"parcel-1\""));
    ck_assert_str_eq(found.list[0].marker, "");
    read_list(ONE("\"shipmentId\":\"" MARKER "\",\"metadata\":{\"waybill_submission\":\"m\"}"));
    ck_assert_str_eq(found.list[0].marker, "m");
}
END_TEST

/* None of these may pass for "nothing there". */
static const char *const unreadable_lists[] = {
    "",
    "<html>",
    "[]",
    "{}",
    "{\"data\":[]}",
    "{\"hasMore\":\"no\",\"data\":[]}",
    "{\"hasMore\":true,\"data\":[]}",
    "{\"hasMore\":false}",
    "{\"hasMore\":false,\"data\":{}}",
    "{\"hasMore\":false,\"data\":[7]}",
    "{\"hasMore\":false,\"data\":[{\"orderId\":\"ord_1\"}]}",
    "{\"hasMore\":false,\"data\":[{\"id\":\"\",\"orderId\":\"ord_1\"}]}",
    "{\"hasMore\":false,\"data\":[{\"id\":\"ful_1\"}]}",
    "{\"hasMore\":false,\"data\":[{\"id\":\"ful_1\",\"orderId\":\"ord_1\"},{}]}",
    ONE("\"items\":7"),
    ONE("\"items\":[7]"),
    ONE("\"items\":[{\"itemId\":7}]"),
    ONE("\"items\":[{\"itemId\":\"a\",\"quantity\":1.5}]"),
    ONE("\"items\":[{\"itemId\":\"a\",\"quantity\":\"many\"}]"),
    ONE("\"items\":[{\"itemId\":\"a\",\"quantity\":-1}]"),
    ONE("\"items\":[{\"itemId\":\"a\",\"quantity\":2,\"cancelQuantity\":\"-1\"}]"),
};

START_TEST(what_is_no_whole_page_is_asked_for_again)
{
    read_list(unreadable_lists[_i]);
    ck_assert_msg(how.read == PROVIDER_READ_LATER, "%s", unreadable_lists[_i]);
    ck_assert_int_eq(found.count, 0);
    ck_assert_ptr_null(found.list);
    ck_assert_int_eq(strncmp(how.error, "the answer can't be read: ", 26), 0);
}
END_TEST

START_TEST(an_id_that_does_not_fit_is_never_cut)
{
    char body[8000];
    const char *format[] = {
        "{\"hasMore\":false,\"data\":[{\"id\":\"%0*d\",\"orderId\":\"o\"}]}",
        "{\"hasMore\":false,\"data\":[{\"id\":\"f\",\"orderId\":\"%0*d\"}]}",
        "{\"hasMore\":false,\"data\":[{\"id\":\"f\",\"orderId\":\"o\",\"shipmentId\":\"%0*d\"}]}",
        ONE("\"items\":[{\"itemId\":\"%0*d\"}]"),
    };
    const int fits[] = {255, 2047, 2047, 2047};

    for (int i = 0; i < 4; i++) {
        char *filled = body;
        const char *hole = strstr(format[i], "%0*d");

        for (int more = 0; more < 2; more++) {
            int digits = fits[i] + more;

            (void)snprintf(filled, sizeof(body), "%.*s%0*d%s", (int)(hole - format[i]), format[i],
                           digits, 7, hole + 4);
            read_list(body);
            ck_assert_int_eq(how.read, more == 0 ? PROVIDER_READ_OK : PROVIDER_READ_LATER);
        }
    }
}
END_TEST

START_TEST(more_than_a_page_is_no_page)
{
    struct buffer body;

    for (int count = 100; count <= 101; count++) {
        buffer_init(&body, 100000);
        buffer_puts(&body, "{\"hasMore\":false,\"data\":[");
        for (int i = 0; i < count; i++)
            buffer_printf(&body, "%s{\"id\":\"f%d\",\"orderId\":\"o\"}", i > 0 ? "," : "", i);
        buffer_puts(&body, "]}");
        read_list(buffer_text(&body));
        ck_assert_int_eq(how.read, count == 100 ? PROVIDER_READ_OK : PROVIDER_READ_LATER);
        buffer_free(&body);
    }
}
END_TEST

START_TEST(more_lines_than_the_bound_are_no_page)
{
    struct buffer body;

    buffer_init(&body, 1000000);
    buffer_puts(&body,
                "{\"hasMore\":false,\"data\":[{\"id\":\"f\",\"orderId\":\"o\",\"items\":[{}");
    for (int i = 0; i < 10000; i++)
        buffer_puts(&body, ",{}");
    buffer_puts(&body, "]}]}");
    read_list(buffer_text(&body));
    ck_assert_int_eq(how.read, PROVIDER_READ_LATER);
    buffer_free(&body);
}
END_TEST

START_TEST(one_fulfillment_is_read_with_its_order_details)
{
    struct http_answer answer =
        given_answer(200, "{\"id\":\"ful_1\",\"orderId\":\"ord_1\",\"metadata\":{\"a\":\"b\"},"
                          "\"orderDetails\":{\"id\":\"ord_1\",\"email\":\"jane@example.com\"}}");

    provider_read_fulfillment(provider, &answer, &found, &how);
    ck_assert_int_eq(how.read, PROVIDER_READ_OK);
    ck_assert_int_eq(found.count, 1);
    ck_assert(!found.has_more);
    ck_assert(found.list[0].has_metadata);
    provider_fulfillments_free(&found);
    answer = given_answer(404, "{\"type\":\"not_found\",\"errors\":[{\"code\":\"not_found\"}]}");
    provider_read_fulfillment(provider, &answer, &found, &how);
    ck_assert_int_eq(how.read, PROVIDER_READ_REFUSED);
    ck_assert_int_eq(found.count, 0);
    answer = given_answer(200, "[]");
    provider_read_fulfillment(provider, &answer, &found, &how);
    ck_assert_int_eq(how.read, PROVIDER_READ_LATER);
}
END_TEST

START_TEST(an_order_is_read)
{
    read_orders(
        "{\"hasMore\":false,\"data\":[{\"id\":\"ord_1\",\"upstreamId\":\"U1\",\"state\":"
        "\"accepted\",\"stateTransitions\":{\"accepted\":\"2026-11-23T14:00:00Z\"},"
        "\"liveMode\":false,\"capturedAmount\":12.5,\"updatedTime\":\"2026-11-23T15:00:00Z\","
        "\"items\":[{\"id\":\"a\",\"quantity\":3,\"state\":\"created\"}]},"
        "{\"id\":\"ord_2\",\"state\":\"brand_new\"}]}");
    ck_assert_msg(how.read == PROVIDER_READ_OK, "%s", how.error);
    ck_assert_int_eq(orders.count, 2);
    ck_assert_str_eq(orders.list[0].order_id, "ord_1");
    ck_assert_str_eq(orders.list[0].upstream_id, "U1");
    ck_assert_str_eq(orders.list[0].state, "accepted");
    ck_assert_str_eq(orders.list[0].state_since, "2026-11-23T14:00:00Z");
    ck_assert_str_eq(orders.list[0].updated_time, "2026-11-23T15:00:00Z");
    ck_assert(orders.list[0].has_live_mode && !orders.list[0].live_mode);
    ck_assert(orders.list[0].has_captured && !orders.list[0].has_cancelled);
    ck_assert_double_eq(orders.list[0].captured_amount, 12.5);
    ck_assert_int_eq(orders.list[0].items_count, 1);
    ck_assert_str_eq(orders.list[0].items[0].item_id, "a");
    ck_assert_int_eq(orders.list[0].items[0].quantity, 3);
    ck_assert_str_eq(orders.list[0].items[0].state, "created");
    ck_assert_str_eq(orders.list[1].state, "brand_new");
    ck_assert_str_eq(orders.list[1].state_since, "");
}
END_TEST

START_TEST(half_a_character_in_a_customers_name_hides_no_order)
{
    read_orders("{\"hasMore\":false,\"data\":[{\"id\":\"ord_1\",\"state\":\"accepted\","
                "\"shipTo\":{\"name\":\"Jo \\ud83d\",\"phone\":\"\\u0000\"}},"
                "{\"id\":\"ord_2\",\"state\":\"accepted\"}]}");
    ck_assert_int_eq(how.read, PROVIDER_READ_OK);
    ck_assert_int_eq(orders.count, 2);
}
END_TEST

START_TEST(one_order_that_can_not_be_read_hides_no_other)
{
    static const char bad[] =
        "{\"id\":\"ord_1\",\"state\":\"accepted\",\"items\":[{\"id\":\"a\"},{}]}";
    char body[512];

    (void)snprintf(body, sizeof(body),
                   "{\"hasMore\":false,\"data\":[%s,{\"id\":\"ord_2\",\"state\":\"accepted\"},{}]}",
                   bad);
    read_orders(body);
    ck_assert_int_eq(how.read, PROVIDER_READ_OK);
    ck_assert_int_eq(orders.count, 1);
    ck_assert_str_eq(orders.list[0].order_id, "ord_2");
    (void)snprintf(body, sizeof(body), "{\"hasMore\":false,\"data\":[%s]}", bad);
    read_orders(body);
    ck_assert_int_eq(how.read, PROVIDER_READ_LATER);
    ck_assert_ptr_null(orders.list);
    read_orders("{\"hasMore\":false,\"data\":[]}");
    ck_assert_int_eq(how.read, PROVIDER_READ_OK);
}
END_TEST

#define ENVELOPE "{\"type\":\"x\",\"errors\":[{\"code\":\"some_code\",\"message\":\"some words\"}]}"

static const struct {
    int status;
    const char *body;
    enum provider_read read;
} read_cases[] = {
    {200, "{}", PROVIDER_READ_OK},          {200, "[]", PROVIDER_READ_LATER},
    {200, "<html>", PROVIDER_READ_LATER},   {201, "{}", PROVIDER_READ_LATER},
    {204, "", PROVIDER_READ_LATER},         {302, "", PROVIDER_READ_LATER},
    {400, ENVELOPE, PROVIDER_READ_REFUSED}, {401, "", PROVIDER_READ_KEY},
    {403, ENVELOPE, PROVIDER_READ_KEY},     {403, "<html>", PROVIDER_READ_LATER},
    {404, "", PROVIDER_READ_REFUSED},       {404, ENVELOPE, PROVIDER_READ_REFUSED},
    {400, "", PROVIDER_READ_REFUSED},       {408, ENVELOPE, PROVIDER_READ_LATER},
    {409, ENVELOPE, PROVIDER_READ_REFUSED}, {414, "", PROVIDER_READ_REFUSED},
    {429, ENVELOPE, PROVIDER_READ_BLOCKED}, {500, ENVELOPE, PROVIDER_READ_LATER},
    {503, "", PROVIDER_READ_LATER},
};

START_TEST(a_question_ends_as_its_row_says)
{
    struct http_answer answer = given_answer(read_cases[_i].status, read_cases[_i].body);

    provider_read_plain(provider, &answer, &how);
    ck_assert_msg(how.read == read_cases[_i].read, "%d %s: %d", answer.status, answer.body,
                  (int)how.read);
    ck_assert_int_eq(how.http_status, answer.status);
    /* a gateway's 404 says nothing about what it was asked for */
    ck_assert_int_eq(provider_is_unknown(&how), (answer.status == 400 || answer.status == 404) &&
                                                    strcmp(answer.body, ENVELOPE) == 0);
    ck_assert_int_eq(how.has_retry_after, answer.status == 429);
    ck_assert((how.error[0] == '\0') == (how.read == PROVIDER_READ_OK));
    if (strcmp(answer.body, ENVELOPE) == 0)
        ck_assert_ptr_nonnull(strstr(how.error, " some_code: some words"));
}
END_TEST

START_TEST(a_question_without_an_answer_is_asked_again)
{
    struct http_answer answer = {.fact = HTTP_NOT_SENT, .body = "", .error = "connect: no"};

    provider_read_orders(provider, &answer, &orders, &how);
    ck_assert_int_eq(how.read, PROVIDER_READ_LATER);
    ck_assert_str_eq(how.error, "connect: no");
    answer.fact = HTTP_BROKEN;
    answer.status = 429; /* its head alone is no answer here; http_take_early tells of it */
    provider_read_fulfillments(provider, &answer, &found, &how);
    ck_assert_int_eq(how.read, PROVIDER_READ_LATER);
    ck_assert(!how.has_retry_after);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int
main(void)
{
    Suite *suite = suite_create("digitalriver pages");
    TCase *tcase = tcase_create("pages");

    tcase_add_checked_fixture(tcase, given_set_up, tear_down);
    tcase_add_test(tcase, a_page_of_fulfillments_is_read);
    tcase_add_test(tcase, an_empty_page_is_a_page);
    tcase_add_loop_test(tcase, only_an_absent_metadata_shows_none, 0, COUNT(metadata_cases));
    tcase_add_test(tcase, a_shipment_id_is_the_second_marker_only_where_it_was_asked_for);
    tcase_add_loop_test(tcase, what_is_no_whole_page_is_asked_for_again, 0,
                        COUNT(unreadable_lists));
    tcase_add_test(tcase, an_id_that_does_not_fit_is_never_cut);
    tcase_add_test(tcase, more_than_a_page_is_no_page);
    tcase_add_test(tcase, more_lines_than_the_bound_are_no_page);
    tcase_add_test(tcase, one_fulfillment_is_read_with_its_order_details);
    tcase_add_test(tcase, an_order_is_read);
    tcase_add_test(tcase, half_a_character_in_a_customers_name_hides_no_order);
    tcase_add_test(tcase, one_order_that_can_not_be_read_hides_no_other);
    tcase_add_loop_test(tcase, a_question_ends_as_its_row_says, 0, COUNT(read_cases));
    tcase_add_test(tcase, a_question_without_an_answer_is_asked_again);
    suite_add_tcase(suite, tcase);
    return given_run(suite);
}
