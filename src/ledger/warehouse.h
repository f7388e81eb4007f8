/*
 * warehouse — the user's relation: which of the promised columns it has, and how to read it.
 *
 * The relation's name is the one identifier that comes from outside: it is
 * resolved by the server (to_regclass, pg_proc) and only the server's own
 * quoted spelling of it goes into a statement.
 */
#ifndef LEDGER_WAREHOUSE_H
#define LEDGER_WAREHOUSE_H

#include <stdbool.h>

#include "base/error.h"
#include "ledger/ledger.h"

struct warehouse;

enum warehouse_kind { WAREHOUSE_RELATION, WAREHOUSE_FUNCTION };

/* ERROR_CONFIG naming the relation and what is missing or of the wrong type (with the cast to
 * write). needs_changed_at: change_feed is scan. */
bool warehouse_open(struct ledger *ledger, const char *line_items, bool needs_changed_at,
                    struct warehouse **out, struct error *err);
void warehouse_free(struct warehouse *warehouse); /* NULL is fine */

/* Of a statement that read the relation: a hint where a name is found by others and not by us. */
void warehouse_refine_error(struct error *err);

enum warehouse_kind warehouse_kind(const struct warehouse *warehouse);
const char *warehouse_name(const struct warehouse *warehouse); /* as the server writes it */
bool warehouse_has_upstream(const struct warehouse *warehouse);
bool warehouse_has_changed_at(const struct warehouse *warehouse);

/* SQL text, one statement each, $n as said; valid as long as the object.
 *
 * rows_sql: a subquery `select ... ` that yields `reading` columns in order, for the orders in
 * $1::text[] (order ids and upstream ids); its first column, order_id, is the effective one
 * (upstream ids mapped). */
const char *warehouse_rows_sql(const struct warehouse *warehouse);

/* The same for every row of the relation, without a parameter (NULL for a function): the columns of
 * `reading`, then upstream_id text and changed_at timestamptz (null where the relation has none).
 * Rows whose upstream id isn't mapped yet come with order_id null; rows that are not ours (neither
 * id) are left out by the caller. For sweeps and scans. */
const char *warehouse_all_sql(const struct warehouse *warehouse);

/* `select note_upstreams(array(...))` over the distinct upstream ids of rows without an order id
 * whose upstream id is in $1::text[]; NULL when the relation has no upstream_id column. */
const char *warehouse_upstreams_sql(const struct warehouse *warehouse);

/* The columns of all_sql, of the rows without an order id whose upstream id is in $1::text[],
 * mapped or not; NULL when the relation has no upstream_id column. */
const char *warehouse_unnamed_sql(const struct warehouse *warehouse);

/* The 200-order look-up as a plain statement, for EXPLAIN; $1::text[]. */
const char *warehouse_lookup_sql(const struct warehouse *warehouse);

#endif
