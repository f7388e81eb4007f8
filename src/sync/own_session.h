/*
 * own_session — how each part of the work gets a database session of its own.
 */
#ifndef SYNC_OWN_SESSION_H
#define SYNC_OWN_SESSION_H

#include "ledger/ledger.h"
#include "sync/sync.h"

struct own_session_limits {
    int64_t statement_ms;
    int64_t lock_ms;    /* 0: the ledger's own */
    int64_t connect_ms; /* for each host of the url, unless that says it; 0: 10 s */
};

/* Opens the ledger that the options name; the server lists the session as "waybill NAME". Blocks
 * until it stands or can't be had. *out has to be NULL, stays so on failure, and is the caller's to
 * close. The errors are those of ledger_open. */
bool own_session_open(struct ledger **out, const struct sync_options *options, const char *name,
                      const struct own_session_limits *limits, struct error *err);

#endif
