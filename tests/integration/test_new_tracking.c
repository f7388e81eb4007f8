/*
 * Tracking that becomes known after its POST is sent, the newest of it (support/story.h says how a
 * story is told).
 */
#include "support/story.h"

/* clang-format off */
static const struct story stories[] = {
{"tracking that changes while the POST is unknown is sent when that proves accepted, and what comes later too", {
    {"plan", "A 1 P 5/2/0 - T1"}, {"unknown", ""}, {"plan", "A 1 P 5/2/0 - T2"}, {"found", ""},
    {"so", "(select count(*) = 1 and min(number) = 'T2' and min(version) = 1 from tracking)"},
    {"plan", "A 1 P 5/2/0 - T3"}, {"so", "(select number = 'T3' and version = 2 from tracking)"}}},
{"tracking that changes while an older one is sent is sent again", {
    {"plan", "A 1 P 5/2/0 - T1"}, {"accept", ""}, {"plan", "A 1 P 5/2/0 - T2"}, {"track", ""}, {"plan", "A 1 P 5/2/0 - T3"},
    {"tracked", "1"}, {"so", "(select next_at is not null from tracking)"},
    {"track", ""}, {"tracked", "2"}, {"so", "(select next_at is null from tracking)"}}},
{"null clears nothing of what is to be sent", {
    {"plan", "A 1 P 5/2/0 - T1"}, {"accept", ""}, {"sql", "update rows set tracking_url = 'u'"}, {"sql", "select note_tracking('{A}')"},
    {"sql", "update rows set tracking_url = null, tracking_company = 'c'"}, {"sql", "select note_tracking('{A}')"},
    {"so", "(select url = 'u' and company = 'c' from tracking)"}}},
};
/* clang-format on */

int
main(void)
{
    return SUPPORT_TELL("new tracking", stories);
}
