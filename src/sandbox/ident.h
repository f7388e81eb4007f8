/*
 * ident — ids and times of the sandbox.
 *
 * Ids look random but are made from the seed and the object's number, and can be
 * turned back into that number: no index is needed, and a run can be replayed.
 */
#ifndef SANDBOX_IDENT_H
#define SANDBOX_IDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define IDENT_UUID_BYTES 37
#define IDENT_TIME_BYTES 32

enum ident_kind {
    IDENT_FULFILLMENT = 1,
    IDENT_EVENT,
    IDENT_CHARGE,
    IDENT_OPERATION,
    IDENT_REQUEST,
    IDENT_OTHER,
};

/* A well-mixed value of x; the same for the same x for ever. */
uint64_t ident_mix(uint64_t x);
uint64_t ident_hash(const char *text);

void ident_uuid(uint64_t seed, enum ident_kind kind, uint32_t number, char out[IDENT_UUID_BYTES]);

/* False when text isn't the id of a number below count. */
bool ident_uuid_number(uint64_t seed, enum ident_kind kind, const char *text, uint32_t count,
                       uint32_t *number);

/* Wall clock that never goes back: read once, then carried on by the monotonic one. */
struct ident_clock {
    int64_t base_unix_ms;
    struct clock_mono base;
};

void ident_clock_start(struct ident_clock *clock);
/* As if so much time had passed. */
void ident_clock_advance(struct ident_clock *clock, int64_t ms);
int64_t ident_clock_unix_ms(const struct ident_clock *clock);

/* "2018-04-25T20:36:00Z" with 0, 3 or 6 digits of the second. */
void ident_time_text(int64_t unix_ms, int digits, char out[IDENT_TIME_BYTES]);

/* ISO 8601 with Z or an offset, or a date alone. */
bool ident_time_parse(const char *text, int64_t *unix_ms);

#endif
