#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "json/json.h"

static FILE *caught;
static char text[32768];

static void
setup(void)
{
    caught = tmpfile();
    ck_assert_ptr_nonnull(caught);
    ck_assert_int_ge(dup2(fileno(caught), STDERR_FILENO), 0);
    log_setup(LOG_INFO, LOG_FORMAT_LOGFMT);
}

static void
teardown(void)
{
    (void)fclose(caught);
}

/* All lines so far, without the time of the first. */
static const char *
logged(void)
{
    ssize_t count = pread(fileno(caught), text, sizeof(text) - 1, 0);
    const char *found;

    ck_assert_int_ge(count, 0);
    text[count] = '\0';
    found = strstr(text, "level");
    return found == NULL ? "" : found;
}

START_TEST(a_line_is_pairs_in_their_order)
{
    log_event(LOG_INFO, "sync", "claimed", "submission", "17", "gone", NULL, "rows", log_int(3),
              "what", "two words", "none", "", NULL);
    ck_assert_str_eq(logged(), "level=info room=sync event=claimed submission=17 rows=3 "
                               "what=\"two words\" none=\"\"\n");
    ck_assert_int_eq(strncmp(text, "time=20", 7), 0);
}
END_TEST

START_TEST(json_has_the_same_keys)
{
    struct json_doc *doc = NULL;
    struct error err = {0};

    log_setup(LOG_DEBUG, LOG_FORMAT_JSON);
    log_event(LOG_DEBUG, "sync", "claimed", "rows", "3", "text", "a \"b\"\n\\\x1b\xff", NULL);
    ck_assert_str_eq(logged() - 1,
                     "\"level\":\"debug\",\"room\":\"sync\",\"event\":\"claimed\",\"rows\":\"3\","
                     "\"text\":\"a \\\"b\\\"\\n\\\\\\u001b\xef\xbf\xbd\"}\n");
    ck_assert(json_parse(text, strlen(text), &doc, &err));
    ck_assert_str_eq(json_text(json_root(doc), "event"), "claimed");
    json_free(doc);
}
END_TEST

START_TEST(nothing_from_outside_forges_a_line)
{
    log_event(LOG_WARN, "sync", "refused", "said", "x\nlevel=error event=forged", "esc",
              "\x1b[2J\xc2\x9b\xe2\x80\xae", "key", "a=b", "quote", "\"", NULL);
    ck_assert_str_eq(logged(), "level=warn room=sync event=refused "
                               "said=\"x\\nlevel=error event=forged\" "
                               "esc=\"\\u001b[2J\\u009b\\u202e\" key=\"a=b\" quote=\"\\\"\"\n");
}
END_TEST

START_TEST(what_is_below_the_level_is_not_written)
{
    log_event(LOG_DEBUG, "sync", "row", NULL);
    ck_assert_str_eq(logged(), "");
    ck_assert(log_is_on(LOG_INFO));
    ck_assert(log_is_on(LOG_ERROR));
    ck_assert(!log_is_on(LOG_DEBUG));
    log_setup(LOG_ERROR, LOG_FORMAT_LOGFMT);
    log_event(LOG_WARN, "sync", "row", NULL);
    log_failure(LOG_WARN, "sync", "row", &(struct error){.code = ERROR_DB});
    ck_assert_str_eq(logged(), "");
}
END_TEST

START_TEST(a_failure_is_written_with_all_that_is_known)
{
    struct error err = {0};

    (void)error_set(&err, ERROR_DB, "relation \"x\" does not exist");
    memcpy(err.sqlstate, "42P01", 6);
    error_context(&err, "run");
    error_hint(&err, "run init");
    log_failure(LOG_ERROR, "cli", "stopped", &err);
    ck_assert_str_eq(logged(),
                     "level=error room=cli event=stopped code=db "
                     "message=\"relation \\\"x\\\" does not exist\" context=run hint=\"run init\" "
                     "sqlstate=42P01\n");
}
END_TEST

START_TEST(a_failure_of_the_api_has_its_status_and_no_empty_pairs)
{
    struct error err = {0};

    (void)error_set(&err, ERROR_API, "no");
    err.http_status = 503;
    log_failure(LOG_ERROR, "cli", "stopped", &err);
    ck_assert_str_eq(logged(),
                     "level=error room=cli event=stopped code=api message=no http_status=503\n");
}
END_TEST

START_TEST(a_huge_value_is_cut_and_the_line_still_ends)
{
    char huge[20000];
    struct json_doc *doc = NULL;
    struct error err = {0};

    memset(huge, 'x', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    log_event(LOG_INFO, "sync", "e", "a", huge, "b", "still here", NULL);
    ck_assert_uint_lt(strlen(logged()), 2300);
    ck_assert_ptr_nonnull(strstr(text, "xxx...\" b=\"still here\"\n"));

    ck_assert_int_eq(ftruncate(fileno(caught), 0), 0);
    ck_assert_int_eq(lseek(STDERR_FILENO, 0, SEEK_SET), 0);
    log_setup(LOG_INFO, LOG_FORMAT_JSON);
    memset(huge, '\x01', sizeof(huge) - 1);
    log_event(LOG_INFO, "sync", "e", "a", huge, "b", huge, "c", huge, "d", huge, "e", "x", NULL);
    ck_assert_uint_le(strlen(logged()), 8192);
    ck_assert(json_parse(text, strlen(text), &doc, &err));
    ck_assert_ptr_nonnull(json_text(json_root(doc), "a"));
    ck_assert_ptr_null(json_text(json_root(doc), "e"));
    ck_assert_ptr_nonnull(json_get(json_root(doc), "cut"));
    json_free(doc);
}
END_TEST

START_TEST(a_warning_that_repeats_is_written_once_in_half_a_minute)
{
    int64_t suppressed = 77;

    ck_assert(log_throttle("lost", &suppressed));
    ck_assert_int_eq(suppressed, 0);
    for (int i = 0; i < 5; i++)
        ck_assert(!log_throttle("lost", &suppressed));
    ck_assert(log_throttle("other", &suppressed));
    clock_advance_for_tests(29000);
    ck_assert(!log_throttle("lost", &suppressed));
    clock_advance_for_tests(1001);
    ck_assert(log_throttle("lost", &suppressed));
    ck_assert_int_eq(suppressed, 6);
    ck_assert(!log_throttle("lost", &suppressed));
}
END_TEST

static int
lines(void)
{
    int count = 0;

    for (const char *at = logged(); *at != '\0'; at++)
        count += *at == '\n' ? 1 : 0;
    return count;
}

START_TEST(a_flood_of_warnings_of_one_event_is_five_lines_and_a_count)
{
    const struct error err = {.code = ERROR_DB, .message = "x"};

    for (int i = 0; i < 100; i++)
        log_event(LOG_WARN, "sync", "unreadable", "order", log_int(i), NULL);
    ck_assert_int_eq(lines(), 5);
    log_event(LOG_WARN, "sync", "other", NULL);
    log_event(LOG_WARN, "ledger", "unreadable", NULL);
    ck_assert_int_eq(lines(), 7);
    for (int i = 0; i < 8; i++) {
        log_event(LOG_ERROR, "sync", "unreadable", NULL);
        log_event(LOG_INFO, "sync", "unreadable", NULL);
    }
    ck_assert_int_eq(lines(), 23);
    clock_advance_for_tests(30000);
    log_failure(LOG_WARN, "sync", "unreadable", &err);
    ck_assert_int_eq(lines(), 24);
    ck_assert_ptr_nonnull(strstr(logged(), "event=unreadable suppressed=95 code=db message=x"));
}
END_TEST

START_TEST(more_throttled_keys_than_places_forget_the_quietest)
{
    static char keys[100][8];
    int64_t suppressed;

    for (int i = 0; i < 100; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%d", i);
        ck_assert(log_throttle(keys[i], &suppressed));
        clock_advance_for_tests(1);
    }
    ck_assert(!log_throttle(keys[99], &suppressed));
    ck_assert(log_throttle(keys[0], &suppressed));
}
END_TEST

START_TEST(names_of_levels_and_formats_are_exact)
{
    enum log_level level = LOG_TRACE;
    enum log_format format = LOG_FORMAT_JSON;

    ck_assert(log_level_parse("warn", &level));
    ck_assert_int_eq(level, LOG_WARN);
    ck_assert(!log_level_parse("WARN", &level));
    ck_assert(!log_level_parse("", &level));
    ck_assert_int_eq(level, LOG_WARN);
    ck_assert(log_format_parse("logfmt", &format));
    ck_assert_int_eq(format, LOG_FORMAT_LOGFMT);
    ck_assert(log_format_parse("json", &format));
    ck_assert(!log_format_parse("xml", &format));
    ck_assert_int_eq(format, LOG_FORMAT_JSON);
}
END_TEST

START_TEST(sixteen_numbers_live_at_once)
{
    const char *texts[16];

    for (int i = 0; i < 16; i++)
        texts[i] = log_int(i == 0 ? INT64_MIN : i);
    ck_assert_str_eq(texts[0], "-9223372036854775808");
    for (int i = 1; i < 16; i++)
        ck_assert_int_eq(texts[i][0], i < 10 ? '0' + i : '1');
}
END_TEST

START_TEST(a_closed_stderr_is_no_trouble)
{
    ck_assert_int_eq(close(STDERR_FILENO), 0);
    log_event(LOG_ERROR, "cli", "nobody_hears", NULL);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("log");
    TCase *tests = tcase_create("log");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_line_is_pairs_in_their_order);
    tcase_add_test(tests, json_has_the_same_keys);
    tcase_add_test(tests, nothing_from_outside_forges_a_line);
    tcase_add_test(tests, what_is_below_the_level_is_not_written);
    tcase_add_test(tests, a_failure_is_written_with_all_that_is_known);
    tcase_add_test(tests, a_failure_of_the_api_has_its_status_and_no_empty_pairs);
    tcase_add_test(tests, a_huge_value_is_cut_and_the_line_still_ends);
    tcase_add_test(tests, a_warning_that_repeats_is_written_once_in_half_a_minute);
    tcase_add_test(tests, a_flood_of_warnings_of_one_event_is_five_lines_and_a_count);
    tcase_add_test(tests, more_throttled_keys_than_places_forget_the_quietest);
    tcase_add_test(tests, names_of_levels_and_formats_are_exact);
    tcase_add_test(tests, sixteen_numbers_live_at_once);
    tcase_add_test(tests, a_closed_stderr_is_no_trouble);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
