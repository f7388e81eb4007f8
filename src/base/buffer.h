/*
 * buffer — bytes that grow up to a bound.
 *
 * Born with its maximum; passing it (or running out of memory) fails the
 * append, frees the content and marks the buffer failed, so that a caller may
 * append many times and look once. The content is always NUL-terminated.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct buffer {
    char *data; /* NULL while empty */
    size_t used;
    size_t capacity;
    size_t bytes_max;
    bool is_failed;
};

/* bytes_max counts content only, without the NUL. Nothing is allocated yet. */
void buffer_init(struct buffer *buf, size_t bytes_max);
bool buffer_append(struct buffer *buf, const void *bytes, size_t count);
bool buffer_puts(struct buffer *buf, const char *text);
bool buffer_putc(struct buffer *buf, char c);
bool buffer_printf(struct buffer *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool buffer_vprintf(struct buffer *buf, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
void buffer_reset(struct buffer *buf); /* empty, keeps the memory and clears is_failed */
void buffer_free(struct buffer *buf);  /* may be used again after buffer_init */

/* Content as a string, "" when empty or failed; valid until the next change. */
const char *buffer_text(const struct buffer *buf);

/* Take the string out; the caller frees it. NULL when failed. Never NULL for an empty buffer. */
char *buffer_take(struct buffer *buf);

#endif
