/*
 * run — what the work is told, from configuration and command line.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "base/secret.h"
#include "cli/options.h"
#include "config/config.h"
#include "sync/sync.h"

/* Texts are borrowed from all of them. options may be NULL; ERROR_USAGE for a value out of range.
 */
bool run_options_fill(const struct config *config, const struct options *options,
                      const struct secret *key, const char *command, struct sync_options *out,
                      struct error *err);

/* "run 17: looked at 3, planned 2, ... backlog 0 in 0.4 s" and a line end. */
void run_put_summary(const char *command, const struct sync_summary *summary, FILE *out);

#endif
