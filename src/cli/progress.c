#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

struct progress
progress_begin(bool is_quiet)
{
    return (struct progress){.is_shown = !is_quiet && isatty(STDERR_FILENO) == 1};
}

void
progress_put(struct progress *progress, const char *fmt, ...)
{
    va_list args;

    if (!progress->is_shown)
        return;
    progress_wipe(progress);
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fflush(stderr);
    progress->has_line = true;
}

void
progress_wipe(struct progress *progress)
{
    if (progress->has_line)
        (void)fputs("\r\033[K", stderr);
    progress->has_line = false;
}
