#include "ledger/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "ledger/plan.h"
#include "ledger/statements.h"

#define SWEEP_KEYS_BYTES_MAX (64 * 1024 * 1024)
#define SWEEP_PIECE_ORDERS   "2000"
#define SWEEP_LEFT_OUT_MAX   10000 /* with more of them a sweep is made in pieces */

bool
sweep_differs_sql(const char *relation, char **out, struct error *err)
{
    const struct statements_slot slots[] = {
        {"relation", relation}, {"ledger", "select * from rows"}, {NULL, NULL}};

    return statements_fill(template_sweep_differs, slots, out, err);
}

bool
sweep_is_due(struct ledger *ledger, int64_t run_id, bool is_queue, int64_t sweep_interval_ms,
             char *why, size_t why_bytes, struct error *err)
{
    struct pg_rows *rows = NULL;
    char run[PG_INT_BYTES], interval[PG_INT_BYTES];
    const char *params[] = {run, is_queue ? "t" : "f", interval};

    pg_int_text(run, run_id);
    pg_int_text(interval, sweep_interval_ms);
    if (!pg_run(ledger_pg(ledger), &stmt_feed_check, params, &rows, err))
        return false;
    const char *text = pg_rows_text(rows, 0, 0);
    (void)snprintf(why, why_bytes, "%s", text != NULL ? text : "");
    pg_rows_free(rows);
    return true;
}

/* Queue the orders of one comparison. keys: its parameter, a text array literal. */
static bool
sweep_queue(struct pg *pg, const char *differs, const char *keys, struct sweep_result *out,
            struct error *err)
{
    struct pg_rows *rows = NULL;
    const struct statements_slot slots[] = {{"differs", differs}, {NULL, NULL}};
    const char *params[] = {keys};

    if (!statements_query(pg, template_sweep_queue, slots, 1, params, &rows, err))
        return false;
    out->orders += pg_rows_int(rows, 0, 0);
    out->lines += pg_rows_int(rows, 0, 1);
    out->missed += pg_rows_int(rows, 0, 2);
    pg_rows_free(rows);
    return true;
}

bool
sweep_differs_of_sql(const struct warehouse *warehouse, char **out, struct error *err)
{
    const struct statements_slot slots[] = {
        {"relation", warehouse_rows_sql(warehouse)},
        {"ledger", "select * from rows where order_id = any ($1::text[])"},
        {NULL, NULL}};

    return statements_fill(template_sweep_differs, slots, out, err);
}

/* Orders first..last of a list, halved down to the one that can't be read. */
static bool
sweep_orders(const struct pg_rows *orders, int first, int count, struct sweep_walker *walker,
             struct error *err)
{
    struct buffer keys;
    struct error failure = {0};
    bool ok;

    if (count == 0 || walker->is_enough)
        return true;
    buffer_init(&keys, SWEEP_KEYS_BYTES_MAX);
    pg_array_begin(&keys);
    for (int i = first; i < first + count; i++)
        pg_array_text(&keys, pg_rows_text(orders, i, 0));
    pg_array_end(&keys);
    ok = keys.is_failed ? error_set(&failure, ERROR_NOMEM, "no memory for the sweep")
                        : walker->piece_fn(walker->ctx, buffer_text(&keys), &failure);
    buffer_free(&keys);
    if (ok)
        return true;
    if (!plan_is_data_error(&failure)) {
        *err = failure;
        return false;
    }
    if (count == 1)
        return walker->unreadable_fn(walker->ctx, pg_rows_text(orders, first, 0), &failure, err);
    return sweep_orders(orders, first, count / 2, walker, err) &&
           sweep_orders(orders, first + count / 2, count - count / 2, walker, err);
}

/* The keys are read once: a look for the next ones would read the whole relation for each piece. */
static bool
sweep_open_orders(struct pg *pg, const struct warehouse *warehouse, const char *left_out,
                  struct error *err)
{
    const char *all = warehouse_all_sql(warehouse);
    const struct statements_slot slots[] = {
        {"relation", all != NULL ? all : "select null::text as order_id where false"},
        {NULL, NULL}};
    const char *params[] = {left_out};

    return statements_query(pg, template_sweep_orders, slots, 1, params, NULL, err);
}

bool
sweep_walk(struct pg *pg, const struct warehouse *warehouse, struct sweep_walker *walker,
           struct error *err)
{
    bool is_open = sweep_open_orders(pg, warehouse, walker->left_out, err);
    bool ok = is_open;
    bool is_end = false;

    /* What is said to an open cursor stands here: without one no ledger knows what it gives. */
    while (ok && !is_end && !walker->is_enough) {
        struct pg_rows *rows = NULL;

        ok = pg_query(pg, "fetch " SWEEP_PIECE_ORDERS " from sweep_orders", 0, NULL, &rows, err) &&
             sweep_orders(rows, 0, pg_rows_count(rows), walker, err);
        is_end = ok && pg_rows_count(rows) == 0;
        pg_rows_free(rows);
        ok = ok && (is_end || walker->pause_fn == NULL || walker->pause_fn(walker->ctx, err));
    }
    if (is_open && pg_is_alive(pg)) {
        struct error ignored = {0};

        (void)pg_exec(pg, "close sweep_orders", &ignored);
    }
    return ok;
}

/* What a sweep does with the pieces. */
struct sweep_pieces {
    struct pg *pg;
    const char *differs; /* of the orders in $1 */
    const struct sweep_pause *pause;
    struct sweep_result *out;
};

static bool
sweep_queue_piece(void *ctx, const char *keys, struct error *err)
{
    const struct sweep_pieces *pieces = ctx;

    return sweep_queue(pieces->pg, pieces->differs, keys, pieces->out, err);
}

/* To the planner, which knows what to do with it. */
static bool
sweep_queue_unreadable(void *ctx, const char *order_id, const struct error *why, struct error *err)
{
    const struct sweep_pieces *pieces = ctx;
    struct buffer keys;
    bool ok;

    (void)why;
    buffer_init(&keys, SWEEP_KEYS_BYTES_MAX);
    pg_array_begin(&keys);
    pg_array_text(&keys, order_id);
    pg_array_end(&keys);
    const char *params[] = {buffer_text(&keys), "sweep"};

    ok = keys.is_failed ? error_set(err, ERROR_NOMEM, "no memory for the sweep")
                        : pg_run(pieces->pg, &stmt_enqueue, params, NULL, err);
    pieces->out->orders++;
    buffer_free(&keys);
    return ok;
}

static bool
sweep_pause_between(void *ctx, struct error *err)
{
    const struct sweep_pieces *pieces = ctx;

    return pieces->pause->pause_fn(pieces->pause->ctx, pieces->out->orders, err);
}

/* left_out: the orders that are known to be unreadable, an array literal; so below. */
static bool
sweep_in_pieces(struct pg *pg, const struct warehouse *warehouse, const char *left_out,
                const struct sweep_pause *pause, struct sweep_result *out, struct error *err)
{
    char *differs = NULL;
    struct sweep_pieces pieces = {.pg = pg, .pause = pause, .out = out};
    struct sweep_walker walker = {.piece_fn = sweep_queue_piece,
                                  .unreadable_fn = sweep_queue_unreadable,
                                  .pause_fn = sweep_pause_between,
                                  .ctx = &pieces,
                                  .left_out = left_out};
    bool ok = sweep_differs_of_sql(warehouse, &differs, err);

    pieces.differs = differs;
    ok = ok && sweep_walk(pg, warehouse, &walker, err);
    free(differs);
    return ok;
}

static bool
sweep_whole(struct pg *pg, const struct warehouse *warehouse, const char *left_out,
            struct sweep_result *out, struct error *err)
{
    bool ok = false;
    char *readable = NULL;
    char *differs = NULL;
    const struct statements_slot all[] = {{"relation", warehouse_all_sql(warehouse)}, {NULL, NULL}};

    if (!statements_fill(template_sweep_readable, all, &readable, err))
        goto done;
    const struct statements_slot slots[] = {
        {"relation", readable},
        {"ledger", "select * from rows where order_id <> all ($1::text[])"},
        {NULL, NULL}};

    ok = statements_fill(template_sweep_differs, slots, &differs, err) &&
         sweep_queue(pg, differs, left_out, out, err);

done:
    free(readable);
    free(differs);
    return ok;
}

/* Rows without an order id: no comparison finds them, and what is read of them are keys. */
static bool
sweep_strangers(struct pg *pg, const struct warehouse *warehouse, struct sweep_result *out,
                struct error *err)
{
    struct pg_rows *rows = NULL;
    const struct statements_slot slots[] = {{"relation", warehouse_all_sql(warehouse)},
                                            {NULL, NULL}};

    if (!statements_query(pg, template_sweep_strangers, slots, 0, NULL, &rows, err))
        return false;
    out->not_ours = pg_rows_int(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

/* The relation in one go where it can be read as a whole, else a piece after the other. */
static bool
sweep_relation(struct pg *pg, const struct warehouse *warehouse, const char *left_out,
               const struct sweep_pause *pause, struct sweep_result *out, struct error *err)
{
    struct error failure = {0};

    if (warehouse_kind(warehouse) == WAREHOUSE_FUNCTION)
        return sweep_in_pieces(pg, warehouse, left_out, pause, out, err);
    if (!sweep_whole(pg, warehouse, left_out, out, &failure)) {
        if (!plan_is_data_error(&failure)) {
            *err = failure;
            return false;
        }
        log_failure(LOG_WARN, "ledger", "sweep_in_pieces", &failure);
        if (!sweep_in_pieces(pg, warehouse, left_out, pause, out, err))
            return false;
    }
    return sweep_strangers(pg, warehouse, out, err);
}

bool
sweep_run(struct ledger *ledger, const struct warehouse *warehouse, int64_t run_id,
          const struct sweep_pause *pause, struct sweep_result *out, struct error *err)
{
    bool ok = false;
    struct pg *pg = ledger_pg(ledger);
    struct pg_rows *start = NULL;
    struct pg_rows *known = NULL;
    char run[PG_INT_BYTES], missed[PG_INT_BYTES], not_ours[PG_INT_BYTES], most[PG_INT_BYTES];
    const char *most_params[] = {most};
    const char *unseen[] = {run, warehouse_name(warehouse)};

    memset(out, 0, sizeof(*out));
    pg_int_text(run, run_id);
    pg_int_text(most, SWEEP_LEFT_OUT_MAX);
    if (!pg_run(pg, &stmt_sweep_begin, NULL, &start, err) ||
        !pg_run(pg, &stmt_sweep_unreadable, most_params, &known, err) ||
        !sweep_relation(pg, warehouse, pg_rows_text(known, 0, 0), pause, out, err) ||
        (warehouse_kind(warehouse) == WAREHOUSE_FUNCTION &&
         !pg_run(pg, &stmt_sweep_unseen, unseen, NULL, err)))
        goto done;
    if (!pg_rows_bool(start, 0, 1))
        out->missed = 0; /* the first one: there was no feed to miss anything */

    pg_int_text(missed, out->missed);
    pg_int_text(not_ours, out->not_ours);
    const char *params[] = {run, pg_rows_text(start, 0, 0), missed, not_ours};
    ok = pg_run(pg, &stmt_sweep_done, params, NULL, err);

done:
    pg_rows_free(start);
    pg_rows_free(known);
    if (!ok)
        error_context(err, "sweep");
    return ok;
}

/* compares: only the orders of which a row is not in the ledger as it is now. */
static bool
scan_queue(struct pg *pg, const struct warehouse *warehouse, const char *const *params,
           bool compares, int64_t *orders, struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    char *changed = NULL;
    char *differs = NULL;
    const struct statements_slot relation[] = {{"relation", warehouse_all_sql(warehouse)},
                                               {NULL, NULL}};

    if (!statements_fill(template_scan_changed, relation, &changed, err))
        goto done;
    const struct statements_slot all[] = {{"changed", changed}, {NULL, NULL}};

    if (compares && !statements_fill(template_scan_differs, all, &differs, err))
        goto done;
    const struct statements_slot some[] = {{"changed", differs}, {NULL, NULL}};

    if (!statements_query(pg, template_scan_queue, compares ? some : all, 2, params, &rows, err))
        goto done;
    *orders = pg_rows_int(rows, 0, 0);
    ok = true;

done:
    free(changed);
    free(differs);
    pg_rows_free(rows);
    return ok;
}

/* What can't be compared, for a row whose quantities can't be read, goes to the planner, which
 * finds that row. is_done false: not even the keys can be read; a sweep is wanted. */
static bool
scan_rows(struct pg *pg, const struct warehouse *warehouse, const char *const *params,
          bool *is_done, int64_t *orders, struct error *err)
{
    struct error failure = {0};

    *is_done = scan_queue(pg, warehouse, params, true, orders, &failure);
    if (!*is_done && plan_is_data_error(&failure)) {
        log_failure(LOG_WARN, "ledger", "scan_uncompared", &failure);
        error_clear(&failure);
        *is_done = scan_queue(pg, warehouse, params, false, orders, &failure);
    }
    if (*is_done)
        return true;
    if (!plan_is_data_error(&failure)) {
        *err = failure;
        return false;
    }
    log_failure(LOG_WARN, "ledger", "scan_failed", &failure);
    return pg_run(pg, &stmt_scan_failed, NULL, NULL, err);
}

bool
scan_run(struct ledger *ledger, const struct warehouse *warehouse, int64_t scan_overlap_ms,
         int64_t *orders, struct error *err)
{
    bool ok = false;
    bool is_done;
    struct pg *pg = ledger_pg(ledger);
    struct pg_rows *bound = NULL;
    char overlap[PG_INT_BYTES];

    *orders = 0;
    pg_int_text(overlap, scan_overlap_ms);
    /* The bound first, in a transaction of its own: whoever commits later is not below it. */
    if (!pg_run(pg, &stmt_scan_bound, NULL, &bound, err))
        goto done;
    const char *upto = pg_rows_text(bound, 0, 0);
    const char *held_by = pg_rows_text(bound, 0, 1);
    const char *from = pg_rows_text(bound, 0, 2);
    const char *params[] = {from != NULL ? from : "-infinity", overlap};

    if (!scan_rows(pg, warehouse, params, &is_done, orders, err))
        goto done;
    const char *move[] = {upto, held_by};

    ok = !is_done || pg_run(pg, &stmt_scan_done, move, NULL, err);

done:
    pg_rows_free(bound);
    if (!ok)
        error_context(err, "scan");
    return ok;
}

bool
scan_look(struct ledger *ledger, const char *line_items, int64_t scan_overlap_ms,
          bool moves_watermark, bool *is_quiet, struct error *err)
{
    struct pg *pg = ledger_pg(ledger);
    struct pg_rows *bound = NULL;
    struct pg_rows *rows = NULL;
    char overlap[PG_INT_BYTES];
    const char *params[] = {line_items, overlap, moves_watermark ? "f" : "t"};

    *is_quiet = false;
    pg_int_text(overlap, scan_overlap_ms);
    /* As in a scan, the bound first, in a transaction of its own. */
    if ((moves_watermark && !pg_run(pg, &stmt_scan_bound, NULL, &bound, err)) ||
        !pg_run(pg, &stmt_scan_quiet, params, &rows, err))
        goto done;
    *is_quiet = pg_rows_bool(rows, 0, 0);
    if (*is_quiet && moves_watermark) {
        const char *move[] = {pg_rows_text(bound, 0, 0), pg_rows_text(bound, 0, 1)};

        *is_quiet = pg_run(pg, &stmt_scan_done, move, NULL, err);
    }

done:
    pg_rows_free(bound);
    pg_rows_free(rows);
    if (err->code == ERROR_DB)
        *err = (struct error){0};
    return err->code == ERROR_NONE;
}
