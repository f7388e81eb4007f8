#include "ledger/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ledger/statements.h"

#define REPORT_SQL_BYTES_MAX 65536

static const struct report_entry {
    const char *name;
    const char *summary;
    const char *order_by;
    bool is_by_order;
} report_entries[] = {
    {"line_items", "where every unit of the warehouse is", "order_id, item_id, shipment_ref", true},
    {"submissions", "every POST that was ever intended", "submission_id", true},
    {"submission_items", "which units went with which submission", "submission_id, item_id", true},
    {"attempts", "every request made for a submission", "finished_at, submission_id, attempt",
     true},
    {"orders", "the API's word on each order", "order_id", true},
    {"order_states", "each state of an order, and its hand-over to the warehouse", "seq", true},
    {"payments", "captures and releases of money that were looked at", "order_id, at", true},
    {"discrepancies", "what a person must decide, open ones first",
     "closed_at is not null, discrepancy_id", true},
    {"adjustments", "units settled outside our own POSTs", "adjustment_id", true},
    {"decisions", "what people decided, and why", "decision_id", true},
    {"posted", "what is posted in total, as baseline --from csv reads it",
     "order_id, item_id, shipment_ref", true},
    {"shadow", "in shadow mode: what we would post against what the API shows", "order_id, item_id",
     true},
    {"runs", "every pass of the program", "run_id", false},
    {"backlog", "what is on its way, by state", NULL, false},
    {"hourly", "pace and latency of the last 31 days", NULL, false},
    {"health", "one row, ready to alert on", NULL, false},
};

struct report {
    struct pg *pg;
    struct pg_rows *columns; /* name, category */
};

int
report_count(void)
{
    return (int)(sizeof(report_entries) / sizeof(report_entries[0]));
}

const char *
report_name(int index)
{
    return report_entries[index].name;
}

const char *
report_summary(int index)
{
    return report_entries[index].summary;
}

bool
report_is_by_order(int index)
{
    return report_entries[index].is_by_order;
}

int
report_find(const char *name)
{
    for (int i = 0; i < report_count(); i++) {
        if (strcmp(report_entries[i].name, name) == 0)
            return i;
    }
    return -1;
}

/* A cursor takes no parameters, so the order's id is a literal, quoted by the library. */
static bool
report_declare(struct pg *pg, const struct report_entry *entry, const char *order_id,
               struct error *err)
{
    bool ok = false;
    char *literal = NULL;
    struct buffer sql;

    buffer_init(&sql, REPORT_SQL_BYTES_MAX);
    /* With hold: the server keeps the rows and no snapshot, however slowly somebody reads. */
    (void)buffer_printf(
        &sql, "declare report no scroll cursor with hold for select * from report_%s", entry->name);
    if (order_id != NULL) {
        literal = pg_quote_literal(order_id);
        if (literal == NULL) {
            error_set(err, ERROR_NOMEM, "no memory for an order id");
            goto done;
        }
        (void)buffer_printf(&sql, " where order_id = %s", literal);
    }
    if (entry->order_by != NULL)
        (void)buffer_printf(&sql, " order by %s", entry->order_by);
    if (sql.is_failed) {
        error_set(err, ERROR_LIMIT, "the order id is too long");
        goto done;
    }
    ok = pg_exec(pg, buffer_text(&sql), err);

done:
    free(literal);
    buffer_free(&sql);
    return ok;
}

bool
report_open(struct ledger *ledger, int index, const char *order_id, struct report **out,
            struct error *err)
{
    const struct report_entry *entry = &report_entries[index];
    bool ok = false;
    struct report *report = calloc(1, sizeof(*report));
    char view[64];
    const char *const params[] = {view};

    (void)snprintf(view, sizeof(view), "report_%s", entry->name);
    if (report == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for a report");
        goto done;
    }
    if (!pg_run(ledger_pg(ledger), &stmt_report_columns, params, &report->columns, err) ||
        !report_declare(ledger_pg(ledger), entry, order_id, err))
        goto done;
    report->pg = ledger_pg(ledger);
    *out = report;
    report = NULL;
    ok = true;

done:
    if (!ok)
        error_context(err, "report %s", entry->name);
    report_close(report);
    return ok;
}

int
report_columns(const struct report *report)
{
    return pg_rows_count(report->columns);
}

const char *
report_column(const struct report *report, int column, enum report_kind *kind)
{
    const char *category = pg_rows_text(report->columns, column, 1);

    *kind = category[0] == 'N' ? REPORT_NUMBER : category[0] == 'B' ? REPORT_BOOL : REPORT_TEXT;
    return pg_rows_text(report->columns, column, 0);
}

bool
report_next(struct report *report, struct pg_rows **out, struct error *err)
{
    return pg_query(report->pg, "fetch 1000 from report", 0, NULL, out, err);
}

void
report_close(struct report *report)
{
    struct error ignored = {0};

    if (report == NULL)
        return;
    if (report->pg != NULL && pg_is_alive(report->pg))
        (void)pg_exec(report->pg, "close report", &ignored);
    pg_rows_free(report->columns);
    free(report);
}

bool
report_order(struct ledger *ledger, const char *order_id, struct pg_rows **out, struct error *err)
{
    const char *const params[] = {order_id};

    return pg_run(ledger_pg(ledger), &stmt_report_order, params, out, err);
}

bool
report_lines_of_order(struct ledger *ledger, const char *order_id, struct pg_rows **out,
                      struct error *err)
{
    const char *const params[] = {order_id};

    return pg_run(ledger_pg(ledger), &stmt_report_lines_of_order, params, out, err);
}

bool
report_held_rows(struct ledger *ledger, const char *orders, struct pg_rows **out, struct error *err)
{
    const char *const params[] = {orders};

    return pg_run(ledger_pg(ledger), &stmt_report_held_rows, params, out, err);
}

bool
report_status_read_facts(struct ledger *ledger, struct report_status *out, struct error *err)
{
    struct pg *pg = ledger_pg(ledger);

    *out = (struct report_status){.health = NULL};
    if (pg_run(pg, &stmt_status_health, NULL, &out->health, err) &&
        pg_run(pg, &stmt_status_backlog, NULL, &out->backlog, err) &&
        pg_run(pg, &stmt_status_discrepancies, NULL, &out->discrepancies, err)) {
        if (pg_rows_count(out->health) == 1)
            return true;
        error_set(err, ERROR_DB, "the ledger has %d identities instead of one",
                  pg_rows_count(out->health));
    }
    error_context(err, "status");
    report_status_free(out);
    return false;
}

bool
report_status_read(struct ledger *ledger, struct report_status *out, struct error *err)
{
    struct pg *pg = ledger_pg(ledger);

    if (!report_status_read_facts(ledger, out, err))
        return false;
    if (pg_run(pg, &stmt_status_runs, NULL, &out->runs, err) &&
        pg_run(pg, &stmt_status_stuck, NULL, &out->stuck, err))
        return true;
    error_context(err, "status");
    report_status_free(out);
    return false;
}

bool
report_status_read_pace(struct ledger *ledger, struct report_status *status, struct error *err)
{
    return pg_run(ledger_pg(ledger), &stmt_status_pace, NULL, &status->pace, err);
}

void
report_status_free(struct report_status *status)
{
    pg_rows_free(status->health);
    pg_rows_free(status->backlog);
    pg_rows_free(status->discrepancies);
    pg_rows_free(status->runs);
    pg_rows_free(status->stuck);
    pg_rows_free(status->pace);
    *status = (struct report_status){.health = NULL};
}

bool
report_page_read(struct ledger *ledger, struct report_page *out, struct error *err)
{
    struct pg *pg = ledger_pg(ledger);

    *out = (struct report_page){.days = NULL};
    if (pg_run(pg, &stmt_page_days, NULL, &out->days, err) &&
        pg_run(pg, &stmt_page_latency, NULL, &out->latency, err) &&
        pg_run(pg, &stmt_page_discrepancies, NULL, &out->discrepancies, err))
        return true;
    error_context(err, "page");
    report_page_free(out);
    return false;
}

void
report_page_free(struct report_page *page)
{
    pg_rows_free(page->days);
    pg_rows_free(page->latency);
    pg_rows_free(page->discrepancies);
    *page = (struct report_page){.days = NULL};
}
