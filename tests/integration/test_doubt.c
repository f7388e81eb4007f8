/*
 * Nothing is lost and nothing is sent twice of what may have been applied: what ends the doubt, and
 * what does not (support/story.h says how a story is told).
 */
#include "support/story.h"

/* clang-format off */
static const struct story stories[] = {

/* --- evidence ends it --- */
{"held in doubt, and answered after all: the answer wins", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"doubt", ""}, {"open", "held (ambiguous) '' 1:2/0"},
    {"late_accept", ""}, {"open", ""}, {"posted", "1 '' 2/0"}, {"issues", ""}}},
{"held in doubt, and listed after all: its marker wins", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"doubt", ""}, {"list", "A m*:1:2/0"},
    {"open", ""}, {"posted", "1 '' 2/0"}, {"issues", ""}}},
{"not found and planned again, and listed before it goes: its marker wins", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"absent", ""}, {"open", "planned '' 1:2/0"}, {"list", "A m*:1:2/0"},
    {"open", ""}, {"posted", "1 '' 2/0"}, {"issues", ""}}},
{"an answer that names the fulfillment of another is no evidence, but its POST may have been applied", {
    {"plan", "A 1 '' 5/2/0; B 1 '' 5/1/0"}, {"claim", ""}, {"accept_order", "B"},
    {"sql", "select t.answer(s.submission_id, 'accepted', jsonb_build_object('fulfillment_id', o.fulfillment_id))"
            " from submissions s, submissions o where s.state = 'sending' and o.state = 'accepted'"},
    {"open", "unknown '' 1:2/0"}, {"posted", "B 1 '' 1/0"}, {"absent", ""},
    {"plan", "A 1 '' 5/3/0; B 1 '' 5/1/0"}, {"open", "planned '' 1:2/0; planned '' 1:1/0"}}},

/* --- looks, and the time that has to pass --- */
{"looks that came to nothing count from the newest POST on", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"absent", ""}, {"so", "(select negative_looks = 1 from submissions)"},
    {"passes", ""}, {"unknown", ""}, {"so", "(select negative_looks = 0 from submissions)"}}},
{"a claim whose worker is gone counts as a POST, and is settled as late as if it had left at its last moment", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"absent", ""}, {"passes", ""}, {"claim", ""},
    {"sql", "update submissions set claim_expires_at = now() - interval '10 min'"},
    {"sql", "update claims set expires_at = now() - interval '10 min'"},
    {"sql", "select reap(null, 65000, 900000)"}, {"open", "unknown '' 1:2/0"},
    {"so", "(select negative_looks = 0 and unknown_attempts = 2 and attempts = 2 from submissions)"},
    {"so", "(select settle_after = now() - interval '10 min' + interval '965 s' from submissions)"}}},
{"a claim is begun anew by its own token only", {
    {"plan", "A 1 '' 5/2/0"}, {"claim", ""},
    {"so", "(select renew_claim(current_setting('t.worker')::bigint, (select max(version) from schema_versions),"
           " marker, claim_token, 5000) from submissions)"},
    {"so", "(select not renew_claim(current_setting('t.worker')::bigint, (select max(version) from schema_versions),"
           " marker, gen_random_uuid(), 5000) from submissions)"}}},
{"an order is listed to see a marker of ours for what is held for want of one", {
    {"plan", "A 1 '' 5/2/0; B 1 '' 5/1/0"}, {"claim", ""}, {"accept_order", "B"}, {"unknown", ""}, {"no_marker", ""},
    {"so", "take_marker_probe() = 'B'"}}},

/* --- what stays while it lasts --- */
{"an order with one held in doubt is not claimed again and again", {
    {"plan", "A 1 P1 5/2/0; A 2 P2 5/2/0"}, {"unknown", ""}, {"doubt", ""}, {"claim", ""},
    {"so", "(select next_at = 'infinity' from lanes)"}}},
{"held in doubt it stays, though its units are taken back and what is planned is withdrawn", {
    {"plan", "A 1 P1 9/2/0"}, {"unknown", ""}, {"doubt", ""}, {"plan", "A 1 P1 9/0/0; A 2 P2 9/1/0"},
    {"sql", "select withdraw_unwanted('{A}', false)"}, {"open", "held (ambiguous) P1 1:2/0; planned P2 2:1/0"}}},
};
/* clang-format on */

int
main(void)
{
    return SUPPORT_TELL("doubt", stories);
}
