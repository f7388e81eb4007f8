#include "ledger/warehouse.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ledger/statements.h"

#define WAREHOUSE_SQL_BYTES_MAX      16384
#define WAREHOUSE_PROBLEMS_BYTES_MAX 900 /* what fits into an error's message */

enum warehouse_type {
    WAREHOUSE_TEXT,   /* text or varchar: an index on it serves text */
    WAREHOUSE_PADDED, /* char(n) */
    WAREHOUSE_STRING, /* other strings and enums: read as text */
    WAREHOUSE_INTEGER,
    WAREHOUSE_NUMERIC,
    WAREHOUSE_FLOAT,
    WAREHOUSE_UUID,
    WAREHOUSE_TIME,  /* with time zone */
    WAREHOUSE_LOCAL, /* without */
    WAREHOUSE_OTHER,
};

/* In the order of the type `reading`, then what only the bridge uses. */
enum warehouse_column {
    COLUMN_ORDER_ID,
    COLUMN_ITEM_ID,
    COLUMN_SHIPMENT_REF,
    COLUMN_ORDERED,
    COLUMN_SHIPPED,
    COLUMN_CANCELLED,
    COLUMN_RETURNED,
    COLUMN_TRACKING_COMPANY,
    COLUMN_TRACKING_NUMBER,
    COLUMN_TRACKING_URL,
    COLUMN_SHIPMENT_ID,
    COLUMN_SHIPMENT_ITEM_ID,
    COLUMN_MODEL,
    COLUMN_UPSTREAM_ID,
    COLUMN_CHANGED_AT,
    COLUMN_COUNT,
};
#define COLUMN_READING_COUNT COLUMN_UPSTREAM_ID

static const struct {
    const char *name;
    bool is_quantity;
    bool is_required;
} warehouse_columns[COLUMN_COUNT] = {
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

struct warehouse {
    enum warehouse_kind kind;
    char *name; /* qualified and quoted by the server */
    bool has[COLUMN_COUNT];
    enum warehouse_type type[COLUMN_COUNT];
    char *rows_sql;
    char *all_sql;       /* NULL for a function */
    char *upstreams_sql; /* NULL without upstream_id */
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

/* ---------------------------------------------------------------------- the statement */

/* The asked keys, converted to a column's own type, so that the column's index is used. A key that
 * can't be such a value, or is not written as the server writes it, is in no row. */
static void
warehouse_put_match(struct buffer *sql, enum warehouse_type type, const char *column,
                    const char *keys)
{
    switch (type) {
    case WAREHOUSE_TEXT:
        (void)buffer_printf(sql, "w.%s = any (%s)", column, keys);
        break;
    case WAREHOUSE_PADDED:
        (void)buffer_printf(sql, "w.%s = any (array(select k::bpchar from unnest(%s) k))", column,
                            keys);
        break;
    case WAREHOUSE_INTEGER:
        (void)buffer_printf(sql,
                            "w.%s = any (array(select case when k ~ '^(0|-?[1-9][0-9]{0,18})$' then"
                            " case when k::numeric between -9223372036854775808"
                            " and 9223372036854775807 then k::bigint end end from unnest(%s) k))",
                            column, keys);
        break;
    case WAREHOUSE_UUID:
        (void)buffer_printf(sql,
                            "w.%s = any (array(select case when"
                            " k ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then k::uuid end"
                            " from unnest(%s) k))",
                            column, keys);
        break;
    case WAREHOUSE_NUMERIC:
        (void)buffer_printf(
            sql,
            "w.%s = any (array(select case when k ~ '^-?[0-9]{1,200}([.][0-9]{1,200})?$'"
            " then k::numeric end from unnest(%s) k)) and w.%s::text = any (%s)",
            column, keys, column, keys);
        break;
    case WAREHOUSE_STRING:
    case WAREHOUSE_FLOAT:
    case WAREHOUSE_TIME:
    case WAREHOUSE_LOCAL:
    case WAREHOUSE_OTHER:
        (void)buffer_printf(sql, "w.%s::text = any (%s)", column, keys);
        break;
    }
}

/* The columns of `reading`; order_id is given, since it may come from table upstreams. */
static void
warehouse_put_columns(const struct warehouse *warehouse, struct buffer *sql, const char *order_id)
{
    (void)buffer_printf(sql, "select %s collate \"C\" as order_id", order_id);
    for (int column = COLUMN_ITEM_ID; column < COLUMN_READING_COUNT; column++) {
        const char *name = warehouse_columns[column].name;

        (void)buffer_puts(sql, ",\n       ");
        if (!warehouse->has[column])
            (void)buffer_puts(sql, column == COLUMN_SHIPMENT_REF           ? "''::text"
                                   : warehouse_columns[column].is_quantity ? "null::numeric"
                                                                           : "null::text");
        else if (warehouse_columns[column].is_quantity)
            (void)buffer_printf(sql, "w.%s::numeric", name);
        else if (column == COLUMN_ITEM_ID)
            (void)buffer_printf(sql, "w.%s::text collate \"C\"", name);
        else if (column == COLUMN_SHIPMENT_REF)
            (void)buffer_printf(sql, "coalesce(w.%s::text, '') collate \"C\"", name);
        else
            (void)buffer_printf(sql, "nullif(w.%s::text collate \"C\", '')", name);
        (void)buffer_printf(sql, " as %s", name);
    }
    (void)buffer_puts(sql, "\n");
}

/* The numbers that are asked for by themselves, or stand for an order that is. The collation is the
 * default again, or no index of the warehouse's would serve. */
#define KEYS "$1::text[]"
#define ALL_KEYS                                                                                   \
    "($1::text[] || array(select m.upstream_id collate \"default\" from upstreams m"               \
    " where m.order_id = any ($1::text[])))"
#define UPSTREAMS                                                                                  \
    "(select m.upstream_id, m.order_id from upstreams m where m.order_id is not null"              \
    " and (m.order_id = any ($1::text[]) or m.upstream_id = any ($1::text[]))) u"

static void
warehouse_put_relation(const struct warehouse *warehouse, struct buffer *sql)
{
    warehouse_put_columns(warehouse, sql, "w.order_id::text");
    (void)buffer_printf(sql, "  from %s w\n where ", warehouse->name);
    warehouse_put_match(sql, warehouse->type[COLUMN_ORDER_ID], "order_id", KEYS);
    if (!warehouse->has[COLUMN_UPSTREAM_ID])
        return;
    (void)buffer_puts(sql, "\n union all\n");
    warehouse_put_columns(warehouse, sql, "u.order_id");
    (void)buffer_printf(sql, "  from %s w\n  join " UPSTREAMS "\n", warehouse->name);
    (void)buffer_puts(sql, "    on u.upstream_id = w.upstream_id::text collate \"C\"\n"
                           " where w.order_id is null and ");
    warehouse_put_match(sql, warehouse->type[COLUMN_UPSTREAM_ID], "upstream_id", ALL_KEYS);
}

static void
warehouse_put_function(const struct warehouse *warehouse, struct buffer *sql)
{
    if (!warehouse->has[COLUMN_UPSTREAM_ID]) {
        warehouse_put_columns(warehouse, sql, "w.order_id::text");
        (void)buffer_printf(sql, "  from %s(" KEYS ") w\n where w.order_id::text = any (" KEYS ")",
                            warehouse->name);
        return;
    }
    /* Each key once: a function may join what it is given, and would give rows twice. */
    warehouse_put_columns(warehouse, sql, "coalesce(w.order_id::text collate \"C\", u.order_id)");
    (void)buffer_printf(sql,
                        "  from %s(array(select distinct k from unnest(" ALL_KEYS ") k)) w\n"
                        "  left join " UPSTREAMS "\n",
                        warehouse->name);
    (void)buffer_puts(sql, "    on w.order_id is null and u.upstream_id = w.upstream_id::text "
                           "collate \"C\"\n"
                           " where w.order_id::text = any (" KEYS ") or u.order_id is not null");
}

static void
warehouse_put_all(const struct warehouse *warehouse, struct buffer *sql)
{
    bool has_upstream = warehouse->has[COLUMN_UPSTREAM_ID];

    warehouse_put_columns(warehouse, sql,
                          has_upstream ? "coalesce(w.order_id::text collate \"C\", u.order_id)"
                                       : "w.order_id::text");
    (void)buffer_printf(
        sql, "       , %s as upstream_id, %s as changed_at\n  from %s w\n",
        has_upstream ? "nullif(w.upstream_id::text collate \"C\", '')" : "null::text",
        warehouse->has[COLUMN_CHANGED_AT] ? "w.changed_at" : "null::timestamptz", warehouse->name);
    if (has_upstream)
        (void)buffer_puts(sql, "  left join upstreams u on w.order_id is null\n"
                               "   and u.upstream_id = w.upstream_id::text collate \"C\"\n");
}

static void
warehouse_put_upstreams(const struct warehouse *warehouse, struct buffer *sql)
{
    bool is_function = warehouse->kind == WAREHOUSE_FUNCTION;

    (void)buffer_printf(sql,
                        "select note_upstreams(array(select distinct w.upstream_id::text\n"
                        "  from %s%s w\n where w.order_id is null and ",
                        warehouse->name, is_function ? "(" KEYS ")" : "");
    warehouse_put_match(sql, is_function ? WAREHOUSE_STRING : warehouse->type[COLUMN_UPSTREAM_ID],
                        "upstream_id", KEYS);
    (void)buffer_puts(sql, "))");
}

static bool
warehouse_build_one(void (*put)(const struct warehouse *warehouse, struct buffer *sql),
                    const struct warehouse *warehouse, char **out, struct error *err)
{
    struct buffer sql;

    buffer_init(&sql, WAREHOUSE_SQL_BYTES_MAX);
    put(warehouse, &sql);
    *out = buffer_take(&sql);
    if (*out == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the statements that read the relation");
    return true;
}

static bool
warehouse_build(struct warehouse *warehouse, struct error *err)
{
    bool is_relation = warehouse->kind == WAREHOUSE_RELATION;

    return warehouse_build_one(is_relation ? warehouse_put_relation : warehouse_put_function,
                               warehouse, &warehouse->rows_sql, err) &&
           (!is_relation ||
            warehouse_build_one(warehouse_put_all, warehouse, &warehouse->all_sql, err)) &&
           (!warehouse->has[COLUMN_UPSTREAM_ID] ||
            warehouse_build_one(warehouse_put_upstreams, warehouse, &warehouse->upstreams_sql,
                                err));
}

/* ------------------------------------------------------------------------------- all */

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
    if (!is_open || !pg_exec(pg,
                             "select set_config('search_path', reset_val, true)"
                             " from pg_settings where name = 'search_path'",
                             err))
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
warehouse_free(struct warehouse *warehouse)
{
    if (warehouse == NULL)
        return;
    free(warehouse->name);
    free(warehouse->rows_sql);
    free(warehouse->all_sql);
    free(warehouse->upstreams_sql);
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
warehouse_lookup_sql(const struct warehouse *warehouse)
{
    return warehouse->rows_sql;
}
