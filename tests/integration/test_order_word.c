/*
 * What the API says of an order: how long it is believed, and when it is asked again
 * (support/story.h says how a story is told).
 */
#include "support/story.h"

/* A word of yesterday, that comes after a newer one. */
#define ACCEPTED_YESTERDAY                                                                         \
    "select record_orders(jsonb_build_array(jsonb_build_object('order_id', 'A', 'state',"          \
    " 'accepted', 'since', now() - interval '1 day', 'updated', now() - interval '1 day',"         \
    " 'items', '[]'::jsonb)))"
#define UPSTREAMS(orders) "select record_upstreams(null, '{U}', '[" orders "]', 60000)"
#define NUMBERED(id)      "{\"order_id\": \"" id "\", \"upstream_id\": \"U\"}"

/* clang-format off */
static const struct story stories[] = {

/* --- orders --- */
{"an answer that is older than what is known opens no gate", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"not_accepted", ""}, {"api", "A in_review 1:5"},
    {"sql", ACCEPTED_YESTERDAY}, {"claim", ""}, {"open", "planned '' 1:2/0"}}},
{"an order whose answers are older than what is known is asked for ever more seldom", {
    {"settings", "has_gate = true"}, {"api", "A in_review 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"sql", ACCEPTED_YESTERDAY},
    {"so", "(select asks = 2 and ask_at > clock_timestamp() + interval '3 s' from orders)"}}},
{"what grows behind a POST that the order was not accepted for waits with it", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"not_accepted", ""},
    {"plan", "A 1 '' 5/3/0"}, {"claim", ""}, {"open", "planned '' 1:2/0"}}},
{"a returned order is asked for again when somebody looks later", {
    {"settings", "has_gate = true"}, {"api", "A returned 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"issues", "order_returned"}, {"asks", ""},
    {"sql", "update orders set checked_at = checked_at - interval '1 hour'"}, {"look", ""}, {"asks", "ask "}}},
{"an order whose answers can't be read for an hour is told, once, and until they can", {
    {"plan", "A 1 '' 5/2/0"}, {"sql", "insert into orders (order_id, unread_since) values ('A', now() - interval '2 hours')"},
    {"sql", "select record_unread_order(null, 'A', 'bad json', 60000)"}, {"issues", "unreadable"}, {"look", ""}, {"issues", "unreadable"},
    {"sql", "select record_unread_order(null, 'A', 'bad json', 60000)"}, {"opened", "1"},
    {"api", "A accepted 1:5"}, {"look", ""}, {"issues", ""}}},
{"an event that shuts the gate has the order looked at", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"queued", ""},
    {"sql", "insert into events (event_id, type, kind, what, order_id, created_at)"
            " values ('e', 'order.cancelled', 'state', 'cancelled', 'A', clock_timestamp() + interval '1 s')"},
    {"sql", "select events_apply(null, 10)"}, {"queued", "A"}}},
{"a state that the warehouse's function failed on is handed over when its pause is over", {
    {"sql", "insert into orders (order_id) values ('A')"},
    {"sql", "insert into order_states (order_id, state, at, is_exact, source) values ('A', 'accepted', now(), true, 'api')"},
    {"sql", "insert into hand_overs (order_id, next_at, failures) values ('A', now() + interval '1 h', 1)"},
    {"so", "not exists (select from hand_over_due('', 10, 0))"},
    {"sql", "update hand_overs set next_at = now()"}, {"so", "exists (select from hand_over_due('', 10, 0))"}}},

/* --- merchants' own numbers --- */
{"two orders with one number are not told apart by us", {
    {"sql", "select note_upstreams('{U}')"}, {"sql", UPSTREAMS(NUMBERED("A") "," NUMBERED("B"))},
    {"issues", "U ambiguous"}, {"so", "(select order_id is null from upstreams)"}, {"queued", ""}}},
{"a number that has one order by now is looked at, and its discrepancy closes", {
    {"sql", "select note_upstreams('{U}')"}, {"sql", UPSTREAMS(NUMBERED("A") "," NUMBERED("B"))},
    {"sql", UPSTREAMS(NUMBERED("A"))}, {"issues", ""}, {"queued", "A"}}},
};
/* clang-format on */

int
main(void)
{
    return SUPPORT_TELL("order's word", stories);
}
