/*
 * prune — old history goes, piece by piece; what is settled is never forgotten (law 11).
 */
#ifndef LEDGER_PRUNE_H
#define LEDGER_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/ledger.h"

struct prune_result {
    int64_t submissions, months, discrepancies, runs, forgotten;
};

/* Everything that ended more than keep_ms ago (negative: nothing), and what is personal of orders
 * that are over for longer than keep_personal_ms (negative: of none). A transaction a piece, so
 * that nobody waits long; *out holds what was done also when it fails. stop_fd becomes readable:
 * ends early, true. For the ledger's owner. */
bool prune_run(struct ledger *ledger, int64_t keep_ms, int64_t keep_personal_ms, int stop_fd,
               struct prune_result *out, struct error *err);

/* The ledger's audit of itself: once a day, `rows_max` rows of it at a time. */
bool prune_audit(struct ledger *ledger, int64_t run_id, int rows_max, struct error *err);

#endif
