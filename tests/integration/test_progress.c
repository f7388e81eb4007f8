/* A long run says how far it is: on a terminal in a line that is wiped, elsewhere now and then in
 * the log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/shop.h"

enum { PARCELS = 6 };

static struct shop shop;

static void
setup(void)
{
    char text[SUPPORT_URL_MAX + 32];

    shop_begin(&shop, 1);
    shop_use(&shop, "waybill", "shop.lines", NULL);
    shop_must(&shop, 0, "init", "-q");
    shop_must(&shop, 0, "baseline", "--from", "nothing", "-q");
    support_psql(shop.url, "select waybill.feed_from('shop.lines', 'order_id')");
    /* One after the other, since they are of one order. */
    (void)snprintf(text, sizeof(text), "%s/_sandbox/switches", shop.sandbox.url);
    ck_assert_int_eq(support_http_post(text, "latency_ms=700", NULL), 200);
    for (int i = 0; i < PARCELS; i++) {
        (void)snprintf(text, sizeof(text), "('o1', 'a', 'p%d', 1, 0)", i);
        shop_ships(&shop, text);
    }
}

static void
teardown(void)
{
    shop_end(&shop);
}

START_TEST(a_terminal_sees_how_much_is_posted_and_left)
{
    char command[1024];
    const char *argv[] = {"script", "-qefc", command, "/dev/null", NULL};
    char *out = NULL;
    const char *line;
    const char *summary;

    (void)snprintf(command, sizeof(command), "%s -c %s run", SUPPORT_WAYBILL, shop.config);
    ck_assert_int_eq(support_run(argv, NULL, &out, NULL), 0);
    line = strstr(out, "run: posted ");
    ck_assert_msg(line != NULL, "no progress in: %s", out);
    ck_assert_ptr_nonnull(strstr(line, " backlog "));
    ck_assert_ptr_nonnull(strstr(line, "/s, 0:00:0"));
    summary = strstr(out, "run 1: looked at ");
    ck_assert_msg(summary != NULL && summary > line, "%s", out);
    ck_assert_msg(strncmp(summary - 4, "\r\033[K", 4) == 0, "the line is left behind in: %s", out);
    free(out);
}
END_TEST

START_TEST(whoever_reads_a_file_sees_only_the_summary)
{
    shop_must(&shop, 0, "run");
    ck_assert_msg(strstr(shop.errors, "posted ") == NULL, "%s", shop.errors);
    shop_said(&shop, "planned 6, accepted 6");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("progress");

    support_need_database();
    SUPPORT_CASE(suite, 120, setup, teardown, a_terminal_sees_how_much_is_posted_and_left);
    SUPPORT_CASE(suite, 120, setup, teardown, whoever_reads_a_file_sees_only_the_summary);
    return support_run_suite(suite);
}
