/*
 * What is pruned is what nobody needs any more, and what was pruned is still known (support/story.h
 * says how a story is told).
 */
#include "support/story.h"

/* A submission of order A that was accepted as "old", and pruned. */
#define PRUNED                                                                                     \
    "insert into explained (marker, order_id, fulfillment_id, settled_at)"                         \
    " values (gen_random_uuid(), 'A', 'old', now())"
#define ALL_STAY "prune_submissions(0, 100) = 0"

/* clang-format off */
static const struct story stories[] = {

/* --- what stays --- */
{"what may have been applied stays, also withdrawn: its marker must be recognised", {
    {"plan", "A 1 '' 5/3/0; A 2 '' 5/1/0"}, {"unknown", ""}, {"absent", ""}, {"plan", "A 1 '' 5/2/0; A 2 '' 5/1/0"},
    {"states", "withdrawn planned"}, {"so", ALL_STAY}}},
{"a refused one stays while its units wait for a person", {
    {"plan", "A 1 '' 5/3/0"}, {"reject", ""}, {"look", ""}, {"dismiss", ""}, {"waits", "1 '': refused as submission #; waits for a change or for retry"},
    {"so", ALL_STAY}}},
{"a submission that was split stays as long as its parts", {
    {"plan", "A 1 '' 5/3/0; A 2 '' 5/1/0"}, {"split", ""}, {"so", ALL_STAY}}},
{"what was dismissed is not opened again when old discrepancies go", {
    {"plan", "A 1 '' 5/3/0"}, {"accept", ""}, {"plan", "A 1 '' 5/1/0"}, {"issues", "decreased 1"}, {"dismiss", ""},
    {"sql", "select prune_rest(0, 100)"}, {"look", ""}, {"issues", ""}}},

/* --- what was pruned is known --- */
{"an answer with the id of one that was pruned is not believed", {
    {"plan", "A 1 '' 5/2/0"}, {"claim", ""}, {"sql", PRUNED},
    {"sql", "select t.answer(submission_id, 'accepted', jsonb_build_object('fulfillment_id', 'old',"
            " 'of_submission', submission_id, 'of_order', 'A')) from submissions"},
    {"open", "unknown '' 1:2/0"}}},
{"nor is a look that finds it", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"sql", PRUNED},
    {"sql", "select t.answer(submission_id, 'accepted', '{\"kind\": \"look\", \"fulfillment_id\": \"old\"}') from submissions"},
    {"open", "unknown '' 1:2/0"}}},
{"the fulfillment of one that was pruned is nobody else's, also when it shows no marker", {
    {"plan", "A 1 '' 5/2/0"}, {"sql", PRUNED}, {"so", "is_explained('A', 'old', null)"},
    {"list", "A old:1:2/0"}, {"adjustments", ""}}},
};
/* clang-format on */

int
main(void)
{
    return SUPPORT_TELL("pruning", stories);
}
