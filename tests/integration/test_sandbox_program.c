/* The sandbox as a program: its options, what it says of mistakes in them, and of mistakes in
 * requests to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"

static void
said(const char *const arguments[6], int code, const char *in_out, const char *in_errors)
{
    const char *argv[8] = {SUPPORT_SANDBOX};
    char *out = NULL;
    char *errors = NULL;
    int ended;

    for (int i = 0; i < 6 && arguments[i] != NULL; i++)
        argv[i + 1] = arguments[i];
    ended = support_run(argv, NULL, &out, &errors);
    ck_assert_msg(ended == code, "%s: %d, not %d: %s%s", arguments[0], ended, code, out, errors);
    ck_assert_msg(in_out == NULL || strstr(out, in_out) != NULL, "stdout: %s", out);
    ck_assert_msg(in_errors == NULL || strstr(errors, in_errors) != NULL, "stderr: %s", errors);
    free(out);
    free(errors);
}
#define ARGS(...) ((const char *const[6]){__VA_ARGS__})

START_TEST(the_sandbox_tells_what_it_can)
{
    said(ARGS("--help"), 0, "usage: waybill-sandbox", "");
    said(ARGS("-h"), 0, "\nSwitches ", "");
    said(ARGS("-h"), 0, "\nFaults ", "");
    said(ARGS("-h"), 0, "applied all the same", "");
    said(ARGS("--version"), 0, "waybill-sandbox 0", "");
}
END_TEST

START_TEST(a_mistake_in_an_option_is_exit_2_and_names_it)
{
    said(ARGS("--port", "70000"), 2, NULL, "--port: must be 0..65535, got \"70000\"");
    said(ARGS("--port"), 2, NULL, "--port: needs a value");
    said(ARGS("--prot", "1"), 2, NULL, "unknown option \"--prot\"");
    said(ARGS("8080"), 2, NULL, "unknown argument \"8080\"");
    said(ARGS("--key-env", "WAYBILL_NO_SUCH_KEY"), 2, NULL,
         "there is no variable \"WAYBILL_NO_SUCH_KEY\"");
    said(ARGS("--fault", "nosuch"), 2, NULL, "nosuch");
    said(ARGS("--switch", "nosuch=1"), 2, NULL, "nosuch");
}
END_TEST

START_TEST(too_many_keys_are_told)
{
    enum { MANY = 200 };
    const char *argv[2 * MANY + 2] = {SUPPORT_SANDBOX};
    char *errors = NULL;

    for (int i = 0; i < MANY; i++) {
        argv[1 + 2 * i] = "--key";
        argv[2 + 2 * i] = "k";
    }
    ck_assert_int_eq(support_run(argv, NULL, NULL, &errors), 2);
    ck_assert_msg(strstr(errors, "--key: at most ") != NULL, "%s", errors);
    free(errors);
}
END_TEST

START_TEST(a_file_that_it_can_not_use_ends_it_with_its_name)
{
    const char *bad = support_write_file("orders", "{\"id\": \"o1\"}\r\n{\"id\": 7\n", 0600);
    const char *none = support_write_file("list", "[{\"id\": 7}]", 0600);
    char long_name[5000];

    said(ARGS("--orders", "/nonexistent/orders"), 1, NULL, "/nonexistent/orders");
    said(ARGS("--orders", "/"), 1, NULL, "cannot read");
    said(ARGS("--orders", bad), 1, NULL, "orders");
    said(ARGS("--orders", none), 1, NULL, "list");
    said(ARGS("--journal", "/nonexistent/journal"), 1, NULL, "/nonexistent/journal");
    said(ARGS("--port-file", "/nonexistent/port"), 1, NULL, "cannot write");
    said(ARGS("--port-file", support_folder()), 1, NULL, "cannot write");
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    said(ARGS("--port-file", long_name), 2, NULL, "--port-file: the name is too long");
}
END_TEST

START_TEST(a_port_that_is_taken_is_told)
{
    int port;
    int fd = support_listen(&port);
    char text[16];

    (void)snprintf(text, sizeof(text), "%d", port);
    said(ARGS("--port", text), 1, NULL, "stopped");
    (void)close(fd);
}
END_TEST

/* Mistakes in what is said to the running program. */
static const struct {
    const char *method, *path, *body;
    int status;
    const char *in_answer;
} REQUESTS[] = {
    {"POST", "/_sandbox/orders", "{\"id\": 7}", 400, "line 1"},
    {"POST", "/_sandbox/orders", "[{\"id\": \"o2\"}, 7]", 400, "invalid_parameter"},
    {"POST", "/_sandbox/orders", "[", 400, "invalid_parameter"},
    {"POST", "/_sandbox/orders/nobody", "{}", 404, "'nobody' was not found"},
    {"POST", "/_sandbox/orders/o1", "{", 400, "invalid_parameter"},
    {"POST", "/_sandbox/orders/o1", "{\"state\": \"happy\"}", 400, "No such state: 'happy'"},
    {"POST", "/_sandbox/events", "{}", 400, "type"},
    {"POST", "/_sandbox/events",
     "{\"type\": \"order.created\", \"orderId\": \"nobody\", \"object\": \"{}\"}", 400,
     "No such order: 'nobody'"},
    {"POST", "/_sandbox/clock", "{}", 400, "advance_ms"},
    {"POST", "/_sandbox/clock", "{\"advance_ms\": -1}", 400, "advance_ms must be 0.."},
    {"POST", "/_sandbox/switches", "nosuch=1", 400, "nosuch"},
    {"POST", "/_sandbox/faults", "nosuch", 400, "nosuch"},
    {"GET", "/_sandbox/nosuch", NULL, 404, "The sandbox has no GET '/_sandbox/nosuch'"},
    {"GET", "/events/evt_nobody", NULL, 404, "not_found"},
    {"GET", "/charges/nobody", NULL, 404, "not_found"},
    {"GET", "/fulfillments?skuId=nosuch&orderId=o1", NULL, 200, "\"data\""},
    {"POST", "/fulfillments",
     "{\"orderId\": \"o1\", \"items\": [{\"itemId\": \" \", \"quantity\": 1}]}", 400,
     "invalid_string_blank"},
    {"POST", "/fulfillments", "{\"orderId\": \"o1\", \"metadata\": 7, \"items\": []}", 400,
     "metadata"},
    {"POST", "/fulfillments",
     "{\"orderId\": \"gone\", \"items\": [{\"itemId\": \"a\", \"quantity\": 1}]}", 409,
     "order_cancelled"},
    {"POST", "/fulfillments",
     "{\"orderId\": \"all\", \"items\": [{\"itemId\": \"a\", \"quantity\": 1}]}", 409,
     "order_fulfilled"},
};

START_TEST(a_mistake_in_a_request_is_answered_with_its_name)
{
    static const char *const OPTIONS[] = {"--rate", "0", "--key-env", "SANDBOX_KEY", NULL};
    static const char *const HEADERS[] = {"Content-Type: application/json",
                                          "Authorization: Bearer sk_of_the_variable", NULL};
    static const char ORDERS[] = "[{\"id\": \"o1\", \"items\": [{\"id\": \"a\", \"quantity\": 3}]},"
                                 " {\"id\": \"gone\", \"state\": \"cancelled\", \"items\": "
                                 "[{\"id\": \"a\", \"quantity\": 3}]},"
                                 " {\"id\": \"all\", \"state\": \"fulfilled\", \"items\": "
                                 "[{\"id\": \"a\", \"quantity\": 3}]}]";
    struct support_sandbox sandbox;
    char url[256];
    char *answer = NULL;

    ck_assert_int_eq(setenv("SANDBOX_KEY", "sk_of_the_variable", 1), 0);
    support_sandbox_start(&sandbox, OPTIONS);
    (void)snprintf(url, sizeof(url), "%s/_sandbox/orders", sandbox.url);
    ck_assert_int_eq(support_http_post(url, ORDERS, NULL), 201);
    for (size_t i = 0; i < sizeof(REQUESTS) / sizeof(REQUESTS[0]); i++) {
        int status;

        (void)snprintf(url, sizeof(url), "%s%s", sandbox.url, REQUESTS[i].path);
        status = support_http(REQUESTS[i].method, url, HEADERS, REQUESTS[i].body, &answer);
        ck_assert_msg(status == REQUESTS[i].status, "%s %s: %d: %s", REQUESTS[i].path,
                      REQUESTS[i].body == NULL ? "" : REQUESTS[i].body, status, answer);
        ck_assert_msg(strstr(answer, REQUESTS[i].in_answer) != NULL, "%s: not \"%s\" in %s",
                      REQUESTS[i].path, REQUESTS[i].in_answer, answer);
        free(answer);
        answer = NULL;
    }
    support_sandbox_stop(&sandbox);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("sandbox program");

    SUPPORT_CASE(suite, 60, NULL, NULL, the_sandbox_tells_what_it_can);
    SUPPORT_CASE(suite, 60, NULL, NULL, a_mistake_in_an_option_is_exit_2_and_names_it);
    SUPPORT_CASE(suite, 60, NULL, NULL, too_many_keys_are_told);
    SUPPORT_CASE(suite, 60, NULL, NULL, a_file_that_it_can_not_use_ends_it_with_its_name);
    SUPPORT_CASE(suite, 60, NULL, NULL, a_port_that_is_taken_is_told);
    SUPPORT_CASE(suite, 60, NULL, NULL, a_mistake_in_a_request_is_answered_with_its_name);
    return support_run_suite(suite);
}
