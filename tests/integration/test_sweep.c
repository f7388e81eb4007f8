#include <stdio.h>
#include <string.h>

#include "support/shop.h"

/*
 * Sweeps over a relation of several pieces, with a row that can't be read: what they cost, what
 * they leave for later, and what is done meanwhile.
 */

#define ORDERS "12000" /* six pieces */

static struct shop shop;

/* The view divides by a note, and calls shop.look for each row that is read, whoever asks for what.
 */
static void
setup(void)
{
    shop_begin(&shop, 45);
    support_psql(
        shop.url,
        "do $$ begin"
        "  execute format('alter database %I set enable_seqscan = off', current_database());"
        " end $$;"
        "alter table shop.lines add note int not null default 1;"
        "create sequence shop.reads;"
        "create function shop.look(text) returns boolean volatile language sql"
        " as $$ select nextval('shop.reads') > 0 $$;"
        "create view shop.noted as select l.order_id, l.item_id, l.shipment_ref,"
        "   l.ordered_quantity, l.shipped_quantity / l.note as shipped_quantity,"
        "   l.cancelled_quantity"
        " from shop.lines l where shop.look(l.order_id)");
}

static void
teardown(void)
{
    shop_end(&shop);
}

/* Settled orders, in the order of their keys before o1. */
static void
begin(const char *settled)
{
    char sql[300];

    (void)snprintf(sql, sizeof(sql),
                   "insert into shop.lines (order_id, item_id, shipment_ref, shipped_quantity,"
                   " cancelled_quantity) select %s, 'a', '', 1, 0 from generate_series(1, " ORDERS
                   ") n;"
                   "analyze shop.lines",
                   settled);
    support_psql(shop.url, sql);
    shop_use(&shop, "waybill", "shop.noted", NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "warehouse");
    shop_must(&shop, 0, "run");
}

/* How often a row was read since this was asked last, at most so many times for each order. */
static void
reads_are_below(int times)
{
    char sql[120];

    (void)snprintf(sql, sizeof(sql), "select last_value < %d * " ORDERS " from shop.reads", times);
    support_query_is(shop.url, sql, "t");
    support_psql(shop.url, "alter sequence shop.reads restart");
}

START_TEST(a_bad_row_makes_a_sweep_read_its_relation_a_few_times_and_not_once_for_each_piece)
{
    begin("'n' || lpad(n::text, 5, '0')");
    support_psql(shop.url, "update shop.lines set note = 0 where order_id = 'n12000';"
                           "alter sequence shop.reads restart");
    shop_must(&shop, 1, "run", "--sweep");
    shop_warned(&shop, "event=sweep_in_pieces");
    /* As a whole in vain, its keys, and what has no order id; then each piece, and halves of one.
     */
    reads_are_below(5);
}
END_TEST

START_TEST(an_order_that_is_known_as_unreadable_spoils_no_further_sweep)
{
    begin("'n' || lpad(n::text, 5, '0')");
    support_psql(shop.url, "update shop.lines set note = 0 where order_id = 'n12000'");
    shop_must(&shop, 1, "run", "--sweep");
    shop_ships(&shop, "('o2', 'a', '', 2, 0)");
    support_psql(shop.url, "alter sequence shop.reads restart");
    shop_must(&shop, 0, "run", "--sweep");
    ck_assert_ptr_null(strstr(shop.errors, "sweep_in_pieces"));
    reads_are_below(3);
    ck_assert_int_eq(shop_applied(&shop), 1);
    support_query_is(shop.url,
                     "select string_agg(kind || ' ' || order_id, ',')"
                     " from waybill.report_discrepancies where closed_at is null",
                     "unreadable n12000");
}
END_TEST

START_TEST(rows_that_are_known_as_bad_are_no_news_to_a_sweep)
{
    support_psql(
        shop.url,
        "create view shop.bad as select l.*, case item_id when 't' then repeat('t', 2100)"
        "   end as tracking_number,"
        "   case item_id when 'm' then 'weird' end as fulfillment_model from shop.lines l");
    shop_ships(&shop, "('o1', repeat('i', 1100), '', 1, 0), ('o1', 'a', repeat('r', 1100), 1, 0),"
                      " ('o2', 't', '', 1, 0), ('o3', 'm', '', 1, 0), ('o4', 'a', '', 11, -1),"
                      " (repeat('o', 700), repeat('i', 900), repeat('r', 900), 1, 0),"
                      " (repeat('o', 1001), 'a', '', 1, 0)");
    shop_use(&shop, "waybill", "shop.bad", NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_must(&shop, 1, "run");
    support_query_is(shop.url,
                     "select string_agg(kind || ' ' || n, ', ' order by kind) from (select kind,"
                     " count(*) as n from waybill.report_discrepancies where closed_at is null"
                     " group by kind) d",
                     "bad_row 6, unreadable 1");
    shop_must(&shop, 0, "run", "--sweep");
    support_query_is(shop.url,
                     "select looked_at, missed_by_feed from waybill.runs"
                     " order by run_id desc limit 1",
                     "0|0");
    /* What is mended is. */
    support_psql(shop.url, "update shop.lines set item_id = 'b' where item_id = 't';"
                           "update shop.lines set shipped_quantity = 1, cancelled_quantity = 0"
                           " where order_id = 'o4'");
    shop_must(&shop, 0, "run", "--sweep");
    ck_assert_int_eq(shop_applied(&shop), 2);
}
END_TEST

/* shop.seen tells of each look at one order whether o2 had been read by the planner; another look
 * queues it. */
static void
see_whether_planned(const char *at_order, const char *touches_at)
{
    char sql[600];

    shop_ships(&shop, "('o2', 'a', '', 2, 0)");
    (void)snprintf(sql, sizeof(sql),
                   "create table shop.seen (is_planned boolean);"
                   "create or replace function shop.look(text) returns boolean"
                   " volatile language plpgsql as $$ begin"
                   " if $1 = '%s' then perform waybill.touch('o2'); end if;"
                   " if $1 = '%s' then insert into shop.seen"
                   "  select exists (select from waybill.rows where order_id = 'o2'); end if;"
                   " return true; end $$",
                   touches_at, at_order);
    support_psql(shop.url, sql);
}

START_TEST(what_is_queued_is_planned_before_a_sweep_begins)
{
    begin("'n' || lpad(n::text, 5, '0')");
    see_whether_planned("n00001", "");
    support_psql(shop.url, "select waybill.touch('o2')");
    shop_must(&shop, 0, "run", "--sweep");
    support_query_is(shop.url, "select bool_and(is_planned) from shop.seen", "t");
}
END_TEST

START_TEST(what_is_queued_during_a_sweep_in_pieces_is_planned_before_it_ends)
{
    begin("'p' || lpad(n::text, 5, '0')");
    see_whether_planned("p09999", "p00001");
    support_psql(shop.url, "update shop.lines set note = 0 where order_id = 'p12000'");
    shop_must(&shop, 1, "run", "--sweep");
    support_query_is(shop.url, "select bool_or(is_planned) from shop.seen", "t");
}
END_TEST

START_TEST(what_much_of_a_warehouse_lost_is_told_once_though_each_piece_shows_a_little_of_it)
{
    /* Between o1 and o10, and so on: each piece has seven or eight of the 45 orders. */
    begin("format('o%s-%s', n % 45 + 1, n)");
    support_psql(shop.url, "insert into shop.lines (order_id, item_id, shipment_ref,"
                           " shipped_quantity, cancelled_quantity)"
                           " select 'o' || n, 'a', '', 2, 0 from generate_series(1, 45) n;"
                           "select waybill.want_sweep('rows without a feed')");
    shop_must(&shop, 0, "run", "--max-posts", "1");
    support_query_is(shop.url, "select count(*) from waybill.submissions where state = 'planned'",
                     "44");
    support_psql(shop.url, "delete from shop.lines where order_id !~ '-';"
                           "update shop.lines set note = 0 where order_id = 'o9-8'");
    shop_must(&shop, 1, "run", "--sweep", "--max-posts", "1");
    shop_warned(&shop, "event=sweep_in_pieces");
    support_query_is(shop.url,
                     "select string_agg(concat_ws(' ', kind, order_id), ', ' order by kind)"
                     " from waybill.report_discrepancies where closed_at is null",
                     "unreadable o9-8, warehouse_shrank");
}
END_TEST

START_TEST(a_plan_shows_what_comes_behind_a_row_that_it_cannot_read)
{
    /* It reads only. */
    support_psql(shop.url, "create or replace function shop.look(text) returns boolean"
                           " volatile language sql as $$ select true $$");
    begin("'n' || lpad(n::text, 5, '0')");
    shop_ships(&shop, "('o2', 'a', '', 2, 0)");
    support_psql(shop.url, "update shop.lines set note = 0 where order_id in ('n00001', 'n00700')");
    shop_must(&shop, 1, "plan");
    shop_said(&shop, "o2");
    shop_warned(&shop, "2 orders can't be read, such as \"n00001\"");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("sweep");

    support_need_database();
    SUPPORT_CASE(suite, 120, setup, teardown,
                 a_bad_row_makes_a_sweep_read_its_relation_a_few_times_and_not_once_for_each_piece);
    SUPPORT_CASE(suite, 120, setup, teardown,
                 an_order_that_is_known_as_unreadable_spoils_no_further_sweep);
    SUPPORT_CASE(suite, 120, setup, teardown, rows_that_are_known_as_bad_are_no_news_to_a_sweep);
    SUPPORT_CASE(suite, 120, setup, teardown, what_is_queued_is_planned_before_a_sweep_begins);
    SUPPORT_CASE(suite, 120, setup, teardown,
                 what_is_queued_during_a_sweep_in_pieces_is_planned_before_it_ends);
    SUPPORT_CASE(suite, 120, setup, teardown,
                 what_much_of_a_warehouse_lost_is_told_once_though_each_piece_shows_a_little_of_it);
    SUPPORT_CASE(suite, 120, setup, teardown,
                 a_plan_shows_what_comes_behind_a_row_that_it_cannot_read);
    return support_run_suite(suite);
}
