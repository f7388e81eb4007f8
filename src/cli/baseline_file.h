/*
 * baseline_file — a baseline from a CSV file, with every mistake of it as FILE:LINE.
 */
#ifndef CLI_BASELINE_FILE_H
#define CLI_BASELINE_FILE_H

#include <stdbool.h>

#include "base/error.h"
#include "ledger/baseline.h"

/* Mistakes go to stderr, one line each, then it is ERROR_CONFIG and nothing was booked. */
bool baseline_file_read(const char *path, struct ledger *ledger, const struct warehouse *warehouse,
                        const struct baseline_options *options, struct baseline_result *out,
                        struct error *err);

#endif
