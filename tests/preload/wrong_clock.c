/*
 * wrong_clock — preloaded into a program, lets its wall clock go wrong by WAYBILL_CLOCK_SHIFT_S
 * seconds.
 *
 * Only the wall clock: what counts time since boot knows nothing of the date.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t
wrong_clock_shift(void)
{
    static time_t shift;
    static int is_read;

    if (!is_read) {
        const char *text = getenv("WAYBILL_CLOCK_SHIFT_S");

        /* banned: strtol, because a preloaded library links nothing of ours */
        shift = text == NULL ? 0 : (time_t)strtol(text, NULL, 10);
        is_read = 1;
    }
    return shift;
}

/* banned: clock_gettime, because this is what is replaced */
int
clock_gettime(clockid_t clock, struct timespec *out) /* banned: clock_gettime, because as above */
{
    int result = (int)syscall(SYS_clock_gettime, clock, out);

    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        out->tv_sec += wrong_clock_shift();
    return result;
}

int
gettimeofday(struct timeval *out, void *zone) /* banned: gettimeofday, because as above */
{
    struct timespec now;

    (void)zone;
    if (syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) != 0)
        return -1;
    out->tv_sec = now.tv_sec + wrong_clock_shift();
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t
time(time_t *out) /* banned: time, because as above */
{
    struct timespec now = {0};

    (void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    now.tv_sec += wrong_clock_shift();
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}
