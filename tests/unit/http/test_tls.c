/*
 * Whom we talk to is always verified. The server is openssl's own; without that program the test is
 * skipped.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/http.h"
#include "support/support.h"

static char cert[600], key[600];
static struct support_process server;
static int port;
static struct http *http;
static struct error err;

static void
make_certificate(void)
{
    const char *const argv[] = {"openssl",
                                "req",
                                "-x509",
                                "-newkey",
                                "ec",
                                "-pkeyopt",
                                "ec_paramgen_curve:prime256v1",
                                "-nodes",
                                "-days",
                                "2",
                                "-subj",
                                "/CN=waybill test",
                                "-addext",
                                "subjectAltName=IP:127.0.0.1",
                                "-keyout",
                                key,
                                "-out",
                                cert,
                                NULL};

    (void)snprintf(cert, sizeof(cert), "%s/cert.pem", support_folder());
    (void)snprintf(key, sizeof(key), "%s/key.pem", support_folder());
    ck_assert_int_eq(support_run(argv, NULL, NULL, NULL), 0);
}

static void
start_server(const char *protocol, const char *ciphers)
{
    char accept[32];
    const char *const argv[] = {"openssl", "s_server", "-accept", accept,  "-cert",  cert, "-key",
                                key,       "-www",     "-cipher", ciphers, protocol, NULL};

    port = support_free_port();
    (void)snprintf(accept, sizeof(accept), "127.0.0.1:%d", port);
    support_spawn(&server, argv, NULL);
}

static void
tear_down(void)
{
    http_free(http);
    http = NULL;
    support_signal(&server, SIGKILL);
    (void)support_wait_exit(&server, 10000);
}

/* Until the server listens; each try is a request of its own. */
static void
fetch(const char *host, const char *ca_file, struct http_answer *answer)
{
    const struct http_options options = {.in_flight_max = 1,
                                         .body_bytes_max = 65536,
                                         .connect_timeout_ms = 5000,
                                         .timeout_ms = 10000,
                                         .ca_file = ca_file};
    struct clock_mono until = clock_mono_add(clock_mono_now(), 20000);
    char url[64];
    struct http_request request = {.method = "GET", .url = url};

    (void)snprintf(url, sizeof(url), "https://%s:%d/", host, port);
    http_free(http);
    http = NULL;
    ck_assert_msg(http_new(&http, &options, &err), "%s", err.message);
    do {
        ck_assert_msg(clock_mono_left_ms(until) > 0, "the server never listened");
        ck_assert_msg(http_start(http, &request, &err), "%s", err.message);
        while (!http_take(http, answer))
            ck_assert(http_wait(http, NULL, 0, NULL, 100, &err));
    } while (answer->phase == HTTP_PHASE_CONNECT);
}

START_TEST(only_a_certificate_that_is_trusted_and_names_the_host_will_do)
{
    struct http_answer answer;

    make_certificate();
    start_server("-tls1_2", "DEFAULT");
    fetch("127.0.0.1", cert, &answer);
    ck_assert_msg(answer.fact == HTTP_ANSWERED, "%s", answer.error);
    ck_assert_int_eq(answer.status, 200);

    fetch("127.0.0.1", NULL, &answer); /* the system's authorities know nothing of it */
    ck_assert_int_eq(answer.fact, HTTP_NOT_SENT);
    ck_assert_msg(answer.phase == HTTP_PHASE_TLS, "%s", answer.error);
    ck_assert_msg(strstr(answer.error, "TLS handshake: SSL certificate") != NULL, "%s",
                  answer.error);

    fetch("localhost", cert, &answer);
    ck_assert_int_eq(answer.fact, HTTP_NOT_SENT);
    ck_assert_msg(answer.phase == HTTP_PHASE_TLS, "%s", answer.error);
    ck_assert_msg(strstr(answer.error, "no alternative certificate subject name") != NULL, "%s",
                  answer.error);
}
END_TEST

/* The system's own policy would refuse it as well, so that policy is opened first: what refuses is
 * ours. */
START_TEST(an_outdated_protocol_is_refused)
{
    static const char policy[] = "openssl_conf = start\n[start]\nssl_conf = ssl\n[ssl]\n"
                                 "system_default = all\n[all]\nMinProtocol = TLSv1\n"
                                 "CipherString = DEFAULT@SECLEVEL=0\n";
    struct http_answer answer;

    ck_assert_int_eq(setenv("OPENSSL_CONF", support_write_file("openssl.cnf", policy, 0600), 1), 0);
    make_certificate();
    start_server("-tls1_1", "DEFAULT@SECLEVEL=0");
    fetch("127.0.0.1", cert, &answer);
    ck_assert_int_eq(answer.fact, HTTP_NOT_SENT);
    ck_assert_msg(answer.phase == HTTP_PHASE_TLS, "%s", answer.error);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http tls");
    TCase *tcase = support_case(suite, "tls", 120);

    if (access("/usr/bin/openssl", X_OK) != 0)
        return 77;
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, only_a_certificate_that_is_trusted_and_names_the_host_will_do);
    tcase_add_test(tcase, an_outdated_protocol_is_refused);
    return support_run_suite(suite);
}
