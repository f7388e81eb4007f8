#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"

/* The helpers that other tests lean on: what they say must be true. */

START_TEST(a_database_is_its_own_and_gone_after_the_drop)
{
    char url[SUPPORT_URL_MAX];
    char state[6];
    char sql[256];
    char *name;

    support_database_create(url);
    name = support_query_text(url, "select current_database()");
    support_psql(url, "create table t (a int, b text); insert into t values (1, 'x'), (2, null)");
    support_query_is(url, "select a, b from t order by a", "1|x\n2|");
    ck_assert_int_eq(support_query_int(url, "select count(*) from t"), 2);
    support_wait_query(url, "select max(a) from t", "2", 1000);
    support_psql_state(url, "insert into t values ('x')", state);
    ck_assert_str_eq(state, "22P02");
    support_psql_state(url, "select 1", state);
    ck_assert_str_eq(state, "");
    (void)snprintf(sql, sizeof(sql), "select count(*) from pg_database where datname = '%s'", name);
    support_query_is(support_server_url(), sql, "1");
    support_database_drop(url);
    support_query_is(support_server_url(), sql, "0");
    free(name);
}
END_TEST

START_TEST(a_process_gives_its_output_and_its_end)
{
    const char *const argv[] = {"sh", "-c", "echo \"$GIVEN\"; echo bad >&2; exit 7", NULL};
    const char *const env[] = {"GIVEN=word", NULL};
    char *out = NULL;
    char *errors = NULL;

    ck_assert_int_eq(support_run(argv, env, &out, &errors), 7);
    ck_assert_str_eq(out, "word\n");
    ck_assert_str_eq(errors, "bad\n");
    free(out);
    free(errors);
}
END_TEST

START_TEST(a_signal_ends_a_process_and_a_missing_program_is_127)
{
    const char *const argv[] = {"sleep", "600", NULL};
    const char *const missing[] = {"/no/such/program", NULL};
    struct support_process process;

    support_spawn(&process, argv, NULL);
    ck_assert(support_is_running(&process));
    support_signal(&process, SIGKILL);
    ck_assert_int_eq(support_wait_exit(&process, 10000), 128 + SIGKILL);
    ck_assert(!support_is_running(&process));
    ck_assert_int_eq(support_run(missing, NULL, NULL, NULL), 127);
}
END_TEST

START_TEST(the_sandbox_starts_on_a_free_port_and_answers)
{
    struct support_sandbox sandbox;
    char *body = NULL;
    int status;

    support_sandbox_start(&sandbox, NULL);
    status = support_http_get(sandbox.url, &body);
    ck_assert_int_ge(status, 200);
    free(body);
    support_sandbox_stop(&sandbox);
    ck_assert_int_eq(support_http_get(sandbox.url, NULL), 0);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("support");
    TCase *tcase = support_case(s, "support", 60);

    tcase_add_test(tcase, a_database_is_its_own_and_gone_after_the_drop);
    tcase_add_test(tcase, a_process_gives_its_output_and_its_end);
    tcase_add_test(tcase, a_signal_ends_a_process_and_a_missing_program_is_127);
    tcase_add_test(tcase, the_sandbox_starts_on_a_free_port_and_answers);
    return s;
}

int
main(void)
{
    support_need_database();
    return support_run_suite(suite());
}
