#include "cli/when.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define WHEN_DIGITS "0123456789"
#define WHEN_BLANKS " \t,"

/* One of the words that PostgreSQL takes in the place of a date is among them: "Monday today". */
static bool
when_has_word(const char *text)
{
    static const char *const WORDS[] = {"now",   "today",    "tomorrow", "yesterday",
                                        "epoch", "infinity", "-infinity"};

    while (*text != '\0') {
        size_t count = strcspn(text, WHEN_BLANKS);

        for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
            if (strlen(WORDS[i]) == count && strncasecmp(WORDS[i], text, count) == 0)
                return true;
        }
        text += count;
        text += strspn(text, WHEN_BLANKS);
    }
    return false;
}

/* Two digits after `before`, which are at most max; *at goes on behind them. False: others stand
 * there. */
static bool
when_take_two(const char **at, const char *before, int min, int max, bool *is_in_range)
{
    const char *text = *at;
    int value;

    if (text[0] == '\0' || strchr(before, text[0]) == NULL || strspn(text + 1, WHEN_DIGITS) != 2)
        return false;
    value = (text[1] - '0') * 10 + (text[2] - '0');
    *is_in_range = *is_in_range && value >= min && value <= max;
    *at = text + 3;
    return true;
}

static int
when_days(int year, int month)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && is_leap ? 29 : DAYS[month - 1];
}

/* True unless it begins as an ISO date does and goes on with a month, day or hour that isn't. */
static bool
when_is_in_range(const char *text)
{
    bool is_in_range = true;
    const char *at = text + 4;
    const char *month_at = at;
    int month, year = 0;

    if (strspn(text, WHEN_DIGITS) != 4 || !when_take_two(&at, "-", 1, 12, &is_in_range))
        return true;
    if (!is_in_range)
        return false;
    for (int i = 0; i < 4; i++)
        year = year * 10 + (text[i] - '0');
    month = (month_at[1] - '0') * 10 + (month_at[2] - '0');
    if (!when_take_two(&at, "-", 1, when_days(year, month), &is_in_range))
        return true;
    if (when_take_two(&at, "Tt ", 0, 24, &is_in_range) &&
        when_take_two(&at, ":", 0, 59, &is_in_range))
        (void)when_take_two(&at, ":", 0, 60, &is_in_range);
    return is_in_range;
}

bool
when_may_be_time(const char *text)
{
    text += strspn(text, WHEN_BLANKS);
    if (strpbrk(text, WHEN_DIGITS) == NULL)
        return when_has_word(text);
    return when_is_in_range(text);
}
