#include "sandbox/members.h"

#include <string.h>

static void
members_skip_space(struct members *walk)
{
    while (walk->at < walk->end && (*walk->at == ' ' || *walk->at == '\t' || *walk->at == '\n' ||
                                    *walk->at == '\r' || *walk->at == ','))
        walk->at++;
}

/* at is on the opening quote; leaves it behind the closing one. */
static void
members_skip_string(struct members *walk)
{
    walk->at++;
    while (walk->at < walk->end && *walk->at != '"')
        walk->at += *walk->at == '\\' && walk->at + 1 < walk->end ? 2 : 1;
    if (walk->at < walk->end)
        walk->at++;
}

static void
members_skip_value(struct members *walk)
{
    int depth = 0;

    while (walk->at < walk->end) {
        char c = *walk->at;

        if (c == '"') {
            members_skip_string(walk);
            if (depth == 0)
                return;
            continue;
        }
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return; /* the end of what holds a number or a word */
            if (--depth == 0) {
                walk->at++;
                return;
            }
        } else if (depth == 0 && (c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t')) {
            return;
        }
        walk->at++;
    }
}

void
members_begin(struct members *walk, const char *text, size_t bytes)
{
    walk->at = text;
    walk->end = text + bytes;
    members_skip_space(walk);
    if (walk->at < walk->end && (*walk->at == '{' || *walk->at == '[')) {
        walk->is_object = *walk->at == '{';
        walk->at++;
    } else {
        walk->at = walk->end;
        walk->is_object = false;
    }
}

bool
members_next(struct members *walk, struct member *out)
{
    memset(out, 0, sizeof(*out));
    members_skip_space(walk);
    if (walk->at >= walk->end || *walk->at == '}' || *walk->at == ']')
        return false;
    if (walk->is_object) {
        if (*walk->at != '"')
            return false;
        out->key = walk->at + 1;
        members_skip_string(walk);
        out->key_bytes = (size_t)(walk->at - out->key) - 1;
        members_skip_space(walk);
        if (walk->at < walk->end && *walk->at == ':')
            walk->at++;
        members_skip_space(walk);
    }
    out->value = walk->at;
    members_skip_value(walk);
    out->value_bytes = (size_t)(walk->at - out->value);
    return out->value_bytes > 0;
}

bool
member_is(const struct member *member, const char *key)
{
    size_t bytes = strlen(key);

    return member->key != NULL && member->key_bytes == bytes &&
           memcmp(member->key, key, bytes) == 0;
}

bool
member_is_null(const struct member *member)
{
    return member->value_bytes == 4 && memcmp(member->value, "null", 4) == 0;
}

size_t
members_string_length(const char *raw, size_t bytes)
{
    size_t length = 0;

    for (size_t i = 0; i < bytes; i++) {
        if (raw[i] == '\\')
            i += i + 1 < bytes && raw[i + 1] == 'u' ? 5 : 1;
        else if (((unsigned char)raw[i] & 0xc0) == 0x80)
            continue; /* inside a character of several bytes */
        length++;
    }
    return length;
}

void
members_put(struct buffer *buf, const struct member *member)
{
    if (buf->used > 0 && buf->data[buf->used - 1] != '{')
        (void)buffer_putc(buf, ',');
    (void)buffer_putc(buf, '"');
    (void)buffer_append(buf, member->key, member->key_bytes);
    (void)buffer_puts(buf, "\":");
    (void)buffer_append(buf, member->value, member->value_bytes);
}

static bool
members_has(const char *text, size_t bytes, const struct member *like)
{
    struct members walk;
    struct member member;

    members_begin(&walk, text, bytes);
    while (members_next(&walk, &member))
        if (member.key_bytes == like->key_bytes &&
            memcmp(member.key, like->key, like->key_bytes) == 0)
            return true;
    return false;
}

void
members_merge(struct buffer *buf, const char *old_text, const char *new_text, size_t new_bytes,
              bool is_empty_delete)
{
    struct members walk;
    struct member member;

    (void)buffer_putc(buf, '{');
    members_begin(&walk, old_text == NULL ? "" : old_text, old_text == NULL ? 0 : strlen(old_text));
    while (members_next(&walk, &member))
        if (!members_has(new_text, new_bytes, &member))
            members_put(buf, &member);
    members_begin(&walk, new_text, new_bytes);
    while (members_next(&walk, &member)) {
        if (member_is_null(&member))
            continue;
        if (is_empty_delete && member.value_bytes == 2 && member.value[0] == '"')
            continue;
        members_put(buf, &member);
    }
    (void)buffer_putc(buf, '}');
}
