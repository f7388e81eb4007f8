#include "json/scan.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    JSON_NUMBER_BYTES_MAX = 63, /* cJSON copies so many characters of a number and stumbles over
                                   the rest */
    JSON_ESCAPE_BYTES = 6,      /* of \uXXXX */
};

static bool
json_scan_refuse(const char *what, const char *at, const char *bytes, struct error *err)
{
    return error_set(err, ERROR_PARSE, "not usable JSON: %s at byte %zu", what,
                     (size_t)(at - bytes) + 1);
}

static bool
json_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
json_is_hex(char c)
{
    return json_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* at is on the backslash; cJSON takes a \u whose four digits are none for some character. */
static bool
json_scan_escape(const char *at, const char *end, const char *bytes, struct error *err)
{
    int digits = 0;

    if (end - at < 2 || at[1] != 'u')
        return true; /* cJSON knows the short ones */
    while (digits < 4 && at + 2 + digits < end && json_is_hex(at[2 + digits]))
        digits++;
    if (digits < 4)
        return json_scan_refuse("\\u without four hexadecimal digits", at, bytes, err);
    if (memcmp(at + 2, "0000", 4) == 0)
        return json_scan_refuse("\\u0000", at, bytes, err);
    return true;
}

/* at is behind the opening quote; the result is behind the closing one, or NULL with err set. */
static const char *
json_scan_text(const char *at, const char *end, const char *bytes, struct error *err)
{
    while (at < end && *at != '"') {
        if (*at == '\\') {
            if (!json_scan_escape(at, end, bytes, err))
                return NULL;
            at++; /* whatever is escaped doesn't end the string */
        }
        if (at < end)
            at++;
    }
    return at < end ? at + 1 : end;
}

/* Behind the digits at `at`; the same place when there are none. */
static const char *
json_skip_digits(const char *at, const char *end)
{
    while (at < end && json_is_digit(*at))
        at++;
    return at;
}

/* Whether the number's value is one; cJSON would say infinity. */
static bool
json_number_fits(const char *at, const char *end)
{
    char text[JSON_NUMBER_BYTES_MAX + 1];
    size_t length = (size_t)(end - at);

    memcpy(text, at, length);
    text[length] = '\0';
    return isfinite(strtod(text, NULL));
}

/*
 * at is on the number's first character; the result is behind its last, or NULL with err set.
 * cJSON leaves numbers to strtod, which takes 01, 1. and 1e999 too.
 */
static const char *
json_scan_number(const char *at, const char *end, const char *bytes, struct error *err)
{
    const char *begin = at;
    const char *digits;
    bool good;

    if (*at == '-')
        at++;
    digits = at;
    at = json_skip_digits(at, end);
    good = at > digits && (*digits != '0' || at == digits + 1);
    if (good && at < end && *at == '.') {
        digits = at + 1;
        at = json_skip_digits(digits, end);
        good = at > digits;
    }
    if (good && at < end && (*at == 'e' || *at == 'E')) {
        digits = at + 1;
        if (digits < end && (*digits == '+' || *digits == '-'))
            digits++;
        at = json_skip_digits(digits, end);
        good = at > digits;
    }
    if (!good) {
        (void)json_scan_refuse("a number that is none", begin, bytes, err);
        return NULL;
    }
    if (at - begin > JSON_NUMBER_BYTES_MAX) {
        (void)json_scan_refuse("a number of too many digits", begin, bytes, err);
        return NULL;
    }
    if (!json_number_fits(begin, at)) {
        (void)json_scan_refuse("a number too large", begin, bytes, err);
        return NULL;
    }
    return at;
}

bool
json_scan(const char *bytes, size_t count, int *values, struct error *err)
{
    const char *end = bytes + count;
    const char *at = bytes;
    int depth = 0;

    *values = 1;
    if (memchr(bytes, '\0', count) != NULL)
        return error_set(err, ERROR_PARSE, "not JSON: holds a NUL byte");
    if (!text_is_utf8(bytes, count))
        return error_set(err, ERROR_PARSE, "not JSON: not valid UTF-8");

    while (at < end) {
        char c = *at++;

        if (c == '"') {
            at = json_scan_text(at, end, bytes, err);
            if (at == NULL)
                return false;
        } else if (c == '-' || json_is_digit(c)) {
            at = json_scan_number(at - 1, end, bytes, err);
            if (at == NULL)
                return false;
        } else if (c == '{' || c == '[') {
            depth++;
            (*values)++;
            if (depth > JSON_DEPTH_MAX)
                return error_set(err, ERROR_LIMIT, "JSON nested deeper than %d levels at byte %zu",
                                 JSON_DEPTH_MAX, (size_t)(at - bytes));
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == ',') {
            (*values)++;
        }
        if (*values > JSON_VALUES_MAX)
            return error_set(err, ERROR_LIMIT, "JSON with more than %d values", JSON_VALUES_MAX);
    }
    return true;
}

/* The code unit of the \uXXXX at `at`, or -1 where there is none. */
static int
json_scan_unit(const char *at, const char *end)
{
    int unit = 0;

    if (end - at < JSON_ESCAPE_BYTES || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < JSON_ESCAPE_BYTES; i++) {
        if (!json_is_hex(at[i]))
            return -1;
        unit = unit * 16 + (json_is_digit(at[i]) ? at[i] - '0' : (at[i] | 0x20) - 'a' + 10);
    }
    return unit;
}

bool
json_scan_mend(char *bytes, size_t count)
{
    const char *end = bytes + count;
    char *at = bytes;
    bool is_mended = false;

    while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
        int unit = json_scan_unit(at, end);
        bool is_high = unit >= 0xd800 && unit <= 0xdbff;
        bool is_low = unit >= 0xdc00 && unit <= 0xdfff;

        if (is_high) {
            int next = json_scan_unit(at + JSON_ESCAPE_BYTES, end);

            if (next >= 0xdc00 && next <= 0xdfff) {
                at += (ptrdiff_t)2 * JSON_ESCAPE_BYTES;
                continue;
            }
        }
        if (unit == 0 || is_high || is_low) {
            memcpy(at, "\\ufffd", JSON_ESCAPE_BYTES);
            is_mended = true;
        }
        /* whatever is escaped is no backslash of its own */
        at += unit >= 0 ? JSON_ESCAPE_BYTES : end - at >= 2 ? 2 : 1;
    }
    return is_mended;
}
