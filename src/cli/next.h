/*
 * next — what to type next, as commands that exist and can be typed as they stand.
 */
#ifndef CLI_NEXT_H
#define CLI_NEXT_H

#include "cli/health.h"
#include "ledger/report.h"

enum { NEXT_MAX = 16, NEXT_BYTES = 1024 };

struct next {
    char lines[NEXT_MAX][NEXT_BYTES];
    int count;
};

void next_fill(const struct report_status *status, const struct health_facts *facts,
               const struct health *health, const char *schema, struct next *out);

#endif
