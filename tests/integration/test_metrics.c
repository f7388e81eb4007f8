#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/support.h"

static char url[SUPPORT_URL_MAX];
static char file[600];
static struct support_sandbox sandbox;
static const char *config;

static const char *
write_config(const char *database, const char *metrics_file)
{
    char text[SUPPORT_URL_MAX + 1024];
    const char *key = support_write_file("key", "sk_test_sandbox\n", 0600);

    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\n"
                   "warehouse:\n  line_items: public.items\n  change_feed: queue\n"
                   "api:\n  base_url: %s\n  key_file: %s\n  mode: test\n  order_gate: false\n"
                   "  settle_ms: 100\n  timeout_ms: 2000\n"
                   "metrics_file: %s\n",
                   database, sandbox.url, key, metrics_file);
    return support_write_file("waybill.yaml", text, 0600);
}

static int
waybill(const char *command, const char *argument, char **errors)
{
    return support_run(
        (const char *const[]){SUPPORT_WAYBILL, "-c", config, command, argument, NULL}, NULL, NULL,
        errors);
}

static void
setup(void)
{
    const char *orders = support_write_file(
        "orders.jsonl",
        "{\"id\":\"o1\",\"items\":[{\"id\":\"a\",\"quantity\":5},{\"id\":\"b\",\"quantity\":2}]}\n",
        0644);

    support_database_create(url);
    support_psql(url, "create table public.items (order_id text, item_id text,"
                      " ordered_quantity int, shipped_quantity int, cancelled_quantity int)");
    support_sandbox_start(&sandbox,
                          ((const char *const[]){"--orders", orders, "--rate", "0", NULL}));
    (void)snprintf(file, sizeof(file), "%s/waybill.prom", support_folder());
    (void)unlink(file);
    config = write_config(url, file);
    ck_assert_int_eq(waybill("init", "-q", NULL), 0);
    ck_assert_int_eq(waybill("baseline", "--from=nothing", NULL), 0);
}

static void
teardown(void)
{
    support_sandbox_stop(&sandbox);
}

static void
run(int code)
{
    char *errors = NULL;
    int seen = waybill("run", "--sweep", &errors);

    ck_assert_msg(seen == code, "exit %d instead of %d: %s", seen, code, errors);
    free(errors);
}

static void
expect(const char *line)
{
    char *text = support_read_file(file);

    ck_assert_msg(strstr(text, line) != NULL, "no \"%s\" in\n%s", line, text);
    free(text);
}

START_TEST(counters_go_on_from_run_to_run)
{
    support_psql(url, "insert into public.items values ('o1', 'a', 5, 2, 0)");
    run(0);
    expect("waybill_posts_total{ledger=\"waybill\",outcome=\"accepted\"} 1\n");
    expect("waybill_runs_total{ledger=\"waybill\",exit_code=\"0\"} 1\n");
    expect("waybill_up{ledger=\"waybill\"} 1\n");
    expect("waybill_last_run_exit_code{ledger=\"waybill\"} 0\n");
    expect("waybill_mode{ledger=\"waybill\",mode=\"live\"} 1\n");
    support_psql(url, "update public.items set shipped_quantity = 4");
    run(0);
    expect("waybill_posts_total{ledger=\"waybill\",outcome=\"accepted\"} 2\n");
    expect("waybill_post_duration_seconds_count{ledger=\"waybill\"} 2\n");
    expect("waybill_runs_total{ledger=\"waybill\",exit_code=\"0\"} 2\n");
    run(0);
    expect("waybill_posts_total{ledger=\"waybill\",outcome=\"accepted\"} 2\n");
    expect("waybill_backlog_units{ledger=\"waybill\",state=\"planned\"} 0\n");
}
END_TEST

START_TEST(a_discrepancy_shows_under_its_kind)
{
    support_psql(url, "insert into public.items values ('o1', 'a', 5, 6, 0)");
    run(1);
    expect("waybill_open_discrepancies{ledger=\"waybill\",kind=\"over_quantity\"} 1\n");
    expect("waybill_open_discrepancies{ledger=\"waybill\",kind=\"double\"} 0\n");
    expect("waybill_runs_total{ledger=\"waybill\",exit_code=\"1\"} 1\n");
}
END_TEST

START_TEST(each_kind_of_discrepancy_has_its_series)
{
    char *kinds = support_query_text(
        url, "select m[1] from pg_constraint, regexp_matches(pg_get_constraintdef(oid),"
             " '''([a-z_]+)''', 'g') m where conrelid = 'waybill.discrepancies'::regclass"
             " and pg_get_constraintdef(oid) like '%over_quantity%'");
    int count = 0;

    run(0);
    for (const char *kind = kinds; *kind != '\0'; kind += strspn(kind, "\n")) {
        int length = (int)strcspn(kind, "\n");
        char line[200];

        (void)snprintf(line, sizeof(line),
                       "waybill_open_discrepancies{ledger=\"waybill\",kind=\"%.*s\"} 0\n", length,
                       kind);
        if (strncmp(kind, "moved", 5) != 0) /* a note */
            expect(line);
        kind += length;
        count++;
    }
    free(kinds);
    ck_assert_int_ge(count, 24);
}
END_TEST

START_TEST(a_file_that_can_not_be_written_is_one_warning_and_no_failure)
{
    char pipe_path[600];
    const char *places[2] = {"/nonexistent/waybill.prom", pipe_path};

    (void)snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", support_folder());
    ck_assert_int_eq(mkfifo(pipe_path, 0600), 0);
    for (size_t i = 0; i < 2; i++) {
        char *errors = NULL;
        char *found;

        config = write_config(url, places[i]);
        ck_assert_int_eq(waybill("run", "--sweep", &errors), 0);
        found = strstr(errors, "room=metrics event=not_written");
        ck_assert_msg(found != NULL, "%s", errors);
        ck_assert_ptr_null(strstr(found + 1, "room=metrics"));
        ck_assert_ptr_nonnull(strstr(found, i == 0 ? "/nonexistent" : "no ordinary file"));
        free(errors);
    }
}
END_TEST

START_TEST(a_lost_database_leaves_the_counters_and_says_down)
{
    support_psql(url, "insert into public.items values ('o1', 'a', 5, 2, 0)");
    run(0);
    config = write_config("postgresql://postgres@127.0.0.1:1/x", file);
    ck_assert_int_eq(waybill("run", "-q", NULL), 4);
    expect("waybill_up{ledger=\"waybill\"} 0\n");
    expect("waybill_posts_total{ledger=\"waybill\",outcome=\"accepted\"} 1\n");
    expect("waybill_runs_total{ledger=\"waybill\",exit_code=\"4\"} 1\n");
}
END_TEST

/* Names, types and help as Prometheus' own linter wants them. */
START_TEST(promtool_finds_nothing_to_say)
{
    char command[800];
    char *out = NULL;
    char *errors = NULL;
    int code;

    run(0);
    (void)snprintf(command, sizeof(command), "promtool check metrics < '%s'", file);
    code = support_run((const char *const[]){"/bin/sh", "-c", command, NULL}, NULL, &out, &errors);
    ck_assert_msg(code == 0, "%s%s", out, errors);
    ck_assert_msg(strstr(errors, "waybill_") == NULL, "%s", errors);
    free(out);
    free(errors);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tcase;

    support_need_database();
    tcase = support_case(suite, "metrics", 120);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, counters_go_on_from_run_to_run);
    tcase_add_test(tcase, a_discrepancy_shows_under_its_kind);
    tcase_add_test(tcase, each_kind_of_discrepancy_has_its_series);
    tcase_add_test(tcase, a_file_that_can_not_be_written_is_one_warning_and_no_failure);
    tcase_add_test(tcase, a_lost_database_leaves_the_counters_and_says_down);
    if (access("/usr/bin/promtool", X_OK) == 0)
        tcase_add_test(tcase, promtool_finds_nothing_to_say);
    else
        (void)fputs("left out: no promtool to check the file with\n", stderr);
    return support_run_suite(suite);
}
