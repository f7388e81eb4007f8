/*
 * Wrong writes to a history that the database itself refuses, beside those of test_laws.c
 * (support/story.h says how a story is told).
 */
#include "support/story.h"

/* clang-format off */
static const struct story stories[] = {
{"nothing is put into what was sent", {
    {"plan", "A 1 '' 5/2/0; A 2 '' 5/0/0"}, {"accept", ""}, {"sql", "update rows set shipped = 1 where item_id = '2'"},
    {"forbidden", "insert into submission_items (submission_id, row_id, plan_no, shipped, cancelled)"
                  " select s.submission_id, r.row_id, 1, 1, 0 from submissions s, rows r where r.item_id = '2'"}}},
{"cancelled units that are not posted are not taken back", {
    {"plan", "A 1 '' 5/0/2"},
    {"forbidden", "insert into adjustments (kind, row_id, shipped, cancelled, reason)"
                  " select 'correction', row_id, 0, -1, 'x' from rows"}}},
{"a claim has as many on their way as there are submissions that say so", {
    {"plan", "A 1 '' 5/2/0"}, {"claim", ""}, {"forbidden", "update claims set sending = 0"}}},
{"a line gets no more than was ordered at the API, whatever was ordered here", {
    {"api", "A accepted 1:2"}, {"plan", "A 1 '' 5/0/0"}, {"sql", "update rows set shipped = 3"},
    {"forbidden", "with s as (insert into submissions (marker, order_id, shipment_ref, state, next_attempt_at)"
                  " values (gen_random_uuid(), 'A', '', 'planned', now()) returning submission_id)"
                  " insert into submission_items (submission_id, row_id, plan_no, shipped, cancelled)"
                  " select s.submission_id, r.row_id, 1, 3, 0 from s, rows r"}}},
};
/* clang-format on */

int
main(void)
{
    return SUPPORT_TELL("laws of units", stories);
}
