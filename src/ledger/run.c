#include "ledger/run.h"

#include <stdio.h>
#include <unistd.h>

#include "ledger/statements.h"

static void
run_host(char *out, size_t out_bytes)
{
    if (gethostname(out, out_bytes) != 0)
        (void)snprintf(out, out_bytes, "unknown");
    out[out_bytes - 1] = '\0';
}

bool
run_join(struct ledger *ledger, bool skips, bool *is_alone, struct error *err)
{
    struct pg_rows *rows = NULL;
    char host[256];
    const char *params[] = {host, skips ? "t" : "f"};

    run_host(host, sizeof(host));
    if (!pg_run(ledger_pg(ledger), &stmt_run_join, params, &rows, err))
        return false;
    *is_alone = !skips || pg_rows_bool(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

bool
run_look(struct ledger *ledger, const struct run_look *look, struct run_found *out,
         struct error *err)
{
    struct pg_rows *rows = NULL;
    char version[PG_INT_BYTES], sweep[PG_INT_BYTES], events[PG_INT_BYTES], within[PG_INT_BYTES];
    char most[PG_INT_BYTES];
    const char *params[] = {look->is_turn ? NULL : version,
                            look->base_url,
                            look->is_live ? "t" : "f",
                            look->is_queue ? "t" : "f",
                            sweep,
                            look->follows_events ? events : NULL,
                            look->hands_over ? "t" : "f",
                            within,
                            most,
                            look->line_items};

    *out = (struct run_found){.is_idle = false};
    pg_int_text(version, ledger_schema_version());
    pg_int_text(sweep, look->sweep_interval_ms);
    pg_int_text(events, look->events_interval_ms);
    pg_int_text(within, look->within_ms);
    pg_int_text(most, look->units_per_line_max);
    if (!pg_run(ledger_pg(ledger), &stmt_work_look, params, &rows, err)) {
        if (err->code != ERROR_DB)
            return false;
        *err = (struct error){0};
        return true;
    }
    out->lacks_relation = pg_rows_bool(rows, 0, 2);
    out->is_idle = pg_rows_bool(rows, 0, 0) && !out->lacks_relation;
    out->reads_events = pg_rows_bool(rows, 0, 1);
    pg_rows_free(rows);
    return true;
}

bool
run_idle(struct ledger *ledger, const char *command, int64_t *run_id, int64_t *backlog,
         struct error *err)
{
    struct pg_rows *rows = NULL;
    char host[256];
    char pid[PG_INT_BYTES];
    const char *params[] = {command, host, pid, WAYBILL_VERSION};

    run_host(host, sizeof(host));
    pg_int_text(pid, (int)getpid());
    if (!pg_run(ledger_pg(ledger), &stmt_run_idle, params, &rows, err))
        return false;
    *run_id = pg_rows_int(rows, 0, 0);
    *backlog = pg_rows_int(rows, 0, 1);
    pg_rows_free(rows);
    return true;
}

bool
run_guard(struct ledger *ledger, int64_t units_per_line_max, struct error *err)
{
    char most[PG_INT_BYTES];
    const char *params[] = {most};

    pg_int_text(most, units_per_line_max);
    return pg_run(ledger_pg(ledger), &stmt_guard_begin, params, NULL, err);
}

bool
run_look_in_shadow(struct ledger *ledger, struct error *err)
{
    return pg_run(ledger_pg(ledger), &stmt_shadow_looks, NULL, NULL, err);
}
