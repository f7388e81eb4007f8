/*
 * audit — the ledger against what the API has: which orders, what differs, and what is recorded of
 * it.
 *
 * The comparison itself is SQL (functions/audit.sql) and changes nothing.
 */
#ifndef LEDGER_AUDIT_H
#define LEDGER_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/ledger.h"
#include "ledger/warehouse.h"

/* An order right before it is listed. Owns its strings. */
struct audit_target {
    char *order_id;
    bool is_quiet; /* nothing of it is on its way */
    char taken_at[48];
    int64_t settles_ms; /* how long its list is not believed yet */
};

void audit_targets_free(struct audit_target *targets, int count); /* NULL is fine */

/* The server's text of a time that it can read, or, with time NULL, of ms ago. ERROR_USAGE when it
 * can't. */
bool audit_since(struct ledger *ledger, const char *time, int64_t ms, char out[48],
                 struct error *err);

/* Always false, so that a caller can return it: ERROR_USAGE. */
bool audit_refuse_since(const char *time, struct error *err);

/* Where a walk over the orders is. Begins zeroed; the caller frees after. */
struct audit_walk {
    char *after; /* NULL at the start */
    bool is_over;
};

/* The next orders, at most so many, by id; none of them may be wanted while the walk isn't over.
 * since NULL: all. The caller frees *out with audit_targets_free. */
bool audit_walk_on(struct ledger *ledger, struct audit_walk *walk, const char *since, int most,
                   int64_t settle_ms, struct audit_target **out, int *count, struct error *err);

/* The same for orders by name. */
bool audit_begin(struct ledger *ledger, const char *const *order_ids, int count, int64_t settle_ms,
                 struct audit_target **out, struct error *err);

enum audit_verdict {
    AUDIT_AGREES,
    AUDIT_MISSING, /* we say posted, the API has less */
    AUDIT_EXTRA,   /* the API has more */
    AUDIT_FOREIGN, /* a fulfillment that is not ours and that nobody knows */
    AUDIT_DOUBLE,  /* two fulfillments with one marker */
    AUDIT_MOVING,  /* the order was not quiet: nothing is said */
    AUDIT_VERDICTS,
};
const char *audit_verdict_name(enum audit_verdict verdict);

/* One thing about one line; a line that agrees has one. Texts are borrowed from the rows. */
struct audit_line {
    const char *order_id, *item_id;
    enum audit_verdict verdict;
    int64_t shipped, cancelled; /* units of the difference */
    int64_t posted_shipped, posted_cancelled;
    int64_t open_shipped, open_cancelled;
    int64_t api_shipped, api_cancelled;
    bool is_wanted_known; /* the warehouse shows the line, in good numbers */
    int64_t wanted_shipped, wanted_cancelled;
    const char *detail, *fingerprint; /* NULL for one that agrees */
};

/* listings: a JSON array [{"order_id", "taken_at", "listing"}], one for each order. Where the
 * warehouse can't be read, its units are those that were read last. The rows are sorted by order
 * and line; the caller frees them. */
bool audit_compare(struct ledger *ledger, const struct warehouse *warehouse,
                   const char *const *order_ids, int count, const char *listings,
                   struct pg_rows **out, struct error *err);
bool audit_line_read(const struct pg_rows *rows, int row, struct audit_line *out,
                     struct error *err);

/* found: a JSON array [{"order_id", "item_id", "verdict", "detail", "fingerprint", "is_settled"}],
 * with all lines of each order. is_again: a second look at the same orders. */
bool audit_record(struct ledger *ledger, int64_t run_id, const char *found, bool is_again,
                  int64_t *opened, struct error *err);

#endif
