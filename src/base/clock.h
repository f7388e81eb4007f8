/*
 * clock — three clocks that must not be mixed, as three types.
 *
 * boot time goes on while the machine sleeps: send deadlines are on it, so that
 * a suspended worker wakes up too late to send. monotonic is for waiting.
 * Database time is text from the server and never compared with either.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock_boot {
    int64_t ms; /* since boot, suspended time included */
};

struct clock_mono {
    int64_t ms; /* since some point, suspended time left out */
};

struct clock_boot clock_boot_now(void);
struct clock_mono clock_mono_now(void);

struct clock_boot clock_boot_add(struct clock_boot at, int64_t ms);
struct clock_mono clock_mono_add(struct clock_mono at, int64_t ms);

bool clock_boot_is_past(struct clock_boot deadline);

/* Milliseconds from now to a deadline, 0 when it is past. */
int64_t clock_mono_left_ms(struct clock_mono deadline);
int64_t clock_mono_since_ms(struct clock_mono at);

/* Wall clock, for people, log lines and what `check` asks only: "2026-11-23T14:05:06.789Z" (25
 * bytes with the NUL). */
void clock_wall_text(char out[25]);

/* Wall clock in milliseconds since 1970: for HTTP dates only, never for deadlines. */
int64_t clock_wall_ms(void);

/* The only sleep in the program; returns early on a signal. */
void clock_sleep_ms(int64_t ms);

/* Tests only: moves the boot and the monotonic clock of this process ahead, so that no test sleeps.
 */
void clock_advance_for_tests(int64_t ms);

#endif
