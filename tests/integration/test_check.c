#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "ledger/check.h"
#include "ledger/init.h"
#include "ledger/ledger.h"
#include "ledger/warehouse.h"
#include "support/support.h"

static char url[SUPPORT_URL_MAX];
static char worker_url[SUPPORT_URL_MAX];
static struct error err;
static struct ledger *ledger;
static struct warehouse *warehouse;
static struct check_list list;

static struct ledger_options session = {.url = worker_url,
                                        .schema = "waybill",
                                        .application_name = "waybill test",
                                        .statement_timeout_ms = 30000,
                                        .connect_timeout_ms = 5000};

static void
setup(void)
{
    struct ledger_options owner = session;
    struct ledger_init_options options = {.session = &owner, .grant_role = "test_checker"};
    struct ledger_init_result result;
    char *name;

    error_clear(&err);
    ledger = NULL;
    warehouse = NULL;
    support_database_create(url);
    owner.url = url;
    support_psql(url, "do $$ begin if not exists (select from pg_roles where rolname ="
                      " 'test_checker') then create role test_checker login; end if; end $$;"
                      "revoke pg_read_all_stats from test_checker;"
                      "create schema wms; grant usage on schema wms to test_checker;"
                      "alter default privileges in schema wms grant select on tables to "
                      "test_checker");
    ck_assert_msg(ledger_init(&options, &result, &err), "%s: %s", err.context, err.message);
    name = support_query_text(url, "select current_database()");
    support_url(name, "test_checker", worker_url);
    free(name);
    ck_assert_msg(ledger_open(&ledger, &session, &err), "%s", err.message);
}

static void
teardown(void)
{
    check_free(&list);
    warehouse_free(warehouse);
    ledger_close(ledger);
}

static void
print_all(void)
{
    for (int i = 0; i < list.count; i++)
        (void)fprintf(stderr, "%d %s: %s [%s]\n", (int)list.list[i].level, list.list[i].what,
                      list.list[i].detail, list.list[i].mend);
}

static bool
has(enum check_level level, const char *what, const char *detail, const char *mend)
{
    for (int i = 0; i < list.count; i++) {
        const struct check_finding *finding = &list.list[i];

        if (finding->level == level && strcmp(finding->what, what) == 0 &&
            strstr(finding->detail, detail) != NULL && strstr(finding->mend, mend) != NULL)
            return true;
    }
    return false;
}

static void
expect(enum check_level level, const char *what, const char *detail, const char *mend)
{
    if (has(level, what, detail, mend))
        return;
    print_all();
    ck_abort_msg("no finding %s: %s [%s]", what, detail, mend);
}

static void
expect_no(enum check_level level, const char *what, const char *detail)
{
    if (!has(level, what, detail, ""))
        return;
    print_all();
    ck_abort_msg("a finding %s: %s", what, detail);
}

static void
look_at_database(bool is_queue, bool is_scan)
{
    check_free(&list);
    ck_assert_msg(check_database(ledger, is_queue, is_scan, &list, &err), "%s: %s", err.context,
                  err.message);
}

static void
look_at_feed(const char *relation, bool is_scan)
{
    check_free(&list);
    warehouse_free(warehouse);
    warehouse = NULL;
    ck_assert_msg(warehouse_open(ledger, relation, is_scan, &warehouse, &err), "%s", err.message);
    ck_assert_msg(check_warehouse(ledger, warehouse, is_scan, &list, &err), "%s: %s", err.context,
                  err.message);
    ck_assert_msg(check_feeds(ledger, warehouse, is_scan, &list, &err), "%s: %s", err.context,
                  err.message);
}

static void
look_at(const char *relation)
{
    look_at_feed(relation, false);
}

START_TEST(a_fresh_ledger_lacks_its_baseline_and_nothing_else)
{
    look_at_database(true, false);
    expect(CHECK_FAIL, "baseline", "nobody has said yet", "waybill baseline");
    expect(CHECK_OK, "privileges", "all that a run needs is given", "");
    expect(CHECK_OK, "durability", "synchronous_commit is on", "");
    expect(CHECK_OK, "schema", "\"waybill\" is version", "");
    expect_no(CHECK_FAIL, "privileges", "");
    expect_no(CHECK_FAIL, "server", "");
    expect_no(CHECK_WARN, "durability", "");
    expect_no(CHECK_WARN, "snapshot", "");
    support_psql(url, "select waybill.baseline_done('nothing', 'me')");
    look_at_database(true, false);
    expect(CHECK_OK, "mode", "live", "");
    for (int i = 0; i < list.count; i++)
        ck_assert_int_eq(list.list[i].level, CHECK_OK);
}
END_TEST

START_TEST(a_paused_or_moved_ledger_is_named_and_left_as_it_is)
{
    support_psql(url, "select waybill.set_mode('paused', 'me', 'stock-taking');"
                      "update waybill.identity set timeline = '0000000A'");
    look_at_database(true, false);
    expect(CHECK_FAIL, "mode", "stock-taking", "waybill resume");
    expect(CHECK_WARN, "identity", "new timeline", "");
    support_query_is(url, "select generation, timeline from waybill.identity", "1|0000000A");
    support_psql(url, "update waybill.identity set system_identifier = '1'");
    look_at_database(true, false);
    expect(CHECK_FAIL, "identity", "another server", "waybill recover");
}
END_TEST

START_TEST(a_ledger_that_stopped_itself_is_to_be_understood_and_not_resumed)
{
    support_psql(url, "select waybill.pause_itself('another server')");
    look_at_database(true, false);
    expect(CHECK_FAIL, "mode", "stopped itself: another server", "waybill recover");
    expect_no(CHECK_FAIL, "mode", "is paused");
}
END_TEST

START_TEST(each_missing_privilege_comes_with_its_grant)
{
    support_psql(url, "revoke select on waybill.rows from test_checker;"
                      "revoke execute on function waybill.touch(text) from test_checker");
    look_at_database(true, false);
    expect(CHECK_FAIL, "privileges", "waybill.rows may not be used",
           "grant select on waybill.rows to test_checker");
    expect(CHECK_FAIL, "privileges", "waybill.touch() may not be used",
           "grant execute on function waybill.touch(order_id text) to test_checker");
    for (int i = 0; i < list.count; i++) {
        if (strcmp(list.list[i].what, "privileges") == 0)
            support_psql(url, list.list[i].mend);
    }
    look_at_database(true, false);
    expect(CHECK_OK, "privileges", "", "");
}
END_TEST

START_TEST(a_scan_needs_to_see_other_sessions)
{
    look_at_database(false, true);
    expect(CHECK_FAIL, "privileges", "change_feed: scan",
           "grant pg_read_all_stats to test_checker");
    support_psql(url, "grant pg_read_all_stats to test_checker");
    look_at_database(false, true);
    expect_no(CHECK_FAIL, "privileges", "");
}
END_TEST

START_TEST(a_broken_feed_comes_with_the_call_that_mends_it)
{
    support_psql(url, "create table wms.t (order_id text);"
                      "select waybill.feed_from('wms.t', 'order_id');"
                      "alter table wms.t disable trigger waybill_feed_update;"
                      "drop trigger waybill_feed_delete on wms.t");
    look_at_database(true, false);
    expect(CHECK_WARN, "feed", "trigger waybill_feed_delete is missing",
           "select waybill.feed_from('wms.t', 'order_id')");
    expect(CHECK_WARN, "feed", "trigger waybill_feed_update is disabled", "");
    look_at_database(false, false);
    expect_no(CHECK_WARN, "feed", "");
    support_query_is(url, "select distinct mend from waybill.feed_faults()",
                     "select waybill.feed_from('wms.t', 'order_id')");
    support_psql(url, "select waybill.feed_from('wms.t', 'order_id')");
    look_at_database(true, false);
    expect(CHECK_OK, "feed", "1 tables are fed", "");
}
END_TEST

START_TEST(an_old_queue_entry_is_named)
{
    support_psql(url, "insert into waybill.queue (order_key, queued_at)"
                      " values ('o', now() - interval '1 day'), ('p', now())");
    look_at_database(true, false);
    /* 86400 s and what the test took */
    expect(CHECK_WARN, "queue", "2 entries, the oldest 864", "");
}
END_TEST

#define COLUMNS                                                                                    \
    "order_id text, item_id text, ordered_quantity int, shipped_quantity int, cancelled_quantity " \
    "int"

START_TEST(the_tables_below_a_view_are_found_through_views)
{
    support_psql(url,
                 "create table wms.t (" COLUMNS "); create table wms.u (n int);"
                 "create table wms.p (n int) partition by list (n);"
                 "create table wms.p1 partition of wms.p for values in (1);"
                 "create materialized view wms.m as select 1 as n;"
                 "create view wms.inner_view as select t.* from wms.t t where exists (select from "
                 "wms.u) and exists (select from wms.p) and exists (select from wms.m);"
                 "create view wms.v as table wms.inner_view;"
                 "select waybill.feed_from('wms.u', 'null::text')");
    look_at("wms.v");
    expect(CHECK_WARN, "feed", "wms.t is not fed",
           "select waybill.feed_from('wms.t', 'null::text')");
    expect(CHECK_WARN, "feed", "wms.p is not fed", "waybill.feed_from('wms.p', 'null::text')");
    expect(CHECK_WARN, "feed", "wms.m is a materialized view", "");
    expect_no(CHECK_WARN, "feed", "wms.u");
    look_at("wms.t");
    expect(CHECK_WARN, "feed", "wms.t is not fed", "select waybill.feed_from('wms.t', 'order_id')");
    support_psql(url, "select waybill.feed_from('wms.t', 'order_id')");
    look_at("wms.t");
    expect_no(CHECK_WARN, "feed", "");

    support_psql(url, "create table wms.q (n int); create table wms.r (n int); create table wms.s"
                      " (n int); create view wms.w as select v.* from wms.v, wms.q, wms.r, wms.s");
    look_at("wms.w");
    expect(CHECK_WARN, "feed", "4 tables are not fed, only a sweep finds their changes: wms.p, wms",
           "feed_from(TABLE, KEY) for each");
    expect(CHECK_WARN, "feed", "wms.m is a materialized view", "");
    expect_no(CHECK_WARN, "feed", "is not fed");
}
END_TEST

START_TEST(what_a_scan_may_not_see_is_named)
{
    support_psql(
        url, "create foreign data wrapper far; create server far foreign data wrapper far;"
             "create foreign table wms.f (n int) server far;"
             "create table wms.t (" COLUMNS ", changed_at timestamptz);"
             "insert into wms.t values ('o-1', 'i', 2, 1, 0, now()), ('o-2', 'i', 2, 1, 0, null),"
             " (null, 'i', 2, 1, 0, null);"
             "create materialized view wms.m as select 1 as n;"
             "create view wms.v as select t.* from wms.t t where exists (select from wms.m)"
             " and case when false then exists (select from wms.f) else true end");
    look_at_feed("wms.v", true);
    expect(CHECK_WARN, "relation", "1 of 3 rows have no changed_at", "");
    expect(CHECK_WARN, "feed", "wms.m is a materialized view: what is refreshed later", "");
    expect(CHECK_WARN, "feed", "wms.f lies on another server, whose open transactions", "");
    expect_no(CHECK_WARN, "feed", "not fed");
    look_at("wms.v");
    expect_no(CHECK_WARN, "relation", "changed_at");
    look_at_feed("wms.t", true);
    expect_no(CHECK_WARN, "feed", "");
}
END_TEST

START_TEST(bad_rows_of_a_sample_are_counted_and_one_is_shown)
{
    support_psql(url, "create table wms.t (" COLUMNS "); insert into wms.t values"
                      " ('o-1', 'i-1', 2, 1, 0), ('o-2', 'i-1', 2, -1, 0), (null, 'i', 1, -1, 0)");
    look_at("wms.t");
    expect(CHECK_OK, "relation", "wms.t: 3 rows looked at, 1 without an order_id", "");
    expect(CHECK_WARN, "relation", "1 of 3 rows are bad", "");
    expect(CHECK_WARN, "relation", "order \"o-2\" item \"i-1\": shipped_quantity is negative: -1",
           "");
    support_psql(url, "truncate wms.t");
    look_at("wms.t");
    expect(CHECK_WARN, "relation", "wms.t is empty", "");
    expect(CHECK_OK, "look-up", "no large table", "");
    support_psql(url, "insert into wms.t values ('o-1', 'i-1', 2, 1, 0);"
                      "alter table wms.t enable row level security");
    look_at("wms.t");
    expect(CHECK_WARN, "relation",
           "wms.t is empty as this role sees it: query would be affected by row-level security"
           " policy for table \"t\"",
           "a policy");
}
END_TEST

START_TEST(whatever_a_run_calls_bad_is_bad)
{
    support_psql(url, "create table wms.t (" COLUMNS ", shipment_ref text, tracking_number text,"
                      " fulfillment_model text); insert into wms.t values"
                      " ('o-1', repeat('i', 1100), 2, 1, 0, '', null, null),"
                      " ('o-1', 'i-1', 2, 1, 0, repeat('r', 1100), null, null),"
                      " ('o-2', 'i-1', 2, 1, 0, '', repeat('t', 2100), null),"
                      " ('o-3', 'i-1', 2, 1, 0, '', null, 'weird'),"
                      " (repeat('o', 1001), 'i-1', 2, 1, 0, '', null, null),"
                      " ('o-4', 'i-1', 2, 1, 0, '', null, null),"
                      " ('o-4', 'i-1', 2, 1, 0, null, null, null),"
                      " ('o-5', 'i-1', 2, 1, 0, 'a', null, null),"
                      " ('o-5', 'i-1', 3, 1, 0, 'b', null, null),"
                      " ('o-6', 'i-1', 2, 1, 0, '', null, null),"
                      " ('o-6', 'i-2', 3, 1, 0, '', null, null)");
    look_at("wms.t");
    expect(CHECK_WARN, "relation", "9 of 11 rows are bad", "");
    support_psql(url, "delete from wms.t where order_id not in ('o-4', 'o-6')");
    look_at("wms.t");
    expect(CHECK_WARN, "relation", "order \"o-4\" item \"i-1\": 2 rows for one key", "");
}
END_TEST

START_TEST(quantities_that_events_tell_are_not_bad)
{
    support_psql(url,
                 "create table wms.t (" COLUMNS ", fulfillment_model text);"
                 "insert into wms.t values ('o-1', 'i-1', 2, null, null, 'distributed'),"
                 " ('o-2', 'i-1', 2, null, 0, 'distributed'), ('o-3', 'i-1', 2, null, null, null)");
    look_at("wms.t");
    expect(CHECK_WARN, "relation", "2 of 3 rows are bad", "");
    expect_no(CHECK_WARN, "relation", "o-1");
}
END_TEST

START_TEST(a_relation_that_raises_is_a_finding)
{
    support_psql(url, "create view wms.v as select 'o' as order_id, 'i' as item_id, 1 / (random() *"
                      " 0)::int as ordered_quantity, 1 as shipped_quantity, 0 as "
                      "cancelled_quantity");
    look_at("wms.v");
    expect(CHECK_FAIL, "relation", "division by zero", "");
}
END_TEST

static void
expect_index_mends(const char *relation, const char *detail, const char *index)
{
    look_at(relation);
    expect(CHECK_WARN, "look-up", detail, index);
    support_psql(url, index);
    support_psql(url, "analyze");
    look_at(relation);
    expect_no(CHECK_WARN, "look-up", detail);
}

START_TEST(the_index_that_a_look_up_lacks_is_named_and_mends_it)
{
    support_psql(
        url,
        "create table wms.t (" COLUMNS ");"
        "insert into wms.t select 'o-' || n, 'i', 1, 1, 0 from generate_series(1, 20000) n;"
        "create table wms.\"Orders\" (id bigint primary key, \"Api Id\" uuid, number int);"
        "create table wms.lines (id bigint primary key, order_no bigint, quantity int);"
        "insert into wms.\"Orders\" select n, gen_random_uuid(), n from generate_series(1, 20000) "
        "n;"
        "insert into wms.lines select n, n, 1 from generate_series(1, 40000) n;"
        "create view wms.v as select o.\"Api Id\" as order_id, l.id as item_id, l.quantity as"
        " ordered_quantity, 0 as shipped_quantity, 0 as cancelled_quantity from wms.\"Orders\" o"
        " join wms.lines l on l.order_no = o.id;"
        "create view wms.w as select o.number::text as order_id, 1 as item_id, 1 as"
        " ordered_quantity, 0 as shipped_quantity, 0 as cancelled_quantity from wms.\"Orders\" o;"
        "analyze");
    expect_index_mends("wms.t", "reads all 20000 rows of wms.t",
                       "create index on wms.t (order_id)");
    expect_index_mends("wms.v", "rows of wms.\"Orders\"",
                       "create index on wms.\"Orders\" (\"Api Id\")");
    expect_index_mends("wms.v", "reads all 40000 rows of wms.lines",
                       "create index on wms.lines (order_no)");
    expect_index_mends("wms.w", "rows of wms.\"Orders\"",
                       "create index on wms.\"Orders\" ((number::text))");
}
END_TEST

START_TEST(a_view_that_sums_up_first_is_told_apart_from_a_missing_index)
{
    support_psql(
        url,
        "create table wms.lines (id bigint primary key, order_no text, quantity int);"
        "create table wms.parcels (line bigint, quantity int); create index on wms.parcels (line);"
        "create index on wms.lines (order_no);"
        "insert into wms.lines select n, 'o-' || n, 1 from generate_series(1, 20000) n;"
        "insert into wms.parcels select n, 1 from generate_series(1, 40000) n;"
        "create view wms.v as select l.order_no as order_id, l.id as item_id, l.quantity as"
        " ordered_quantity, coalesce(p.sum, 0) as shipped_quantity, 0 as cancelled_quantity"
        " from wms.lines l left join (select line, sum(quantity) from wms.parcels group by line) p"
        " on p.line = l.id; analyze");
    look_at("wms.v");
    expect(CHECK_WARN, "look-up", "reads all 40000 rows of wms.parcels", "");
    expect(CHECK_WARN, "look-up", "hang the sums on the line with LATERAL", "");
}
END_TEST

START_TEST(a_function_is_called_once_and_what_it_raises_is_a_finding)
{
    support_psql(url,
                 "create table wms.t (" COLUMNS "); create table wms.calls (at timestamptz);"
                 "set search_path = wms;"
                 "create function wms.f(text[]) returns setof wms.t language sql stable as"
                 " 'select * from t where order_id = any ($1)';"
                 "create function wms.g(text[]) returns setof wms.t language plpgsql as"
                 " $$ begin insert into wms.calls select now(); return query table wms.t; end $$;"
                 "grant insert on wms.calls to test_checker");
    look_at("wms.f");
    expect(CHECK_FAIL, "relation", "relation \"t\" does not exist", "with their schema");
    look_at("wms.g");
    expect(CHECK_OK, "relation", "called for 0 orders of the ledger, it gives 0 rows", "");
    support_query_is(url, "select count(*) from wms.calls", "0");
}
END_TEST

START_TEST(of_a_function_nothing_is_claimed)
{
    support_psql(url,
                 "create table wms.t (" COLUMNS "); create function wms.f(text[]) returns setof "
                 "wms.t language sql as 'table wms.t'");
    look_at("wms.f");
    expect(CHECK_OK, "relation", "can't be seen", "");
    expect(CHECK_WARN, "feed", "can't be seen", "");
}
END_TEST

START_TEST(the_list_is_bounded)
{
    for (int i = 0; i < 1000; i++)
        ck_assert(check_add(&list, CHECK_OK, "what", NULL, "%2000d\n", i));
    ck_assert_int_eq(list.count, 200);
    ck_assert_str_eq(list.list[0].mend, "");
    check_free(&list);
    ck_assert_int_eq(list.count, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("check");
    TCase *tcase;

    support_need_database();
    tcase = support_case(suite, "check", 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_fresh_ledger_lacks_its_baseline_and_nothing_else);
    tcase_add_test(tcase, a_paused_or_moved_ledger_is_named_and_left_as_it_is);
    tcase_add_test(tcase, a_ledger_that_stopped_itself_is_to_be_understood_and_not_resumed);
    tcase_add_test(tcase, each_missing_privilege_comes_with_its_grant);
    tcase_add_test(tcase, a_scan_needs_to_see_other_sessions);
    tcase_add_test(tcase, a_broken_feed_comes_with_the_call_that_mends_it);
    tcase_add_test(tcase, an_old_queue_entry_is_named);
    tcase_add_test(tcase, the_tables_below_a_view_are_found_through_views);
    tcase_add_test(tcase, what_a_scan_may_not_see_is_named);
    tcase_add_test(tcase, bad_rows_of_a_sample_are_counted_and_one_is_shown);
    tcase_add_test(tcase, whatever_a_run_calls_bad_is_bad);
    tcase_add_test(tcase, quantities_that_events_tell_are_not_bad);
    tcase_add_test(tcase, a_relation_that_raises_is_a_finding);
    tcase_add_test(tcase, the_index_that_a_look_up_lacks_is_named_and_mends_it);
    tcase_add_test(tcase, a_view_that_sums_up_first_is_told_apart_from_a_missing_index);
    tcase_add_test(tcase, a_function_is_called_once_and_what_it_raises_is_a_finding);
    tcase_add_test(tcase, of_a_function_nothing_is_claimed);
    tcase_add_test(tcase, the_list_is_bounded);
    return support_run_suite(suite);
}
