#include "ledger/baseline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ledger/statements.h"

#define BASELINE_SQL_BYTES_MAX 65536
#define BASELINE_PIECE_ROWS    5000

static bool
baseline_done(struct ledger *ledger, const char *kind, const char *who, struct error *err)
{
    const char *const params[] = {kind, who};

    if (pg_run(ledger_pg(ledger), &stmt_baseline_done, params, NULL, err))
        return true;
    ledger_refine_error(err);
    return false;
}

bool
baseline_nothing(struct ledger *ledger, const char *who, struct error *err)
{
    return baseline_done(ledger, "nothing", who, err);
}

/* Before anything is read: a second baseline would read all for nothing. */
static bool
baseline_must_be_new(struct ledger *ledger, struct error *err)
{
    struct ledger_identity identity;

    if (!ledger_identify(ledger, &identity, err))
        return false;
    if (strcmp(identity.mode, "new") == 0)
        return true;
    return error_set(err, ERROR_STATE, "the ledger is %s, its baseline is given already",
                     identity.mode);
}

static bool
baseline_read_time(struct pg *pg, const char *before, struct error *err)
{
    const char *const params[] = {before};

    if (pg_query(pg, "select $1::timestamptz", 1, params, NULL, err))
        return true;
    if (strncmp(err->sqlstate, "22", 2) == 0) {
        error_clear(err);
        error_set(err, ERROR_USAGE,
                  "--before must be a time such as 2026-11-01 or "
                  "2026-11-01T06:00:00Z, got \"%s\"",
                  before);
    }
    return false;
}

/* The relation once, numbered by order, so that pieces of it can be booked one after the other. */
static bool
baseline_copy(struct pg *pg, const struct warehouse *warehouse, const char *before, int64_t *rows,
              struct error *err)
{
    bool ok = false;
    char *literal = before != NULL ? pg_quote_literal(before) : NULL;
    struct pg_rows *answer = NULL;
    struct buffer sql;

    buffer_init(&sql, BASELINE_SQL_BYTES_MAX);
    (void)buffer_printf(&sql,
                        "create temp table baseline_copy on commit drop as\n"
                        "select row_number() over (order by x.order_id) as n, x.* from (%s) x\n"
                        " where x.order_id <> ''",
                        warehouse_all_sql(warehouse));
    if (literal != NULL)
        (void)buffer_printf(&sql, " and x.changed_at < %s::timestamptz", literal);
    if (sql.is_failed || (before != NULL && literal == NULL)) {
        error_set(err, ERROR_NOMEM, "no memory for the statement");
        goto done;
    }
    if (!pg_exec(pg, buffer_text(&sql), err) ||
        !pg_exec(pg, "create index on baseline_copy (n); analyze baseline_copy", err) ||
        !pg_query(pg, "select coalesce(max(n), 0) from baseline_copy", 0, NULL, &answer, err))
        goto done;
    *rows = pg_rows_int(answer, 0, 0);
    ok = true;

done:
    pg_rows_free(answer);
    free(literal);
    buffer_free(&sql);
    return ok;
}

static bool
baseline_book(struct pg *pg, const char *why, struct baseline_result *out, struct error *err)
{
    for (int64_t from = 1; from <= out->rows; from += BASELINE_PIECE_ROWS) {
        char first[24];
        char last[24];
        const char *const params[] = {first, last, why};
        struct pg_rows *rows = NULL;

        (void)snprintf(first, sizeof(first), "%lld", (long long)from);
        (void)snprintf(last, sizeof(last), "%lld", (long long)(from + BASELINE_PIECE_ROWS - 1));
        if (!pg_query(pg,
                      "select baseline_rows(array(select row(x.order_id, x.item_id, x.shipment_ref,"
                      " x.ordered_quantity, x.shipped_quantity, x.cancelled_quantity,"
                      " x.returned_quantity, x.tracking_company, x.tracking_number, x.tracking_url,"
                      " x.shipment_id, x.shipment_item_id, x.fulfillment_model)::reading"
                      " from baseline_copy x where x.n between $1::int8 and $2::int8), $3::text)",
                      3, params, &rows, err))
            return false;
        out->units += pg_rows_int(rows, 0, 0);
        pg_rows_free(rows);
    }
    return true;
}

bool
baseline_warehouse(struct ledger *ledger, const struct warehouse *warehouse, const char *before,
                   const char *who, struct baseline_result *out, struct error *err)
{
    bool ok = false;
    struct pg *pg = ledger_pg(ledger);
    struct error ignored = {0};
    char why[200];

    *out = (struct baseline_result){.rows = 0};
    if (warehouse_all_sql(warehouse) == NULL) {
        error_set(err, ERROR_CONFIG, "%s is a function, which can't be read whole",
                  warehouse_name(warehouse));
        error_hint(err, "set warehouse.line_items to a view for this one command");
        return false;
    }
    if (before != NULL && !warehouse_has_changed_at(warehouse)) {
        error_set(err, ERROR_CONFIG, "%s has no column changed_at, which --before needs",
                  warehouse_name(warehouse));
        return false;
    }
    if (before != NULL && !baseline_read_time(pg, before, err))
        return false;
    if (!baseline_must_be_new(ledger, err) || !pg_exec(pg, "begin", err))
        return false;
    (void)snprintf(why, sizeof(why), "settled before this ledger, says %.100s", who);
    ok = baseline_copy(pg, warehouse, before, &out->rows, err) &&
         baseline_book(pg, why, out, err) && baseline_done(ledger, "warehouse", who, err) &&
         pg_exec(pg, "commit", err);
    if (!ok) {
        ledger_refine_error(err);
        (void)pg_exec(pg, "rollback", &ignored);
        error_context(err, "baseline");
    }
    return ok;
}
