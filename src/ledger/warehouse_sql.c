#include "base/buffer.h"
#include "ledger/warehouse_shape.h"

#define WAREHOUSE_SQL_BYTES_MAX 16384

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
        (void)buffer_printf(sql,
                            "w.%s = any (array(select case when"
                            " k ~ '^(-?[0-9]{1,200}([.][0-9]{1,200})?|NaN|-?Infinity)$'"
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
            /* A real would lose what is beyond its sixth digit. */
            (void)buffer_printf(sql, "w.%s%s::numeric", name,
                                warehouse->type[column] == WAREHOUSE_FLOAT ? "::float8" : "");
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

/* An order id that is left empty says no more than null does; only one that is a text can be. */
#define UNNAMED "nullif(w.order_id::text, '') is null"
/* All of a relation's rows: with the order id that the API gave for their number, where it did. */
#define NAMED_OR_MAPPED "coalesce(nullif(w.order_id::text collate \"C\", ''), u.order_id)"

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
                           " where " UNNAMED " and ");
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
    warehouse_put_columns(warehouse, sql, NAMED_OR_MAPPED);
    (void)buffer_printf(sql,
                        "  from %s(array(select distinct k from unnest(" ALL_KEYS ") k)) w\n"
                        "  left join " UPSTREAMS "\n",
                        warehouse->name);
    (void)buffer_puts(sql, "    on " UNNAMED " and u.upstream_id = w.upstream_id::text "
                           "collate \"C\"\n"
                           " where w.order_id::text = any (" KEYS ") or u.order_id is not null");
}

static void
warehouse_put_all(const struct warehouse *warehouse, struct buffer *sql)
{
    bool has_upstream = warehouse->has[COLUMN_UPSTREAM_ID];

    warehouse_put_columns(warehouse, sql, has_upstream ? NAMED_OR_MAPPED : "w.order_id::text");
    (void)buffer_printf(
        sql, "       , %s as upstream_id, %s as changed_at\n  from %s w\n",
        has_upstream ? "nullif(w.upstream_id::text collate \"C\", '')" : "null::text",
        warehouse->has[COLUMN_CHANGED_AT] ? "w.changed_at" : "null::timestamptz", warehouse->name);
    if (has_upstream)
        (void)buffer_puts(sql, "  left join upstreams u on " UNNAMED "\n"
                               "   and u.upstream_id = w.upstream_id::text collate \"C\"\n");
}

/* Rows without an order id, by their upstream ids. */
static void
warehouse_put_from_unnamed(const struct warehouse *warehouse, struct buffer *sql)
{
    bool is_function = warehouse->kind == WAREHOUSE_FUNCTION;

    (void)buffer_printf(sql, "  from %s%s w\n where " UNNAMED " and ", warehouse->name,
                        is_function ? "(" KEYS ")" : "");
    warehouse_put_match(sql, is_function ? WAREHOUSE_STRING : warehouse->type[COLUMN_UPSTREAM_ID],
                        "upstream_id", KEYS);
}

static void
warehouse_put_upstreams(const struct warehouse *warehouse, struct buffer *sql)
{
    (void)buffer_puts(sql, "select note_upstreams(array(select distinct"
                           " w.upstream_id::text collate \"C\"\n");
    warehouse_put_from_unnamed(warehouse, sql);
    (void)buffer_puts(sql, "))");
}

static void
warehouse_put_unnamed(const struct warehouse *warehouse, struct buffer *sql)
{
    warehouse_put_columns(warehouse, sql, "null::text");
    (void)buffer_puts(sql, "       , w.upstream_id::text collate \"C\" as upstream_id,"
                           " null::timestamptz as changed_at\n");
    warehouse_put_from_unnamed(warehouse, sql);
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

bool
warehouse_build(struct warehouse *warehouse, struct error *err)
{
    bool is_relation = warehouse->kind == WAREHOUSE_RELATION;

    return warehouse_build_one(is_relation ? warehouse_put_relation : warehouse_put_function,
                               warehouse, &warehouse->rows_sql, err) &&
           (!is_relation ||
            warehouse_build_one(warehouse_put_all, warehouse, &warehouse->all_sql, err)) &&
           (!warehouse->has[COLUMN_UPSTREAM_ID] ||
            (warehouse_build_one(warehouse_put_upstreams, warehouse, &warehouse->upstreams_sql,
                                 err) &&
             warehouse_build_one(warehouse_put_unnamed, warehouse, &warehouse->unnamed_sql, err)));
}
