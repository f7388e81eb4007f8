/*
 * members — walk over an object's members, or an array's elements, as raw JSON text.
 *
 * For text that json_parse has accepted: it knows nothing of errors, it only never
 * leaves the text. Needed where the names of the members matter (metadata, fields
 * that the API doesn't know) and where a value is to be given back as it came.
 */
#ifndef SANDBOX_MEMBERS_H
#define SANDBOX_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

struct members {
    const char *at;
    const char *end;
    bool is_object;
};

struct member {
    const char *key; /* raw, without the quotes; NULL in an array */
    size_t key_bytes;
    const char *value; /* raw */
    size_t value_bytes;
};

/* text is one object or array; anything else has no members. */
void members_begin(struct members *walk, const char *text, size_t bytes);
bool members_next(struct members *walk, struct member *out);

bool member_is(const struct member *member, const char *key);
bool member_is_null(const struct member *member);

/* Characters of a raw string; an escape is one. */
size_t members_string_length(const char *raw, size_t bytes);

/* Append `"key":value` with a comma when the object in buf isn't empty ('{' alone). */
void members_put(struct buffer *buf, const struct member *member);

/* Write the object old changed by new: its members replace or add; null, and "" too when
 * is_empty_delete, remove. old may be NULL. */
void members_merge(struct buffer *buf, const char *old_text, const char *new_text, size_t new_bytes,
                   bool is_empty_delete);

#endif
