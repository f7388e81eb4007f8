/*
 * What was settled before the ledger began is counted once (support/story.h says how a story is
 * told).
 */
#include "support/story.h"

/* clang-format off */
static const struct story stories[] = {
{"a piece of the warehouse that is given twice settles its units once", {
    {"sql", "update identity set mode = 'new'"}, {"sql", "insert into t.w values ('A', '1', '', 5, 2, 0)"},
    {"sql", "select baseline_rows(t.readings('{A}'), 'x')"}, {"sql", "select baseline_rows(t.readings('{A}'), 'x')"},
    {"posted", "1 '' 2/0"}}},
{"more cancelled at the API than the warehouse shows is looked at by the first run", {
    {"sql", "update identity set mode = 'new'"}, {"sql", "insert into t.w values ('A', '1', '', 5, 2, 0)"},
    {"sql", "select baseline_listings('[{\"order_id\": \"A\", \"list\": [{\"id\": \"f1\", \"created\": \"2026-01-01\","
            " \"items\": [{\"item\": \"1\", \"shipped\": 0, \"cancelled\": 1}]}]}]', t.readings('{A}'), 'x')"},
    {"queued", "A"}}},
{"a baseline from the API is not done before every order is listed", {
    {"sql", "update identity set mode = 'new'"}, {"sql", "insert into baseline_progress (order_id) values ('A')"},
    {"sql", "do $$ begin begin perform baseline_done('api', 'x'); exception when others then return; end; assert false; end $$"},
    {"sql", "update baseline_progress set listed_at = now()"}, {"sql", "select baseline_done('api', 'x')"}}},
{"cancelled units of a baseline are named by the fulfillment that is listed later, and counted once", {
    {"sql", "insert into rows (order_id, item_id, shipment_ref) values ('A', '1', '')"}, {"sql", "insert into lanes values ('A')"},
    {"sql", "insert into adjustments (kind, row_id, shipped, cancelled, reason) select 'baseline', row_id, 0, 2, 'b' from rows"},
    {"list", "A f9:1:0/2"}, {"posted", "1 '' 0/2"}}},
};
/* clang-format on */

int
main(void)
{
    return SUPPORT_TELL("taken over", stories);
}
