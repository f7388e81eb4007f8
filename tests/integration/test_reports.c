#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/baseline.h"
#include "ledger/init.h"
#include "ledger/report.h"
#include "support/support.h"

static char url[SUPPORT_URL_MAX];
static struct ledger *ledger;
static struct error err;

static void
setup(void)
{
    struct ledger_options session = {.url = url,
                                     .schema = "waybill",
                                     .application_name = "waybill test",
                                     .statement_timeout_ms = 60000,
                                     .connect_timeout_ms = 5000};
    struct ledger_init_options options = {.session = &session};
    struct ledger_init_result result;

    error_clear(&err);
    ledger = NULL;
    support_database_create(url);
    ck_assert_msg(ledger_init(&options, &result, &err), "%s: %s", err.context, err.message);
    ck_assert_msg(ledger_open(&ledger, &session, &err), "%s: %s", err.context, err.message);
}

static void
teardown(void)
{
    ledger_close(ledger);
}

/* What is promised, in its order; more may follow. */
static const struct {
    const char *view;
    const char *columns;
} promised[] = {
    {"line_items",
     "order_id,item_id,shipment_ref,ordered,shipped,cancelled,posted_shipped,posted_cancelled,"
     "open_shipped,open_cancelled,due_shipped,due_cancelled,status,reason"},
    {"submissions",
     "submission_id,marker,order_id,shipment_ref,state,attempts,http_status,error_code,"
     "error_message,request_id,fulfillment_id,settled_by,looks,worker,run_id,created_at,"
     "first_sent_at,unknown_since,settled_at,next_attempt_at"},
    {"submission_items",
     "submission_id,marker,order_id,item_id,shipment_ref,shipped,cancelled,state"},
    {"attempts", "submission_id,attempt,kind,worker,sent,started_at,finished_at,outcome,"
                 "http_status,error,request_id"},
    {"orders", "order_id,upstream_id,state,state_since,captured_amount,cancelled_amount,"
               "checked_at,complete_at"},
    {"discrepancies", "discrepancy_id,kind,order_id,item_id,shipment_ref,submission_id,detail,"
                      "opened_at,closed_at,closed_by,reason"},
    {"adjustments", "adjustment_id,kind,order_id,item_id,shipment_ref,shipped,cancelled,"
                    "fulfillment_id,made_at,made_by,reason"},
    {"runs", "run_id,host,started_at,finished_at,planned,accepted,rejected,unknown,"
             "missed_by_feed,exit_code,error"},
    {"backlog", "state,submissions,units,oldest,next_due"},
    {"hourly", "hour,accepted,rejected,retried,p50_ms,p95_ms,p99_ms,bar"},
    {"health", "mode"},
};

START_TEST(every_promised_column_is_there_in_its_order)
{
    char sql[512];
    char *columns;

    (void)snprintf(sql, sizeof(sql),
                   "select string_agg(attname, ',' order by attnum) from pg_attribute"
                   " where attrelid = 'waybill.report_%s'::regclass and attnum > 0",
                   promised[_i].view);
    columns = support_query_text(url, sql);
    ck_assert_msg(strncmp(columns, promised[_i].columns, strlen(promised[_i].columns)) == 0,
                  "report_%s has %s", promised[_i].view, columns);
    free(columns);
}
END_TEST

START_TEST(every_report_and_each_of_its_columns_has_a_comment)
{
    support_query_is(
        url,
        "select c.relname || coalesce('.' || a.attname, '') from pg_class c"
        "  left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
        " where c.relnamespace = 'waybill'::regnamespace and c.relname like 'report\\_%'"
        "   and c.relkind = 'v'"
        "   and (obj_description(c.oid, 'pg_class') is null"
        "        or coalesce(col_description(c.oid, a.attnum), '') = '')",
        "");
    ck_assert_int_ge(support_query_int(url, "select count(*) from pg_class where relkind = 'v' and"
                                            " relnamespace = 'waybill'::regnamespace"),
                     report_count());
}
END_TEST

static int64_t
read_all(const char *name, const char *order_id)
{
    struct report *report = NULL;
    int64_t count = 0;
    int piece;

    ck_assert_msg(report_open(ledger, report_find(name), order_id, &report, &err), "%s: %s",
                  err.context, err.message);
    do {
        struct pg_rows *rows = NULL;

        ck_assert_msg(report_next(report, &rows, &err), "%s", err.message);
        piece = pg_rows_count(rows);
        ck_assert(piece == 0 || pg_rows_columns(rows) == report_columns(report));
        count += piece;
        pg_rows_free(rows);
    } while (piece > 0);
    report_close(report);
    return count;
}

START_TEST(every_report_can_be_read_in_pieces_one_after_the_other)
{
    for (int i = 0; i < report_count(); i++) {
        (void)read_all(report_name(i), NULL);
        if (report_is_by_order(i))
            ck_assert_int_eq(read_all(report_name(i), "o'\\x"), 0);
    }
    ck_assert_int_eq(read_all("backlog", NULL), 4);
    ck_assert_int_eq(read_all("health", NULL), 1);
    ck_assert_int_eq(report_find("nonesuch"), -1);
}
END_TEST

/* Rows as evaluated once, without a gate: (order, item, parcel, ordered, shipped, cancelled). */
static void
plan(const char *readings)
{
    char sql[2048];

    (void)snprintf(
        sql, sizeof(sql),
        "set search_path = waybill, pg_temp;"
        "select plan_orders(null, array['o'], array(select row('o', i, p, o, s, c, 0,"
        " null, null, null, null, null, null)::reading from (values %s) v(i, p, o, s, c)),"
        " false, false, 0, 0, 0, 100)",
        readings);
    support_psql(url, sql);
}

static void
expect_line(const char *item, const char *parcel, const char *expected)
{
    char sql[512];

    (void)snprintf(sql, sizeof(sql),
                   "select concat_ws(' ', shipped, posted_shipped, open_shipped,"
                   " coalesce(due_shipped::text, 'null'), status) from waybill.report_line_items"
                   " where order_id = 'o' and item_id = '%s' and shipment_ref = '%s'",
                   item, parcel);
    support_query_is(url, sql, expected);
}

static void
accept_all(void)
{
    support_psql(url, "update waybill.submissions set state = 'accepted', settled_at = now(),"
                      " settled_by = 'answer', fulfillment_id = 'f' || submission_id,"
                      " next_attempt_at = null where state = 'planned'");
}

/* No table was analyzed yet, and what is dear to plan is dear to read once it is compiled. */
START_TEST(no_report_looks_dear_in_a_new_ledger)
{
    support_psql(url, "do $$ declare name text; plan json; begin"
                      " for name in select viewname from pg_views where schemaname = 'waybill'"
                      "   and viewname like 'report\\_%' and viewname <> 'report_line_items' loop"
                      "  execute 'explain (format json) select * from waybill.' || name into plan;"
                      "  assert (plan -> 0 -> 'Plan' ->> 'Total Cost')::numeric < 100000,"
                      "   name || ' costs ' || (plan -> 0 -> 'Plan' ->> 'Total Cost');"
                      " end loop; end $$");
}
END_TEST

START_TEST(a_row_tells_where_its_units_are)
{
    plan("('a', 'p', 5, 3, 0), ('b', 'p', 5, -1, 0), ('c', 'p', 2, 3, 0), ('d', 'p', 1, 0, 0)");
    expect_line("a", "p", "3 0 3 0 open");
    expect_line("b", "p", "0 0 null discrepancy"); /* a bad row shows null */
    expect_line("c", "p", "3 0 0 3 discrepancy");
    expect_line("d", "p", "0 0 0 0 done");
    support_query_is(url,
                     "select reason from waybill.report_line_items where item_id in ('a', 'c', 'd')"
                     " order by item_id",
                     "submission 1 is planned\n"
                     "over_quantity: 3 shipped and 0 cancelled, but only 2 ordered\n");
    accept_all();
    expect_line("a", "p", "3 3 0 0 done");
    plan("('b', 'p', 5, -1, 0)");
    expect_line("a", "p", "3 3 0 0 gone");
}
END_TEST

START_TEST(what_is_tried_again_waits_for_the_key_too)
{
    plan("('a', 'p', 5, 3, 0)");
    support_psql(url, "update waybill.submissions set tries = 1,"
                      " next_attempt_at = '2100-01-01 12:00:00Z';"
                      "update waybill.api_key set blocked_until = '2100-01-01 12:00:27Z'");
    support_query_is(url,
                     "select reason like 'submission 1 is tried again at 2100-01-01 __:__:27 %'"
                     "  from waybill.report_line_items",
                     "t");
}
END_TEST

START_TEST(a_held_and_a_parked_row_say_so_though_they_have_a_discrepancy)
{
    plan("('a', 'p', 5, 3, 0), ('b', 'q', 5, 2, 0)");
    support_psql(
        url, "update waybill.submissions set state = 'held', held_by = 'attempts',"
             " next_attempt_at = null where shipment_ref = 'p';"
             "update waybill.submissions set state = 'sending', next_attempt_at = null,"
             " claim_token = gen_random_uuid(), claim_expires_at = now() where shipment_ref = 'q';"
             "set search_path = waybill, pg_temp;"
             "select settle(null, null, jsonb_build_array(jsonb_build_object('kind', 'post',"
             " 'marker', marker, 'claim_token', claim_token, 'next', 'rejected', 'outcome',"
             " 'refused', 'sent', true, 'started_at', now(), 'http_status', 400, 'error_code',"
             " 'invalid_parameter', 'error_message', 'no', 'counts', true, 'discrepancy',"
             " 'rejected', 'detail', 'no'))) from submissions where shipment_ref = 'q';"
             "insert into discrepancies (kind, order_id, submission_id, detail)"
             " select 'attempts', 'o', submission_id, 'x' from submissions where state = 'held'");
    expect_line("a", "p", "3 0 3 0 held");
    expect_line("b", "q", "2 0 0 2 parked");
    support_query_is(url, "select reason from waybill.report_line_items where item_id = 'b'",
                     "refused as submission 2: invalid_parameter: no; waits for a change or for"
                     " retry");
    support_query_is(
        url, "select count(*) from waybill.report_line_items where discrepancy_id is null", "0");
    support_query_is(url,
                     "select string_agg(state || ' ' || submissions || ' ' || units, ', ')"
                     "  from waybill.report_backlog",
                     "planned 0 0, sending 0 0, unknown 0 0, held 1 3");
}
END_TEST

START_TEST(units_of_a_renamed_parcel_are_not_due_again)
{
    plan("('a', 'old', 5, 3, 0)");
    accept_all();
    /* as read, but not planned yet */
    support_psql(url, "insert into waybill.rows (order_id, item_id, shipment_ref, ordered, shipped,"
                      " cancelled) values ('o', 'a', 'new', 5, 3, 0), ('o', 'a', 'new2', 5, 1, 0);"
                      "update waybill.rows set is_present = false where shipment_ref = 'old'");
    expect_line("a", "old", "3 3 0 0 gone");
    expect_line("a", "new", "3 0 0 0 done");
    expect_line("a", "new2", "1 0 0 1 due");
}
END_TEST

START_TEST(discrepancies_show_null_for_what_they_are_not_about)
{
    support_psql(url, "insert into waybill.discrepancies (kind, shipment_ref, detail) values"
                      " ('feed_broken', 't', 'x'); insert into waybill.discrepancies (kind,"
                      " order_id, detail, is_note, closed_at, closed_by) values ('moved', 'o', 'y',"
                      " true, now(), 'note')");
    support_query_is(url,
                     "select concat_ws('/', kind, coalesce(order_id, 'null'), coalesce(item_id,"
                     " 'null'), coalesce(shipment_ref, 'null'), coalesce(submission_id::text,"
                     " 'null'), is_note) from waybill.report_discrepancies order by 1",
                     "feed_broken/null/null/t/null/f\nmoved/o/null/null/null/t");
    support_query_is(url, "select open_discrepancies from waybill.report_health", "1");
}
END_TEST

START_TEST(an_order_s_story_is_told_in_the_order_of_time)
{
    struct pg_rows *rows = NULL;

    plan("('a', 'p', 5, 3, 0)");
    accept_all();
    ck_assert_msg(report_order(ledger, "o", &rows, &err), "%s", err.message);
    ck_assert_int_eq(pg_rows_count(rows), 3);
    ck_assert_str_eq(pg_rows_text(rows, 0, 1), "planned");
    ck_assert_str_eq(pg_rows_text(rows, 1, 1), "accepted");
    ck_assert_str_eq(pg_rows_text(rows, 2, 1), "now");
    pg_rows_free(rows);
    rows = NULL;
    ck_assert(report_order(ledger, "nonesuch", &rows, &err));
    ck_assert_int_eq(pg_rows_count(rows), 0);
    pg_rows_free(rows);
}
END_TEST

/* Ten years of attempts must not be read for one order's. */
START_TEST(attempts_of_one_order_are_found_through_its_submissions)
{
    support_psql(url, "create function begins_with_order() returns boolean language plpgsql "
                      "set enable_seqscan = off as $$ declare line text; begin "
                      "for line in explain select * from waybill.report_attempts "
                      "where order_id = 'o' loop "
                      "if line like '%on submissions%' and line not like '%submissions_order%' "
                      "then return false; end if; end loop; return true; end $$");
    support_query_is(url, "select begins_with_order()", "t");
}
END_TEST

START_TEST(the_status_reads_a_ledger_in_every_state)
{
    struct report_status status;

    ck_assert_msg(report_status_read(ledger, &status, &err), "%s: %s", err.context, err.message);
    ck_assert_int_eq(pg_rows_count(status.backlog), 4);
    report_status_free(&status);
    plan("('a', 'p', 5, 3, 0), ('c', 'p', 2, 3, 0)");
    support_psql(url, "select waybill.run_begin('run', 'h', 1, '0')");
    ck_assert_msg(report_status_read(ledger, &status, &err), "%s: %s", err.context, err.message);
    ck_assert_int_eq(pg_rows_count(status.discrepancies), 1);
    ck_assert_int_eq(pg_rows_count(status.runs), 1);
    report_status_free(&status);
}
END_TEST

static const char view_sql[] =
    "create view public.items as select * from (values"
    " ('o1', 'a', 5, 3, 1, timestamptz '2026-01-01'), ('o1', 'b', 5, 2, 0, '2026-03-01'),"
    " ('o2', 'a', 5, 4, 0, '2026-02-01'), ('', 'x', 1, 1, 0, '2026-01-01'),"
    " ('o3', 'later', 5, -4, 0, '2026-03-01')) v(order_id, item_id, ordered_quantity,"
    " shipped_quantity, cancelled_quantity, changed_at)";

static struct warehouse *
warehouse(void)
{
    struct warehouse *out = NULL;

    ck_assert_msg(warehouse_open(ledger, "public.items", false, &out, &err), "%s", err.message);
    return out;
}

static const struct baseline_options by_anna = {.who = "anna"};

START_TEST(a_baseline_from_the_warehouse_settles_what_it_shows)
{
    struct baseline_result result;
    struct warehouse *from;

    support_psql(url, view_sql);
    from = warehouse();
    ck_assert(!baseline_warehouse(ledger, from, NULL, &by_anna, &result, &err));
    ck_assert_int_eq(err.code, ERROR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "o3 later (shipped_quantity is negative: -4)"));
    error_clear(&err);
    support_psql(
        url, "create view public.good_items as select * from public.items where order_id <> 'o3'");
    warehouse_free(from);
    from = NULL;
    ck_assert_msg(warehouse_open(ledger, "public.good_items", false, &from, &err), "%s",
                  err.message);
    ck_assert_msg(baseline_warehouse(ledger, from, NULL, &by_anna, &result, &err), "%s: %s",
                  err.context, err.message);
    ck_assert_int_eq(result.units, 10);
    ck_assert_int_eq(result.lines, 3);
    support_query_is(
        url,
        "select string_agg(concat_ws(' ', kind, order_id, item_id, shipped, cancelled),"
        " ', ' order by order_id, item_id) from waybill.report_adjustments",
        "baseline o1 a 3 1, baseline o1 b 2 0, baseline o2 a 4 0");
    support_query_is(url, "select mode from waybill.report_health", "live");
    ck_assert(!baseline_warehouse(ledger, from, NULL, &by_anna, &result, &err));
    ck_assert_int_eq(err.code, ERROR_STATE);
    error_clear(&err);
    ck_assert(!baseline_nothing(ledger, NULL, &by_anna, &result, &err));
    ck_assert_int_eq(err.code, ERROR_STATE);
    warehouse_free(from);
}
END_TEST

START_TEST(a_baseline_before_a_time_leaves_later_rows_due)
{
    struct baseline_result result;
    struct warehouse *from;

    support_psql(url, view_sql);
    from = warehouse();
    ck_assert(!baseline_warehouse(ledger, from, "last tuesday-ish", &by_anna, &result, &err));
    ck_assert_int_eq(err.code, ERROR_USAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "got \"last tuesday-ish\""));
    error_clear(&err);
    support_query_is(url, "select mode from waybill.report_health", "new");
    ck_assert_msg(baseline_warehouse(ledger, from, "2026-02-15", &by_anna, &result, &err), "%s: %s",
                  err.context, err.message);
    ck_assert_int_eq(result.units, 8);
    warehouse_free(from);
}
END_TEST

START_TEST(a_baseline_before_a_time_needs_changed_at)
{
    struct baseline_result result;
    struct warehouse *from;

    support_psql(url, "create view public.items as select 'o' as order_id, 'i' as item_id,"
                      " 1 as ordered_quantity, 1 as shipped_quantity, 0 as cancelled_quantity");
    from = warehouse();
    ck_assert(!baseline_warehouse(ledger, from, "2026-02-15", &by_anna, &result, &err));
    ck_assert_int_eq(err.code, ERROR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "changed_at"));
    warehouse_free(from);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("reports");
    TCase *tcase;

    support_need_database();
    tcase = support_case(suite, "reports", 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, every_promised_column_is_there_in_its_order, 0,
                        sizeof(promised) / sizeof(promised[0]));
    tcase_add_test(tcase, every_report_and_each_of_its_columns_has_a_comment);
    tcase_add_test(tcase, every_report_can_be_read_in_pieces_one_after_the_other);
    tcase_add_test(tcase, no_report_looks_dear_in_a_new_ledger);
    tcase_add_test(tcase, a_row_tells_where_its_units_are);
    tcase_add_test(tcase, what_is_tried_again_waits_for_the_key_too);
    tcase_add_test(tcase, a_held_and_a_parked_row_say_so_though_they_have_a_discrepancy);
    tcase_add_test(tcase, units_of_a_renamed_parcel_are_not_due_again);
    tcase_add_test(tcase, discrepancies_show_null_for_what_they_are_not_about);
    tcase_add_test(tcase, an_order_s_story_is_told_in_the_order_of_time);
    tcase_add_test(tcase, attempts_of_one_order_are_found_through_its_submissions);
    tcase_add_test(tcase, the_status_reads_a_ledger_in_every_state);
    tcase_add_test(tcase, a_baseline_from_the_warehouse_settles_what_it_shows);
    tcase_add_test(tcase, a_baseline_before_a_time_leaves_later_rows_due);
    tcase_add_test(tcase, a_baseline_before_a_time_needs_changed_at);
    return support_run_suite(suite);
}
