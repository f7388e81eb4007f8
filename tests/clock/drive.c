/* Loaded into a server (LD_PRELOAD), it adds what the file of WAYBILL_CLOCK says, in microseconds,
 * to each reading of the time of day: a test drives the server's clock by writing there. Intervals
 * go by the monotonic clock, which is left alone. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *drive_offset_us;
static int (*drive_real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void
drive_open(void)
{
    const char *path = getenv("WAYBILL_CLOCK");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *at = MAP_FAILED;
    void *symbol = dlsym(RTLD_NEXT, "clock_gettime");

    *(void **)&drive_real = symbol;
    if (fd >= 0) {
        at = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
        (void)close(fd);
    }
    if (at != MAP_FAILED)
        drive_offset_us = at;
}

int
clock_gettime(clockid_t clock, struct timespec *out)
{
    int64_t ns;

    if (drive_real == NULL)
        drive_open();
    if (drive_real(clock, out) != 0)
        return -1;
    if ((clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) || drive_offset_us == NULL)
        return 0;
    ns = out->tv_nsec + *drive_offset_us % 1000000 * 1000;
    out->tv_sec += *drive_offset_us / 1000000 + ns / 1000000000;
    out->tv_nsec = ns % 1000000000;
    return 0;
}

int
gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t
time(time_t *out)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}
