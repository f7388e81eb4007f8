/* The half of work.h that asks the API about orders and keeps what it says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ledger/statements.h"
#include "ledger/work.h"

#define WORK_LIST_BYTES_MAX (16 * 1024 * 1024)

void
work_ids_free(char **ids, int count)
{
    for (int i = 0; ids != NULL && i < count; i++)
        free(ids[i]);
    free(ids);
}

bool
work_take_ids(struct ledger *ledger, const struct pg_stmt *stmt, const char *const *params,
              char ***out, int *count, struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    char **ids = NULL;
    int n = 0;

    *out = NULL;
    *count = 0;
    if (!pg_run(ledger_pg(ledger), stmt, params, &rows, err))
        return false;
    ids = calloc((size_t)pg_rows_count(rows) + 1, sizeof(*ids));
    for (; ids != NULL && n < pg_rows_count(rows); n++) {
        ids[n] = strdup(pg_rows_text(rows, n, 0));
        if (ids[n] == NULL)
            break;
    }
    if (ids == NULL || n < pg_rows_count(rows)) {
        error_set(err, ERROR_NOMEM, "no memory for %d ids", pg_rows_count(rows));
        goto done;
    }
    *out = ids;
    *count = n;
    ids = NULL;
    ok = true;

done:
    work_ids_free(ids, n);
    pg_rows_free(rows);
    return ok;
}

bool
work_take_asks(struct ledger *ledger, int most, int64_t lease_ms, const char *only_order,
               char ***out, int *count, struct error *err)
{
    char most_text[PG_INT_BYTES], lease[PG_INT_BYTES];
    const char *params[] = {most_text, lease, only_order};

    pg_int_text(most_text, most);
    pg_int_text(lease, lease_ms);
    return work_take_ids(ledger, &stmt_asks_take, params, out, count, err);
}

bool
work_take_lists(struct ledger *ledger, int most, int64_t lease_ms, int64_t settle_ms,
                const char *only_order, char ***out, int *count, struct error *err)
{
    char most_text[PG_INT_BYTES], lease[PG_INT_BYTES], settle[PG_INT_BYTES];
    const char *params[] = {most_text, lease, settle, only_order};

    pg_int_text(most_text, most);
    pg_int_text(lease, lease_ms);
    pg_int_text(settle, settle_ms);
    return work_take_ids(ledger, &stmt_lists_take, params, out, count, err);
}

bool
work_take_upstreams(struct ledger *ledger, int most, int64_t lease_ms, char ***out, int *count,
                    struct error *err)
{
    char most_text[PG_INT_BYTES], lease[PG_INT_BYTES];
    const char *params[] = {most_text, lease};

    pg_int_text(most_text, most);
    pg_int_text(lease, lease_ms);
    return work_take_ids(ledger, &stmt_upstreams_take, params, out, count, err);
}

bool
work_record_orders(struct ledger *ledger, const char *answers, int64_t ask_most_ms,
                   int64_t follow_after_ms, struct error *err)
{
    char most[PG_INT_BYTES], after[PG_INT_BYTES];
    const char *params[] = {answers, most, after};

    pg_int_text(most, ask_most_ms);
    pg_int_text(after, follow_after_ms);
    return pg_run(ledger_pg(ledger), &stmt_orders_record, params, NULL, err);
}

static char *
work_gate_list(const char *const *ids, int count)
{
    struct buffer buf;

    buffer_init(&buf, WORK_LIST_BYTES_MAX);
    pg_array_begin(&buf);
    for (int i = 0; i < count; i++)
        pg_array_text(&buf, ids[i]);
    pg_array_end(&buf);
    return buffer_take(&buf);
}

bool
work_enqueue(struct ledger *ledger, const char *const *order_ids, int count, const char *why,
             struct error *err)
{
    char *list = work_gate_list(order_ids, count);
    const char *params[] = {list, why};
    bool ok;

    if (list == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for %d ids", count);
    ok = pg_run(ledger_pg(ledger), &stmt_enqueue, params, NULL, err);
    free(list);
    return ok;
}

bool
work_record_unknown(struct ledger *ledger, const char *const *order_ids, int count,
                    int64_t ask_most_ms, struct error *err)
{
    char most[PG_INT_BYTES];
    char *list = work_gate_list(order_ids, count);
    const char *params[] = {list, most};
    bool ok;

    if (list == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for %d ids", count);
    pg_int_text(most, ask_most_ms);
    ok = pg_run(ledger_pg(ledger), &stmt_orders_record_unknown, params, NULL, err);
    free(list);
    return ok;
}

bool
work_give_back_questions(struct ledger *ledger, const char *kind, const char *const *ids, int count,
                         int64_t delay_ms, struct error *err)
{
    char delay[PG_INT_BYTES];
    char *list = work_gate_list(ids, count);
    const char *params[] = {kind, list, delay};
    bool ok;

    if (list == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for %d ids", count);
    pg_int_text(delay, delay_ms);
    ok = pg_run(ledger_pg(ledger), &stmt_questions_give_back, params, NULL, err);
    free(list);
    return ok;
}

bool
work_record_unread(struct ledger *ledger, int64_t run_id, const char *order_id, const char *why,
                   int64_t ask_most_ms, struct error *err)
{
    char run[PG_INT_BYTES], most[PG_INT_BYTES];
    const char *params[] = {run, order_id, why, most};

    pg_int_text(run, run_id);
    pg_int_text(most, ask_most_ms);
    return pg_run(ledger_pg(ledger), &stmt_orders_record_unread, params, NULL, err);
}

bool
work_record_unlisted(struct ledger *ledger, int64_t run_id, const char *order_id, const char *why,
                     int64_t delay_ms, struct error *err)
{
    char run[PG_INT_BYTES], delay[PG_INT_BYTES];
    const char *params[] = {run, order_id, why, delay};

    pg_int_text(run, run_id);
    pg_int_text(delay, delay_ms);
    return pg_run(ledger_pg(ledger), &stmt_orders_record_unlisted, params, NULL, err);
}

bool
work_knows_more_orders(struct ledger *ledger, bool *knows_more, struct error *err)
{
    struct pg_rows *rows = NULL;

    if (!pg_run(ledger_pg(ledger), &stmt_orders_known, NULL, &rows, err))
        return false;
    *knows_more = pg_rows_bool(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

bool
work_record_upstreams(struct ledger *ledger, int64_t run_id, const char *const *asked, int count,
                      const char *found, int64_t grace_ms, struct error *err)
{
    char run[PG_INT_BYTES], grace[PG_INT_BYTES];
    char *list = work_gate_list(asked, count);
    const char *params[] = {run, list, found, grace};
    bool ok;

    if (list == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for %d ids", count);
    pg_int_text(run, run_id);
    pg_int_text(grace, grace_ms);
    ok = pg_run(ledger_pg(ledger), &stmt_upstreams_record, params, NULL, err);
    free(list);
    return ok;
}

bool
work_read_listing(struct ledger *ledger, int64_t run_id, const char *order_id, const char *listing,
                  const char *marker, const char *sent_after, struct work_evidence *out,
                  struct error *err)
{
    struct pg_rows *rows = NULL;
    char run[PG_INT_BYTES];
    const char *params[] = {run, order_id, listing, marker, sent_after};

    pg_int_text(run, run_id);
    if (!pg_run(ledger_pg(ledger), &stmt_listing_read, params, &rows, err))
        return false;
    const char *id = pg_rows_text(rows, 0, 0);
    const char *detail = pg_rows_text(rows, 0, 2);
    const char *lacking = pg_rows_text(rows, 0, 4);
    (void)snprintf(out->found_id, sizeof(out->found_id), "%s", id != NULL ? id : "");
    out->unexplained = pg_rows_int(rows, 0, 1);
    (void)snprintf(out->unexplained_ids, sizeof(out->unexplained_ids), "%s",
                   detail != NULL ? detail : "");
    out->marker_was_seen = pg_rows_bool(rows, 0, 3);
    (void)snprintf(out->lacking_ids, sizeof(out->lacking_ids), "%s",
                   lacking != NULL ? lacking : "");
    pg_rows_free(rows);
    return true;
}

bool
work_record_listing(struct ledger *ledger, int64_t run_id, const char *order_id,
                    const char *listing, char lacking[WORK_IDS_BYTES], struct error *err)
{
    struct pg_rows *rows = NULL;
    char run[PG_INT_BYTES];
    const char *params[] = {run, order_id, listing};
    const char *text;

    pg_int_text(run, run_id);
    if (!pg_run(ledger_pg(ledger), &stmt_listing_record, params, &rows, err))
        return false;
    text = pg_rows_text(rows, 0, 0);
    (void)snprintf(lacking, WORK_IDS_BYTES, "%s", text != NULL ? text : "");
    pg_rows_free(rows);
    return true;
}

bool
work_take_marker_probe(struct ledger *ledger, char **order_id, struct error *err)
{
    struct pg_rows *rows = NULL;
    const char *id;

    if (!pg_run(ledger_pg(ledger), &stmt_marker_probe, NULL, &rows, err))
        return false;
    id = pg_rows_count(rows) > 0 ? pg_rows_text(rows, 0, 0) : NULL;
    *order_id = strdup(id != NULL ? id : "");
    pg_rows_free(rows);
    return *order_id != NULL || error_set(err, ERROR_NOMEM, "no memory for an order id");
}

bool
work_pause(struct ledger *ledger, const char *why, struct error *err)
{
    const char *params[] = {why};

    return pg_run(ledger_pg(ledger), &stmt_ledger_pause, params, NULL, err);
}
