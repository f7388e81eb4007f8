/* Prints the decision table of src/sync/verdict.c over all situations, for the model beside it. */
#include <stdio.h>
#include <stdlib.h>

#include "sync/verdict.h"

static const char *const EVENTS[VERDICT_EVENTS] = {
    [VERDICT_POST_ACCEPTED] = "post_accepted",
    [VERDICT_POST_ACCEPTED_MORE] = "post_accepted_more",
    [VERDICT_POST_ACCEPTED_LESS] = "post_accepted_less",
    [VERDICT_POST_WRONG_MODE] = "post_wrong_mode",
    [VERDICT_POST_UNKNOWN] = "post_unknown",
    [VERDICT_POST_LATE] = "post_late",
    [VERDICT_POST_UNREACHED] = "post_unreached",
    [VERDICT_POST_BLOCKED] = "post_blocked",
    [VERDICT_POST_KEY] = "post_key",
    [VERDICT_POST_TAKEN] = "post_taken",
    [VERDICT_POST_LATER] = "post_later",
    [VERDICT_POST_WAITS] = "post_waits",
    [VERDICT_POST_REFUSED] = "post_refused",
    [VERDICT_POST_PAYMENT] = "post_payment",
    [VERDICT_LOOK_FOUND] = "look_found",
    [VERDICT_LOOK_FOUND_TWICE] = "look_found_twice",
    [VERDICT_LOOK_UNREADABLE] = "look_unreadable",
    [VERDICT_LOOK_ABSENT_EARLY] = "look_absent_early",
    [VERDICT_LOOK_UNEXPLAINED_EARLY] = "look_unexplained_early",
    [VERDICT_LOOK_ABSENT] = "look_absent",
    [VERDICT_LOOK_UNEXPLAINED] = "look_unexplained",
    [VERDICT_LOOK_NEVER_SEEN] = "look_never_seen",
};

static const char *
then_name(enum verdict_then then)
{
    const char *name = verdict_then_name(then);

    return name == NULL ? "-" : name;
}

/* decide EVENT UNKNOWN_BEFORE LINES EXHAUSTED THEN: NEXT THEN MAY_BE_APPLIED */
static void
dump_decision(enum verdict_event event, int unknown, int lines, int is_exhausted,
              enum verdict_then then)
{
    struct verdict_situation situation = {
        .attempts = is_exhausted ? 20 : 0,
        .attempts_max = 20,
        .unknown_attempts = unknown,
        .lines = lines,
        .others_succeed = true,
        .then = then,
        .refused_as = PROVIDER_REFUSED,
    };
    struct verdict verdict;

    (void)verdict_rule_for(&situation, event);
    verdict_decide(&situation, event, &verdict);
    (void)printf("decide %s %d %d %d %s %s %s %d\n", EVENTS[event], unknown, lines, is_exhausted,
                 then_name(then), verdict_state_name(verdict.next), then_name(verdict.then),
                 verdict.counts_unknown);
}

/* look READABLE FOUND UNEXPLAINED SETTLED NEGATIVE_LOOKS MARKER_SEEN: EVENT */
static void
dump_look(int bits, int negative_looks)
{
    struct verdict_look look = {
        .is_readable = (bits & 1) != 0,
        .found = (bits & 2) != 0,
        .is_unexplained = (bits & 4) != 0,
        .is_settled = (bits & 8) != 0,
        .negative_looks = negative_looks,
        .is_marker_seen = (bits & 16) != 0,
    };

    (void)printf("look %d %d %d %d %d %d %s\n", look.is_readable, look.found, look.is_unexplained,
                 look.is_settled, negative_looks, look.is_marker_seen,
                 EVENTS[verdict_of_look(&look)]);
}

int
main(void)
{
    for (int event = 0; event < VERDICT_EVENTS; event++) {
        bool is_look = event >= VERDICT_LOOK_FOUND;

        for (int bits = 0; bits < 8; bits++) {
            int first = is_look ? VERDICT_THEN_REPLAN : VERDICT_THEN_NONE;
            int last = is_look ? VERDICT_THEN_WAIT : VERDICT_THEN_NONE;

            for (int then = first; then <= last; then++)
                dump_decision((enum verdict_event)event, bits & 1, bits & 2 ? 2 : 1,
                              (bits & 4) != 0, (enum verdict_then)then);
        }
    }
    for (int bits = 0; bits < 32; bits++) {
        for (int negative_looks = 1; negative_looks <= VERDICT_LOOKS_MIN; negative_looks++)
            dump_look(bits, negative_looks);
    }
    return EXIT_SUCCESS;
}
