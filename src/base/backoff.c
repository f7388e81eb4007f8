#include "base/backoff.h"

#include <assert.h>

void
backoff_init(struct backoff *backoff, int64_t first_ms, int64_t max_ms, uint64_t seed)
{
    assert(first_ms >= 0);
    assert(max_ms >= first_ms);

    *backoff = (struct backoff){.first_ms = first_ms, .max_ms = max_ms, .random = seed};
}

/* splitmix64: any seed is good, also 0. */
static uint64_t
backoff_random(struct backoff *backoff)
{
    uint64_t z;

    backoff->random += 0x9e3779b97f4a7c15ULL;
    z = backoff->random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

int64_t
backoff_delay_ms(struct backoff *backoff, int failures)
{
    int64_t full = backoff->first_ms;
    int64_t half;

    /* From 0 it would double for ever. */
    for (int i = 1; i < failures && full > 0 && full < backoff->max_ms; i++)
        full = full > backoff->max_ms / 2 ? backoff->max_ms : full * 2;
    half = full / 2;
    return half + (int64_t)(backoff_random(backoff) % (uint64_t)(full - half + 1));
}
