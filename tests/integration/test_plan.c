#include <stdio.h>
#include <stdlib.h>

#include "support/shop.h"

/* What a run would post, of orders that the warehouse knows by the merchant's number alone. */

static struct shop shop;

static void
setup(void)
{
    shop_begin(&shop, 2);
    support_psql(shop.url,
                 "alter table shop.lines add upstream_id text, drop constraint lines_pkey,"
                 " alter order_id drop not null;"
                 "create table shop.named as select '{\"id\": \"n1\", \"upstreamId\": \"W-1\","
                 " \"state\": \"accepted\", \"items\": [{\"id\": \"a\", \"quantity\": 10}]}';"
                 "create function shop.lines_of(order_ids text[]) returns setof shop.lines"
                 " language sql as 'select * from shop.lines"
                 "  where order_id = any ($1) or upstream_id = any ($1)';"
                 "insert into shop.lines (order_id, upstream_id, item_id, shipment_ref,"
                 " shipped_quantity, cancelled_quantity) values ('o1', null, 'a', '', 4, 0),"
                 " (null, 'W-1', 'a', 'p1', 3, 0), ('', 'W-1', 'a', 'p2', 0, 1),"
                 " (null, 'W-2', 'b', '', 1, 0), (null, 'W-3', 'a', '', 11, 0)");
    shop_tell_api(&shop, "shop.named");
}

static void
teardown(void)
{
    shop_end(&shop);
}

static void
plan_use(const char *line_items)
{
    shop_use(&shop, "waybill", line_items, NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
}

START_TEST(orders_known_by_the_merchants_number_are_in_the_plan)
{
    plan_use("shop.lines");
    shop_must(&shop, 0, "plan");
    shop_said(&shop, "9 units of 4 lines in 3 orders would be posted; 1 lines with units due wait");
    shop_must(&shop, 0, "plan", "--json");
    shop_said(&shop, "{\"order_id\":\"o1\",\"shipment_ref\":\"\",\"item_id\":\"a\",\"shipped\":4,"
                     "\"cancelled\":0,\"when\":\"if the API says the order is accepted\","
                     "\"upstream_id\":null}");
    shop_said(&shop, "{\"order_id\":null,\"shipment_ref\":\"p2\",\"item_id\":\"a\",\"shipped\":0,"
                     "\"cancelled\":1,\"when\":\"if the API knows its upstream id, and says the"
                     " order is accepted\",\"upstream_id\":\"W-1\"}");
    shop_must(&shop, 0, "plan", "--explain", "W-1");
    shop_said(&shop, "asking the API for the order with this upstream id");
    shop_must(&shop, 0, "plan", "--explain", "W-3");
    shop_said(&shop, "over_quantity: 11 shipped");
    shop_must(&shop, 0, "plan", "--explain", "W-4");
    shop_said(&shop, "nothing to post: neither the warehouse nor the ledger has order W-4");
    support_query_is(shop.url, "select count(*) from waybill.upstreams", "0");

    /* The run does what the plan said, and what the API doesn't know waits. */
    (void)shop_waybill(&shop, (const char *const[]){"run", NULL});
    support_query_is(shop.url,
                     "select string_agg(format('%s %s %s %s', order_id, shipment_ref,"
                     " posted_shipped, posted_cancelled), ', ' order by order_id, shipment_ref)"
                     " from waybill.report_line_items",
                     "n1 p1 3 0, n1 p2 0 1, o1  4 0");
    shop_must(&shop, 0, "plan");
    shop_said(&shop, "nothing to post; 2 lines with units due wait: see --explain ORDER\n");
    shop_must(&shop, 0, "plan", "--explain", "W-1");
    shop_said(&shop, "all that is wanted is posted");
    shop_must(&shop, 0, "plan", "--explain", "W-2");
    shop_said(&shop, "no order at the API has this upstream id yet; it is asked again");
}
END_TEST

/* Numbers of several shops, or one that a person wrote into the wrong column. */
START_TEST(a_merchants_number_may_be_another_orders_id)
{
    support_psql(shop.url,
                 "delete from shop.lines; update shop.named set \"?column?\" ="
                 " replace(replace(\"?column?\", 'W-1', 'o1'), 'n1', 'n2');"
                 "insert into shop.lines (order_id, upstream_id, item_id, shipment_ref,"
                 " shipped_quantity, cancelled_quantity) values (null, 'o1', 'a', '', 3, 0),"
                 " ('o1', null, 'a', '', 4, 0), (null, 'o2', 'a', '', 2, 0)");
    shop_tell_api(&shop, "shop.named");
    plan_use("shop.lines");
    (void)shop_waybill(&shop, (const char *const[]){"run", NULL});
    support_query_is(shop.url,
                     "select string_agg(format('%s %s', order_id, posted_shipped), ', ' order by"
                     " order_id) from waybill.report_line_items",
                     "n2 3, o1 4");
    /* The first is mapped, the second has no order at the API. */
    support_psql(shop.url, "update shop.lines set shipped_quantity = 5 where order_id = 'o1';"
                           "update shop.lines set order_id = 'o2', upstream_id = null"
                           " where upstream_id = 'o2';"
                           "select waybill.touch('o1'), waybill.touch('o2')");
    shop_must(&shop, 0, "plan");
    shop_said(&shop, "3 units of 2 lines in 2 orders would be posted");
    shop_must(&shop, 0, "plan", "--explain", "o2");
    shop_said(&shop, "asking the API for the order\n");
    shop_must(&shop, 0, "run");
    support_query_is(shop.url,
                     "select string_agg(format('%s %s', order_id, posted_shipped), ', ' order by"
                     " order_id) from waybill.report_line_items",
                     "n2 3, o1 5, o2 2");
    shop_must(&shop, 0, "run", "--sweep");
    support_query_is(shop.url, "select missed_by_feed from waybill.report_health", "0");
}
END_TEST

START_TEST(a_function_is_asked_for_the_numbers_that_are_queued)
{
    plan_use("shop.lines_of");
    shop_must(&shop, 0, "plan");
    shop_said(&shop, "nothing to post\n");
    support_psql(shop.url, "select waybill.touch('W-1')");
    shop_must(&shop, 0, "plan");
    shop_said(&shop, "4 units of 2 lines in 1 orders would be posted\n");
    shop_must(&shop, 0, "plan", "--explain", "W-2");
    shop_said(&shop, "asking the API for the order with this upstream id");
}
END_TEST

START_TEST(units_that_are_planned_are_open_and_not_due_as_well)
{
    char *planned;

    support_psql(
        shop.url,
        "delete from shop.lines;"
        "insert into shop.lines (order_id, item_id, shipment_ref, shipped_quantity,"
        " cancelled_quantity) select 'o' || i, 'a', '', 2, 0 from generate_series(1, 2) i");
    plan_use("shop.lines");
    shop_must(&shop, 0, "run", "--max-posts", "1");
    planned = support_query_text(shop.url, "select order_id from waybill.report_submissions"
                                           " where state = 'planned'");
    shop_must(&shop, 0, "plan", "--json", "--explain", planned);
    shop_said(&shop, "\"open_shipped\":2,\"open_cancelled\":0,"
                     "\"due_shipped\":0,\"due_cancelled\":0");
    free(planned);
}
END_TEST

START_TEST(what_a_feed_missed_of_a_function_stays_a_persons_business)
{
    static const char OPEN[] = "select shipment_ref from waybill.report_discrepancies"
                               " where closed_at is null and kind = 'feed_broken' order by 1";
    char *id;

    plan_use("shop.lines_of");
    support_psql(shop.url, "select waybill.feed_from('shop.lines', 'r.order_id')");
    shop_must(&shop, 0, "run", "-q");
    support_psql(shop.url,
                 "alter table shop.lines disable trigger waybill_feed_insert;"
                 "insert into shop.lines (order_id, item_id, shipment_ref, shipped_quantity,"
                 " cancelled_quantity) values ('o2', 'b', '', 2, 0)");
    shop_must(&shop, 1, "run", "-q");
    support_query_is(shop.url, OPEN, "shop.lines\nshop.lines_of");
    support_psql(shop.url, "select waybill.feed_from('shop.lines', 'r.order_id')");
    shop_must(&shop, 0, "run", "-q");
    support_query_is(shop.url, OPEN, "shop.lines_of");
    shop_must(&shop, 1, "status", "--check");

    id = support_query_text(shop.url, "select discrepancy_id from waybill.report_discrepancies"
                                      " where closed_at is null");
    support_psql(shop.url, "select waybill.touch('o2')");
    shop_must(&shop, 0, "dismiss", "discrepancy", id, "--reason", "touched what is new");
    free(id);
    shop_must(&shop, 0, "run", "-q", "--sweep");
    support_query_is(shop.url, OPEN, "");
    ck_assert_int_eq(shop_applied(&shop), 1);
}
END_TEST

/* Twelve orders, of which o3 and o7 make the view divide by zero; o1 is all posted. */
static void
make_unreadable(void)
{
    support_psql(
        shop.url,
        "delete from shop.lines;"
        "insert into shop.lines (order_id, item_id, shipment_ref, shipped_quantity,"
        " cancelled_quantity) select 'o' || i, 'a', '', 2, 0 from generate_series(1, 12) i;"
        "create view shop.fragile as select order_id, item_id,"
        " 10 / case when order_id in ('o3', 'o7') then 0 else 1 end as ordered_quantity,"
        " shipped_quantity, cancelled_quantity from shop.lines");
}

START_TEST(an_order_that_cant_be_read_is_named_and_the_others_are_planned)
{
    make_unreadable();
    plan_use("shop.fragile");
    shop_must(&shop, 1, "plan");
    shop_said(&shop, "20 units of 10 lines in 10 orders would be posted");
    shop_warned(&shop, "2 orders can't be read, such as \"o3\": division by zero");
    shop_must(&shop, 1, "plan", "--json");
    shop_said(&shop, "\"order_id\":\"o12\"");
    /* queued, it is met by its name and not by a sweep */
    support_psql(shop.url, "select waybill.touch('o7')");
    shop_must(&shop, 1, "plan");
    shop_said(&shop, "20 units of 10 lines in 10 orders would be posted");
    shop_warned(&shop, "2 orders can't be read, such as");
    shop_must(&shop, 3, "plan", "--explain", "o7");
    shop_warned(&shop, "order o7");
    shop_warned(&shop, "division by zero");
    shop_must(&shop, 0, "plan", "--explain", "o8");
}
END_TEST

START_TEST(a_function_that_finds_no_table_is_a_matter_of_the_configuration)
{
    support_psql(shop.url, "set search_path = shop; create function shop.hidden(order_ids text[])"
                           " returns setof shop.lines language sql stable as"
                           " 'select * from lines where order_id = any ($1)'");
    plan_use("shop.hidden");
    support_psql(shop.url, "select waybill.touch('o1')");
    shop_must(&shop, 3, "plan");
    shop_warned(&shop, "relation \"lines\" does not exist");
    shop_warned(&shop, "with their schema");
    shop_must(&shop, 3, "run");
    support_query_is(shop.url, "select distinct exit_code from waybill.report_runs", "3");
}
END_TEST

/* A page has room for a hundred. */
START_TEST(a_number_that_many_orders_have_hides_no_other)
{
    support_psql(shop.url,
                 "create table shop.many as select json_build_object('id', 'd' || n, 'upstreamId',"
                 " case when n <= 120 then 'D' else 'W-2' end, 'state', 'accepted', 'items',"
                 " json_build_array(json_build_object('id', 'b', 'quantity', 10)))::text"
                 "  from generate_series(1, 121) n;"
                 "insert into shop.lines (upstream_id, item_id, shipment_ref, shipped_quantity,"
                 " cancelled_quantity) values ('D', 'b', '', 1, 0)");
    shop_tell_api(&shop, "shop.many");
    plan_use("shop.lines");
    shop_must(&shop, 1, "run", "--sweep");
    support_query_is(shop.url,
                     "select order_id, shipment_ref, posted_shipped"
                     "  from waybill.report_line_items where posted_shipped > 0 order by 1",
                     "d121||1\nn1|p1|3\no1||4");
    support_query_is(shop.url,
                     "select kind, order_id from waybill.report_discrepancies where order_id = 'D'",
                     "ambiguous|D");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("plan");
    TCase *tests = support_case(suite, "plan", 60);

    support_need_database();
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, orders_known_by_the_merchants_number_are_in_the_plan);
    tcase_add_test(tests, a_merchants_number_may_be_another_orders_id);
    tcase_add_test(tests, a_function_is_asked_for_the_numbers_that_are_queued);
    tcase_add_test(tests, what_a_feed_missed_of_a_function_stays_a_persons_business);
    tcase_add_test(tests, units_that_are_planned_are_open_and_not_due_as_well);
    tcase_add_test(tests, an_order_that_cant_be_read_is_named_and_the_others_are_planned);
    tcase_add_test(tests, a_function_that_finds_no_table_is_a_matter_of_the_configuration);
    tcase_add_test(tests, a_number_that_many_orders_have_hides_no_other);
    return support_run_suite(suite);
}
