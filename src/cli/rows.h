/*
 * rows — a result of the database as rows of a table.
 */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "cli/table.h"
#include "pg/pg.h"

enum { ROWS_COLUMNS_MAX = 64 };

struct rows {
    const struct pg_rows *rows;
    int row; /* -1 before the first */
    struct table_column columns[ROWS_COLUMNS_MAX];
};

/* Borrowed for as long as out is used. Numbers by their type, booleans by a name that begins with
 * is_. */
void rows_source(const struct pg_rows *result, struct rows *rows, struct table_source *out);

/* By the column's name, which must be there. NULL is null; a null number is `otherwise`. */
const char *rows_text(const struct pg_rows *result, int row, const char *name);
int64_t rows_int(const struct pg_rows *result, int row, const char *name, int64_t otherwise);

#endif
