#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

static char url[SUPPORT_URL_MAX];
static const char *config;

/* A configuration with this database, and an API where nobody listens, nor is asked for news. */
static const char *
write_config(const char *name, const char *database)
{
    char text[SUPPORT_URL_MAX + 512];
    const char *key = support_write_file("key", "sk_test\n", 0600);

    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\n"
                   "warehouse:\n  line_items: public.items\n"
                   "api:\n  base_url: http://127.0.0.1:%d\n  key_file: %s\n  mode: test\n"
                   "follow: {events: false}\n",
                   database, support_free_port(), key);
    return support_write_file(name, text, 0600);
}

static void
setup(void)
{
    support_database_create(url);
    support_psql(url, "create view public.items as select 'o1'::text as order_id, 'a'::text as"
                      " item_id, 5 as ordered_quantity, 3 as shipped_quantity,"
                      " 0 as cancelled_quantity");
    config = write_config("waybill.yaml", url);
}

/* Up to four arguments after the program. */
static void
expect(const char *const arguments[4], int code, const char *in_out, const char *in_errors)
{
    const char *argv[6] = {SUPPORT_WAYBILL};
    char *out = NULL;
    char *errors = NULL;
    int seen;

    for (int i = 0; i < 4; i++)
        argv[i + 1] = arguments[i];
    seen = support_run(argv, NULL, &out, &errors);
    ck_assert_msg(seen == code, "exit %d instead of %d: %s%s", seen, code, out, errors);
    if (in_out != NULL)
        ck_assert_msg(strstr(out, in_out) != NULL, "stdout: %s", out);
    else
        ck_assert_str_eq(out, "");
    if (in_errors != NULL)
        ck_assert_msg(strstr(errors, in_errors) != NULL, "stderr: %s", errors);
    free(out);
    free(errors);
}
#define ARGS(...) ((const char *const[4]){__VA_ARGS__})

/* The program as `sh` starts it with these redirections. */
static int
run_redirected(const char *arguments, char **out, char **errors)
{
    char line[1024];
    const char *argv[] = {"sh", "-c", line, NULL};

    (void)snprintf(line, sizeof(line), "exec %s -c %s %s", SUPPORT_WAYBILL, config, arguments);
    return support_run(argv, NULL, out, errors);
}

START_TEST(usage_errors_are_told_before_any_file_is_read)
{
    expect(ARGS(NULL), 2, "commands:", NULL);
    expect(ARGS("--help"), 0, "commands:", NULL);
    expect(ARGS("run", "--help"), 0, "usage: waybill run", NULL);
    expect(ARGS("help", "plan"), 0, "usage: waybill plan", NULL);
    expect(ARGS("help", "help"), 0, "usage: waybill ", NULL);
    expect(ARGS("help", "config"), 0, "api.max_in_flight\n", NULL);
    expect(ARGS("version"), 0, "libpq ", NULL);
    expect(ARGS("report"), 0, "line_items", NULL);
    expect(ARGS("rnu"), 2, NULL,
           "waybill: unknown command \"rnu\", did you mean run?\ntry 'waybill --help'\n");
    expect(ARGS("run", "--swep", "-c", "/nonexistent"), 2, NULL,
           "waybill run: unknown option \"--swep\", did you mean --sweep?\n"
           "try 'waybill run --help'\n");
    expect(ARGS("run", "--max-posts=x", "-c", "/nonexistent"), 2, NULL, "got \"x\"");
    expect(ARGS("baseline"), 2, NULL, "--from must be given");
    expect(ARGS("retry", "--kind=foo", "-c", "/nonexistent"), 2, NULL, "got \"foo\"");
    expect(ARGS("release", "--kind=reject", "-c", "/nonexistent"), 2, NULL,
           "did you mean rejected?");
    expect(ARGS("hold", "--kind=moved", "-c", "/nonexistent"), 3, NULL, "/nonexistent");
    expect(ARGS("audit", "--since=foo", "-c", "/nonexistent"), 2, NULL, "got \"foo\"");
    expect(ARGS("baseline", "--from=warehouse", "--before=2026-13-01", "-c/nonexistent"), 2, NULL,
           "got \"2026-13-01\"");
    expect(ARGS("audit", "--since=Nov 1", "-c", "/nonexistent"), 3, NULL, "/nonexistent");
    expect(ARGS("baseline", "--from=nothing", "--dry-runs"), 2, NULL, "unknown option");
    expect(ARGS("report", "line_item"), 2, NULL, "did you mean line_items?");
    expect(ARGS("report", "order"), 2, NULL, "--id ORDER");
    expect(ARGS("status", "--log-level=loud"), 2, NULL, "got \"loud\"");
    expect(ARGS("frob\x1b[2J"), 2, NULL, "unknown command \"frob\\u{1b}[2J\"");
}
END_TEST

START_TEST(a_bad_file_is_exit_3_with_every_line_of_it)
{
    const char *bad = support_write_file("bad.yaml", "database:\n  url: x\nzzz: 1\n", 0600);

    expect(ARGS("run", "-c", bad), 3, NULL, "bad.yaml:3:1: zzz: unknown key");
    expect(ARGS("status", "-c", bad), 3, NULL, "warehouse.line_items: must be given");
    expect(ARGS("status", "-c", "/nonexistent.yaml"), 3, NULL, "/nonexistent.yaml");
}
END_TEST

START_TEST(an_unreachable_database_is_exit_4)
{
    char down[SUPPORT_URL_MAX];

    (void)snprintf(down, sizeof(down), "postgresql://postgres@127.0.0.1:%d/x", support_free_port());
    config = write_config("down.yaml", down);
    expect(ARGS("run", "-c", config), 4, NULL, "cannot connect");
    expect(ARGS("status", "-c", config), 4, NULL, "cannot connect");
    expect(ARGS("check", "-c", config), 4, "FAIL  database", NULL);
}
END_TEST

START_TEST(from_init_to_a_plan)
{
    char option[600];

    (void)snprintf(option, sizeof(option), "-c%s", config);
    expect(ARGS("status", "-c", config), 3, NULL, "hint: run: waybill init");
    expect(ARGS("check", "-c", config), 3, "waybill init", NULL);
    expect(ARGS("init", "-c", config), 0, "created", NULL);
    expect(ARGS("init", "-c", config), 0, "already", NULL);
    expect(ARGS("run", "-q", "-c", config), 3, NULL, "waybill baseline");
    expect(ARGS("status", "-c", config), 0, "next:     waybill baseline --from nothing", NULL);
    expect(ARGS("baseline", "--from=nothing", "-c", config), 0, "baseline:", NULL);
    expect(ARGS("baseline", "--from=warehouse", "-c", config), 3, NULL,
           "waybill baseline: the ledger is live, its baseline is given already");
    expect(ARGS("resume", "--live", "--reason=x", option), 3, NULL, "waybill resume: the ledger");
    expect(ARGS("plan", "-c", config), 0, "3 units of 1 lines in 1 orders would be posted", NULL);
    expect(ARGS("plan", "--json", "-c", config), 0, "\"item_id\":\"a\",\"shipped\":3,", NULL);
    expect(ARGS("plan", "--explain=o1", "-c", config), 0, "asking the API for the order", NULL);
    expect(ARGS("plan", "--explain=o2", "-c", config), 0, "nothing to post", NULL);
    support_query_is(url, "select count(*) from waybill.rows", "0");
    expect(ARGS("check", "-c", config), 5, "FAIL  api", NULL);
    expect(ARGS("status", "--json", "-c", config), 0, "\"mode\":\"live\"", NULL);
    expect(ARGS("report", "--format=csv", "health", "--config"), 2, NULL, "--config needs a value");
    expect(ARGS("report", "line_items", "-c", config), 0, "(none)\n", NULL);
    expect(ARGS("report", "runs", "--id=o"), 2, NULL, "report runs is not about orders");
}
END_TEST

START_TEST(a_warehouse_without_due_units_has_nothing_to_post)
{
    expect(ARGS("init", "-q", "-c", config), 0, NULL, NULL);
    expect(ARGS("baseline", "--from=warehouse", "-c", config), 0, "3 units of 1 rows", NULL);
    expect(ARGS("plan", "-c", config), 0, "nothing to post\n", NULL);
    expect(ARGS("plan", "--json", "-c", config), 0, "[]\n", NULL);
}
END_TEST

START_TEST(what_is_for_the_owner_is_refused_to_a_worker_as_configuration)
{
    char worker_url[SUPPORT_URL_MAX];
    char *name = support_query_text(url, "select current_database()");
    const char *worker;

    support_psql(url, "do $$ begin if not exists (select from pg_roles where rolname ="
                      " 'test_cli_worker') then create role test_cli_worker login; end if; end $$");
    support_url(name, "test_cli_worker", worker_url);
    free(name);
    expect(ARGS("init", "--grant=test_cli_worker", "-c", config), 0, "created", NULL);
    worker = write_config("worker.yaml", worker_url);
    expect(ARGS("baseline", "--from=nothing", "-c", worker), 3, NULL, "owns the ledger");
    expect(ARGS("prune", "--keep=90d", "-c", worker), 3, NULL, "owns the ledger");
}
END_TEST

START_TEST(a_reporter_may_ask_for_reports_and_the_status)
{
    const char *reporter;
    char option[600];
    char reporter_url[SUPPORT_URL_MAX];
    char *name = support_query_text(url, "select current_database()");

    support_psql(url, "do $$ begin if not exists (select from pg_roles where rolname ="
                      " 'test_cli_reporter') then create role test_cli_reporter login; end if;"
                      " end $$; grant usage on schema public to test_cli_reporter;"
                      " grant select on public.items to test_cli_reporter");
    support_url(name, "test_cli_reporter", reporter_url);
    free(name);
    reporter = write_config("reporter.yaml", reporter_url);
    expect(ARGS("init", "-q", "-c", config), 0, NULL, NULL);
    expect(ARGS("status", "-c", reporter), 3, NULL, "--grant-reports test_cli_reporter");
    expect(ARGS("init", "--grant-reports=test_cli_reporter", "-c", config), 0, "", NULL);
    expect(ARGS("baseline", "--from=nothing", "-c", config), 0, "baseline:", NULL);
    support_psql(url, "select waybill.touch('o1')");
    expect(ARGS("report", "line_items", "-c", reporter), 0, "(none)\n", NULL);
    (void)snprintf(option, sizeof(option), "-c%s", reporter);
    expect(ARGS("report", "order", "--id=o1", option), 0, "to be looked at", NULL);
    expect(ARGS("status", "-c", reporter), 0, "live", NULL);
    expect(ARGS("status", "--json", "-c", reporter), 0, "\"mode\":\"live\"", NULL);
    expect(ARGS("report", "--html=-", "-c", reporter), 0, "<html", NULL);
    expect(ARGS("run", "-q", "-c", reporter), 3, NULL, "permission denied");
    expect(ARGS("pause", "-c", reporter), 3, NULL, "permission denied");
    expect(ARGS("plan", "-c", reporter), 3, NULL, "permission denied");
}
END_TEST

START_TEST(results_that_nobody_can_read_are_an_error)
{
    static const char *const commands[] = {
        "report line_items --format csv >&-",
        "report line_items >/dev/full",
        "plan --json >&-",
        "plan >/dev/full",
        "status >&-",
        "report >&-",
        "version >&-",
        "help >/dev/full",
        "status --help >&-",
    };

    expect(ARGS("init", "-q", "-c", config), 0, NULL, NULL);
    expect(ARGS("baseline", "--from=nothing", "-c", config), 0, "baseline:", NULL);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        char *errors = NULL;
        int seen = run_redirected(commands[i], NULL, &errors);

        ck_assert_msg(seen == 3, "%s: exit %d: %s", commands[i], seen, errors);
        ck_assert_msg(strstr(errors, "can't be written") != NULL, "%s: %s", commands[i], errors);
        free(errors);
    }
}
END_TEST

START_TEST(a_run_without_standard_descriptors_is_a_run)
{
    static const char *const closed[] = {"<&- 2>&-", "<&- >&- 2>&-", "<&- >&-", ">/dev/full"};
    char *out = NULL;
    int seen;

    expect(ARGS("init", "-q", "-c", config), 0, NULL, NULL);
    expect(ARGS("baseline", "--from=warehouse", "-c", config), 0, "baseline:", NULL);
    seen = run_redirected("run --sweep", NULL, NULL);
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
        char arguments[64];

        (void)snprintf(arguments, sizeof(arguments), "run --sweep %s", closed[i]);
        ck_assert_int_eq(run_redirected(arguments, &out, NULL), seen);
        ck_assert_msg(strstr(out, "stopped") == NULL, "%s: %s", closed[i], out);
        free(out);
        out = NULL;
    }
    support_query_is(url, "select count(*), count(distinct exit_code) from waybill.report_runs",
                     "5|1");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cli");
    TCase *tcase;

    support_need_database();
    tcase = support_case(suite, "cli", 120);
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, usage_errors_are_told_before_any_file_is_read);
    tcase_add_test(tcase, a_bad_file_is_exit_3_with_every_line_of_it);
    tcase_add_test(tcase, an_unreachable_database_is_exit_4);
    tcase_add_test(tcase, from_init_to_a_plan);
    tcase_add_test(tcase, a_warehouse_without_due_units_has_nothing_to_post);
    tcase_add_test(tcase, what_is_for_the_owner_is_refused_to_a_worker_as_configuration);
    tcase_add_test(tcase, a_reporter_may_ask_for_reports_and_the_status);
    tcase_add_test(tcase, results_that_nobody_can_read_are_an_error);
    tcase_add_test(tcase, a_run_without_standard_descriptors_is_a_run);
    return support_run_suite(suite);
}
