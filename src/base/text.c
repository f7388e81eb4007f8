#include "base/text.h"

#include <assert.h>
#include <string.h>

static const char TEXT_REPLACEMENT[] = "\xef\xbf\xbd"; /* U+FFFD */

size_t
text_decode(const char *bytes, size_t count, uint32_t *code_point)
{
    const unsigned char *in = (const unsigned char *)bytes;
    uint32_t value;
    uint32_t least;
    size_t length;

    if (count == 0)
        return 0;
    if (in[0] < 0x80) {
        *code_point = in[0];
        return 1;
    }
    if (in[0] >= 0xc2 && in[0] <= 0xdf) {
        length = 2;
        least = 0x80;
        value = in[0] & 0x1fU;
    } else if (in[0] >= 0xe0 && in[0] <= 0xef) {
        length = 3;
        least = 0x800;
        value = in[0] & 0x0fU;
    } else if (in[0] >= 0xf0 && in[0] <= 0xf4) {
        length = 4;
        least = 0x10000;
        value = in[0] & 0x07U;
    } else {
        return 0;
    }
    if (count < length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((in[i] & 0xc0U) != 0x80)
            return 0;
        value = (value << 6) | (in[i] & 0x3fU);
    }
    if (value < least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code_point = value;
    return length;
}

/* How many bytes at the start are ASCII, looked at eight at a time: the last few may be left out.
 */
static size_t
text_ascii_bytes(const char *bytes, size_t count)
{
    size_t ascii = 0;
    uint64_t eight;

    while (count - ascii >= sizeof(eight)) {
        memcpy(&eight, bytes + ascii, sizeof(eight));
        if ((eight & 0x8080808080808080ULL) != 0)
            break;
        ascii += sizeof(eight);
    }
    return ascii;
}

bool
text_is_utf8(const void *bytes, size_t count)
{
    const char *at = bytes;
    uint32_t code_point;

    while (count > 0) {
        size_t length = text_ascii_bytes(at, count);

        if (length == 0)
            length = text_decode(at, count, &code_point);
        if (length == 0)
            return false;
        at += length;
        count -= length;
    }
    return true;
}

bool
text_is_unsafe(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7f && code_point <= 0x9f) ||
           code_point == 0x061c || (code_point >= 0x200e && code_point <= 0x200f) ||
           (code_point >= 0x2028 && code_point <= 0x202e) ||
           (code_point >= 0x2066 && code_point <= 0x2069) || code_point == 0xfeff;
}

void
text_copy_clean(char *out, size_t out_bytes, const char *in)
{
    size_t left;
    size_t used = 0;

    assert(out_bytes > 0);

    left = in == NULL ? 0 : strlen(in);
    while (left > 0) {
        uint32_t code_point = (unsigned char)*in;
        size_t length =
            code_point >= 0x20 && code_point < 0x7f ? 1 : text_decode(in, left, &code_point);
        size_t taken = length == 0 ? 1 : length;
        const char *piece = in;

        if (length == 0 || text_is_unsafe(code_point)) {
            bool is_space = code_point == '\t' || code_point == '\n' || code_point == '\r';

            piece = length != 0 && is_space ? " " : TEXT_REPLACEMENT;
            length = strlen(piece);
        }
        if (length >= out_bytes - used)
            break;
        memcpy(out + used, piece, length);
        used += length;
        in += taken;
        left -= taken;
    }
    out[used] = '\0';
}

bool
text_append_visible(struct buffer *buf, const char *in)
{
    size_t left = in == NULL ? 0 : strlen(in);

    while (left > 0) {
        uint32_t code_point = 0;
        size_t length = text_decode(in, left, &code_point);

        if (length == 0) {
            (void)buffer_printf(buf, "\\x{%02x}", (unsigned char)*in);
            length = 1;
        } else if (code_point == '\n') {
            (void)buffer_puts(buf, "\\n");
        } else if (code_point == '\t') {
            (void)buffer_puts(buf, "\\t");
        } else if (code_point == '\r') {
            (void)buffer_puts(buf, "\\r");
        } else if (text_is_unsafe(code_point)) {
            (void)buffer_printf(buf, "\\u{%x}", (unsigned)code_point);
        } else {
            (void)buffer_append(buf, in, length);
        }
        in += length;
        left -= length;
    }
    return !buf->is_failed;
}

void
text_trim_cut(char *text)
{
    size_t count = strlen(text);
    size_t back = 0;
    uint32_t code_point;

    /* The lead byte of the last character is at most four bytes from the end. */
    while (back < count && back < 4) {
        unsigned char c = (unsigned char)text[count - 1 - back];

        back++;
        if ((c & 0xc0U) != 0x80)
            break;
    }
    if (back == 0 || text_decode(text + count - back, back, &code_point) == back)
        return;
    /* Only a cut: a lead byte that promises more than follows. Anything else was bad before. */
    if ((unsigned char)text[count - back] >= 0xc2 && (unsigned char)text[count - back] <= 0xf4)
        text[count - back] = '\0';
}

bool
text_dup(const char *text, char **out)
{
    *out = text != NULL ? strdup(text) : NULL;
    return text == NULL || *out != NULL;
}
