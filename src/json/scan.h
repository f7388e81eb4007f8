/*
 * scan — what a text must be before cJSON may see it.
 */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { JSON_DEPTH_MAX = 64, JSON_VALUES_MAX = 1000000 };

/* cJSON descends by recursion, ends its strings at \u0000 and takes any bytes for text. values: no
 * more than so many of them are in it. */
bool json_scan(const char *bytes, size_t count, int *values, struct error *err);

/* Writes \ufffd over each escape that names no character, which takes as many bytes; false when
 * there is none. */
bool json_scan_mend(char *bytes, size_t count);

#endif
