#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "pg/internal.h"

void
pg_array_begin(struct buffer *buf)
{
    (void)buffer_putc(buf, '{');
}

static void
pg_array_separate(struct buffer *buf)
{
    if (buf->used > 0 && buf->data[buf->used - 1] != '{')
        (void)buffer_putc(buf, ',');
}

void
pg_array_text(struct buffer *buf, const char *value)
{
    pg_array_separate(buf);
    if (value == NULL) {
        (void)buffer_puts(buf, "NULL");
        return;
    }
    (void)buffer_putc(buf, '"');
    for (const char *rest = value; *rest != '\0';) {
        size_t plain = strcspn(rest, "\"\\");

        (void)buffer_append(buf, rest, plain);
        rest += plain;
        if (*rest != '\0') {
            (void)buffer_putc(buf, '\\');
            (void)buffer_putc(buf, *rest++);
        }
    }
    (void)buffer_putc(buf, '"');
}

void
pg_array_int(struct buffer *buf, int64_t value)
{
    pg_array_separate(buf);
    (void)buffer_printf(buf, "%lld", (long long)value);
}

void
pg_array_end(struct buffer *buf)
{
    (void)buffer_putc(buf, '}');
}

/* Puts text between two quotes and doubles the characters of `doubled`. */
static char *
pg_quote(const char *text, const char *open, char close, const char *doubled)
{
    size_t bytes = 2 * strlen(text) + strlen(open) + 2;
    char *out = malloc(bytes);
    char *end = out;

    if (out == NULL)
        return NULL;
    end += snprintf(out, bytes, "%s", open);
    for (; *text != '\0'; text++) {
        if (strchr(doubled, *text) != NULL)
            *end++ = *text;
        *end++ = *text;
    }
    *end++ = close;
    *end = '\0';
    return out;
}

char *
pg_quote_identifier(const char *name)
{
    return pg_quote(name, "\"", '"', "\"");
}

char *
pg_quote_literal(const char *text)
{
    /* The E form means the same whatever standard_conforming_strings says. */
    return pg_quote(text, strchr(text, '\\') != NULL ? "E'" : "'", '\'', "'\\");
}

void
pg_first_line(const char *text, char *out, size_t out_bytes)
{
    size_t length;

    text += strspn(text, " \t\r\n");
    length = strcspn(text, "\r\n");
    while (length > 0 && text[length - 1] == ' ')
        length--;
    (void)snprintf(out, out_bytes, "%.*s", (int)length, text);
    /* The server quotes values in full, and is given this text to keep. */
    text_trim_cut(out);
}

const char *
pg_library_version(void)
{
    static char version[32];
    int number = PQlibVersion();

    (void)snprintf(version, sizeof(version), "%d.%d", number / 10000, number % 10000);
    return version;
}

void
pg_int_text(char out[PG_INT_BYTES], int64_t value)
{
    (void)snprintf(out, PG_INT_BYTES, "%lld", (long long)value);
}
