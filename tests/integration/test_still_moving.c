/*
 * What an audit may compare, and what moves too much to be compared (support/story.h says how a
 * story is told).
 */
#include "support/story.h"

/* The order was asked for just now. */
#define ASK_NOW "create temp table asked as select clock_timestamp() as at"
#define VERDICT "(select min(verdict) from asked, audit_order('A', asked.at, '[]'))"

/* clang-format off */
static const struct story stories[] = {
{"an order of which a POST may have been applied is not quiet, whatever it waits for", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"unknown_waits", ""}, {"absent_waits", ""},
    {"so", "not is_quiet('A')"}}},
{"an order that was settled since its list was asked for is moving", {
    {"plan", "A 1 '' 5/2/0"}, {"claim", ""}, {"sql", ASK_NOW}, {"accept", ""}, {"so", VERDICT " = 'moving'"}}},
{"an order of which something was booked since its list was asked for is moving", {
    {"plan", "A 1 '' 5/2/0"}, {"accept", ""}, {"sql", ASK_NOW}, {"so", VERDICT " = 'missing'"},
    {"sql", "select settle_by_hand('A', '1', 1, 0, 'x', 'y')"}, {"so", VERDICT " = 'moving'"}}},
{"an order of which only something was booked since the last audit is audited again", {
    {"plan", "A 1 '' 5/2/0"}, {"accept", ""}, {"sql", ASK_NOW},
    {"so", "(select not bool_or(o.is_wanted) from asked, audit_orders('', asked.at, 10, 10) o)"},
    {"sql", "select settle_by_hand('A', '1', 1, 0, 'x', 'y')"},
    {"so", "(select bool_or(o.is_wanted) from asked, audit_orders('', asked.at, 10, 10) o)"}}},
{"the ledger's audit of itself goes on where its last piece ended, and begins anew at the end", {
    {"plan", "A 1 '' 5/2/0; A 2 '' 5/1/0"}, {"sql", "update feed_state set audited_at = null"},
    {"sql", "select ledger_audit(null, 1)"}, {"so", "(select audit_row = (select min(row_id) from rows) from feed_state)"},
    {"sql", "select ledger_audit(null, 1)"}, {"so", "(select audit_row = 0 from feed_state)"}}},
};
/* clang-format on */

int
main(void)
{
    return SUPPORT_TELL("still moving", stories);
}
