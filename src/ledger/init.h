/*
 * init — create or upgrade the ledger's schema, and give roles what they need.
 */
#ifndef LEDGER_INIT_H
#define LEDGER_INIT_H

#include <stdbool.h>

#include "base/error.h"
#include "ledger/ledger.h"

struct ledger_init_options {
    const struct ledger_options *session;
    const char *grant_role;    /* a worker role: may do what `run` needs; NULL: none new */
    const char *grant_reports; /* a reporter role: reads the views; NULL: none new */
    const char *grant_feed;    /* the warehouse's owner: installs the feed; NULL: none new */
};

struct ledger_init_result {
    int version_before; /* 0: the schema was not there */
    int version_after;
    int code_changed; /* functions and views put in anew */
    bool is_granted;
};

/* Idempotent, one transaction, one at a time (advisory lock), lock_timeout 5 s. Refuses a newer
 * schema (ERROR_CONFIG, both numbers), a migration whose recorded hash differs from ours, and a
 * schema of that name which isn't a ledger. */
bool ledger_init(const struct ledger_init_options *options, struct ledger_init_result *out,
                 struct error *err);

#endif
