#include "ledger/baseline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ledger/baseline_parts.h"
#include "ledger/statements.h"

#define BASELINE_ARRAYS_BYTES_MAX (32 * 1024 * 1024)
#define BASELINE_PIECE_ROWS       5000

void
baseline_why(const struct baseline_options *options, char *out, size_t out_bytes)
{
    (void)snprintf(out, out_bytes, "settled before this ledger, says %.100s", options->who);
}

bool
baseline_must_be(struct ledger *ledger, const char *kind, struct error *err)
{
    struct ledger_identity identity;
    const char *const params[] = {kind};

    if (!ledger_identify(ledger, &identity, err))
        return false;
    if (pg_run(ledger_pg(ledger), &stmt_baseline_must_be, params, NULL, err))
        return true;
    ledger_refine_error(err);
    if (strcmp(err->sqlstate, "42501") == 0)
        error_hint(err, "only the role that owns the ledger may give its baseline");
    return false;
}

static bool
baseline_done(struct ledger *ledger, const char *kind, const struct baseline_options *options,
              struct error *err)
{
    const char *const params[] = {kind, options->who, options->begins_shadow ? "shadow" : "live"};

    if (pg_run(ledger_pg(ledger), &stmt_baseline_done, params, NULL, err))
        return true;
    ledger_refine_error(err);
    return false;
}

/* A statement with one slot, which is a statement too: name, and what it is filled with. */
static bool
baseline_query_over(struct pg *pg, const char *name, const char *inner,
                    const struct statements_slot *inner_slots, const char *text, int nparams,
                    const char *const *params, struct pg_rows **out, struct error *err)
{
    char *filled = NULL;
    bool ok = statements_fill(inner, inner_slots, &filled, err);

    if (ok) {
        const struct statements_slot slots[] = {{name, filled}, {NULL, NULL}};

        ok = statements_query(pg, text, slots, nparams, params, out, err);
    }
    free(filled);
    return ok;
}

bool
baseline_query_numbers(struct ledger *ledger, const struct warehouse *warehouse, const char *text,
                       struct pg_rows **out, struct error *err)
{
    const struct statements_slot relation[] = {{"relation", warehouse_all_sql(warehouse)},
                                               {NULL, NULL}};

    return baseline_query_over(ledger_pg(ledger), "numbers", template_baseline_numbers, relation,
                               text, 0, NULL, out, err);
}

/* What the relation shows beyond what is booked, line by line; within the transaction that is
 * rolled back. */
static bool
baseline_due(struct ledger *ledger, const struct warehouse *warehouse, struct baseline_result *out,
             struct error *err)
{
    struct pg_rows *rows = NULL;

    if (warehouse_all_sql(warehouse) == NULL) {
        out->due_lines = out->due_shipped = out->due_cancelled = -1;
        return true;
    }
    const struct statements_slot slots[] = {{"relation", warehouse_all_sql(warehouse)},
                                            {NULL, NULL}};

    if (!statements_query(ledger_pg(ledger), template_baseline_due, slots, 0, NULL, &rows, err))
        return false;
    out->due_lines = pg_rows_int(rows, 0, 0);
    out->due_shipped = pg_rows_int(rows, 0, 1);
    out->due_cancelled = pg_rows_int(rows, 0, 2);
    pg_rows_free(rows);
    return true;
}

bool
baseline_close(struct ledger *ledger, bool ok, struct error *err)
{
    struct error ignored = {0};

    if (ok)
        return pg_exec(ledger_pg(ledger), "commit", err);
    (void)pg_exec(ledger_pg(ledger), "rollback", &ignored);
    return false;
}

bool
baseline_finish(struct ledger *ledger, const struct warehouse *warehouse, const char *kind,
                const struct baseline_options *options, struct baseline_result *out,
                struct error *err)
{
    bool ok = options->is_dry_run ? baseline_due(ledger, warehouse, out, err)
                                  : baseline_done(ledger, kind, options, err);

    if (ok && options->is_dry_run) {
        ok = pg_exec(ledger_pg(ledger), "rollback", err);
    } else {
        ok = baseline_close(ledger, ok, err);
    }
    if (!ok)
        error_context(err, "baseline");
    return ok;
}

bool
baseline_nothing(struct ledger *ledger, const struct warehouse *warehouse,
                 const struct baseline_options *options, struct baseline_result *out,
                 struct error *err)
{
    *out = (struct baseline_result){.lines = 0};
    return baseline_must_be(ledger, "nothing", err) && pg_exec(ledger_pg(ledger), "begin", err) &&
           baseline_finish(ledger, warehouse, "nothing", options, out, err);
}

/* ------------------------------------------------------------------- warehouse */

bool
baseline_refuse_before(const char *before, struct error *err)
{
    return error_set(err, ERROR_USAGE,
                     "--before must be a time such as 2026-11-01 or 2026-11-01T06:00:00Z, got "
                     "\"%s\"",
                     before);
}

static bool
baseline_read_time(struct pg *pg, const char *before, struct error *err)
{
    const char *const params[] = {before};

    if (pg_run(pg, &stmt_baseline_time, params, NULL, err))
        return true;
    if (strncmp(err->sqlstate, "22", 2) == 0) {
        error_clear(err);
        (void)baseline_refuse_before(before, err);
    }
    return false;
}

/* The relation once, in a table that lives in this transaction: no ledger has it, so what makes it
 * ready stands here. */
static bool
baseline_copy(struct pg *pg, const struct warehouse *warehouse, const char *before,
              int64_t *rows_count, struct error *err)
{
    const char *const params[] = {before};
    const struct statements_slot slots[] = {{"relation", warehouse_all_sql(warehouse)},
                                            {NULL, NULL}};
    struct pg_rows *made = NULL;
    bool ok = statements_query(pg, template_baseline_copy, slots, 1, params, &made, err) &&
              pg_exec(pg, "create index on baseline_copy (n); analyze baseline_copy", err);

    if (ok)
        *rows_count = pg_rows_affected(made);
    pg_rows_free(made);
    return ok;
}

/* A statement over the copy: its :readings is filled in. */
static bool
baseline_query_copy(struct pg *pg, const char *text, int nparams, const char *const *params,
                    struct pg_rows **out, struct error *err)
{
    const struct statements_slot copy[] = {{"copy", "baseline_copy"}, {NULL, NULL}};

    return baseline_query_over(pg, "readings", template_baseline_readings, copy, text, nparams,
                               params, out, err);
}

/* Rows that can't be booked, since nobody can tell their units: mended, they would be due. */
static bool
baseline_needs_good_rows(struct pg *pg, const struct warehouse *warehouse, struct error *err)
{
    struct pg_rows *rows = NULL;
    bool ok;

    if (!baseline_query_copy(pg, template_baseline_bad, 0, NULL, &rows, err))
        return false;
    ok = pg_rows_int(rows, 0, 0) == 0;
    if (!ok) {
        error_set(err, ERROR_CONFIG, "%lld rows of %s can't be counted, nor settled: %s%s",
                  (long long)pg_rows_int(rows, 0, 0), warehouse_name(warehouse),
                  pg_rows_text(rows, 0, 1), pg_rows_int(rows, 0, 0) > 3 ? ", ..." : "");
        error_hint(err, "mend them first, or what they show would be posted once they are mended; "
                        "or use: waybill baseline --from api");
    }
    pg_rows_free(rows);
    return ok;
}

static bool
baseline_book(struct pg *pg, int64_t rows_count, const char *why, struct baseline_result *out,
              struct error *err)
{
    for (int64_t from = 1; from <= rows_count; from += BASELINE_PIECE_ROWS) {
        char first[PG_INT_BYTES];
        char last[PG_INT_BYTES];
        const char *const params[] = {first, last, why};
        struct pg_rows *rows = NULL;

        pg_int_text(first, from);
        pg_int_text(last, (from + BASELINE_PIECE_ROWS - 1));
        if (!baseline_query_copy(pg, template_baseline_book, 3, params, &rows, err))
            return false;
        out->lines += pg_rows_int(rows, 0, 0);
        out->units += pg_rows_int(rows, 0, 1);
        pg_rows_free(rows);
    }
    return true;
}

/* Rows that can't be booked, since their order is not known yet, would be due one day. */
static bool
baseline_needs_orders(struct ledger *ledger, const struct warehouse *warehouse, struct error *err)
{
    bool ok;
    struct pg_rows *rows = NULL;

    if (!warehouse_has_upstream(warehouse))
        return true;
    if (!baseline_query_numbers(ledger, warehouse, template_baseline_unnamed, &rows, err))
        return false;
    ok = pg_rows_int(rows, 0, 0) == 0;
    if (!ok) {
        error_set(err, ERROR_CONFIG,
                  "%lld rows of %s have units and no order_id yet, only an upstream_id: they can't "
                  "be settled",
                  (long long)pg_rows_int(rows, 0, 0), warehouse_name(warehouse));
        error_hint(err, "give them their order_id, or use: waybill baseline --from api");
    }
    pg_rows_free(rows);
    return ok;
}

/* Rows of which --before can't tell on which side they are would be due. */
static bool
baseline_needs_times(struct pg *pg, const struct warehouse *warehouse, struct error *err)
{
    bool ok;
    struct pg_rows *rows = NULL;
    const struct statements_slot slots[] = {{"relation", warehouse_all_sql(warehouse)},
                                            {NULL, NULL}};

    if (!statements_query(pg, template_baseline_timeless, slots, 0, NULL, &rows, err))
        return false;
    ok = pg_rows_int(rows, 0, 0) == 0;
    if (!ok) {
        error_set(err, ERROR_CONFIG,
                  "%lld rows of %s have units and no changed_at, which --before needs: %s%s",
                  (long long)pg_rows_int(rows, 0, 0), warehouse_name(warehouse),
                  pg_rows_text(rows, 0, 1), pg_rows_int(rows, 0, 0) > 3 ? ", ..." : "");
        error_hint(err, "give them a time, or leave out --before, which settles all rows; or use: "
                        "waybill baseline --from api");
    }
    pg_rows_free(rows);
    return ok;
}

bool
baseline_can_read_all(const struct warehouse *warehouse, struct error *err)
{
    if (warehouse_all_sql(warehouse) != NULL)
        return true;
    error_set(err, ERROR_CONFIG, "%s is a function, which can't be read whole",
              warehouse_name(warehouse));
    error_hint(err, "set warehouse.line_items to a view for this one command");
    return false;
}

bool
baseline_warehouse(struct ledger *ledger, const struct warehouse *warehouse, const char *before,
                   const struct baseline_options *options, struct baseline_result *out,
                   struct error *err)
{
    struct pg *pg = ledger_pg(ledger);
    int64_t rows_count = 0;
    char why[200];

    *out = (struct baseline_result){.lines = 0};
    if (!baseline_can_read_all(warehouse, err))
        return false;
    if (before != NULL && !warehouse_has_changed_at(warehouse)) {
        error_set(err, ERROR_CONFIG, "%s has no column changed_at, which --before needs",
                  warehouse_name(warehouse));
        return false;
    }
    if (before != NULL && !baseline_read_time(pg, before, err))
        return false;
    if (!baseline_must_be(ledger, "warehouse", err) ||
        !baseline_needs_orders(ledger, warehouse, err) ||
        (before != NULL && !baseline_needs_times(pg, warehouse, err)) || !pg_exec(pg, "begin", err))
        return false;
    baseline_why(options, why, sizeof(why));
    if (baseline_copy(pg, warehouse, before, &rows_count, err) &&
        baseline_needs_good_rows(pg, warehouse, err) &&
        baseline_book(pg, rows_count, why, out, err))
        return baseline_finish(ledger, warehouse, "warehouse", options, out, err);
    ledger_refine_error(err);
    error_context(err, "baseline");
    return baseline_close(ledger, false, err);
}

/* ------------------------------------------------------------------------ file */

/* The statements of a file's rows stand here: they are over a table that lives in this transaction,
 * which no ledger has that they could be held against. */

bool
baseline_file_begin(struct ledger *ledger, struct error *err)
{
    /* Whoever reads the file may be slow, the transaction has no one to wait for it. */
    return baseline_must_be(ledger, "csv", err) &&
           pg_exec(ledger_pg(ledger),
                   "begin; set local idle_in_transaction_session_timeout = 0;"
                   " create temp table baseline_lines (line int8, order_id text collate \"C\","
                   " item_id text collate \"C\", shipment_ref text collate \"C\", shipped int8,"
                   " cancelled int8) on commit drop",
                   err);
}

bool
baseline_file_add(struct ledger *ledger, const struct baseline_row *rows, int count,
                  struct error *err)
{
    bool ok = true;
    struct buffer column[6];
    const char *params[6];

    for (int i = 0; i < 6; i++) {
        buffer_init(&column[i], BASELINE_ARRAYS_BYTES_MAX);
        pg_array_begin(&column[i]);
    }
    for (int i = 0; i < count; i++) {
        pg_array_int(&column[0], rows[i].line);
        pg_array_text(&column[1], rows[i].order_id);
        pg_array_text(&column[2], rows[i].item_id);
        pg_array_text(&column[3], rows[i].shipment_ref);
        pg_array_int(&column[4], rows[i].shipped);
        pg_array_int(&column[5], rows[i].cancelled);
    }
    for (int i = 0; i < 6; i++) {
        pg_array_end(&column[i]);
        params[i] = buffer_text(&column[i]);
        ok = ok && !column[i].is_failed;
    }
    if (!ok)
        error_set(err, ERROR_NOMEM, "no memory for %d rows of the file", count);
    ok = ok && pg_query(ledger_pg(ledger),
                        "insert into baseline_lines select * from unnest($1::int8[], $2::text[],"
                        " $3::text[], $4::text[], $5::int8[], $6::int8[])",
                        6, params, NULL, err);
    for (int i = 0; i < 6; i++)
        buffer_free(&column[i]);
    return ok;
}

static bool
baseline_file_book(struct pg *pg, const char *why, struct baseline_result *out, struct error *err)
{
    char from[PG_INT_BYTES] = "0";
    const char *const params[] = {from, why};
    bool is_end = false;

    if (!pg_exec(pg, "create index on baseline_lines (line); analyze baseline_lines", err))
        return false;
    while (!is_end) {
        struct pg_rows *rows = NULL;

        if (!pg_query(pg,
                      "select b.lines, b.units, p.last"
                      " from (select array_agg(x.order_id) as o, array_agg(x.item_id) as i,"
                      " array_agg(x.shipment_ref) as r, array_agg(x.shipped) as s,"
                      " array_agg(x.cancelled) as c, max(x.line) as last"
                      " from (select * from baseline_lines l where l.line > $1::int8"
                      " order by l.line limit 5000) x) p"
                      " cross join lateral baseline_file(p.o, p.i, p.r, p.s, p.c, $2::text) b",
                      2, params, &rows, err))
            return false;
        is_end = pg_rows_text(rows, 0, 2) == NULL;
        if (!is_end) {
            out->lines += pg_rows_int(rows, 0, 0);
            out->units += pg_rows_int(rows, 0, 1);
            (void)snprintf(from, sizeof(from), "%s", pg_rows_text(rows, 0, 2));
        }
        pg_rows_free(rows);
    }
    return true;
}

/* Rows for one key: which of them was meant? */
static bool
baseline_file_twice(struct pg *pg, baseline_twice_fn *twice_fn, void *ctx, bool *is_once,
                    struct error *err)
{
    struct pg_rows *rows = NULL;

    if (!pg_query(pg,
                  "select x.line, x.first_line from (select l.line, min(l.line) over (partition by"
                  " l.order_id, l.item_id, l.shipment_ref) as first_line from baseline_lines l) x"
                  " where x.line > x.first_line order by x.line limit 1000",
                  0, NULL, &rows, err))
        return false;
    for (int i = 0; i < pg_rows_count(rows); i++)
        twice_fn(ctx, pg_rows_int(rows, i, 0), pg_rows_int(rows, i, 1));
    *is_once = pg_rows_count(rows) == 0;
    pg_rows_free(rows);
    return true;
}

bool
baseline_file_end(struct ledger *ledger, const struct warehouse *warehouse, bool ok,
                  const struct baseline_options *options, baseline_twice_fn *twice_fn, void *ctx,
                  struct baseline_result *out, struct error *err)
{
    struct pg *pg = ledger_pg(ledger);
    bool is_once = true;
    char why[200];

    *out = (struct baseline_result){.lines = 0};
    baseline_why(options, why, sizeof(why));
    if (!baseline_file_twice(pg, twice_fn, ctx, &is_once, err))
        return baseline_close(ledger, false, err);
    if (!ok || !is_once) {
        (void)baseline_close(ledger, false, err);
        return true;
    }
    if (baseline_file_book(pg, why, out, err))
        return baseline_finish(ledger, warehouse, "csv", options, out, err);
    ledger_refine_error(err);
    error_context(err, "baseline");
    return baseline_close(ledger, false, err);
}
