/*
 * history_upstream — orders that the warehouse knows by the merchant's own number alone are asked
 * for, before a baseline lists the orders.
 */
#ifndef SYNC_HISTORY_UPSTREAM_H
#define SYNC_HISTORY_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "http/http.h"
#include "ledger/ledger.h"
#include "provider/provider.h"
#include "sync/budget.h"
#include "sync/sync.h"

struct history_upstream {
    const struct sync_options *options;
    struct ledger *ledger;
    struct http *http; /* with nothing else in flight */
    struct provider *provider;
    struct budget *budget;
    int64_t run_id;
    int stop_fd;
};

/* Every number that was noted and is due to be asked for, once. ERROR_CANCELLED: stopped. */
bool history_upstream_resolve(const struct history_upstream *with, struct error *err);

#endif
