#include <stddef.h>
#include <string.h>
#include <time.h>

#include "base/number.h"
#include "provider/methods.h"

enum {
    RETRY_AFTER_MS_MIN = 1000,
    RETRY_AFTER_MS_MAX = 600 * 1000,
    RETRY_AFTER_MS_DEFAULT = 60 * 1000,
};

static bool
retry_after_digits(const char *text, size_t count, int min, int max, int *out)
{
    char digits[5] = "";
    int64_t value;

    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        digits[i] = text[i];
    }
    if (!number_parse(digits, min, max, &value))
        return false;
    *out = (int)value;
    return true;
}

/* The form that every sender must use (RFC 9110); the two older ones count as absent. The day of
 * the week is not compared with the date. */
bool
provider_http_date_ms(const char *text, int64_t *out_ms)
{
    static const char days[] = "Sun Mon Tue Wed Thu Fri Sat ";
    static const char months[] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec ";
    struct tm tm = {0};
    char name[5] = "";
    const char *month;
    int year = 0;

    /* Sun, 06 Nov 1994 08:49:37 GMT */
    if (text == NULL || strlen(text) != 29 || text[3] != ',' || text[4] != ' ' || text[7] != ' ' ||
        text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':' ||
        strcmp(text + 25, " GMT") != 0)
        return false;
    memcpy(name, text, 3);
    name[3] = ' ';
    if (strstr(days, name) == NULL)
        return false;
    memcpy(name, text + 8, 4);
    month = strstr(months, name);
    if (month == NULL || (month - months) % 4 != 0)
        return false;
    tm.tm_mon = (int)(month - months) / 4;
    if (!retry_after_digits(text + 5, 2, 1, 31, &tm.tm_mday) ||
        !retry_after_digits(text + 12, 4, 1970, 9999, &year) ||
        !retry_after_digits(text + 17, 2, 0, 23, &tm.tm_hour) ||
        !retry_after_digits(text + 20, 2, 0, 59, &tm.tm_min) ||
        !retry_after_digits(text + 23, 2, 0, 60, &tm.tm_sec))
        return false;
    tm.tm_year = year - 1900;
    *out_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

/* The contract documents whole seconds on a 429 (rate limiting); a proxy in front may send
 * anything. */
int64_t
provider_retry_after_ms(const char *header, int64_t now_unix_ms)
{
    int64_t ms;

    if (header == NULL || header[0] == '\0')
        return RETRY_AFTER_MS_DEFAULT;
    if (strspn(header, "0123456789") == strlen(header)) {
        if (!number_parse(header, 0, RETRY_AFTER_MS_MAX / 1000, &ms))
            return RETRY_AFTER_MS_MAX; /* digits, so it is only too many */
        ms *= 1000;
    } else if (provider_http_date_ms(header, &ms)) {
        ms -= now_unix_ms;
    } else {
        return RETRY_AFTER_MS_DEFAULT;
    }
    if (ms < RETRY_AFTER_MS_MIN)
        return RETRY_AFTER_MS_MIN;
    return ms > RETRY_AFTER_MS_MAX ? RETRY_AFTER_MS_MAX : ms;
}

int64_t
provider_retry_after_early_ms(const struct http_early *early, int64_t now_unix_ms)
{
    (void)provider_http_date_ms(early->date, &now_unix_ms);
    return provider_retry_after_ms(early->retry_after, now_unix_ms);
}

bool
provider_retry_after(const struct http_answer *answer, int64_t *out_ms)
{
    int64_t now = answer->started_unix_ms + answer->duration_ms;

    if (answer->fact != HTTP_ANSWERED || (answer->retry_after == NULL && answer->status != 429))
        return false;
    /* A date counts from the clock that wrote it. */
    (void)provider_http_date_ms(answer->date, &now);
    *out_ms = provider_retry_after_ms(answer->retry_after, now);
    return true;
}
