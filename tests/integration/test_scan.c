#include <stdio.h>
#include <stdlib.h>

#include "support/shop.h"

/* change_feed: scan. Rows are found by changed_at, whatever else is wrong with others of them. */

static struct shop shop;

static void
setup(void)
{
    shop_begin(&shop, 4);
    support_psql(shop.url,
                 "create table shop.notes (order_id text primary key, more text, at text,"
                 " model text, shipment_id text);"
                 "create view shop.noted as"
                 " select l.order_id, l.item_id, l.shipment_ref, l.ordered_quantity,"
                 "   l.shipped_quantity + coalesce(n.more::int, 0) as shipped_quantity,"
                 "   l.cancelled_quantity, coalesce(n.at::timestamptz, l.changed_at) as changed_at,"
                 "   n.model as fulfillment_model, n.shipment_id"
                 " from shop.lines l left join shop.notes n on n.order_id = l.order_id");
    shop_ships(&shop, "('o1', 'a', '', 2, 0), ('o2', 'a', '', 2, 0), ('o3', 'a', '', 2, 0)");
    shop_use(&shop, "waybill", "shop.noted\n  change_feed: scan", NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 3);
}

static void
teardown(void)
{
    shop_end(&shop);
}

static void
unreadable_are(const char *orders)
{
    support_query_is(shop.url,
                     "select string_agg(order_id, ' ' order by order_id)"
                     " from waybill.report_discrepancies"
                     " where kind = 'unreadable' and closed_at is null",
                     orders);
}

START_TEST(a_row_that_cannot_be_read_stops_its_own_order_only)
{
    char *watermark = support_query_text(shop.url, "select scan_watermark from waybill.feed_state");
    char sql[200];

    support_psql(shop.url, "insert into shop.notes (order_id, more) values ('o1', 'many')");
    shop_ships(&shop, "('o1', 'a', '', 3, 0), ('o4', 'a', '', 2, 0)");
    shop_must(&shop, 1, "run");
    shop_warned(&shop, "event=scan_uncompared");
    unreadable_are("o1");
    ck_assert_int_eq(shop_applied(&shop), 4);
    (void)snprintf(sql, sizeof(sql), "select scan_watermark > '%s' from waybill.feed_state",
                   watermark);
    support_query_is(shop.url, sql, "t");
    free(watermark);

    support_psql(shop.url, "delete from shop.notes");
    shop_ships(&shop, "('o1', 'a', '', 4, 0)");
    shop_must(&shop, 0, "run");
    unreadable_are("");
    ck_assert_int_eq(shop_applied(&shop), 5);
}
END_TEST

START_TEST(a_scan_that_cannot_be_made_is_replaced_by_a_sweep)
{
    char *watermark = support_query_text(shop.url, "select scan_watermark from waybill.feed_state");

    support_psql(shop.url, "insert into shop.notes (order_id, at) values ('o1', 'some day');"
                           "select waybill.touch('o2');"
                           "update waybill.feed_state set last_sweep_at = now() - interval '2 h'");
    shop_ships(&shop, "('o2', 'a', '', 3, 0), ('o4', 'a', '', 2, 0)");
    shop_must(&shop, 0, "run");
    shop_warned(&shop, "event=scan_failed");
    ck_assert_int_eq(shop_applied(&shop), 4);
    support_query_is(shop.url, "select scan_watermark from waybill.feed_state", watermark);
    free(watermark);
    support_query_is(shop.url, "select sweep_wanted from waybill.feed_state", "the scan failed");
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 5);
    shop_must(&shop, 0, "run");
    support_query_is(shop.url, "select sweep_wanted is null from waybill.feed_state", "t");
}
END_TEST

START_TEST(who_fulfills_a_row_is_a_change_of_it)
{
    support_psql(shop.url,
                 "insert into shop.notes (order_id, model) values ('o4', 'orchestrated')");
    shop_ships(&shop, "('o4', 'a', '', 2, 0)");
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 3);
    support_psql(shop.url, "delete from shop.notes");
    shop_ships(&shop, "('o4', 'a', '', 2, 0)");
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 4);

    /* The other way round, and one that only a sweep can find. */
    support_psql(shop.url, "insert into shop.notes (order_id, model, shipment_id) values"
                           " ('o1', 'orchestrated', null), ('o2', null, 's2'),"
                           " ('o3', 'orchestrated', null);"
                           "update shop.lines set changed_at = now() - interval '1 d'"
                           " where order_id = 'o3'");
    shop_ships(&shop, "('o1', 'a', '', 2, 0), ('o2', 'a', '', 2, 0)");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url,
                     "select order_id, model, shipment_id from waybill.rows order by order_id",
                     "o1|orchestrated|\no2|third_party|s2\no3|third_party|\no4|third_party|");
    shop_must(&shop, 0, "run", "--sweep");
    support_query_is(shop.url, "select model from waybill.rows where order_id = 'o3'",
                     "orchestrated");
    shop_must(&shop, 0, "run", "--sweep");
    support_query_is(shop.url, "select looked_at from waybill.runs order by run_id desc limit 1",
                     "0");
}
END_TEST

START_TEST(a_transaction_that_is_not_tracked_holds_it_back)
{
    char sql[1200];

    (void)snprintf(
        sql, sizeof(sql),
        "create extension dblink;"
        "do $$ begin"
        "  perform dblink_connect('hidden', '%s&application_name=hidden');"
        "  perform dblink_exec('hidden', 'set track_activities = off');"
        "  assert (select b.bound is not null from waybill.scan_bound() b), 'it is idle';"
        "  perform dblink_exec('hidden', 'begin');"
        "  perform pg_stat_clear_snapshot();"
        "  assert (select b.bound is null and b.held_by like '%%hidden)' from waybill.scan_bound() "
        "b),"
        "    'it may have written';"
        "  perform dblink_exec('hidden', 'commit');"
        "  perform pg_stat_clear_snapshot();"
        "  assert (select b.bound is not null from waybill.scan_bound() b), 'it has ended';"
        "  perform dblink_disconnect('hidden');"
        "end $$",
        shop.url);
    support_psql(shop.url, sql);
}
END_TEST

START_TEST(without_an_overlap_a_transaction_that_was_open_meanwhile_is_found)
{
    struct support_process process;
    const char *const argv[] = {"psql",
                                "-X",
                                "-q",
                                "-d",
                                shop.url,
                                "-c",
                                "do $$ begin"
                                "  insert into shop.lines (order_id, item_id, shipment_ref,"
                                "   shipped_quantity, cancelled_quantity) values ('o4','a','',2,0);"
                                "  while not exists (select from shop.go) loop"
                                "    perform pg_sleep(0.01); end loop; end $$",
                                NULL};

    shop_use(&shop, "waybill",
             "shop.lines\n  change_feed: scan\n  scan_overlap_ms: 0\n  sweep_interval_ms: 0", NULL);
    support_psql(shop.url, "create table shop.go ()");
    support_spawn(&process, argv, NULL);
    support_wait_query(shop.url,
                       "select count(*) from pg_locks where relation = 'shop.lines'::regclass"
                       " and mode = 'RowExclusiveLock' and granted",
                       "1", 60000);
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 3);
    support_psql(shop.url, "insert into shop.go default values");
    ck_assert_int_eq(support_wait_exit(&process, 60000), 0);
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 4);
    shop_must(&shop, 0, "run");
    shop_said(&shop, "looked at 0");
}
END_TEST

START_TEST(who_holds_it_back_is_named_when_nobody_sees_since_when)
{
    char *watermark = support_query_text(shop.url, "select scan_watermark from waybill.feed_state");
    char hidden[SUPPORT_URL_MAX + 40];
    struct support_process process;

    (void)snprintf(hidden, sizeof(hidden), "%s&application_name=hidden", shop.url);
    const char *const argv[] = {"psql",
                                "-X",
                                "-q",
                                "-d",
                                hidden,
                                "-c",
                                "set track_activities = off",
                                "-c",
                                "select pg_sleep(600)",
                                NULL};
    support_spawn(&process, argv, NULL);
    support_wait_query(shop.url, "select b.bound is null from waybill.scan_bound() b", "t", 60000);
    shop_must(&shop, 0, "run");
    shop_ships(&shop, "('o4', 'a', '', 2, 0)");
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 4);
    support_query_is(shop.url, "select scan_watermark from waybill.feed_state", watermark);
    shop_must(&shop, 0, "status");
    shop_said(&shop, "hidden)");
    support_psql(shop.url, "select pg_terminate_backend(pid) from pg_stat_activity"
                           " where application_name = 'hidden'");
    ck_assert_int_ne(support_wait_exit(&process, 60000), 0);
    free(watermark);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("scan");

    support_need_database();
    SUPPORT_CASE(suite, 120, setup, teardown, a_row_that_cannot_be_read_stops_its_own_order_only);
    SUPPORT_CASE(suite, 120, setup, teardown, a_scan_that_cannot_be_made_is_replaced_by_a_sweep);
    SUPPORT_CASE(suite, 120, setup, teardown, who_fulfills_a_row_is_a_change_of_it);
    SUPPORT_CASE(suite, 120, setup, teardown, a_transaction_that_is_not_tracked_holds_it_back);
    SUPPORT_CASE(suite, 120, setup, teardown,
                 without_an_overlap_a_transaction_that_was_open_meanwhile_is_found);
    SUPPORT_CASE(suite, 120, setup, teardown,
                 who_holds_it_back_is_named_when_nobody_sees_since_when);
    return support_run_suite(suite);
}
