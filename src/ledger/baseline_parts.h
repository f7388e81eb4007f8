/*
 * baseline_parts — what the sources of a baseline have in common: before it, and its end.
 */
#ifndef LEDGER_BASELINE_PARTS_H
#define LEDGER_BASELINE_PARTS_H

#include "base/buffer.h"
#include "ledger/baseline.h"

#define BASELINE_SQL_BYTES_MAX 65536

/* Of a relation's row x: it has units, and no order id yet. */
#define BASELINE_BY_NUMBER                                                                         \
    "x.order_id is null and x.upstream_id <> ''"                                                   \
    " and (x.shipped_quantity > 0 or x.cancelled_quantity > 0)"

/* The reason that each adjustment gets. */
void baseline_why(const struct baseline_options *options, char *out, size_t out_bytes);

/* Before anything is read: a second baseline would read all for nothing. */
bool baseline_must_be(struct ledger *ledger, const char *kind, struct error *err);

/* False: the relation is a function. */
bool baseline_can_read_all(const struct warehouse *warehouse, struct error *err);

/* A statement that was put together; without memory for it, err says so. */
bool baseline_query(struct ledger *ledger, const struct buffer *sql, int params_count,
                    const char *const *params, struct pg_rows **out, struct error *err);

/* Commits what was booked, or says what would be due and takes it all back. */
bool baseline_finish(struct ledger *ledger, const struct warehouse *warehouse, const char *kind,
                     const struct baseline_options *options, struct baseline_result *out,
                     struct error *err);

/* Commits, or, when not ok, rolls back and is false; err is the caller's then. */
bool baseline_close(struct ledger *ledger, bool ok, struct error *err);

#endif
