/* A baseline from the API: listings of orders, booked piece by piece. */
#include "ledger/baseline.h"

#include <stdio.h>

#include "base/buffer.h"
#include "ledger/baseline_parts.h"
#include "ledger/statements.h"

bool
baseline_note_upstreams(struct ledger *ledger, const struct warehouse *warehouse, struct error *err)
{
    bool ok = false;
    struct buffer sql;

    if (!baseline_can_read_all(warehouse, err) || !baseline_must_be(ledger, "api", err))
        return false;
    if (!warehouse_has_upstream(warehouse))
        return true;
    buffer_init(&sql, BASELINE_SQL_BYTES_MAX);
    (void)buffer_printf(&sql,
                        "select note_upstreams(array(select distinct x.upstream_id from (%s) x"
                        " where " BASELINE_BY_NUMBER "))",
                        warehouse_all_sql(warehouse));
    ok = baseline_query(ledger, &sql, 0, NULL, NULL, err);
    buffer_free(&sql);
    return ok;
}

bool
baseline_api_begin(struct ledger *ledger, const struct warehouse *warehouse, bool is_dry_run,
                   int64_t *orders, int64_t *listed, struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    struct buffer sql;

    if (!baseline_can_read_all(warehouse, err) || !baseline_must_be(ledger, "api", err))
        return false;
    buffer_init(&sql, BASELINE_SQL_BYTES_MAX);
    if (is_dry_run)
        (void)buffer_puts(&sql,
                          "create temp table baseline_orders (order_id text collate \"C\" primary"
                          " key, listed_at timestamptz);"
                          " create temp table baseline_seen (n int8 generated always as identity"
                          " primary key, listings jsonb, orders text[]);");
    (void)buffer_printf(&sql,
                        "insert into %s (order_id) select distinct x.order_id collate \"C\""
                        " from (%s) x where x.order_id <> '' on conflict do nothing",
                        is_dry_run ? "baseline_orders" : "baseline_progress",
                        warehouse_all_sql(warehouse));
    if (sql.is_failed) {
        error_set(err, ERROR_NOMEM, "no memory for the statement");
        goto done;
    }
    if (!pg_exec(ledger_pg(ledger), buffer_text(&sql), err))
        goto done;
    if (is_dry_run ? !pg_query(ledger_pg(ledger), "select count(*), 0 from baseline_orders", 0,
                               NULL, &rows, err)
                   : !pg_run(ledger_pg(ledger), &stmt_baseline_count, NULL, &rows, err))
        goto done;
    *orders = pg_rows_int(rows, 0, 0);
    *listed = pg_rows_int(rows, 0, 1);
    ok = true;

done:
    pg_rows_free(rows);
    buffer_free(&sql);
    return ok;
}

bool
baseline_api_next(struct ledger *ledger, bool is_dry_run, const char *after, int most,
                  struct pg_rows **out, struct error *err)
{
    char most_text[PG_INT_BYTES];
    const char *const params[] = {after, most_text};

    pg_int_text(most_text, most);
    if (!is_dry_run)
        return pg_run(ledger_pg(ledger), &stmt_baseline_next, params, out, err);
    return pg_query(ledger_pg(ledger),
                    "select order_id::text from baseline_orders where order_id > $1::text collate"
                    " \"C\" order by order_id limit $2::int4",
                    2, params, out, err);
}

static bool
baseline_api_piece(struct ledger *ledger, const struct warehouse *warehouse, const char *listings,
                   const char *orders, const char *why, struct baseline_result *out,
                   struct error *err)
{
    bool ok = false;
    struct buffer sql;
    struct pg_rows *rows = NULL;
    const char *const params[] = {orders, listings, why};

    buffer_init(&sql, BASELINE_SQL_BYTES_MAX);
    (void)buffer_printf(&sql,
                        "select lines, units from baseline_listings($2::jsonb,"
                        " array(select row(x.*)::reading from (%s) x), $3::text)",
                        warehouse_rows_sql(warehouse));
    if (!baseline_query(ledger, &sql, 3, params, &rows, err)) {
        ledger_refine_error(err);
        goto done;
    }
    out->lines += pg_rows_int(rows, 0, 0);
    out->units += pg_rows_int(rows, 0, 1);
    ok = true;

done:
    pg_rows_free(rows);
    buffer_free(&sql);
    return ok;
}

bool
baseline_api_book(struct ledger *ledger, const struct warehouse *warehouse, const char *listings,
                  const char *orders, const struct baseline_options *options,
                  struct baseline_result *out, struct error *err)
{
    const char *const params[] = {listings, orders};
    char why[200];

    if (options->is_dry_run)
        return pg_query(ledger_pg(ledger),
                        "insert into baseline_seen (listings, orders)"
                        " values ($1::jsonb, $2::text[])",
                        2, params, NULL, err);
    baseline_why(options, why, sizeof(why));
    return baseline_api_piece(ledger, warehouse, listings, orders, why, out, err);
}

/* What was kept is booked at the end, to be taken back again. */
static bool
baseline_api_replay(struct ledger *ledger, const struct warehouse *warehouse,
                    const struct baseline_options *options, struct baseline_result *out,
                    struct error *err)
{
    struct pg *pg = ledger_pg(ledger);
    char after[PG_INT_BYTES] = "0";
    char why[200];
    bool ok = true;
    bool is_end = false;

    baseline_why(options, why, sizeof(why));
    while (ok && !is_end) {
        const char *const params[] = {after};
        struct pg_rows *rows = NULL;

        ok = pg_query(pg,
                      "select n, listings::text, orders::text from baseline_seen"
                      " where n > $1::int8 order by n limit 1",
                      1, params, &rows, err);
        is_end = ok && pg_rows_count(rows) == 0;
        if (ok && !is_end) {
            (void)snprintf(after, sizeof(after), "%s", pg_rows_text(rows, 0, 0));
            ok = baseline_api_piece(ledger, warehouse, pg_rows_text(rows, 0, 1),
                                    pg_rows_text(rows, 0, 2), why, out, err);
        }
        pg_rows_free(rows);
    }
    return ok;
}

bool
baseline_api_end(struct ledger *ledger, const struct warehouse *warehouse,
                 const struct baseline_options *options, struct baseline_result *out,
                 struct error *err)
{
    if (!pg_exec(ledger_pg(ledger), "begin", err))
        return false;
    if (!options->is_dry_run || baseline_api_replay(ledger, warehouse, options, out, err))
        return baseline_finish(ledger, warehouse, "api", options, out, err);
    error_context(err, "baseline");
    return baseline_close(ledger, false, err);
}
