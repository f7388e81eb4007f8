#include "base/number.h"

#include <stddef.h>
#include <string.h>

/* Digits only; *end is the first byte that is none. False without a digit or beyond what int64_t
 * holds. */
static bool
number_digits(const char *text, bool is_negative, int64_t *out, const char **end)
{
    int64_t value = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++) {
        int digit = *at - '0';

        /* Counted downwards for a negative number, so that INT64_MIN is reached without overflow.
         */
        if (__builtin_mul_overflow(value, (int64_t)10, &value))
            return false;
        if (__builtin_add_overflow(value, is_negative ? -(int64_t)digit : (int64_t)digit, &value))
            return false;
    }
    *end = at;
    *out = value;
    return at != text;
}

bool
number_parse(const char *text, int64_t min, int64_t max, int64_t *out)
{
    bool is_negative;
    int64_t value;
    const char *end;

    if (text == NULL)
        return false;
    is_negative = text[0] == '-';
    if (text[0] == '-' || text[0] == '+')
        text++;
    if (!number_digits(text, is_negative, &value, &end) || *end != '\0')
        return false;
    if (value < min || value > max)
        return false;
    *out = value;
    return true;
}

bool
number_parse_duration_ms(const char *text, int64_t *out_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } UNITS[] = {{"ms", 1},          {"s", 1000},       {"m", 60000},
                 {"h", 3600 * 1000}, {"d", 86400000LL}, {"w", 7 * 86400000LL}};
    int64_t value;
    const char *end;

    if (text == NULL || !number_digits(text, false, &value, &end))
        return false;
    for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
        if (strcmp(end, UNITS[i].unit) == 0) {
            if (__builtin_mul_overflow(value, UNITS[i].ms, &value))
                return false;
            *out_ms = value;
            return true;
        }
    }
    return false;
}
