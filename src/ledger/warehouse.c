#include "ledger/warehouse.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ledger/statements.h"
#include "ledger/warehouse_shape.h"

#define WAREHOUSE_PROBLEMS_BYTES_MAX 900 /* what fits into an error's message */

const struct warehouse_column_kind warehouse_columns[COLUMN_COUNT] = {
    [COLUMN_ORDER_ID] = {"order_id", false, true},
    [COLUMN_ITEM_ID] = {"item_id", false, true},
    [COLUMN_SHIPMENT_REF] = {"shipment_ref", false, false},
    [COLUMN_ORDERED] = {"ordered_quantity", true, true},
    [COLUMN_SHIPPED] = {"shipped_quantity", true, true},
    [COLUMN_CANCELLED] = {"cancelled_quantity", true, true},
    [COLUMN_RETURNED] = {"returned_quantity", true, false},
    [COLUMN_TRACKING_COMPANY] = {"tracking_company", false, false},
    [COLUMN_TRACKING_NUMBER] = {"tracking_number", false, false},
    [COLUMN_TRACKING_URL] = {"tracking_url", false, false},
    [COLUMN_SHIPMENT_ID] = {"shipment_id", false, false},
    [COLUMN_SHIPMENT_ITEM_ID] = {"shipment_item_id", false, false},
    [COLUMN_MODEL] = {"fulfillment_model", false, false},
    [COLUMN_UPSTREAM_ID] = {"upstream_id", false, false},
    [COLUMN_CHANGED_AT] = {"changed_at", false, false},
};

static enum warehouse_type
warehouse_type(const char *type, const char *category)
{
    static const struct {
        const char *name;
        enum warehouse_type type;
    } known[] = {
        {"text", WAREHOUSE_TEXT},
        {"character varying", WAREHOUSE_TEXT},
        {"character", WAREHOUSE_PADDED},
        {"smallint", WAREHOUSE_INTEGER},
        {"integer", WAREHOUSE_INTEGER},
        {"bigint", WAREHOUSE_INTEGER},
        {"numeric", WAREHOUSE_NUMERIC},
        {"real", WAREHOUSE_FLOAT},
        {"double precision", WAREHOUSE_FLOAT},
        {"uuid", WAREHOUSE_UUID},
        {"timestamp with time zone", WAREHOUSE_TIME},
        {"timestamp without time zone", WAREHOUSE_LOCAL},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(type, known[i].name) == 0)
            return known[i].type;
    }
    return strchr("SE", category[0]) != NULL ? WAREHOUSE_STRING : WAREHOUSE_OTHER;
}

static bool
warehouse_type_fits(enum warehouse_column column, enum warehouse_type type)
{
    if (column == COLUMN_CHANGED_AT)
        return type == WAREHOUSE_TIME;
    switch (type) {
    case WAREHOUSE_INTEGER:
    case WAREHOUSE_NUMERIC:
        return true;
    case WAREHOUSE_FLOAT:
        return warehouse_columns[column].is_quantity;
    case WAREHOUSE_TEXT:
    case WAREHOUSE_PADDED:
    case WAREHOUSE_STRING:
    case WAREHOUSE_UUID:
        return !warehouse_columns[column].is_quantity;
    case WAREHOUSE_TIME:
    case WAREHOUSE_LOCAL:
    case WAREHOUSE_OTHER:
        break;
    }
    return false;
}

/* Starts the next of several complaints; once they are too many, the rest is left out. */
static void
warehouse_complain(struct buffer *problems, const char *text)
{
    static const char more[] = "; and more";
    size_t used = problems->used;

    if (used > 0 && strcmp(buffer_text(problems) + used - strlen("..."), "...") == 0)
        return;
    if (used + strlen(text) + sizeof(more) + 8 > WAREHOUSE_PROBLEMS_BYTES_MAX) {
        (void)buffer_puts(problems, "; ...");
        return;
    }
    (void)buffer_printf(problems, "%s%s", used > 0 ? "; " : "", text);
}

static void
warehouse_judge_column(struct warehouse *warehouse, enum warehouse_column column, const char *type,
                       bool needs_changed_at, struct buffer *problems)
{
    const char *name = warehouse_columns[column].name;
    struct buffer text;

    warehouse->has[column] = true;
    if (warehouse_type_fits(column, warehouse->type[column]))
        return;
    if (column == COLUMN_CHANGED_AT && !needs_changed_at) {
        warehouse->has[column] = false; /* nobody reads it */
        return;
    }
    buffer_init(&text, 512);
    if (column == COLUMN_CHANGED_AT && warehouse->type[column] == WAREHOUSE_LOCAL)
        (void)buffer_printf(&text,
                            "column %s is %s; write %s at time zone '...', with the zone that its "
                            "times are in, or %s::timestamptz for the session's",
                            name, type, name, name);
    else
        (void)buffer_printf(&text, "column %s is %s; write %s::%s", name, type, name,
                            column == COLUMN_CHANGED_AT             ? "timestamptz"
                            : warehouse_columns[column].is_quantity ? "numeric"
                                                                    : "text");
    warehouse_complain(problems, buffer_text(&text));
    buffer_free(&text);
}

static bool
warehouse_read_columns(struct warehouse *warehouse, struct pg *pg, const char *const *found,
                       bool needs_changed_at, struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    struct buffer problems;

    buffer_init(&problems, WAREHOUSE_PROBLEMS_BYTES_MAX);
    if (!pg_run(pg, &stmt_warehouse_columns, found, &rows, err))
        goto done;
    for (int row = 0; row < pg_rows_count(rows); row++) {
        for (int column = 0; column < COLUMN_COUNT; column++) {
            if (strcmp(pg_rows_text(rows, row, 0), warehouse_columns[column].name) != 0)
                continue;
            warehouse->type[column] =
                warehouse_type(pg_rows_text(rows, row, 1), pg_rows_text(rows, row, 2));
            warehouse_judge_column(warehouse, (enum warehouse_column)column,
                                   pg_rows_text(rows, row, 1), needs_changed_at, &problems);
        }
    }
    for (int column = 0; column < COLUMN_COUNT; column++) {
        bool is_required = warehouse_columns[column].is_required ||
                           (column == COLUMN_CHANGED_AT && needs_changed_at);
        char text[128];

        if (!is_required || warehouse->has[column])
            continue;
        (void)snprintf(text, sizeof(text), "column %s (%s) is missing",
                       warehouse_columns[column].name,
                       column == COLUMN_CHANGED_AT             ? "timestamptz"
                       : warehouse_columns[column].is_quantity ? "any number"
                                                               : "text");
        warehouse_complain(&problems, text);
    }
    if (problems.is_failed) {
        error_set(err, ERROR_NOMEM, "no memory for the relation's problems");
        goto done;
    }
    if (problems.used > 0) {
        error_set(err, ERROR_CONFIG, "%s: %s", warehouse->name, buffer_text(&problems));
        error_hint(err, "warehouse.line_items: write a view that gives the promised columns");
        goto done;
    }
    ok = true;

done:
    buffer_free(&problems);
    pg_rows_free(rows);
    return ok;
}

/* A name that can't be one, or that lies where we may not look, is a matter of the configuration.
 */
static bool
warehouse_refine(const char *line_items, struct error *err)
{
    struct error was = *err;

    if (was.code != ERROR_DB ||
        (strncmp(was.sqlstate, "42", 2) != 0 && strcmp(was.sqlstate, "0A000") != 0))
        return false;
    error_clear(err);
    error_set(err, ERROR_CONFIG, "warehouse.line_items \"%s\": %s", line_items, was.message);
    (void)snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", was.sqlstate);
    if (strcmp(was.sqlstate, "42501") == 0)
        error_hint(err, "as the schema's owner: grant usage on its schema to the bridge's role");
    return false;
}

static bool
warehouse_judge(struct warehouse *warehouse, const char *line_items, const struct pg_rows *rows,
                struct error *err)
{
    const char *kind = pg_rows_count(rows) == 0 ? "" : pg_rows_text(rows, 0, 0);

    if (kind[0] == '\0') {
        error_set(err, ERROR_CONFIG,
                  "warehouse.line_items \"%s\": there is no such relation or function", line_items);
        error_hint(err, "a table, a view, or a function f(order_ids text[]); "
                        "name it with its schema");
        return false;
    }
    if (strchr("rpvmfF", kind[0]) == NULL)
        return error_set(err, ERROR_CONFIG,
                         "warehouse.line_items \"%s\" is no table, view or function", line_items);
    warehouse->kind = kind[0] == 'F' ? WAREHOUSE_FUNCTION : WAREHOUSE_RELATION;
    warehouse->name = strdup(pg_rows_text(rows, 0, 2));
    if (warehouse->name == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a name");
    if (!pg_rows_bool(rows, 0, 4))
        return error_set(err, ERROR_CONFIG,
                         "%s doesn't say which rows it returns; declare it returns table (...)",
                         warehouse->name);
    if (!pg_rows_bool(rows, 0, 3)) {
        bool is_function = warehouse->kind == WAREHOUSE_FUNCTION;

        error_set(err, ERROR_CONFIG, "the role %s may not read %s", pg_rows_text(rows, 0, 5),
                  warehouse->name);
        error_hint(err, "as its owner: grant %s %s%s to %s",
                   is_function ? "execute on function" : "select on", warehouse->name,
                   is_function ? "(text[])" : "", pg_rows_text(rows, 0, 5));
        return false;
    }
    return true;
}

bool
warehouse_open(struct ledger *ledger, const char *line_items, bool needs_changed_at,
               struct warehouse **out, struct error *err)
{
    bool ok = false;
    bool is_open = false;
    struct pg *pg = ledger_pg(ledger);
    struct warehouse *warehouse = NULL;
    struct pg_rows *rows = NULL;
    const char *const params[] = {line_items};
    const char *found[2];

    assert(*out == NULL);
    warehouse = calloc(1, sizeof(*warehouse));
    if (warehouse == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for the relation");
        goto done;
    }
    /* A name without a schema is looked for where the user's own sessions would. */
    is_open = pg_exec(pg, "begin", err);
    if (!is_open || !pg_run(pg, &stmt_warehouse_search_path, NULL, NULL, err))
        goto done;
    if (!pg_run(pg, &stmt_warehouse_find, params, &rows, err)) {
        warehouse_refine(line_items, err);
        goto done;
    }
    if (!warehouse_judge(warehouse, line_items, rows, err))
        goto done;
    if (needs_changed_at && warehouse->kind == WAREHOUSE_FUNCTION) {
        error_set(err, ERROR_CONFIG, "%s is a function: it can't be read by changed_at",
                  warehouse->name);
        error_hint(err, "set warehouse.change_feed: queue, or name a table or view");
        goto done;
    }
    found[0] = pg_rows_text(rows, 0, 0);
    found[1] = pg_rows_text(rows, 0, 1);
    if (!warehouse_read_columns(warehouse, pg, found, needs_changed_at, err) ||
        !warehouse_build(warehouse, err))
        goto done;
    is_open = false;
    if (!pg_exec(pg, "commit", err))
        goto done;
    *out = warehouse;
    warehouse = NULL;
    ok = true;

done:
    if (is_open && pg_is_alive(pg)) {
        struct error ignored = {0};

        (void)pg_exec(pg, "rollback", &ignored);
    }
    pg_rows_free(rows);
    warehouse_free(warehouse);
    return ok;
}

void
warehouse_refine_error(struct error *err)
{
    /* A relation, a function, a type, a schema. */
    static const char *const STATES[] = {"42P01", "42883", "42704", "3F000"};

    for (size_t i = 0; i < sizeof(STATES) / sizeof(STATES[0]); i++) {
        if (err->code == ERROR_DB && strcmp(err->sqlstate, STATES[i]) == 0)
            error_hint(err, "waybill's sessions look for names in the ledger's schema alone: what "
                            "warehouse.line_items calls has to name its tables and functions with "
                            "their schema, or to set its search_path");
    }
}

void
warehouse_free(struct warehouse *warehouse)
{
    if (warehouse == NULL)
        return;
    free(warehouse->name);
    free(warehouse->rows_sql);
    free(warehouse->all_sql);
    free(warehouse->upstreams_sql);
    free(warehouse->unnamed_sql);
    free(warehouse);
}

enum warehouse_kind
warehouse_kind(const struct warehouse *warehouse)
{
    return warehouse->kind;
}

const char *
warehouse_name(const struct warehouse *warehouse)
{
    return warehouse->name;
}

bool
warehouse_has_upstream(const struct warehouse *warehouse)
{
    return warehouse->has[COLUMN_UPSTREAM_ID];
}

bool
warehouse_has_changed_at(const struct warehouse *warehouse)
{
    return warehouse->has[COLUMN_CHANGED_AT];
}

const char *
warehouse_rows_sql(const struct warehouse *warehouse)
{
    return warehouse->rows_sql;
}

const char *
warehouse_all_sql(const struct warehouse *warehouse)
{
    return warehouse->all_sql;
}

const char *
warehouse_upstreams_sql(const struct warehouse *warehouse)
{
    return warehouse->upstreams_sql;
}

const char *
warehouse_unnamed_sql(const struct warehouse *warehouse)
{
    return warehouse->unnamed_sql;
}

const char *
warehouse_lookup_sql(const struct warehouse *warehouse)
{
    return warehouse->rows_sql;
}
