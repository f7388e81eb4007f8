/*
 * What a person decides changes what he means, once and no more (support/story.h says how a story
 * is told).
 */
#include "support/story.h"

#define DECIDE(action, units)                                                                      \
    "select decide('" action "', min(submission_id), 'x', 'y', false, " units ") from submissions"
#define SETTLE(units) "settle_by_hand('A', '1', " units ", 'x', 'y')"
#define MISSING(submission, detail)                                                                \
    "select find_discrepancies(null, array[row('missing', 'A', '1', '', " submission               \
    ", '?', '" detail "', false)::finding]) from submissions limit 1"
#define DISMISS_DUE                                                                                \
    "(select x.done from discrepancies d, dismiss_discrepancy(d.discrepancy_id, 'x', 'y', 'due') " \
    "x)"

/* clang-format off */
static const struct story stories[] = {

/* --- retry --- */
{"retry of one held for its attempts counts them anew", {
    {"plan", "A 1 '' 5/2/0"}, {"attempts_over", ""}, {"open", "held (attempts) '' 1:2/0"}, {"sql", DECIDE("retry", "null")},
    {"open", "planned '' 1:2/0"}, {"attempts", "0"}}},
{"retry ends a back-off: it goes with the next claim", {
    {"plan", "A 1 '' 9/3/0"}, {"later", ""}, {"claim", ""}, {"open", "planned '' 1:3/0"}, {"sql", DECIDE("retry", "null")},
    {"claim", ""}, {"open", "sending '' 1:3/0"}}},

/* --- settled by hand --- */
{"units settled by hand are spread over the parcels that want them, each once", {
    {"settings", "has_gate = true"}, {"api", "A in_review 1:9"}, {"plan", "A 1 P1 9/2/1; A 1 P2 9/2/1"},
    {"sql", "select " SETTLE("2, 1")}, {"posted", "1 P1 2/1"}, {"sql", "select " SETTLE("1, 0")}, {"posted", "1 P1 2/1; 1 P2 1/0"}}},
{"no more is settled by hand than was ordered, with what may be on its way", {
    {"plan", "A 1 '' 3/2/0"}, {"unknown", ""}, {"so", "(select not done from " SETTLE("2, 0") ")"}, {"posted", ""},
    {"so", "(select done from " SETTLE("1, 0") ")"}, {"posted", "1 '' 1/0"}}},
{"a refused one that is dismissed as settled writes off what is still due of it", {
    {"plan", "A 1 '' 9/3/0"}, {"reject", ""}, {"sql", "select " SETTLE("2, 0")}, {"sql", DECIDE("dismiss", "'settled'")},
    {"posted", "1 '' 3/0"}}},

{"the discrepancy of a dismissed submission is dismissed with it", {
    {"plan", "A 1 '' 9/3/0"}, {"attempts_over", ""}, {"issues", "attempts"}, {"sql", DECIDE("dismiss", "'settled'")},
    {"issues", ""}, {"so", "(select is_dismissed from discrepancies)"}, {"posted", "1 '' 3/0"}}},

/* --- units that the API lost --- */
{"units that the API lost are taken back once, over all parcels of their line", {
    {"plan", "A 1 P1 9/2/1; A 1 P2 9/2/1"}, {"accept", ""}, {"accept", ""}, {"sql", MISSING("0", "audit missing 2/1")},
    {"so", DISMISS_DUE}, {"posted", "1 P2 2/1"}, {"look", ""}, {"open", "planned P1 1:2/1"}}},
{"what an answer showed less of is not taken back: no audit has said how much", {
    {"plan", "A 1 '' 9/3/0"}, {"accept", ""}, {"sql", MISSING("submission_id", "less")}, {"so", "not " DISMISS_DUE},
    {"posted", "1 '' 3/0"}}},
};
/* clang-format on */

int
main(void)
{
    return SUPPORT_TELL("by hand", stories);
}
