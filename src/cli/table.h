/*
 * table — rows for people (aligned columns) or programs (CSV, JSON), from any source of rows.
 *
 * Rows are pulled one by one, so that a report of millions needs no memory: the
 * widths of the aligned form come from the first rows alone. What data holds
 * never reaches a terminal raw: control characters are shown.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

enum table_format { TABLE_ALIGNED, TABLE_CSV, TABLE_JSON };

enum table_kind { TABLE_TEXT, TABLE_NUMBER, TABLE_BOOL };

struct table_column {
    const char *name;
    enum table_kind kind; /* of a bool, a cell is "t" or "f" */
};

struct table_source {
    const struct table_column *columns;
    int columns_count;
    void *ctx;
    /* Moves to the next row, the first at first. *is_end: there is none. False: failed, err says.
     */
    bool (*next_fn)(void *ctx, bool *is_end, struct error *err);
    /* A cell of that row, valid until the next one; NULL is null. */
    const char *(*cell_fn)(void *ctx, int column);
};

/* "table", "csv" or "json". */
bool table_format_parse(const char *text, enum table_format *out);

/* Columns on the terminal; combining marks take none, wide characters two. */
int table_width(const char *text);

/* Aligned: a heading, and where there is no row only the words (none). CSV as RFC 4180 says, null
 * as nothing and the empty text as "". JSON: an array of objects, one a line. Whoever writes to a
 * terminal says so: there even CSV shows its control characters. */
bool table_write(const struct table_source *source, enum table_format format, bool is_terminal,
                 FILE *out, struct error *err);

/* Text with everything unsafe made visible; for single lines outside tables. NULL is "". */
void table_put_visible(FILE *out, const char *text);

/* JSON text, with what a terminal would obey written as \uXXXX. */
void table_put_json(FILE *out, const char *json);

#endif
