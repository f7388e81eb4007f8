#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/shop.h"

/*
 * README's "Cut over and back", typed as it stands there: each command of that section in its
 * order, with an older integration that goes on posting until it is switched off.
 */

#define README         WAYBILL_SOURCE_DIR "/README.md"
#define SECTION        "\n## Cut over and back\n"
#define COMMAND_BYTES  200
#define COMMANDS_MAX   30
#define ORDERS         12
#define FIRST_POSTS_MS 30000

static struct shop shop;

static void
setup(void)
{
    shop_begin(&shop, ORDERS);
    shop_use(&shop, "waybill", "shop.lines", NULL);
}

static void
teardown(void)
{
    shop_end(&shop);
}

/* ------------------------------------------------------------------- what happens between them */

static int64_t
applied_units(void)
{
    char url[128];
    char *text;
    int64_t units = 0;

    (void)snprintf(url, sizeof(url), "%s/_sandbox/applied", shop.sandbox.url);
    ck_assert_int_eq(support_http_get(url, &text), 200);
    for (const char *line = strchr(text, '\n'); line != NULL && line[1] != '\0';
         line = strchr(line + 1, '\n')) {
        long long shipped = 0, cancelled = 0;

        /* order,item,shipped,cancelled,posts */
        ck_assert_int_eq(sscanf(line + 1, "%*[^,],%*[^,],%lld,%lld,", &shipped, &cancelled), 2);
        units += shipped + cancelled;
    }
    free(text);
    return units;
}

static int64_t
warehouse_units(void)
{
    return support_query_int(
        shop.url, "select sum(shipped_quantity + cancelled_quantity)::int8 from shop.lines");
}

/* Of the older integration: all that it ever posts. */
enum { OLDER_POSTS = 8 };

static int64_t
our_posts(void)
{
    return shop_applied(&shop) - OLDER_POSTS;
}

/* Seven orders with parcels; the older integration has posted them all but for one. */
static void
there_is_history(void)
{
    shop_ships(&shop, "('o1', 'a', 'p1', 3, 0), ('o2', 'a', 'p2', 2, 1), ('o3', 'b', '', 4, 0),"
                      " ('o4', 'a', 'p4', 1, 0), ('o5', 'a', 'p5', 1, 0), ('o6', 'b', '', 0, 2),"
                      " ('o7', 'a', 'p7', 2, 0)");
    shop_other_posts(&shop, "o1", "a", 3, 0, NULL);
    shop_other_posts(&shop, "o2", "a", 2, 1, NULL);
    shop_other_posts(&shop, "o3", "b", 4, 0, NULL);
    shop_other_posts(&shop, "o4", "a", 1, 0, NULL);
    shop_other_posts(&shop, "o5", "a", 1, 0, NULL);
    shop_other_posts(&shop, "o6", "b", 0, 2, NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 3, "run");
}

static void
it_says_what_is_due(void)
{
    shop_said(&shop, "2 shipped and 0 cancelled units of 1 lines would be due");
    support_query_is(shop.url, "select mode from waybill.identity", "new");
}

static void
the_older_one_goes_on(void)
{
    shop_other_posts(&shop, "o7", "a", 2, 0, NULL);
    shop_ships(&shop, "('o1', 'a', 'p8', 1, 0), ('o8', 'a', 'p9', 2, 0)");
    shop_other_posts(&shop, "o8", "a", 2, 0, NULL);
}

static void
both_say_the_same(void)
{
    /* o1's new parcel is one that the older integration has not posted yet */
    shop_said(&shop, "agree");
    shop_said(&shop, "we_more");
    ck_assert_ptr_null(strstr(shop.out, "they_more"));
    ck_assert_int_eq(our_posts(), 0);
}

static bool
order_is_posted(void *ctx)
{
    (void)ctx;
    shop_must(&shop, 0, "run", "--order", "o1");
    return support_query_int(shop.url, "select count(*) from waybill.submissions"
                                       " where state = 'accepted'") == 1;
}

static void
one_order_alone(void)
{
    /* not before what the older one sent last must show */
    support_wait_until(order_is_posted, NULL, FIRST_POSTS_MS, "the canary");
    ck_assert_int_eq(our_posts(), 1);
    shop_ships(&shop, "('o9', 'a', 'p10', 2, 0), ('o10', 'b', 'p11', 1, 0)");
}

static bool
all_is_posted(void *ctx)
{
    (void)ctx;
    shop_must(&shop, 0, "run", "--max-posts", "10");
    return applied_units() == warehouse_units();
}

static void
few_of_them(void)
{
    support_wait_until(all_is_posted, NULL, FIRST_POSTS_MS, "the first ten");
    ck_assert_int_eq(our_posts(), 3);
}

static void
nothing_is_open(void)
{
    support_query_is(shop.url,
                     "select count(*) from waybill.report_submissions"
                     " where state in ('sending', 'unknown')",
                     "0");
}

static void
again(void)
{
    shop_must(&shop, 0, "run");
    shop_must(&shop, 0, "pause");
}

/* What takes over begins above what the file says: here the next ledger, beside posts of an older
 * one. */
static void
the_file_is_a_beginning(void)
{
    char file[300];
    int64_t posts = our_posts();

    (void)snprintf(file, sizeof(file), "%s/posted.csv", support_folder());
    shop_use(&shop, "second", "shop.lines", NULL);
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "csv", file);
    shop_must(&shop, 0, "run");
    ck_assert_int_eq(our_posts(), posts);
    shop_ships(&shop, "('o11', 'a', 'p12', 3, 0)");
    shop_must(&shop, 0, "run", "--sweep");
    ck_assert_int_eq(our_posts(), posts + 1);
    ck_assert_int_eq(applied_units(), warehouse_units());
}

/* ------------------------------------------------------------------- the section's commands */

/* In the order of the section; `order` stands where it says ID. */
static const struct step {
    const char *command;
    int code;
    void (*before)(void);
    void (*after)(void);
} STEPS[] = {
    {"waybill baseline --from api --dry-run", 0, there_is_history, it_says_what_is_due},
    {"waybill baseline --from api --shadow", 0, NULL, NULL},
    {"waybill run", 0, the_older_one_goes_on, NULL},
    {"waybill report shadow", 0, NULL, both_say_the_same},
    {"waybill resume --live --reason \"the old connector is off\"", 0, NULL, NULL},
    {"waybill run --order ID", 0, NULL, one_order_alone},
    {"waybill run --max-posts 10", 0, NULL, few_of_them},
    {"waybill audit --order ID", 0, NULL, NULL},
    {"waybill pause --reason \"back to the old connector\"", 0, NULL, NULL},
    {"waybill status", 0, NULL, nothing_is_open},
    {"waybill resume", 0, NULL, again},
    {"waybill report posted --format csv > posted.csv", 0, NULL, the_file_is_a_beginning},
};
#define STEPS_COUNT ((int)(sizeof(STEPS) / sizeof(STEPS[0])))

/* The code spans of the section that are commands; returns how many. */
static int
commands_of_readme(char out[COMMANDS_MAX][COMMAND_BYTES])
{
    char *text = support_read_file(README);
    char *at = strstr(text, SECTION);
    char *end;
    int count = 0;

    ck_assert_ptr_nonnull(at);
    end = strstr(at + strlen(SECTION), "\n## ");
    ck_assert_ptr_nonnull(end);
    *end = '\0';
    while ((at = strchr(at, '`')) != NULL) {
        char *close = strchr(at + 1, '`');

        ck_assert_ptr_nonnull(close);
        *close = '\0';
        if (strncmp(at + 1, "waybill ", 8) == 0) {
            ck_assert_int_lt(count, COMMANDS_MAX);
            (void)snprintf(out[count++], COMMAND_BYTES, "%s", at + 1);
        }
        at = close + 1;
    }
    free(text);
    return count;
}

static void
type(const char *command, int code)
{
    static const char SCRIPT[] =
        "cd \"$1\" && program=$2 config=$3 && waybill() { \"$program\" -c \"$config\" \"$@\"; }\n"
        "ID=o1\n";
    char text[COMMAND_BYTES * 2];
    const char *id = strstr(command, " ID");

    free(shop.out);
    free(shop.errors);
    shop.out = shop.errors = NULL;
    if (id != NULL)
        (void)snprintf(text, sizeof(text), "%s%.*s \"$ID\"%s\n", SCRIPT, (int)(id - command),
                       command, id + 3);
    else
        (void)snprintf(text, sizeof(text), "%s%s\n", SCRIPT, command);

    const char *const argv[] = {"sh",        "-c", text, "sh", support_folder(), SUPPORT_WAYBILL,
                                shop.config, NULL};
    int ended = support_run(argv, NULL, &shop.out, &shop.errors);

    ck_assert_msg(ended == code, "%s: %d, not %d: %s%s", command, ended, code, shop.out,
                  shop.errors);
}

START_TEST(the_steps_of_the_readme_cut_over_and_back_without_a_unit_lost_or_twice)
{
    static char commands[COMMANDS_MAX][COMMAND_BYTES];

    ck_assert_int_eq(commands_of_readme(commands), STEPS_COUNT);
    for (int i = 0; i < STEPS_COUNT; i++) {
        ck_assert_str_eq(commands[i], STEPS[i].command);
        if (STEPS[i].before != NULL)
            STEPS[i].before();
        type(commands[i], STEPS[i].code);
        if (STEPS[i].after != NULL)
            STEPS[i].after();
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cut over");
    TCase *tests = support_case(suite, "cut over", 120);

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_steps_of_the_readme_cut_over_and_back_without_a_unit_lost_or_twice);
    return support_run_suite(suite);
}
