#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "pg/pg.h"
#include "support/support.h"

static char url[SUPPORT_URL_MAX];
static struct pg *pg;
static struct error err;

static const struct pg_stmt stmt_add = {
    .name = "add", .sql = "select $1::int4 + $2::int4", .nparams = 2, .ncols = 1};

static struct pg_options
options(void)
{
    return (struct pg_options){
        .url = url,
        .application_name = "waybill test",
        .search_path = "odd \"schema",
        .connect_timeout_ms = 5000,
        .statement_timeout_ms = 30000,
        .lock_timeout_ms = 2000,
        .idle_in_transaction_timeout_ms = 60000,
        .is_durable = true,
    };
}

static void
setup(void)
{
    struct pg_options wanted = options();

    error_clear(&err);
    support_database_create(url);
    pg = NULL;
    ck_assert_msg(pg_open(&pg, &wanted, &err), "%s: %s", err.context, err.message);
}

static void
teardown(void)
{
    pg_close(pg);
    pg = NULL;
}

static void
expect_error(bool ok, enum error_code code, const char *part)
{
    ck_assert(!ok);
    ck_assert_msg(err.code == code, "code %d: %s", (int)err.code, err.message);
    ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
}

static char *
ask(const char *sql)
{
    struct pg_rows *rows = NULL;
    const char *text;
    char *copy = NULL;

    ck_assert_msg(pg_query(pg, sql, 0, NULL, &rows, &err), "%s", err.message);
    text = pg_rows_text(rows, 0, 0);
    copy = text == NULL ? NULL : strdup(text);
    pg_rows_free(rows);
    return copy;
}

static void
expect_value(const char *sql, const char *expected)
{
    char *text = ask(sql);

    ck_assert_str_eq(text, expected);
    free(text);
}

/* --- the session --- */

START_TEST(the_session_is_set_up_whatever_the_database_says)
{
    char pid[32];
    struct pg_options wanted = options();

    pg_close(pg);
    pg = NULL;
    support_psql(url,
                 "do $$ declare s text; begin"
                 " foreach s in array array['synchronous_commit = off', 'jit = on',"
                 "  'timezone = ''Asia/Tokyo''', 'datestyle = ''German''',"
                 "  'default_transaction_read_only = on', 'statement_timeout = 900',"
                 "  'default_transaction_isolation = ''serializable''', 'search_path = nowhere']"
                 " loop execute format('alter database %I set %s', current_database(), s);"
                 " end loop; end $$");
    ck_assert_msg(pg_open(&pg, &wanted, &err), "%s", err.message);
    expect_value("show synchronous_commit", "on");
    expect_value("show jit", "off");
    expect_value("show timezone", "UTC");
    expect_value("select timestamptz '2026-01-02 03:04:05+00'", "2026-01-02 03:04:05+00");
    expect_value("show transaction_read_only", "off");
    expect_value("show transaction_isolation", "read committed");
    expect_value("show statement_timeout", "30s");
    expect_value("show lock_timeout", "2s");
    expect_value("show idle_in_transaction_session_timeout", "1min");
    expect_value("show idle_session_timeout", "0");
    expect_value("show search_path", "\"odd \"\"schema\", pg_temp");
    expect_value("show client_encoding", "UTF8");
    expect_value("show application_name", "waybill test");
    expect_value("show max_parallel_workers_per_gather", "0");
    (void)snprintf(pid, sizeof(pid), "%d", pg_backend_pid(pg));
    expect_value("select pg_backend_pid()", pid);
    ck_assert(!pg_is_pooled(pg));
}
END_TEST

START_TEST(a_stricter_synchronous_commit_is_kept)
{
    struct pg_options wanted = options();

    pg_close(pg);
    pg = NULL;
    support_psql(url, "do $$ begin execute format('alter database %I set synchronous_commit ="
                      " remote_apply', current_database()); end $$");
    ck_assert(pg_open(&pg, &wanted, &err));
    expect_value("show synchronous_commit", "remote_apply");
}
END_TEST

START_TEST(without_the_wish_for_durability_the_setting_of_the_database_stays)
{
    struct pg_options wanted = options();

    pg_close(pg);
    pg = NULL;
    wanted.is_durable = false;
    support_psql(url, "do $$ begin execute format('alter database %I set synchronous_commit = off',"
                      " current_database()); end $$");
    ck_assert(pg_open(&pg, &wanted, &err));
    expect_value("show synchronous_commit", "off");
}
END_TEST

START_TEST(fsync_off_is_refused)
{
    struct pg_options wanted = options();
    struct pg *second = NULL;

    support_psql(support_server_url(), "alter system set fsync = off");
    support_psql(support_server_url(), "select pg_reload_conf()");
    support_wait_query(support_server_url(), "show fsync", "off", 10000);
    expect_error(pg_open(&second, &wanted, &err), ERROR_CONFIG, "fsync = \"off\"");
    ck_assert_ptr_null(second);
    ck_assert_str_ne(err.hint, "");
    support_psql(support_server_url(), "alter system reset fsync");
    support_psql(support_server_url(), "select pg_reload_conf()");
    support_wait_query(support_server_url(), "show fsync", "on", 10000);
}
END_TEST

/* --- statements --- */

START_TEST(a_statement_is_prepared_once_and_run_often)
{
    const char *params[] = {"40", "2"};

    for (int i = 0; i < 3; i++) {
        struct pg_rows *rows = NULL;

        ck_assert_msg(pg_run(pg, &stmt_add, params, &rows, &err), "%s", err.message);
        ck_assert_int_eq(pg_rows_count(rows), 1);
        ck_assert_int_eq(pg_rows_columns(rows), 1);
        ck_assert_int_eq(pg_rows_int(rows, 0, 0), 42);
        ck_assert(pg_rows_is_numeric(rows, 0));
        ck_assert_str_eq(pg_rows_name(rows, 0), "?column?");
        pg_rows_free(rows);
    }
    expect_value("select count(*) from pg_prepared_statements", "1");
    ck_assert(pg_run(pg, &stmt_add, params, NULL, &err)); /* nobody reads the rows */
}
END_TEST

START_TEST(nulls_booleans_and_counts_come_back_as_they_are)
{
    static const struct pg_stmt stmt = {.name = "mixed",
                                        .sql = "select $1::text, true, false, null::bool, 'x'",
                                        .nparams = 1,
                                        .ncols = 5};
    const char *params[] = {NULL};
    struct pg_rows *rows = NULL;

    ck_assert(pg_run(pg, &stmt, params, &rows, &err));
    ck_assert_ptr_null(pg_rows_text(rows, 0, 0));
    ck_assert(pg_rows_bool(rows, 0, 1));
    ck_assert(!pg_rows_bool(rows, 0, 2));
    ck_assert(!pg_rows_bool(rows, 0, 3));
    ck_assert(!pg_rows_is_numeric(rows, 4));
    pg_rows_free(rows);
    rows = NULL;
    ck_assert(pg_exec(pg, "create temp table t as select generate_series(1, 7)", &err));
    ck_assert(pg_query(pg, "delete from t", 0, NULL, &rows, &err));
    ck_assert_int_eq(pg_rows_affected(rows), 7);
    ck_assert_int_eq(pg_rows_count(rows), 0);
    pg_rows_free(rows);
}
END_TEST

START_TEST(an_answer_of_another_width_is_an_error)
{
    static const struct pg_stmt stmt = {.name = "narrow", .sql = "select 1, 2", .ncols = 3};
    struct pg_rows *rows = NULL;

    expect_error(pg_run(pg, &stmt, NULL, &rows, &err), ERROR_DB, "2 columns instead of 3");
    ck_assert_str_eq(err.context, "narrow");
    ck_assert_ptr_null(rows);
}
END_TEST

START_TEST(what_the_server_refuses_is_said_with_state_and_statement)
{
    const char *params[] = {"1", "many"};

    expect_error(pg_run(pg, &stmt_add, params, NULL, &err), ERROR_DB,
                 "invalid input syntax for type integer: \"many\"");
    ck_assert_str_eq(err.sqlstate, "22P02");
    ck_assert_str_eq(err.context, "add");
    ck_assert(pg_is_alive(pg));

    error_clear(&err);
    expect_error(pg_exec(pg, "select 1;\nselect nothing", &err), ERROR_DB, "nothing");
    ck_assert_str_eq(err.sqlstate, "42703");
    ck_assert_ptr_null(strchr(err.message, '\n'));
}
END_TEST

START_TEST(the_data_of_a_row_stays_out_of_the_error)
{
    ck_assert(pg_exec(pg, "create temp table t (mail text primary key)", &err));
    ck_assert(pg_exec(pg, "insert into t values ('someone@example.org')", &err));
    expect_error(pg_exec(pg, "insert into t values ('someone@example.org')", &err), ERROR_DB,
                 "duplicate key value");
    ck_assert_ptr_null(strstr(err.message, "someone@"));
    ck_assert_ptr_null(strstr(err.hint, "someone@"));
}
END_TEST

START_TEST(an_error_at_the_implicit_commit_is_an_error_of_the_statement)
{
    static const struct pg_stmt stmt = {
        .name = "late", .sql = "insert into c values (1) returning p", .ncols = 1};
    struct pg_rows *rows = NULL;

    ck_assert(pg_exec(pg,
                      "create temp table p (id int primary key);"
                      "create temp table c (p int references p deferrable initially deferred)",
                      &err));
    ck_assert(pg_start(pg, &stmt, NULL, &err));
    expect_error(pg_finish(pg, &rows, &err), ERROR_DB, "foreign key");
    ck_assert_ptr_null(rows);
    ck_assert_str_eq(err.sqlstate, "23503");
}
END_TEST

START_TEST(the_last_notice_is_of_this_call_only)
{
    ck_assert_str_eq(pg_last_notice(pg), "");
    ck_assert(pg_exec(pg, "do $$ begin raise notice 'one'; raise warning 'two'; end $$", &err));
    ck_assert_str_eq(pg_last_notice(pg), "two");
    ck_assert(!pg_warned_not_durable(pg));
    ck_assert(pg_exec(pg, "select 1", &err));
    ck_assert_str_eq(pg_last_notice(pg), "");
}
END_TEST

START_TEST(copy_ends_the_connection_instead_of_hanging)
{
    expect_error(pg_exec(pg, "copy (select 1) to stdout", &err), ERROR_DB_LOST, "copy");
    ck_assert(!pg_is_alive(pg));
    ck_assert_int_eq(pg_socket(pg), -1);
    error_clear(&err);
    expect_error(pg_exec(pg, "select 1", &err), ERROR_DB_LOST, "lost before");
}
END_TEST

START_TEST(a_plan_that_another_session_outdated_is_prepared_anew)
{
    static const struct pg_stmt stmt = {.name = "star", .sql = "select * from s", .ncols = -1};
    struct pg_rows *rows = NULL;

    ck_assert(pg_exec(pg, "create temp table s (a int)", &err));
    ck_assert(pg_run(pg, &stmt, NULL, NULL, &err));
    ck_assert(pg_exec(pg, "alter table s add b int", &err));
    expect_error(pg_run(pg, &stmt, NULL, NULL, &err), ERROR_DB, "cached plan");
    error_clear(&err);
    ck_assert_msg(pg_run(pg, &stmt, NULL, &rows, &err), "%s", err.message);
    ck_assert_int_eq(pg_rows_columns(rows), 2);
    pg_rows_free(rows);
}
END_TEST

START_TEST(describe_gives_the_servers_opinion)
{
    static const struct pg_stmt bad = {.name = "bad", .sql = "select from where", .ncols = 0};
    int nparams = -1;
    int ncols = -1;

    ck_assert(pg_describe(pg, &stmt_add, &nparams, &ncols, &err));
    ck_assert_int_eq(nparams, 2);
    ck_assert_int_eq(ncols, 1);
    expect_error(pg_describe(pg, &bad, &nparams, &ncols, &err), ERROR_DB, "syntax error");
    ck_assert_str_eq(err.context, "bad");
}
END_TEST

/* --- asynchronous --- */

START_TEST(a_started_statement_is_ready_only_when_it_is_done)
{
    static const struct pg_stmt stmt = {
        .name = "wait", .sql = "select pg_advisory_xact_lock(7), 'done'", .ncols = 2};
    struct pg *other = NULL;
    struct pg_options wanted = options();
    struct pg_rows *rows = NULL;
    struct pollfd wait;

    wanted.lock_timeout_ms = 0;
    ck_assert(pg_open(&other, &wanted, &err));
    ck_assert(pg_exec(pg, "begin; select pg_advisory_xact_lock(7)", &err));
    ck_assert(pg_start(other, &stmt, NULL, &err));
    support_wait_query(url, "select count(*) from pg_locks where not granted", "1", 10000);
    ck_assert(pg_is_busy(other));
    ck_assert(!pg_is_ready(other));
    ck_assert(!pg_wants_write(other));
    ck_assert(pg_exec(pg, "commit", &err));
    while (!pg_is_ready(other)) {
        wait = (struct pollfd){.fd = pg_socket(other), .events = POLLIN};
        ck_assert_int_eq(poll(&wait, 1, 10000), 1);
    }
    ck_assert(pg_finish(other, &rows, &err));
    ck_assert_str_eq(pg_rows_text(rows, 0, 1), "done");
    ck_assert(!pg_is_busy(other));
    ck_assert(!pg_is_ready(other));
    pg_rows_free(rows);
    pg_close(other);
}
END_TEST

START_TEST(large_parameters_pass_in_both_ways)
{
    static const struct pg_stmt stmt = {
        .name = "echo", .sql = "select $1::text, length($1::text)", .nparams = 1, .ncols = 2};
    size_t length = (size_t)24 * 1024 * 1024;
    char *big = malloc(length + 1);
    const char *params[] = {big};
    struct pg_rows *rows = NULL;

    ck_assert_ptr_nonnull(big);
    memset(big, 'x', length);
    big[length] = '\0';
    ck_assert(pg_start(pg, &stmt, params, &err));
    ck_assert_msg(pg_finish(pg, &rows, &err), "%s", err.message);
    ck_assert_str_eq(pg_rows_text(rows, 0, 0), big);
    pg_rows_free(rows);
    rows = NULL;
    ck_assert(pg_run(pg, &stmt, params, &rows, &err));
    ck_assert_int_eq(pg_rows_int(rows, 0, 1), (int64_t)length);
    pg_rows_free(rows);
    free(big);
}
END_TEST

START_TEST(a_server_that_stops_reading_does_not_block_the_start)
{
    static const struct pg_stmt stmt = {
        .name = "length", .sql = "select length($1::text)", .nparams = 1, .ncols = 1};
    size_t length = (size_t)24 * 1024 * 1024;
    char *big = malloc(length + 1);
    const char *params[] = {"short"};
    struct clock_mono start;
    struct pg_rows *rows = NULL;

    ck_assert_ptr_nonnull(big);
    memset(big, 'x', length);
    big[length] = '\0';
    ck_assert(pg_run(pg, &stmt, params, NULL, &err)); /* prepared before the server stops */
    ck_assert_int_eq(kill(pg_backend_pid(pg), SIGSTOP), 0);
    params[0] = big;
    start = clock_mono_now();
    ck_assert(pg_start(pg, &stmt, params, &err));
    ck_assert_int_lt(clock_mono_since_ms(start), 2000);
    ck_assert(pg_wants_write(pg));
    ck_assert(!pg_is_ready(pg));
    ck_assert_int_eq(kill(pg_backend_pid(pg), SIGCONT), 0);
    ck_assert(pg_finish(pg, &rows, &err));
    ck_assert_int_eq(pg_rows_int(rows, 0, 0), (int64_t)length);
    pg_rows_free(rows);
    free(big);
}
END_TEST

/* --- losing it --- */

static void
kill_backend(void)
{
    char sql[128];

    (void)snprintf(sql, sizeof(sql), "select pg_terminate_backend(%d, 10000)", pg_backend_pid(pg));
    support_query_is(url, sql, "t");
}

START_TEST(a_terminated_session_is_lost_and_stays_lost)
{
    const char *params[] = {"1", "1"};

    kill_backend();
    expect_error(pg_run(pg, &stmt_add, params, NULL, &err), ERROR_DB_LOST, "was lost");
    ck_assert_str_eq(err.sqlstate, "57P01");
    ck_assert_str_eq(err.context, "add");
    ck_assert(!pg_is_alive(pg));
    error_clear(&err);
    expect_error(pg_start(pg, &stmt_add, params, &err), ERROR_DB_LOST, "lost before");
    ck_assert(!pg_is_busy(pg));
}
END_TEST

START_TEST(a_session_that_dies_during_a_statement_is_lost)
{
    static const struct pg_stmt stmt = {.name = "doze", .sql = "select pg_sleep(60)", .ncols = 1};
    struct pg_rows *rows = NULL;

    ck_assert(pg_start(pg, &stmt, NULL, &err));
    support_wait_query(url, "select count(*) from pg_stat_activity where wait_event = 'PgSleep'",
                       "1", 10000);
    kill_backend();
    expect_error(pg_finish(pg, &rows, &err), ERROR_DB_LOST, "terminating connection");
    ck_assert_ptr_null(rows);
    ck_assert(!pg_is_alive(pg));
}
END_TEST

START_TEST(an_answer_that_does_not_come_in_time_ends_the_connection)
{
    struct pg_options wanted = options();
    struct pg *second = NULL;
    int pid;

    wanted.answer_timeout_ms = 200;
    ck_assert(pg_open(&second, &wanted, &err));
    pid = pg_backend_pid(second);
    ck_assert_int_eq(kill(pid, SIGSTOP), 0);
    expect_error(pg_exec(second, "select 1", &err), ERROR_DB_LOST, "no answer within 200 ms");
    ck_assert_int_eq(kill(pid, SIGCONT), 0);
    ck_assert(!pg_is_alive(second));
    pg_close(second);
}
END_TEST

START_TEST(a_statement_past_its_time_is_cancelled_by_the_server)
{
    ck_assert(pg_exec(pg, "set statement_timeout = 50", &err));
    expect_error(pg_exec(pg, "select pg_sleep(60)", &err), ERROR_DB, "statement timeout");
    ck_assert_str_eq(err.sqlstate, "57014");
    ck_assert(pg_is_alive(pg));
}
END_TEST

/* --- durability --- */

static void
set_standby_names(const char *names)
{
    char sql[256];

    (void)snprintf(sql, sizeof(sql), "alter system set synchronous_standby_names = '%s'", names);
    support_psql(support_server_url(), sql);
    support_psql(support_server_url(), "select pg_reload_conf()");
    support_wait_query(support_server_url(), "show synchronous_standby_names", names, 10000);
}

/* The server's message is translated where lc_messages says so: found by its source. */
START_TEST(a_cancelled_wait_for_the_standby_is_not_a_commit)
{
    static const struct pg_stmt stmt = {
        .name = "claim", .sql = "insert into d values (1) returning 1", .ncols = 1};
    struct pg_rows *rows = NULL;
    char sql[128];

    ck_assert(pg_exec(pg, "create table public.d (a int); set search_path = public", &err));
    /* Sessions must learn of the standby before they commit. */
    set_standby_names("nobody");
    ck_assert(pg_start(pg, &stmt, NULL, &err));
    (void)snprintf(sql, sizeof(sql),
                   "select count(*) from pg_stat_activity where pid = %d"
                   " and wait_event = 'SyncRep'",
                   pg_backend_pid(pg));
    support_wait_query(url, sql, "1", 20000);
    ck_assert(!pg_is_ready(pg)); /* the row may be here, the commit isn't */
    (void)snprintf(sql, sizeof(sql), "select pg_cancel_backend(%d)", pg_backend_pid(pg));
    support_query_is(url, sql, "t");
    expect_error(pg_finish(pg, &rows, &err), ERROR_DB, "not durable");
    ck_assert_ptr_null(rows);
    ck_assert_str_eq(err.sqlstate, "01000");
    ck_assert_str_eq(err.context, "claim");
    ck_assert(pg_warned_not_durable(pg));
    ck_assert(pg_is_alive(pg));
    set_standby_names("");
    error_clear(&err);
    ck_assert(pg_exec(pg, "insert into d values (2)", &err));
    ck_assert(!pg_warned_not_durable(pg));
}
END_TEST

/* Whatever function of the server says it. */
START_TEST(the_words_of_that_warning_are_enough)
{
    expect_error(
        pg_exec(pg,
                "do $$ begin raise warning"
                " 'canceling wait for synchronous replication due to user request'; end $$",
                &err),
        ERROR_DB, "not durable");
    ck_assert(pg_warned_not_durable(pg));
}
END_TEST

/* --- text --- */

START_TEST(arrays_carry_any_text)
{
    static const struct pg_stmt stmt = {
        .name = "array", .sql = "select x from unnest($1::text[]) as x", .nparams = 1, .ncols = 1};
    static const char *const values[] = {"plain", "",     "a,b",   "{x}",       "\"q\"", "\\",
                                         "NULL",  NULL,   " pad ", "line\nend", "ü",     "'",
                                         "{",     "null", "\\\"",  "\t"};
    size_t count = sizeof(values) / sizeof(values[0]);
    struct buffer buf;
    const char *params[1];
    struct pg_rows *rows = NULL;

    buffer_init(&buf, 4096);
    pg_array_begin(&buf);
    for (size_t i = 0; i < count; i++)
        pg_array_text(&buf, values[i]);
    pg_array_end(&buf);
    params[0] = buffer_text(&buf);
    ck_assert_msg(pg_run(pg, &stmt, params, &rows, &err), "%s", err.message);
    ck_assert_int_eq(pg_rows_count(rows), (int)count);
    for (size_t i = 0; i < count; i++) {
        const char *text = pg_rows_text(rows, (int)i, 0);

        if (values[i] == NULL)
            ck_assert_ptr_null(text);
        else
            ck_assert_str_eq(text, values[i]);
    }
    pg_rows_free(rows);
    buffer_free(&buf);
}
END_TEST

START_TEST(arrays_of_numbers_and_of_nothing)
{
    struct buffer buf;

    buffer_init(&buf, 64);
    pg_array_begin(&buf);
    pg_array_end(&buf);
    ck_assert_str_eq(buffer_text(&buf), "{}");
    buffer_reset(&buf);
    pg_array_begin(&buf);
    pg_array_int(&buf, 1);
    pg_array_int(&buf, INT64_MIN);
    pg_array_end(&buf);
    ck_assert_str_eq(buffer_text(&buf), "{1,-9223372036854775808}");
    buffer_free(&buf);

    buffer_init(&buf, 8);
    pg_array_begin(&buf);
    for (int i = 0; i < 10; i++)
        pg_array_text(&buf, "too long");
    pg_array_end(&buf);
    ck_assert(buf.is_failed);
    buffer_free(&buf);
}
END_TEST

START_TEST(quoted_text_comes_back_unchanged)
{
    static const char *const values[] = {"a", "it's", "\\", "x' or 1=1 --", "\\'", ""};
    char sql[256];

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char *literal = pg_quote_literal(values[i]);

        ck_assert_ptr_nonnull(literal);
        ck_assert(pg_exec(pg, "set standard_conforming_strings = on", &err));
        (void)snprintf(sql, sizeof(sql), "select %s", literal);
        expect_value(sql, values[i]);
        ck_assert(pg_exec(pg, "set standard_conforming_strings = off", &err));
        expect_value(sql, values[i]);
        free(literal);
    }
    {
        char *name = pg_quote_identifier("Odd \"name\"");

        ck_assert_str_eq(name, "\"Odd \"\"name\"\"\"");
        free(name);
    }
}
END_TEST

START_TEST(the_library_says_its_version)
{
    ck_assert_ptr_nonnull(strchr(pg_library_version(), '.'));
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("pg");
    TCase *tcase = support_case(s, "pg", 60);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_session_is_set_up_whatever_the_database_says);
    tcase_add_test(tcase, a_stricter_synchronous_commit_is_kept);
    tcase_add_test(tcase, without_the_wish_for_durability_the_setting_of_the_database_stays);
    tcase_add_test(tcase, fsync_off_is_refused);
    tcase_add_test(tcase, a_statement_is_prepared_once_and_run_often);
    tcase_add_test(tcase, nulls_booleans_and_counts_come_back_as_they_are);
    tcase_add_test(tcase, an_answer_of_another_width_is_an_error);
    tcase_add_test(tcase, what_the_server_refuses_is_said_with_state_and_statement);
    tcase_add_test(tcase, the_data_of_a_row_stays_out_of_the_error);
    tcase_add_test(tcase, an_error_at_the_implicit_commit_is_an_error_of_the_statement);
    tcase_add_test(tcase, the_last_notice_is_of_this_call_only);
    tcase_add_test(tcase, copy_ends_the_connection_instead_of_hanging);
    tcase_add_test(tcase, a_plan_that_another_session_outdated_is_prepared_anew);
    tcase_add_test(tcase, describe_gives_the_servers_opinion);
    tcase_add_test(tcase, a_started_statement_is_ready_only_when_it_is_done);
    tcase_add_test(tcase, large_parameters_pass_in_both_ways);
    tcase_add_test(tcase, a_server_that_stops_reading_does_not_block_the_start);
    tcase_add_test(tcase, a_terminated_session_is_lost_and_stays_lost);
    tcase_add_test(tcase, a_session_that_dies_during_a_statement_is_lost);
    tcase_add_test(tcase, an_answer_that_does_not_come_in_time_ends_the_connection);
    tcase_add_test(tcase, a_statement_past_its_time_is_cancelled_by_the_server);
    tcase_add_test(tcase, a_cancelled_wait_for_the_standby_is_not_a_commit);
    tcase_add_test(tcase, the_words_of_that_warning_are_enough);
    tcase_add_test(tcase, arrays_carry_any_text);
    tcase_add_test(tcase, arrays_of_numbers_and_of_nothing);
    tcase_add_test(tcase, quoted_text_comes_back_unchanged);
    tcase_add_test(tcase, the_library_says_its_version);
    return s;
}

int
main(void)
{
    support_need_database();
    return support_run_suite(suite());
}
