#include "ledger/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ledger/statements.h"
#include "ledger/work.h"

static void
follow_copy(char *out, size_t out_bytes, const char *text)
{
    (void)snprintf(out, out_bytes, "%s", text != NULL ? text : "");
}

bool
follow_begin(struct ledger *ledger, int64_t interval_ms, struct follow_reading *out,
             struct error *err)
{
    struct pg_rows *rows = NULL;
    char interval[PG_INT_BYTES];
    const char *params[] = {interval};

    *out = (struct follow_reading){.is_ours = false};
    pg_int_text(interval, interval_ms);
    if (!pg_run(ledger_pg(ledger), &stmt_events_begin, params, &rows, err))
        return false;
    out->is_ours = pg_rows_bool(rows, 0, 0);
    follow_copy(out->cursor, sizeof(out->cursor), pg_rows_text(rows, 0, 1));
    follow_copy(out->since, sizeof(out->since), pg_rows_text(rows, 0, 2));
    pg_rows_free(rows);
    return true;
}

bool
follow_store(struct ledger *ledger, const char *page, struct error *err)
{
    const char *params[] = {page};

    return pg_run(ledger_pg(ledger), &stmt_events_store, params, NULL, err);
}

bool
follow_end(struct ledger *ledger, bool is_whole, const char *newest, const char *newest_time,
           const char *gap, const char *unread, struct error *err)
{
    const char *params[] = {is_whole ? "t" : "f", newest, newest_time, gap, unread};

    return pg_run(ledger_pg(ledger), &stmt_events_end, params, NULL, err);
}

bool
follow_apply(struct ledger *ledger, int64_t run_id, int most, int *taken, struct error *err)
{
    struct pg_rows *rows = NULL;
    char run[PG_INT_BYTES], most_text[PG_INT_BYTES];
    const char *params[] = {run, most_text};

    pg_int_text(run, run_id);
    pg_int_text(most_text, most);
    if (!pg_run(ledger_pg(ledger), &stmt_events_apply, params, &rows, err))
        return false;
    *taken = (int)pg_rows_int(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

bool
follow_left(struct ledger *ledger, int64_t pass_age_ms, struct follow_left *out, struct error *err)
{
    struct pg_rows *rows = NULL;
    char age[PG_INT_BYTES];
    const char *params[] = {age};

    pg_int_text(age, pass_age_ms);
    if (!pg_run(ledger_pg(ledger), &stmt_follow_left, params, &rows, err))
        return false;
    out->is_to_apply = pg_rows_bool(rows, 0, 0);
    out->is_to_ask = pg_rows_bool(rows, 0, 1);
    out->is_to_hand_over = pg_rows_bool(rows, 0, 2);
    out->is_to_track = pg_rows_bool(rows, 0, 3);
    out->is_to_charge = pg_rows_bool(rows, 0, 4);
    pg_rows_free(rows);
    return true;
}

bool
follow_take_asks(struct ledger *ledger, int most, int64_t after_ms, int64_t pass_age_ms,
                 char ***out, int *count, struct error *err)
{
    char most_text[PG_INT_BYTES], after[PG_INT_BYTES], age[PG_INT_BYTES];
    const char *params[] = {most_text, after, age};

    pg_int_text(most_text, most);
    pg_int_text(after, after_ms);
    pg_int_text(age, pass_age_ms);
    return work_take_ids(ledger, &stmt_follows_take, params, out, count, err);
}

bool
follow_hand_over_due(struct ledger *ledger, const char *after, int most, int64_t pass_age_ms,
                     char ***out, int *count, struct error *err)
{
    char most_text[PG_INT_BYTES], age[PG_INT_BYTES];
    const char *params[] = {after, most_text, age};

    pg_int_text(most_text, most);
    pg_int_text(age, pass_age_ms);
    return work_take_ids(ledger, &stmt_hand_over_due, params, out, count, err);
}

bool
follow_hand_over(struct ledger *ledger, int64_t run_id, const char *order_id, const char *function,
                 int64_t first_delay_ms, int64_t max_delay_ms, struct follow_handed *out,
                 struct error *err)
{
    struct pg_rows *rows = NULL;
    char run[PG_INT_BYTES], first[PG_INT_BYTES], max[PG_INT_BYTES];
    const char *params[] = {run, order_id, function, first, max};

    pg_int_text(run, run_id);
    pg_int_text(first, first_delay_ms);
    pg_int_text(max, max_delay_ms);
    if (!pg_run(ledger_pg(ledger), &stmt_hand_over, params, &rows, err))
        return false;
    out->states = (int)pg_rows_int(rows, 0, 0);
    follow_copy(out->why, sizeof(out->why), pg_rows_text(rows, 0, 1));
    pg_rows_free(rows);
    return true;
}

bool
follow_hand_over_failed(struct ledger *ledger, int64_t run_id, const char *order_id,
                        const char *function, const struct error *why, int64_t first_delay_ms,
                        int64_t max_delay_ms, struct error *err)
{
    char run[PG_INT_BYTES], first[PG_INT_BYTES], max[PG_INT_BYTES];
    const char *params[] = {run, order_id, function, why->sqlstate, why->message, first, max};

    pg_int_text(run, run_id);
    pg_int_text(first, first_delay_ms);
    pg_int_text(max, max_delay_ms);
    return pg_run(ledger_pg(ledger), &stmt_hand_over_failed, params, NULL, err);
}

void
follow_tracking_free(struct follow_tracking *tracking)
{
    if (tracking == NULL)
        return;
    free(tracking->fulfillment_id);
    free(tracking->company);
    free(tracking->number);
    free(tracking->url);
    free(tracking->taken_until);
    free(tracking);
}

bool
follow_take_tracking(struct ledger *ledger, int64_t worker_id, int most, int64_t lease_ms,
                     struct follow_tracking ***out, int *count, struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    struct follow_tracking **list = NULL;
    char worker[PG_INT_BYTES], version[PG_INT_BYTES], most_text[PG_INT_BYTES], lease[PG_INT_BYTES];
    const char *params[] = {worker, version, most_text, lease};
    int n = 0;

    *out = NULL;
    *count = 0;
    pg_int_text(worker, worker_id);
    pg_int_text(version, ledger_schema_version());
    pg_int_text(most_text, most);
    pg_int_text(lease, lease_ms);
    if (!pg_run(ledger_pg(ledger), &stmt_tracking_take, params, &rows, err)) {
        ledger_refine_error(err);
        return false;
    }
    list = calloc((size_t)pg_rows_count(rows) + 1, sizeof(*list));
    while (list != NULL && n < pg_rows_count(rows)) {
        struct follow_tracking *t = calloc(1, sizeof(*t));

        if (t == NULL)
            break;
        list[n] = t;
        t->submission_id = pg_rows_int(rows, n, 0);
        t->version = (int)pg_rows_int(rows, n, 1);
        t->failures = (int)pg_rows_int(rows, n, 6);
        n++;
        if (!text_dup(pg_rows_text(rows, n - 1, 2), &t->fulfillment_id) ||
            !text_dup(pg_rows_text(rows, n - 1, 3), &t->company) ||
            !text_dup(pg_rows_text(rows, n - 1, 4), &t->number) ||
            !text_dup(pg_rows_text(rows, n - 1, 5), &t->url) ||
            !text_dup(pg_rows_text(rows, n - 1, 7), &t->taken_until))
            goto done;
    }
    if (list == NULL || n < pg_rows_count(rows))
        goto done;
    *out = list;
    *count = n;
    list = NULL;
    ok = true;

done:
    if (!ok) /* their lanes are free again when the lease ends */
        error_set(err, ERROR_NOMEM, "no memory for %d updates", pg_rows_count(rows));
    for (int i = 0; list != NULL && i < n; i++)
        follow_tracking_free(list[i]);
    free(list);
    pg_rows_free(rows);
    return ok;
}

bool
follow_tracked(struct ledger *ledger, int64_t run_id, const struct follow_tracking *tracking,
               const char *outcome, const char *why, int64_t delay_ms, struct error *err)
{
    char run[PG_INT_BYTES], id[PG_INT_BYTES], version[PG_INT_BYTES], delay[PG_INT_BYTES];
    const char *params[] = {run, id, version, outcome, why, delay, tracking->taken_until};

    pg_int_text(run, run_id);
    pg_int_text(id, tracking->submission_id);
    pg_int_text(version, tracking->version);
    pg_int_text(delay, delay_ms);
    return pg_run(ledger_pg(ledger), &stmt_tracking_done, params, NULL, err);
}

bool
follow_take_charges(struct ledger *ledger, int most, int64_t lease_ms, int64_t pass_age_ms,
                    char ***out, int *count, struct error *err)
{
    char most_text[PG_INT_BYTES], lease[PG_INT_BYTES], age[PG_INT_BYTES];
    const char *params[] = {most_text, lease, age};

    pg_int_text(most_text, most);
    pg_int_text(lease, lease_ms);
    pg_int_text(age, pass_age_ms);
    return work_take_ids(ledger, &stmt_charges_take, params, out, count, err);
}

bool
follow_record_charge(struct ledger *ledger, int64_t run_id, const char *charge_id,
                     const char *answer, struct error *err)
{
    char run[PG_INT_BYTES];
    const char *params[] = {run, charge_id, answer};

    pg_int_text(run, run_id);
    return pg_run(ledger_pg(ledger), &stmt_charge_record, params, NULL, err);
}

bool
follow_check_function(struct ledger *ledger, const char *function, struct check_list *out,
                      struct error *err)
{
    struct pg_rows *rows = NULL;
    const char *params[] = {function};
    char mend[600];
    const char *signature;
    const char *others;
    bool ok;

    if (!pg_run(ledger_pg(ledger), &stmt_check_state_function, params, &rows, err))
        return false;
    signature = pg_rows_text(rows, 0, 0);
    others = pg_rows_text(rows, 0, 3);
    (void)snprintf(mend, sizeof(mend), "grant execute on function %s to %s",
                   signature != NULL ? signature : "", pg_rows_text(rows, 0, 4));
    if (signature == NULL)
        ok = check_add(out, CHECK_FAIL, "order states", "set warehouse.order_state_function",
                       "there is no function %s(order_id text, state text, at timestamptz)%s%s",
                       function, others != NULL ? ", but " : "", others != NULL ? others : "");
    else if (!pg_rows_bool(rows, 0, 1))
        ok = check_add(out, CHECK_FAIL, "order states", "make it a function", "%s is none",
                       signature);
    else if (!pg_rows_bool(rows, 0, 2))
        ok = check_add(out, CHECK_FAIL, "order states", mend, "%s may not be called", signature);
    else
        ok = check_add(out, CHECK_OK, "order states", "", "handed to %s", signature);
    pg_rows_free(rows);
    return ok || error_set(err, ERROR_NOMEM, "no memory for the list of findings");
}
