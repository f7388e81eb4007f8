#include "ledger/plan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/text.h"
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
        "08", "25", "26", "28", "3D", "3F", "40", "42", "53",
        "55", "57", "58", "72", "F0", "HV", "XX", "WB",
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

    const char *take[] = {n.run_id, n.orders_max, plan->settings->only_order,
                          plan->settings->spares_sweep ? "t" : "f"};

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
    if (!ok) {
        warehouse_refine_error(err);
        error_context(err, "planning");
    }
    free(sql);
    return ok;
}

/* ------------------------------------------------------------------------------ a preview */

struct plan_preview {
    struct pg *pg;
    const struct warehouse *warehouse;
    const struct plan_settings *settings;
    struct plan_numbers n;
    char **keys; /* NULL terminated */
    int count;
    struct plan_unreadable *unreadable;
    struct sweep_walker walker;
    const char *differs; /* of the orders in $1 */
};

/* The transaction goes on after data that can't be read: nothing was changed in it. */
#define PLAN_PREVIEW_BEGIN                                                                         \
    "begin transaction isolation level repeatable read read only; savepoint preview"
#define PLAN_PREVIEW_AGAIN "rollback to savepoint preview"

static bool
plan_preview_may_go_on(const struct plan_preview *p, struct error *failure)
{
    struct error fresh = {0};

    if (!plan_is_data_error(failure))
        return false;
    if (pg_exec(p->pg, PLAN_PREVIEW_AGAIN, &fresh))
        return true;
    *failure = fresh;
    return false;
}

static void
plan_preview_note(struct plan_preview *p, const char *order_id, const struct error *why)
{
    struct plan_unreadable *unreadable = p->unreadable;

    if (unreadable->count++ > 0)
        return;
    text_copy_clean(unreadable->order_id, sizeof(unreadable->order_id), order_id);
    text_copy_clean(unreadable->why, sizeof(unreadable->why), why->message);
}

/* More keys, as far as there is room. */
static bool
plan_preview_add(struct plan_preview *p, const struct pg_rows *rows, struct error *err)
{
    char **texts = NULL;
    char **all;
    int count = 0;

    if (!plan_texts(rows, &texts, &count, err))
        return false;
    all = realloc(p->keys, (size_t)(p->count + count + 1) * sizeof(*all));
    if (all == NULL) {
        plan_texts_free(texts, count);
        return error_set(err, ERROR_NOMEM, "no memory for %d order keys", p->count + count);
    }
    memcpy(all + p->count, texts, (size_t)(count + 1) * sizeof(*all));
    free(texts);
    p->keys = all;
    p->count += count;
    return true;
}

static bool
plan_preview_piece(void *ctx, const char *keys, struct error *err)
{
    struct plan_preview *p = ctx;
    const char *params[] = {keys, p->n.orders_max};
    struct pg_rows *rows = NULL;
    struct error fresh = {0};
    bool ok;

    /* Of its own: to go back behind the cursor of the walk would close it. */
    if (!pg_exec(p->pg, "savepoint piece", err))
        return false;
    ok = pg_query(p->pg, p->differs, 2, params, &rows, err) && plan_preview_add(p, rows, err);
    pg_rows_free(rows);
    p->walker.is_enough = p->count >= p->settings->orders_max;
    if (!ok && !plan_is_data_error(err))
        return false;
    if (!pg_exec(p->pg,
                 ok ? "release savepoint piece"
                    : "rollback to savepoint piece; release savepoint piece",
                 &fresh)) {
        *err = fresh;
        return false;
    }
    return ok;
}

static bool
plan_preview_unreadable(void *ctx, const char *order_id, const struct error *why, struct error *err)
{
    struct plan_preview *p = ctx;

    (void)err;
    plan_preview_note(p, order_id, why);
    /* It may be queued too, and would be met again. */
    for (int i = 0; i < p->count; i++) {
        if (strcmp(p->keys[i], order_id) == 0) {
            free(p->keys[i]);
            p->keys[i] = p->keys[--p->count];
        }
    }
    return true;
}

/* What a sweep would find, order by order, when the relation can't be read as a whole. */
static bool
plan_preview_walk(struct plan_preview *p, struct error *err)
{
    bool ok = false;
    char *differs = NULL;
    char *sql = NULL;

    if (!sweep_differs_of_sql(p->warehouse, &differs, err))
        return false;
    const struct statements_slot slots[] = {{"differs", differs}, {NULL, NULL}};

    ok = statements_fill(template_plan_preview_differs, slots, &sql, err);
    p->differs = sql;
    p->walker = (struct sweep_walker){.piece_fn = plan_preview_piece,
                                      .unreadable_fn = plan_preview_unreadable,
                                      .ctx = p,
                                      .left_out = "{}"};
    ok = ok && sweep_walk(p->pg, p->warehouse, &p->walker, err);
    free(differs);
    free(sql);
    return ok;
}

/* Orders to preview: what is queued, what is planned and not yet sent, and, where the relation can
 * be asked for all, what a sweep would find. */
static bool
plan_preview_ask(struct plan_preview *p, bool asks_all, struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    char *differs = NULL;
    const char *params[] = {p->n.orders_max};

    if (asks_all && !sweep_differs_sql(warehouse_all_sql(p->warehouse), &differs, err))
        goto done;
    const struct statements_slot slots[] = {
        {"differs", differs != NULL ? differs : "select null::text as order_id where false"},
        {NULL, NULL}};

    ok = statements_query(p->pg, template_plan_preview_keys, slots, 1, params, &rows, err) &&
         plan_preview_add(p, rows, err);

done:
    free(differs);
    pg_rows_free(rows);
    return ok;
}

static bool
plan_preview_keys(struct plan_preview *p, struct error *err)
{
    struct error failure = {0};
    bool asks_all = warehouse_all_sql(p->warehouse) != NULL;

    if (plan_preview_ask(p, asks_all, &failure))
        return true;
    if (!asks_all || !plan_preview_may_go_on(p, &failure)) {
        *err = failure;
        return false;
    }
    return plan_preview_ask(p, false, err) && plan_preview_walk(p, err);
}

static bool
plan_preview_rows(const struct plan_preview *p, char *const *keys, int count, struct pg_rows **out,
                  struct error *err)
{
    bool ok;
    char *list = NULL;
    const struct statements_slot slots[] = {{"relation", warehouse_rows_sql(p->warehouse)},
                                            {NULL, NULL}};

    if (!plan_keys_text(keys, count, &list, err))
        return false;

    const char *params[] = {list,
                            p->settings->has_gate ? "t" : "f",
                            p->settings->decrease_is_note ? "t" : "f",
                            p->n.units_max,
                            p->n.grace_ms,
                            p->n.fresh_ms};

    ok = statements_query(p->pg, template_plan_preview, slots, 6, params, out, err);
    free(list);
    return ok;
}

/* Takes the orders that can't be read out of some keys: those become NULL. */
static bool
plan_preview_sift(struct plan_preview *p, char **keys, int count, struct error *err)
{
    struct error failure = {0};
    struct pg_rows *rows = NULL;
    bool ok;

    if (count == 0)
        return true;
    ok = plan_preview_rows(p, keys, count, &rows, &failure);
    pg_rows_free(rows);
    if (ok)
        return true;
    if (!plan_preview_may_go_on(p, &failure)) {
        *err = failure;
        return false;
    }
    if (count == 1) {
        plan_preview_note(p, keys[0], &failure);
        free(keys[0]);
        keys[0] = NULL;
        return true;
    }
    return plan_preview_sift(p, keys, count / 2, err) &&
           plan_preview_sift(p, keys + count / 2, count - count / 2, err);
}

/* The rows of all keys that can be read. */
static bool
plan_preview_readable(struct plan_preview *p, struct pg_rows **out, struct error *err)
{
    struct error failure = {0};
    int left = 0;

    if (plan_preview_rows(p, p->keys, p->count, out, &failure))
        return true;
    if (!plan_preview_may_go_on(p, &failure)) {
        *err = failure;
        return false;
    }
    if (!plan_preview_sift(p, p->keys, p->count, err))
        return false;
    for (int i = 0; i < p->count; i++) {
        if (p->keys[i] != NULL)
            p->keys[left++] = p->keys[i];
    }
    p->count = left;
    return plan_preview_rows(p, p->keys, p->count, out, err);
}

/* is_all: all that a sweep would find, in place of the keys. */
static bool
plan_preview_unnamed(const struct plan_preview *p, bool is_all, struct pg_rows **out,
                     struct error *err)
{
    bool ok;
    char *list = NULL;
    const struct statements_slot slots[] = {{"relation", is_all
                                                             ? warehouse_all_sql(p->warehouse)
                                                             : warehouse_unnamed_sql(p->warehouse)},
                                            {NULL, NULL}};

    if (!is_all && !plan_keys_text(p->keys, p->count, &list, err))
        return false;

    const char *params[] = {list,
                            p->n.orders_max,
                            p->settings->has_gate ? "t" : "f",
                            p->settings->decrease_is_note ? "t" : "f",
                            p->n.units_max,
                            p->n.grace_ms,
                            p->n.fresh_ms};

    ok = statements_query(p->pg, template_plan_preview_upstreams, slots, 7, params, out, err);
    free(list);
    return ok;
}

/* One order that is asked for by name: an error of its own when it can't be read. */
static bool
plan_preview_one(struct plan_preview *p, const char *order_id, struct pg_rows **out,
                 struct error *err)
{
    p->keys = calloc(2, sizeof(*p->keys));
    if (p->keys != NULL)
        p->keys[0] = strdup(order_id);
    if (p->keys == NULL || p->keys[0] == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the preview");
    p->count = 1;
    if (plan_preview_rows(p, p->keys, 1, out, err))
        return true;
    error_context(err, "order %s", order_id);
    return false;
}

bool
plan_preview(struct ledger *ledger, const struct warehouse *warehouse,
             const struct plan_settings *settings, const char *order_id, struct pg_rows **out,
             struct pg_rows **unnamed, struct plan_unreadable *unreadable, struct error *err)
{
    bool ok;
    struct error ignored = {0};
    struct plan_preview p = {.pg = ledger_pg(ledger),
                             .warehouse = warehouse,
                             .settings = settings,
                             .unreadable = unreadable};

    *unreadable = (struct plan_unreadable){.count = 0};
    plan_numbers_write(&p.n, 0, settings);
    if (!pg_exec(p.pg, PLAN_PREVIEW_BEGIN, err))
        return false;
    ok = order_id != NULL ? plan_preview_one(&p, order_id, out, err)
                          : plan_preview_keys(&p, err) && plan_preview_readable(&p, out, err);
    if (ok && warehouse_has_upstream(warehouse))
        ok = plan_preview_unnamed(&p, order_id == NULL && warehouse_all_sql(warehouse) != NULL,
                                  unnamed, err);
    plan_texts_free(p.keys, p.count);
    (void)pg_exec(p.pg, "rollback", &ignored);
    if (!ok) {
        warehouse_refine_error(err);
        error_context(err, "plan");
    }
    return ok;
}
