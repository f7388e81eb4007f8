/*
 * backoff — how long to wait before the next try: doubles from first to max, with jitter.
 */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t first_ms;
    int64_t max_ms;
    uint64_t random; /* state of the generator; any value */
};

void backoff_init(struct backoff *backoff, int64_t first_ms, int64_t max_ms, uint64_t seed);

/* failures counts from 1. Result is in [full / 2, full], full = min(first * 2^(failures-1), max).
 */
int64_t backoff_delay_ms(struct backoff *backoff, int failures);

#endif
