/*
 * run — is another run of this host active? And what each run begins with in shadow mode.
 */
#ifndef LEDGER_RUN_H
#define LEDGER_RUN_H

#include <stdbool.h>

#include "base/error.h"
#include "ledger/ledger.h"

/* Held by the session until it ends. is_alone is false only when skips is true and another run of
 * this host works on this ledger. */
bool run_join(struct ledger *ledger, bool skips, bool *is_alone, struct error *err);

/* In shadow mode: orders with planned units are to be listed, if they weren't lately. */
bool run_look_in_shadow(struct ledger *ledger, struct error *err);

#endif
