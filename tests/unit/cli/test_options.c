#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/options.h"
#include "support/support.h"

static const struct option own[] = {{"sweep", 0, NULL, ""},
                                    {"max-posts", 0, "N", ""},
                                    {"order", 0, "ID", ""},
                                    {NULL, 0, NULL, NULL}};
static const struct option common[] = {
    {"config", 'c', "FILE", ""}, {"quiet", 'q', NULL, ""}, {NULL, 0, NULL, NULL}};
static const struct option *const tables[] = {own, common};

#define ARGUMENTS_MAX 8

static int
count(const char *const *argv)
{
    int argc = 0;

    while (argv[argc] != NULL)
        argc++;
    return argc;
}

/* config|quiet|sweep|max-posts|order|positionals; "-" is not given, "+" an empty value. */
static const struct {
    const char *argv[ARGUMENTS_MAX];
    const char *expected;
} accepted[] = {
    {{"waybill", "run", NULL}, "-|-|-|-|-|"},
    {{"waybill", "run", "-c", "f", "--sweep", NULL}, "f|-|+|-|-|"},
    {{"waybill", "-c", "f", "run", "--sweep", NULL}, "f|-|+|-|-|"},
    {{"waybill", "-cf", "-q", "run", NULL}, "f|+|-|-|-|"},
    {{"waybill", "run", "--config=f", "--max-posts=3", NULL}, "f|-|-|3|-|"},
    {{"waybill", "run", "--order=", NULL}, "-|-|-|-|+|"},
    {{"waybill", "run", "--order", "a=b", NULL}, "-|-|-|-|a=b|"},
    {{"waybill", "run", "--order", "-5", NULL}, "-|-|-|-|-5|"},
    {{"waybill", "run", "--max-posts", "1", "--max-posts", "2", NULL}, "-|-|-|2|-|"},
    {{"waybill", "run", "x", "--sweep", "y", NULL}, "-|-|+|-|-|x y"},
    {{"waybill", "run", "--", "--sweep", NULL}, "-|-|-|-|-|--sweep"},
    {{"waybill", "run", "-", NULL}, "-|-|-|-|-|-"},
};

START_TEST(an_option_may_stand_before_or_after_in_every_spelling)
{
    static const char *const names[] = {"config", "quiet", "sweep", "max-posts", "order"};
    const char *const *argv = accepted[_i].argv;
    struct options options;
    struct error err = {0};
    char seen[256] = "";
    size_t used = 0;
    int at = options_first_positional(count(argv), argv, tables, 2);

    ck_assert_str_eq(argv[at], "run");
    ck_assert_msg(options_parse(count(argv), argv, at, tables, 2, &options, &err), "%s",
                  err.message);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = options_get(&options, names[i]);

        used += (size_t)snprintf(seen + used, sizeof(seen) - used, "%s|",
                                 value == NULL      ? "-"
                                 : value[0] == '\0' ? "+"
                                                    : value);
    }
    for (int i = 0; i < options.positionals_count; i++)
        used += (size_t)snprintf(seen + used, sizeof(seen) - used, "%s%s", i > 0 ? " " : "",
                                 options.positionals[i]);
    ck_assert_str_eq(seen, accepted[_i].expected);
}
END_TEST

static const struct {
    const char *argv[ARGUMENTS_MAX];
    const char *message;
} refused[] = {
    {{"waybill", "run", "--sweeep", NULL}, "unknown option \"--sweeep\", did you mean --sweep?"},
    {{"waybill", "run", "--max-post=3", NULL},
     "unknown option \"--max-post\", did you mean --max-posts?"},
    {{"waybill", "run", "--dry-run", NULL}, "unknown option \"--dry-run\""},
    {{"waybill", "run", "-x", NULL}, "unknown option \"-x\""},
    {{"waybill", "run", "--max-posts", NULL}, "--max-posts needs a value: --max-posts N"},
    {{"waybill", "run", "--order", "--sweep", NULL}, "--order needs a value: --order ID"},
    {{"waybill", "run", "--sweep=yes", NULL}, "--sweep takes no value, got \"--sweep=yes\""},
    {{"waybill", "run", "a", "b", "c", "d", "e", NULL}, "too many arguments: \"e\""},
};

START_TEST(a_mistake_is_named_with_what_was_meant)
{
    const char *const *argv = refused[_i].argv;
    struct options options;
    struct error err = {0};

    ck_assert(!options_parse(count(argv), argv, 1, tables, 2, &options, &err));
    ck_assert_int_eq(err.code, ERROR_USAGE);
    ck_assert_str_eq(err.message, refused[_i].message);
}
END_TEST

START_TEST(the_value_of_an_option_is_not_taken_for_the_command)
{
    const char *const argv[] = {"waybill", "--config", "run", "-q", "status", NULL};
    const char *const none[] = {"waybill", "--config", "run", NULL};

    ck_assert_int_eq(options_first_positional(5, argv, tables, 2), 4);
    ck_assert_int_eq(options_first_positional(3, none, tables, 2), 0);
}
END_TEST

START_TEST(only_a_slip_is_taken_for_another_word)
{
    static const char *const words[] = {"run", "watch", "status", "report"};

    ck_assert_str_eq(options_nearest("rnu", words, 4), "run");
    ck_assert_str_eq(options_nearest("staus", words, 4), "status");
    ck_assert_str_eq(options_nearest("wacth", words, 4), "watch");
    ck_assert_ptr_null(options_nearest("prune", words, 4));
    ck_assert_ptr_null(options_nearest("", words, 4));
    ck_assert_ptr_null(options_nearest("statusstatusstatusstatusstatusstatusstatus", words, 4));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("options");
    TCase *tcase = support_case(suite, "options", 10);

    tcase_add_loop_test(tcase, an_option_may_stand_before_or_after_in_every_spelling, 0,
                        sizeof(accepted) / sizeof(accepted[0]));
    tcase_add_loop_test(tcase, a_mistake_is_named_with_what_was_meant, 0,
                        sizeof(refused) / sizeof(refused[0]));
    tcase_add_test(tcase, the_value_of_an_option_is_not_taken_for_the_command);
    tcase_add_test(tcase, only_a_slip_is_taken_for_another_word);
    return support_run_suite(suite);
}
