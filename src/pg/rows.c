#include <assert.h>
#include <libpq-fe.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/number.h"
#include "pg/internal.h"

struct pg_rows {
    PGresult *res;
};

struct pg_rows *
pg_rows_new(PGresult *res)
{
    struct pg_rows *rows = calloc(1, sizeof(*rows));

    if (rows != NULL)
        rows->res = res;
    return rows;
}

int
pg_rows_count(const struct pg_rows *rows)
{
    return PQntuples(rows->res);
}

int
pg_rows_columns(const struct pg_rows *rows)
{
    return PQnfields(rows->res);
}

int
pg_rows_parameters(const struct pg_rows *rows)
{
    return PQnparams(rows->res);
}

const char *
pg_rows_name(const struct pg_rows *rows, int column)
{
    assert(column >= 0 && column < PQnfields(rows->res));
    return PQfname(rows->res, column);
}

const char *
pg_rows_text(const struct pg_rows *rows, int row, int column)
{
    assert(row >= 0 && row < PQntuples(rows->res));
    assert(column >= 0 && column < PQnfields(rows->res));
    return PQgetisnull(rows->res, row, column) ? NULL : PQgetvalue(rows->res, row, column);
}

int64_t
pg_rows_int(const struct pg_rows *rows, int row, int column)
{
    const char *text = pg_rows_text(rows, row, column);
    int64_t value = 0;
    bool is_int = text != NULL && number_parse(text, INT64_MIN, INT64_MAX, &value);

    assert(is_int);
    return value;
}

bool
pg_rows_bool(const struct pg_rows *rows, int row, int column)
{
    const char *text = pg_rows_text(rows, row, column);

    assert(text == NULL || ((text[0] == 't' || text[0] == 'f') && text[1] == '\0'));
    return text != NULL && text[0] == 't';
}

bool
pg_rows_is_numeric(const struct pg_rows *rows, int column)
{
    assert(column >= 0 && column < PQnfields(rows->res));
    /* Fixed in pg_type.dat: int8, int2, int4, oid, float4, float8, numeric. */
    switch (PQftype(rows->res, column)) {
    case 20:
    case 21:
    case 23:
    case 26:
    case 700:
    case 701:
    case 1700:
        return true;
    default:
        return false;
    }
}

int64_t
pg_rows_affected(const struct pg_rows *rows)
{
    int64_t count = 0;

    (void)number_parse(PQcmdTuples(rows->res), 0, INT64_MAX, &count);
    return count;
}

void
pg_rows_free(struct pg_rows *rows)
{
    if (rows == NULL)
        return;
    PQclear(rows->res);
    free(rows);
}
