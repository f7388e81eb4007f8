/*
 * Text of the warehouse and of the API on its way to a terminal, a log or the database.
 */
#include <string.h>

#include "base/text.h"
#include "fuzz/fuzz.h"

static void
must_be_safe(const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        uint32_t code_point = 0;
        size_t length = text_decode(text, left, &code_point);

        FUZZ_MUST(length > 0 && !text_is_unsafe(code_point));
        text += length;
        left -= length;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct buffer shown;
    char *text = malloc(count + 1);
    char cut[64];

    FUZZ_MUST(text != NULL);
    memcpy(text, bytes, count);
    text[count] = '\0';
    buffer_init(&shown, 16 * count + 16);
    FUZZ_MUST(text_append_visible(&shown, text));
    must_be_safe(buffer_text(&shown));
    buffer_free(&shown);

    for (size_t room = 1; room <= sizeof(cut); room++) {
        text_copy_clean(cut, room, text);
        FUZZ_MUST(strlen(cut) < room);
        must_be_safe(cut);
    }
    (void)snprintf(cut, sizeof(cut), "%s", text);
    text_trim_cut(cut);
    if (text_is_utf8(text, strlen(text)))
        FUZZ_MUST(text_is_utf8(cut, strlen(cut)));
    free(text);
    return 0;
}
