/*
 * number — strict reading of numbers: the whole text, within bounds, or false.
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits with an optional sign, nothing before or after. *out is untouched on failure. */
bool number_parse(const char *text, int64_t min, int64_t max, int64_t *out);

/* "90s", "15m", "12h", "7d", "4w" or plain milliseconds "1500ms"; a bare number is refused. */
bool number_parse_duration_ms(const char *text, int64_t *out_ms);

#endif
