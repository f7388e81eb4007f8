#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/world.h"

/*
 * The warehouse commits late, drops its triggers, empties its tables and archives its orders while
 * the bridge works; in the end three books must agree.
 */

#define ORDERS      60
#define WRITERS     5
#define PATIENCE_MS 60000

static struct world world;

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

/* Each is a case of its own, so that CK_RUN_CASE=NAME runs it alone. */
#define CASE(name)                                                                                 \
    do {                                                                                           \
        TCase *tcase = support_case(suite, #name, 400);                                            \
        tcase_add_checked_fixture(tcase, setup, teardown);                                         \
        tcase_add_test(tcase, name);                                                               \
    } while (0)

int
main(void)
{
    Suite *suite = suite_create("warehouse faults");

    support_need_database();
    CASE(what_commits_late_is_fed_all_the_same);
    CASE(what_commits_late_is_scanned_all_the_same);
    CASE(what_happens_while_triggers_are_off_is_swept);
    CASE(tables_that_are_emptied_and_loaded_again_post_nothing_twice);
    CASE(orders_that_are_archived_or_deleted_are_not_forgotten);
    return support_run_suite(suite);
}
