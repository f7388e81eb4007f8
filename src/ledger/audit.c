#include "ledger/audit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "ledger/plan.h"
#include "ledger/statements.h"

enum {
    AUDIT_IDS_BYTES_MAX = 16 * 1024 * 1024,
    AUDIT_WALK_MAX = 20000, /* orders that one statement looks at */
    AUDIT_BUSY_MAX = 5,
    AUDIT_BUSY_MS = 200,
};

/* Columns of audit_compare.sql. */
enum {
    COMPARE_ORDER,
    COMPARE_ITEM,
    COMPARE_POSTED_SHIPPED,
    COMPARE_POSTED_CANCELLED,
    COMPARE_OPEN_SHIPPED,
    COMPARE_OPEN_CANCELLED,
    COMPARE_API_SHIPPED,
    COMPARE_API_CANCELLED,
    COMPARE_WANTED_SHIPPED,
    COMPARE_WANTED_CANCELLED,
    COMPARE_VERDICT,
    COMPARE_SHIPPED,
    COMPARE_CANCELLED,
    COMPARE_DETAIL,
    COMPARE_FINGERPRINT,
    COMPARE_COLUMNS,
};

static const char *const audit_verdict_names[AUDIT_VERDICTS] = {
    [AUDIT_AGREES] = "agrees",   [AUDIT_MISSING] = "missing", [AUDIT_EXTRA] = "extra",
    [AUDIT_FOREIGN] = "foreign", [AUDIT_DOUBLE] = "double",   [AUDIT_MOVING] = "moving",
};

const char *
audit_verdict_name(enum audit_verdict verdict)
{
    return audit_verdict_names[verdict];
}

void
audit_targets_free(struct audit_target *targets, int count)
{
    for (int i = 0; targets != NULL && i < count; i++)
        free(targets[i].order_id);
    free(targets);
}

bool
audit_refuse_since(const char *time, struct error *err)
{
    return error_set(err, ERROR_USAGE,
                     "--since must be a time such as 2026-11-01 or 2026-11-01T06:00:00Z, or how "
                     "long ago such as 36h, got \"%s\"",
                     time);
}

bool
audit_since(struct ledger *ledger, const char *time, int64_t ms, char out[48], struct error *err)
{
    char text[PG_INT_BYTES];
    const char *const params[] = {time, text};
    struct pg_rows *rows = NULL;

    pg_int_text(text, ms);
    if (!pg_run(ledger_pg(ledger), &stmt_audit_since, params, &rows, err)) {
        if (strncmp(err->sqlstate, "22", 2) == 0) {
            error_clear(err);
            (void)audit_refuse_since(time, err);
        }
        return false;
    }
    (void)snprintf(out, 48, "%s", pg_rows_text(rows, 0, 0));
    pg_rows_free(rows);
    return true;
}

static bool
audit_ids_text(const char *const *ids, int count, char **out, struct error *err)
{
    struct buffer buf;

    buffer_init(&buf, AUDIT_IDS_BYTES_MAX);
    pg_array_begin(&buf);
    for (int i = 0; i < count; i++)
        pg_array_text(&buf, ids[i]);
    pg_array_end(&buf);
    *out = buffer_take(&buf);
    if (*out == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for %d order ids", count);
    return true;
}

bool
audit_begin(struct ledger *ledger, const char *const *order_ids, int count, int64_t settle_ms,
            struct audit_target **out, struct error *err)
{
    bool ok = false;
    char settle[PG_INT_BYTES];
    char *ids = NULL;
    struct pg_rows *rows = NULL;
    struct audit_target *targets = NULL;

    pg_int_text(settle, settle_ms);
    if (!audit_ids_text(order_ids, count, &ids, err))
        return false;

    const char *const params[] = {ids, settle};

    if (!pg_run(ledger_pg(ledger), &stmt_audit_begin, params, &rows, err))
        goto done;
    assert(pg_rows_count(rows) == count);
    targets = calloc((size_t)count + 1, sizeof(*targets));
    for (int i = 0; targets != NULL && i < count; i++) {
        targets[i].order_id = strdup(order_ids[i]);
        targets[i].is_quiet = pg_rows_bool(rows, i, 1);
        (void)snprintf(targets[i].taken_at, sizeof(targets[i].taken_at), "%s",
                       pg_rows_text(rows, i, 2));
        targets[i].settles_ms = pg_rows_int(rows, i, 3);
        if (targets[i].order_id == NULL) {
            audit_targets_free(targets, i);
            targets = NULL;
        }
    }
    if (targets == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for %d orders", count);
        goto done;
    }
    *out = targets;
    ok = true;

done:
    pg_rows_free(rows);
    free(ids);
    return ok;
}

/* The walk goes on behind the last order that was wanted, or, where fewer were found than may be,
 * behind the last that was looked at. */
static bool
audit_walk_to(struct audit_walk *walk, const struct pg_rows *rows, int most, struct error *err)
{
    int count = pg_rows_count(rows);
    int wanted = count - 1;
    const char *last = pg_rows_text(rows, wanted == most ? wanted - 1 : wanted, 0);
    char *after = strdup(last);

    if (after == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for an order id");
    free(walk->after);
    walk->after = after;
    return true;
}

bool
audit_walk_on(struct ledger *ledger, struct audit_walk *walk, const char *since, int most,
              int64_t settle_ms, struct audit_target **out, int *count, struct error *err)
{
    bool ok = false;
    char most_text[PG_INT_BYTES];
    char walk_text[PG_INT_BYTES];
    const char *const params[] = {walk->after != NULL ? walk->after : "", since, most_text,
                                  walk_text};
    struct pg_rows *rows = NULL;
    const char **ids = NULL;

    *count = 0;
    pg_int_text(most_text, most);
    pg_int_text(walk_text, AUDIT_WALK_MAX);
    if (!pg_run(ledger_pg(ledger), &stmt_audit_orders, params, &rows, err))
        return false;
    if (pg_rows_count(rows) == 0) {
        walk->is_over = true;
        ok = true;
        goto done;
    }
    ids = calloc((size_t)pg_rows_count(rows), sizeof(*ids));
    if (ids == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for a page of orders");
        goto done;
    }
    for (int i = 0; i < pg_rows_count(rows) - 1; i++)
        ids[i] = pg_rows_text(rows, i, 0);
    if (!audit_walk_to(walk, rows, most, err))
        goto done;
    *count = pg_rows_count(rows) - 1;
    ok = *count == 0 || audit_begin(ledger, ids, *count, settle_ms, out, err);

done:
    free(ids);
    pg_rows_free(rows);
    return ok;
}

/* ---------------------------------------------------------------------------------- comparison */

static bool
audit_compare_warehouse(struct ledger *ledger, const struct warehouse *warehouse,
                        const char *const *params, struct pg_rows **out, struct error *err)
{
    const struct statements_slot slots[] = {{"relation", warehouse_rows_sql(warehouse)},
                                            {NULL, NULL}};

    return statements_query(ledger_pg(ledger), template_audit_compare_warehouse, slots, 2, params,
                            out, err);
}

bool
audit_compare(struct ledger *ledger, const struct warehouse *warehouse,
              const char *const *order_ids, int count, const char *listings, struct pg_rows **out,
              struct error *err)
{
    bool ok = false;
    char *ids = NULL;
    struct error failure = {0};

    if (!audit_ids_text(order_ids, count, &ids, err))
        return false;

    const char *const params[] = {ids, listings};

    ok = audit_compare_warehouse(ledger, warehouse, params, out, &failure);
    if (!ok && plan_is_data_error(&failure)) {
        /* The warehouse is information here: one bad row of it must not keep orders from being
         * audited. */
        log_failure(LOG_WARN, "ledger", "warehouse_unreadable", &failure);
        ok = pg_run(ledger_pg(ledger), &stmt_audit_compare, params, out, err);
    } else if (!ok) {
        *err = failure;
    }
    free(ids);
    return ok;
}

bool
audit_line_read(const struct pg_rows *rows, int row, struct audit_line *out, struct error *err)
{
    const char *verdict = pg_rows_text(rows, row, COMPARE_VERDICT);
    int at = 0;

    assert(pg_rows_columns(rows) == COMPARE_COLUMNS);
    while (at < AUDIT_VERDICTS && strcmp(audit_verdict_names[at], verdict) != 0)
        at++;
    if (at == AUDIT_VERDICTS)
        return error_set(err, ERROR_DB, "the ledger's verdict \"%s\" is none", verdict);
    *out = (struct audit_line){
        .order_id = pg_rows_text(rows, row, COMPARE_ORDER),
        .item_id = pg_rows_text(rows, row, COMPARE_ITEM),
        .verdict = (enum audit_verdict)at,
        .shipped = pg_rows_int(rows, row, COMPARE_SHIPPED),
        .cancelled = pg_rows_int(rows, row, COMPARE_CANCELLED),
        .posted_shipped = pg_rows_int(rows, row, COMPARE_POSTED_SHIPPED),
        .posted_cancelled = pg_rows_int(rows, row, COMPARE_POSTED_CANCELLED),
        .open_shipped = pg_rows_int(rows, row, COMPARE_OPEN_SHIPPED),
        .open_cancelled = pg_rows_int(rows, row, COMPARE_OPEN_CANCELLED),
        .api_shipped = pg_rows_int(rows, row, COMPARE_API_SHIPPED),
        .api_cancelled = pg_rows_int(rows, row, COMPARE_API_CANCELLED),
        .is_wanted_known = pg_rows_text(rows, row, COMPARE_WANTED_SHIPPED) != NULL &&
                           pg_rows_text(rows, row, COMPARE_WANTED_CANCELLED) != NULL,
        .detail = pg_rows_text(rows, row, COMPARE_DETAIL),
        .fingerprint = pg_rows_text(rows, row, COMPARE_FINGERPRINT),
    };
    if (out->is_wanted_known) {
        out->wanted_shipped = pg_rows_int(rows, row, COMPARE_WANTED_SHIPPED);
        out->wanted_cancelled = pg_rows_int(rows, row, COMPARE_WANTED_CANCELLED);
    }
    return true;
}

bool
audit_record(struct ledger *ledger, int64_t run_id, const char *found, bool is_again,
             int64_t *opened, struct error *err)
{
    char run[PG_INT_BYTES];
    const char *const params[] = {run, found, is_again ? "t" : "f"};
    struct pg_rows *rows = NULL;

    pg_int_text(run, run_id);
    for (int tries = 0;; tries++) {
        struct error failure = {0};

        if (pg_run(ledger_pg(ledger), &stmt_audit_record, params, &rows, &failure))
            break;
        if (tries == AUDIT_BUSY_MAX || !error_is_busy(&failure)) {
            *err = failure;
            return false;
        }
        clock_sleep_ms(AUDIT_BUSY_MS);
    }
    *opened = pg_rows_int(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}
