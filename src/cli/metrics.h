/*
 * metrics — a file for Prometheus, kept fresh beside the work by a thread with a session of its
 * own.
 *
 * It never fails the work and never waits in its loop: what can't be read or
 * written is one warning, until it can be again.
 */
#ifndef CLI_METRICS_H
#define CLI_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

struct metrics;

/* NULL: no metrics_file, or no memory or thread for it (a warning). config is borrowed. */
struct metrics *metrics_start(const struct config *config, const char *command);

/* From any thread; NULL is fine. As exposition_note_post says. */
void metrics_note_post(struct metrics *metrics, const char *outcome, int64_t duration_ms,
                       bool is_sent);

/* Writes a last time and frees it; NULL is fine. has_database: whether to ask it once more, which
 * takes time when it is away. */
void metrics_stop(struct metrics *metrics, int exit_code, bool has_database);

#endif
