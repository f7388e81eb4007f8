#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>

#include "base/buffer.h"
#include "unit/http/rude.h"

START_TEST(an_answer_comes_with_status_headers_and_body)
{
    struct http_answer answer;
    int tag;

    rude_ask("/ok", "{}", NULL, &tag);
    ck_assert_int_eq(http_in_flight(http), 1);
    ck_assert_int_eq(http_free_slots(http), 3);
    rude_wait(&answer);

    ck_assert_int_eq(answer.fact, HTTP_ANSWERED);
    ck_assert_int_eq(answer.phase, HTTP_PHASE_DONE);
    ck_assert_int_eq(answer.status, 201);
    ck_assert_ptr_eq(answer.tag, &tag);
    ck_assert(answer.is_sent);
    ck_assert(!answer.is_late);
    ck_assert(answer.is_json);
    ck_assert_str_eq(answer.body, "{\"id\":\"f1\"}");
    ck_assert_uint_eq(answer.body_bytes, 11);
    ck_assert_str_eq(answer.request_id, "req-1");
    ck_assert_str_eq(answer.date, "Mon, 23 Nov 2026 14:00:00 GMT");
    ck_assert_ptr_null(answer.retry_after);
    ck_assert_str_eq(answer.error, "");
    ck_assert_int_ge(answer.duration_ms, 0);
    ck_assert_int_gt(answer.started_unix_ms, INT64_C(1600000000000));
    ck_assert_int_eq(http_in_flight(http), 0);
    ck_assert_uint_eq(rude_look(&rude).body_bytes, 2);
}
END_TEST

START_TEST(the_key_the_headers_and_nothing_unasked_for_go_out)
{
    struct http_options options = rude_options;
    struct secret *key = NULL;
    struct http_answer answer;
    char url[64];
    static const char *const headers[] = {"upstream-id: m-1", "Content-Type: application/json",
                                          NULL};
    struct http_request request = {.method = "POST", .url = url, .headers = headers};
    char body[3000];

    memset(body, 'x', sizeof(body));
    request.body = body;
    request.body_bytes = sizeof(body);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/echo", rude.port);
    ck_assert(secret_from_text("sk_test_1", &key, &err));
    options.bearer = key;
    rude_set_options(&options);
    ck_assert(http_start(http, &request, &err));
    rude_wait(&answer);

    ck_assert_int_eq(strncmp(answer.body, "POST /echo HTTP/1.1\r\n", 21), 0);
    ck_assert_ptr_nonnull(strstr(answer.body, "\r\nAuthorization: Bearer sk_test_1\r\n"));
    ck_assert_ptr_nonnull(strstr(answer.body, "\r\nupstream-id: m-1\r\n"));
    ck_assert_ptr_nonnull(strstr(answer.body, "\r\nContent-Type: application/json\r\n"));
    ck_assert_ptr_nonnull(strstr(answer.body, "\r\nContent-Length: 3000\r\n"));
    ck_assert_ptr_nonnull(strstr(answer.body, "\r\nUser-Agent: waybill-test/1\r\n"));
    ck_assert_ptr_null(strcasestr(answer.body, "expect:"));
    ck_assert_ptr_null(strcasestr(answer.body, "transfer-encoding"));
    ck_assert(!answer.is_json);

    /* The handle of a POST makes a clean GET afterwards. */
    rude_fetch("/echo", NULL, &answer);
    ck_assert_int_eq(strncmp(answer.body, "GET /echo HTTP/1.1\r\n", 20), 0);
    ck_assert_ptr_nonnull(strstr(answer.body, "\r\nAuthorization: Bearer sk_test_1\r\n"));
    ck_assert_ptr_null(strcasestr(answer.body, "content-length"));
    ck_assert_ptr_null(strcasestr(answer.body, "upstream-id"));
    secret_free(key);
}
END_TEST

START_TEST(a_connection_is_kept_for_the_next_request)
{
    struct http_answer answer;

    for (int i = 0; i < 5; i++) {
        rude_fetch("/ok", "{}", &answer);
        ck_assert_int_eq(answer.status, 201);
    }
    ck_assert_int_eq(rude_look(&rude).requests, 5);
    ck_assert_int_eq(rude_look(&rude).connections, 1);
}
END_TEST

START_TEST(all_that_are_in_flight_come_back_under_their_tag)
{
    int seen[200] = {0};
    int tags[200];
    int started = 0;
    int taken = 0;

    while (taken < 200) {
        struct http_answer answer;

        while (started < 200 && http_free_slots(http) > 0) {
            rude_ask("/ok", "{}", NULL, &tags[started]);
            started++;
        }
        rude_wait(&answer);
        ck_assert_int_eq(answer.status, 201);
        seen[(int *)answer.tag - tags]++;
        taken++;
    }
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(seen[i], 1);
    ck_assert_int_le(rude_look(&rude).connections, 4);
}
END_TEST

START_TEST(a_slot_that_starts_anew_leaves_the_answer_readable)
{
    struct http_answer answer;

    rude_fetch("/ok", "{}", &answer);
    for (int i = 0; i < 4; i++)
        rude_ask("/plain", NULL, NULL, NULL);
    for (int i = 0; i < 20; i++)
        ck_assert(http_wait(http, NULL, 0, NULL, 10, &err));
    ck_assert_str_eq(answer.body, "{\"id\":\"f1\"}");
    ck_assert_str_eq(answer.request_id, "req-1");
}
END_TEST

/* What goes wrong after something has left is broken, never "not sent". */
static const struct {
    const char *path;
    enum http_phase phase;
    int status;
    bool is_timeout, is_oversize;
    const char *words;
} broken_cases[] = {
    {"/hang", HTTP_PHASE_WAITING, 0, true, false, "waiting for the answer: Operation timed out"},
    {"/drop", HTTP_PHASE_WAITING, 0, false, false, "waiting for the answer: Empty reply"},
    {"/truncate", HTTP_PHASE_READING, 200, false, false, "reading the answer: transfer closed"},
    {"/cut-head", HTTP_PHASE_WAITING, 0, false, false, "Empty reply"},
    {"/garbage", HTTP_PHASE_WAITING, 0, false, false, "HTTP/0.9"},
    {"/huge", HTTP_PHASE_READING, 200, false, true, "larger than allowed"},
    {"/headers", HTTP_PHASE_READING, 200, false, true, "larger than allowed"},
    {"/endless", HTTP_PHASE_READING, 200, false, true, "larger than allowed"},
    {"/chunks", HTTP_PHASE_READING, 200, false, true, "larger than allowed"},
    {"/interim", HTTP_PHASE_READING, 103, false, true, "larger than allowed"},
    {"/drip", HTTP_PHASE_READING, 200, true, false, "reading the answer: Operation timed out"},
    {"/drip-head", HTTP_PHASE_READING, 200, true, false, "reading the answer: Operation timed out"},
};

START_TEST(a_rude_answer_is_broken_and_says_where)
{
    struct http_options options = rude_options;
    struct http_answer answer;

    if (broken_cases[_i].is_timeout)
        options.timeout_ms = 200;
    rude_set_options(&options);
    for (int round = 0; round < 2; round++) { /* a POST, then a GET */
        rude_fetch(broken_cases[_i].path, round == 0 ? "{}" : NULL, &answer);
        ck_assert_msg(answer.fact == HTTP_BROKEN, "%s", answer.error);
        ck_assert(answer.is_sent);
        ck_assert_msg(answer.phase == broken_cases[_i].phase, "%s", answer.error);
        ck_assert_msg(strstr(answer.error, broken_cases[_i].words) != NULL, "%s", answer.error);
        ck_assert_int_eq(answer.is_timeout, broken_cases[_i].is_timeout);
        ck_assert_int_eq(answer.is_oversize, broken_cases[_i].is_oversize);
        ck_assert_int_eq(answer.status, broken_cases[_i].status);
        ck_assert(!answer.is_late);
    }
    rude_fetch("/ok", "{}", &answer);
    ck_assert_int_eq(answer.status, 201);
}
END_TEST

static const struct {
    const char *url; /* %d: the port */
    enum http_phase phase;
    const char *words;
} unsent_cases[] = {
    {"http://127.0.0.1:1/", HTTP_PHASE_CONNECT, "connect: Failed to connect"},
    {"https://127.0.0.1:1/", HTTP_PHASE_CONNECT, "connect: Failed to connect"},
    {"http://no-such-host.invalid/", HTTP_PHASE_RESOLVE, "resolve: Could not resolve"},
    {"https://127.0.0.1:%d/garbage", HTTP_PHASE_TLS, "TLS handshake: "},
};

START_TEST(what_never_got_through_is_not_sent_and_says_where)
{
    struct http_options options = rude_options;
    struct http_answer answer;
    char url[128];

    options.connect_timeout_ms = 200;
    options.in_flight_max = 1;
    rude_set_options(&options);
    /* What the handle went through before must not colour what it says now. */
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/garbage", rude.port);
    rude_fetch(url, "{}", &answer);
    ck_assert_msg(answer.phase == HTTP_PHASE_TLS, "%s", answer.error);
    (void)snprintf(url, sizeof(url), "%s", unsent_cases[_i].url);
    if (strstr(url, "%d") != NULL)
        (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/garbage", rude.port);
    for (int round = 0; round < 2; round++) {
        rude_fetch(url, round == 0 ? "{}" : NULL, &answer);
        ck_assert_msg(answer.fact == HTTP_NOT_SENT, "%s", answer.error);
        ck_assert(!answer.is_sent);
        ck_assert(!answer.is_late);
        ck_assert_int_eq(answer.status, 0);
        ck_assert_msg(answer.phase == unsent_cases[_i].phase, "%s", answer.error);
        ck_assert_msg(strstr(answer.error, unsent_cases[_i].words) != NULL, "%s", answer.error);
    }
    ck_assert_uint_eq(rude_look(&rude).body_bytes, 0);
}
END_TEST

START_TEST(a_429_is_told_when_its_headers_are_there)
{
    struct http_answer answer;
    struct http_early early;
    int tag;

    rude_ask("/early", "{}", NULL, &tag);
    while (!http_take_early(http, &early))
        ck_assert(http_wait(http, NULL, 0, NULL, 1000, &err));
    ck_assert_int_eq(early.status, 429);
    ck_assert_str_eq(early.retry_after, "7");
    ck_assert_str_eq(early.date, "Mon, 23 Nov 2026 14:00:00 GMT");
    ck_assert_ptr_eq(early.tag, &tag);
    ck_assert(!http_take_early(http, &early));
    ck_assert(!http_take(http, &answer));

    rude_release(&rude);
    rude_wait(&answer);
    ck_assert_int_eq(answer.status, 429);
    ck_assert_str_eq(answer.retry_after, "7");
    ck_assert_str_eq(answer.body, "wait");
    ck_assert(!http_take_early(http, &early));

    rude_ask("/early503", "{}", NULL, &tag);
    while (!http_take_early(http, &early))
        ck_assert(http_wait(http, NULL, 0, NULL, 1000, &err));
    ck_assert_int_eq(early.status, 503);
    ck_assert_str_eq(early.retry_after, "");
    ck_assert_str_eq(early.date, "");
    rude_wait(&answer);
    ck_assert_ptr_null(answer.retry_after);
}
END_TEST

START_TEST(a_redirect_is_an_answer_and_is_not_followed)
{
    struct http_answer answer;

    rude_fetch("/redirect", "{}", &answer);
    ck_assert_int_eq(answer.fact, HTTP_ANSWERED);
    ck_assert_int_eq(answer.status, 302);
    ck_assert_int_eq(rude_look(&rude).requests, 1);
}
END_TEST

START_TEST(what_an_interim_answer_says_does_not_count)
{
    struct http_answer answer;

    rude_fetch("/continue", NULL, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_ptr_null(answer.retry_after);
    ck_assert_ptr_null(answer.request_id);
    ck_assert_str_eq(answer.body, "");
}
END_TEST

START_TEST(bytes_that_are_no_text_do_not_hurt)
{
    struct http_answer answer;

    rude_fetch("/nul", NULL, &answer);
    ck_assert_uint_eq(answer.body_bytes, 3);
    ck_assert_mem_eq(answer.body, "a\0b", 4);
    rude_fetch("/evil", NULL, &answer);
    ck_assert_str_eq(answer.request_id, "a?[31mb??");
}
END_TEST

START_TEST(a_full_house_starts_nothing_more)
{
    struct http_request request = {.method = "GET", .url = "http://127.0.0.1:1/"};

    for (int i = 0; i < 4; i++)
        rude_ask("/hang", "{}", NULL, NULL);
    ck_assert_int_eq(http_free_slots(http), 0);
    ck_assert(!http_start(http, &request, &err));
    ck_assert_int_eq(err.code, ERROR_LIMIT);
    ck_assert_int_eq(http_in_flight(http), 4);
    ck_assert(http_wait(http, NULL, 0, NULL, 10, &(struct error){0}));
    /* and the tear-down frees what is in flight */
}
END_TEST

START_TEST(what_can_be_no_request_is_refused_without_effect)
{
    static const char *const urls[] = {"",
                                       "ftp://h/",
                                       "/path",
                                       "http://",
                                       "http://h/a b",
                                       "http://u:p@h/",
                                       "http://h:99999/",
                                       "file:///etc/passwd"};
    static const char *const headers[] = {"no colon", ": nameless", "A: b\r\nC: d", "A b: c",
                                          "A: \x01"};

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct error problem = {0};
        struct http_request request = {.method = "GET", .url = urls[i]};

        ck_assert_msg(!http_start(http, &request, &problem), "%s", urls[i]);
        ck_assert_int_eq(problem.code, ERROR_PARSE);
    }
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        const char *const list[] = {headers[i], NULL};
        struct error problem = {0};
        struct http_request request = {.method = "GET", .url = "http://h/", .headers = list};

        ck_assert_msg(!http_start(http, &request, &problem), "%s", headers[i]);
        ck_assert_int_eq(problem.code, ERROR_PARSE);
        ck_assert_ptr_null(strstr(problem.message, headers[i]));
    }
    ck_assert_int_eq(http_free_slots(http), 4);
}
END_TEST

START_TEST(an_extra_descriptor_wakes_the_wait)
{
    int ends[2];
    int fds[2];
    bool readable[2] = {true, true};
    struct clock_mono began = clock_mono_now();
    struct http_answer answer;

    ck_assert_int_eq(pipe(ends), 0);
    fds[0] = rude.listen_fd; /* nobody knocks: never readable */
    fds[1] = ends[0];
    ck_assert(http_wait(http, fds, 2, readable, 20, &err));
    ck_assert(!readable[0] && !readable[1]);
    ck_assert_int_ge(clock_mono_since_ms(began), 15); /* it slept, with nothing in flight */

    ck_assert_int_eq((int)write(ends[1], "x", 1), 1);
    began = clock_mono_now();
    ck_assert(http_wait(http, fds, 2, readable, RUDE_WAIT_MS, &err));
    ck_assert(!readable[0] && readable[1]);

    rude_ask("/hang", "{}", NULL, NULL);
    ck_assert(http_wait(http, fds + 1, 1, readable, RUDE_WAIT_MS, &err));
    ck_assert(readable[0]);
    ck_assert(!http_take(http, &answer));

    /* A closed writer must be told, or the loop that drains it would spin without knowing why. */
    ck_assert_int_eq((int)read(ends[0], (char[1]){0}, 1), 1);
    (void)close(ends[1]);
    ck_assert(http_wait(http, fds + 1, 1, readable, RUDE_WAIT_MS, &err));
    ck_assert(readable[0]);
    ck_assert_int_lt(clock_mono_since_ms(began), RUDE_WAIT_MS);
    (void)close(ends[0]);
}
END_TEST

START_TEST(what_has_ended_is_a_reason_not_to_sleep)
{
    struct http_answer answer;
    struct clock_mono began;
    struct clock_boot past = clock_boot_add(clock_boot_now(), -1);

    rude_ask("/ok", "{}", &past, NULL);
    began = clock_mono_now();
    ck_assert(http_wait(http, NULL, 0, NULL, RUDE_WAIT_MS, &err));
    ck_assert_int_lt(clock_mono_since_ms(began), RUDE_WAIT_MS / 2);
    ck_assert(http_take(http, &answer));
}
END_TEST

static void
on_alarm(int number)
{
    (void)number;
}

START_TEST(a_signal_ends_the_wait_and_is_no_error)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};

    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
    ck_assert_msg(http_wait(http, NULL, 0, NULL, RUDE_WAIT_MS, &err), "%s", err.message);
}
END_TEST

START_TEST(the_environment_names_no_proxy)
{
    struct http_answer answer;

    ck_assert_int_eq(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    ck_assert_int_eq(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
    rude_set_options(&rude_options);
    rude_fetch("/ok", "{}", &answer);
    ck_assert_int_eq(answer.status, 201);
}
END_TEST

START_TEST(a_proxy_that_was_asked_for_is_used)
{
    struct http_options options = rude_options;
    struct http_answer answer;
    char proxy[64];

    (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", rude.port);
    options.proxy = proxy;
    options.timeout_ms = 300;
    ck_assert_int_eq(setenv("no_proxy", "*", 1), 0);
    rude_set_options(&options);
    rude_fetch("http://no-such-host.invalid/ok", NULL, &answer);
    ck_assert_int_eq(answer.fact, HTTP_BROKEN); /* it hangs up or hangs: it was asked at least */
    ck_assert_int_eq(rude_look(&rude).requests, 1);
}
END_TEST

START_TEST(an_id_is_encoded_byte_by_byte)
{
    struct buffer buf;

    buffer_init(&buf, 1000);
    http_append_encoded(&buf, "aZ09-._~ /&=%'\"\xf0\x9f\x93\xa6");
    ck_assert_str_eq(buffer_text(&buf), "aZ09-._~%20%2F%26%3D%25%27%22%F0%9F%93%A6");
    buffer_free(&buf);
    ck_assert_int_eq(strncmp(http_library_version(), "libcurl/", 8), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http");
    TCase *tcase = tcase_create("facts");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, rude_set_up, rude_tear_down);
    tcase_add_test(tcase, an_answer_comes_with_status_headers_and_body);
    tcase_add_test(tcase, the_key_the_headers_and_nothing_unasked_for_go_out);
    tcase_add_test(tcase, a_connection_is_kept_for_the_next_request);
    tcase_add_test(tcase, all_that_are_in_flight_come_back_under_their_tag);
    tcase_add_test(tcase, a_slot_that_starts_anew_leaves_the_answer_readable);
    tcase_add_loop_test(tcase, a_rude_answer_is_broken_and_says_where, 0,
                        (int)(sizeof(broken_cases) / sizeof(broken_cases[0])));
    tcase_add_loop_test(tcase, what_never_got_through_is_not_sent_and_says_where, 0,
                        (int)(sizeof(unsent_cases) / sizeof(unsent_cases[0])));
    tcase_add_test(tcase, a_429_is_told_when_its_headers_are_there);
    tcase_add_test(tcase, a_redirect_is_an_answer_and_is_not_followed);
    tcase_add_test(tcase, what_an_interim_answer_says_does_not_count);
    tcase_add_test(tcase, bytes_that_are_no_text_do_not_hurt);
    tcase_add_test(tcase, a_full_house_starts_nothing_more);
    tcase_add_test(tcase, what_can_be_no_request_is_refused_without_effect);
    tcase_add_test(tcase, an_extra_descriptor_wakes_the_wait);
    tcase_add_test(tcase, what_has_ended_is_a_reason_not_to_sleep);
    tcase_add_test(tcase, a_signal_ends_the_wait_and_is_no_error);
    tcase_add_test(tcase, the_environment_names_no_proxy);
    tcase_add_test(tcase, a_proxy_that_was_asked_for_is_used);
    tcase_add_test(tcase, an_id_is_encoded_byte_by_byte);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
