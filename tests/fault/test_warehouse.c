#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/own_server.h"
#include "support/world.h"

/*
 * The warehouse commits late, drops its triggers, empties its tables and archives its orders while
 * the bridge works; in the end three books must agree.
 */

#define ORDERS      60
#define WRITERS     5
#define PATIENCE_MS 60000

static struct world world;
static struct own_server server;

static void
setup(void)
{
    world_begin(&world, 4, ORDERS);
    support_psql(world.url, "select wms.generate_edge()");
    world_load_orders(&world);
    world_start(&world);
    world_switch(&world, "quantity_check=request state_lag_ms=4000");
}

static void
teardown(void)
{
    world_end(&world);
}

static void
agree(const char *what)
{
    int64_t posts;

    world_agree(&world, what);
    /* And a look at everything finds nothing more to do. */
    posts = world_stat(&world, "\"applied\"", "fulfillments");
    support_psql(world.url, "select waybill.touch(o.api_order_id) from wms.orders o"
                            " where o.api_order_id is not null");
    (void)world_run(&world);
    world_check(&world, world_stat(&world, "\"applied\"", "fulfillments") == posts,
                "%s: a second look posted something", what);
}

/* Transactions that began before others which are read already, and commit after them. */
static void
late_commits(void)
{
    struct support_process writers[WRITERS];

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < WRITERS; i++) {
            char sql[300];
            const char *const argv[] = {"psql", "-X", "-q", "-d", world.url, "-c", sql, NULL};

            (void)snprintf(sql, sizeof(sql),
                           "begin; select wms.work(8, %d, edits => false); select pg_sleep(%d.%d);"
                           "commit",
                           world_dice(&world, 100000), i % 3, world_dice(&world, 9));
            support_spawn(&writers[i], argv, NULL);
        }
        do {
            (void)world_run(&world);
            world_work(&world, 5);
        } while (support_is_running(&writers[WRITERS - 1]));
        for (int i = 0; i < WRITERS; i++)
            (void)support_wait_exit(&writers[i], PATIENCE_MS);
    }
}

START_TEST(what_commits_late_is_fed_all_the_same)
{
    world_faults(&world, "drop_after=0.1");
    late_commits();
    agree("late commits, queue");
}
END_TEST

START_TEST(what_commits_late_is_scanned_all_the_same)
{
    world.feed = "scan";
    world_write_config(&world);
    support_psql(world.url,
                 "select waybill.feed_stop(t::regclass) from unnest(array['wms.orders',"
                 " 'wms.order_lines', 'wms.shipments', 'wms.parcels', 'wms.shipment_lines',"
                 " 'wms.cancellations', 'wms.returns', 'wms.kits']) t");
    world_faults(&world, "drop_after=0.1");
    late_commits();
    agree("late commits, scan");
}
END_TEST

START_TEST(what_happens_while_triggers_are_off_is_swept)
{
    (void)world_run(&world);
    support_psql(world.url, "alter table wms.shipment_lines disable trigger user;"
                            "alter table wms.cancellations disable trigger user;"
                            "alter table wms.parcels disable trigger user");
    world_work(&world, 80);
    (void)world_run(&world);
    support_query_is(
        world.url,
        "select count(*) > 0 from waybill.report_discrepancies where kind = 'feed_broken'", "t");
    world_work(&world, 40);
    world_agree(&world, "triggers disabled");
    support_psql(world.url, "alter table wms.shipment_lines enable trigger user;"
                            "alter table wms.cancellations enable trigger user;"
                            "alter table wms.parcels enable trigger user");
    world_work(&world, 40);
    agree("triggers enabled again");
}
END_TEST

START_TEST(tables_that_are_emptied_and_loaded_again_post_nothing_twice)
{
    (void)world_run(&world);
    /* In one transaction, as a careful loader does. */
    support_psql(world.url, "begin; create temp table kept as table wms.cancellations;"
                            "truncate wms.cancellations;"
                            "insert into wms.cancellations overriding system value table kept;"
                            "commit");
    (void)world_run(&world);
    /* In two, and the bridge looks between. */
    support_psql(world.url, "create table wms.kept as table wms.cancellations;"
                            "truncate wms.cancellations");
    (void)world_run(&world);
    support_psql(world.url, "insert into wms.cancellations overriding system value"
                            " table wms.kept; drop table wms.kept");
    world_work(&world, 30);
    agree("TRUNCATE and reload");
}
END_TEST

START_TEST(orders_that_are_archived_or_deleted_are_not_forgotten)
{
    world_agree(&world, "before the archive");
    support_psql(world.url, "select wms.archive_orders(array(select id from wms.orders"
                            " where id % 3 = 0))");
    world_work(&world, 40);
    (void)world_run(&world);
    world_generate(&world, ORDERS / 2);
    agree("archived orders");
}
END_TEST

/* ------------------------------------------------------------------ another table of the WMS's */

/* A table of totals beside the others; the view and the expected books read it too. `how`: the end
 * of its definition. */
static void
add_flat_table(const char *url, const char *how)
{
    char sql[300];

    (void)snprintf(sql, sizeof(sql),
                   "create table wms.flat (order_id text, item_id text, site text, ordered int,"
                   " shipped int, primary key (order_id, item_id, site)) %s",
                   how);
    support_psql(url, sql);
}

static void
show_flat_table(void)
{
    support_psql(
        world.url,
        "do $$"
        " declare"
        "   v record;"
        "   more text;"
        " begin"
        "   for v in select * from (values"
        "     ('wms.waybill_line_items', null),"
        "     ('wms.expected', 'select order_id, item_id, shipped::bigint, 0::bigint from wms.flat"
        "                        where shipped > 0'),"
        "     ('wms.api_orders', 'select jsonb_build_object(''id'', order_id, ''upstreamId'',"
        "        order_id, ''state'', ''accepted'', ''items'', jsonb_build_array("
        "        jsonb_build_object(''id'', item_id, ''quantity'', ordered))) from wms.flat')"
        "     ) x(name, more) loop"
        "     more := v.more;"
        "     if more is null then"
        "       select 'select ' || string_agg(case a.attname when 'order_id' then 'order_id'"
        "                when 'item_id' then 'item_id' when 'ordered_quantity' then 'ordered'"
        "                when 'shipped_quantity' then 'shipped' when 'cancelled_quantity' then '0'"
        "                when 'shipment_ref' then quote_literal('') else 'null' end"
        "                || '::' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum)"
        "              || ' from wms.flat' into more"
        "         from pg_attribute a where a.attrelid = v.name::regclass and a.attnum > 0;"
        "     end if;"
        "     execute format('create or replace view %s as %s union all %s', v.name,"
        "       rtrim(pg_get_viewdef(v.name::regclass), ';'), more);"
        "   end loop;"
        " end $$");
}

#define FLAT_ROWS(site, first)                                                                     \
    "select 'flat-" site "-' || n, 'item-' || n, '" site                                           \
    "', 9, 1 + n % 5 from generate_series(" first ") n"

START_TEST(a_partition_that_is_attached_during_a_run_is_seen_although_nothing_feeds_it)
{
    struct support_process run;

    add_flat_table(world.url, "partition by list (site)");
    support_psql(world.url, "create table wms.flat_a partition of wms.flat for values in ('a')");
    show_flat_table();
    support_psql(world.url, "select waybill.feed_from('wms.flat', 'order_id')");
    support_psql(world.url, "insert into wms.flat " FLAT_ROWS("a", "1, 20"));
    support_psql(world.url, "create table wms.flat_b (like wms.flat including all);"
                            "insert into wms.flat_b " FLAT_ROWS("b", "1, 10"));
    world_load_orders(&world);
    world_switch(&world, "latency_ms=50");
    world_faults(&world, "drop_after=0.1");
    world_spawn_run(&world, &run);
    support_wait_query(world.url,
                       "select count(*) > 5 from waybill.submissions where state = 'accepted'", "t",
                       PATIENCE_MS);
    support_psql(world.url, "alter table wms.flat attach partition wms.flat_b for values in ('b')");
    /* Named directly, so that the parent's triggers don't fire. */
    support_psql(world.url, "insert into wms.flat_b " FLAT_ROWS("b", "11, 20"));
    world_load_orders(&world);
    (void)support_wait_exit(&run, PATIENCE_MS);
    agree("a partition attached");
    support_query_is(world.url,
                     "select shipment_ref from waybill.report_discrepancies"
                     " where kind = 'feed_broken' and closed_at is null",
                     "wms.flat_b");

    support_psql(world.url, "select waybill.feed_from('wms.flat', 'order_id')");
    (void)world_run(&world);
    support_psql(
        world.url,
        "insert into wms.flat_b " FLAT_ROWS(
            "b", "21, 30") ";"
                           "update wms.flat_b set shipped = shipped + 1 where shipped < 5");
    world_load_orders(&world);
    agree("a partition attached and fed");
    support_query_is(world.url,
                     "select count(*) from waybill.report_discrepancies"
                     " where kind = 'feed_broken' and closed_at is null",
                     "0");
}
END_TEST

static void
setup_logical(void)
{
    static const char *const SETTINGS[] = {"wal_level=logical", NULL};

    own_server_start(&server, SETTINGS, NULL);
    setup();
}

static void
teardown_logical(void)
{
    world_end(&world);
    own_server_do("remove", server.dir);
}

static void
arrived(const char *count)
{
    support_wait_query(world.url, "select count(*) from wms.flat", count, PATIENCE_MS);
}

/* An apply worker fires no statement triggers, and plain ones not at all. */
START_TEST(rows_that_arrive_by_logical_replication_are_fed)
{
    char publisher[SUPPORT_URL_MAX];
    char sql[600];
    char *where;
    struct support_process run;

    support_database_create(publisher);
    support_psql(publisher, "create schema wms");
    add_flat_table(publisher, "");
    support_psql(publisher, "create publication flat for table wms.flat");
    support_psql(publisher, "select pg_create_logical_replication_slot('flat', 'pgoutput')");
    add_flat_table(world.url, "");
    show_flat_table();
    support_psql(world.url, "select waybill.feed_from('wms.flat', 'order_id')");
    (void)world_run(&world);
    where = support_query_text(publisher, "select format('host=127.0.0.1 port=%s user=postgres"
                                          " dbname=%s', inet_server_port(), current_database())");
    (void)snprintf(sql, sizeof(sql),
                   "create subscription flat connection '%s' publication flat"
                   " with (create_slot = false, copy_data = false)",
                   where);
    free(where);
    support_psql(world.url, sql);

    /* The table was fed before it was subscribed to: told, and swept meanwhile. */
    support_psql(publisher, "insert into wms.flat " FLAT_ROWS("a", "1, 20"));
    arrived("20");
    world_load_orders(&world);
    agree("rows by replication, swept");
    support_query_is(world.url,
                     "select count(*) from waybill.report_discrepancies"
                     " where kind = 'feed_broken' and closed_at is null",
                     "1");
    support_query_is(world.url, "select feed, feed_faults from waybill.report_health", "broken|1");

    support_psql(world.url, "select waybill.feed_from('wms.flat', 'order_id')");
    (void)world_run(&world);
    world_switch(&world, "latency_ms=50");
    support_psql(publisher, "insert into wms.flat " FLAT_ROWS("a", "21, 40"));
    arrived("40");
    world_load_orders(&world);
    world_spawn_run(&world, &run);
    support_psql(publisher, "update wms.flat set shipped = shipped + 1;"
                            "insert into wms.flat " FLAT_ROWS("b", "1, 20"));
    arrived("60");
    world_load_orders(&world);
    (void)support_wait_exit(&run, PATIENCE_MS);
    agree("rows by replication, fed");
    support_query_is(world.url,
                     "select count(*) from waybill.report_discrepancies"
                     " where kind = 'feed_broken' and closed_at is null",
                     "0");
    support_query_is(world.url, "select feed, feed_faults from waybill.report_health", "ok|0");
    support_psql(world.url, "alter subscription flat disable");
    support_psql(world.url, "alter subscription flat set (slot_name = none)");
    support_psql(world.url, "drop subscription flat");
    support_wait_query(publisher, "select count(*) from pg_replication_slots where active", "0",
                       PATIENCE_MS);
    support_psql(publisher, "select pg_drop_replication_slot('flat')");
    support_database_drop(publisher);
}
END_TEST

/* Planned and not yet sent it is taken back; sent it is told, and nothing is posted for it again.
 */
START_TEST(units_that_go_down_before_and_after_posting)
{
    /* Few enough that it isn't taken for a wrong view. */
    world_faults(&world, "401=1");
    (void)world_run(&world);
    support_query_is(world.url,
                     "select count(*) > 10 from waybill.submissions where state = 'planned'", "t");
    support_psql(world.url, "update wms.shipment_lines set quantity = quantity - 1"
                            " where quantity > 1 and component_sku is null and id % 11 = 0;"
                            "create table wms.gone as select * from wms.shipment_lines"
                            " where component_sku is null and id % 23 = 0;"
                            "delete from wms.shipment_lines s using wms.gone g where g.id = s.id");
    agree("a decrease before posting");

    support_psql(world.url, "insert into wms.shipment_lines overriding system value"
                            " table wms.gone");
    agree("rows that came back");
    support_psql(world.url, "create table wms.less as select * from wms.shipment_lines"
                            " where quantity > 1 and component_sku is null and id % 13 = 0;"
                            "update wms.shipment_lines s set quantity = s.quantity - 1 from"
                            " wms.less l where l.id = s.id");
    (void)world_run(&world);
    support_query_is(world.url,
                     "select count(*) > 0 from waybill.report_discrepancies"
                     " where kind = 'decreased' and closed_at is null",
                     "t");
    support_psql(world.url, "update wms.shipment_lines s set quantity = l.quantity from"
                            " wms.less l where l.id = s.id");
    agree("a decrease after posting that was taken back");
    support_query_is(world.url,
                     "select count(*) from waybill.report_discrepancies"
                     " where kind = 'decreased' and closed_at is null",
                     "0");
}
END_TEST

#define CASE(name) SUPPORT_CASE(suite, 400, setup, teardown, name)

int
main(void)
{
    int code;
    TCase *logical;
    Suite *suite = suite_create("warehouse faults");

    support_need_database();
    own_server_begin();
    CASE(what_commits_late_is_fed_all_the_same);
    CASE(what_commits_late_is_scanned_all_the_same);
    CASE(what_happens_while_triggers_are_off_is_swept);
    CASE(tables_that_are_emptied_and_loaded_again_post_nothing_twice);
    CASE(orders_that_are_archived_or_deleted_are_not_forgotten);
    CASE(a_partition_that_is_attached_during_a_run_is_seen_although_nothing_feeds_it);
    CASE(units_that_go_down_before_and_after_posting);
    logical = support_case(suite, "rows_that_arrive_by_logical_replication_are_fed", 400);
    tcase_add_checked_fixture(logical, setup_logical, teardown_logical);
    tcase_add_test(logical, rows_that_arrive_by_logical_replication_are_fed);
    code = support_run_suite(suite);
    own_server_remove_all();
    return code;
}
