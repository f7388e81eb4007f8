#include "support/shop.h"

/* Rows that the warehouse's view can't give, whatever the server says about it: such a row stops
 * its own order, and no other. */

static struct shop shop;

/* What a note says is added to the units that are shipped of its order: a number, else a cast that
 * fails; five characters are an SQLSTATE to fail with. */
static void
setup(void)
{
    shop_begin(&shop, 4);
    support_psql(shop.url,
                 "create table shop.notes (order_id text primary key, says text);"
                 "create function shop.units(says text) returns int stable language plpgsql as $$"
                 " begin"
                 "   if says ~ '^[0-9A-Z]{5}$' then"
                 "     raise exception 'the note says %', says using errcode = says;"
                 "   end if;"
                 "   return says::int;"
                 " end $$;"
                 "create view shop.noted as"
                 " select l.order_id, l.item_id, l.shipment_ref, l.ordered_quantity,"
                 "   l.shipped_quantity + coalesce(shop.units(n.says), 0) as shipped_quantity,"
                 "   l.cancelled_quantity, l.changed_at"
                 " from shop.lines l left join shop.notes n on n.order_id = l.order_id");
    shop_ships(&shop, "('o1', 'a', '', 2, 0), ('o2', 'a', '', 2, 0), ('o3', 'a', '', 2, 0)");
}

static void
teardown(void)
{
    shop_end(&shop);
}

static void
begin(const char *more)
{
    shop_use(&shop, "waybill", "shop.noted", more);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
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

START_TEST(a_long_text_that_is_no_number_stops_its_own_order_only)
{
    /* The server's message quotes it whole, and every second place to cut it lies in a character.
     */
    support_psql(shop.url, "insert into shop.notes values ('o1', repeat('ä', 900)),"
                           " ('o2', ' ' || repeat('ä', 900))");
    begin(NULL);
    shop_must(&shop, 1, "run");
    unreadable_are("o1 o2");
    ck_assert_int_eq(shop_applied(&shop), 1);
}
END_TEST

START_TEST(an_sqlstate_of_the_views_own_stops_its_own_order_only)
{
    /* A CASE of PL/pgSQL that fits none, and a class that no standard knows. */
    support_psql(shop.url, "insert into shop.notes values ('o1', '20000'), ('o2', 'WM001')");
    begin(NULL);
    shop_must(&shop, 1, "run");
    unreadable_are("o1 o2");
    ck_assert_int_eq(shop_applied(&shop), 1);
}
END_TEST

/* Whole at first glance: the view casts what the warehouse keeps with decimals. */
START_TEST(a_quantity_that_is_no_number_stops_its_own_order_only)
{
    support_psql(shop.url,
                 "create table shop.weighed as select order_id, item_id, 10.0 as ordered,"
                 " case order_id when 'o1' then 'NaN' when 'o2' then 'Infinity' else 2.0 end"
                 "::numeric as shipped, now() as changed_at from shop.lines;"
                 "create view shop.rounded as select order_id, item_id,"
                 " ordered::int as ordered_quantity, shipped::int as shipped_quantity,"
                 " 0 as cancelled_quantity, changed_at from shop.weighed");
    shop_use(&shop, "waybill", "shop.rounded\n  change_feed: scan", NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_must(&shop, 1, "plan");
    shop_warned(&shop, "2 orders can't be read, such as \"o1\": cannot convert NaN to integer");
    shop_must(&shop, 3, "plan", "--explain", "o2");
    shop_must(&shop, 1, "run");
    unreadable_are("o1 o2");
    ck_assert_int_eq(shop_applied(&shop), 1);
    support_psql(shop.url, "update shop.weighed set shipped = 3, changed_at = now()");
    shop_must(&shop, 0, "run");
    unreadable_are("");
    ck_assert_int_eq(shop_applied(&shop), 4);
}
END_TEST

START_TEST(an_audit_does_without_a_row_that_raises_its_own_sqlstate)
{
    begin(NULL);
    shop_must(&shop, 0, "run");
    support_psql(shop.url, "insert into shop.notes values ('o1', 'WM001')");
    shop_must(&shop, 0, "audit");
    shop_warned(&shop, "event=warehouse_unreadable");
    shop_warned(&shop, "sqlstate=WM001");
    shop_said(&shop, "agrees 3");
}
END_TEST

START_TEST(a_sweep_that_fails_keeps_nothing_from_being_sent)
{
    /* Evaluated for every row that is read, whoever asks for what. */
    support_psql(shop.url, "alter function shop.units(text) volatile;"
                           "insert into shop.notes values ('o1', 'many')");
    begin(NULL);
    support_psql(shop.url, "select waybill.touch('o2')");
    shop_must(&shop, 3, "run");
    shop_warned(&shop, "context=\"sweep");
    ck_assert_int_eq(shop_applied(&shop), 1);
    support_psql(shop.url, "delete from shop.notes");
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 3);
}
END_TEST

START_TEST(a_view_that_fails_for_all_gives_up_on_none)
{
    support_psql(shop.url, "insert into shop.notes select 'o' || n, '42703'"
                           " from generate_series(1, 4) n");
    begin(NULL);
    shop_must(&shop, 3, "run");
    shop_warned(&shop, "sqlstate=42703");
    unreadable_are("");
    support_psql(shop.url, "delete from shop.notes");
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(shop_applied(&shop), 3);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("unreadable");

    support_need_database();
    SUPPORT_CASE(suite, 120, setup, teardown,
                 a_long_text_that_is_no_number_stops_its_own_order_only);
    SUPPORT_CASE(suite, 120, setup, teardown,
                 an_sqlstate_of_the_views_own_stops_its_own_order_only);
    SUPPORT_CASE(suite, 120, setup, teardown,
                 a_quantity_that_is_no_number_stops_its_own_order_only);
    SUPPORT_CASE(suite, 120, setup, teardown,
                 an_audit_does_without_a_row_that_raises_its_own_sqlstate);
    SUPPORT_CASE(suite, 120, setup, teardown, a_sweep_that_fails_keeps_nothing_from_being_sent);
    SUPPORT_CASE(suite, 120, setup, teardown, a_view_that_fails_for_all_gives_up_on_none);
    return support_run_suite(suite);
}
