/*
 * How a session comes about: which URLs, which of several hosts, and what is said when none will
 * do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "pg/pg.h"
#include "support/support.h"

static char url[SUPPORT_URL_MAX];
static struct pg *pg;
static struct error err;

static struct pg_options
options(void)
{
    return (struct pg_options){
        .url = url, .application_name = "waybill test", .connect_timeout_ms = 5000};
}

static void
setup(void)
{
    error_clear(&err);
    support_url(NULL, NULL, url);
    pg = NULL;
}

static void
teardown(void)
{
    pg_close(pg);
    pg = NULL;
}

static void
expect_refused(const char *bad_url, enum error_code code, const char *part)
{
    struct pg_options wanted = options();

    error_clear(&err);
    wanted.url = bad_url;
    wanted.connect_timeout_ms = 1000;
    ck_assert(!pg_open(&pg, &wanted, &err));
    ck_assert_msg(err.code == code, "code %d: %s", (int)err.code, err.message);
    ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
    ck_assert_ptr_null(pg);
}

START_TEST(a_url_that_cannot_be_read_is_refused_without_showing_any_of_it)
{
    static const char *const urls[] = {
        "s3cret",
        "host=h password=a s3cret",
        "password='s3cret",
        "nonsense=s3cret",
        "postgresql://u:%zz-s3cret@h/db",
        "postgresql://u:p@s3cret@h/db",
        "postgresql://u:p/s3cret@h/db",
        "postgresql://u:5432/s3cret@h/db",
        "postgresql://u:s3cret/p@h/db",
        "postgresql://h/db?s3cret=1",
        "postgresql://u:p/s3cret?x@h/db",
        "postgresql://[s3cret/db",
        "host=h port=s3cret",
        "postgresql://u:a%00s3cret@h/db",
    };

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        expect_refused(urls[i], ERROR_CONFIG, "database url can't be read");
        ck_assert_msg(strstr(err.message, "s3cret") == NULL, "%s", err.message);
        ck_assert_msg(strstr(err.hint, "s3cret") == NULL, "%s", err.hint);
    }
}
END_TEST

START_TEST(an_at_sign_elsewhere_in_a_url_is_fine)
{
    struct pg_options wanted = options();
    char longer[SUPPORT_URL_MAX + 64];

    (void)snprintf(longer, sizeof(longer), "%s&application_name=me@here", url);
    wanted.url = longer;
    ck_assert_msg(pg_open(&pg, &wanted, &err), "%s", err.message);
}
END_TEST

START_TEST(what_keeps_us_out_is_said_with_a_way_in)
{
    char bad[SUPPORT_URL_MAX];
    char text[64];

    support_url("no_such_database", NULL, bad);
    expect_refused(bad, ERROR_DB_LOST, "database \"no_such_database\" does not exist");
    ck_assert_msg(strstr(err.hint, "createdb") != NULL, "%s", err.hint);

    support_url(NULL, "no_such_role", bad);
    expect_refused(bad, ERROR_DB_LOST, "role \"no_such_role\" does not exist");
    ck_assert_msg(strstr(err.hint, "createuser") != NULL, "%s", err.hint);

    (void)snprintf(text, sizeof(text), "host=127.0.0.1 port=%d", support_free_port());
    expect_refused(text, ERROR_DB_LOST, "Connection refused");
    ck_assert_msg(strstr(err.hint, "listen_addresses") != NULL, "%s", err.hint);
    ck_assert_ptr_null(strchr(err.message, '\n'));

    expect_refused("host=/nowhere", ERROR_DB_LOST, "No such file");
    ck_assert_msg(strstr(err.hint, "socket") != NULL, "%s", err.hint);
}
END_TEST

START_TEST(a_database_in_another_encoding_is_refused)
{
    static const char *const encodings[] = {"SQL_ASCII", "LATIN1"};
    char name[64], sql[200], odd[SUPPORT_URL_MAX];

    for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
        (void)snprintf(name, sizeof(name), "waybill_odd_%ld", (long)getpid());
        (void)snprintf(sql, sizeof(sql),
                       "create database %s encoding '%s' locale 'C' template template0", name,
                       encodings[i]);
        support_psql(support_server_url(), sql);
        support_url(name, NULL, odd);
        (void)snprintf(sql, sizeof(sql), "is encoded in %s, not in UTF8", encodings[i]);
        expect_refused(odd, ERROR_CONFIG, sql);
        ck_assert_msg(strstr(err.hint, "createdb") != NULL, "%s", err.hint);
        (void)snprintf(sql, sizeof(sql), "drop database %s", name);
        support_psql(support_server_url(), sql);
    }
}
END_TEST

START_TEST(a_server_that_never_answers_is_given_up_in_time)
{
    int port;
    int fd = support_listen(&port); /* nobody accepts */
    struct clock_mono start = clock_mono_now();
    char text[64];

    (void)snprintf(text, sizeof(text), "host=127.0.0.1 port=%d sslmode=disable", port);
    expect_refused(text, ERROR_DB_LOST, "no answer within 1000 ms");
    ck_assert_int_lt(clock_mono_since_ms(start), 3000);
    (void)close(fd);
}
END_TEST

START_TEST(the_next_host_of_a_list_is_tried)
{
    struct pg_options wanted = options();
    char text[256];
    char *port = support_query_text(url, "select inet_server_port()");

    (void)snprintf(text, sizeof(text),
                   "host=127.0.0.1,127.0.0.1 port=%d,%s user=postgres dbname=postgres"
                   " target_session_attrs=read-write",
                   support_free_port(), port);
    free(port);
    wanted.url = text;
    ck_assert_msg(pg_open(&pg, &wanted, &err), "%s", err.message);
}
END_TEST

/* Two hosts, the first of which takes a connection and then says nothing; the ports stand behind
 * url, or behind service, or in the environment with a NAME for the hosts. */
static const struct {
    const char *url;
    const char *service;
    const char *name;
} silent_cases[] = {
    {.url = "user=postgres dbname=postgres connect_timeout=1 host=127.0.0.1,127.0.0.1 port="},
    {.url = "user=postgres dbname=postgres connect_timeout=1 target_session_attrs=read-write"
            " host=127.0.0.1,127.0.0.1 port="},
    {.url = "user=postgres dbname=postgres connect_timeout=1 host=db,db"
            " hostaddr=127.0.0.1,127.0.0.1 port="},
    {.url = "service=two",
     .service = "[two]\nuser=postgres\ndbname=postgres\nconnect_timeout=1\n"
                "host=127.0.0.1,127.0.0.1\nport="},
    {.url = "user=postgres dbname=postgres", .name = "PGHOST"},
    {.url = "user=postgres dbname=postgres", .name = "PGHOSTADDR"},
};

START_TEST(a_host_that_lets_its_time_pass_is_left_for_the_next)
{
    const char *service = silent_cases[_i].service;
    const char *name = silent_cases[_i].name;
    struct pg_options wanted = options();
    struct clock_mono start;
    int silent_port;
    int fd = support_listen(&silent_port); /* nobody accepts */
    char *port = support_query_text(url, "select inet_server_port()");
    char ports[64];
    char text[512];

    (void)snprintf(ports, sizeof(ports), "%d,%s", silent_port, port);
    free(port);
    if (name != NULL) {
        ck_assert_int_eq(setenv(name, "127.0.0.1,127.0.0.1", 1), 0);
        ck_assert_int_eq(setenv("PGPORT", ports, 1), 0);
        ck_assert_int_eq(setenv("PGCONNECT_TIMEOUT", "1", 1), 0);
    } else if (service != NULL) {
        (void)snprintf(text, sizeof(text), "%s%s\n", service, ports);
        ck_assert_int_eq(setenv("PGSERVICEFILE", support_write_file("services", text, 0600), 1), 0);
    }
    (void)snprintf(text, sizeof(text), "%s%s", silent_cases[_i].url,
                   name == NULL && service == NULL ? ports : "");
    wanted.url = text;
    wanted.connect_timeout_ms = 20000;
    start = clock_mono_now();
    ck_assert_msg(pg_open(&pg, &wanted, &err), "%s: %s", err.context, err.message);
    ck_assert_int_ge(clock_mono_since_ms(start), 1000);
    ck_assert_int_lt(clock_mono_since_ms(start), 10000);
    (void)close(fd);
}
END_TEST

/* The first, a primary, is only good enough once the second turned out to be no standby. */
START_TEST(a_silent_host_does_not_hide_the_one_that_was_seen_before)
{
    struct pg_options wanted = options();
    int silent_port;
    int fd = support_listen(&silent_port);
    char *port = support_query_text(url, "select inet_server_port()");
    char text[256];

    (void)snprintf(text, sizeof(text),
                   "host=127.0.0.1,127.0.0.1 port=%s,%d user=postgres dbname=postgres"
                   " connect_timeout=1 target_session_attrs=prefer-standby",
                   port, silent_port);
    free(port);
    wanted.url = text;
    ck_assert_msg(pg_open(&pg, &wanted, &err), "%s: %s", err.context, err.message);
    (void)close(fd);
}
END_TEST

START_TEST(hosts_of_which_none_will_do_are_given_up_in_time)
{
    int port;
    int fd = support_listen(&port);
    struct clock_mono start = clock_mono_now();
    char text[128];

    (void)snprintf(text, sizeof(text), "host=127.0.0.1,127.0.0.1,127.0.0.1 port=%d", port);
    expect_refused(text, ERROR_DB_LOST, "no answer within 1000 ms");
    ck_assert_int_lt(clock_mono_since_ms(start), 6000);

    (void)snprintf(text, sizeof(text), "host=127.0.0.1,127.0.0.1 port=%d,%d", port,
                   support_free_port());
    expect_refused(text, ERROR_DB_LOST, "Connection refused");
    ck_assert_msg(strstr(err.message, "hosts without an answer within 1000 ms: 1") != NULL, "%s",
                  err.message);
    (void)close(fd);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("connect");
    TCase *tcase = support_case(suite, "connect", 60);

    support_need_database();
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_url_that_cannot_be_read_is_refused_without_showing_any_of_it);
    tcase_add_test(tcase, an_at_sign_elsewhere_in_a_url_is_fine);
    tcase_add_test(tcase, what_keeps_us_out_is_said_with_a_way_in);
    tcase_add_test(tcase, a_database_in_another_encoding_is_refused);
    tcase_add_test(tcase, a_server_that_never_answers_is_given_up_in_time);
    tcase_add_test(tcase, the_next_host_of_a_list_is_tried);
    tcase_add_loop_test(tcase, a_host_that_lets_its_time_pass_is_left_for_the_next, 0,
                        sizeof(silent_cases) / sizeof(silent_cases[0]));
    tcase_add_test(tcase, a_silent_host_does_not_hide_the_one_that_was_seen_before);
    tcase_add_test(tcase, hosts_of_which_none_will_do_are_given_up_in_time);
    return support_run_suite(suite);
}
