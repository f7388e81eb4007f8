/*
 * json — typed reading with the path in every error, and writing.
 *
 * Owns cJSON. Reading is tolerant of what is not asked for and strict about
 * what is: a missing field, a wrong type or a fraction where an integer is
 * meant is ERROR_PARSE with a path like `data[3].items[0].quantity`.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct json_doc;   /* a parsed document; owns all of its values */
struct json_value; /* a place inside a document; valid as long as the document */

/* bytes need not be NUL-terminated. Refuses: not UTF-8, NUL bytes or \u0000, half of a surrogate
 * pair, nesting above 64, trailing text, more than a million values. No message holds a byte of the
 * text itself. */
bool json_parse(const char *bytes, size_t count, struct json_doc **out, struct error *err);
/* The same, but an escape that names no character (\u0000, half of a surrogate pair) is read as
 * U+FFFD: others write what we are told, and one text of theirs that was cut in the middle of a
 * character must not hide all that stands around it. */
bool json_parse_mended(const char *bytes, size_t count, struct json_doc **out, struct error *err);
void json_free(struct json_doc *doc); /* NULL is fine */
const struct json_value *json_root(const struct json_doc *doc);

bool json_is_object(const struct json_value *value);
bool json_is_array(const struct json_value *value);
int json_count(const struct json_value *array); /* 0 for anything else */
const struct json_value *json_at(const struct json_value *array, int index);

/* A loop over a large array: first, then next; NULL at the end. Linear, unlike json_at.
 * Walks the members of an object too; json_key names them (NULL for an element of an array). */
const struct json_value *json_first(const struct json_value *array);
const struct json_value *json_next(const struct json_value *value);
const char *json_key(const struct json_value *member);

/* NULL when absent or JSON null; case-sensitive; NULL value is fine. */
const struct json_value *json_get(const struct json_value *object, const char *key);

/* Optional text: the string, or NULL when absent, null or not a string. */
const char *json_text(const struct json_value *object, const char *key);

/* Optional values: false when absent, null, or of another type. A whole number may come as 2, 2.0
 * or "2"; from 2^53 on a number may already have lost digits, so that json_int refuses it. */
bool json_int(const struct json_value *object, const char *key, int64_t *out);
bool json_bool(const struct json_value *object, const char *key, bool *out);
bool json_number(const struct json_value *object, const char *key, double *out);

/* "object", "array", "text", "number", "boolean", "null"; "nothing" for a NULL value. */
const char *json_kind(const struct json_value *value);

/* The string value itself (elements of arrays of text); NULL when not a string. */
const char *json_as_text(const struct json_value *value);

/* Required ones: false with ERROR_PARSE naming `path.key`, what was expected and what was found. */
bool json_need_text(const struct json_value *object, const char *path, const char *key,
                    const char **out, struct error *err);
bool json_need_int(const struct json_value *object, const char *path, const char *key, int64_t *out,
                   struct error *err);

/* "1.7.15" */
const char *json_library_version(void);

/* Writing: text appended to a buffer; commas are the caller's loop's business only through these.
 * Text is escaped, and what is no UTF-8 becomes U+FFFD, so that the result always is; a number that
 * is none (NaN, infinite) becomes null. Depth is at most 31: more is our own mistake and asserted.
 * Failure is the buffer's. */
struct json_writer {
    struct buffer *buf;
    int depth;
    bool needs_comma[32];
};

void json_write_init(struct json_writer *w, struct buffer *buf);
void json_write_object(struct json_writer *w,
                       const char *key); /* key NULL inside arrays and at the top */
void json_write_end_object(struct json_writer *w);
void json_write_array(struct json_writer *w, const char *key);
void json_write_end_array(struct json_writer *w);
void json_write_text(struct json_writer *w, const char *key,
                     const char *value); /* NULL writes null */
void json_write_int(struct json_writer *w, const char *key, int64_t value);
void json_write_number(struct json_writer *w, const char *key, double value);
void json_write_bool(struct json_writer *w, const char *key, bool value);
void json_write_null(struct json_writer *w, const char *key);
void json_write_raw(struct json_writer *w, const char *key, const char *json); /* already JSON */

#endif
