/*
 * api — the API as the options describe it: its wire format, and what carries requests to it.
 */
#ifndef SYNC_API_H
#define SYNC_API_H

#include <stdbool.h>

#include "base/error.h"
#include "http/http.h"
#include "provider/provider.h"
#include "sync/sync.h"

/* instance: the ledger's id; in_flight_max: requests at once. Both are the caller's to free, after
 * a failure too: then one of them may be there already. Options are borrowed for their life. */
bool api_open(const struct sync_options *options, const char *instance, int in_flight_max,
              struct provider **provider, struct http **http, struct error *err);

#endif
