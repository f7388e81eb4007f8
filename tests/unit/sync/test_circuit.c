#include <stdlib.h>

#include "support/support.h"
#include "sync/circuit.h"

#define MOST 32

static struct circuit circuit;
static bool was_probe;

static void
setup(void)
{
    circuit_init(&circuit, MOST);
}

static void
open_it(void)
{
    for (int i = 1; i < CIRCUIT_FAILURES_MAX; i++)
        ck_assert(!circuit_failed(&circuit, &was_probe));
    ck_assert(circuit_failed(&circuit, &was_probe));
    ck_assert(!was_probe);
}

START_TEST(failures_in_a_row_open_it_and_one_success_between_does_not)
{
    for (int i = 1; i < CIRCUIT_FAILURES_MAX; i++)
        (void)circuit_failed(&circuit, &was_probe);
    ck_assert(!circuit_passed(&circuit));
    ck_assert_int_eq(circuit_room(&circuit), MOST);
    open_it();
    ck_assert_int_eq(circuit_room(&circuit), 0);
}
END_TEST

START_TEST(open_it_lets_one_probe_out_and_a_failed_one_is_told)
{
    open_it();
    circuit_probe(&circuit);
    ck_assert_int_eq(circuit_room(&circuit), 1);
    circuit_take(&circuit);
    ck_assert_int_eq(circuit_room(&circuit), 0);
    ck_assert(circuit_failed(&circuit, &was_probe));
    ck_assert(was_probe);
    circuit_over(&circuit);
    ck_assert_int_eq(circuit_room(&circuit), 0);
}
END_TEST

START_TEST(those_that_left_before_it_opened_count_as_out_and_tell_nothing_new)
{
    circuit_take(&circuit);
    circuit_take(&circuit);
    open_it();
    ck_assert(!circuit_failed(&circuit, &was_probe));
    circuit_over(&circuit);
    circuit_probe(&circuit);
    ck_assert_int_eq(circuit_room(&circuit), 0);
    circuit_over(&circuit);
}
END_TEST

START_TEST(a_probe_that_passes_is_told_and_it_widens_from_two)
{
    int rounds = 0;

    open_it();
    circuit_probe(&circuit);
    circuit_take(&circuit);
    ck_assert(circuit_passed(&circuit));
    circuit_over(&circuit);
    ck_assert_int_eq(circuit_room(&circuit), 2);
    for (int room = 2; room < MOST; room = circuit_room(&circuit), rounds++) {
        for (int i = 0; i < room; i++)
            ck_assert(!circuit_passed(&circuit));
        ck_assert_int_eq(circuit_room(&circuit), room * 2);
    }
    ck_assert_int_eq(rounds, 4);
    ck_assert(!circuit_passed(&circuit));
    ck_assert_int_eq(circuit_room(&circuit), MOST);
}
END_TEST

START_TEST(while_it_widens_a_failure_halves_it)
{
    open_it();
    circuit_probe(&circuit);
    (void)circuit_passed(&circuit);
    for (int i = 0; i < 6; i++)
        (void)circuit_passed(&circuit);
    ck_assert_int_eq(circuit_room(&circuit), 8);
    ck_assert(!circuit_failed(&circuit, &was_probe));
    ck_assert_int_eq(circuit_room(&circuit), 4);
    for (int i = 0; i < 5; i++)
        ck_assert(!circuit_failed(&circuit, &was_probe));
    ck_assert_int_eq(circuit_room(&circuit), 1);
}
END_TEST

START_TEST(what_others_found_out_is_taken_over)
{
    circuit_hear(&circuit, false);
    ck_assert_int_eq(circuit_room(&circuit), MOST);
    circuit_hear(&circuit, true);
    ck_assert_int_eq(circuit_room(&circuit), 0);
    circuit_hear(&circuit, false);
    ck_assert_int_eq(circuit_room(&circuit), 1);
    (void)circuit_passed(&circuit);
    ck_assert_int_eq(circuit_room(&circuit), 2);
}
END_TEST

START_TEST(it_is_whole_only_while_nothing_failed_and_nothing_narrows_it)
{
    ck_assert(circuit_is_whole(&circuit));
    (void)circuit_failed(&circuit, &was_probe);
    ck_assert(!circuit_is_whole(&circuit));
    (void)circuit_passed(&circuit);
    ck_assert(circuit_is_whole(&circuit));
    open_it();
    ck_assert(!circuit_is_whole(&circuit));
    circuit_probe(&circuit);
    for (int i = 0; i < MOST - 2; i++) {
        (void)circuit_passed(&circuit);
        ck_assert(!circuit_is_whole(&circuit));
    }
    (void)circuit_passed(&circuit);
    ck_assert(circuit_is_whole(&circuit));
}
END_TEST

START_TEST(a_probe_with_nothing_to_send_or_without_an_answer_is_given_up)
{
    open_it();
    circuit_probe(&circuit);
    circuit_probe_void(&circuit);
    ck_assert_int_eq(circuit_room(&circuit), 0);
    circuit_probe(&circuit);
    circuit_take(&circuit);
    circuit_over(&circuit);
    ck_assert_int_eq(circuit_room(&circuit), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("circuit");
    TCase *tcase = support_case(suite, "circuit", 10);

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, failures_in_a_row_open_it_and_one_success_between_does_not);
    tcase_add_test(tcase, open_it_lets_one_probe_out_and_a_failed_one_is_told);
    tcase_add_test(tcase, those_that_left_before_it_opened_count_as_out_and_tell_nothing_new);
    tcase_add_test(tcase, a_probe_that_passes_is_told_and_it_widens_from_two);
    tcase_add_test(tcase, while_it_widens_a_failure_halves_it);
    tcase_add_test(tcase, what_others_found_out_is_taken_over);
    tcase_add_test(tcase, it_is_whole_only_while_nothing_failed_and_nothing_narrows_it);
    tcase_add_test(tcase, a_probe_with_nothing_to_send_or_without_an_answer_is_given_up);
    return support_run_suite(suite);
}
