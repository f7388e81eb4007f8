/*
 * progress — one line on a terminal's stderr that says how far a command is.
 *
 * It is wiped before the next one, and by the command before it says anything else.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>

#include "base/error.h"

struct progress {
    bool is_shown; /* else nobody looks: there is the log */
    bool has_line;
};

/* Shown on a terminal, unless quiet is wanted. */
struct progress progress_begin(bool is_quiet);

/* Nothing, where it is not shown. */
void progress_put(struct progress *progress, const char *fmt, ...) PRINTF_LIKE(2, 3);
void progress_wipe(struct progress *progress);

#endif
