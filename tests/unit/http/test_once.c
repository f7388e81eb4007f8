/*
 * A request is sent once or not at all: the promise that everything else stands on.
 */
#include <poll.h>

#include "unit/http/rude.h"

/* A body that leaves with its head, and one that is too large for it. */
static const char *
body_of(bool is_large)
{
    static char large[32 * 1024];

    memset(large, 'x', sizeof(large) - 1);
    return is_large ? large : "{\"units\":1}";
}

START_TEST(a_post_whose_kept_connection_dies_is_not_sent_again)
{
    struct http_answer answer;

    rude_fetch("/ok", "{}", &answer);
    ck_assert_int_eq(answer.status, 201);
    rude_fetch("/drop", body_of(_i == 1), &answer);

    ck_assert_msg(rude_look(&rude).drops == 1, "applied %d times", rude_look(&rude).drops);
    ck_assert_int_eq(rude_look(&rude).requests, 2);
    ck_assert_int_eq(answer.fact, HTTP_BROKEN);
    ck_assert(answer.is_sent);
    ck_assert_int_eq(answer.status, 0);
    ck_assert_int_eq(answer.phase, HTTP_PHASE_WAITING);
    ck_assert_msg(strstr(answer.error, "not sent twice") != NULL, "%s", answer.error);
}
END_TEST

START_TEST(a_post_whose_fresh_connection_dies_is_not_sent_again)
{
    struct http_answer answer;

    rude_fetch("/drop", body_of(_i == 1), &answer);
    ck_assert_int_eq(rude_look(&rude).drops, 1);
    ck_assert_int_eq(answer.fact, HTTP_BROKEN);
    ck_assert(answer.is_sent);
}
END_TEST

START_TEST(a_hundred_dying_connections_apply_a_hundred_posts)
{
    struct http_answer answer;

    for (int i = 0; i < 50; i++) {
        rude_fetch("/ok", "{}", &answer);
        ck_assert_int_eq(answer.status, 201);
        rude_fetch("/drop", "{\"units\":1}", &answer);
        ck_assert_int_eq(answer.fact, HTTP_BROKEN);
    }
    ck_assert_int_eq(rude_look(&rude).drops, 50);
}
END_TEST

START_TEST(a_deadline_that_has_passed_sends_nothing)
{
    struct http_answer answer;
    struct clock_boot past = clock_boot_add(clock_boot_now(), -1);
    int tag;

    rude_ask("/ok", "{}", &past, &tag);
    ck_assert_int_eq(http_in_flight(http), 1);
    rude_wait(&answer);
    ck_assert_int_eq(answer.fact, HTTP_NOT_SENT);
    ck_assert(answer.is_late);
    ck_assert(!answer.is_sent);
    ck_assert_ptr_eq(answer.tag, &tag);
    ck_assert_msg(strstr(answer.error, "deadline") != NULL, "%s", answer.error);
    ck_assert_int_eq(http_free_slots(http), 4);
    ck_assert_int_eq(rude_look(&rude).connections, 0);

    rude_fetch("/ok", "{}", &answer);
    ck_assert_int_eq(answer.status, 201);
    ck_assert_uint_eq(rude_look(&rude).body_bytes, 2);
}
END_TEST

/* A worker that was suspended after it had started the request: with a fresh and a kept connection,
 * a small and a large body. */
START_TEST(a_deadline_that_passes_after_the_start_sends_no_byte)
{
    struct http_answer answer;
    struct clock_boot soon;

    if (_i % 2 == 1)
        rude_fetch("/ok", NULL, &answer);
    soon = clock_boot_add(clock_boot_now(), 60000);
    rude_ask("/drop", body_of(_i >= 2), &soon, NULL);
    clock_advance_for_tests(60000);
    rude_wait(&answer);
    ck_assert_msg(answer.fact == HTTP_NOT_SENT, "%s", answer.error);
    ck_assert(answer.is_late);
    ck_assert(!answer.is_sent);
    ck_assert_int_eq(rude_look(&rude).drops, 0);
    ck_assert_uint_eq(rude_look(&rude).body_bytes, 0);
    ck_assert_int_eq(rude_look(&rude).requests, _i % 2); /* not even the request line */
}
END_TEST

/* The server reads the head and sleeps, so that the body stops in the middle; then the worker is
 * suspended. */
START_TEST(a_deadline_that_passes_inside_a_body_does_not_complete_it)
{
    enum { BYTES = 12 * 1024 * 1024 };
    struct http_answer answer;
    struct clock_boot soon = clock_boot_add(clock_boot_now(), 60000);
    char *body = malloc(BYTES + 1);

    ck_assert_ptr_nonnull(body);
    memset(body, 'x', BYTES);
    body[BYTES] = '\0';
    rude_ask("/sleepy", body, &soon, NULL);
    free(body); /* it was copied */
    while (rude_look(&rude).requests == 0)
        ck_assert(http_wait(http, NULL, 0, NULL, 10, &err));
    for (int i = 0; i < 20; i++)
        ck_assert(http_wait(http, NULL, 0, NULL, 5, &err));
    clock_advance_for_tests(60000);
    rude_release(&rude);
    rude_wait(&answer);
    ck_assert_int_eq(answer.fact, HTTP_BROKEN);
    ck_assert_int_eq(answer.phase, HTTP_PHASE_SENDING);
    ck_assert(answer.is_sent);
    ck_assert(!answer.is_late); /* late says that nothing left */
    ck_assert_msg(strstr(answer.error, "sending: the send deadline") != NULL, "%s", answer.error);
    ck_assert_uint_lt(rude_look(&rude).body_bytes, BYTES);
}
END_TEST

START_TEST(a_post_without_a_body_is_sent_when_its_request_line_is)
{
    struct http_answer answer;
    struct http_request request = {.method = "POST", .url = "http://127.0.0.1:1/"};
    char url[64];

    ck_assert(http_start(http, &request, &err));
    rude_wait(&answer);
    ck_assert_int_eq(answer.fact, HTTP_NOT_SENT);

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/drop", rude.port);
    request.url = url;
    ck_assert(http_start(http, &request, &err));
    rude_wait(&answer);
    ck_assert_int_eq(answer.fact, HTTP_BROKEN);
    ck_assert(answer.is_sent);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("http once");
    TCase *tcase = tcase_create("once");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, rude_set_up, rude_tear_down);
    tcase_add_loop_test(tcase, a_post_whose_kept_connection_dies_is_not_sent_again, 0, 2);
    tcase_add_loop_test(tcase, a_post_whose_fresh_connection_dies_is_not_sent_again, 0, 2);
    tcase_add_test(tcase, a_hundred_dying_connections_apply_a_hundred_posts);
    tcase_add_test(tcase, a_deadline_that_has_passed_sends_nothing);
    tcase_add_loop_test(tcase, a_deadline_that_passes_after_the_start_sends_no_byte, 0, 4);
    tcase_add_test(tcase, a_deadline_that_passes_inside_a_body_does_not_complete_it);
    tcase_add_test(tcase, a_post_without_a_body_is_sent_when_its_request_line_is);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
