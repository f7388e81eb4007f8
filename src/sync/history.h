/*
 * history — the API's own word on what happened before a ledger: a baseline, and one fulfillment by
 * its id.
 *
 * Every order of the relation is listed, so many at a time as the key's rate
 * and max_in_flight allow; what is read is booked in pieces, so that the work
 * goes on where it was stopped or killed.
 */
#ifndef SYNC_HISTORY_H
#define SYNC_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/baseline.h"
#include "ledger/ledger.h"
#include "ledger/warehouse.h"
#include "sync/sync.h"

struct history_progress {
    int64_t orders, listed; /* listed: with those of an earlier try */
    int64_t unknown;        /* the API refuses to list them: it knows no such order */
    int64_t duration_ms;
};

/* Called now and then. */
typedef void history_progress_fn(void *ctx, const struct history_progress *progress);

struct history_options {
    const struct sync_options *sync;
    const struct baseline_options *baseline;
    int stop_fd; /* -1: none */
    history_progress_fn *progress_fn;
    void *ctx;
};

/* ERROR_CANCELLED: stopped by the signal; what is booked stays, and the same again goes on.
 * ERROR_API: the key is refused, or an order could not be listed after many tries. */
bool history_read(struct ledger *ledger, const struct warehouse *warehouse,
                  const struct history_options *options, struct history_progress *progress,
                  struct baseline_result *out, struct error *err);

/* GET of one fulfillment: its order, and it as a listing of one (the caller frees both); both stay
 * NULL when the API doesn't know it. */
bool history_fulfillment(const struct sync_options *options, const char *instance,
                         const char *fulfillment_id, char **order_id, char **listing,
                         struct error *err);

#endif
