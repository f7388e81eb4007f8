#include "ledger/recover.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ledger/statements.h"

static void
recover_text(char *out, size_t out_bytes, const struct pg_rows *rows, int column)
{
    const char *text = pg_rows_text(rows, 0, column);

    text_copy_clean(out, out_bytes, text != NULL ? text : "");
}

bool
recover_look(struct ledger *ledger, const char *base_url, bool is_live, struct pg_rows **out,
             struct error *err)
{
    const char *const params[] = {base_url, is_live ? "true" : "false"};

    return pg_run(ledger_pg(ledger), &stmt_recover_look, params, out, err);
}

bool
recover_state(struct ledger *ledger, int64_t settle_ms, struct recover_state *out,
              struct error *err)
{
    char settle[PG_INT_BYTES];
    const char *const params[] = {settle};
    struct pg_rows *rows = NULL;

    pg_int_text(settle, settle_ms);
    if (!pg_run(ledger_pg(ledger), &stmt_recover_state, params, &rows, err))
        return false;
    *out = (struct recover_state){.generation = (int)pg_rows_int(rows, 0, 3), .unverified = -1};
    recover_text(out->mode, sizeof(out->mode), rows, 0);
    recover_text(out->mode_by, sizeof(out->mode_by), rows, 1);
    recover_text(out->mode_reason, sizeof(out->mode_reason), rows, 2);
    recover_text(out->generation_since, sizeof(out->generation_since), rows, 4);
    recover_text(out->look_from, sizeof(out->look_from), rows, 5);
    if (out->generation > 1) {
        out->looks_now = pg_rows_bool(rows, 0, 6);
        out->unverified = pg_rows_int(rows, 0, 7);
    }
    recover_text(out->why, sizeof(out->why), rows, 8);
    out->found_again = pg_rows_int(rows, 0, 9);
    pg_rows_free(rows);
    return true;
}

static bool
recover_do(struct ledger *ledger, const struct pg_stmt *stmt, const char *const *params,
           int *generation, struct error *err)
{
    struct pg_rows *rows = NULL;

    if (!pg_run(ledger_pg(ledger), stmt, params, &rows, err)) {
        if (strcmp(err->sqlstate, "42501") == 0)
            error_hint(err, "run as the role that owns the ledger");
        return false;
    }
    *generation = (int)pg_rows_int(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

bool
recover_here(struct ledger *ledger, const char *who, const char *why, int *generation,
             struct error *err)
{
    const char *const params[] = {who, why};

    return recover_do(ledger, &stmt_recover_here, params, generation, err);
}

bool
recover_api(struct ledger *ledger, const char *base_url, const char *who, const char *why,
            int *generation, struct error *err)
{
    const char *const params[] = {base_url, who, why};

    return recover_do(ledger, &stmt_recover_api, params, generation, err);
}
