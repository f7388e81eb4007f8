/*
 * sweep — feeds that don't come by themselves: the whole relation against the ledger, and rows by
 * changed_at.
 *
 * Both only put order keys into the queue; the planner does the rest.
 */
#ifndef LEDGER_SWEEP_H
#define LEDGER_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/ledger.h"
#include "ledger/warehouse.h"
#include "pg/pg.h"

struct sweep_result {
    int64_t lines;    /* rows that differ from the ledger */
    int64_t missed;   /* of those, changes that the feed should have brought; 0 on a first sweep */
    int64_t orders;   /* queued */
    int64_t not_ours; /* rows without an order id */
};

/* A subquery that yields (order_id, is_missed) for every row in which relation and ledger differ;
 * relation is warehouse_all_sql. The caller frees it. */
bool sweep_differs_sql(const char *relation, char **out, struct error *err);
/* The same of the orders in $1 text[] alone. */
bool sweep_differs_of_sql(const struct warehouse *warehouse, char **out, struct error *err);

/* Who goes through all orders of relation and ledger, a piece at a time: for a function (it must be
 * told the orders) and for a relation with a row that can't be read. Keys are read once, at the
 * beginning, and kept by the server; then each piece is looked up by them. A piece that fails on
 * data is halved down to the one order that can't be. */
struct sweep_walker {
    /* keys: a text array literal of the orders of one piece. */
    bool (*piece_fn)(void *ctx, const char *keys, struct error *err);
    bool (*unreadable_fn)(void *ctx, const char *order_id, const struct error *why,
                          struct error *err);
    bool (*pause_fn)(void *ctx, struct error *err); /* after each piece; NULL is fine */
    void *ctx;
    const char *left_out; /* orders to pass by: a text array literal */
    bool is_enough;       /* set by either: no further piece */
};

bool sweep_walk(struct pg *pg, const struct warehouse *warehouse, struct sweep_walker *walker,
                struct error *err);

/* Why a sweep is due, "" when it isn't. Opens and closes feed_broken on the way. */
bool sweep_is_due(struct ledger *ledger, int64_t run_id, bool is_queue, int64_t sweep_interval_ms,
                  char *why, size_t why_bytes, struct error *err);

/* What else the session has to do, which a sweep in pieces must not keep waiting. */
struct sweep_pause {
    /* Between two pieces, with no transaction open. orders: queued by the sweep so far. */
    bool (*pause_fn)(void *ctx, int64_t orders, struct error *err);
    void *ctx;
};

bool sweep_run(struct ledger *ledger, const struct warehouse *warehouse, int64_t run_id,
               const struct sweep_pause *pause, struct sweep_result *out, struct error *err);

/* change_feed: scan. Queues the orders of rows with changed_at above the watermark; the watermark
 * never passes the oldest transaction that still runs, minus the overlap. Where rows can't be read,
 * all orders that changed are queued; where even that is refused, the watermark stays, a sweep is
 * wanted, and it is true all the same. */
bool scan_run(struct ledger *ledger, const struct warehouse *warehouse, int64_t scan_overlap_ms,
              int64_t *orders, struct error *err);

/* Whether such a scan would find nothing, asked before there is a pass. moves_watermark: when it is
 * so, as far as the scan would move it; else it is one question of many. Whatever can't be told, a
 * refusal of the server among it, is not quiet: the scan finds out, and says so. False: the
 * connection is lost. */
bool scan_look(struct ledger *ledger, const char *line_items, int64_t scan_overlap_ms,
               bool moves_watermark, bool *is_quiet, struct error *err);

#endif
