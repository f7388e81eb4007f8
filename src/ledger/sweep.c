#include "ledger/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "ledger/plan.h"
#include "ledger/statements.h"

#define SWEEP_SQL_BYTES_MAX  (256 * 1024)
#define SWEEP_KEYS_BYTES_MAX (64 * 1024 * 1024)
#define SWEEP_PIECE_ORDERS   2000

/* Quantities as the ledger keeps them: null for the whole row when one of them can't be right. */
#define SWEEP_GOOD                                                                                 \
    "(a.item_id <> '' and a.ordered between 0 and 1000000000 and a.ordered = trunc(a.ordered)"     \
    " and a.shipped between 0 and 1000000000 and a.shipped = trunc(a.shipped)"                     \
    " and a.cancelled between 0 and 1000000000 and a.cancelled = trunc(a.cancelled)"               \
    " and coalesce(a.returned, 0) between 0 and 1000000000"                                        \
    " and coalesce(a.returned, 0) = trunc(coalesce(a.returned, 0)))"

/* The relation's columns by the names of the type `reading`; upstream_id and changed_at come
 * behind. */
#define SWEEP_NAMES                                                                                \
    "a(order_id, item_id, shipment_ref, ordered, shipped, cancelled, returned, tracking_company,"  \
    " tracking_number, tracking_url, shipment_id, shipment_item_id, model)"

static bool
sweep_write_differs(struct buffer *sql, const char *source, const char *ledger_rows)
{
    return buffer_printf(
        sql,
        "select coalesce(x.order_id, r.order_id) as order_id,\n"
        "       coalesce((x.ordered, x.shipped, x.cancelled, x.returned) is distinct from\n"
        "                (r.ordered, r.shipped, r.cancelled, r.returned) or not r.is_present, "
        "true) as is_missed\n"
        "  from (select a.order_id, coalesce(a.item_id, '') as item_id, coalesce(a.shipment_ref, "
        "'') as shipment_ref,\n"
        "               case when g.ok then a.ordered::int8 end as ordered, case when g.ok then "
        "a.shipped::int8 end as shipped,\n"
        "               case when g.ok then a.cancelled::int8 end as cancelled,\n"
        "               case when g.ok then coalesce(a.returned, 0)::int8 else 0 end as returned,\n"
        "               a.tracking_company, a.tracking_number, a.tracking_url\n"
        "          from (%s) " SWEEP_NAMES " cross join lateral (select coalesce(" SWEEP_GOOD
        ", false) as ok) g\n"
        "         where a.order_id <> '') x\n"
        "  full join (%s) r on r.order_id = x.order_id and r.item_id = x.item_id and "
        "r.shipment_ref = x.shipment_ref\n"
        " where (x.order_id is null and r.is_present)\n"
        "    or (x.order_id is not null and r.order_id is null)\n"
        "    or (x.order_id is not null and (not r.is_present\n"
        "        or (x.ordered, x.shipped, x.cancelled, x.returned, x.tracking_company, "
        "x.tracking_number, x.tracking_url)\n"
        "           is distinct from\n"
        "           (r.ordered, r.shipped, r.cancelled, r.returned, r.tracking_company, "
        "r.tracking_number, r.tracking_url)\n"
        "        or r.shipped > r.posted_shipped + r.open_shipped\n"
        "        or r.cancelled > r.posted_cancelled + r.open_cancelled))",
        source, ledger_rows);
}

char *
sweep_differs_sql(const char *all)
{
    struct buffer sql;

    buffer_init(&sql, SWEEP_SQL_BYTES_MAX);
    sweep_write_differs(&sql, all, "select * from rows");
    return buffer_take(&sql);
}

bool
sweep_is_due(struct ledger *ledger, int64_t run_id, bool is_queue, int64_t sweep_interval_ms,
             char *why, size_t why_bytes, struct error *err)
{
    struct pg_rows *rows = NULL;
    char run[24], interval[24];
    const char *params[] = {run, is_queue ? "t" : "f", interval};

    (void)snprintf(run, sizeof(run), "%lld", (long long)run_id);
    (void)snprintf(interval, sizeof(interval), "%lld", (long long)sweep_interval_ms);
    if (!pg_run(ledger_pg(ledger), &stmt_feed_check, params, &rows, err))
        return false;
    const char *text = pg_rows_text(rows, 0, 0);
    (void)snprintf(why, why_bytes, "%s", text != NULL ? text : "");
    pg_rows_free(rows);
    return true;
}

/* Queue the orders of one comparison; `differs` yields (order_id, is_missed), $1 is its parameter
 * when it has one. */
static bool
sweep_queue(struct pg *pg, const char *differs, const char *keys, struct sweep_result *out,
            struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    struct buffer sql;
    const char *params[] = {keys};

    buffer_init(&sql, SWEEP_SQL_BYTES_MAX);
    /* Handed over in arrays of bounded size, without a detour through this program. */
    buffer_printf(
        &sql,
        "select coalesce(sum(enqueue(list, 'sweep')), 0)::int8, coalesce(sum(lines), 0)::int8,"
        " coalesce(sum(missed), 0)::int8\n"
        "  from (select array_agg(o.order_id) as list, sum(o.lines) as lines, sum(o.missed) as "
        "missed\n"
        "          from (select d.order_id, count(*) as lines,\n"
        "                       count(*) filter (where d.is_missed and not exists (select from "
        "queue q"
        " where q.order_key = d.order_id)) as missed,\n"
        "                       row_number() over (order by d.order_id) / 5000 as part\n"
        "                  from (%s) d group by d.order_id) o\n"
        "         group by o.part) p",
        differs);
    if (sql.is_failed) {
        error_set(err, ERROR_NOMEM, "no memory for the sweep");
        goto done;
    }
    if (!pg_query(pg, buffer_text(&sql), keys != NULL ? 1 : 0, params, &rows, err))
        goto done;
    out->orders += pg_rows_int(rows, 0, 0);
    out->lines += pg_rows_int(rows, 0, 1);
    out->missed += pg_rows_int(rows, 0, 2);
    ok = true;

done:
    pg_rows_free(rows);
    buffer_free(&sql);
    return ok;
}

/* keys: a text array literal of the orders of one piece. */
static bool
sweep_piece(struct pg *pg, const struct warehouse *warehouse, const char *keys,
            struct sweep_result *out, struct error *err)
{
    struct buffer differs;
    bool ok;

    buffer_init(&differs, SWEEP_SQL_BYTES_MAX);
    sweep_write_differs(&differs, warehouse_rows_sql(warehouse),
                        "select * from rows where order_id = any ($1::text[])");
    ok = differs.is_failed ? error_set(err, ERROR_NOMEM, "no memory for the sweep")
                           : sweep_queue(pg, buffer_text(&differs), keys, out, err);
    buffer_free(&differs);
    return ok;
}

/* Orders first..last of a list, halved down to the one that can't be read: that one goes to the
 * planner, which knows what to do with it. */
static bool
sweep_orders(struct pg *pg, const struct warehouse *warehouse, const struct pg_rows *orders,
             int first, int count, struct sweep_result *out, struct error *err)
{
    struct buffer keys;
    struct error failure = {0};
    bool ok;

    if (count == 0)
        return true;
    buffer_init(&keys, SWEEP_KEYS_BYTES_MAX);
    pg_array_begin(&keys);
    for (int i = first; i < first + count; i++)
        pg_array_text(&keys, pg_rows_text(orders, i, 0));
    pg_array_end(&keys);
    ok = keys.is_failed ? error_set(&failure, ERROR_NOMEM, "no memory for the sweep")
                        : sweep_piece(pg, warehouse, buffer_text(&keys), out, &failure);
    if (!ok && !plan_is_data_error(&failure)) {
        *err = failure;
    } else if (!ok && count == 1) {
        const char *params[] = {buffer_text(&keys), "sweep"};

        ok = pg_run(pg, &stmt_enqueue, params, NULL, err);
        out->orders++;
    } else if (!ok) {
        ok = sweep_orders(pg, warehouse, orders, first, count / 2, out, err) &&
             sweep_orders(pg, warehouse, orders, first + count / 2, count - count / 2, out, err);
    }
    buffer_free(&keys);
    return ok;
}

/* Piece by piece, for a function (it must be told the orders) and for a relation with a row that
 * can't be read. */
static bool
sweep_in_pieces(struct pg *pg, const struct warehouse *warehouse, struct sweep_result *out,
                struct error *err)
{
    bool ok = false;
    struct buffer sql;
    struct pg_rows *rows = NULL;
    const char *all = warehouse_all_sql(warehouse);
    char piece[24];
    char *last = strdup("");

    buffer_init(&sql, SWEEP_SQL_BYTES_MAX);
    (void)snprintf(piece, sizeof(piece), "%d", SWEEP_PIECE_ORDERS);
    buffer_puts(&sql, "select k from (");
    if (all != NULL)
        buffer_printf(&sql,
                      "(select distinct a.order_id collate \"C\" as k from (%s) a"
                      " where a.order_id collate \"C\" > $1 order by 1 limit $2::int4) union ",
                      all);
    buffer_puts(
        &sql,
        "(select distinct r.order_id from rows r where r.order_id > $1 order by 1 limit $2::int4)"
        ") u(k) order by k limit $2::int4");
    if (sql.is_failed || last == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for the sweep");
        goto done;
    }
    for (;;) {
        const char *params[] = {last, piece};

        pg_rows_free(rows);
        rows = NULL;
        if (!pg_query(pg, buffer_text(&sql), 2, params, &rows, err))
            goto done;
        int count = pg_rows_count(rows);
        if (count == 0)
            break;
        if (!sweep_orders(pg, warehouse, rows, 0, count, out, err))
            goto done;
        free(last);
        last = strdup(pg_rows_text(rows, count - 1, 0));
        if (last == NULL) {
            error_set(err, ERROR_NOMEM, "no memory for the sweep");
            goto done;
        }
    }
    ok = true;

done:
    free(last);
    pg_rows_free(rows);
    buffer_free(&sql);
    return ok;
}

static bool
sweep_whole(struct pg *pg, const struct warehouse *warehouse, struct sweep_result *out,
            struct error *err)
{
    bool ok = false;
    struct buffer sql;
    struct pg_rows *rows = NULL;
    const char *all = warehouse_all_sql(warehouse);
    char *differs = sweep_differs_sql(all);

    buffer_init(&sql, SWEEP_SQL_BYTES_MAX);
    /* Orders that are known to be unreadable are left to their own time-table, or they would spoil
     * every sweep. */
    buffer_printf(&sql,
                  "select * from (%s) k where not exists (select from relooks o where o.order_key "
                  "= k.order_id)",
                  differs != NULL ? differs : "");
    if (differs == NULL || sql.is_failed) {
        error_set(err, ERROR_NOMEM, "no memory for the sweep");
        goto done;
    }
    if (!sweep_queue(pg, buffer_text(&sql), NULL, out, err))
        goto done;

    buffer_reset(&sql);
    buffer_printf(&sql,
                  "select count(*) filter (where coalesce(a.order_id, '') = '' and "
                  "coalesce(a.upstream_id, '') = ''),"
                  " note_upstreams(array(select distinct b.upstream_id from (%s) b where "
                  "coalesce(b.order_id, '') = ''"
                  " and b.upstream_id <> ''))::text from (%s) a",
                  all, all);
    if (!pg_query(pg, buffer_text(&sql), 0, NULL, &rows, err))
        goto done;
    out->not_ours = pg_rows_int(rows, 0, 0);
    ok = true;

done:
    free(differs);
    pg_rows_free(rows);
    buffer_free(&sql);
    return ok;
}

bool
sweep_run(struct ledger *ledger, const struct warehouse *warehouse, int64_t run_id,
          struct sweep_result *out, struct error *err)
{
    bool ok = false;
    struct pg *pg = ledger_pg(ledger);
    struct pg_rows *before = NULL;
    struct error failure = {0};
    char run[24], missed[24], not_ours[24];
    const char *ask[] = {run, "f", "0"};

    memset(out, 0, sizeof(*out));
    (void)snprintf(run, sizeof(run), "%lld", (long long)run_id);
    if (!pg_run(pg, &stmt_feed_check, ask, &before, err))
        goto done;

    if (warehouse_kind(warehouse) == WAREHOUSE_FUNCTION) {
        if (!sweep_in_pieces(pg, warehouse, out, err))
            goto done;
    } else if (!sweep_whole(pg, warehouse, out, &failure)) {
        if (!plan_is_data_error(&failure)) {
            *err = failure;
            goto done;
        }
        log_failure(LOG_WARN, "ledger", "sweep_in_pieces", &failure);
        memset(out, 0, sizeof(*out));
        if (!sweep_in_pieces(pg, warehouse, out, err))
            goto done;
    }
    if (!pg_rows_bool(before, 0, 3))
        out->missed = 0; /* the first one: there was no feed to miss anything */

    (void)snprintf(missed, sizeof(missed), "%lld", (long long)out->missed);
    (void)snprintf(not_ours, sizeof(not_ours), "%lld", (long long)out->not_ours);
    const char *params[] = {run, pg_rows_text(before, 0, 1), pg_rows_text(before, 0, 2), missed,
                            not_ours};
    ok = pg_run(pg, &stmt_sweep_done, params, NULL, err);

done:
    pg_rows_free(before);
    if (!ok)
        error_context(err, "sweep");
    return ok;
}

bool
scan_run(struct ledger *ledger, const struct warehouse *warehouse, int64_t scan_overlap_ms,
         int64_t *orders, struct error *err)
{
    bool ok = false;
    struct pg *pg = ledger_pg(ledger);
    struct pg_rows *bound = NULL;
    struct pg_rows *rows = NULL;
    struct buffer sql;
    char overlap[24];

    *orders = 0;
    buffer_init(&sql, SWEEP_SQL_BYTES_MAX);
    (void)snprintf(overlap, sizeof(overlap), "%lld", (long long)scan_overlap_ms);
    /* The bound first, in a transaction of its own: whoever commits later is not below it. */
    if (!pg_run(pg, &stmt_scan_bound, NULL, &bound, err))
        goto done;
    const char *upto = pg_rows_text(bound, 0, 0);
    const char *held_by = pg_rows_text(bound, 0, 1);
    const char *from = pg_rows_text(bound, 0, 2);
    const char *params[] = {from != NULL ? from : "-infinity", overlap};

    buffer_printf(
        &sql,
        "select coalesce(sum(enqueue(list, 'scan')), 0)::int8"
        " from (select array_agg(k.order_id) as list from"
        " (select d.order_id, row_number() over (order by d.order_id) / 5000 as part from"
        " (select distinct coalesce(a.order_id, a.upstream_id) as order_id from (%s) " SWEEP_NAMES
        " where a.changed_at > $1::timestamptz - $2::int8 * interval '1 ms'"
        " and not exists (select from rows r where r.order_id = a.order_id"
        " and r.item_id = coalesce(a.item_id, '') and r.shipment_ref = coalesce(a.shipment_ref, '')"
        " and r.is_present and r.shipped = a.shipped and r.cancelled = a.cancelled and r.ordered = "
        "a.ordered"
        " and r.returned = coalesce(a.returned, 0)"
        " and (r.tracking_company, r.tracking_number, r.tracking_url) is not distinct from"
        " (a.tracking_company, a.tracking_number, a.tracking_url))) d"
        " where d.order_id <> '') k group by k.part) p",
        warehouse_all_sql(warehouse));
    if (sql.is_failed) {
        error_set(err, ERROR_NOMEM, "no memory for the scan");
        goto done;
    }
    if (!pg_query(pg, buffer_text(&sql), 2, params, &rows, err))
        goto done;
    *orders = pg_rows_int(rows, 0, 0);
    if (upto != NULL) {
        const char *move[] = {upto, held_by};

        if (!pg_run(pg, &stmt_scan_done, move, NULL, err))
            goto done;
    }
    ok = true;

done:
    pg_rows_free(bound);
    pg_rows_free(rows);
    buffer_free(&sql);
    if (!ok)
        error_context(err, "scan");
    return ok;
}
