#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger.h"
#include "ledger/statements.h"
#include "ledger/warehouse.h"
#include "support/ledger.h"

/* The statements with the warehouse's relation in them, filled in, held against a ledger. */

static char url[SUPPORT_URL_MAX];
static struct error err;
static struct ledger *ledger;
static struct warehouse *warehouse;

static void
setup(void)
{
    error_clear(&err);
    ledger = support_ledger_untouched(url, NULL);
    support_psql(url, "create schema wms;"
                      "create table wms.t (order_id text, upstream_id text, item_id text,"
                      " ordered_quantity int, shipped_quantity int, cancelled_quantity int,"
                      " changed_at timestamptz)");
    ck_assert_msg(warehouse_open(ledger, "wms.t", true, &warehouse, &err), "%s", err.message);
}

static void
teardown(void)
{
    warehouse_free(warehouse);
    ledger_close(ledger);
    warehouse = NULL;
    ledger = NULL;
}

/* They get the rows of the orders in $1; the others, all of them. */
static bool
is_of_orders(const char *name)
{
    static const char *const of_orders[] = {"audit_compare_warehouse",
                                            "baseline_listings",
                                            "check_count",
                                            "check_lookup",
                                            "plan_orders",
                                            "plan_preview"};

    for (size_t i = 0; i < sizeof(of_orders) / sizeof(of_orders[0]); i++) {
        if (strcmp(of_orders[i], name) == 0)
            return true;
    }
    return false;
}

static void
describe(const char *name, const char *text)
{
    const char *all = warehouse_all_sql(warehouse);
    const char *some = warehouse_rows_sql(warehouse);
    bool compares_all = strcmp(name, "plan_preview_keys") == 0;
    char *differs = NULL;
    char *changed = NULL;
    char *sql = NULL;
    char copy[4096];
    int nparams, ncols;

    (void)snprintf(copy, sizeof(copy), "(select 1::int8 as n, a.* from (%s) a)", all);
    const struct statements_slot relation[] = {
        {"relation", compares_all ? all : some}, {"ledger", "select * from rows"}, {NULL, NULL}};

    const struct statements_slot whole[] = {{"relation", all}, {NULL, NULL}};

    ck_assert(statements_fill(template_sweep_differs, relation, &differs, &err));
    ck_assert(statements_fill(template_scan_changed, whole, &changed, &err));
    const struct statements_slot slots[] = {
        {"relation", is_of_orders(name) ? some : all},
        {"ledger", "select * from rows"},
        {"differs", differs},
        {"changed", changed},
        {"copy", copy},
        {"readings", "select 1::int8 as n, null::reading as reading"},
        {"numbers", "select null::text as upstream_id"},
        {"progress", "baseline_progress"},
        {NULL, NULL}};

    ck_assert(statements_fill(text, slots, &sql, &err));
    const struct pg_stmt stmt = {.name = name, .sql = sql, .nparams = 0, .ncols = 0};

    ck_assert_msg(pg_describe(ledger_pg(ledger), &stmt, &nparams, &ncols, &err), "%s: %s", name,
                  err.message);
    free(differs);
    free(changed);
    free(sql);
}

START_TEST(every_statement_over_the_warehouse_fits_the_ledger)
{
#define TEMPLATE(name_) describe(#name_, template_##name_);
#include "ledger/templates.def"
#undef TEMPLATE
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("templates");

    support_need_database();
    SUPPORT_CASE(suite, 60, setup, teardown, every_statement_over_the_warehouse_fits_the_ledger);
    return support_run_suite(suite);
}
