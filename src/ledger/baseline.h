/*
 * baseline — what happened before this ledger, told once.
 *
 * Four sources. All but the API's are one transaction: all of it or nothing.
 * The API's is booked order by order and goes on where it was stopped; the
 * requests are sync's (sync/history.h).
 */
#ifndef LEDGER_BASELINE_H
#define LEDGER_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/ledger.h"
#include "ledger/warehouse.h"
#include "pg/pg.h"

struct baseline_options {
    const char *who;
    bool begins_shadow; /* the ledger begins in mode shadow; else live */
    bool is_dry_run;    /* say what it would book, and book nothing */
};

struct baseline_result {
    int64_t lines; /* rows that units were booked on */
    int64_t units; /* booked as settled */
    /* dry run: what the warehouse shows beyond that, and on how many lines; -1: it can't be read
     * whole */
    int64_t due_lines, due_shipped, due_cancelled;
};

/* Nothing was posted before: all that the warehouse shows is due. ERROR_STATE: there is a baseline
 * already. */
bool baseline_nothing(struct ledger *ledger, const struct warehouse *warehouse,
                      const struct baseline_options *options, struct baseline_result *out,
                      struct error *err);

/* Always false, so that a caller can return it: ERROR_USAGE for --before. */
bool baseline_refuse_before(const char *before, struct error *err);

/* All that the relation shows is settled; with before, all that was changed before that time (as
 * PostgreSQL reads it). The relation is read once. ERROR_USAGE: before is no time. ERROR_CONFIG: it
 * can't be read whole, has no changed_at, or there are rows whose units can't be told. */
bool baseline_warehouse(struct ledger *ledger, const struct warehouse *warehouse,
                        const char *before, const struct baseline_options *options,
                        struct baseline_result *out, struct error *err);

/* A file, row by row. Begin opens the transaction and end closes it. */
struct baseline_row {
    int64_t line; /* of the file */
    const char *order_id, *item_id, *shipment_ref;
    int64_t shipped, cancelled;
};
typedef void baseline_twice_fn(void *ctx, int64_t line, int64_t first_line);
bool baseline_file_begin(struct ledger *ledger, struct error *err);
/* In pieces as large as you like, about a thousand rows. */
bool baseline_file_add(struct ledger *ledger, const struct baseline_row *rows, int count,
                       struct error *err);
/* ok: the caller found nothing wrong with the file. It is committed then, unless there is a second
 * row for one key: twice_fn is told of each, its line and the first one's. What is rolled back for
 * either reason is no failure: it is true, and nothing was booked. */
bool baseline_file_end(struct ledger *ledger, const struct warehouse *warehouse, bool ok,
                       const struct baseline_options *options, baseline_twice_fn *twice_fn,
                       void *ctx, struct baseline_result *out, struct error *err);

/* Rows with units whose order the warehouse knows by upstream_id alone, and the ledger not yet:
 * their numbers are noted, to be asked for. */
bool baseline_note_upstreams(struct ledger *ledger, const struct warehouse *warehouse,
                             struct error *err);

/* From the API: first the list of orders (kept, so that the work goes on where it was stopped),
 * then pieces of them, then each piece's listings. */
bool baseline_api_begin(struct ledger *ledger, const struct warehouse *warehouse, bool is_dry_run,
                        int64_t *orders, int64_t *listed, struct error *err);
/* The next orders to list, in the order of their keys; none: the end. The caller frees. */
bool baseline_api_next(struct ledger *ledger, bool is_dry_run, const char *after, int most,
                       struct pg_rows **out, struct error *err);
/* listings: [{"order_id", "list": [...]}], orders: an array literal of their ids. */
bool baseline_api_book(struct ledger *ledger, const struct warehouse *warehouse,
                       const char *listings, const char *orders,
                       const struct baseline_options *options, struct baseline_result *out,
                       struct error *err);
bool baseline_api_end(struct ledger *ledger, const struct warehouse *warehouse,
                      const struct baseline_options *options, struct baseline_result *out,
                      struct error *err);

#endif
