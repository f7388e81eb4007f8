/*
 * What a refusal, an answer or a list leaves behind for a person, and for the next plan
 * (support/story.h says how a story is told).
 */
#include "support/story.h"

/* A list of two fulfillments with the same marker, newest first as the API lists them. */
#define LIST_TWICE                                                                                 \
    "select record_listing(null, 'A', jsonb_build_array("                                          \
    "jsonb_build_object('id', 'm2', 'marker', marker, 'items', '[]'::jsonb),"                      \
    "jsonb_build_object('id', 'm1', 'marker', marker, 'items', '[]'::jsonb))) from submissions"

/* clang-format off */
static const struct story stories[] = {
{"an order is looked at after a refusal", {
    {"plan", "A 1 '' 5/2/0"}, {"claim", ""}, {"queued", ""}, {"reject", ""}, {"queued", "A"}}},
{"the parts of a refusal keep what the API knows their parcel and items by", {
    {"sql", "select plan_orders(null, '{A}', array["
            " row('A', '1', 'P', 5, 2, 0, null, 'C', 'T', 'u', 's1', 'i1', null)::reading,"
            " row('A', '2', 'P', 5, 1, 0, null, 'C', 'T', 'u', 's1', 'i2', null)::reading], false, false, 0, 3600000, 900000, 100)"},
    {"split", ""}, {"open", "planned P 1:2/0; planned P 2:1/0"},
    {"so", "(select bool_and((shipment_id, tracking_company, tracking_number, tracking_url) = ('s1', 'C', 'T', 'u'))"
           " from submissions where parent_id is not null)"},
    {"so", "(select bool_and(i.shipment_item_id = 'i' || r.item_id) from submissions s join submission_items i using (submission_id)"
           " join rows r using (row_id) where s.parent_id is not null)"}}},
{"a payment that was refused is over when its submission turns out accepted", {
    {"plan", "A 1 '' 5/2/0"}, {"claim", ""},
    {"sql", "select t.answer(submission_id, 'rejected', '{\"http_status\": 409, \"discrepancy\": \"payment\", \"detail\": \"p\"}')"
            " from submissions"},
    {"issues", "payment"}, {"late_accept", ""}, {"issues", ""}}},
{"of two fulfillments with one marker the older is the submission's, and a person is called", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"sql", LIST_TWICE},
    {"so", "(select fulfillment_id = 'm1' from submissions)"}, {"issues", "double"}}},
{"what a late answer shows less of is told, though the submission was accepted before", {
    {"plan", "A 1 '' 5/2/0"}, {"accept", ""},
    {"sql", "select t.answer(submission_id, 'accepted', '{\"fulfillment_id\": \"x9\", \"discrepancy\": \"missing\","
            " \"detail\": \"less\"}') from submissions"},
    {"issues", "double; missing 1"}}},
{"what nobody explains may be ours, though the API's clock is five minutes behind", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""},
    {"so", "(select r.unexplained = 1 from submissions s, read_listing(null, 'A', jsonb_build_array(jsonb_build_object('id', 'f9',"
           " 'created', s.first_sent_at - interval '5 min', 'items', '[]'::jsonb)), s.marker, s.first_sent_at) r)"},
    {"so", "(select r.unexplained = 0 from submissions s, read_listing(null, 'A', jsonb_build_array(jsonb_build_object('id', 'f9',"
           " 'created', s.first_sent_at - interval '1 day', 'items', '[]'::jsonb)), s.marker, s.first_sent_at) r)"}}},
};
/* clang-format on */

int
main(void)
{
    return SUPPORT_TELL("refused", stories);
}
