#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>

static int64_t clock_ahead_ms;

static int64_t
clock_read_ms(clockid_t id)
{
    struct timespec now;
    int result = clock_gettime(id, &now);

    assert(result == 0);
    (void)result;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A deadline of "for ever" must not wrap round into the past. */
static int64_t
clock_add(int64_t at, int64_t ms)
{
    int64_t sum;

    if (__builtin_add_overflow(at, ms, &sum))
        sum = ms > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

struct clock_boot
clock_boot_now(void)
{
    return (struct clock_boot){clock_read_ms(CLOCK_BOOTTIME) + clock_ahead_ms};
}

struct clock_mono
clock_mono_now(void)
{
    return (struct clock_mono){clock_read_ms(CLOCK_MONOTONIC) + clock_ahead_ms};
}

struct clock_boot
clock_boot_add(struct clock_boot at, int64_t ms)
{
    return (struct clock_boot){clock_add(at.ms, ms)};
}

struct clock_mono
clock_mono_add(struct clock_mono at, int64_t ms)
{
    return (struct clock_mono){clock_add(at.ms, ms)};
}

bool
clock_boot_is_past(struct clock_boot deadline)
{
    return clock_boot_now().ms >= deadline.ms;
}

int64_t
clock_mono_left_ms(struct clock_mono deadline)
{
    int64_t now = clock_mono_now().ms;

    return deadline.ms > now ? deadline.ms - now : 0;
}

int64_t
clock_mono_since_ms(struct clock_mono at)
{
    return clock_mono_now().ms - at.ms;
}

void
clock_wall_text(char out[25])
{
    struct timespec now;
    struct tm utc;
    char seconds[20];

    out[0] = '\0';
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || gmtime_r(&now.tv_sec, &utc) == NULL)
        return;
    if (strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc) == 0)
        return;
    (void)snprintf(out, 25, "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
}

void
clock_sleep_ms(int64_t ms)
{
    struct timespec wait = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    if (ms > 0)
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
}

void
clock_advance_for_tests(int64_t ms)
{
    clock_ahead_ms += ms;
}

int64_t
clock_wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
