/*
 * text — UTF-8 from outside made fit for the database, a log line or a terminal.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Bytes of the first character and its code point; 0 when it is no valid UTF-8 (overlong forms,
 * surrogates and everything above U+10FFFF are none) or count is 0. A NUL byte is a character of
 * one byte. */
size_t text_decode(const char *bytes, size_t count, uint32_t *code_point);

bool text_is_utf8(const void *bytes, size_t count);

/* Control characters (C0, DEL, C1), and the invisible ones that reorder or break lines (bidi,
 * U+2028..9). */
bool text_is_unsafe(uint32_t code_point);

/* Always NUL-terminated, valid UTF-8, one line, cut at a character's end. Tab and line ends become
 * a space, other unsafe characters and each invalid byte U+FFFD. PostgreSQL takes the result as
 * text. out_bytes at least 1. in may be NULL: "". */
void text_copy_clean(char *out, size_t out_bytes, const char *in);

/* For people: unsafe characters are shown, as \n, \t or \u{1b}, and invalid bytes as \x{ff};
 * nothing is lost. A backslash stays one, so this can't be read back. NULL appends nothing. */
bool text_append_visible(struct buffer *buf, const char *in);

/* NULL stays NULL. False: no memory, and *out is NULL. */
bool text_dup(const char *text, char **out);

/* Drops a character that was cut off at the end of a string; vsnprintf cuts between bytes. */
void text_trim_cut(char *text);

#endif
