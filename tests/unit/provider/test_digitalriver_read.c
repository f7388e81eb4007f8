#include "unit/provider/given.h"

static struct provider_result result;

static void
read_post(int status, const char *body)
{
    struct http_answer answer = given_answer(status, body);

    provider_read_post(provider, &given, &answer, &result);
}

#define ERROR_BODY(type, code, parameter, message)                                                 \
    "{\"type\":\"" type "\",\"errors\":[{\"code\":\"" code "\",\"parameter\":\"" parameter         \
    "\",\"message\":\"" message "\"}]}"
#define CONFLICT(code) ERROR_BODY("conflict", code, "orderId", "Resource is so.")
#define HTML           "<html><body>Request unsuccessful. Incapsula incident</body></html>"

/* Every row of the outcome table, and what a proxy or a firewall makes of it. */
static const struct {
    int status;
    const char *body;
    enum provider_outcome outcome;
    const char *code;
} outcome_cases[] = {
    {201, "{\"id\":\"ful_1\",\"orderId\":\"ord_1\"}", PROVIDER_ACCEPTED, ""},
    {201, NULL, PROVIDER_UNKNOWN, "not_json"},
    {201, HTML, PROVIDER_UNKNOWN, "not_json"},
    {201, "{\"id\":\"ful_1\",\"orderId\":\"ord_1\"", PROVIDER_UNKNOWN, "not_json"},
    {201, "[]", PROVIDER_UNKNOWN, "not_json"},
    {201, "{}", PROVIDER_UNKNOWN, "no_id"},
    {201, "{\"id\":\"\",\"orderId\":\"ord_1\"}", PROVIDER_UNKNOWN, "no_id"},
    {201, "{\"id\":7,\"orderId\":\"ord_1\"}", PROVIDER_UNKNOWN, "no_id"},
    {201, "{\"id\":\"ful_1\"}", PROVIDER_UNKNOWN, "order_differs"},
    {201, "{\"id\":\"ful_1\",\"orderId\":\"ord_2\"}", PROVIDER_UNKNOWN, "order_differs"},
    {201,
     "{\"id\":\"ful_1\",\"orderId\":\"ord_1\",\"metadata\":{\"waybill_submission\":\"other\"}}",
     PROVIDER_UNKNOWN, "marker_differs"},
    {201,
     "{\"id\":\"ful_1\",\"orderId\":\"ord_1\",\"metadata\":{\"waybill_submission\":\"" MARKER
     "\"}}",
     PROVIDER_ACCEPTED, ""},
    {201,
     "{\"id\":\"ful_1\",\"orderId\":\"ord_1\",\"metadata\":{\"waybill_submission\":"
     "\"7D3F0B1C-5A52-4B7E-9D5E-0A1B2C3D4E5F\"}}",
     PROVIDER_ACCEPTED, ""},
    {200, "{\"id\":\"ful_1\",\"orderId\":\"ord_1\"}", PROVIDER_UNKNOWN, "http_200"},
    {200, HTML, PROVIDER_UNKNOWN, "not_json"},
    {202, NULL, PROVIDER_UNKNOWN, "http_202"},
    {204, NULL, PROVIDER_UNKNOWN, "http_204"},
    {301, HTML, PROVIDER_REFUSED_LATER, "not_json"},
    {307, NULL, PROVIDER_REFUSED_LATER, "http_307"},
    {400, ERROR_BODY("bad_request", "invalid_parameter", "items", "No."), PROVIDER_REFUSED,
     "invalid_parameter"},
    {400, HTML, PROVIDER_REFUSED_LATER, "not_json"},
    {400, "{\"message\":\"Bad Request\"}", PROVIDER_REFUSED_LATER, "http_400"},
    {402, NULL, PROVIDER_UNKNOWN, "http_402"},
    {400, ERROR_BODY("bad_request", "item_fulfilled", "itemId", "No."), PROVIDER_REFUSED,
     "item_fulfilled"},
    {401, ERROR_BODY("unauthorized", "api_key_expired", "", "No."), PROVIDER_REFUSED_KEY,
     "api_key_expired"},
    {401, HTML, PROVIDER_REFUSED_KEY, "not_json"},
    {403, ERROR_BODY("forbidden", "forbidden", "", "No."), PROVIDER_REFUSED_KEY, "forbidden"},
    {403, HTML, PROVIDER_REFUSED_LATER, "not_json"},
    {403, NULL, PROVIDER_REFUSED_LATER, "http_403"},
    {403, "{\"message\":\"Forbidden\"}", PROVIDER_REFUSED_LATER, "http_403"},
    {404, "default backend - 404", PROVIDER_REFUSED_LATER, "not_json"},
    {404, NULL, PROVIDER_REFUSED_LATER, "http_404"},
    {404, ERROR_BODY("not_found", "not_found", "orderId", "No."), PROVIDER_REFUSED, "not_found"},
    {405, NULL, PROVIDER_REFUSED_LATER, "http_405"},
    {406, NULL, PROVIDER_REFUSED_LATER, "http_406"},
    {408, ERROR_BODY("request_timeout", "request_timeout", "", "Slow."), PROVIDER_UNKNOWN,
     "request_timeout"},
    {409, CONFLICT("order_not_submitted"), PROVIDER_ORDER_WAITS, "order_not_submitted"},
    {409, CONFLICT("item_fulfilled"), PROVIDER_TAKEN, "item_fulfilled"},
    {409, CONFLICT("item_cancelled"), PROVIDER_TAKEN, "item_cancelled"},
    {409, CONFLICT("order_fulfilled"), PROVIDER_TAKEN, "order_fulfilled"},
    {409, CONFLICT("order_complete"), PROVIDER_TAKEN, "order_complete"},
    {409, CONFLICT("order_already_complete"), PROVIDER_TAKEN, "order_already_complete"},
    {409, CONFLICT("order_cancelled"), PROVIDER_TAKEN, "order_cancelled"},
    {409, CONFLICT("quantity_too_large"), PROVIDER_TAKEN, "quantity_too_large"},
    {409, CONFLICT("something_new"), PROVIDER_REFUSED, "something_new"},
    {409, CONFLICT("Item_Fulfilled"), PROVIDER_REFUSED, "Item_Fulfilled"},
    {409, NULL, PROVIDER_UNKNOWN, "http_409"},
    {409, HTML, PROVIDER_UNKNOWN, "not_json"},
    {409,
     "{\"errors\":[{\"code\":\"something_new\"},{\"code\":\"item_fulfilled\"}],\"type\":"
     "\"conflict\"}",
     PROVIDER_TAKEN, "item_fulfilled"},
    {413, HTML, PROVIDER_REFUSED_LATER, "not_json"},
    {414, HTML, PROVIDER_REFUSED_LATER, "not_json"},
    {418, NULL, PROVIDER_UNKNOWN, "http_418"},
    {422, NULL, PROVIDER_REFUSED_LATER, "http_422"},
    {429, ERROR_BODY("too_many_requests", "rate_limit", "", "Slow."), PROVIDER_NOT_NOW,
     "rate_limit"},
    {429, HTML, PROVIDER_NOT_NOW, "not_json"},
    {499, NULL, PROVIDER_UNKNOWN, "http_499"},
    {500, ERROR_BODY("internal_server_error", "x", "", "No."), PROVIDER_UNKNOWN, "x"},
    {500, CONFLICT("item_fulfilled"), PROVIDER_UNKNOWN, "item_fulfilled"},
    {501, NULL, PROVIDER_UNKNOWN, "http_501"},
    {502, HTML, PROVIDER_UNKNOWN, "not_json"},
    {503, HTML, PROVIDER_UNKNOWN, "not_json"},
    {504, HTML, PROVIDER_UNKNOWN, "not_json"},
    {599, NULL, PROVIDER_UNKNOWN, "http_599"},
    {999, NULL, PROVIDER_UNKNOWN, "http_999"},
};

START_TEST(an_answer_has_the_outcome_of_its_row)
{
    read_post(outcome_cases[_i].status, outcome_cases[_i].body);
    ck_assert_msg(result.outcome == outcome_cases[_i].outcome, "status %d, body %s: outcome %d",
                  outcome_cases[_i].status, outcome_cases[_i].body, (int)result.outcome);
    ck_assert_str_eq(result.error_code, outcome_cases[_i].code);
    ck_assert_int_eq(result.http_status, outcome_cases[_i].status);
    ck_assert_str_eq(result.request_id, "req-1");
    ck_assert(result.is_sent);
    if (result.outcome == PROVIDER_ACCEPTED) {
        ck_assert_str_eq(result.fulfillment_id, "ful_1");
        ck_assert_str_eq(result.error_message, "");
    } else {
        ck_assert_str_eq(result.fulfillment_id, "");
        ck_assert_str_ne(result.error_message, "");
    }
}
END_TEST

/* The documented body of a failed authorization has no type, and `description` in place of
 * `message`. */
START_TEST(a_failed_authorization_is_known_without_type_and_message)
{
    read_post(409,
              "{\"errors\":[{\"code\":\"payment_authorization_failed\",\"parameter\":\"orderId\","
              "\"description\":\"the payment authorization has expired\"}]}");
    ck_assert_int_eq(result.outcome, PROVIDER_PAYMENT);
    ck_assert_str_eq(result.error_message, "the payment authorization has expired");
    ck_assert_str_eq(result.error_parameter, "orderId");
    ck_assert(result.is_order_wide);
}
END_TEST

static const struct {
    struct http_answer answer;
    enum provider_outcome outcome;
    const char *code;
} fact_cases[] = {
    {{.fact = HTTP_NOT_SENT, .phase = HTTP_PHASE_RESOLVE}, PROVIDER_NOT_NOW, "resolve"},
    {{.fact = HTTP_NOT_SENT, .phase = HTTP_PHASE_CONNECT}, PROVIDER_NOT_NOW, "connect"},
    {{.fact = HTTP_NOT_SENT, .phase = HTTP_PHASE_CONNECT, .is_timeout = true},
     PROVIDER_NOT_NOW,
     "connect"},
    {{.fact = HTTP_NOT_SENT, .phase = HTTP_PHASE_TLS}, PROVIDER_NOT_NOW, "tls"},
    {{.fact = HTTP_NOT_SENT, .phase = HTTP_PHASE_START, .is_late = true}, PROVIDER_NOT_NOW, "late"},
    {{.fact = HTTP_BROKEN, .phase = HTTP_PHASE_SENDING, .is_sent = true},
     PROVIDER_UNKNOWN,
     "sending"},
    {{.fact = HTTP_BROKEN, .phase = HTTP_PHASE_WAITING, .is_sent = true},
     PROVIDER_UNKNOWN,
     "broken"},
    {{.fact = HTTP_BROKEN, .phase = HTTP_PHASE_WAITING, .is_timeout = true, .is_sent = true},
     PROVIDER_UNKNOWN,
     "timeout"},
    {{.fact = HTTP_BROKEN, .phase = HTTP_PHASE_READING, .is_oversize = true, .status = 201},
     PROVIDER_UNKNOWN,
     "oversize"},
    /* A status without its body decides nothing. */
    {{.fact = HTTP_BROKEN, .phase = HTTP_PHASE_READING, .status = 400}, PROVIDER_UNKNOWN, "broken"},
    {{.fact = HTTP_BROKEN, .phase = HTTP_PHASE_READING, .status = 429}, PROVIDER_UNKNOWN, "broken"},
};

START_TEST(without_an_answer_the_facts_decide)
{
    struct http_answer answer = fact_cases[_i].answer;

    answer.body = "";
    (void)snprintf(answer.error, sizeof(answer.error), "phase: why");
    provider_read_post(provider, &given, &answer, &result);
    ck_assert_int_eq(result.outcome, fact_cases[_i].outcome);
    ck_assert_str_eq(result.error_code, fact_cases[_i].code);
    ck_assert_str_eq(result.error_message, "phase: why");
    ck_assert_int_eq(result.is_sent, answer.is_sent);
    ck_assert(!result.has_retry_after);
}
END_TEST

#define CREATED(rest)  "{\"id\":\"ful_1\",\"orderId\":\"ord_1\"," rest "}"
#define LINE(id, q, c) "{\"itemId\":\"" id "\",\"quantity\":" #q ",\"cancelQuantity\":" #c "}"

static const struct {
    const char *body;
    bool is_mismatch, applied_more, applied_less, is_live_wrong;
    const char *words;
} created_cases[] = {
    {CREATED(
         "\"items\":[" LINE("item-a", 2, 0) "," LINE("item-b", 0, 1) "," LINE("item-c", 3, 4) "]"),
     false, false, false, false, ""},
    {CREATED("\"liveMode\":true"), false, false, false, false, ""},
    {CREATED("\"liveMode\":false"), false, false, false, true, ""},
    {CREATED("\"liveMode\":null,\"items\":null"), false, false, false, false, ""},
    {CREATED("\"items\":[" LINE(
         "item-a", "2",
         null) ",{\"itemId\":\"item-b\",\"cancelQuantity\":1}," LINE("item-c", 1,
                                                                     4) "," LINE("item-c", 2,
                                                                                 0) "]"),
     false, false, false, false, ""},
    {CREATED(
         "\"items\":[" LINE("item-a", 1, 0) "," LINE("item-b", 0, 1) "," LINE("item-c", 3, 4) "]"),
     true, false, true, false, "item item-a: sent 2+0, applied 1+0"},
    {CREATED(
         "\"items\":[" LINE("item-a", 2, 0) "," LINE("item-b", 1, 0) "," LINE("item-c", 3, 4) "]"),
     true, true, true, false, "item item-b: sent 0+1, applied 1+0"},
    {CREATED("\"items\":[" LINE("item-a", 2, 0) "," LINE("item-b", 0, 1) "," LINE(
         "item-c", 3, 4) "," LINE("item-z", 1, 0) "]"),
     true, true, false, false, "it has a line that was not sent"},
    {CREATED("\"items\":[]"), false, false, false, false, ""},
    {CREATED("\"items\":[{}]"), true, true, true, false,
     "item item-a: sent 2+0, applied 0+0; item item-b: sent 0+1, applied 0+0; "
     "item item-c: sent 3+4, applied 0+0; it has a line that was not sent"},
    {CREATED("\"items\":\"none\""), true, false, false, false, "its items can't be read"},
};

START_TEST(what_was_applied_is_compared_with_what_was_sent)
{
    read_post(201, created_cases[_i].body);
    ck_assert_int_eq(result.outcome, PROVIDER_ACCEPTED);
    ck_assert_str_eq(result.mismatch, created_cases[_i].words);
    ck_assert_int_eq(result.is_mismatch, created_cases[_i].is_mismatch);
    ck_assert_int_eq(result.applied_more, created_cases[_i].applied_more);
    ck_assert_int_eq(result.applied_less, created_cases[_i].applied_less);
    ck_assert_int_eq(result.is_live_wrong, created_cases[_i].is_live_wrong);
}
END_TEST

START_TEST(a_fulfillment_id_that_does_not_fit_is_not_cut)
{
    char body[600];

    (void)snprintf(body, sizeof(body), "{\"id\":\"%0*d\",\"orderId\":\"ord_1\"}", 300, 1);
    read_post(201, body);
    ck_assert_int_eq(result.outcome, PROVIDER_UNKNOWN);
    ck_assert_str_eq(result.error_code, "id_too_long");
    ck_assert_str_eq(result.fulfillment_id, "");
}
END_TEST

static const struct {
    const char *parameter, *message;
    int item;
} named_cases[] = {
    {"items[2].quantity", "No.", 2},
    {"items[0]", "No.", 0},
    {"items.1", "No.", 1},
    {"items.1.itemId", "No.", 1},
    {"items[3].quantity", "No.", -1},
    {"items[99999999999]", "No.", -1},
    {"items[]", "No.", -1},
    {"items[1x]", "No.", -1},
    {"items", "No.", -1},
    {"itemId", "Resource 'item-b'  is already fulfilled", 1},
    {"", "Resource \\\"item-c\\\" is gone", 2},
    {"itemId", "Resource item-b is already fulfilled", -1},
    {"itemId", "Resource 'item-bb' is already fulfilled", -1},
    {"itemId", "Resource 'xitem-b' is already fulfilled", -1},
    {"itemId", "'item-bb' or 'item-b'", 1},
    {"itemId", "'item-a' and 'item-b'", -1},
    {"items[0]", "'item-b'", -1},
    {"items[1]", "'item-b'", 1},
    {"orderId", "Resource 'ord_1' is fulfilled.", -1},
};

START_TEST(the_one_line_that_an_error_names_is_found)
{
    char body[512];

    (void)snprintf(body, sizeof(body),
                   "{\"type\":\"conflict\",\"errors\":[{\"code\":\"x\",\"parameter\":\"%s\","
                   "\"message\":\"%s\"}]}",
                   named_cases[_i].parameter, named_cases[_i].message);
    read_post(409, body);
    ck_assert_int_eq(result.outcome, PROVIDER_REFUSED);
    ck_assert_int_eq(result.refused_item, named_cases[_i].item);
}
END_TEST

START_TEST(an_item_that_is_named_like_its_order_is_not_meant)
{
    struct provider_item items[] = {{.item_id = "same", .shipped = 1},
                                    {.item_id = "other", .shipped = 1}};
    struct provider_submission s = {
        .marker = MARKER, .order_id = "same", .items = items, .items_count = 2};
    struct http_answer answer = given_answer(
        409, ERROR_BODY("conflict", "order_fulfilled", "orderId", "'same' is fulfilled"));

    provider_read_post(provider, &s, &answer, &result);
    ck_assert_int_eq(result.refused_item, -1);
}
END_TEST

START_TEST(refusals_of_the_whole_order_are_known_as_such)
{
    read_post(409, CONFLICT("order_fulfilled"));
    ck_assert(result.is_order_wide);
    read_post(409, CONFLICT("item_fulfilled"));
    ck_assert(!result.is_order_wide);
    read_post(400, CONFLICT("order_fulfilled"));
    ck_assert(!result.is_order_wide);
    ck_assert(provider_is_order_wide(provider, "order_cancelled"));
    ck_assert(!provider_is_order_wide(provider, "quantity_too_large"));
    ck_assert(!provider_is_order_wide(provider, "never heard of"));
    ck_assert(!provider_is_order_wide(provider, NULL));
    ck_assert_int_eq(provider_code_outcome(provider, "item_cancelled"), PROVIDER_TAKEN);
    ck_assert_int_eq(provider_code_outcome(provider, "order_not_submitted"), PROVIDER_ORDER_WAITS);
    ck_assert_int_eq(provider_code_outcome(provider, "not_found"), PROVIDER_REFUSED);
    ck_assert_int_eq(provider_code_outcome(provider, NULL), PROVIDER_REFUSED);
}
END_TEST

START_TEST(error_texts_are_cleaned_and_cut)
{
    char body[3000];
    char long_text[1500];

    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    (void)snprintf(body, sizeof(body),
                   "{\"errors\":[{\"code\":\"a\\u001b[31mb\",\"message\":\"one\\ntwo %s\"}]}",
                   long_text);
    read_post(400, body);
    ck_assert_ptr_null(strchr(result.error_code, '\x1b'));
    ck_assert_int_eq(strncmp(result.error_message, "one two x", 9), 0);
    ck_assert_uint_eq(strlen(result.error_message), sizeof(result.error_message) - 1);
}
END_TEST

/* Whatever an answer is, it is read without harm, and nothing of a strange body is kept. */
START_TEST(strange_bodies_are_ordinary_input)
{
    static const char *const bodies[] = {
        "null",
        "7",
        "\"text\"",
        "[[[[",
        "{\"errors\":7}",
        "{\"errors\":[]}",
        "{\"errors\":[7,null]}",
        "{\"errors\":[{\"code\":7,\"message\":{},\"parameter\":[]}]}",
        "{\"errors\":{\"code\":\"x\"}}",
        "\xff\xfe",
        "{\"errors\":[{\"code\":\"\"}]}",
        "jane@example.com",
    };
    static const int statuses[] = {200, 201, 400, 403, 409, 500};

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        for (size_t k = 0; k < sizeof(statuses) / sizeof(statuses[0]); k++) {
            read_post(statuses[k], bodies[i]);
            ck_assert_int_ne(result.outcome, PROVIDER_ACCEPTED);
            ck_assert_int_eq(result.refused_item, -1);
            ck_assert_ptr_null(strstr(result.error_message, "jane"));
        }
    }
}
END_TEST

START_TEST(retry_after_is_obeyed_within_reason)
{
    struct http_answer answer = given_answer(429, NULL);

    provider_read_post(provider, &given, &answer, &result);
    ck_assert(result.has_retry_after); /* a 429 always waits */
    ck_assert_int_eq(result.retry_after_ms, 60000);
    answer.retry_after = "7";
    provider_read_post(provider, &given, &answer, &result);
    ck_assert_int_eq(result.retry_after_ms, 7000);
    answer.retry_after = "Mon, 23 Nov 2026 14:01:30 GMT";
    answer.date = "Mon, 23 Nov 2026 14:00:00 GMT";
    provider_read_post(provider, &given, &answer, &result);
    ck_assert_int_eq(result.retry_after_ms, 90000);

    answer = given_answer(503, NULL);
    provider_read_post(provider, &given, &answer, &result);
    ck_assert(!result.has_retry_after);
    answer.retry_after = "30";
    provider_read_post(provider, &given, &answer, &result);
    ck_assert(result.has_retry_after);
    ck_assert_int_eq(result.retry_after_ms, 30000);
    ck_assert_int_eq(result.outcome, PROVIDER_UNKNOWN);
}
END_TEST

static const struct {
    const char *header;
    int64_t ms;
} retry_cases[] = {
    {NULL, 60000},
    {"", 60000},
    {"0", 1000},
    {"1", 1000},
    {"600", 600000},
    {"601", 600000},
    {"999999999", 600000},
    {"99999999999999999999999999", 600000},
    {"-5", 60000},
    {"1.5", 60000},
    {"soon", 60000},
    {"Sun, 06 Nov 1994 08:49:47 GMT", 10000},
    {"Sun, 06 Nov 1994 08:49:37 GMT", 1000},
    {"Sun, 06 Nov 1990 08:49:37 GMT", 1000},
    {"Sun, 06 Nov 2094 08:49:37 GMT", 600000},
    {"Sun, 06 Nov 1994 08:49:47 CET", 60000},
    {"Sun, 36 Nov 1994 08:49:47 GMT", 60000},
    {"Sun, 06 Nox 1994 08:49:47 GMT", 60000},
    {"Sun, 06 ov  1994 08:49:47 GMT", 60000},
    {"Sux, 06 Nov 1994 08:49:47 GMT", 60000},
    {"Sun, 06 Nov 1994 08:4 :47 GMT", 60000},
    {"Sunday, 06-Nov-94 08:49:37 GMT", 60000},
};

START_TEST(retry_after_is_read_strictly)
{
    ck_assert_int_eq(provider_retry_after_ms(retry_cases[_i].header, INT64_C(784111777000)),
                     retry_cases[_i].ms);
}
END_TEST

/* A host whose clock is an hour off must not block the key for ten minutes, or not at all. */
START_TEST(a_date_to_wait_for_counts_from_the_clock_that_wrote_it)
{
    const int64_t sent_ms = INT64_C(784111777000);
    struct http_early early = {.status = 429,
                               .retry_after = "Sun, 06 Nov 1994 08:50:07 GMT",
                               .date = "Sun, 06 Nov 1994 08:49:37 GMT"};

    ck_assert_int_eq(provider_retry_after_early_ms(&early, sent_ms - 3600000), 30000);
    ck_assert_int_eq(provider_retry_after_early_ms(&early, sent_ms + 3600000), 30000);
    early.date[0] = '\0';
    ck_assert_int_eq(provider_retry_after_early_ms(&early, sent_ms + 10000), 20000);
    early.retry_after[0] = '\0';
    ck_assert_int_eq(provider_retry_after_early_ms(&early, sent_ms), 60000);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int
main(void)
{
    Suite *suite = suite_create("digitalriver read");
    TCase *tcase = tcase_create("answers");

    tcase_add_checked_fixture(tcase, given_set_up, given_tear_down);
    tcase_add_loop_test(tcase, an_answer_has_the_outcome_of_its_row, 0, COUNT(outcome_cases));
    tcase_add_test(tcase, a_failed_authorization_is_known_without_type_and_message);
    tcase_add_loop_test(tcase, without_an_answer_the_facts_decide, 0, COUNT(fact_cases));
    tcase_add_loop_test(tcase, what_was_applied_is_compared_with_what_was_sent, 0,
                        COUNT(created_cases));
    tcase_add_test(tcase, a_fulfillment_id_that_does_not_fit_is_not_cut);
    tcase_add_loop_test(tcase, the_one_line_that_an_error_names_is_found, 0, COUNT(named_cases));
    tcase_add_test(tcase, an_item_that_is_named_like_its_order_is_not_meant);
    tcase_add_test(tcase, refusals_of_the_whole_order_are_known_as_such);
    tcase_add_test(tcase, error_texts_are_cleaned_and_cut);
    tcase_add_test(tcase, strange_bodies_are_ordinary_input);
    tcase_add_test(tcase, retry_after_is_obeyed_within_reason);
    tcase_add_loop_test(tcase, retry_after_is_read_strictly, 0, COUNT(retry_cases));
    tcase_add_test(tcase, a_date_to_wait_for_counts_from_the_clock_that_wrote_it);
    suite_add_tcase(suite, tcase);
    return given_run(suite);
}
