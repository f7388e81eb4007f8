#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "json/json.h"

enum { JSON_INT_BYTES = 20 }; /* "-9223372036854775808" */

void
json_write_init(struct json_writer *w, struct buffer *buf)
{
    *w = (struct json_writer){.buf = buf};
}

/* How many bytes at the start stand for themselves; nearly always all of them. */
static size_t
json_plain_bytes(const char *text, size_t count)
{
    size_t plain = 0;

    while (plain < count && (unsigned char)text[plain] >= 0x20 &&
           (unsigned char)text[plain] < 0x7f && text[plain] != '"' && text[plain] != '\\')
        plain++;
    return plain;
}

static void
json_write_quoted(struct buffer *buf, const char *text)
{
    size_t left = strlen(text);

    (void)buffer_putc(buf, '"');
    while (left > 0) {
        uint32_t code_point = 0;
        size_t length = json_plain_bytes(text, left);

        if (length > 0) {
            (void)buffer_append(buf, text, length);
            text += length;
            left -= length;
            continue;
        }
        length = text_decode(text, left, &code_point);
        if (length == 0) {
            (void)buffer_puts(buf, "\xef\xbf\xbd");
            length = 1;
        } else if (code_point == '"' || code_point == '\\') {
            (void)buffer_putc(buf, '\\');
            (void)buffer_putc(buf, *text);
        } else if (code_point < 0x20 || code_point == 0x7f) {
            (void)buffer_printf(buf, "\\u%04x", (unsigned)code_point);
        } else {
            (void)buffer_append(buf, text, length);
        }
        text += length;
        left -= length;
    }
    (void)buffer_putc(buf, '"');
}

static void
json_write_start(struct json_writer *w, const char *key)
{
    if (w->needs_comma[w->depth])
        (void)buffer_putc(w->buf, ',');
    w->needs_comma[w->depth] = true;
    if (key != NULL) {
        json_write_quoted(w->buf, key);
        (void)buffer_putc(w->buf, ':');
    }
}

static void
json_write_open(struct json_writer *w, const char *key, char bracket)
{
    int depth_max = (int)(sizeof(w->needs_comma) / sizeof(w->needs_comma[0])) - 1;

    assert(w->depth < depth_max);

    json_write_start(w, key);
    (void)buffer_putc(w->buf, bracket);
    w->depth++;
    w->needs_comma[w->depth] = false;
}

static void
json_write_close(struct json_writer *w, char bracket)
{
    assert(w->depth > 0);

    w->depth--;
    (void)buffer_putc(w->buf, bracket);
}

void
json_write_object(struct json_writer *w, const char *key)
{
    json_write_open(w, key, '{');
}

void
json_write_end_object(struct json_writer *w)
{
    json_write_close(w, '}');
}

void
json_write_array(struct json_writer *w, const char *key)
{
    json_write_open(w, key, '[');
}

void
json_write_end_array(struct json_writer *w)
{
    json_write_close(w, ']');
}

void
json_write_text(struct json_writer *w, const char *key, const char *value)
{
    if (value == NULL) {
        json_write_null(w, key);
        return;
    }
    json_write_start(w, key);
    json_write_quoted(w->buf, value);
}

void
json_write_int(struct json_writer *w, const char *key, int64_t value)
{
    char text[JSON_INT_BYTES];
    char *at = text + sizeof(text);
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    /* By hand: there are several in each request and settlement, and printf is a tenth of either.
     */
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        *--at = '-';
    json_write_start(w, key);
    (void)buffer_append(w->buf, at, (size_t)(text + sizeof(text) - at));
}

void
json_write_number(struct json_writer *w, const char *key, double value)
{
    char text[32];

    if (!isfinite(value)) {
        json_write_null(w, key);
        return;
    }
    /* 12.34 should not become 12.339999999999999858; 17 digits only where 15 aren't enough. */
    (void)snprintf(text, sizeof(text), "%.15g", value);
    if (strtod(text, NULL) < value || strtod(text, NULL) > value)
        (void)snprintf(text, sizeof(text), "%.17g", value);
    json_write_raw(w, key, text);
}

void
json_write_bool(struct json_writer *w, const char *key, bool value)
{
    json_write_raw(w, key, value ? "true" : "false");
}

void
json_write_null(struct json_writer *w, const char *key)
{
    json_write_raw(w, key, "null");
}

void
json_write_raw(struct json_writer *w, const char *key, const char *json)
{
    json_write_start(w, key);
    (void)buffer_puts(w->buf, json);
}
