#include <check.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sync/budget.h"

START_TEST(a_single_question_leaves_at_once)
{
    struct budget budget;

    budget_init(&budget, 100);
    ck_assert(budget_take(&budget));
    ck_assert(!budget_take(&budget));
}
END_TEST

START_TEST(the_rate_is_kept_over_a_second)
{
    struct budget budget;
    int taken = 0;

    budget_init(&budget, 100);
    for (int ms = 0; ms < 1000; ms += 5) {
        clock_advance_for_tests(5);
        while (budget_take(&budget))
            taken++;
    }
    ck_assert_int_ge(taken, 95);
    ck_assert_int_le(taken, 101);
}
END_TEST

START_TEST(what_was_saved_is_at_most_a_quarter_of_a_second)
{
    struct budget budget;

    budget_init(&budget, 100);
    clock_advance_for_tests(60000);
    ck_assert_int_eq(budget_available(&budget), 25);
}
END_TEST

/* Of an API that counts seconds of its own, whatever it was that held us up before. */
START_TEST(no_second_has_more_than_the_rate)
{
    struct budget budget;
    int sent[100] = {0}; /* in tenths of a second */

    budget_init(&budget, 100);
    for (int ms = 0; ms < 10000; ms++) {
        clock_advance_for_tests(1);
        if (ms % 1300 < 400)
            continue; /* busy with something else, and saving meanwhile */
        while (budget_take(&budget))
            sent[ms / 100]++;
    }
    for (int first = 0; first + 10 <= 100; first++) {
        int second = 0;

        for (int i = first; i < first + 10; i++)
            second += sent[i];
        ck_assert_int_le(second, 100);
    }
}
END_TEST

START_TEST(a_full_second_says_when_the_next_may_go)
{
    struct budget budget;

    budget_init(&budget, 4);
    for (int i = 0; i < 4; i++) {
        ck_assert(budget_take(&budget));
        clock_advance_for_tests(250);
    }
    ck_assert(!budget_take(&budget)); /* the fifth within a second and a bit */
    ck_assert_int_gt(budget_wait_ms(&budget), 0);
    ck_assert_int_le(budget_wait_ms(&budget), 5);
    clock_advance_for_tests(5);
    ck_assert_int_eq(budget_wait_ms(&budget), 0);
    ck_assert(budget_take(&budget));
}
END_TEST

START_TEST(a_slow_rate_still_lets_one_go)
{
    struct budget budget;

    budget_init(&budget, 0.5);
    ck_assert(budget_take(&budget));
    ck_assert(!budget_take(&budget));
    ck_assert_int_le(budget_wait_ms(&budget), 2000);
    ck_assert_int_gt(budget_wait_ms(&budget), 1900);
    clock_advance_for_tests(2001);
    ck_assert(budget_take(&budget));
}
END_TEST

START_TEST(a_smaller_share_cuts_what_was_saved)
{
    struct budget budget;

    budget_init(&budget, 1000);
    clock_advance_for_tests(1000);
    ck_assert_int_eq(budget_available(&budget), 250);
    budget_share(&budget, 100, 0, false);
    ck_assert_int_eq(budget_available(&budget), 25);
}
END_TEST

START_TEST(one_that_joins_waits_until_the_others_know)
{
    struct budget budget;

    budget_init(&budget, 100);
    budget_share(&budget, 50, 0, false);
    ck_assert(budget_take(&budget));
    budget_share(&budget, 50, 0, true);
    ck_assert_int_eq(budget_blocked_ms(&budget), BUDGET_JOIN_MS);
    budget_share(&budget, 50, 5000, true); /* the key is blocked for longer */
    ck_assert_int_eq(budget_blocked_ms(&budget), 5000);
}
END_TEST

START_TEST(a_block_stops_everything_and_expires)
{
    struct budget budget;

    budget_init(&budget, 100);
    clock_advance_for_tests(1000);
    budget_block(&budget, 500);
    ck_assert(!budget_take(&budget));
    ck_assert_int_gt(budget_wait_ms(&budget), 400);
    clock_advance_for_tests(501);
    ck_assert_int_eq(budget_blocked_ms(&budget), 0);
    ck_assert(budget_take(&budget));
}
END_TEST

START_TEST(a_block_only_ever_grows)
{
    struct budget budget;

    budget_init(&budget, 100);
    budget_block(&budget, 5000);
    budget_block(&budget, 100);
    ck_assert_int_gt(budget_blocked_ms(&budget), 4000);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("budget");
    TCase *tests = tcase_create("budget");
    SRunner *runner;
    int failed;

    tcase_add_test(tests, a_single_question_leaves_at_once);
    tcase_add_test(tests, the_rate_is_kept_over_a_second);
    tcase_add_test(tests, what_was_saved_is_at_most_a_quarter_of_a_second);
    tcase_add_test(tests, no_second_has_more_than_the_rate);
    tcase_add_test(tests, a_full_second_says_when_the_next_may_go);
    tcase_add_test(tests, a_slow_rate_still_lets_one_go);
    tcase_add_test(tests, a_smaller_share_cuts_what_was_saved);
    tcase_add_test(tests, one_that_joins_waits_until_the_others_know);
    tcase_add_test(tests, a_block_stops_everything_and_expires);
    tcase_add_test(tests, a_block_only_ever_grows);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
