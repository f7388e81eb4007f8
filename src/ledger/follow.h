/*
 * follow — an order's life after the POST: events taken in, states handed over, what is due of
 * both.
 */
#ifndef LEDGER_FOLLOW_H
#define LEDGER_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/check.h"
#include "ledger/ledger.h"

/* A reading of the API's feed of events: from the newest back to where the last one ended. */
struct follow_reading {
    bool is_ours;     /* false: another session is at it, or it isn't time */
    char cursor[256]; /* the id that it must reach; "" when there was none before */
    char since[40];   /* ISO-8601: nothing older is needed */
};

/* interval_ms: not when it was read since. Ours until follow_end, or until the session ends. */
bool follow_begin(struct ledger *ledger, int64_t interval_ms, struct follow_reading *out,
                  struct error *err);
/* page: JSON array, the names are those of events_store. */
bool follow_store(struct ledger *ledger, const char *page, struct error *err);
/* newest, newest_time: of the first page, NULL when it was empty. gap: why the cursor was not
 * reached, NULL when it was; then the open orders are asked for. Not whole: tried again later;
 * unread: what the API said, may be NULL. */
bool follow_end(struct ledger *ledger, bool is_whole, const char *newest, const char *newest_time,
                const char *gap, const char *unread, struct error *err);
/* One batch of what was stored, oldest first; none is taken while another session reads. */
bool follow_apply(struct ledger *ledger, int64_t run_id, int most, int *taken, struct error *err);

/* pass_age_ms, here and below: since the pass began. What became due later waits for the next. */
struct follow_left {
    bool is_to_apply, is_to_ask, is_to_hand_over, is_to_track, is_to_charge;
};
bool follow_left(struct ledger *ledger, int64_t pass_age_ms, struct follow_left *out,
                 struct error *err);

/* Orders to ask for, as work_take_asks; after_ms: how long an order may take to be complete. */
bool follow_take_asks(struct ledger *ledger, int most, int64_t after_ms, int64_t pass_age_ms,
                      char ***out, int *count, struct error *err);

/* Orders that have states to hand over, after `after` ("" at first), as work_take_asks. */
bool follow_hand_over_due(struct ledger *ledger, const char *after, int most, int64_t pass_age_ms,
                          char ***out, int *count, struct error *err);

struct follow_handed {
    int states;    /* that were handed over: 1, or 0 when there is none */
    char why[400]; /* "" unless one failed; the next try is put off */
};
/* The next state of one order, in a transaction of its own that may take as long as the session's
 * statement_timeout. function: as in warehouse.order_state_function. */
bool follow_hand_over(struct ledger *ledger, int64_t run_id, const char *order_id,
                      const char *function, int64_t first_delay_ms, int64_t max_delay_ms,
                      struct follow_handed *out, struct error *err);
/* It failed in a way that took its own record along: the same record, in another transaction. */
bool follow_hand_over_failed(struct ledger *ledger, int64_t run_id, const char *order_id,
                             const char *function, const struct error *why, int64_t first_delay_ms,
                             int64_t max_delay_ms, struct error *err);

/* One fulfillment's new tracking; its order's lane is held until follow_tracked. */
struct follow_tracking {
    int64_t submission_id;
    int version; /* of the warehouse's change: a newer one may come meanwhile */
    int failures;
    char *fulfillment_id;
    char *company, *number, *url; /* NULL: left as it is */
    char *taken_until;            /* names the take; of a later one follow_tracked says nothing */
};
void follow_tracking_free(struct follow_tracking *tracking); /* NULL is fine */
/* The caller owns the list and what is in it. lease_ms: after that the lanes are free by
 * themselves.
 */
bool follow_take_tracking(struct ledger *ledger, int64_t worker_id, int most, int64_t lease_ms,
                          struct follow_tracking ***out, int *count, struct error *err);
/* outcome: sent, again (in delay_ms), refused; why: NULL for nothing wrong. */
bool follow_tracked(struct ledger *ledger, int64_t run_id, const struct follow_tracking *tracking,
                    const char *outcome, const char *why, int64_t delay_ms, struct error *err);

/* Charges to ask for, as work_take_asks. */
bool follow_take_charges(struct ledger *ledger, int most, int64_t lease_ms, int64_t pass_age_ms,
                         char ***out, int *count, struct error *err);
/* answer: JSON object, the names are those of record_charge; NULL: the API knows no such charge. */
bool follow_record_charge(struct ledger *ledger, int64_t run_id, const char *charge_id,
                          const char *answer, struct error *err);

/* Is warehouse.order_state_function there, does it take what is handed over, and may we call it? */
bool follow_check_function(struct ledger *ledger, const char *function, struct check_list *out,
                           struct error *err);

#endif
