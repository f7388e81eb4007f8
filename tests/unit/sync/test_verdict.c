#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/verdict.h"

static const struct verdict_situation fresh = {
    .attempts_max = 20, .lines = 1, .others_succeed = true, .then = VERDICT_THEN_REPLAN};

/* One row per decision. u: unknown attempts before, n: lines, a: attempts before, of 20. */
static const struct {
    enum verdict_event event;
    int u, n, a;
    enum verdict_then then;
    enum provider_outcome refused_as;
    enum verdict_state next;
    enum verdict_then next_then;
    const char *kind;
    enum verdict_held_by held_by;
} cases[] = {
#define P(e) VERDICT_POST_##e
#define L(e) VERDICT_LOOK_##e
#define T(t) VERDICT_THEN_##t
#define S(s) VERDICT_##s
#define H(h) VERDICT_HELD_BY_##h
#define R    PROVIDER_REFUSED
    {P(ACCEPTED), 0, 1, 0, T(NONE), R, S(ACCEPTED), T(NONE), NULL, H(NOBODY)},
    {P(ACCEPTED), 3, 9, 19, T(NONE), R, S(ACCEPTED), T(NONE), NULL, H(NOBODY)},
    {P(ACCEPTED_MORE), 0, 1, 0, T(NONE), R, S(ACCEPTED), T(NONE), "extra", H(NOBODY)},
    {P(ACCEPTED_LESS), 0, 1, 0, T(NONE), R, S(ACCEPTED), T(NONE), "missing", H(NOBODY)},
    {P(WRONG_MODE), 0, 1, 0, T(NONE), R, S(ACCEPTED), T(NONE), "ledger", H(NOBODY)},
    {P(UNKNOWN), 0, 1, 0, T(NONE), R, S(UNKNOWN), T(REPLAN), NULL, H(NOBODY)},
    {P(UNKNOWN), 2, 1, 19, T(NONE), R, S(UNKNOWN), T(REPLAN), NULL, H(NOBODY)},
    {P(LATE), 0, 1, 0, T(NONE), R, S(PLANNED), T(NONE), NULL, H(NOBODY)},
    {P(LATE), 1, 1, 19, T(NONE), R, S(PLANNED), T(NONE), NULL, H(NOBODY)},
    {P(UNREACHED), 0, 1, 19, T(NONE), R, S(PLANNED), T(NONE), NULL, H(NOBODY)},
    {P(UNREACHED), 1, 1, 0, T(NONE), R, S(PLANNED), T(NONE), NULL, H(NOBODY)},
    {P(BLOCKED), 0, 1, 19, T(NONE), R, S(PLANNED), T(NONE), NULL, H(NOBODY)},
    {P(KEY), 0, 1, 19, T(NONE), R, S(PLANNED), T(NONE), NULL, H(NOBODY)},
    {P(TAKEN), 0, 1, 0, T(NONE), R, S(UNKNOWN), T(REJECT), NULL, H(NOBODY)},
    {P(TAKEN), 0, 5, 0, T(NONE), R, S(UNKNOWN), T(REJECT), NULL, H(NOBODY)},
    {P(TAKEN), 1, 5, 0, T(NONE), R, S(UNKNOWN), T(REJECT), NULL, H(NOBODY)},
    {P(LATER), 0, 1, 0, T(NONE), R, S(PLANNED), T(NONE), NULL, H(NOBODY)},
    {P(LATER), 0, 1, 18, T(NONE), R, S(PLANNED), T(NONE), NULL, H(NOBODY)},
    {P(LATER), 0, 5, 19, T(NONE), R, S(HELD), T(NONE), "attempts", H(ATTEMPTS)},
    {P(LATER), 1, 1, 19, T(NONE), R, S(UNKNOWN), T(REPLAN), NULL, H(NOBODY)},
    {P(WAITS), 0, 1, 19, T(NONE), R, S(PLANNED), T(NONE), NULL, H(NOBODY)},
    {P(WAITS), 1, 1, 0, T(NONE), R, S(UNKNOWN), T(WAIT), NULL, H(NOBODY)},
    {P(REFUSED), 0, 1, 0, T(NONE), R, S(REJECTED), T(NONE), "rejected", H(NOBODY)},
    {P(REFUSED), 0, 2, 0, T(NONE), R, S(SPLIT), T(NONE), NULL, H(NOBODY)},
    {P(REFUSED), 1, 1, 0, T(NONE), R, S(UNKNOWN), T(REJECT), NULL, H(NOBODY)},
    {P(REFUSED), 1, 2, 0, T(NONE), R, S(UNKNOWN), T(REJECT), NULL, H(NOBODY)},
    {P(PAYMENT), 0, 1, 0, T(NONE), R, S(REJECTED), T(NONE), "payment", H(NOBODY)},
    {P(PAYMENT), 0, 5, 0, T(NONE), R, S(REJECTED), T(NONE), "payment", H(NOBODY)},
    {P(PAYMENT), 1, 1, 0, T(NONE), R, S(UNKNOWN), T(REJECT), NULL, H(NOBODY)},

    {L(FOUND), 1, 1, 0, T(REPLAN), R, S(ACCEPTED), T(NONE), NULL, H(NOBODY)},
    {L(FOUND), 1, 3, 20, T(REJECT), PROVIDER_TAKEN, S(ACCEPTED), T(NONE), NULL, H(NOBODY)},
    {L(FOUND_TWICE), 1, 1, 0, T(REPLAN), R, S(ACCEPTED), T(NONE), "double", H(NOBODY)},
    {L(UNREADABLE), 1, 1, 0, T(WAIT), R, S(UNKNOWN), T(WAIT), NULL, H(NOBODY)},
    {L(ABSENT_EARLY), 1, 1, 20, T(REPLAN), R, S(UNKNOWN), T(REPLAN), NULL, H(NOBODY)},
    {L(ABSENT_EARLY), 0, 1, 0, T(REJECT), PROVIDER_TAKEN, S(UNKNOWN), T(REJECT), NULL, H(NOBODY)},
    {L(UNEXPLAINED_EARLY), 1, 1, 0, T(REPLAN), R, S(UNKNOWN), T(REPLAN), NULL, H(NOBODY)},
    {L(UNEXPLAINED), 1, 1, 0, T(REPLAN), R, S(HELD), T(NONE), "ambiguous", H(DOUBT)},
    {L(UNEXPLAINED), 1, 1, 0, T(REJECT), PROVIDER_TAKEN, S(HELD), T(NONE), "ambiguous", H(DOUBT)},
    {L(UNEXPLAINED), 0, 1, 0, T(REPLAN), R, S(HELD), T(NONE), "ambiguous", H(DOUBT)},
    {L(UNEXPLAINED), 0, 1, 0, T(REJECT), PROVIDER_TAKEN, S(REJECTED), T(NONE), "foreign",
     H(NOBODY)},
    {L(UNEXPLAINED), 0, 4, 0, T(REJECT), PROVIDER_TAKEN, S(SPLIT), T(NONE), NULL, H(NOBODY)},
    {L(NEVER_SEEN), 1, 1, 0, T(REPLAN), R, S(HELD), T(NONE), "ambiguous", H(MARKER)},
    {L(NEVER_SEEN), 1, 1, 0, T(REJECT), PROVIDER_TAKEN, S(HELD), T(NONE), "ambiguous", H(MARKER)},
    {L(NEVER_SEEN), 0, 1, 0, T(REJECT), PROVIDER_TAKEN, S(REJECTED), T(NONE), "foreign", H(NOBODY)},
    {L(NEVER_SEEN), 0, 2, 0, T(REJECT), PROVIDER_TAKEN, S(SPLIT), T(NONE), NULL, H(NOBODY)},
    {L(ABSENT), 1, 1, 1, T(REPLAN), R, S(PLANNED), T(NONE), NULL, H(NOBODY)},
    {L(ABSENT), 1, 1, 19, T(REPLAN), R, S(PLANNED), T(NONE), NULL, H(NOBODY)},
    {L(ABSENT), 1, 1, 20, T(REPLAN), R, S(HELD), T(NONE), "attempts", H(ATTEMPTS)},
    {L(ABSENT), 1, 1, 20, T(WAIT), R, S(PLANNED), T(NONE), NULL, H(NOBODY)},
    {L(ABSENT), 1, 1, 1, T(REJECT), R, S(REJECTED), T(NONE), "rejected", H(NOBODY)},
    {L(ABSENT), 1, 1, 1, T(REJECT), PROVIDER_TAKEN, S(REJECTED), T(NONE), "foreign", H(NOBODY)},
    {L(ABSENT), 0, 1, 1, T(REJECT), PROVIDER_TAKEN, S(REJECTED), T(NONE), "foreign", H(NOBODY)},
    {L(ABSENT), 1, 1, 1, T(REJECT), PROVIDER_PAYMENT, S(REJECTED), T(NONE), "payment", H(NOBODY)},
    {L(ABSENT), 1, 3, 1, T(REJECT), PROVIDER_PAYMENT, S(REJECTED), T(NONE), "payment", H(NOBODY)},
    {L(ABSENT), 1, 3, 1, T(REJECT), R, S(SPLIT), T(NONE), NULL, H(NOBODY)},
    {L(ABSENT), 1, 3, 1, T(REJECT), PROVIDER_TAKEN, S(SPLIT), T(NONE), NULL, H(NOBODY)},
};

START_TEST(an_event_in_a_situation_means_what_its_row_says)
{
    struct verdict_situation situation = fresh;
    struct verdict verdict;

    situation.unknown_attempts = cases[_i].u;
    situation.lines = cases[_i].n;
    situation.attempts = cases[_i].a;
    situation.then = cases[_i].then;
    situation.refused_as = cases[_i].refused_as;
    verdict_decide(&situation, cases[_i].event, &verdict);
    ck_assert_int_eq(verdict.next, cases[_i].next);
    ck_assert_int_eq(verdict.then, cases[_i].next_then);
    ck_assert_int_eq(verdict.held_by, cases[_i].held_by);
    ck_assert_pstr_eq(verdict.discrepancy_kind, cases[_i].kind);
    ck_assert_int_eq(verdict.split_item, -1);
}
END_TEST

/* What goes with it, as letters: a counts, m counts while others succeed, u may have been applied,
 * b back-off, r its own Retry-After, B blocks the key, K stops the key, g shuts the gate, L stops
 * the ledger. */
static const struct {
    enum verdict_event event;
    const char *first, *after_unknown;
} flag_cases[] = {
    {P(ACCEPTED), "a", "a"},     {P(ACCEPTED_MORE), "a", "a"}, {P(ACCEPTED_LESS), "a", "a"},
    {P(WRONG_MODE), "aL", "aL"}, {P(UNKNOWN), "mur", "mur"},   {P(LATE), "", "b"},
    {P(UNREACHED), "b", "b"},    {P(BLOCKED), "B", "B"},       {P(KEY), "K", "K"},
    {P(TAKEN), "a", "a"},        {P(LATER), "mbr", "mr"},      {P(WAITS), "g", "g"},
    {P(REFUSED), "a", "a"},      {P(PAYMENT), "a", "a"},       {L(FOUND), "", ""},
    {L(UNREADABLE), "br", "br"}, {L(ABSENT_EARLY), "b", "b"},  {L(UNEXPLAINED_EARLY), "b", "b"},
    {L(UNEXPLAINED), "", ""},    {L(NEVER_SEEN), "", ""},      {L(ABSENT), "", ""},
};

START_TEST(what_goes_with_an_event_is_what_its_row_says)
{
    for (int k = 0; k < 4; k++) {
        struct verdict_situation situation = fresh;
        const char *flags = k % 2 == 0 ? flag_cases[_i].first : flag_cases[_i].after_unknown;
        struct verdict v;

        situation.unknown_attempts = k % 2;
        situation.others_succeed = k / 2 == 0;
        verdict_decide(&situation, flag_cases[_i].event, &v);
        ck_assert_int_eq(v.counts_attempt,
                         strchr(flags, 'a') != NULL ||
                             (strchr(flags, 'm') != NULL && situation.others_succeed));
        ck_assert_int_eq(v.counts_unknown, strchr(flags, 'u') != NULL);
        ck_assert_int_eq(v.uses_backoff, strchr(flags, 'b') != NULL);
        ck_assert_int_eq(v.waits_retry_after, strchr(flags, 'r') != NULL);
        ck_assert_int_eq(v.blocks_key, strchr(flags, 'B') != NULL);
        ck_assert_int_eq(v.stops_key, strchr(flags, 'K') != NULL);
        ck_assert_int_eq(v.shuts_gate, strchr(flags, 'g') != NULL);
        ck_assert_int_eq(v.stops_ledger, strchr(flags, 'L') != NULL);
    }
}
END_TEST

START_TEST(an_absence_before_a_waiting_order_shuts_the_gate)
{
    struct verdict_situation situation = fresh;
    struct verdict verdict;

    situation.unknown_attempts = 1;
    situation.then = VERDICT_THEN_WAIT;
    verdict_decide(&situation, VERDICT_LOOK_ABSENT, &verdict);
    ck_assert(verdict.shuts_gate);
}
END_TEST

START_TEST(an_outage_counts_no_attempts_and_holds_nothing)
{
    struct verdict_situation situation = fresh;
    struct verdict verdict;

    situation.attempts = 19;
    situation.others_succeed = false;
    verdict_decide(&situation, VERDICT_POST_LATER, &verdict);
    ck_assert_int_eq(verdict.next, VERDICT_PLANNED);
    ck_assert(!verdict.counts_attempt);
}
END_TEST

START_TEST(a_refusal_of_the_whole_order_is_not_split)
{
    struct verdict_situation situation = fresh;
    struct verdict verdict;

    situation.lines = 100;
    situation.is_order_wide = true;
    situation.then = VERDICT_THEN_REJECT;
    situation.refused_as = PROVIDER_TAKEN;
    verdict_decide(&situation, VERDICT_LOOK_ABSENT, &verdict);
    ck_assert_int_eq(verdict.next, VERDICT_REJECTED);
    ck_assert_str_eq(verdict.discrepancy_kind, "foreign");
}
END_TEST

/* Every situation that differs for the table, times every event. */
typedef void each_fn(const struct verdict_situation *situation, enum verdict_event event,
                     const struct verdict *verdict, const struct verdict_rule *rule);

static void
for_each(each_fn *check)
{
    for (int i = 0; i < VERDICT_EVENTS * 2 * 2 * 2 * 2 * 2 * 3 * 3; i++) {
        int left = i / VERDICT_EVENTS;
        enum verdict_event event = (enum verdict_event)(i % VERDICT_EVENTS);
        static const enum provider_outcome refusals[] = {PROVIDER_REFUSED, PROVIDER_PAYMENT,
                                                         PROVIDER_TAKEN};
        struct verdict_situation situation = {.attempts_max = 20};
        struct verdict verdict;

        situation.unknown_attempts = left % 2;
        situation.lines = left / 2 % 2 + 1;
        situation.attempts = left / 4 % 2 == 0 ? 0 : 20;
        situation.others_succeed = left / 8 % 2;
        situation.is_order_wide = left / 16 % 2;
        situation.then = (enum verdict_then)(left / 32 % 3 + 1);
        situation.refused_as = refusals[left / 96 % 3];
        verdict_decide(&situation, event, &verdict);
        check(&situation, event, &verdict, verdict_rule_at(verdict_rule_for(&situation, event)));
    }
}

static int uses[200];

static void
check_law(const struct verdict_situation *s, enum verdict_event event, const struct verdict *v,
          const struct verdict_rule *rule)
{
    bool is_look = event >= VERDICT_LOOK_FOUND;
    bool is_settled = event == VERDICT_LOOK_ABSENT || event == VERDICT_LOOK_UNEXPLAINED ||
                      event == VERDICT_LOOK_NEVER_SEEN;

    uses[rule - verdict_rule_at(0)]++;
    ck_assert_ptr_nonnull(v->why);
    ck_assert_int_eq(v->next == VERDICT_UNKNOWN, v->then != VERDICT_THEN_NONE);
    ck_assert_int_eq(v->next == VERDICT_HELD, v->held_by != VERDICT_HELD_BY_NOBODY);
    if (v->next == VERDICT_HELD || v->next == VERDICT_REJECTED)
        ck_assert_ptr_nonnull(v->discrepancy_kind);
    /* Nothing that may have been applied is sent again, dropped or split without a settled look. */
    if (event == VERDICT_POST_UNKNOWN || event == VERDICT_POST_TAKEN)
        ck_assert_int_eq(v->next, VERDICT_UNKNOWN);
    if (!is_look && s->unknown_attempts > 0)
        ck_assert_int_ne(v->next, VERDICT_REJECTED);
    if (!is_look && s->unknown_attempts > 0)
        ck_assert_int_ne(v->next, VERDICT_SPLIT);
    if (is_look && !is_settled)
        ck_assert(v->next == VERDICT_UNKNOWN || v->next == VERDICT_ACCEPTED);
    if (is_look && v->next == VERDICT_PLANNED)
        ck_assert_int_eq(event, VERDICT_LOOK_ABSENT);
    if (is_settled && event != VERDICT_LOOK_ABSENT && s->unknown_attempts > 0)
        ck_assert_int_eq(v->next, VERDICT_HELD);
    /* Evidence that it was applied wins, and nothing else makes it accepted. */
    ck_assert_int_eq(v->next == VERDICT_ACCEPTED, event <= VERDICT_POST_WRONG_MODE ||
                                                      event == VERDICT_LOOK_FOUND ||
                                                      event == VERDICT_LOOK_FOUND_TWICE);
    if (v->next == VERDICT_SPLIT)
        ck_assert_int_gt(s->lines, 1);
}

START_TEST(no_situation_breaks_the_laws_and_no_row_is_idle)
{
    for_each(check_law);
    for (int i = 0; i < verdict_rules_count(); i++)
        ck_assert_msg(uses[i] > 0, "row %d (%s) is never used", i, verdict_rule_at(i)->why);
}
END_TEST

START_TEST(a_result_is_the_event_that_it_stands_for)
{
    static const struct {
        struct provider_result result;
        enum verdict_event event;
    } rows[] = {
        {{.outcome = PROVIDER_ACCEPTED}, P(ACCEPTED)},
        {{.outcome = PROVIDER_ACCEPTED, .is_mismatch = true}, P(ACCEPTED)},
        {{.outcome = PROVIDER_ACCEPTED, .applied_less = true}, P(ACCEPTED_LESS)},
        {{.outcome = PROVIDER_ACCEPTED, .applied_less = true, .applied_more = true},
         P(ACCEPTED_MORE)},
        {{.outcome = PROVIDER_ACCEPTED, .applied_more = true, .is_live_wrong = true},
         P(WRONG_MODE)},
        {{.outcome = PROVIDER_REFUSED_LATER}, P(LATER)},
        {{.outcome = PROVIDER_NOT_NOW, .http_status = 429}, P(BLOCKED)},
        {{.outcome = PROVIDER_NOT_NOW}, P(UNREACHED)},
        {{.outcome = PROVIDER_NOT_NOW, .is_late = true}, P(LATE)},
        {{.outcome = PROVIDER_REFUSED_KEY}, P(KEY)},
        {{.outcome = PROVIDER_ORDER_WAITS}, P(WAITS)},
        {{.outcome = PROVIDER_REFUSED}, P(REFUSED)},
        {{.outcome = PROVIDER_PAYMENT}, P(PAYMENT)},
        {{.outcome = PROVIDER_TAKEN}, P(TAKEN)},
        {{.outcome = PROVIDER_UNKNOWN}, P(UNKNOWN)},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_int_eq(verdict_of_result(&rows[i].result), rows[i].event);
}
END_TEST

START_TEST(a_look_is_believed_when_it_is_settled_whole_and_repeated)
{
    static const struct {
        struct verdict_look look; /* readable, found, unexplained, settled, looks, marker
                                     seen, repeats safely */
        enum verdict_event event;
    } rows[] = {
        {{true, 1, false, false, 0, false, false}, L(FOUND)},
        {{false, 1, true, true, 3, true, false}, L(FOUND)},
        {{true, 2, false, true, 3, true, false}, L(FOUND_TWICE)},
        {{false, 0, false, true, 9, true, false}, L(UNREADABLE)},
        {{true, 0, false, false, 9, true, false}, L(ABSENT_EARLY)},
        {{true, 0, false, true, 2, true, false}, L(ABSENT_EARLY)},
        {{true, 0, false, true, 2, false, false}, L(ABSENT_EARLY)},
        {{true, 0, false, true, 3, true, false}, L(ABSENT)},
        {{true, 0, false, true, 3, false, false}, L(NEVER_SEEN)},
        {{true, 0, true, false, 9, true, false}, L(UNEXPLAINED_EARLY)},
        {{true, 0, true, true, 2, true, false}, L(UNEXPLAINED_EARLY)},
        {{true, 0, true, true, 3, true, false}, L(UNEXPLAINED)},
        {{true, 0, true, true, 3, false, false}, L(UNEXPLAINED)},
        /* a marker that the API takes only once: asking is sending it again, when it is settled */
        {{true, 0, true, true, 1, false, true}, L(ABSENT)},
        {{true, 0, false, true, 3, false, true}, L(ABSENT)},
        {{true, 0, true, false, 9, true, true}, L(UNEXPLAINED_EARLY)},
        {{false, 0, true, true, 3, true, true}, L(UNREADABLE)},
        {{true, 1, true, true, 3, true, true}, L(FOUND)},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_int_eq(verdict_of_look(&rows[i].look), rows[i].event);
}
END_TEST

START_TEST(the_line_that_was_named_is_split_off)
{
    struct verdict_situation situation = fresh;
    struct provider_result result = {.outcome = PROVIDER_REFUSED, .refused_item = 2};
    struct verdict verdict;

    situation.lines = 3;
    verdict_post(&situation, &result, &verdict);
    ck_assert_int_eq(verdict.next, VERDICT_SPLIT);
    ck_assert_int_eq(verdict.split_item, 2);
    result.refused_item = -1;
    verdict_post(&situation, &result, &verdict);
    ck_assert_int_eq(verdict.split_item, -1);
    situation.lines = 1;
    result.refused_item = 0;
    verdict_post(&situation, &result, &verdict);
    ck_assert_int_eq(verdict.next, VERDICT_REJECTED);
    ck_assert_int_eq(verdict.split_item, -1);
}
END_TEST

START_TEST(only_a_given_retry_after_is_waited_for)
{
    struct provider_result result = {.outcome = PROVIDER_UNKNOWN, .http_status = 503};
    struct verdict verdict;

    verdict_post(&fresh, &result, &verdict);
    ck_assert(!verdict.waits_retry_after);
    result.has_retry_after = true;
    verdict_post(&fresh, &result, &verdict);
    ck_assert(verdict.waits_retry_after);
    ck_assert(!verdict.blocks_key); /* a 503 speaks for one order, a 429 for the key */
}
END_TEST

START_TEST(names_are_those_of_the_ledger)
{
    ck_assert_str_eq(verdict_state_name(VERDICT_SPLIT), "split");
    ck_assert_str_eq(verdict_then_name(VERDICT_THEN_WAIT), "wait");
    ck_assert_ptr_null(verdict_then_name(VERDICT_THEN_NONE));
    ck_assert_str_eq(verdict_held_by_name(VERDICT_HELD_BY_DOUBT), "ambiguous");
    ck_assert_ptr_null(verdict_held_by_name(VERDICT_HELD_BY_NOBODY));
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int
main(void)
{
    Suite *suite = suite_create("verdict");
    TCase *tcase = tcase_create("table");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tcase, an_event_in_a_situation_means_what_its_row_says, 0, COUNT(cases));
    tcase_add_loop_test(tcase, what_goes_with_an_event_is_what_its_row_says, 0, COUNT(flag_cases));
    tcase_add_test(tcase, an_absence_before_a_waiting_order_shuts_the_gate);
    tcase_add_test(tcase, an_outage_counts_no_attempts_and_holds_nothing);
    tcase_add_test(tcase, a_refusal_of_the_whole_order_is_not_split);
    tcase_add_test(tcase, no_situation_breaks_the_laws_and_no_row_is_idle);
    tcase_add_test(tcase, a_result_is_the_event_that_it_stands_for);
    tcase_add_test(tcase, a_look_is_believed_when_it_is_settled_whole_and_repeated);
    tcase_add_test(tcase, the_line_that_was_named_is_split_off);
    tcase_add_test(tcase, only_a_given_retry_after_is_waited_for);
    tcase_add_test(tcase, names_are_those_of_the_ledger);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
