#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "ledger/init.h"
#include "ledger/ledger.h"
#include "ledger/warehouse.h"
#include "support/ledger.h"

static char url[SUPPORT_URL_MAX];
static struct error err;
static struct ledger *ledger;
static struct warehouse *warehouse;

static void
setup(void)
{
    error_clear(&err);
    warehouse = NULL;
    ledger = support_ledger_untouched(url, NULL);
    support_psql(url, "create schema wms");
}

static void
teardown(void)
{
    warehouse_free(warehouse);
    ledger_close(ledger);
}

static void
open_it(const char *name)
{
    warehouse_free(warehouse);
    warehouse = NULL;
    ck_assert_msg(warehouse_open(ledger, name, false, &warehouse, &err), "%s: %s (%s)", err.context,
                  err.message, err.hint);
}

static void
expect_refused(const char *name, bool needs_changed_at, const char *part, const char *hint)
{
    ck_assert(!warehouse_open(ledger, name, needs_changed_at, &warehouse, &err));
    ck_assert_ptr_null(warehouse);
    ck_assert_msg(err.code == ERROR_CONFIG, "code %d: %s", (int)err.code, err.message);
    ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.hint, hint) != NULL, "%s: %s", err.message, err.hint);
    error_clear(&err);
    /* The session is free for the next. */
    ck_assert_msg(pg_exec(ledger_pg(ledger), "begin", &err), "%s", err.message);
    ck_assert_msg(pg_exec(ledger_pg(ledger), "rollback", &err), "%s", err.message);
}

/* A statement over the rows that are read for `keys`, as lines. */
static char *
read_rows(const char *sql, const char *columns, const char *keys)
{
    struct buffer text;
    struct pg_rows *rows = NULL;
    const char *const params[] = {keys};
    char *out;

    buffer_init(&text, 4194304);
    (void)buffer_printf(&text, "select %s from (%s) x order by 1", columns, sql);
    ck_assert_msg(
        pg_query(ledger_pg(ledger), buffer_text(&text), keys == NULL ? 0 : 1, params, &rows, &err),
        "%s: %s", err.message, buffer_text(&text));
    buffer_reset(&text);
    for (int row = 0; row < pg_rows_count(rows); row++)
        (void)buffer_printf(&text, "%s%s", row > 0 ? "\n" : "", pg_rows_text(rows, row, 0));
    pg_rows_free(rows);
    out = buffer_take(&text);
    ck_assert_ptr_nonnull(out);
    return out;
}

static void
expect_rows(const char *keys, const char *expected)
{
    char *got = read_rows(warehouse_rows_sql(warehouse),
                          "concat_ws('/', order_id, item_id, nullif(shipment_ref, ''),"
                          " shipped_quantity)",
                          keys);

    ck_assert_str_eq(got, expected);
    free(got);
}

static void
expect_index(const char *keys, const char *expected)
{
    struct buffer text;
    struct pg_rows *rows = NULL;
    const char *const params[] = {keys};

    buffer_init(&text, 65536);
    (void)buffer_printf(&text, "explain (format json) %s", warehouse_lookup_sql(warehouse));
    ck_assert_msg(pg_query(ledger_pg(ledger), buffer_text(&text), 1, params, &rows, &err), "%s",
                  err.message);
    ck_assert_msg(strstr(pg_rows_text(rows, 0, 0), expected) != NULL, "%s",
                  pg_rows_text(rows, 0, 0));
    pg_rows_free(rows);
    buffer_free(&text);
}

#define QUANTITIES "ordered_quantity int, shipped_quantity int, cancelled_quantity int"

START_TEST(the_least_relation_is_enough)
{
    char *got;

    support_psql(url, "create table wms.t (order_id text, item_id text, " QUANTITIES ");"
                      "insert into wms.t values ('o-1', 'i-1', 3, 2, 1), ('o-2', 'i-1', 3, 2, 1)");
    open_it("wms.t");
    ck_assert_int_eq(warehouse_kind(warehouse), WAREHOUSE_RELATION);
    ck_assert_str_eq(warehouse_name(warehouse), "wms.t");
    ck_assert(!warehouse_has_upstream(warehouse));
    ck_assert(!warehouse_has_changed_at(warehouse));
    ck_assert_ptr_null(warehouse_upstreams_sql(warehouse));
    expect_rows("{o-1}", "o-1/i-1/2");
    got = read_rows(warehouse_rows_sql(warehouse), "x::text", "{o-1}");
    ck_assert_str_eq(got, "(o-1,i-1,\"\",3,2,1,,,,,,,)");
    free(got);
    got = read_rows(warehouse_all_sql(warehouse), "x::text", NULL);
    ck_assert_str_eq(got, "(o-1,i-1,\"\",3,2,1,,,,,,,,,)\n(o-2,i-1,\"\",3,2,1,,,,,,,,,)");
    free(got);
    /* What the planner makes of it. */
    got = read_rows(warehouse_rows_sql(warehouse), "row(x.*)::waybill.reading::text", "{o-2}");
    ck_assert_str_eq(got, "(o-2,i-1,\"\",3,2,1,,,,,,,)");
    free(got);
}
END_TEST

START_TEST(every_column_is_read_and_empty_texts_count_as_null)
{
    char *got;

    support_psql(url,
                 "create table wms.t (changed_at timestamptz, fulfillment_model varchar(20),"
                 " shipment_item_id text, shipment_id uuid, tracking_url text,"
                 " tracking_number bigint, tracking_company char(4), returned_quantity real,"
                 " cancelled_quantity numeric, shipped_quantity double precision,"
                 " ordered_quantity smallint, shipment_ref varchar, item_id integer,"
                 " order_id varchar(40));"
                 "insert into wms.t values ('2026-01-02 03:04:05+00', '', '',"
                 " '00000000-0000-0000-0000-000000000001', 'http://x', 123, 'UPS', 1, 0.5, 2, 3,"
                 " null, 17, 'o-1')");
    open_it("wms.t");
    ck_assert(warehouse_has_changed_at(warehouse));
    got = read_rows(warehouse_all_sql(warehouse), "x::text", NULL);
    ck_assert_str_eq(got, "(o-1,17,\"\",3,2,0.5,1,UPS,123,http://x,"
                          "00000000-0000-0000-0000-000000000001,,,,\"2026-01-02 03:04:05+00\")");
    free(got);
}
END_TEST

START_TEST(units_that_are_kept_as_floats_are_read_to_the_last)
{
    char *got;

    support_psql(url, "create domain wms.units as real;"
                      "create table wms.t (order_id text, item_id text, ordered_quantity real,"
                      " shipped_quantity wms.units, cancelled_quantity double precision);"
                      "insert into wms.t values ('o-1', 'i', 1234570, 1234567, 999999999)");
    open_it("wms.t");
    got = read_rows(warehouse_all_sql(warehouse),
                    "concat_ws('/', ordered_quantity, shipped_quantity, cancelled_quantity)", NULL);
    ck_assert_str_eq(got, "1234570/1234567/999999999");
    free(got);
}
END_TEST

START_TEST(all_that_is_wrong_is_said_at_once)
{
    support_psql(url, "create view wms.v as select '1'::jsonb as order_id, 'x'::text as"
                      " ordered_quantity, '1'::text as shipped_quantity, now()::timestamp as"
                      " changed_at from (select) x where false");
    expect_refused("wms.v", false, "wms.v: column order_id is jsonb; write order_id::text", "view");
    expect_refused("wms.v", false,
                   "column shipped_quantity is text; write shipped_quantity::numeric", "view");
    expect_refused("wms.v", false, "column item_id (text) is missing", "view");
    expect_refused("wms.v", false, "column cancelled_quantity (any number) is missing", "view");
    expect_refused(
        "wms.v", true,
        "column changed_at is timestamp without time zone; write changed_at at time zone", "view");
    support_psql(url, "create table wms.t (order_id text, item_id text, " QUANTITIES
                      ", changed_at timestamp)");
    open_it("wms.t"); /* nobody reads it */
    ck_assert(!warehouse_has_changed_at(warehouse));
    warehouse_free(warehouse);
    warehouse = NULL;
    support_psql(url, "alter table wms.t drop changed_at");
    expect_refused("wms.t", true, "column changed_at (timestamptz) is missing", "");
}
END_TEST

START_TEST(a_name_that_is_nothing_is_refused)
{
    expect_refused("wms.nothing", false, "\"wms.nothing\": there is no such relation", "schema");
    expect_refused("nowhere.nothing", false, "there is no such relation", "schema");
    expect_refused("wms.nothing; drop table wms.t", false, "wms.nothing; drop", "");
    expect_refused("a.b.c.d", false, "a.b.c.d", "");
    expect_refused("", false, "\"\"", "");
    support_psql(url, "create sequence wms.s; create procedure wms.p(text[]) language sql as ''");
    expect_refused("wms.s", false, "\"wms.s\" is no table, view or function", "");
    expect_refused("wms.p", false, "\"wms.p\" is no table, view or function", "");
}
END_TEST

START_TEST(a_name_without_schema_is_found_as_in_psql)
{
    support_psql(url, "create table public.t (order_id text, item_id text, " QUANTITIES ");"
                      "create schema \"Odd one\"; create table \"Odd one\".\"T \"\"x\" (like t)");
    open_it("t");
    ck_assert_str_eq(warehouse_name(warehouse), "public.t");
    open_it("\"Odd one\".\"T \"\"x\"");
    ck_assert_str_eq(warehouse_name(warehouse), "\"Odd one\".\"T \"\"x\"");
    expect_rows("{o-1}", "");
}
END_TEST

START_TEST(without_the_privilege_the_grant_is_named)
{
    char worker_url[SUPPORT_URL_MAX];
    char *name = support_query_text(url, "select current_database()");
    struct ledger_options session = {.url = worker_url,
                                     .schema = "waybill",
                                     .application_name = "waybill test",
                                     .connect_timeout_ms = 5000};
    struct ledger_init_options options = {.session = &session, .grant_role = "test_worker"};
    struct ledger_init_result result;

    support_psql(url, "do $$ begin if not exists (select from pg_roles where rolname ="
                      " 'test_worker') then create role test_worker login; end if; end $$;"
                      "create table wms.t (order_id text, item_id text, " QUANTITIES ");"
                      "create function wms.f(text[]) returns setof wms.t language sql as 'table "
                      "wms.t'; revoke all on function wms.f from public");
    (void)snprintf(worker_url, sizeof(worker_url), "%s", url);
    ck_assert_msg(ledger_init(&options, &result, &err), "%s", err.message);
    support_url(name, "test_worker", worker_url);
    free(name);
    ledger_close(ledger);
    ledger = NULL;
    ck_assert_msg(ledger_open(&ledger, &session, &err), "%s", err.message);
    expect_refused("wms.t", false, "\"wms.t\"", "grant usage on its schema");
    support_psql(url, "grant usage on schema wms to test_worker");
    expect_refused("wms.t", false, "the role test_worker may not read wms.t",
                   "grant select on wms.t to test_worker");
    expect_refused("wms.f", false, "may not read wms.f",
                   "grant execute on function wms.f(text[]) to test_worker");
    support_psql(url, "grant select on wms.t to test_worker");
    open_it("wms.t");
    expect_rows("{o-1}", "");
}
END_TEST

START_TEST(odd_keys_come_through)
{
    support_psql(url, "create table wms.t (order_id text, item_id text, " QUANTITIES ");"
                      "insert into wms.t values ('it''s {\"a\",\\b} \u2603', 'a b', 1, 1, 0),"
                      " ('', 'i', 1, 1, 0), (null, 'i', 1, 1, 0)");
    open_it("wms.t");
    expect_rows("{\"it's {\\\"a\\\",\\\\b} \u2603\"}", "it's {\"a\",\\b} \u2603/a b/1");
    expect_rows("{\"\",null}", "/i/1");
}
END_TEST

START_TEST(keys_of_other_types_use_their_index)
{
    static const struct {
        const char *type, *value, *keys, *expected;
    } cases[] = {
        {"text", "'o-' || n", "{o-7,nothing}", "o-7/i/1"},
        {"varchar(20)", "'o-' || n", "{o-7,nothing}", "o-7/i/1"},
        {"char(8)", "'o-' || n", "{o-7,nothing}", "o-7/i/1"},
        {"integer", "n", "{7,x,007,-0,99999999999999999999,9223372036854775808,1.0}", "7/i/1"},
        {"bigint", "n + 9223372036854755807", "{9223372036854775806,9223372036854775807}",
         "9223372036854775806/i/1\n9223372036854775807/i/1"},
        {"numeric", "case n when 8 then 'NaN' when 9 then '-Infinity' else n::numeric end",
         "{7,7.0,NaN,-Infinity,Infinity,nan,1e3}", "-Infinity/i/1\n7/i/1\nNaN/i/1"},
        {"uuid", "('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid",
         "{00000000-0000-0000-0000-000000000007,x,00000000000000000000000000000008}",
         "00000000-0000-0000-0000-000000000007/i/1"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char sql[1024];

        (void)snprintf(sql, sizeof(sql),
                       "drop table if exists wms.t; create table wms.t (order_id %s, item_id text,"
                       " " QUANTITIES "); insert into wms.t select (%s)::%s, 'i', 1, 1, 0"
                       " from generate_series(1, 20000) n;"
                       "create index t_order on wms.t (order_id); analyze wms.t",
                       cases[i].type, cases[i].value, cases[i].type);
        support_psql(url, sql);
        open_it("wms.t");
        expect_rows(cases[i].keys, cases[i].expected);
        expect_index(cases[i].keys, "t_order");
    }
}
END_TEST

START_TEST(upstream_ids_become_order_ids_once_they_are_mapped)
{
    char *got;

    support_psql(
        url,
        "create table wms.t (order_id text, upstream_id text, item_id "
        "text, " QUANTITIES ");"
        "insert into wms.t select null, 'm-' || n, 'i', 1, 0, 0"
        " from generate_series(10, 20000) n;"
        "insert into wms.t values ('o-1', null, 'i', 1, 1, 0), (null, 'm-2', 'i', 1, 2, 0),"
        " (null, 'm-3', 'i', 1, 3, 0), ('', 'm-2', 'j', 1, 4, 0), ('o-9', 'm-2', 'k', 1, 5, 0),"
        " (null, '', 'l', 1, 6, 0), (null, null, 'l', 1, 7, 0);"
        "create index t_order on wms.t (order_id); create index t_upstream on wms.t (upstream_id);"
        "analyze wms.t;"
        "insert into waybill.upstreams (upstream_id, order_id) values ('m-2', 'o-2'), ('m-4', "
        "null)");
    open_it("wms.t");
    ck_assert(warehouse_has_upstream(warehouse));
    expect_rows("{o-1,o-2,m-3}", "o-1/i/1\no-2/i/2\no-2/j/4");
    expect_rows("{m-2}", "o-2/i/2\no-2/j/4");
    expect_rows("{m-2,o-2}", "o-2/i/2\no-2/j/4");
    expect_rows("{m-3,m-4}", "");
    expect_index("{o-1,o-2}", "t_upstream");
    got = read_rows(warehouse_all_sql(warehouse),
                    "concat_ws('/', coalesce(order_id, '-'), upstream_id, shipped_quantity)", NULL);
    ck_assert_ptr_nonnull(strstr(got, "-/6\n-/7\n"));
    ck_assert_ptr_nonnull(strstr(got, "-/m-3/3"));
    ck_assert_ptr_nonnull(strstr(got, "o-2/m-2/2\no-2/m-2/4\n"));
    free(got);
    /* Those that nobody asked the API for yet are noted. */
    {
        const char *const params[] = {"{m-3,o-1,m-7}"};

        ck_assert_msg(
            pg_query(ledger_pg(ledger), warehouse_upstreams_sql(warehouse), 1, params, NULL, &err),
            "%s", err.message);
    }
    support_query_is(
        url, "select string_agg(upstream_id, ' ' order by upstream_id) from waybill.upstreams",
        "m-2 m-3 m-4");
}
END_TEST

START_TEST(numbers_that_their_column_holds_for_equal_are_two)
{
    const char *const params[] = {"{m-a}"};

    support_psql(url, "create collation wms.ci (provider = icu, locale = 'und-u-ks-level2',"
                      " deterministic = false);"
                      "create table wms.t (order_id text, upstream_id text collate wms.ci,"
                      " item_id text, " QUANTITIES ");"
                      "insert into wms.t values (null, 'm-a', 'i', 1, 1, 0),"
                      " (null, 'M-A', 'i', 1, 1, 0)");
    open_it("wms.t");
    ck_assert_msg(
        pg_query(ledger_pg(ledger), warehouse_upstreams_sql(warehouse), 1, params, NULL, &err),
        "%s", err.message);
    support_query_is(
        url, "select string_agg(upstream_id, ' ' order by upstream_id) from waybill.upstreams",
        "M-A m-a");
}
END_TEST

/* As text an empty one is as good as null, and other types have none. */
START_TEST(an_order_id_of_any_type_may_be_missing)
{
    static const char *const types[][3] = {
        {"text", "", "o-1"},
        {"varchar(20)", "", "o-1"},
        {"char(8)", "", "o-1"},
        {"wms.mood", "", "o-1"},
        {"bigint", NULL, "7"},
        {"numeric", NULL, "7"},
        {"uuid", NULL, "00000000-0000-0000-0000-000000000007"},
    };

    support_psql(url,
                 "create type wms.mood as enum ('', 'o-1');"
                 "insert into waybill.upstreams (upstream_id, order_id) values ('m-2', 'o-2')");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        char sql[1024], keys[100], expected[100];

        (void)snprintf(sql, sizeof(sql),
                       "drop table if exists wms.t cascade; create table wms.t (order_id %s,"
                       " upstream_id text, item_id text, " QUANTITIES ");"
                       "insert into wms.t values ('%s', 'm-2', 'i', 1, 1, 0),"
                       " (null, 'm-2', 'j', 1, 2, 0), (%s%s%s, 'm-2', 'k', 1, 3, 0);"
                       "create function wms.f(text[]) returns setof wms.t language sql as"
                       " 'select * from wms.t where order_id::text = any ($1)"
                       "   or upstream_id = any ($1)'",
                       types[i][0], types[i][2], types[i][1] != NULL ? "'" : "",
                       types[i][1] != NULL ? types[i][1] : "null", types[i][1] != NULL ? "'" : "");
        support_psql(url, sql);
        (void)snprintf(keys, sizeof(keys), "{%s,o-2}", types[i][2]);
        (void)snprintf(expected, sizeof(expected), "%s/i/1\no-2/j/2\no-2/k/3", types[i][2]);
        open_it("wms.t");
        expect_rows(keys, expected);
        open_it("wms.f");
        expect_rows(keys, expected);
        support_psql(url, "drop function wms.f");
    }
}
END_TEST

START_TEST(a_function_is_read_by_the_keys_it_is_given)
{
    support_psql(
        url,
        "create table wms.t (order_id text, upstream_id text, item_id text, " QUANTITIES ");"
        "insert into wms.t values ('o-1', null, 'i', 1, 1, 0), (null, 'm-2', 'i', 1, 2, 0),"
        " (null, 'm-3', 'i', 1, 3, 0), ('o-4', null, 'i', 1, 4, 0);"
        "create table wms.asked (keys text[]);"
        "create function wms.f(order_ids text[]) returns setof wms.t language sql volatile as"
        " 'insert into wms.asked values ($1); select t.* from wms.t t join unnest($1) k"
        " on k in (t.order_id, t.upstream_id) union all select * from wms.t where order_id = "
        "''o-4''';"
        "create function wms.g(k text[], out order_id text, out item_id text, out ordered_quantity"
        " numeric, out shipped_quantity numeric, out cancelled_quantity numeric) returns setof"
        " record language sql as 'select order_id, item_id, 1::numeric, shipped_quantity, 0"
        " from wms.t where order_id = any ($1)';"
        "create function wms.h(text[]) returns table (order_id text, item_id text, " QUANTITIES ")"
        " language sql as 'select order_id, item_id, 1, shipped_quantity, 0 from wms.t';"
        "create function wms.r(text[]) returns setof record language sql as 'table wms.t';"
        "create function wms.n(text[]) returns text language sql as 'select ''''';"
        "insert into waybill.upstreams (upstream_id, order_id) values ('m-2', 'o-2')");
    open_it("wms.f");
    ck_assert_int_eq(warehouse_kind(warehouse), WAREHOUSE_FUNCTION);
    ck_assert_ptr_null(warehouse_all_sql(warehouse));
    expect_rows("{o-1,o-2}", "o-1/i/1\no-2/i/2"); /* o-4 was not asked for */
    expect_rows("{o-2,m-2}", "o-2/i/2");
    expect_rows("{m-3}", "");
    support_query_is(url,
                     "select array(select unnest(keys) order by 1)::text from wms.asked limit 1",
                     "{m-2,o-1,o-2}");
    open_it("wms.f(text[])");
    open_it("wms.g");
    expect_rows("{o-1}", "o-1/i/1");
    open_it("wms.h");
    expect_rows("{o-1}", "o-1/i/1");
    warehouse_free(warehouse);
    warehouse = NULL;
    expect_refused("wms.r", false, "wms.r doesn't say which rows it returns", "");
    expect_refused("wms.n", false, "wms.n doesn't say which rows it returns", "");
    expect_refused("wms.h", true, "wms.h is a function: it can't be read by changed_at", "queue");
}
END_TEST

START_TEST(views_partitions_and_domains_are_relations_too)
{
    support_psql(
        url, "create domain wms.units as numeric; create domain wms.small as wms.units;"
             "create table wms.t (order_id text, item_id text, ordered_quantity wms.small,"
             " shipped_quantity wms.units, cancelled_quantity money) partition by hash (order_id);"
             "create table wms.t1 partition of wms.t for values with (modulus 1, remainder 0);"
             "insert into wms.t values ('o-1', 'i', 1, 1, 0);"
             "create view wms.v as select order_id, item_id, ordered_quantity, shipped_quantity,"
             " 0 as cancelled_quantity from wms.t;"
             "create materialized view wms.m as table wms.v");
    expect_refused("wms.t", false, "column cancelled_quantity is money", "");
    open_it("wms.v");
    expect_rows("{o-1}", "o-1/i/1");
    open_it("wms.m");
    expect_rows("{o-1}", "o-1/i/1");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("warehouse");
    TCase *tcase;

    support_need_database();
    tcase = support_case(suite, "warehouse", 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_least_relation_is_enough);
    tcase_add_test(tcase, every_column_is_read_and_empty_texts_count_as_null);
    tcase_add_test(tcase, units_that_are_kept_as_floats_are_read_to_the_last);
    tcase_add_test(tcase, all_that_is_wrong_is_said_at_once);
    tcase_add_test(tcase, a_name_that_is_nothing_is_refused);
    tcase_add_test(tcase, a_name_without_schema_is_found_as_in_psql);
    tcase_add_test(tcase, without_the_privilege_the_grant_is_named);
    tcase_add_test(tcase, odd_keys_come_through);
    tcase_add_test(tcase, keys_of_other_types_use_their_index);
    tcase_add_test(tcase, upstream_ids_become_order_ids_once_they_are_mapped);
    tcase_add_test(tcase, numbers_that_their_column_holds_for_equal_are_two);
    tcase_add_test(tcase, an_order_id_of_any_type_may_be_missing);
    tcase_add_test(tcase, a_function_is_read_by_the_keys_it_is_given);
    tcase_add_test(tcase, views_partitions_and_domains_are_relations_too);
    return support_run_suite(suite);
}
