#include <check.h>
#include <stddef.h>

#include "cli/when.h"
#include "support/support.h"

/* Each of them PostgreSQL refuses. */
static const char *const no_times[] = {
    "",           "  ",         "foo",           "last week",           "yesterda",
    "2026-13-01", "2026-00-10", "2026-02-29",    "2026-11-31",          "2026-11-00",
    "-",          "2026-99",    "2026-11-01T25", "2026-11-01T06:60:00", "2026-11-01 06:00:61Z"};

START_TEST(what_can_be_no_time_is_told_without_a_database)
{
    ck_assert_msg(!when_may_be_time(no_times[_i]), "\"%s\"", no_times[_i]);
}
END_TEST

/* Each of them PostgreSQL takes, or at least it is for it to say. */
static const char *const times[] = {"2026-11-01",
                                    " 2026-11-01T06:00:00Z",
                                    "2026-11-01 06:00:00.123456+02",
                                    "2026-11-01 24:00",
                                    "2024-02-29",
                                    "2026-12-31 23:59:60",
                                    "20261101",
                                    "Nov 1 2026",
                                    "1 nov 26",
                                    "11/1/2026",
                                    "2026.305",
                                    "yesterday",
                                    "Today",
                                    "now",
                                    "epoch",
                                    "-infinity",
                                    "yesterday noon",
                                    "Monday, today",
                                    "J2461346",
                                    "2026-11-01 06:00 Europe/Berlin",
                                    "2026-1-1"};

START_TEST(what_the_server_may_read_is_left_to_it)
{
    ck_assert_msg(when_may_be_time(times[_i]), "\"%s\"", times[_i]);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("when");
    TCase *tcase = support_case(suite, "when", 10);

    tcase_add_loop_test(tcase, what_can_be_no_time_is_told_without_a_database, 0,
                        sizeof(no_times) / sizeof(no_times[0]));
    tcase_add_loop_test(tcase, what_the_server_may_read_is_left_to_it, 0,
                        sizeof(times) / sizeof(times[0]));
    return support_run_suite(suite);
}
