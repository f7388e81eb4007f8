/*
 * audit — warehouse, ledger and API held against each other, line by line. Mends nothing.
 *
 * Orders are taken by id in pages, each is listed at the API once. Where that
 * list has less than the ledger, or one thing twice, nothing is written before
 * the order was listed again, all such orders together, after api.settle_ms
 * counted from their last accepted POST: lists lag.
 */
#ifndef SYNC_AUDIT_H
#define SYNC_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/audit.h"
#include "sync/sync.h"

struct audit_summary {
    int64_t run_id;
    int64_t orders;                   /* compared */
    int64_t lines;                    /* of them */
    int64_t verdicts[AUDIT_VERDICTS]; /* lines with each; agrees, missing, extra, foreign, double */
    int64_t due, decreased;           /* lines that warehouse and ledger see differently */
    int64_t skipped;                  /* orders that were not quiet */
    int64_t unreadable;               /* orders whose list can't be read */
    int64_t unwritten;                /* findings that are told, but not believed yet */
    int64_t opened;
    int64_t duration_ms;
    bool was_stopped;
};

struct audit_options {
    const struct sync_options *sync;
    const char *only_order; /* NULL: more */
    bool is_all;
    const char *since; /* a time, as the server reads it; NULL: for since_ms */
    int64_t since_ms;
    bool is_quick; /* no second list: what would need one is told, and not written */

    /* A line that doesn't agree, or, with only_order, any. Borrowed for the call. */
    bool (*line_fn)(void *ctx, const struct audit_line *line, bool is_written, struct error *err);
    /* How far it is, now and then; waits_ms: until orders are listed again, 0: not waiting. */
    void (*progress_fn)(void *ctx, const struct audit_summary *so_far, int64_t waits_ms);
    void *ctx;
};

/* False: err says which exit code; what was recorded stays, and summary is filled as far as it
 * goes. */
bool audit_run(const struct audit_options *options, int stop_fd, struct audit_summary *summary,
               struct error *err);

#endif
