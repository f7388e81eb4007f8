#include "json/scan.h"

#include <string.h>

#include "base/text.h"

/* at is behind the opening quote; the result is behind the closing one, or NULL with err set. */
static const char *
json_scan_text(const char *at, const char *end, const char *bytes, struct error *err)
{
    while (at < end && *at != '"') {
        if (*at == '\\') {
            if (end - at >= 6 && memcmp(at, "\\u0000", 6) == 0) {
                (void)error_set(err, ERROR_PARSE, "not usable JSON: \\u0000 at byte %zu",
                                (size_t)(at - bytes) + 1);
                return NULL;
            }
            at++; /* whatever is escaped doesn't end the string */
        }
        if (at < end)
            at++;
    }
    return at < end ? at + 1 : end;
}

bool
json_scan(const char *bytes, size_t count, struct error *err)
{
    const char *end = bytes + count;
    const char *at = bytes;
    int depth = 0;
    int values = 1;

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
        } else if (c == '{' || c == '[') {
            depth++;
            values++;
            if (depth > JSON_DEPTH_MAX)
                return error_set(err, ERROR_LIMIT, "JSON nested deeper than %d levels at byte %zu",
                                 JSON_DEPTH_MAX, (size_t)(at - bytes));
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == ',') {
            values++;
        }
        if (values > JSON_VALUES_MAX)
            return error_set(err, ERROR_LIMIT, "JSON with more than %d values", JSON_VALUES_MAX);
    }
    return true;
}
