/*
 * budget — this worker's share of the API key's rate, as a token bucket.
 *
 * What was saved up may leave at once, yet no second has more requests than the
 * rate: the API counts them, and the rate may be the whole of its allowance.
 */
#ifndef SYNC_BUDGET_H
#define SYNC_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

enum {
    /* One that joins others waits for a beat of theirs, so that they have cut their shares. */
    BUDGET_JOIN_MS = 300,
    BUDGET_RECENT_MAX = 1024, /* rates above are no API's, and only kept on the average */
    /* A second, and what two requests may come closer together than they left. */
    BUDGET_RECENT_MS = 1005,
};

struct budget {
    double per_second;
    double tokens;
    struct clock_mono filled_at;
    struct clock_mono recent[BUDGET_RECENT_MAX]; /* a ring: when the last ones left */
    int recent_first, recent_count;
    bool is_blocked;
    struct clock_mono blocked_until;
    bool is_refused; /* the last answer was a 429 */
    struct clock_mono refused_since;
};

/* Starts with one token, so that a single question leaves at once. */
void budget_init(struct budget *budget, double per_second);

/* Nobody calls until then; only ever later. */
void budget_block(struct budget *budget, int64_t ms);
int64_t budget_blocked_ms(const struct budget *budget);

/* An answer came, a 429 or any other. False, and err says so: there was nothing but 429 for
 * most_ms. hint: what becomes of the work then. */
bool budget_note_answer(struct budget *budget, bool is_429, int64_t most_ms, const char *hint,
                        struct error *err);

/* What a beat told: the rate, of which what was saved stays, up to the new burst (a quarter second
 * of it), and for how long the key is blocked. joins: others send already. */
void budget_share(struct budget *budget, double per_second, int64_t blocked_ms, bool joins);

/* Whole requests that may leave now. */
int budget_available(struct budget *budget);
bool budget_take(struct budget *budget); /* false: none left now */

/* Milliseconds until one more may leave; 0: now. */
int64_t budget_wait_ms(struct budget *budget);

#endif
