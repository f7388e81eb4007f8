/* reach — what to do about an API that can't be reached, or that tells us to stay away. */
#ifndef SYNC_REACH_H
#define SYNC_REACH_H

#include "http/http.h"
#include "ledger/ledger.h"
#include "sync/budget.h"

/* For HTTP_DISTRUST_NONE it asks for api.base_url. */
const char *reach_advice(enum http_distrust distrust);

#define REACH_429 "429: too many requests"

/* A 429: nobody who uses the key calls for ms. Says so where that is longer than was known. */
bool reach_block(struct budget *budget, struct ledger *ledger, int64_t ms, struct error *err);

#endif
