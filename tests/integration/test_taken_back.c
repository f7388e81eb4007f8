/*
 * Units that the warehouse takes back, or cancels, shipped and cancelled ones alike
 * (support/story.h says how a story is told).
 */
#include "support/story.h"

/* clang-format off */
static const struct story stories[] = {
{"a refusal ends when only its cancelled units change", {
    {"plan", "A 1 '' 5/2/0"}, {"reject", ""}, {"look", ""}, {"open", ""}, {"plan", "A 1 '' 5/2/1"},
    {"open", "planned '' 1:2/1"}, {"issues", ""}}},
{"shipped after all were cancelled, with decreases as notes: more than was ordered, and only that line stops", {
    {"settings", "is_note = true"}, {"plan", "A 1 '' 5/0/5; A 2 '' 5/0/0"}, {"accept", ""},
    {"plan", "A 1 '' 5/5/0; A 2 '' 5/1/0"}, {"issues", "over_quantity 1"}, {"open", "planned '' 2:1/0"}}},
{"cancelled units that get another parcel while on their way stop their line only", {
    {"plan", "A 1 '' 9/0/3; A 2 '' 5/0/0"}, {"claim", ""}, {"plan", "A 1 P1 9/0/3; A 2 '' 5/1/0"},
    {"open", "sending '' 1:0/3; planned '' 2:1/0"}, {"issues", ""}}},
{"on_decrease changed from note to discrepancy calls for a person", {
    {"settings", "is_note = true"}, {"plan", "A 1 '' 5/3/0"}, {"accept", ""}, {"plan", "A 1 '' 5/1/0"},
    {"notes", "decreased 1"}, {"issues", ""}, {"settings", "is_note = false"}, {"look", ""}, {"issues", "decreased 1"}}},
{"what was not found gives way when it is taken back, whatever the API's own fulfiller has of the line", {
    {"plan", "A 1 '' 10/5/0 orchestrated; A 1 T 10/3/0"}, {"unknown", ""},
    {"plan", "A 1 '' 10/5/0 orchestrated; A 1 T 10/1/0"}, {"absent", ""}, {"passes", ""}, {"claim", ""}, {"open", ""},
    {"look", ""}, {"open", "planned T 1:1/0"}}},
};
/* clang-format on */

int
main(void)
{
    return SUPPORT_TELL("taken back", stories);
}
