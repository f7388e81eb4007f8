/* A ledger with data in it under the next version of the program: tests/upgrades/later is ahead. */
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/shop.h"

#define UPGRADE_LATER WAYBILL_BUILD_DIR "/tests/waybill_later"

#define UPGRADE_SUMS                                                                               \
    "select sum(posted_shipped) || ' ' || sum(posted_cancelled) || ' ' || count(*)"                \
    " from waybill.report_line_items"

static struct shop shop;

static void
upgrade_set_up(void)
{
    shop_begin(&shop, 4);
    shop_use(&shop, "waybill", "shop.lines", NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_ships(&shop, "('o1', 'a', 'p1', 2, 0), ('o1', 'b', 'p2', 1, 1), ('o2', 'a', 'p1', 3, 0)");
}

static void
upgrade_tear_down(void)
{
    shop_end(&shop);
}

/* The program that is ahead; its exit code, and what it said. */
static void
upgrade_later(int expected, const char *command, const char *first, const char *said)
{
    bool is_recovery = strcmp(command, "recover") == 0;
    const char *const argv[] = {UPGRADE_LATER, "-c",  shop.config,
                                command,       first, is_recovery ? "--reason" : NULL,
                                "restored",    NULL};
    char *out = NULL;
    char *errors = NULL;
    int code = support_run(argv, NULL, &out, &errors);

    ck_assert_msg(code == expected, "%s: %d: %s%s", command, code, out, errors);
    ck_assert_msg(said == NULL || strstr(out, said) != NULL || strstr(errors, said) != NULL,
                  "%s says no \"%s\": %s%s", command, said, out, errors);
    free(out);
    free(errors);
}

/* A dump of all, as text, so that any later server can read it. */
static const char *
upgrade_dump(void)
{
    const char *const argv[] = {"pg_dump", "--no-owner", "-d", shop.url, NULL};
    const char *keep = getenv("WAYBILL_KEEP_DUMP");
    const char *path;
    char *dump = NULL;
    char *errors = NULL;

    ck_assert_msg(support_run(argv, NULL, &dump, &errors) == 0, "%s", errors);
    path = support_write_file("kept.sql", dump, 0600);
    if (keep != NULL) {
        FILE *file = fopen(keep, "w");

        ck_assert_ptr_nonnull(file);
        ck_assert(fputs(dump, file) >= 0 && fclose(file) == 0);
    }
    free(dump);
    free(errors);
    return path;
}

/* Into a new database, which the configuration names from now on. */
static void
upgrade_restore(const char *path)
{
    support_database_create(shop.url);
    shop_file(&shop, path);
    shop_use(&shop, "waybill", "shop.lines", NULL);
}

/* A new generation looks for an order at the API, and not before the settle time is over. */
static bool
upgrade_is_posted(void *ctx)
{
    (void)ctx;
    upgrade_later(0, "run", "--sweep", NULL);
    return shop_applied(&shop) == 4;
}

START_TEST(a_dump_is_restored_upgraded_and_goes_on)
{
    char *before;
    char *after;

    shop_must(&shop, 0, "run", "--order", "o1");
    shop_must(&shop, 0, "run", "--max-posts", "1"); /* o2 */
    shop_ships(&shop, "('o2', 'b', 'p1', 1, 0)");
    before = support_query_text(shop.url, UPGRADE_SUMS);
    upgrade_restore(upgrade_dump());
    after = support_query_text(shop.url, UPGRADE_SUMS);
    ck_assert_str_eq(after, before);
    free(after);

    /* It is a copy as far as it knows, and says so, before and after the upgrade. */
    shop_must(&shop, 3, "run");
    shop_warned(&shop, "recover");
    upgrade_later(0, "init", NULL, "from version 1 to 2");
    upgrade_later(0, "init", NULL, NULL);
    after = support_query_text(shop.url, UPGRADE_SUMS);
    ck_assert_str_eq(after, before);
    free(after);
    free(before);
    support_query_is(shop.url,
                     "select count(*) = (select count(*) from waybill.submissions)"
                     " from waybill.later_things",
                     "t");
    upgrade_later(3, "run", NULL, "recover");
    upgrade_later(0, "recover", "--this-database", NULL);
    upgrade_later(0, "resume", NULL, NULL);
    support_wait_until(upgrade_is_posted, NULL, 60000, "what was due before the dump");
    support_query_is(shop.url, UPGRADE_SUMS, "7 1 4");
    support_query_is(shop.url, "select count(*) from waybill.ledger_faults(0, 1000)", "0");
    ck_assert_int_eq(shop_applied(&shop), 4);
    upgrade_later(0, "audit", "--all", NULL);

    /* The older program works with it no more, whatever the command. */
    shop_must(&shop, 3, "run");
    shop_warned(&shop, "is version 2, this program works with 1");
    shop_must(&shop, 3, "status");
    shop_must(&shop, 3, "init");
    shop_warned(&shop, "upgrade the program");
}
END_TEST

static bool
upgrade_is_over(void *process)
{
    return !support_is_running(process);
}

START_TEST(the_older_program_stops_where_a_newer_one_begins)
{
    struct support_process watch;
    char *errors;

    shop_spawn(&shop, &watch, (const char *const[]){"watch", NULL});
    support_wait_query(
        shop.url, "select count(*) from waybill.submissions where state = 'accepted'", "3", 60000);
    upgrade_later(0, "init", NULL, "from version 1 to 2");
    shop_ships(&shop, "('o3', 'a', 'p1', 1, 0)");
    support_psql(shop.url, "insert into waybill.queue (order_key) values ('o3')");
    support_wait_until(upgrade_is_over, &watch, 60000, "the older program's end");
    ck_assert_int_eq(support_wait_exit(&watch, 1000), 3);
    errors = support_errors(&watch);
    ck_assert_msg(strstr(errors, "is version 2, this program works with 1") != NULL, "%s", errors);
    free(errors);
    ck_assert_int_eq(shop_posts(&shop), 3);
    upgrade_later(0, "run", NULL, NULL);
    ck_assert_int_eq(shop_posts(&shop), 4);
}
END_TEST

/* Every released version's: see README. A program that can't take one up is no upgrade. */
START_TEST(every_dump_that_was_kept_is_taken_up)
{
    glob_t kept = {0};
    char url[SUPPORT_URL_MAX];
    char *before;

    if (glob(WAYBILL_SOURCE_DIR "/tests/upgrades/*.sql", 0, NULL, &kept) != 0)
        return; /* nothing is released yet */
    memcpy(url, shop.url, sizeof(url));
    for (size_t i = 0; i < kept.gl_pathc; i++) {
        upgrade_restore(kept.gl_pathv[i]);
        before = support_query_text(shop.url, UPGRADE_SUMS);
        shop_must(&shop, 0, "init");
        support_query_is(shop.url, UPGRADE_SUMS, before);
        support_query_is(shop.url, "select count(*) from waybill.ledger_faults(0, 1000)", "0");
        free(before);
        support_database_drop(shop.url);
    }
    globfree(&kept);
    memcpy(shop.url, url, sizeof(url));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("upgrades");
    TCase *tests = support_case(suite, "upgrades", 200);

    support_need_database();
    tcase_add_checked_fixture(tests, upgrade_set_up, upgrade_tear_down);
    tcase_add_test(tests, a_dump_is_restored_upgraded_and_goes_on);
    tcase_add_test(tests, the_older_program_stops_where_a_newer_one_begins);
    tcase_add_test(tests, every_dump_that_was_kept_is_taken_up);
    return support_run_suite(suite);
}
