/*
 * who — the system's user, for the record of a decision.
 */
#ifndef CLI_WHO_H
#define CLI_WHO_H

#include <stddef.h>

/* "anna", or "uid 1007" where the number has no name. */
void who_read(char *out, size_t out_bytes);

#endif
