#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"

static char folder[32];
static char path[64];
static struct secret *secret;
static struct error err;

static void
setup(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/waybill-secret-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/key", folder);
    secret = NULL;
    error_clear(&err);
}

static void
teardown(void)
{
    secret_free(secret);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void
put(const char *bytes, size_t count, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, count), (ssize_t)count);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(close(fd), 0);
}

static void
must_refuse(enum error_code code, const char *message)
{
    ck_assert(!secret_from_file(path, &secret, &err));
    ck_assert_ptr_null(secret);
    ck_assert_int_eq(err.code, code);
    ck_assert_str_eq(err.message, message);
    ck_assert_str_eq(err.context, path);
}

START_TEST(the_first_line_is_the_key_without_white_space)
{
    put(" \tsk_test_1 \r\nsecond line\x01\n", 26, 0600);
    ck_assert(secret_from_file(path, &secret, &err));
    ck_assert_str_eq(secret_reveal(secret), "sk_test_1");
}
END_TEST

START_TEST(a_group_may_read_the_file)
{
    put("k", 1, 0640);
    ck_assert(secret_from_file(path, &secret, &err));
    ck_assert_str_eq(secret_reveal(secret), "k");
}
END_TEST

START_TEST(a_file_open_to_others_is_refused_with_the_way_out)
{
    static const mode_t MODES[] = {0644, 0604, 0660, 0620, 0610, 0602, 0601, 0777};
    char message[100];

    put("k", 1, MODES[_i]);
    (void)snprintf(message, sizeof(message), "the key file is open to others, its mode is %04o",
                   (unsigned)MODES[_i]);
    must_refuse(ERROR_CONFIG, message);
    ck_assert_str_eq(err.hint, "chmod 600, or 640 with a group of its own");
}
END_TEST

START_TEST(an_empty_first_line_is_refused)
{
    put(" \t\r\nk\n", 6, 0600);
    must_refuse(ERROR_CONFIG, "the first line of the key file is empty");
}
END_TEST

START_TEST(an_empty_file_is_refused)
{
    put("", 0, 0600);
    must_refuse(ERROR_CONFIG, "the first line of the key file is empty");
}
END_TEST

START_TEST(control_characters_are_refused_and_not_shown)
{
    static const struct {
        const char *bytes;
        size_t count;
    } BAD[] = {{"ab\x01"
                "c",
                4},
               {"ab\0c", 4},
               {"ab\x1b[", 4},
               {"ab\x7f"
                "c",
                4},
               {"ab\xff"
                "c",
                4}};

    put(BAD[_i].bytes, BAD[_i].count, 0600);
    must_refuse(ERROR_CONFIG,
                "the first line of the key file has a control or non-ASCII character at byte 3");
}
END_TEST

START_TEST(a_file_above_the_bound_is_refused)
{
    static char bytes[5000];

    memset(bytes, 'k', sizeof(bytes));
    put(bytes, 4096, 0600);
    ck_assert(secret_from_file(path, &secret, &err));
    ck_assert_uint_eq(strlen(secret_reveal(secret)), 4096);
    secret_free(secret);
    secret = NULL;
    put(bytes, 4097, 0600);
    must_refuse(ERROR_LIMIT, "the key file is larger than 4096 bytes");
}
END_TEST

START_TEST(what_is_no_file_is_refused_without_waiting)
{
    must_refuse(ERROR_CONFIG, "cannot open the key file: No such file or directory");
    error_clear(&err);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    must_refuse(ERROR_CONFIG, "the key file is not a regular file");
    error_clear(&err);
    ck_assert(!secret_from_file(folder, &secret, &err));
    ck_assert_str_eq(err.message, "the key file is not a regular file");
}
END_TEST

START_TEST(a_variable_holds_a_key_too)
{
    ck_assert_int_eq(setenv("WAYBILL_TEST_KEY", " k1\n", 1), 0);
    ck_assert(secret_from_env("WAYBILL_TEST_KEY", &secret, &err));
    ck_assert_str_eq(secret_reveal(secret), "k1");
    secret_free(secret);
    secret = NULL;

    ck_assert_int_eq(setenv("WAYBILL_TEST_KEY", "", 1), 0);
    ck_assert(!secret_from_env("WAYBILL_TEST_KEY", &secret, &err));
    ck_assert_str_eq(err.message, "the environment variable is empty");
    ck_assert_str_eq(err.context, "WAYBILL_TEST_KEY");
    error_clear(&err);
    ck_assert_int_eq(unsetenv("WAYBILL_TEST_KEY"), 0);
    ck_assert(!secret_from_env("WAYBILL_TEST_KEY", &secret, &err));
    ck_assert_int_eq(err.code, ERROR_CONFIG);
    ck_assert_str_eq(err.message, "the environment variable is not set");
}
END_TEST

START_TEST(text_is_a_key_within_the_same_bounds)
{
    static char bytes[4098];

    memset(bytes, 'k', sizeof(bytes) - 1);
    ck_assert(!secret_from_text(bytes, &secret, &err));
    ck_assert_int_eq(err.code, ERROR_LIMIT);
    ck_assert_str_eq(err.message, "the key is longer than 4096 bytes");
    error_clear(&err);
    ck_assert(!secret_from_text("two\nlines", &secret, &err));
    ck_assert_str_eq(err.message, "the key has a control or non-ASCII character at byte 4");
    error_clear(&err);
    ck_assert(secret_from_text("k", &secret, &err));
    secret_free(NULL);
}
END_TEST

START_TEST(a_guarded_process_leaves_no_core_and_shows_no_memory)
{
    struct rlimit cores;

    secret_guard_process();
    ck_assert_int_eq(getrlimit(RLIMIT_CORE, &cores), 0);
    ck_assert_uint_eq(cores.rlim_max, 0);
    ck_assert_int_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("secret");
    TCase *tests = tcase_create("secret");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_first_line_is_the_key_without_white_space);
    tcase_add_test(tests, a_group_may_read_the_file);
    tcase_add_loop_test(tests, a_file_open_to_others_is_refused_with_the_way_out, 0, 8);
    tcase_add_test(tests, an_empty_first_line_is_refused);
    tcase_add_test(tests, an_empty_file_is_refused);
    tcase_add_loop_test(tests, control_characters_are_refused_and_not_shown, 0, 5);
    tcase_add_test(tests, a_file_above_the_bound_is_refused);
    tcase_add_test(tests, what_is_no_file_is_refused_without_waiting);
    tcase_add_test(tests, a_variable_holds_a_key_too);
    tcase_add_test(tests, a_guarded_process_leaves_no_core_and_shows_no_memory);
    tcase_add_test(tests, text_is_a_key_within_the_same_bounds);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
