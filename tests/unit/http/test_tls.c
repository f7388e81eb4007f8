/*
 * Whom we talk to is always verified, and what is wrong with it is said. The server is openssl's
 * own; without that program the test is skipped.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/http.h"
#include "support/support.h"

#define WRONG_CLOCK WAYBILL_BUILD_DIR "/tests/libwrong_clock.so"

static const char *folder;
static struct support_process server;
static const char *protocols = "h2,http/1.1";
static int port;
static struct http *http;
static struct error err;
static char system_folder[600]; /* stands in for /etc/ssl/certs; "": that itself */

/* OpenSSL's own, which libcurl gives the system's folder of authorities. */
int X509_STORE_load_path(void *store, const char *path);

int
X509_STORE_load_path(void *store, const char *path)
{
    int (*load)(void *, const char *) = NULL;

    *(void **)&load = dlsym(RTLD_NEXT, "X509_STORE_load_path");
    return load(store, system_folder[0] == '\0' ? path : system_folder);
}

static void
shell(const char *script, const char *a, const char *b, const char *const env[])
{
    const char *const argv[] = {"sh", "-ec", script, "sh", folder, a, b, NULL};
    char *errors = NULL;
    int code = support_run(argv, env, NULL, &errors);

    ck_assert_msg(code == 0, "%s: %s", script, errors);
    free(errors);
}

/* folder/NAME.pem and NAME.key; signed by themselves. Each has a subject of its own: of two
 * authorities of the same name only the first is found. */
static void
make_certificate(const char *name, const char *subject, const char *const env[])
{
    shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
          " -subj \"/CN=waybill $2\" -addext \"subjectAltName=$3\""
          " -keyout \"$1/$2.key\" -out \"$1/$2.pem\"",
          name, subject, env);
}

/* folder/leaf.pem for 127.0.0.1, signed by an authority that was made before. */
static void
make_leaf(const char *authority)
{
    shell("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
          " -subj '/CN=waybill leaf' -keyout \"$1/leaf.key\" -out \"$1/leaf.csr\";"
          "printf 'subjectAltName=IP:127.0.0.1\\n' > \"$1/leaf.ext\";"
          "openssl x509 -req -in \"$1/leaf.csr\" -CA \"$1/$2.pem\" -CAkey \"$1/$2.key\""
          " -CAcreateserial -days 2 -extfile \"$1/leaf.ext\" -out \"$1/leaf.pem\"",
          authority, NULL, NULL);
}

static const char *
in_folder(const char *name)
{
    static char paths[4][600];
    static int next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void
start_server(const char *name, const char *protocol, const char *ciphers)
{
    char accept[32];
    char certificate[64];
    char key[64];

    (void)snprintf(certificate, sizeof(certificate), "%s.pem", name);
    (void)snprintf(key, sizeof(key), "%s.key", name);
    port = support_free_port();
    (void)snprintf(accept, sizeof(accept), "127.0.0.1:%d", port);

    const char *const argv[] = {
        "openssl", "s_server",     "-accept", accept,  "-cert",   in_folder(certificate),
        "-key",    in_folder(key), "-www",    "-alpn", protocols, "-cipher",
        ciphers,   protocol,       NULL};

    support_spawn(&server, argv, NULL);
}

static void
set_up(void)
{
    folder = support_folder();
}

static void
tear_down(void)
{
    http_free(http);
    http = NULL;
    support_signal(&server, SIGKILL);
    (void)support_wait_exit(&server, 10000);
}

/* Until the server listens; each try is a request of its own. body NULL: a GET. */
static void
fetch(const char *host, const char *authority, const char *body, struct http_answer *answer)
{
    const struct http_options options = {.in_flight_max = 1,
                                         .body_bytes_max = 65536,
                                         .connect_timeout_ms = 5000,
                                         .timeout_ms = 10000,
                                         .ca_file =
                                             authority == NULL ? NULL : in_folder(authority)};
    struct clock_mono until = clock_mono_add(clock_mono_now(), 20000);
    char url[64];
    struct http_request request = {.method = body == NULL ? "GET" : "POST",
                                   .url = url,
                                   .body = body,
                                   .body_bytes = body == NULL ? 0 : strlen(body)};

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

/* Not a byte of a POST's body leaves, and the reason is said in words. */
static void
must_refuse(const char *host, const char *authority, enum http_distrust distrust, const char *words)
{
    struct http_answer answer;

    fetch(host, authority, "{}", &answer);
    ck_assert_int_eq(answer.fact, HTTP_NOT_SENT);
    ck_assert(!answer.is_sent);
    ck_assert_msg(answer.phase == HTTP_PHASE_TLS, "%s", answer.error);
    ck_assert_msg(answer.distrust == distrust, "%d: %s", (int)answer.distrust, answer.error);
    ck_assert_msg(strncmp(answer.error, "TLS handshake: ", 15) == 0 &&
                      strstr(answer.error, words) != NULL,
                  "\"%s\" doesn't say \"%s\"", answer.error, words);
}

START_TEST(only_a_certificate_that_is_trusted_and_names_the_host_will_do)
{
    struct http_answer answer;

    make_certificate("self", "IP:127.0.0.1", NULL);
    start_server("self", "-tls1_2", "DEFAULT");
    fetch("127.0.0.1", "self.pem", NULL, &answer);
    ck_assert_msg(answer.fact == HTTP_ANSWERED, "%s", answer.error);
    ck_assert_int_eq(answer.status, 200);

    ck_assert_int_eq(answer.distrust, HTTP_DISTRUST_NONE);

    must_refuse("127.0.0.1", NULL, HTTP_DISTRUST_SELF_SIGNED,
                "the server's certificate is signed by itself, by no authority");
    must_refuse("localhost", "self.pem", HTTP_DISTRUST_NAME,
                "no alternative certificate subject name matches target "
                "host name 'localhost'");
}
END_TEST

START_TEST(a_certificate_of_another_authority_is_refused)
{
    struct http_answer answer;

    make_certificate("ours", "DNS:ours", NULL);
    make_certificate("other", "DNS:other", NULL);
    make_leaf("other");
    start_server("leaf", "-tls1_3", "DEFAULT");
    fetch("127.0.0.1", "other.pem", NULL, &answer);
    ck_assert_msg(answer.fact == HTTP_ANSWERED, "%s", answer.error);
    must_refuse("127.0.0.1", "ours.pem", HTTP_DISTRUST_AUTHORITY,
                "the server's certificate is of an authority that isn't trusted here");
    must_refuse("127.0.0.1", NULL, HTTP_DISTRUST_AUTHORITY, "an authority that isn't trusted");

    /* The server sends its authority along, which makes it no better. */
    shell("cat \"$1/$3.pem\" >> \"$1/$2.pem\"", "leaf", "other", NULL);
    support_signal(&server, SIGKILL);
    (void)support_wait_exit(&server, 10000);
    start_server("leaf", "-tls1_3", "DEFAULT");
    must_refuse("127.0.0.1", "ours.pem", HTTP_DISTRUST_AUTHORITY, "an authority that isn't");
}
END_TEST

/* Debian's libcurl looks into a folder of the system's beside its file. */
START_TEST(a_file_of_authorities_stands_in_place_of_all_of_the_systems)
{
    struct http_answer answer;

    make_certificate("ours", "DNS:ours", NULL);
    make_certificate("theirs", "DNS:theirs", NULL);
    make_leaf("theirs");
    shell("mkdir \"$1/system\"; cp \"$1/$2.pem\" \"$1/system\"; openssl rehash \"$1/system\"",
          "theirs", NULL, NULL);
    (void)snprintf(system_folder, sizeof(system_folder), "%s", in_folder("system"));
    start_server("leaf", "-tls1_3", "DEFAULT");
    fetch("127.0.0.1", NULL, NULL, &answer);
    ck_assert_msg(answer.fact == HTTP_ANSWERED, "%s", answer.error);
    must_refuse("127.0.0.1", "ours.pem", HTTP_DISTRUST_AUTHORITY, "an authority that isn't");
}
END_TEST

START_TEST(a_file_of_authorities_that_is_none_is_said)
{
    make_certificate("self", "IP:127.0.0.1", NULL);
    start_server("self", "-tls1_2", "DEFAULT");
    shell("echo 'no certificate' > \"$1/$2\"", "empty.pem", NULL, NULL);
    must_refuse("127.0.0.1", "empty.pem", HTTP_DISTRUST_CA_FILE, "empty.pem");
    must_refuse("127.0.0.1", "missing.pem", HTTP_DISTRUST_CA_FILE, "missing.pem");
}
END_TEST

/* Made ten days ago, or in ten days, and good for two. */
static const struct {
    const char *shift;
    enum http_distrust distrust;
    const char *words;
} time_cases[] = {
    {"WAYBILL_CLOCK_SHIFT_S=-864000", HTTP_DISTRUST_EXPIRED,
     "the server's certificate has expired"},
    {"WAYBILL_CLOCK_SHIFT_S=864000", HTTP_DISTRUST_NOT_YET_VALID,
     "the server's certificate is not yet valid"},
};

START_TEST(a_certificate_whose_time_is_over_or_has_not_come_is_refused)
{
    const char *const env[] = {"LD_PRELOAD=" WRONG_CLOCK, time_cases[_i].shift, NULL};

    make_certificate("old", "IP:127.0.0.1", env);
    start_server("old", "-tls1_2", "DEFAULT");
    must_refuse("127.0.0.1", "old.pem", time_cases[_i].distrust, time_cases[_i].words);
}
END_TEST

/* The system's own policy would refuse it as well, so that policy is opened first: what refuses is
 * ours. */
START_TEST(an_outdated_protocol_is_refused)
{
    static const char policy[] = "openssl_conf = start\n[start]\nssl_conf = ssl\n[ssl]\n"
                                 "system_default = all\n[all]\nMinProtocol = TLSv1\n"
                                 "CipherString = DEFAULT@SECLEVEL=0\n";

    make_certificate("self", "IP:127.0.0.1", NULL);
    ck_assert_int_eq(setenv("OPENSSL_CONF", support_write_file("openssl.cnf", policy, 0600), 1), 0);
    start_server("self", "-tls1_1", "DEFAULT@SECLEVEL=0");
    must_refuse("127.0.0.1", "self.pem", HTTP_DISTRUST_PROTOCOL,
                "the server offers no TLS 1.2 or later");
}
END_TEST

/* It may send a refused stream again by itself, so it isn't even offered. */
START_TEST(a_server_that_speaks_http2_only_is_not_understood)
{
    make_certificate("self", "IP:127.0.0.1", NULL);
    protocols = "h2";
    start_server("self", "-tls1_2", "DEFAULT");
    must_refuse("127.0.0.1", "self.pem", HTTP_DISTRUST_NONE, "no application protocol");
}
END_TEST

START_TEST(the_environment_names_no_proxy_for_https_either)
{
    struct http_answer answer;

    make_certificate("self", "IP:127.0.0.1", NULL);
    start_server("self", "-tls1_2", "DEFAULT");
    ck_assert_int_eq(setenv("https_proxy", "http://127.0.0.1:1", 1), 0);
    ck_assert_int_eq(setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1), 0);
    ck_assert_int_eq(setenv("all_proxy", "socks5://127.0.0.1:1", 1), 0);
    fetch("127.0.0.1", "self.pem", NULL, &answer);
    ck_assert_msg(answer.fact == HTTP_ANSWERED, "%s", answer.error);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http tls");
    TCase *tcase = support_case(suite, "tls", 120);

    if (access("/usr/bin/openssl", X_OK) != 0)
        return 77;
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, only_a_certificate_that_is_trusted_and_names_the_host_will_do);
    tcase_add_test(tcase, a_certificate_of_another_authority_is_refused);
    tcase_add_test(tcase, a_file_of_authorities_stands_in_place_of_all_of_the_systems);
    tcase_add_test(tcase, a_file_of_authorities_that_is_none_is_said);
    tcase_add_loop_test(tcase, a_certificate_whose_time_is_over_or_has_not_come_is_refused, 0, 2);
    tcase_add_test(tcase, an_outdated_protocol_is_refused);
    tcase_add_test(tcase, a_server_that_speaks_http2_only_is_not_understood);
    tcase_add_test(tcase, the_environment_names_no_proxy_for_https_either);
    return support_run_suite(suite);
}
