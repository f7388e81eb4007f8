#include "cli/rows.h"

#include <assert.h>
#include <string.h>

static bool
rows_next(void *ctx, bool *is_end, struct error *err)
{
    struct rows *rows = ctx;

    (void)err;
    rows->row++;
    *is_end = rows->row >= pg_rows_count(rows->rows);
    return true;
}

static const char *
rows_cell(void *ctx, int column)
{
    const struct rows *rows = ctx;

    return pg_rows_text(rows->rows, rows->row, column);
}

void
rows_source(const struct pg_rows *result, struct rows *rows, struct table_source *out)
{
    int count = pg_rows_columns(result);

    assert(count <= ROWS_COLUMNS_MAX);
    rows->rows = result;
    rows->row = -1;
    for (int column = 0; column < count; column++) {
        const char *name = pg_rows_name(result, column);

        rows->columns[column] = (struct table_column){
            .name = name,
            .kind = pg_rows_is_numeric(result, column) ? TABLE_NUMBER
                    : strncmp(name, "is_", 3) == 0     ? TABLE_BOOL
                                                       : TABLE_TEXT,
        };
    }
    *out = (struct table_source){.columns = rows->columns,
                                 .columns_count = count,
                                 .ctx = rows,
                                 .next_fn = rows_next,
                                 .cell_fn = rows_cell};
}

static int
rows_column(const struct pg_rows *result, const char *name)
{
    for (int column = 0; column < pg_rows_columns(result); column++) {
        if (strcmp(pg_rows_name(result, column), name) == 0)
            return column;
    }
    assert(false && "a column that the statement doesn't have");
    return -1;
}

const char *
rows_text(const struct pg_rows *result, int row, const char *name)
{
    return pg_rows_text(result, row, rows_column(result, name));
}

int64_t
rows_int(const struct pg_rows *result, int row, const char *name, int64_t otherwise)
{
    int column = rows_column(result, name);

    return pg_rows_text(result, row, column) == NULL ? otherwise : pg_rows_int(result, row, column);
}
