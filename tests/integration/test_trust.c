/* An API that can't be trusted: what the commands say, and what helps. The server is openssl's own.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/shop.h"

static struct shop shop;
static struct support_process server;
static int port;

static void
trust_set_up(void)
{
    static const char SCRIPT[] =
        "cd \"$1\"; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        " -days 2 -subj '/CN=waybill test' -addext 'subjectAltName=IP:127.0.0.1' -keyout tls.key"
        " -out tls.pem; exec openssl s_server -accept \"$2\" -cert tls.pem -key tls.key -www";
    char accept[32];

    shop_begin(&shop, 1);
    port = support_free_port();
    (void)snprintf(accept, sizeof(accept), "127.0.0.1:%d", port);

    const char *const argv[] = {"sh", "-ec", SCRIPT, "sh", support_folder(), accept, NULL};

    support_spawn(&server, argv, NULL);
}

static void
trust_tear_down(void)
{
    support_signal(&server, SIGKILL);
    (void)support_wait_exit(&server, 10000);
    shop_end(&shop);
}

/* ca_file: a line of the configuration, or "". */
static void
trust_use(const char *host, const char *ca_file)
{
    char text[4096];

    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\nwarehouse:\n  line_items: shop.lines\n"
                   "api:\n  base_url: https://%s:%d\n  key_file: %s\n  mode: test\n%s",
                   shop.url, host, port, support_write_file("api.key", "sk_test_sandbox", 0600),
                   ca_file);
    shop.config = support_write_file("tls.yaml", text, 0600);
}

static bool
trust_is_up(void *ctx)
{
    (void)ctx;
    ck_assert_int_eq(shop_waybill(&shop, (const char *const[]){"check", NULL}), 5);
    return strstr(shop.out, "connect: ") == NULL;
}

START_TEST(whoever_meets_a_server_that_cannot_be_trusted_reads_why_and_what_to_do)
{
    char ca_file[700];

    trust_use("127.0.0.1", "");
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_ships(&shop, "('o1', 'a', 'p1', 2, 0)");
    support_wait_until(trust_is_up, NULL, 20000, "the server");
    shop_said(&shop, "the server's certificate is signed by itself, by no authority");
    shop_said(&shop, "name the file with this certificate in api.ca_file");

    shop_must(&shop, 5, "run");
    shop_warned(&shop, "the API can't be reached: TLS handshake: the server's certificate is");
    shop_warned(&shop, "hint=\"what is due stays planned; name the file with this certificate in");

    (void)snprintf(ca_file, sizeof(ca_file), "  ca_file: %s/tls.pem\n", support_folder());
    trust_use("localhost", ca_file);
    shop_must(&shop, 3, "check"); /* it is another than the ledger's, too */
    shop_said(&shop, "'localhost'");
    shop_said(&shop, "api.base_url must have the host's name as the certificate has it");

    trust_use("127.0.0.1", ca_file);
    shop_must(&shop, 5, "check"); /* trusted, and no API */
    shop_said(&shop, "the answer can't be read");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("trust");
    TCase *tests = support_case(suite, "trust", 120);

    support_need_database();
    if (access("/usr/bin/openssl", X_OK) != 0)
        return 77;
    tcase_add_checked_fixture(tests, trust_set_up, trust_tear_down);
    tcase_add_test(tests, whoever_meets_a_server_that_cannot_be_trusted_reads_why_and_what_to_do);
    return support_run_suite(suite);
}
