/*
 * Units that somebody else posted or cancelled at the API: booked once, and posted no more
 * (support/story.h says how a story is told).
 */
#include "support/story.h"

/* clang-format off */
static const struct story stories[] = {
{"what others posted is not sent: the planner looks at it before anything of the order goes", {
    {"plan", "A 1 '' 5/2/0; A 2 P2 5/1/0"}, {"list", "A f9:1:1/0"}, {"claim", ""}, {"open", "planned P2 2:1/0"},
    {"look", ""}, {"open", "planned P2 2:1/0; planned '' 1:1/0"}, {"claim", ""}, {"open", "sending P2 2:1/0; planned '' 1:1/0"}}},
{"what others posted is booked on what is still due, not on what is on its way", {
    {"plan", "A 1 P2 9/2/0"}, {"claim", ""}, {"plan", "A 1 P1 9/3/0; A 1 P2 9/2/0"}, {"open", "sending P2 1:2/0; planned P1 1:3/0"},
    {"sql", "select record_listing(null, 'A', '[{\"id\": \"f9\", \"created\": \"2020-01-01T00:00:00Z\","
            " \"items\": [{\"item\": \"1\", \"shipped\": 2, \"cancelled\": 0}]}]')"},
    {"adjustments", "foreign 1 P1 2/0"}}},
{"units that others cancelled are ahead of the warehouse until it has as many", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/1/0"}, {"accept", ""},
    {"list", "A f9:1:0/2"}, {"look", ""}, {"issues", ""}, {"plan", "A 1 '' 5/2/0"}, {"open", "planned '' 1:1/0"}, {"issues", ""},
    {"plan", "A 1 '' 5/2/2"}, {"open", "planned '' 1:1/0"}}},
{"an item that the API cancelled agrees with no line that can't be right", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5:cancelled 2:3"}, {"plan", "A 1 P1 5/0/6; A 2 P1 3/1/0"},
    {"issues", "over_quantity 1"}, {"adjustments", ""}}},
};
/* clang-format on */

int
main(void)
{
    return SUPPORT_TELL("posted by others", stories);
}
