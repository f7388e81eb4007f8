#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/number.h"
#include "support/support.h"

#define SUPPORT_DATABASES_MAX 64
#define SUPPORT_TEXT_MAX      ((size_t)64 * 1024 * 1024)

static struct {
    pid_t owner; /* a forked test must not drop what its parent made */
    char url[SUPPORT_URL_MAX];
} databases[SUPPORT_DATABASES_MAX];
static int databases_count;

TCase *
support_case(Suite *suite, const char *name, int seconds)
{
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, seconds);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int
support_run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

void
support_need_database(void)
{
    const char *required = getenv("WAYBILL_REQUIRE_DB");

    if (getenv("WAYBILL_TEST_DB") != NULL)
        return;
    if (required != NULL && strcmp(required, "1") == 0) {
        (void)fprintf(stderr, "WAYBILL_TEST_DB isn't set, and WAYBILL_REQUIRE_DB=1\n");
        exit(EXIT_FAILURE);
    }
    (void)fprintf(stderr, "skipped: WAYBILL_TEST_DB isn't set\n");
    exit(77);
}

const char *
support_server_url(void)
{
    const char *url = getenv("WAYBILL_TEST_DB");

    ck_assert_msg(url != NULL, "WAYBILL_TEST_DB isn't set");
    return url;
}

static void
support_url_put(char *url, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t used = strlen(url);

    for (; *text != '\0'; text++) {
        ck_assert_msg(used + 4 < SUPPORT_URL_MAX, "the test server's url is too long");
        if (strchr(plain, *text) != NULL)
            url[used++] = *text;
        else
            used += (size_t)snprintf(url + used, 4, "%%%02X", (unsigned)(unsigned char)*text);
        url[used] = '\0';
    }
}

void
support_url(const char *database, const char *user, char url[SUPPORT_URL_MAX])
{
    PQconninfoOption *options = PQconninfoParse(support_server_url(), NULL);
    char separator = '?';

    ck_assert_msg(options != NULL, "WAYBILL_TEST_DB can't be read");
    (void)snprintf(url, SUPPORT_URL_MAX, "postgresql:///");
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (strcmp(option->keyword, "dbname") == 0) {
            if (database != NULL || option->val != NULL)
                support_url_put(url, database != NULL ? database : option->val);
        }
    }
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        const char *value = option->val;
        size_t used = strlen(url);

        if (strcmp(option->keyword, "user") == 0 && user != NULL)
            value = user;
        if (value == NULL || strcmp(option->keyword, "dbname") == 0)
            continue;
        (void)snprintf(url + used, SUPPORT_URL_MAX - used, "%c%s=", separator, option->keyword);
        support_url_put(url, value);
        separator = '&';
    }
    PQconninfoFree(options);
}

static void
support_silence(void *ctx, const PGresult *res)
{
    (void)ctx;
    (void)res;
}

static PGconn *
support_connect(const char *url)
{
    PGconn *conn = PQconnectdb(url);

    if (PQstatus(conn) != CONNECTION_OK)
        ck_abort_msg("cannot connect to the test database: %s", PQerrorMessage(conn));
    (void)PQsetNoticeReceiver(conn, support_silence, NULL);
    return conn;
}

static bool
support_is_good(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

void
support_psql(const char *url, const char *sql)
{
    PGconn *conn = support_connect(url);
    PGresult *res = PQexec(conn, sql);

    if (!support_is_good(res))
        ck_abort_msg("%s: %.300s", PQresultErrorMessage(res), sql);
    PQclear(res);
    PQfinish(conn);
}

void
support_psql_state(const char *url, const char *sql, char sqlstate[6])
{
    PGconn *conn = support_connect(url);
    PGresult *res = PQexec(conn, sql);
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    (void)snprintf(sqlstate, 6, "%s", state == NULL ? "" : state);
    if (!support_is_good(res))
        ck_assert_msg(state != NULL, "%s: %.300s", PQresultErrorMessage(res), sql);
    PQclear(res);
    PQfinish(conn);
}

char *
support_query_text(const char *url, const char *sql)
{
    PGconn *conn = support_connect(url);
    PGresult *res = PQexec(conn, sql);
    struct buffer text;
    char *out;

    if (PQresultStatus(res) != PGRES_TUPLES_OK)
        ck_abort_msg("%s: %.300s", PQresultErrorMessage(res), sql);
    buffer_init(&text, SUPPORT_TEXT_MAX);
    for (int row = 0; row < PQntuples(res); row++) {
        if (row > 0)
            (void)buffer_putc(&text, '\n');
        for (int column = 0; column < PQnfields(res); column++) {
            if (column > 0)
                (void)buffer_putc(&text, '|');
            (void)buffer_puts(&text, PQgetvalue(res, row, column));
        }
    }
    PQclear(res);
    PQfinish(conn);
    out = buffer_take(&text);
    ck_assert_ptr_nonnull(out);
    return out;
}

int64_t
support_query_int(const char *url, const char *sql)
{
    char *text = support_query_text(url, sql);
    int64_t value = 0;

    ck_assert_msg(number_parse(text, INT64_MIN, INT64_MAX, &value), "\"%s\" is no number: %.300s",
                  text, sql);
    free(text);
    return value;
}

void
support_query_is(const char *url, const char *sql, const char *expected)
{
    char *text = support_query_text(url, sql);

    ck_assert_msg(strcmp(text, expected) == 0, "got\n%s\ninstead of\n%s\nfrom %.300s", text,
                  expected, sql);
    free(text);
}

struct support_query {
    const char *url;
    const char *sql;
    const char *expected;
    char *last;
};

static bool
support_query_done(void *ctx)
{
    struct support_query *query = ctx;

    free(query->last);
    query->last = support_query_text(query->url, query->sql);
    return strcmp(query->last, query->expected) == 0;
}

void
support_wait_query(const char *url, const char *sql, const char *expected, int64_t deadline_ms)
{
    struct support_query query = {.url = url, .sql = sql, .expected = expected};
    char what[512];

    (void)snprintf(what, sizeof(what), "\"%s\" from %.400s", expected, sql);
    support_wait_until(support_query_done, &query, deadline_ms, what);
    free(query.last);
}

static void
support_drop_now(const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    PGconn *conn = PQconnectdb(support_server_url());
    char sql[256];

    for (const PQconninfoOption *option = options; options != NULL && option->keyword != NULL;
         option++) {
        if (strcmp(option->keyword, "dbname") == 0 && option->val != NULL) {
            (void)snprintf(sql, sizeof(sql), "drop database if exists \"%s\" with (force)",
                           option->val);
            PQclear(PQexec(conn, sql));
        }
    }
    PQfinish(conn);
    PQconninfoFree(options);
}

static void
support_drop_all(void)
{
    for (int i = 0; i < databases_count; i++) {
        if (databases[i].owner == getpid())
            support_drop_now(databases[i].url);
    }
}

void
support_database_create(char url[SUPPORT_URL_MAX])
{
    static int number;
    char name[64];
    char sql[256];

    ck_assert_int_lt(databases_count, SUPPORT_DATABASES_MAX);
    if (number == 0)
        (void)atexit(support_drop_all);
    (void)snprintf(name, sizeof(name), "waybill_test_%d_%d", (int)getpid(), ++number);
    /* What an earlier process of that number left behind. */
    (void)snprintf(sql, sizeof(sql), "drop database if exists %s with (force)", name);
    support_psql(support_server_url(), sql);
    (void)snprintf(sql, sizeof(sql), "create database %s", name);
    support_psql(support_server_url(), sql);
    support_url(name, NULL, url);
    databases[databases_count].owner = getpid();
    (void)snprintf(databases[databases_count].url, SUPPORT_URL_MAX, "%s", url);
    databases_count++;
}

void
support_database_drop(const char *url)
{
    for (int i = 0; i < databases_count; i++) {
        if (strcmp(databases[i].url, url) == 0) {
            support_drop_now(url);
            databases[i] = databases[--databases_count];
            return;
        }
    }
    ck_abort_msg("no database of this test: %s", url);
}
