#include "ledger/run.h"

#include <stdio.h>
#include <unistd.h>

#include "ledger/statements.h"

bool
run_join(struct ledger *ledger, bool skips, bool *is_alone, struct error *err)
{
    struct pg_rows *rows = NULL;
    char host[256];
    const char *params[] = {host, skips ? "t" : "f"};

    if (gethostname(host, sizeof(host)) != 0)
        (void)snprintf(host, sizeof(host), "unknown");
    host[sizeof(host) - 1] = '\0';
    if (!pg_run(ledger_pg(ledger), &stmt_run_join, params, &rows, err))
        return false;
    *is_alone = !skips || pg_rows_bool(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

bool
run_look_in_shadow(struct ledger *ledger, struct error *err)
{
    return pg_run(ledger_pg(ledger), &stmt_shadow_looks, NULL, NULL, err);
}
