#include "ledger/plan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "ledger/statements.h"
#include "ledger/sweep.h"

#define PLAN_KEYS_BYTES_MAX (16 * 1024 * 1024)

struct plan {
    struct ledger *ledger;
    struct pg *pg;
    const struct warehouse *warehouse;
    const struct plan_settings *settings;
    int64_t run_id;
    const char *sql; /* the planning statement, with the relation in it */
    struct plan_result *result;
};

struct plan_numbers {
    char run_id[PG_INT_BYTES], units_max[PG_INT_BYTES], grace_ms[PG_INT_BYTES],
        fresh_ms[PG_INT_BYTES], lines_max[PG_INT_BYTES], orders_max[PG_INT_BYTES];
};

static void
plan_numbers_write(struct plan_numbers *n, int64_t run_id, const struct plan_settings *s)
{
    pg_int_text(n->run_id, run_id);
    pg_int_text(n->units_max, s->units_per_line_max);
    pg_int_text(n->grace_ms, s->unknown_grace_ms);
    pg_int_text(n->fresh_ms, s->gate_fresh_ms);
    pg_int_text(n->lines_max, s->lines_per_submission_max);
    pg_int_text(n->orders_max, s->orders_max);
}

/* A view may run functions that raise whatever their author thought of, so what is no fault of a
 * row is what is named: the server's own trouble, a relation that fails before there is a row, and
 * the ledger's refusals. With any of these every order fails alike, and none may be given up on. */
bool
plan_is_data_error(const struct error *err)
{
    static const char *const not_of_rows[] = {
        "01", /* committed, but not durable */
        "08", "0A", "25", "26", "28", "3D", "3F", "40", "42",
        "53", "55", "57", "58", "72", "F0", "HV", "XX", "WB",
    };

    if (err->code != ERROR_DB || err->sqlstate[0] == '\0')
        return false;
    for (size_t i = 0; i < sizeof(not_of_rows) / sizeof(not_of_rows[0]); i++) {
        if (strncmp(err->sqlstate, not_of_rows[i], 2) == 0)
            return false;
    }
    return true;
}

static bool
plan_keys_text(char *const *keys, int count, char **out, struct error *err)
{
    struct buffer buf;

    buffer_init(&buf, PLAN_KEYS_BYTES_MAX);
    pg_array_begin(&buf);
    for (int i = 0; i < count; i++)
        pg_array_text(&buf, keys[i]);
    pg_array_end(&buf);
    *out = buffer_take(&buf);
    if (*out == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for %d order keys", count);
    return true;
}

static bool
plan_apply(struct plan *plan, char *const *keys, int count, struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    struct plan_numbers n;
    char *list = NULL;

    plan_numbers_write(&n, plan->run_id, plan->settings);
    if (!plan_keys_text(keys, count, &list, err))
        return false;

    const char *params[] = {list,
                            n.run_id,
                            plan->settings->has_gate ? "t" : "f",
                            plan->settings->decrease_is_note ? "t" : "f",
                            n.units_max,
                            n.grace_ms,
                            n.fresh_ms,
                            n.lines_max};

    if (!pg_query(plan->pg, plan->sql, 8, params, &rows, err))
        goto done;
    plan->result->looked += pg_rows_int(rows, 0, 0);
    plan->result->planned += pg_rows_int(rows, 0, 1);
    plan->result->withdrawn += pg_rows_int(rows, 0, 2);
    plan->result->busy += pg_rows_int(rows, 0, 3);
    plan->result->opened += pg_rows_int(rows, 0, 4);
    ok = true;

done:
    pg_rows_free(rows);
    free(list);
    return ok;
}

static bool
plan_give_up_on(struct plan *plan, const char *order_id, const struct error *why, struct error *err)
{
    char run_id[PG_INT_BYTES];

    pg_int_text(run_id, plan->run_id);
    const char *params[] = {run_id, order_id, why->message};

    log_failure(LOG_WARN, "ledger", "order_unreadable", why);
    plan->result->unreadable++;
    return pg_run(plan->pg, &stmt_unreadable_record, params, NULL, err);
}

/* Recursion halves, so its depth is the logarithm of a batch. */
static bool
plan_some(struct plan *plan, char *const *keys, int count, struct error *err)
{
    struct error failure = {0};

    if (count == 0)
        return true;
    if (!pg_exec(plan->pg, "savepoint batch", err))
        return false;
    if (plan_apply(plan, keys, count, &failure))
        return pg_exec(plan->pg, "release savepoint batch", err);
    if (!plan_is_data_error(&failure)) {
        *err = failure;
        return false;
    }
    if (!pg_exec(plan->pg, "rollback to savepoint batch; release savepoint batch", err))
        return false;
    if (count == 1)
        return plan_give_up_on(plan, keys[0], &failure, err);
    return plan_some(plan, keys, count / 2, err) &&
           plan_some(plan, keys + count / 2, count - count / 2, err);
}

/* One column of text as an array of strings that the caller frees. */
static bool
plan_texts(const struct pg_rows *rows, char ***out, int *count, struct error *err)
{
    int n = pg_rows_count(rows);
    char **texts = calloc((size_t)n + 1, sizeof(*texts));

    if (texts == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for %d order keys", n);
    for (int i = 0; i < n; i++) {
        texts[i] = strdup(pg_rows_text(rows, i, 0));
        if (texts[i] == NULL) {
            while (i-- > 0)
                free(texts[i]);
            free(texts);
            return error_set(err, ERROR_NOMEM, "no memory for %d order keys", n);
        }
    }
    *out = texts;
    *count = n;
    return true;
}

static void
plan_texts_free(char **texts, int count)
{
    for (int i = 0; texts != NULL && i < count; i++)
        free(texts[i]);
    free(texts);
}

/* Merchants' own numbers among the keys: noted to be looked up, and exchanged for order ids where
 * they are known. */
static bool
plan_resolve(struct plan *plan, struct pg_rows **keys, struct error *err)
{
    bool ok = false;
    char **texts = NULL;
    int count = 0;
    char *list = NULL;

    if (!plan_texts(*keys, &texts, &count, err) || !plan_keys_text(texts, count, &list, err))
        goto done;
    pg_rows_free(*keys);
    *keys = NULL;

    const char *params[] = {list};
    const char *sql = warehouse_upstreams_sql(plan->warehouse);

    if (sql != NULL && !pg_query(plan->pg, sql, 1, params, NULL, err))
        goto done;
    ok = pg_run(plan->pg, &stmt_keys_resolve, params, keys, err);

done:
    plan_texts_free(texts, count);
    free(list);
    return ok;
}

static bool
plan_transaction(struct plan *plan, struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    char **keys = NULL;
    int count = 0;
    struct plan_numbers n;

    plan_numbers_write(&n, plan->run_id, plan->settings);
    if (!pg_run(plan->pg, &stmt_plan_begin, NULL, &rows, err))
        goto done;
    plan->result->has_lock = pg_rows_bool(rows, 0, 0);
    pg_rows_free(rows);
    rows = NULL;
    if (!plan->result->has_lock) {
        ok = true;
        goto done;
    }

    const char *take[] = {n.run_id, n.orders_max, plan->settings->only_order};

    if (!pg_run(plan->pg, &stmt_queue_take, take, &rows, err))
        goto done;
    plan->result->taken = pg_rows_count(rows);
    if (plan->result->taken > 0) {
        if (warehouse_has_upstream(plan->warehouse) && !plan_resolve(plan, &rows, err))
            goto done;
        if (!plan_texts(rows, &keys, &count, err) || !plan_some(plan, keys, count, err))
            goto done;
    }
    ok = true;

done:
    plan_texts_free(keys, count);
    pg_rows_free(rows);
    return ok;
}

bool
plan_batch(struct ledger *ledger, const struct warehouse *warehouse, int64_t run_id,
           const struct plan_settings *settings, struct plan_result *out, struct error *err)
{
    bool ok = false;
    char *sql = NULL;
    const struct statements_slot slots[] = {{"relation", warehouse_rows_sql(warehouse)},
                                            {NULL, NULL}};
    struct plan plan = {.ledger = ledger,
                        .pg = ledger_pg(ledger),
                        .warehouse = warehouse,
                        .settings = settings,
                        .run_id = run_id,
                        .result = out};

    memset(out, 0, sizeof(*out));
    if (!statements_fill(template_plan_orders, slots, &sql, err))
        goto done;
    plan.sql = sql;

    if (!pg_exec(plan.pg, "begin", err))
        goto done;
    if (!plan_transaction(&plan, err)) {
        struct error ignored = {0};

        (void)pg_exec(plan.pg, "rollback", &ignored);
        goto done;
    }
    ok = pg_exec(plan.pg, "commit", err);

done:
    if (!ok)
        error_context(err, "planning");
    free(sql);
    return ok;
}

/* Orders to preview: what is queued, what a sweep would find, and what is planned and not yet sent.
 */
static bool
plan_preview_keys(struct pg *pg, const struct warehouse *warehouse, const char *orders_max,
                  char ***keys, int *count, struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    char *differs = NULL;
    char *sql = NULL;
    const char *params[] = {orders_max};
    const char *all = warehouse_all_sql(warehouse);

    if (all != NULL && !sweep_differs_sql(all, &differs, err))
        goto done;
    const struct statements_slot slots[] = {
        {"differs", differs != NULL ? differs : "select null::text as order_id where false"},
        {NULL, NULL}};

    ok = statements_fill(template_plan_preview_keys, slots, &sql, err) &&
         pg_query(pg, sql, 1, params, &rows, err) && plan_texts(rows, keys, count, err);

done:
    free(differs);
    free(sql);
    pg_rows_free(rows);
    return ok;
}

static bool
plan_preview_rows(struct pg *pg, const struct warehouse *warehouse,
                  const struct plan_settings *settings, const struct plan_numbers *n,
                  char *const *keys, int count, struct pg_rows **out, struct error *err)
{
    bool ok = false;
    char *sql = NULL;
    char *list = NULL;
    const struct statements_slot slots[] = {{"relation", warehouse_rows_sql(warehouse)},
                                            {NULL, NULL}};

    if (!plan_keys_text(keys, count, &list, err) ||
        !statements_fill(template_plan_preview, slots, &sql, err))
        goto done;

    const char *params[] = {list,
                            settings->has_gate ? "t" : "f",
                            settings->decrease_is_note ? "t" : "f",
                            n->units_max,
                            n->grace_ms,
                            n->fresh_ms};

    ok = pg_query(pg, sql, 6, params, out, err);

done:
    free(list);
    free(sql);
    return ok;
}

/* keys NULL: all that a sweep would find. */
static bool
plan_preview_unnamed(struct pg *pg, const struct warehouse *warehouse,
                     const struct plan_settings *settings, const struct plan_numbers *n,
                     char *const *keys, int count, struct pg_rows **out, struct error *err)
{
    bool ok = false;
    char *sql = NULL;
    char *list = NULL;
    const struct statements_slot slots[] = {{"relation", keys != NULL
                                                             ? warehouse_unnamed_sql(warehouse)
                                                             : warehouse_all_sql(warehouse)},
                                            {NULL, NULL}};

    if ((keys != NULL && !plan_keys_text(keys, count, &list, err)) ||
        !statements_fill(template_plan_preview_upstreams, slots, &sql, err))
        goto done;

    const char *params[] = {list,
                            n->orders_max,
                            settings->has_gate ? "t" : "f",
                            settings->decrease_is_note ? "t" : "f",
                            n->units_max,
                            n->grace_ms,
                            n->fresh_ms};

    ok = pg_query(pg, sql, 7, params, out, err);

done:
    free(list);
    free(sql);
    return ok;
}

bool
plan_preview(struct ledger *ledger, const struct warehouse *warehouse,
             const struct plan_settings *settings, const char *order_id, struct pg_rows **out,
             struct pg_rows **unnamed, struct error *err)
{
    bool ok = false;
    struct pg *pg = ledger_pg(ledger);
    struct plan_numbers n;
    struct error ignored = {0};
    char **keys = NULL;
    int count = 0;

    plan_numbers_write(&n, 0, settings);
    if (!pg_exec(pg, "begin transaction isolation level repeatable read read only", err))
        return false;
    if (order_id != NULL) {
        keys = calloc(1, sizeof(*keys));
        if (keys != NULL)
            keys[0] = strdup(order_id);
        if (keys == NULL || keys[0] == NULL) {
            error_set(err, ERROR_NOMEM, "no memory for the preview");
            goto done;
        }
        count = 1;
    } else if (!plan_preview_keys(pg, warehouse, n.orders_max, &keys, &count, err)) {
        goto done;
    }
    ok = plan_preview_rows(pg, warehouse, settings, &n, keys, count, out, err);
    if (ok && warehouse_has_upstream(warehouse)) {
        bool has_all = order_id == NULL && warehouse_all_sql(warehouse) != NULL;

        ok = plan_preview_unnamed(pg, warehouse, settings, &n, has_all ? NULL : keys, count,
                                  unnamed, err);
    }

done:
    plan_texts_free(keys, count);
    (void)pg_exec(pg, "rollback", &ignored);
    if (!ok)
        error_context(err, "plan");
    return ok;
}
