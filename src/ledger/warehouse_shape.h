/*
 * warehouse_shape — what is known of the user's relation; shared by warehouse.c, which finds it
 * out, and warehouse_sql.c, which writes the statements.
 */
#ifndef LEDGER_WAREHOUSE_SHAPE_H
#define LEDGER_WAREHOUSE_SHAPE_H

#include "ledger/warehouse.h"

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

struct warehouse_column_kind {
    const char *name;
    bool is_quantity;
    bool is_required;
};

extern const struct warehouse_column_kind warehouse_columns[COLUMN_COUNT];

struct warehouse {
    enum warehouse_kind kind;
    char *name; /* qualified and quoted by the server */
    bool has[COLUMN_COUNT];
    enum warehouse_type type[COLUMN_COUNT];
    char *rows_sql;
    char *all_sql;       /* NULL for a function */
    char *upstreams_sql; /* NULL without upstream_id */
    char *unnamed_sql;   /* likewise */
};

/* Fills in the texts. */
bool warehouse_build(struct warehouse *warehouse, struct error *err);

#endif
