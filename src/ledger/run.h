/*
 * run — is another run of this host active? And what each run begins with in shadow mode.
 */
#ifndef LEDGER_RUN_H
#define LEDGER_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/ledger.h"

/* Held by the session until it ends. is_alone is false only when skips is true and another run of
 * this host works on this ledger. */
bool run_join(struct ledger *ledger, bool skips, bool *is_alone, struct error *err);

/* What the question whether there is anything to do depends on. */
struct run_look {
    bool is_turn; /* of a watch, which leaves what is rare to a whole pass every few seconds */
    const char *base_url;
    bool is_live;
    bool is_queue; /* change_feed */
    int64_t sweep_interval_ms;
    bool follows_events;
    int64_t events_interval_ms; /* between readings; 0: read always */
    bool hands_over;
    int64_t within_ms; /* what is due so soon counts */
    int64_t units_per_line_max;
    const char *line_items;
};

struct run_found {
    bool is_idle;        /* nothing is due, here */
    bool reads_events;   /* but the API is to be asked for its events */
    bool lacks_relation; /* so that it isn't idle: whoever opens it says what is wrong */
};

/* One question in place of all those of a pass. Whatever it can't answer, a refusal among it,
 * counts as work: the pass finds out, and says so. */
bool run_look(struct ledger *ledger, const struct run_look *look, struct run_found *out,
              struct error *err);

/* A run with nothing to do: begun and ended at once. */
bool run_idle(struct ledger *ledger, const char *command, int64_t *run_id, int64_t *backlog,
              struct error *err);

/* A run works with this limit: lines that another one held back are looked at again. */
bool run_guard(struct ledger *ledger, int64_t units_per_line_max, struct error *err);

/* In shadow mode: orders with planned units are to be listed, if they weren't lately. */
bool run_look_in_shadow(struct ledger *ledger, struct error *err);

#endif
