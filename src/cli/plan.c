#include "ledger/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "ledger/report.h"
#include "provider/provider.h"

enum {
    PLAN_ORDERS_MAX = 10000, /* of one preview */
    PLAN_ORDERS_BYTES_MAX = 32 * 1024 * 1024,
};

/* ---------------------------------------------------------------------------------- what a run
 * would post */

struct plan_lines {
    const struct pg_rows *rows; /* evaluations */
    const struct pg_rows
        *unnamed;               /* those that follow, of orders without an id; NULL: none can be */
    const struct pg_rows *held; /* sorted as the first are */
    bool is_unnamed;            /* rows is unnamed */
    int row;
    int held_at;
    int64_t lines, units, orders;
    int64_t waiting; /* lines with units due that would not go */
    char shipped[24], cancelled[24];
    char last_order[2048];
};

static int
plan_compare(const struct pg_rows *a, int row, const struct pg_rows *b, int other)
{
    static const char *const key[] = {"order_id", "item_id", "shipment_ref"};

    for (size_t i = 0; i < sizeof(key) / sizeof(key[0]); i++) {
        int order = strcmp(rows_text(a, row, key[i]), rows_text(b, other, key[i]));

        if (order != 0)
            return order;
    }
    return 0;
}

/* What is held counts as wanted, but goes nowhere. Both are in the order of their keys, as bytes.
 */
static bool
plan_is_held(struct plan_lines *lines)
{
    if (lines->is_unnamed)
        return false;
    while (lines->held_at < pg_rows_count(lines->held)) {
        int order = plan_compare(lines->held, lines->held_at, lines->rows, lines->row);

        if (order >= 0)
            return order == 0;
        lines->held_at++;
    }
    return false;
}

/* A gate that is only to be asked, or listed, is part of a run. */
static bool
plan_would_go(struct plan_lines *lines)
{
    const char *gate = rows_text(lines->rows, lines->row, "gate");

    return gate != NULL &&
           (strcmp(gate, "open") == 0 || strcmp(gate, "ask") == 0 || strcmp(gate, "list") == 0) &&
           !plan_is_held(lines);
}

/* The next row that there is, of the one or the other. */
static bool
plan_step(struct plan_lines *lines)
{
    lines->row++;
    if (lines->row >= pg_rows_count(lines->rows) && !lines->is_unnamed && lines->unnamed != NULL) {
        lines->rows = lines->unnamed;
        lines->is_unnamed = true;
        lines->row = 0;
        lines->last_order[0] = '\0';
    }
    return lines->row < pg_rows_count(lines->rows);
}

static bool
plan_next(void *ctx, bool *is_end, struct error *err)
{
    struct plan_lines *lines = ctx;

    (void)err;
    *is_end = false;
    while (plan_step(lines)) {
        int64_t shipped = rows_int(lines->rows, lines->row, "want_shipped", 0);
        int64_t cancelled = rows_int(lines->rows, lines->row, "want_cancelled", 0);
        const char *order = rows_text(lines->rows, lines->row, "order_id");

        if (shipped + cancelled == 0 || !plan_would_go(lines)) {
            lines->waiting += rows_int(lines->rows, lines->row, "due_shipped", 0) +
                                  rows_int(lines->rows, lines->row, "due_cancelled", 0) >
                              0;
            continue;
        }
        lines->lines++;
        lines->units += shipped + cancelled;
        lines->orders += strcmp(order, lines->last_order) != 0;
        (void)snprintf(lines->last_order, sizeof(lines->last_order), "%s", order);
        (void)snprintf(lines->shipped, sizeof(lines->shipped), "%lld", (long long)shipped);
        (void)snprintf(lines->cancelled, sizeof(lines->cancelled), "%lld", (long long)cancelled);
        return true;
    }
    *is_end = true;
    return true;
}

static const char *
plan_cell(void *ctx, int column)
{
    const struct plan_lines *lines = ctx;
    const char *gate = rows_text(lines->rows, lines->row, "gate");

    switch (column) {
    case 0:
        return lines->is_unnamed ? NULL : rows_text(lines->rows, lines->row, "order_id");
    case 1:
        return rows_text(lines->rows, lines->row, "shipment_ref");
    case 2:
        return rows_text(lines->rows, lines->row, "item_id");
    case 3:
        return lines->shipped;
    case 4:
        return lines->cancelled;
    case 5:
        if (lines->is_unnamed)
            return "if the API knows its upstream id, and says the order is accepted";
        return strcmp(gate, "open") == 0 ? "at once" : "if the API says the order is accepted";
    default:
        return lines->is_unnamed ? rows_text(lines->rows, lines->row, "order_id") : NULL;
    }
}

/* The orders of the preview as an array literal. */
static bool
plan_orders(const struct pg_rows *rows, struct buffer *out)
{
    const char *last = "";

    pg_array_begin(out);
    for (int row = 0; row < pg_rows_count(rows); row++) {
        const char *order = rows_text(rows, row, "order_id");

        if (strcmp(order, last) != 0)
            pg_array_text(out, order);
        last = order;
    }
    pg_array_end(out);
    return !out->is_failed;
}

static bool
plan_put(const struct command_context *context, struct ledger *ledger, const struct pg_rows *rows,
         const struct pg_rows *unnamed, struct error *err)
{
    static const struct table_column columns[] = {
        {"order_id", TABLE_TEXT},   {"shipment_ref", TABLE_TEXT}, {"item_id", TABLE_TEXT},
        {"shipped", TABLE_NUMBER},  {"cancelled", TABLE_NUMBER},  {"when", TABLE_TEXT},
        {"upstream_id", TABLE_TEXT}}; /* only of relations that have it */
    bool ok = false;
    bool is_json = options_has(context->options, "json");
    struct pg_rows *held = NULL;
    struct buffer orders;
    struct plan_lines lines = {.rows = rows, .unnamed = unnamed, .row = -1};
    struct plan_lines begin;
    struct table_source source = {.columns = columns,
                                  .columns_count = unnamed != NULL ? 7 : 6,
                                  .ctx = &lines,
                                  .next_fn = plan_next,
                                  .cell_fn = plan_cell};
    bool is_end = false;

    buffer_init(&orders, PLAN_ORDERS_BYTES_MAX);
    if (!plan_orders(rows, &orders)) {
        error_set(err, ERROR_NOMEM, "no memory for the orders");
        goto done;
    }
    if (!report_held_rows(ledger, buffer_text(&orders), &held, err))
        goto done;
    lines.held = held;
    if (!is_json) { /* an empty table would not say that there is nothing */
        begin = lines;
        ok = plan_next(&lines, &is_end, err);
        begin.waiting = is_end ? lines.waiting : 0;
        lines = begin;
    }
    if (is_json || !is_end)
        ok = table_write(&source, is_json ? TABLE_JSON : TABLE_ALIGNED, context->is_terminal,
                         context->out, err);
    if (!ok || is_json)
        goto done;
    if (is_end)
        (void)fputs("nothing to post", context->out);
    else
        (void)fprintf(context->out, "%lld units of %lld lines in %lld orders would be posted",
                      (long long)lines.units, (long long)lines.lines, (long long)lines.orders);
    if (lines.waiting > 0)
        (void)fprintf(context->out, "; %lld lines with units due wait: see --explain ORDER",
                      (long long)lines.waiting);
    (void)fputc('\n', context->out);

done:
    pg_rows_free(held);
    buffer_free(&orders);
    return ok;
}

/* ---------------------------------------------------------------------------------- why */

struct plan_explained {
    const struct pg_rows *rows;
    const struct pg_rows *kept; /* report_lines_of_order */
    int row;
    int kept_row; /* of the same key; -1: none */
    char due[24];
    char why[2048];
};

static const struct table_column plan_explain_columns[] = {{"item_id", TABLE_TEXT},
                                                           {"shipment_ref", TABLE_TEXT},
                                                           {"ordered", TABLE_NUMBER},
                                                           {"shipped", TABLE_NUMBER},
                                                           {"cancelled", TABLE_NUMBER},
                                                           {"posted_shipped", TABLE_NUMBER},
                                                           {"posted_cancelled", TABLE_NUMBER},
                                                           {"open_shipped", TABLE_NUMBER},
                                                           {"open_cancelled", TABLE_NUMBER},
                                                           {"due_shipped", TABLE_NUMBER},
                                                           {"due_cancelled", TABLE_NUMBER},
                                                           {"want_shipped", TABLE_NUMBER},
                                                           {"want_cancelled", TABLE_NUMBER},
                                                           {"gate", TABLE_TEXT},
                                                           {"why", TABLE_TEXT}};

/* The sum of two columns of the evaluation. */
static int64_t
plan_both(const struct plan_explained *e, const char *shipped, const char *cancelled)
{
    return rows_int(e->rows, e->row, shipped, 0) + rows_int(e->rows, e->row, cancelled, 0);
}

static void
plan_say_why(struct plan_explained *e)
{
    const char *kind = rows_text(e->rows, e->row, "kind");
    const char *detail = rows_text(e->rows, e->row, "detail");
    const char *waits_for = rows_text(e->rows, e->row, "waits_for");
    const char *gate = rows_text(e->rows, e->row, "gate");
    const char *reason = e->kept_row >= 0 ? rows_text(e->kept, e->kept_row, "reason") : NULL;
    const char *is_read = rows_text(e->rows, e->row, "is_read");
    bool is_note = rows_text(e->rows, e->row, "is_note") != NULL &&
                   rows_text(e->rows, e->row, "is_note")[0] == 't';
    size_t size = sizeof(e->why);

    if (is_read != NULL && is_read[0] == 'f')
        (void)snprintf(e->why, size, "the warehouse shows it no more");
    else if (kind != NULL && !is_note)
        (void)snprintf(e->why, size, "%s: %s", kind, detail != NULL ? detail : "");
    else if (plan_both(e, "rekey_shipped", "rekey_cancelled") != 0)
        (void)snprintf(e->why, size, "posted units move between the parcels of this line");
    else if (rows_int(e->rows, e->row, "agree_cancelled", 0) > 0)
        (void)snprintf(e->why, size, "cancelled at the API already: booked, not posted");
    else if (plan_both(e, "firm_shipped", "firm_cancelled") +
                     plan_both(e, "soft_shipped", "soft_cancelled") >
                 0 &&
             reason != NULL)
        (void)snprintf(e->why, size, "%s", reason);
    else if (waits_for != NULL)
        (void)snprintf(e->why, size, "%s", waits_for);
    else if (plan_both(e, "want_shipped", "want_cancelled") > 0)
        (void)snprintf(e->why, size, "%s",
                       strcmp(gate, "open") == 0 ? "the next run posts it"
                                                 : rows_text(e->rows, e->row, "gate_detail"));
    else
        (void)snprintf(e->why, size, "all that is wanted is posted");
}

static bool
plan_explain_next(void *ctx, bool *is_end, struct error *err)
{
    struct plan_explained *e = ctx;

    (void)err;
    e->row++;
    *is_end = e->row >= pg_rows_count(e->rows);
    if (*is_end)
        return true;
    e->kept_row = -1;
    for (int i = 0; i < pg_rows_count(e->kept) && e->kept_row < 0; i++) {
        if (strcmp(rows_text(e->kept, i, "item_id"), rows_text(e->rows, e->row, "item_id")) == 0 &&
            strcmp(rows_text(e->kept, i, "shipment_ref"),
                   rows_text(e->rows, e->row, "shipment_ref")) == 0)
            e->kept_row = i;
    }
    plan_say_why(e);
    return true;
}

/* Without what is planned already, which the evaluation would take back and plan anew. */
static const char *
plan_explain_due(struct plan_explained *e, const char *name)
{
    bool is_shipped = strcmp(name, "due_shipped") == 0;
    int64_t due = rows_int(e->rows, e->row, name, 0) -
                  rows_int(e->rows, e->row, is_shipped ? "soft_shipped" : "soft_cancelled", 0);

    (void)snprintf(e->due, sizeof(e->due), "%lld", (long long)(due > 0 ? due : 0));
    return e->due;
}

static const char *
plan_explain_cell(void *ctx, int column)
{
    struct plan_explained *e = ctx;
    const char *name = plan_explain_columns[column].name;

    if (strcmp(name, "why") == 0)
        return e->why;
    if (strncmp(name, "posted_", 7) == 0 || strncmp(name, "open_", 5) == 0)
        return e->kept_row >= 0 ? rows_text(e->kept, e->kept_row, name) : "0";
    if (strncmp(name, "due_", 4) == 0)
        return plan_explain_due(e, name);
    return rows_text(e->rows, e->row, name);
}

static bool
plan_explain(const struct command_context *context, struct ledger *ledger, const char *order_id,
             const struct pg_rows *rows, struct error *err)
{
    bool ok = false;
    bool is_json = options_has(context->options, "json");
    struct pg_rows *kept = NULL;
    const char *effective = pg_rows_count(rows) > 0 ? rows_text(rows, 0, "order_id") : order_id;
    struct plan_explained explained = {.rows = rows, .row = -1};
    struct table_source source = {.columns = plan_explain_columns,
                                  .columns_count = sizeof(plan_explain_columns) /
                                                   sizeof(plan_explain_columns[0]),
                                  .ctx = &explained,
                                  .next_fn = plan_explain_next,
                                  .cell_fn = plan_explain_cell};

    if (!report_lines_of_order(ledger, effective, &kept, err))
        return false;
    explained.kept = kept;
    if (!is_json && pg_rows_count(rows) == 0) {
        (void)fputs("nothing to post: neither the warehouse nor the ledger has order ",
                    context->out);
        table_put_visible(context->out, order_id);
        (void)fputc('\n', context->out);
        ok = true;
    } else {
        ok = table_write(&source, is_json ? TABLE_JSON : TABLE_ALIGNED, context->is_terminal,
                         context->out, err);
    }
    pg_rows_free(kept);
    return ok;
}

/* The plan is that of the others; a run would open a discrepancy. */
static void
plan_put_unreadable(const struct plan_unreadable *unreadable, enum exit_code *code)
{
    if (unreadable->count == 0)
        return;
    (void)fprintf(stderr, "waybill plan: %d order%s can't be read%s \"", unreadable->count,
                  unreadable->count == 1 ? "" : "s", unreadable->count == 1 ? ":" : ", such as");
    table_put_visible(stderr, unreadable->order_id);
    (void)fputs("\": ", stderr);
    table_put_visible(stderr, unreadable->why);
    (void)fputc('\n', stderr);
    *code = EXIT_CODE_PERSON;
}

bool
plan_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool ok = false;
    struct config *config = NULL;
    struct ledger *ledger = NULL;
    struct warehouse *warehouse = NULL;
    struct pg_rows *rows = NULL;
    struct pg_rows *unnamed = NULL;
    struct plan_unreadable unreadable;
    const char *order = options_get(context->options, "explain");

    if (!command_load_config(context, &config, err) ||
        !command_open_ledger(config, "plan", &ledger, err) ||
        !command_open_warehouse(config, ledger, &warehouse, err))
        goto done;

    const struct plan_settings settings = {
        .has_gate = config->api.order_gate,
        .decrease_is_note = config->warehouse.on_decrease == CONFIG_DECREASE_NOTE,
        .units_per_line_max = config->run.max_units_per_line,
        .unknown_grace_ms = config->api.unknown_order_grace_ms,
        .gate_fresh_ms = PLAN_GATE_FRESH_MS,
        .lines_per_submission_max = provider_lines_max(config->api.provider, PLAN_LINES_MAX),
        .orders_max = PLAN_ORDERS_MAX,
        .only_order = order,
    };

    if (!plan_preview(ledger, warehouse, &settings, order, &rows, &unnamed, &unreadable, err))
        goto done;
    if (order == NULL)
        ok = plan_put(context, ledger, rows, unnamed, err);
    else if (unnamed != NULL && pg_rows_count(rows) == 0)
        ok = plan_explain(context, ledger, order, unnamed, err);
    else
        ok = plan_explain(context, ledger, order, rows, err);
    *code = EXIT_CODE_DONE;
    plan_put_unreadable(&unreadable, code);

done:
    pg_rows_free(rows);
    pg_rows_free(unnamed);
    warehouse_free(warehouse);
    ledger_close(ledger);
    config_free(config);
    return ok;
}
