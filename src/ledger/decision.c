#include "ledger/decision.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "ledger/statements.h"

enum { DECISION_PIECE = 500, DECISION_IDS_BYTES_MAX = 64 * 1024 };

static bool
decision_add(struct decision_list *list, const char *what, const char *id, const char *order_id,
             bool is_done, const char *said, struct error *err)
{
    struct decision *one;

    if (list->count % 256 == 0) {
        void *grown = realloc(list->list, ((size_t)list->count + 256) * sizeof(*list->list));

        if (grown == NULL)
            return error_set(err, ERROR_NOMEM, "no memory for %d decisions", list->count);
        list->list = grown;
    }
    one = &list->list[list->count];
    (void)snprintf(one->target, sizeof(one->target), "%s%s%.50s", what, what[0] != '\0' ? " " : "",
                   id);
    text_trim_cut(one->target);
    one->order_id = strdup(order_id != NULL ? order_id : "");
    one->said = strdup(said != NULL ? said : "");
    one->is_done = is_done;
    if (one->order_id == NULL || one->said == NULL) {
        free(one->order_id);
        free(one->said);
        return error_set(err, ERROR_NOMEM, "no memory for %d decisions", list->count);
    }
    list->count++;
    return true;
}

void
decision_list_free(struct decision_list *list)
{
    for (int i = 0; i < list->count; i++) {
        free(list->list[i].order_id);
        free(list->list[i].said);
    }
    free(list->list);
    *list = (struct decision_list){.list = NULL};
}

/* A piece of submissions, decided in one transaction. */
static bool
decision_piece(struct ledger *ledger, const struct decision_request *request,
               const struct pg_rows *targets, int first, int count, struct decision_list *out,
               struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    struct buffer ids;

    buffer_init(&ids, DECISION_IDS_BYTES_MAX);
    pg_array_begin(&ids);
    for (int i = first; i < first + count; i++)
        pg_array_int(&ids, pg_rows_int(targets, i, 0));
    pg_array_end(&ids);

    const char *const params[] = {
        request->action,
        buffer_text(&ids),
        request->who,
        request->reason,
        request->is_forced ? "t" : "f",
        request->units,
    };

    ok = !ids.is_failed || error_set(err, ERROR_NOMEM, "no memory for %d ids", count);
    if (!ok || !pg_run(ledger_pg(ledger), &stmt_decide, params, &rows, err)) {
        ok = false;
        goto done;
    }
    for (int i = 0; i < pg_rows_count(rows) && ok; i++)
        ok = decision_add(out, "submission", pg_rows_text(rows, i, 0), pg_rows_text(rows, i, 1),
                          pg_rows_bool(rows, i, 2), pg_rows_text(rows, i, 3), err);

done:
    pg_rows_free(rows);
    buffer_free(&ids);
    return ok;
}

static bool
decision_discrepancy(struct ledger *ledger, const struct decision_request *request, const char *id,
                     struct decision_list *out, struct error *err)
{
    const struct pg_stmt *stmt = strcmp(request->action, "dismiss") == 0
                                     ? &stmt_discrepancy_dismiss
                                     : &stmt_discrepancy_look_again;
    const char *const params[] = {id, request->who, request->reason, request->units};
    struct pg_rows *rows = NULL;
    bool ok;

    if (!pg_run(ledger_pg(ledger), stmt, params, &rows, err))
        return false;
    ok = decision_add(out, "discrepancy", id, NULL, pg_rows_bool(rows, 0, 0),
                      pg_rows_text(rows, 0, 1), err);
    pg_rows_free(rows);
    return ok;
}

static bool
decision_targets(struct ledger *ledger, const struct decision_request *request,
                 struct pg_rows **out, struct error *err)
{
    char older[PG_INT_BYTES];
    char most[PG_INT_BYTES];
    const char *const params[] = {request->action,
                                  request->target_kind,
                                  request->target,
                                  request->of_kind,
                                  request->older_than_ms >= 0 ? older : NULL,
                                  most};

    pg_int_text(older, request->older_than_ms);
    pg_int_text(most, DECISION_COUNT_MAX);
    return pg_run(ledger_pg(ledger), &stmt_decide_targets, params, out, err);
}

bool
decision_make(struct ledger *ledger, const struct decision_request *request,
              struct decision_list *out, struct error *err)
{
    bool ok = true;
    struct pg_rows *targets = NULL;
    int count;

    if (!decision_targets(ledger, request, &targets, err))
        return false;
    count = pg_rows_count(targets);
    out->is_cut = count >= DECISION_COUNT_MAX;
    for (int i = 0; i < count && ok;) {
        int piece = 0;

        while (i + piece < count && piece < DECISION_PIECE &&
               pg_rows_text(targets, i + piece, 0) != NULL)
            piece++;
        if (piece > 0) {
            ok = decision_piece(ledger, request, targets, i, piece, out, err);
            i += piece;
            continue;
        }
        if (pg_rows_text(targets, i, 1) != NULL && pg_rows_text(targets, i, 2) == NULL)
            ok = decision_discrepancy(ledger, request, pg_rows_text(targets, i, 1), out, err);
        else
            ok = decision_add(out, request->target_kind, request->target, NULL, false,
                              pg_rows_text(targets, i, 2), err);
        i++;
    }
    if (!ok)
        error_context(err, "%s", request->action);
    pg_rows_free(targets);
    return ok;
}

bool
decision_book(struct ledger *ledger, const struct pg_stmt *stmt, const char *const *params,
              bool *is_done, char said[DECISION_SAID_BYTES], struct error *err)
{
    struct pg_rows *rows = NULL;

    if (!pg_run(ledger_pg(ledger), stmt, params, &rows, err)) {
        ledger_refine_error(err);
        return false;
    }
    *is_done = pg_rows_bool(rows, 0, 0);
    text_copy_clean(said, DECISION_SAID_BYTES, pg_rows_text(rows, 0, 1));
    pg_rows_free(rows);
    return true;
}

bool
decision_settle(struct ledger *ledger, const char *order_id, const char *item_id, int64_t shipped,
                int64_t cancelled, const char *who, const char *reason, bool *is_done,
                char said[DECISION_SAID_BYTES], struct error *err)
{
    char shipped_text[PG_INT_BYTES];
    char cancelled_text[PG_INT_BYTES];
    const char *const params[] = {order_id, item_id, shipped_text, cancelled_text, who, reason};

    pg_int_text(shipped_text, shipped);
    pg_int_text(cancelled_text, cancelled);
    return decision_book(ledger, &stmt_book_by_hand, params, is_done, said, err);
}

bool
decision_adopt(struct ledger *ledger, const char *order_id, const char *listing, const char *who,
               const char *reason, bool *is_done, char said[DECISION_SAID_BYTES], struct error *err)
{
    const char *const params[] = {order_id, listing, who, reason};

    return decision_book(ledger, &stmt_book_fulfillment, params, is_done, said, err);
}

bool
decision_mode(struct ledger *ledger, enum decision_mode mode, const char *who, const char *reason,
              char said[DECISION_SAID_BYTES], struct error *err)
{
    static const struct pg_stmt *const stmts[] = {
        [DECISION_PAUSE] = &stmt_mode_pause,
        [DECISION_RESUME] = &stmt_mode_resume,
        [DECISION_GO_LIVE] = &stmt_mode_go_live,
    };
    const char *const params[] = {reason, who};
    struct pg_rows *rows = NULL;

    if (!pg_run(ledger_pg(ledger), stmts[mode], params, &rows, err)) {
        ledger_refine_error(err);
        return false;
    }
    text_copy_clean(said, DECISION_SAID_BYTES, pg_rows_text(rows, 0, 0));
    pg_rows_free(rows);
    return true;
}
