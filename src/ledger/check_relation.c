/* The half of check that is about the user's own SQL: what it gives, and how it is looked up. */
#include "ledger/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "ledger/statements.h"

#define CHECK_LARGE_ROWS     10000
#define CHECK_SAMPLE_ROWS    2000
#define CHECK_LOOKUP_ORDERS  200
#define CHECK_KEYS_BYTES_MAX 1048576

/* What the user's own SQL does wrong is a finding; a lost connection is not. */
static bool
check_failed(const struct error *failure, const char *what, struct check_list *out,
             struct error *err)
{
    if (failure->code != ERROR_DB) {
        *err = *failure;
        return false;
    }
    return check_add(out, CHECK_FAIL, what, failure->hint, "reading it fails: %s",
                     failure->message) ||
           check_no_memory(err);
}

/* Called once, for orders that the ledger knows, as a planner would; whatever it does is undone. */
static bool
check_call(struct ledger *ledger, const struct warehouse *warehouse, struct check_list *out,
           struct error *err)
{
    bool ok = false;
    struct pg *pg = ledger_pg(ledger);
    char most[PG_INT_BYTES];
    const char *known_params[] = {"", most};
    const char *params[1];
    const struct statements_slot slots[] = {{"relation", warehouse_rows_sql(warehouse)},
                                            {NULL, NULL}};
    struct buffer keys;
    struct pg_rows *known = NULL;
    struct pg_rows *rows = NULL;
    struct error failure = {0};
    struct error ignored = {0};

    buffer_init(&keys, CHECK_KEYS_BYTES_MAX);
    pg_int_text(most, CHECK_LOOKUP_ORDERS);
    if (!pg_run(pg, &stmt_sweep_known_orders, known_params, &known, err))
        goto done;
    pg_array_begin(&keys);
    for (int i = 0; i < pg_rows_count(known); i++)
        pg_array_text(&keys, pg_rows_text(known, i, 0));
    pg_array_end(&keys);
    if (keys.is_failed) {
        check_no_memory(err);
        goto done;
    }
    params[0] = buffer_text(&keys);
    if (!pg_exec(pg, "begin", err))
        goto done;
    if (statements_query(pg, template_check_count, slots, 1, params, &rows, &failure)) {
        ok = check_add(
                 out, CHECK_OK, "relation", "",
                 "%s is a function: called for %d orders of the ledger, it gives %lld rows; "
                 "how it reads its tables can't be seen from here, and a sweep asks it only for "
                 "orders that the ledger knows",
                 warehouse_name(warehouse), pg_rows_count(known),
                 (long long)pg_rows_int(rows, 0, 0)) ||
             check_no_memory(err);
    } else {
        warehouse_refine_error(&failure);
        ok = check_failed(&failure, "relation", out, err);
    }
    (void)pg_exec(pg, "rollback", &ignored);

done:
    pg_rows_free(known);
    pg_rows_free(rows);
    buffer_free(&keys);
    return ok;
}

/* Empty, or hidden: with row_security off the server refuses what it would filter. */
static bool
check_empty(struct pg *pg, const struct warehouse *warehouse, struct check_list *out)
{
    const struct statements_slot slots[] = {{"relation", warehouse_all_sql(warehouse)},
                                            {NULL, NULL}};
    struct error failure = {0};
    struct error ignored = {0};

    if (pg_exec(pg, "begin; set local row_security = off", &failure))
        (void)statements_query(pg, template_check_policies, slots, 0, NULL, NULL, &failure);
    (void)pg_exec(pg, "rollback", &ignored);
    if (strcmp(failure.sqlstate, "42501") != 0)
        return check_add(out, CHECK_WARN, "relation", "", "%s is empty", warehouse_name(warehouse));
    return check_add(
        out, CHECK_WARN, "relation", "a policy that shows the rows that are to be posted",
        "%s is empty as this role sees it: %s", warehouse_name(warehouse), failure.message);
}

static bool
check_sample(struct ledger *ledger, const struct warehouse *warehouse, bool is_scan,
             struct check_list *out, struct error *err)
{
    char most[PG_INT_BYTES];
    const char *params[] = {most};
    const struct statements_slot slots[] = {{"relation", warehouse_all_sql(warehouse)},
                                            {NULL, NULL}};
    struct pg_rows *rows = NULL;
    struct error failure = {0};
    bool ok = true;

    pg_int_text(most, CHECK_SAMPLE_ROWS);
    if (!statements_query(ledger_pg(ledger), template_check_sample, slots, 1, params, &rows,
                          &failure)) {
        ok = check_failed(&failure, "relation", out, err);
    } else {
        long long all = (long long)pg_rows_int(rows, 0, 0);
        long long bad = (long long)pg_rows_int(rows, 0, 1);
        long long others = (long long)pg_rows_int(rows, 0, 3);

        if (all == 0)
            ok = check_empty(ledger_pg(ledger), warehouse, out);
        else if (all == others)
            ok = check_add(out, CHECK_WARN, "relation", "",
                           "none of %lld rows of %s has an order_id yet", all,
                           warehouse_name(warehouse));
        else
            ok = check_add(out, CHECK_OK, "relation", "",
                           "%s: %lld rows looked at, %lld without an order_id",
                           warehouse_name(warehouse), all, others);
        if (ok && bad > 0)
            ok = check_add(out, CHECK_WARN, "relation", "",
                           "%lld of %lld rows are bad and will not be posted, such as %s", bad, all,
                           pg_rows_text(rows, 0, 2));
        if (ok && is_scan && pg_rows_int(rows, 0, 4) > 0)
            ok = check_add(out, CHECK_WARN, "relation", "",
                           "%lld of %lld rows have no changed_at: a scan never finds them, only a "
                           "sweep does",
                           (long long)pg_rows_int(rows, 0, 4), all);
        ok = ok || check_no_memory(err);
    }
    pg_rows_free(rows);
    return ok;
}

/* Orders of the relation itself, and made-up ones when it has too few: an array. */
static bool
check_keys(struct ledger *ledger, const struct warehouse *warehouse, char **out, struct error *err)
{
    char sample[PG_INT_BYTES], most[PG_INT_BYTES];
    const char *params[] = {sample, most};
    const struct statements_slot slots[] = {{"relation", warehouse_all_sql(warehouse)},
                                            {NULL, NULL}};
    struct buffer keys;
    struct pg_rows *rows = NULL;
    bool ok = false;

    buffer_init(&keys, CHECK_KEYS_BYTES_MAX);
    pg_int_text(sample, CHECK_SAMPLE_ROWS);
    pg_int_text(most, CHECK_LOOKUP_ORDERS);
    if (!statements_query(ledger_pg(ledger), template_check_keys, slots, 2, params, &rows, err))
        goto done;
    pg_array_begin(&keys);
    for (int i = 0; i < CHECK_LOOKUP_ORDERS; i++) {
        char made_up[32];

        /* Digits only: such a key can be a number too. */
        pg_int_text(made_up, 1000000000 + i);
        pg_array_text(&keys, i < pg_rows_count(rows) ? pg_rows_text(rows, i, 0) : made_up);
    }
    pg_array_end(&keys);
    *out = buffer_take(&keys);
    ok = *out != NULL || check_no_memory(err);

done:
    pg_rows_free(rows);
    buffer_free(&keys);
    return ok;
}

static bool
check_add_scans(const struct pg_rows *rows, struct check_list *out)
{
    for (int row = 0; row < pg_rows_count(rows); row++) {
        const char *name = pg_rows_text(rows, row, 0);
        long long count = (long long)pg_rows_int(rows, row, 1);
        const char *column = pg_rows_text(rows, row, 2);
        const char *index = pg_rows_text(rows, row, 4);
        bool ok;

        if (column != NULL && !pg_rows_bool(rows, row, 3))
            ok = check_add(out, CHECK_WARN, "look-up", index,
                           "looking up %d orders reads all %lld rows of %s: an index is missing",
                           CHECK_LOOKUP_ORDERS, count, name);
        else
            ok = check_add(out, CHECK_WARN, "look-up", "",
                           "looking up %d orders reads all %lld rows of %s%s%s: the view sums up "
                           "before it looks for the orders; hang the sums on the line with LATERAL",
                           CHECK_LOOKUP_ORDERS, count, name,
                           column != NULL ? " in spite of an index on " : "",
                           column != NULL ? column : "");
        if (!ok)
            return false;
    }
    return true;
}

static bool
check_lookup(struct ledger *ledger, const struct warehouse *warehouse, struct check_list *out,
             struct error *err)
{
    struct pg *pg = ledger_pg(ledger);
    const struct statements_slot slots[] = {{"relation", warehouse_lookup_sql(warehouse)},
                                            {NULL, NULL}};
    struct pg_rows *plan = NULL;
    struct pg_rows *scans = NULL;
    struct error failure = {0};
    char *keys = NULL;
    char large[PG_INT_BYTES];
    const char *params[2];
    bool ok = false;

    pg_int_text(large, CHECK_LARGE_ROWS);
    if (!check_keys(ledger, warehouse, &keys, &failure)) {
        ok = check_failed(&failure, "look-up", out, err);
        goto done;
    }
    params[0] = keys;
    if (!statements_query(pg, template_check_lookup, slots, 1, params, &plan, &failure)) {
        ok = check_failed(&failure, "look-up", out, err);
        goto done;
    }
    params[0] = pg_rows_text(plan, 0, 0);
    params[1] = large;
    if (!pg_run(pg, &stmt_check_plan, params, &scans, err))
        goto done;
    ok = (pg_rows_count(scans) > 0
              ? check_add_scans(scans, out)
              : check_add(out, CHECK_OK, "look-up", "",
                          "looking up %d orders reads no large table from end to end",
                          CHECK_LOOKUP_ORDERS)) ||
         check_no_memory(err);

done:
    free(keys);
    pg_rows_free(plan);
    pg_rows_free(scans);
    return ok;
}

bool
check_warehouse(struct ledger *ledger, const struct warehouse *warehouse, bool is_scan,
                struct check_list *out, struct error *err)
{
    if (warehouse_kind(warehouse) == WAREHOUSE_FUNCTION)
        return check_call(ledger, warehouse, out, err);
    return check_sample(ledger, warehouse, is_scan, out, err) &&
           check_lookup(ledger, warehouse, out, err);
}
