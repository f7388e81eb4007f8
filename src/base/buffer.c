#include "base/buffer.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_FIRST_BYTES = 64 };

void
buffer_init(struct buffer *buf, size_t bytes_max)
{
    assert(bytes_max < SIZE_MAX / 4);

    *buf = (struct buffer){.bytes_max = bytes_max};
}

static bool
buffer_fail(struct buffer *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->used = 0;
    buf->capacity = 0;
    buf->is_failed = true;
    return false;
}

/* Room for count more bytes and the NUL. */
static bool
buffer_grow(struct buffer *buf, size_t count)
{
    size_t capacity = buf->capacity == 0 ? BUFFER_FIRST_BYTES : buf->capacity;
    char *data;

    /* A capacity never passes the bound, and a failed buffer has none. */
    if (count < buf->capacity - buf->used)
        return true;
    if (buf->is_failed)
        return false;
    if (count > buf->bytes_max - buf->used)
        return buffer_fail(buf);
    while (capacity <= buf->used + count)
        capacity *= 2;
    if (capacity > buf->bytes_max + 1)
        capacity = buf->bytes_max + 1;
    data = realloc(buf->data, capacity);
    if (data == NULL)
        return buffer_fail(buf);
    data[buf->used] = '\0';
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

bool
buffer_append(struct buffer *buf, const void *bytes, size_t count)
{
    if (!buffer_grow(buf, count))
        return false;
    if (count > 0)
        memcpy(buf->data + buf->used, bytes, count);
    buf->used += count;
    buf->data[buf->used] = '\0';
    return true;
}

bool
buffer_puts(struct buffer *buf, const char *text)
{
    return buffer_append(buf, text, strlen(text));
}

bool
buffer_putc(struct buffer *buf, char c)
{
    if (!buffer_grow(buf, 1))
        return false;
    buf->data[buf->used++] = c;
    buf->data[buf->used] = '\0';
    return true;
}

bool
buffer_printf(struct buffer *buf, const char *fmt, ...)
{
    va_list args;
    bool ok;

    va_start(args, fmt);
    ok = buffer_vprintf(buf, fmt, args);
    va_end(args);
    return ok;
}

bool
buffer_vprintf(struct buffer *buf, const char *fmt, va_list args)
{
    va_list again;
    size_t room = buf->capacity - buf->used;
    int length;

    if (buf->is_failed)
        return false;
    va_copy(again, args);
    length = vsnprintf(room == 0 ? NULL : buf->data + buf->used, room, fmt, again);
    va_end(again);
    if (length < 0)
        return buffer_fail(buf);
    if ((size_t)length >= room) { /* cut: again with room for all of it */
        if (!buffer_grow(buf, (size_t)length))
            return false;
        (void)vsnprintf(buf->data + buf->used, (size_t)length + 1, fmt, args);
    }
    buf->used += (size_t)length;
    return true;
}

void
buffer_reset(struct buffer *buf)
{
    buf->used = 0;
    buf->is_failed = false;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

void
buffer_free(struct buffer *buf)
{
    free(buf->data);
    *buf = (struct buffer){.bytes_max = buf->bytes_max};
}

const char *
buffer_text(const struct buffer *buf)
{
    return buf->data == NULL ? "" : buf->data;
}

char *
buffer_take(struct buffer *buf)
{
    char *text = NULL;

    if (!buf->is_failed && buffer_grow(buf, 0)) {
        text = buf->data;
        buf->data = NULL;
    }
    buffer_free(buf);
    return text;
}
