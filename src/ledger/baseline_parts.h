/*
 * baseline_parts — what the sources of a baseline have in common: before it, and its end.
 */
#ifndef LEDGER_BASELINE_PARTS_H
#define LEDGER_BASELINE_PARTS_H

#include "ledger/baseline.h"

/* The reason that each adjustment gets. */
void baseline_why(const struct baseline_options *options, char *out, size_t out_bytes);

/* Before anything is read: a second baseline would read all for nothing. */
bool baseline_must_be(struct ledger *ledger, const char *kind, struct error *err);

/* False: the relation is a function. */
bool baseline_can_read_all(const struct warehouse *warehouse, struct error *err);

/* A statement over rows with units and no order id yet: its :numbers is filled in. */
bool baseline_query_numbers(struct ledger *ledger, const struct warehouse *warehouse,
                            const char *text, struct pg_rows **out, struct error *err);

/* Commits what was booked, or says what would be due and takes it all back. */
bool baseline_finish(struct ledger *ledger, const struct warehouse *warehouse, const char *kind,
                     const struct baseline_options *options, struct baseline_result *out,
                     struct error *err);

/* Commits, or, when not ok, rolls back and is false; err is the caller's then. */
bool baseline_close(struct ledger *ledger, bool ok, struct error *err);

#endif
