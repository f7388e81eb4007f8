/*
 * stop — SIGTERM and SIGINT as a descriptor that becomes readable.
 */
#ifndef CLI_STOP_H
#define CLI_STOP_H

#include <stdbool.h>

#include "base/error.h"

/* From here on both signals only write a byte to a pipe; *out_fd is its read end, open to the end
 * of the process. May be called again: the same pipe. */
bool stop_install(int *out_fd, struct error *err);

#endif
