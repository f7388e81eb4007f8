/* A watch that always has something to do does the rest of its work as well. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/shop.h"

enum { ORDERS = 300 };

static struct shop shop;

static void
setup(void)
{
    shop_begin(&shop, ORDERS);
    shop_use(&shop, "waybill", "shop.lines", "follow:\n  interval_ms: 1000\n");
    shop_must(&shop, 0, "init", "-q");
    shop_must(&shop, 0, "baseline", "--from", "nothing", "-q");
    support_psql(shop.url, "select waybill.feed_from('shop.lines', 'order_id')");
}

static void
teardown(void)
{
    shop_end(&shop);
}

static bool
is(const char *sql)
{
    char *text = support_query_text(shop.url, sql);
    bool so = text[0] == 't';

    free(text);
    return so;
}

static bool
is_true(void *sql)
{
    return is(sql);
}

/* An order after the other, while those before are on their way, so that its pass has no end. */
START_TEST(events_are_read_and_a_sweep_is_made_while_orders_come_in)
{
    struct support_process watch;
    char text[200];
    int order = 0;

    (void)snprintf(text, sizeof(text), "%s/_sandbox/switches", shop.sandbox.url);
    ck_assert_int_eq(support_http_post(text, "latency_ms=400", NULL), 200);

    shop_spawn(&shop, &watch, (const char *const[]){"watch", "-q", NULL});
    do {
        ck_assert_msg(++order <= ORDERS, "nothing but orders in all the time");
        (void)snprintf(text, sizeof(text), "('o%d', 'a', '', 1, 0)", order);
        shop_ships(&shop, text);
        support_wait_until(is_true, (char[]){"select not exists (select from waybill.queue)"},
                           60000, "an order that is looked at");
        /* In the midst of a pass. */
        if (order == 5)
            support_psql(shop.url, "create table shop.began as select clock_timestamp() as at;"
                                   "select waybill.want_sweep('a test')");
    } while (order < 5 || !is("select e.read_at > b.at + interval '2 s' and f.sweep_wanted is null"
                              "  from waybill.event_feed e, shop.began b, waybill.feed_state f"));
    support_signal(&watch, SIGTERM);
    ck_assert_int_eq(support_wait_exit(&watch, 60000), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("busy watch");

    support_need_database();
    SUPPORT_CASE(suite, 120, setup, teardown,
                 events_are_read_and_a_sweep_is_made_while_orders_come_in);
    return support_run_suite(suite);
}
