#include "sandbox/ident.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Odd, so that multiplying by it modulo 2^32 can be undone by multiplying by its inverse. */
#define IDENT_FACTOR  2654435761u
#define IDENT_INVERSE 244002641u

uint64_t
ident_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t
ident_hash(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        hash = (hash ^ *c) * 0x100000001b3u;
    return ident_mix(hash);
}

static uint32_t
ident_mask(uint64_t seed, enum ident_kind kind)
{
    return (uint32_t)ident_mix(seed * 31 + (uint64_t)kind);
}

void
ident_uuid(uint64_t seed, enum ident_kind kind, uint32_t number, char out[IDENT_UUID_BYTES])
{
    uint32_t first = (number * IDENT_FACTOR) ^ ident_mask(seed, kind);
    uint64_t a = ident_mix(ident_mix(seed + (uint64_t)kind) + number);
    uint64_t b = ident_mix(a);

    (void)snprintf(out, IDENT_UUID_BYTES, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)first,
                   (unsigned)(a & 0xffff), (unsigned)((a >> 16) & 0xfff),
                   (unsigned)(0x8000 | ((a >> 28) & 0x3fff)),
                   (unsigned long long)(b & 0xffffffffffffu));
}

static int
ident_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool
ident_uuid_number(uint64_t seed, enum ident_kind kind, const char *text, uint32_t count,
                  uint32_t *number)
{
    char again[IDENT_UUID_BYTES];
    uint32_t first = 0;

    for (int i = 0; i < 8; i++) {
        int digit = ident_hex(text[i]);

        if (digit < 0)
            return false;
        first = first * 16 + (uint32_t)digit;
    }
    first = (first ^ ident_mask(seed, kind)) * IDENT_INVERSE;
    if (first >= count)
        return false;
    ident_uuid(seed, kind, first, again);
    if (strcmp(again, text) != 0)
        return false;
    *number = first;
    return true;
}

void
ident_clock_start(struct ident_clock *clock)
{
    char text[25];

    clock_wall_text(text);
    clock->base = clock_mono_now();
    if (!ident_time_parse(text, &clock->base_unix_ms))
        clock->base_unix_ms = 0;
}

void
ident_clock_advance(struct ident_clock *clock, int64_t ms)
{
    clock->base_unix_ms += ms;
}

int64_t
ident_clock_unix_ms(const struct ident_clock *clock)
{
    return clock->base_unix_ms + clock_mono_since_ms(clock->base);
}

void
ident_time_text(int64_t unix_ms, int digits, char out[IDENT_TIME_BYTES])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    int ms = (int)(unix_ms % 1000);
    struct tm tm;
    size_t used;

    if (gmtime_r(&seconds, &tm) == NULL)
        memset(&tm, 0, sizeof(tm));
    used = strftime(out, IDENT_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    if (digits >= 6)
        (void)snprintf(out + used, IDENT_TIME_BYTES - used, ".%03d000Z", ms);
    else if (digits >= 3)
        (void)snprintf(out + used, IDENT_TIME_BYTES - used, ".%03dZ", ms);
    else
        (void)snprintf(out + used, IDENT_TIME_BYTES - used, "Z");
}

/* Exactly count digits. */
static bool
ident_digits(const char **at, int count, int *out)
{
    int value = 0;

    for (int i = 0; i < count; i++) {
        if (**at < '0' || **at > '9')
            return false;
        value = value * 10 + (**at - '0');
        (*at)++;
    }
    *out = value;
    return true;
}

static bool
ident_skip(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool
ident_zone_parse(const char **at, int *minutes)
{
    int sign = **at == '-' ? -1 : 1;
    int hour;
    int minute;

    *minutes = 0;
    if (ident_skip(at, 'Z'))
        return true;
    /* A plus sign that wasn't escaped in a query arrives as a space. */
    if (!ident_skip(at, '+') && !ident_skip(at, '-') && !ident_skip(at, ' '))
        return false;
    if (!ident_digits(at, 2, &hour) || !ident_skip(at, ':') || !ident_digits(at, 2, &minute))
        return false;
    *minutes = sign * (hour * 60 + minute);
    return true;
}

bool
ident_time_parse(const char *text, int64_t *unix_ms)
{
    struct tm tm = {0};
    const char *at = text;
    int ms = 0;
    int zone = 0;
    int scale = 100;

    if (!ident_digits(&at, 4, &tm.tm_year) || !ident_skip(&at, '-') ||
        !ident_digits(&at, 2, &tm.tm_mon) || !ident_skip(&at, '-') ||
        !ident_digits(&at, 2, &tm.tm_mday))
        return false;
    if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (*at != '\0') {
        if (!ident_skip(&at, 'T') || !ident_digits(&at, 2, &tm.tm_hour) || !ident_skip(&at, ':') ||
            !ident_digits(&at, 2, &tm.tm_min) || !ident_skip(&at, ':') ||
            !ident_digits(&at, 2, &tm.tm_sec))
            return false;
        if (ident_skip(&at, '.')) {
            for (; *at >= '0' && *at <= '9'; at++) {
                ms += (*at - '0') * scale;
                scale /= 10;
            }
        }
        if (!ident_zone_parse(&at, &zone) || *at != '\0')
            return false;
    }
    *unix_ms = ((int64_t)timegm(&tm) - (int64_t)zone * 60) * 1000 + ms;
    return true;
}
