/*
 * Header lines as libcurl hands them over: status line, Retry-After, request id, date, type.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "http/slot.h"
#include "provider/provider.h"

static void
must_be_printable(const char *text, size_t bytes_max)
{
    size_t count = strnlen(text, bytes_max);

    FUZZ_MUST(count < bytes_max);
    for (size_t i = 0; i < count; i++)
        FUZZ_MUST(text[i] >= 0x20 && text[i] < 0x7f);
}

static void
look_at_reply(const struct slot *slot)
{
    const struct slot_reply *reply = &slot->reply;
    int64_t ms = 0;

    FUZZ_MUST(slot->status == 0 || (slot->status >= 100 && slot->status <= 999));
    if (reply->has_request_id)
        must_be_printable(reply->request_id, sizeof(reply->request_id));
    if (reply->has_date) {
        must_be_printable(reply->date, sizeof(reply->date));
        (void)provider_http_date_ms(reply->date, &ms);
    }
    if (reply->has_retry_after) {
        must_be_printable(reply->retry_after, sizeof(reply->retry_after));
        ms = provider_retry_after_ms(reply->retry_after, INT64_C(1795444800000));
        FUZZ_MUST(ms >= 1000 && ms <= 600000);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct slot slot = {0};

    while (count > 0) {
        const uint8_t *end = memchr(bytes, '\n', count);
        size_t line_bytes = end == NULL ? count : (size_t)(end - bytes) + 1;
        char *line = malloc(line_bytes); /* without a NUL, since none is promised */

        FUZZ_MUST(line != NULL);
        memcpy(line, bytes, line_bytes);
        if (slot_take_header(&slot, line, line_bytes) != line_bytes) {
            FUZZ_MUST(slot.is_oversize);
            free(line);
            break;
        }
        look_at_reply(&slot);
        free(line);
        bytes += line_bytes;
        count -= line_bytes;
    }
    return 0;
}
