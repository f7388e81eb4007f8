/*
 * csv — a file of rows as RFC 4180 has it, read one by one with bounds on everything.
 *
 * Fields may be quoted, hold commas, doubled quotes and line ends; lines end
 * with LF or CRLF; a byte order mark is skipped. A row knows the line that it
 * begins on.
 */
#ifndef CLI_CSV_H
#define CLI_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum { CSV_FIELDS_MAX = 32, CSV_ROW_BYTES_MAX = 65536 };

struct csv; /* a file that is read */

/* file is borrowed. */
bool csv_new(FILE *file, struct csv **out, struct error *err);
void csv_free(struct csv *csv); /* NULL is fine */

enum csv_read {
    CSV_ROW,
    CSV_BAD, /* this row is none; csv_why says what is wrong; the next one may be read */
    CSV_END,
    CSV_FAILED, /* the file can't be read further */
};

/* Fields are valid until the next call. Empty lines are passed over. */
enum csv_read csv_next(struct csv *csv, const char *const **fields, int *count);
int64_t csv_line(const struct csv *csv); /* where the row begins, from 1 */
const char *csv_why(const struct csv *csv);

#endif
