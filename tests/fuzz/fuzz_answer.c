/*
 * The API's answers. The first byte says which question was asked, the second what the status was
 * and how the answer ended, the rest is the body.
 */
#include <string.h>

#include "base/text.h"
#include "fuzz/fuzz.h"
#include "provider/provider.h"

static const int STATUSES[] = {200, 201, 202, 204, 301, 400, 401, 403, 404, 405, 408,
                               409, 413, 422, 429, 500, 502, 503, 504, 600, 0};

static const struct provider_item ITEMS[] = {
    {.item_id = "item-a", .shipped = 2, .cancelled = 0},
    {.item_id = "item-b", .shipped = 0, .cancelled = 1},
};

static const struct provider_submission SUBMISSION = {
    .marker = "7d3f0b1c-5a52-4b7e-9d5e-0a1b2c3d4e5f",
    .order_id = "ord_1",
    .items = ITEMS,
    .items_count = 2,
};

static const struct provider *
the_provider(void)
{
    static const struct provider_options options = {
        .base_url = "https://api.example.com",
        .version = "2021-12-13",
        .instance = "11111111-2222-3333-4444-555555555555",
        .application = "waybill/fuzz",
    };
    static struct provider *provider;
    struct error err = {0};

    if (provider == NULL)
        FUZZ_MUST(provider_new(&provider, "digitalriver", &options, &err));
    return provider;
}

/* What is stored or shown: PostgreSQL takes it as text, and a terminal can be shown it. */
static void
must_be_clean(const char *text, size_t bytes_max)
{
    size_t left = strnlen(text, bytes_max);

    FUZZ_MUST(left < bytes_max);
    while (left > 0) {
        uint32_t code_point = 0;
        size_t length = text_decode(text, left, &code_point);

        FUZZ_MUST(length > 0 && !text_is_unsafe(code_point));
        text += length;
        left -= length;
    }
}

/* Ids come through as they are, as long as they are text. */
static void
must_be_text(const char *text, size_t bytes_max)
{
    size_t count = strnlen(text, bytes_max);

    FUZZ_MUST(count < bytes_max && text_is_utf8(text, count));
}

static void
try_post(const struct http_answer *answer)
{
    struct provider_result result = {0};
    bool is_whole = answer->fact == HTTP_ANSWERED;

    provider_read_post(the_provider(), &SUBMISSION, answer, &result);
    must_be_clean(result.error_code, sizeof(result.error_code));
    must_be_clean(result.error_parameter, sizeof(result.error_parameter));
    must_be_clean(result.error_message, sizeof(result.error_message));
    must_be_clean(result.mismatch, sizeof(result.mismatch));
    must_be_text(result.fulfillment_id, sizeof(result.fulfillment_id));
    /* Money: accepted only with an id, and what may have been applied is never called refused. */
    if (result.outcome == PROVIDER_ACCEPTED)
        FUZZ_MUST(is_whole && answer->status == 201 && result.fulfillment_id[0] != '\0');
    if (!is_whole || answer->status < 300 || answer->status >= 500 || answer->status == 408)
        FUZZ_MUST(result.outcome == PROVIDER_ACCEPTED || result.outcome == PROVIDER_UNKNOWN);
    FUZZ_MUST(result.refused_item >= -1 && result.refused_item < SUBMISSION.items_count);
    if (result.has_retry_after)
        FUZZ_MUST(result.retry_after_ms >= 1000 && result.retry_after_ms <= 600000);
}

static void
try_fulfillments(const struct http_answer *answer, bool is_one)
{
    struct provider_fulfillments list = {0};
    struct provider_answer how = {0};

    if (is_one)
        provider_read_fulfillment(the_provider(), answer, &list, &how);
    else
        provider_read_fulfillments(the_provider(), answer, &list, &how);
    must_be_clean(how.error, sizeof(how.error));
    FUZZ_MUST(how.read == PROVIDER_READ_OK ? answer->status == 200 : list.count == 0);
    for (int i = 0; i < list.count; i++) {
        must_be_text(list.list[i].fulfillment_id, sizeof(list.list[i].fulfillment_id));
        must_be_text(list.list[i].order_id, sizeof(list.list[i].order_id));
        must_be_text(list.list[i].marker, sizeof(list.list[i].marker));
        for (int k = 0; k < list.list[i].items_count; k++)
            FUZZ_MUST(list.list[i].items[k].shipped >= 0 && list.list[i].items[k].cancelled >= 0);
    }
    provider_fulfillments_free(&list);
}

static void
try_orders(const struct http_answer *answer)
{
    struct provider_orders list = {0};
    struct provider_answer how = {0};

    provider_read_orders(the_provider(), answer, &list, &how);
    must_be_clean(how.error, sizeof(how.error));
    FUZZ_MUST(how.read == PROVIDER_READ_OK ? answer->status == 200 : list.count == 0);
    for (int i = 0; i < list.count; i++) {
        must_be_text(list.list[i].order_id, sizeof(list.list[i].order_id));
        must_be_text(list.list[i].state, sizeof(list.list[i].state));
    }
    provider_orders_free(&list);
}

static void
try_events(const struct http_answer *answer)
{
    struct provider_events list = {0};
    struct provider_answer how = {0};

    provider_read_events(the_provider(), answer, "evt_1", &list, &how);
    must_be_clean(how.error, sizeof(how.error));
    FUZZ_MUST(how.read == PROVIDER_READ_OK ? answer->status == 200 : list.count == 0);
    for (int i = 0; i < list.count; i++) {
        FUZZ_MUST(list.list[i].event_id[0] != '\0' && list.list[i].what != NULL);
        must_be_text(list.list[i].event_id, sizeof(list.list[i].event_id));
        must_be_text(list.list[i].order_id, sizeof(list.list[i].order_id));
    }
    provider_events_free(&list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct http_answer answer = {.fact = HTTP_ANSWERED, .is_sent = true};
    struct provider_answer how = {0};
    char *body;

    if (count < 2)
        return 0;
    answer.status = STATUSES[(bytes[1] & 0x3f) % (sizeof(STATUSES) / sizeof(STATUSES[0]))];
    answer.is_json = (bytes[1] & 0x40) == 0;
    if ((bytes[1] & 0x80) != 0) {
        answer.fact = HTTP_BROKEN;
        answer.phase = HTTP_PHASE_READING;
        (void)snprintf(answer.error, sizeof(answer.error), "reading the answer: cut");
    }
    answer.body_bytes = count - 2;
    body = malloc(count - 1); /* its NUL is promised */
    FUZZ_MUST(body != NULL);
    memcpy(body, bytes + 2, count - 2);
    body[count - 2] = '\0';
    answer.body = body;
    switch (bytes[0] % 6) {
    case 0:
        try_post(&answer);
        break;
    case 1:
        try_fulfillments(&answer, false);
        break;
    case 2:
        try_fulfillments(&answer, true);
        break;
    case 3:
        try_orders(&answer);
        break;
    case 4:
        try_events(&answer);
        break;
    default:
        provider_read_plain(the_provider(), &answer, &how);
        must_be_clean(how.error, sizeof(how.error));
        break;
    }
    free(body);
    return 0;
}
