#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/run.h"
#include "support/support.h"

static const struct {
    enum error_code error;
    enum exit_code code;
} mapping[] = {
    {ERROR_NONE, EXIT_CODE_DONE},        {ERROR_USAGE, EXIT_CODE_USAGE},
    {ERROR_CONFIG, EXIT_CODE_CONFIG},    {ERROR_STATE, EXIT_CODE_CONFIG},
    {ERROR_DB_LOST, EXIT_CODE_DATABASE}, {ERROR_DB, EXIT_CODE_DATABASE},
    {ERROR_API, EXIT_CODE_API},          {ERROR_NET, EXIT_CODE_API},
    {ERROR_NOMEM, EXIT_CODE_DATABASE},   {ERROR_LIMIT, EXIT_CODE_DATABASE},
    {ERROR_IO, EXIT_CODE_CONFIG},        {ERROR_PARSE, EXIT_CODE_CONFIG},
    {ERROR_CANCELLED, EXIT_CODE_DONE},
};

START_TEST(an_error_has_one_exit_code)
{
    struct error err = {.code = mapping[_i].error};

    ck_assert_int_eq(exit_code_of(&err), mapping[_i].code);
}
END_TEST

/* What time mends is the database's, what a person has to mend is the configuration's. */
START_TEST(a_refused_statement_has_the_exit_code_of_who_can_mend_it)
{
    static const struct {
        const char *sqlstate;
        enum exit_code code;
    } refusals[] = {
        {"42P01", EXIT_CODE_CONFIG},   {"42501", EXIT_CODE_CONFIG},   {"3F000", EXIT_CODE_CONFIG},
        {"22012", EXIT_CODE_CONFIG},   {"0A000", EXIT_CODE_CONFIG},   {"P0001", EXIT_CODE_CONFIG},
        {"42P05", EXIT_CODE_DATABASE}, {"57014", EXIT_CODE_DATABASE}, {"40001", EXIT_CODE_DATABASE},
        {"53300", EXIT_CODE_DATABASE}, {"XX000", EXIT_CODE_DATABASE}, {"", EXIT_CODE_DATABASE},
    };

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct error err = {.code = ERROR_DB};

        (void)snprintf(err.sqlstate, sizeof(err.sqlstate), "%s", refusals[i].sqlstate);
        ck_assert_msg(exit_code_of(&err) == refusals[i].code, "%s", refusals[i].sqlstate);
    }
}
END_TEST

START_TEST(of_two_exit_codes_the_graver_is_told)
{
    static const enum exit_code order[] = {EXIT_CODE_USAGE, EXIT_CODE_CONFIG, EXIT_CODE_DATABASE,
                                           EXIT_CODE_API,   EXIT_CODE_PERSON, EXIT_CODE_DONE};

    for (int i = 0; i < 6; i++) {
        for (int j = i; j < 6; j++) {
            ck_assert_int_eq(exit_code_worse(order[i], order[j]), order[i]);
            ck_assert_int_eq(exit_code_worse(order[j], order[i]), order[i]);
        }
    }
}
END_TEST

static char *
page(const struct command *command)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (command != NULL)
        help_command(command, out);
    else
        help_overview(out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static void
expect_narrow(const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");

        ck_assert_msg(length < 100, "%zu columns: %.120s", length, text);
        text += length + (text[length] != '\0');
    }
}

START_TEST(every_command_has_a_page_with_two_examples_under_100_columns)
{
    const struct command *command = command_at(_i);
    char *text = page(command);
    char beginning[64];

    (void)snprintf(beginning, sizeof(beginning), "usage: waybill %s", command->name);
    ck_assert_int_eq(strncmp(text, beginning, strlen(beginning)), 0);
    ck_assert_ptr_nonnull(strstr(text, "\n  -c, --config FILE"));
    expect_narrow(text);
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_nonnull(command->examples[i]);
        (void)snprintf(beginning, sizeof(beginning), "waybill %s", command->name);
        ck_assert_int_eq(strncmp(command->examples[i], beginning, strlen(beginning)), 0);
        ck_assert_ptr_nonnull(strstr(text, command->examples[i]));
    }
    for (const struct option *o = command->options; o->name != NULL; o++) {
        char spelled[64];

        (void)snprintf(spelled, sizeof(spelled), "--%s", o->name);
        ck_assert_msg(strstr(command->usage, spelled) != NULL, "%s: usage lacks %s", command->name,
                      spelled);
        ck_assert_ptr_nonnull(strstr(text, o->help));
    }
    free(text);
}
END_TEST

START_TEST(the_overview_names_every_command)
{
    char *text = page(NULL);

    expect_narrow(text);
    for (int i = 0; i < command_count(); i++) {
        ck_assert_ptr_nonnull(strstr(text, command_at(i)->summary));
        ck_assert_ptr_eq(command_find(command_at(i)->name), command_at(i));
    }
    ck_assert_ptr_null(command_find("rnu"));
    ck_assert_str_eq(command_nearest("rnu"), "run");
    ck_assert_ptr_null(command_nearest("frobnicate"));
    free(text);
}
END_TEST

START_TEST(the_page_of_the_configuration_has_every_key_with_its_range_and_default)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    help_config(out);
    ck_assert_int_eq(fclose(out), 0);
    expect_narrow(text);
    for (int i = 0; i < config_keys_count(); i++) {
        struct config_key_text key;
        char expected[512];

        config_key_describe(i, &key);
        (void)snprintf(expected, sizeof(expected), "\n  %s\n      %s\n      %s\n", key.name,
                       key.help, key.range);
        ck_assert_msg(strstr(text, expected) != NULL, "no %s", expected);
    }
    ck_assert_ptr_nonnull(strstr(text, "a whole number 1..256\n      default: 32\n"));
    ck_assert_ptr_nonnull(strstr(text, "database.url\n"));
    ck_assert_ptr_nonnull(strstr(text, "      required\n"));
    free(text);
    text = page(NULL);
    ck_assert_ptr_nonnull(strstr(text, "`waybill help config`"));
    free(text);
}
END_TEST

static const char config_text[] = "database: {url: 'dbname=x'}\n"
                                  "warehouse: {line_items: w.items, change_feed: scan, "
                                  "on_decrease: note}\n"
                                  "api: {base_url: 'http://127.0.0.1:1', key_env: K, mode: test,\n"
                                  "  second_marker: shipment_id, order_gate: false}\n"
                                  "run: {max_posts: 7, overlap: skip}\n";

static struct config *
config(void)
{
    struct config *out = NULL;
    struct config_problems *problems = NULL;
    struct error err = {0};

    ck_assert_msg(config_parse(config_text, strlen(config_text), "c.yaml", &out, &problems, &err),
                  "%s", err.message);
    return out;
}

static bool
fill(const struct config *from, const char *const *argv, int argc, const char *command,
     struct sync_options *out, struct error *err)
{
    const struct option *tables[] = {command_find(command)->options, COMMAND_OPTIONS};
    struct options options;

    ck_assert(options_parse(argc, argv, 1, tables, 2, &options, err));
    return run_options_fill(from, &options, NULL, command, out, err);
}

START_TEST(the_command_line_wins_over_the_configuration)
{
    const char *const argv[] = {"waybill", "run", "--max-posts=3", "--order", "o 1", "--sweep"};
    struct config *from = config();
    struct sync_options options;
    struct error err = {0};

    ck_assert(fill(from, argv, 2, "run", &options, &err));
    ck_assert_int_eq(options.posts_max, 7);
    ck_assert(!options.wants_sweep && options.only_order == NULL);
    ck_assert(options.is_scan && options.decrease_is_note && options.marker_as_shipment_id);
    ck_assert(options.skips_overlap && !options.has_gate && !options.is_live);
    ck_assert(fill(from, argv, 6, "run", &options, &err));
    ck_assert_int_eq(options.posts_max, 3);
    ck_assert(options.wants_sweep);
    ck_assert_str_eq(options.only_order, "o 1");
    ck_assert_str_eq(options.line_items, "w.items");
    config_free(from);
}
END_TEST

static const char *const bad_values[] = {
    "--max-posts=-1", "--max-posts=abc",        "--max-posts=1.5",
    "--max-posts=",   "--max-posts=1000000001", "--order="};

START_TEST(a_value_out_of_its_range_is_a_usage_error)
{
    const char *const argv[] = {"waybill", "run", bad_values[_i]};
    struct config *from = config();
    struct sync_options options;
    struct error err = {0};

    ck_assert(!fill(from, argv, 3, "run", &options, &err));
    ck_assert_int_eq(err.code, ERROR_USAGE);
    ck_assert_ptr_nonnull(strstr(err.message, "got \""));
    config_free(from);
}
END_TEST

START_TEST(the_summary_is_one_line)
{
    static const struct {
        struct sync_summary summary;
        const char *expected;
    } lines[] = {
        {{.run_id = 17,
          .looked_at = 3,
          .planned = 2,
          .accepted = 2,
          .missed_by_feed = -1,
          .duration_ms = 449},
         "run 17: looked at 3, planned 2, accepted 2, rejected 0, unknown 0, retried 0, held 0, "
         "opened 0, backlog 0 in 0.4 s\n"},
        {{.run_id = 1,
          .missed_by_feed = 4,
          .backlog = 9,
          .duration_ms = 61050,
          .was_stopped = true},
         "run 1: looked at 0, planned 0, accepted 0, rejected 0, unknown 0, retried 0, held 0, "
         "opened 0, missed by the feed 4, backlog 9 in 61.0 s, stopped\n"},
        {{.was_skipped = true},
         "run: skipped, another run of this host is active (run.overlap: skip)\n"},
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        run_put_summary("run", &lines[i].summary, out);
        ck_assert_int_eq(fclose(out), 0);
        ck_assert_str_eq(text, lines[i].expected);
        free(text);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("command");
    TCase *tcase = support_case(suite, "command", 10);

    tcase_add_loop_test(tcase, an_error_has_one_exit_code, 0, sizeof(mapping) / sizeof(mapping[0]));
    tcase_add_test(tcase, a_refused_statement_has_the_exit_code_of_who_can_mend_it);
    tcase_add_test(tcase, of_two_exit_codes_the_graver_is_told);
    tcase_add_loop_test(tcase, every_command_has_a_page_with_two_examples_under_100_columns, 0,
                        command_count());
    tcase_add_test(tcase, the_overview_names_every_command);
    tcase_add_test(tcase, the_page_of_the_configuration_has_every_key_with_its_range_and_default);
    tcase_add_test(tcase, the_command_line_wins_over_the_configuration);
    tcase_add_loop_test(tcase, a_value_out_of_its_range_is_a_usage_error, 0,
                        sizeof(bad_values) / sizeof(bad_values[0]));
    tcase_add_test(tcase, the_summary_is_one_line);
    return support_run_suite(suite);
}
