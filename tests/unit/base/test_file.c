#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "support/support.h"

static int
files_in(const char *folder)
{
    int count = 0;
    DIR *dir = opendir(folder);
    struct dirent *entry;

    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.' ? 1 : 0;
    (void)closedir(dir);
    return count;
}

START_TEST(a_file_is_replaced_as_a_whole_and_nothing_stays_beside_it)
{
    const char *path = support_write_file("page", "old and longer", 0644);
    struct error err = {0};
    char *text;

    ck_assert(file_replace(path, "new", 3, &err));
    text = support_read_file(path);
    ck_assert_str_eq(text, "new");
    free(text);
    ck_assert_int_eq(files_in(support_folder()), 1);
}
END_TEST

START_TEST(a_missing_folder_is_told_with_its_path)
{
    struct error err = {0};

    ck_assert(!file_replace("/nonexistent/page", "new", 3, &err));
    ck_assert_int_eq(err.code, ERROR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "/nonexistent/page"));
    ck_assert_ptr_nonnull(strstr(err.message, "No such file or directory"));
}
END_TEST

/* Never a device of the machine: root would replace it if the code were wrong. */
START_TEST(what_is_no_ordinary_file_is_refused_and_stays)
{
    char path[600];
    char linked[600];
    struct stat after;
    struct error err = {0};

    (void)snprintf(path, sizeof(path), "%s/pipe", support_folder());
    (void)snprintf(linked, sizeof(linked), "%s/link", support_folder());
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(symlink(path, linked), 0);
    ck_assert(!file_replace(path, "new", 3, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "is no ordinary file"));
    error_clear(&err);
    ck_assert(!file_replace(linked, "new", 3, &err));
    ck_assert_int_eq(err.code, ERROR_IO);
    ck_assert_int_eq(lstat(path, &after), 0);
    ck_assert(S_ISFIFO(after.st_mode));
    ck_assert_int_eq(files_in(support_folder()), 2);
}
END_TEST

/* As on a full disk. */
START_TEST(a_file_that_can_not_be_written_to_its_end_leaves_the_old_one)
{
    const char *path = support_write_file("page", "old", 0644);
    const struct rlimit small = {.rlim_cur = 100, .rlim_max = 100};
    char bytes[1000];
    char *text;
    struct error err = {0};

    memset(bytes, 'x', sizeof(bytes));
    ck_assert_ptr_ne(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_assert(!file_replace(path, bytes, sizeof(bytes), &err));
    ck_assert_int_eq(err.code, ERROR_IO);
    text = support_read_file(path);
    ck_assert_str_eq(text, "old");
    free(text);
    ck_assert_int_eq(files_in(support_folder()), 1);
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
    char path[5000];
    struct error err = {0};

    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    ck_assert(!file_replace(path, "new", 3, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "longer than"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("file");
    TCase *tcase = support_case(suite, "file", 30);

    tcase_add_test(tcase, a_file_is_replaced_as_a_whole_and_nothing_stays_beside_it);
    tcase_add_test(tcase, a_missing_folder_is_told_with_its_path);
    tcase_add_test(tcase, what_is_no_ordinary_file_is_refused_and_stays);
    tcase_add_test(tcase, a_file_that_can_not_be_written_to_its_end_leaves_the_old_one);
    tcase_add_test(tcase, a_path_that_is_too_long_is_refused);
    return support_run_suite(suite);
}
