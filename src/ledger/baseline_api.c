/* A baseline from the API: listings of orders, booked piece by piece. */
#include "ledger/baseline.h"

#include <stdio.h>

#include "ledger/baseline_parts.h"
#include "ledger/statements.h"

bool
baseline_note_upstreams(struct ledger *ledger, const struct warehouse *warehouse, struct error *err)
{
    if (!baseline_can_read_all(warehouse, err) || !baseline_must_be(ledger, "api", err))
        return false;
    return !warehouse_has_upstream(warehouse) ||
           baseline_query_numbers(ledger, warehouse, template_baseline_note_upstreams, NULL, err);
}

/* A dry run keeps what it learns in tables of its session. What is over these alone stands here:
 * no ledger has them that it could be held against. */
#define BASELINE_DRY_TABLES                                                                        \
    "create temp table baseline_orders (order_id text collate \"C\" primary key, listed_at"        \
    " timestamptz);"                                                                               \
    "create temp table baseline_seen (n int8 generated always as identity primary key,"            \
    " listings jsonb, orders text[])"

static const char *
baseline_progress(bool is_dry_run)
{
    return is_dry_run ? "baseline_orders" : "baseline_progress";
}

bool
baseline_api_begin(struct ledger *ledger, const struct warehouse *warehouse, bool is_dry_run,
                   int64_t *orders, int64_t *listed, struct error *err)
{
    struct pg *pg = ledger_pg(ledger);
    struct pg_rows *rows = NULL;
    const struct statements_slot slots[] = {{"relation", warehouse_all_sql(warehouse)},
                                            {"progress", baseline_progress(is_dry_run)},
                                            {NULL, NULL}};

    if (!baseline_can_read_all(warehouse, err) || !baseline_must_be(ledger, "api", err) ||
        (is_dry_run && !pg_exec(pg, BASELINE_DRY_TABLES, err)) ||
        !statements_query(pg, template_baseline_note_orders, slots, 0, NULL, NULL, err) ||
        !statements_query(pg, template_baseline_count, slots, 0, NULL, &rows, err))
        return false;
    *orders = pg_rows_int(rows, 0, 0);
    *listed = pg_rows_int(rows, 0, 1);
    pg_rows_free(rows);
    return true;
}

bool
baseline_api_next(struct ledger *ledger, bool is_dry_run, const char *after, int most,
                  struct pg_rows **out, struct error *err)
{
    char most_text[PG_INT_BYTES];
    const char *const params[] = {after, most_text};
    const struct statements_slot slots[] = {{"progress", baseline_progress(is_dry_run)},
                                            {NULL, NULL}};

    pg_int_text(most_text, most);
    return statements_query(ledger_pg(ledger), template_baseline_next, slots, 2, params, out, err);
}

static bool
baseline_api_piece(struct ledger *ledger, const struct warehouse *warehouse, const char *listings,
                   const char *orders, const char *why, struct baseline_result *out,
                   struct error *err)
{
    struct pg_rows *rows = NULL;
    const char *const params[] = {orders, listings, why};
    const struct statements_slot slots[] = {{"relation", warehouse_rows_sql(warehouse)},
                                            {NULL, NULL}};

    if (!statements_query(ledger_pg(ledger), template_baseline_listings, slots, 3, params, &rows,
                          err)) {
        ledger_refine_error(err);
        return false;
    }
    out->lines += pg_rows_int(rows, 0, 0);
    out->units += pg_rows_int(rows, 0, 1);
    pg_rows_free(rows);
    return true;
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
