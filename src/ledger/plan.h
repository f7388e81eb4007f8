/*
 * plan — take orders off the queue, read the warehouse, put what is due into the ledger.
 *
 * One planner at a time on a database; who doesn't get the lock just submits.
 */
#ifndef LEDGER_PLAN_H
#define LEDGER_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/ledger.h"
#include "ledger/warehouse.h"

/* The same for a run and for a preview of one. */
enum {
    PLAN_LINES_MAX = 100,                /* of one submission, at most; a provider may take fewer */
    PLAN_GATE_FRESH_MS = 15 * 60 * 1000, /* how long an accepted order is believed to be */
};

struct plan_settings {
    bool has_gate;
    bool decrease_is_note;
    int64_t units_per_line_max; /* 0: none */
    int64_t unknown_grace_ms;
    int64_t gate_fresh_ms;
    int lines_per_submission_max;
    int orders_max;         /* in one batch */
    const char *only_order; /* NULL: all */
    bool spares_sweep;      /* leave what a sweep queued */
};

struct plan_result {
    bool has_lock; /* false: another planner is at work; nothing was done */
    int64_t taken; /* order keys taken off the queue; 0: it is empty */
    int64_t looked, planned, withdrawn, busy, opened, unreadable;
};

/* A statement that failed on what it read, not on the connection, a time-out or somebody's lock:
 * smaller batches tell which order it is. */
bool plan_is_data_error(const struct error *err);

/* One batch, one transaction, committed when true. A batch that fails on data is halved down to the
 * one bad order. */
bool plan_batch(struct ledger *ledger, const struct warehouse *warehouse, int64_t run_id,
                const struct plan_settings *settings, struct plan_result *out, struct error *err);

/* Orders that a preview could not read, and so left out. */
struct plan_unreadable {
    int count;
    char order_id[512]; /* the first one's */
    char why[900];      /* in the database's words */
};

/* What a plan would do, for `waybill plan`: a read-only transaction, no locks, the queue stays as
 * it is. The rows are those of functions/evaluate.sql (columns as type `evaluation`) for this
 * order, or, with order_id NULL, for the first settings->orders_max of the queue and of what a
 * sweep would find. *unnamed: likewise of orders that the warehouse knows by the merchant's number
 * alone, which stands in the place of the order id; stays NULL when the relation has no
 * upstream_id. An order that can't be read is counted, and the others are shown; with order_id it
 * is an error. */
bool plan_preview(struct ledger *ledger, const struct warehouse *warehouse,
                  const struct plan_settings *settings, const char *order_id, struct pg_rows **out,
                  struct pg_rows **unnamed, struct plan_unreadable *unreadable, struct error *err);

#endif
