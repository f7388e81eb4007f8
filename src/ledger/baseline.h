/*
 * baseline — what happened before this ledger, told once.
 */
#ifndef LEDGER_BASELINE_H
#define LEDGER_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ledger/ledger.h"
#include "ledger/warehouse.h"

struct baseline_result {
    int64_t rows;  /* of the warehouse, read */
    int64_t units; /* booked as settled */
};

/* Nothing was posted before: all that the warehouse shows is due. ERROR_STATE: there is a baseline
 * already. */
bool baseline_nothing(struct ledger *ledger, const char *who, struct error *err);

/* All that the relation shows is settled; with before, all that was changed before that time (as
 * PostgreSQL reads it). One transaction: all of it or nothing. The relation is read once.
 * ERROR_CONFIG: it can't be read whole, has no changed_at, or before is no time. */
bool baseline_warehouse(struct ledger *ledger, const struct warehouse *warehouse,
                        const char *before, const char *who, struct baseline_result *out,
                        struct error *err);

#endif
