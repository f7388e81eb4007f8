/*
 * status — the ledger's state as it was read once, judged, in each form that it is shown in.
 */
#ifndef CLI_STATUS_H
#define CLI_STATUS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/health.h"
#include "cli/next.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "ledger/report.h"

struct status {
    struct report_status report;
    struct health_facts facts;
    struct health_limits limits;
    struct health health;
    struct next next;
};

/* max_age_ms: how long ago the last run may have ended. report.pace stays NULL unless it is wanted.
 * The caller clears it, also after a failure. */
bool status_read(const struct config *config, struct ledger *ledger, int64_t max_age_ms,
                 bool wants_pace, struct status *out, struct error *err);
void status_clear(struct status *status);

/* One object and a line end; pace must be there. */
bool status_put_json(const struct status *status, FILE *out, struct error *err);

enum { STATUS_MAX_AGE_MS = 900000 };

#endif
