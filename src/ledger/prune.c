#include "ledger/prune.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "ledger/forget.h"
#include "ledger/statements.h"

#define PRUNE_PIECE "1000" /* some tenths of a second */

enum { PRUNE_FORGET_ORDERS = 200 };

static bool
prune_is_stopped(int stop_fd)
{
    struct pollfd stop = {.fd = stop_fd, .events = POLLIN};

    return stop_fd >= 0 && poll(&stop, 1, 0) > 0;
}

static bool
prune_ask(struct ledger *ledger, const struct pg_stmt *stmt, const char *const *params,
          struct pg_rows **out, struct error *err)
{
    if (pg_run(ledger_pg(ledger), stmt, params, out, err))
        return true;
    if (strcmp(err->sqlstate, "42501") == 0)
        error_hint(err, "only the role that owns the ledger may prune it");
    error_context(err, "prune");
    return false;
}

static bool
prune_submissions(struct ledger *ledger, const char *keep, int stop_fd, struct prune_result *out,
                  struct error *err)
{
    const char *const params[] = {keep, PRUNE_PIECE};
    int64_t pruned = 1;

    /* A parent of split submissions can go only after its parts: their turn comes in a later piece,
     * and the pieces end, since each takes something. */
    while (pruned > 0 && !prune_is_stopped(stop_fd)) {
        struct pg_rows *rows = NULL;

        if (!prune_ask(ledger, &stmt_prune_submissions, params, &rows, err))
            return false;
        pruned = pg_rows_int(rows, 0, 0);
        out->submissions += pruned;
        pg_rows_free(rows);
    }
    return true;
}

static bool
prune_rest(struct ledger *ledger, const char *keep, int stop_fd, struct prune_result *out,
           struct error *err)
{
    const char *const params[] = {keep, PRUNE_PIECE};
    int64_t pruned = 1;

    while (pruned > 0 && !prune_is_stopped(stop_fd)) {
        struct pg_rows *rows = NULL;

        if (!prune_ask(ledger, &stmt_prune_rest, params, &rows, err))
            return false;
        out->discrepancies += pg_rows_int(rows, 0, 0);
        out->runs += pg_rows_int(rows, 0, 1);
        pruned = pg_rows_int(rows, 0, 0) + pg_rows_int(rows, 0, 1) + pg_rows_int(rows, 0, 2);
        pg_rows_free(rows);
    }
    return true;
}

/* First they are marked, then dropped: who is stopped between has forgotten nothing of what is to
 * be forgotten. */
static bool
prune_personal(struct ledger *ledger, int64_t keep_ms, int stop_fd, struct prune_result *out,
               struct error *err)
{
    char keep[PG_INT_BYTES];
    const char *const params[] = {keep, PRUNE_PIECE};
    int64_t pruned = 1;

    pg_int_text(keep, keep_ms);
    while (pruned > 0 && !prune_is_stopped(stop_fd)) {
        struct pg_rows *rows = NULL;
        int64_t dropped = 1;

        if (!prune_ask(ledger, &stmt_prune_personal, params, &rows, err))
            return false;
        pruned = pg_rows_int(rows, 0, 0);
        out->forgotten += pruned;
        pg_rows_free(rows);
        while (dropped > 0 && !prune_is_stopped(stop_fd)) {
            if (!forget_due(ledger, PRUNE_FORGET_ORDERS, &dropped, err))
                return false;
        }
    }
    return true;
}

bool
prune_run(struct ledger *ledger, int64_t keep_ms, int64_t keep_personal_ms, int stop_fd,
          struct prune_result *out, struct error *err)
{
    char keep[PG_INT_BYTES];
    const char *const params[] = {keep};
    struct pg_rows *rows = NULL;

    *out = (struct prune_result){0};
    if (keep_personal_ms >= 0 && !prune_personal(ledger, keep_personal_ms, stop_fd, out, err))
        return false;
    if (keep_ms < 0)
        return true;
    pg_int_text(keep, keep_ms);
    if (!prune_submissions(ledger, keep, stop_fd, out, err) ||
        !prune_rest(ledger, keep, stop_fd, out, err))
        return false;
    if (prune_is_stopped(stop_fd))
        return true;
    if (!prune_ask(ledger, &stmt_prune_attempts, params, &rows, err))
        return false;
    out->months = pg_rows_int(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

bool
prune_audit(struct ledger *ledger, int64_t run_id, int rows_max, struct error *err)
{
    char run[PG_INT_BYTES], most[PG_INT_BYTES];
    const char *const params[] = {run, most};

    pg_int_text(run, run_id);
    pg_int_text(most, rows_max);
    return pg_run(ledger_pg(ledger), &stmt_ledger_audit, params, NULL, err);
}
