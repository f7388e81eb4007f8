/*
 * What the planner makes of a warehouse (support/story.h says how a story is told).
 */
#include "support/story.h"

/* The newest submission's fulfillment, without its marker. */
#define UNMARKED                                                                                   \
    "jsonb_build_array(jsonb_build_object('id', 'f' || max(submission_id), 'created',"             \
    " clock_timestamp(), 'items', '[{\"item\": \"1\", \"shipped\": 2, \"cancelled\": "             \
    "0}]'::jsonb))"

#define LIST_UNMARKED                                                                              \
    "select record_listing(null, 'A', " UNMARKED ") from submissions where order_id = 'A'"
#define BOOK_UNMARKED                                                                              \
    "select adopt('A', " UNMARKED ", 'me', 'theirs') from submissions where order_id = 'A'"

/* clang-format off */
static const struct story stories[] = {

/* --- plain work --- */
{"nothing shipped, nothing due", {
    {"plan", "A 1 '' 5/0/0; A 2 '' 3/0/0"}, {"open", ""}, {"issues", ""}, {"waits", ""}}},
{"a first plan takes all that is shipped and cancelled, both in one item", {
    {"plan", "A 1 '' 5/2/1; A 2 '' 3/0/3"}, {"open", "planned '' 1:2/1 2:0/3"},
    {"accept", ""}, {"posted", "1 '' 2/1; 2 '' 0/3"}, {"look", ""}, {"open", ""}}},
{"growth before anything was sent is one submission, planned anew", {
    {"plan", "A 1 '' 5/2/0"}, {"plan", "A 1 '' 5/4/0"},
    {"open", "planned '' 1:4/0"}, {"states", "withdrawn planned"}}},
{"growth after posting is due beyond what is posted", {
    {"plan", "A 1 '' 5/2/0"}, {"accept", ""}, {"plan", "A 1 '' 5/4/1"},
    {"open", "planned '' 1:2/1"}, {"accept", ""}, {"posted", "1 '' 4/1"}}},
{"growth while the first is on its way is planned behind it", {
    {"plan", "A 1 '' 5/2/0"}, {"claim", ""}, {"plan", "A 1 '' 5/4/0"},
    {"open", "sending '' 1:2/0; planned '' 1:2/0"}, {"accept", ""}, {"accept", ""}, {"posted", "1 '' 4/0"}}},
{"two parcels are two submissions", {
    {"plan", "A 1 P1 5/2/0; A 1 P2 5/3/0; A 2 P2 1/1/0"},
    {"open", "planned P1 1:2/0; planned P2 1:3/0 2:1/0"},
    {"accept", ""}, {"accept", ""}, {"posted", "1 P1 2/0; 1 P2 3/0; 2 P2 1/0"}}},
{"a new parcel leaves the planned one as it is", {
    {"plan", "A 1 P1 5/2/0"}, {"plan", "A 1 P1 5/2/0; A 1 P2 5/3/0"},
    {"open", "planned P1 1:2/0; planned P2 1:3/0"}, {"states", "planned planned"}}},
{"a new line of a planned parcel goes with it", {
    {"plan", "A 1 P1 5/2/0"}, {"plan", "A 1 P1 5/2/0; A 2 P1 5/3/0"},
    {"open", "planned P1 1:2/0 2:3/0"}, {"states", "withdrawn planned"}}},
{"more lines than a submission may have are split", {
    {"settings", "lines_max = 2"},
    {"plan", "A 1 '' 5/1/0; A 2 '' 5/1/0; A 3 '' 5/1/0; A 4 '' 5/1/0; A 5 '' 5/1/0"},
    {"open", "planned '' 1:1/0 2:1/0; planned '' 3:1/0 4:1/0; planned '' 5:1/0"}}},
{"101 lines are two submissions", {
    {"sql", "insert into t.w select 'A', 'i' || lpad(n::text, 3, '0'), '', 1, 1, 0 from generate_series(1, 101) n"},
    {"look", ""}, {"open", "planned '' 100 lines, 100 units; planned '' i101:1/0"}}},
{"orders do not mix", {
    {"plan", "A 1 '' 5/2/0; B 1 '' 5/3/0"}, {"open", "planned '' 1:2/0; B planned '' 1:3/0"}}},
{"tracking alone plans nothing", {
    {"plan", "A 1 '' 5/2/0"}, {"accept", ""}, {"plan", "A 1 '' 5/2/0 - T1"}, {"open", ""}, {"states", "accepted"}}},

/* --- the same units under another key (laws 8 and 10) --- */
{"a parcel that gets its number late is not posted again", {
    {"plan", "A 1 '' 5/3/0"}, {"accept", ""}, {"plan", "A 1 P1 5/3/0"},
    {"open", ""}, {"posted", "1 P1 3/0"}, {"notes", "moved 1"}, {"issues", ""}}},
{"a number given late while the empty row stays, with nothing", {
    {"plan", "A 1 '' 5/3/0"}, {"accept", ""}, {"plan", "A 1 '' 5/0/0; A 1 P1 5/3/0"},
    {"open", ""}, {"posted", "1 P1 3/0"}, {"adjustments", "correction 1 '' -3/0; correction 1 P1 3/0"}}},
{"a renamed parcel before it was sent is planned under its new name", {
    {"plan", "A 1 P1 5/3/0"}, {"plan", "A 1 P2 5/3/0"},
    {"open", "planned P2 1:3/0"}, {"states", "withdrawn planned"}, {"notes", ""}}},
{"two parcels merged into one", {
    {"plan", "A 1 P1 5/2/0; A 1 P2 5/2/0"}, {"accept", ""}, {"accept", ""}, {"plan", "A 1 P3 5/4/0"},
    {"open", ""}, {"posted", "1 P3 4/0"}, {"notes", "moved 1"}}},
{"one parcel split into two", {
    {"plan", "A 1 P1 5/4/0"}, {"accept", ""}, {"plan", "A 1 P1 5/1/0; A 1 P2 5/3/0"},
    {"open", ""}, {"posted", "1 P1 1/0; 1 P2 3/0"}}},
{"a move with new units beyond: only those are due", {
    {"plan", "A 1 '' 9/3/0"}, {"accept", ""}, {"plan", "A 1 P1 9/2/0; A 1 P2 9/3/0"},
    {"posted", "1 P1 2/0; 1 P2 1/0"}, {"open", "planned P2 1:2/0"},
    {"accept", ""}, {"posted", "1 P1 2/0; 1 P2 3/0"}}},
{"both kinds move with their parcel", {
    {"plan", "A 1 '' 9/3/2"}, {"accept", ""}, {"plan", "A 1 P1 9/3/2"},
    {"posted", "1 P1 3/2"}, {"open", ""}, {"notes", "moved 1"}}},
{"a move while the units are on their way: nothing is planned, and it is looked at again when settled", {
    {"plan", "A 1 '' 9/3/0"}, {"claim", ""}, {"plan", "A 1 P1 9/5/0"}, {"open", "sending '' 1:3/0"},
    {"waits", "1 P1: units that moved to another parcel are still on their way"},
    {"accept", ""}, {"queued", "A"}, {"look", ""}, {"posted", "1 P1 3/0"}, {"open", "planned P1 1:2/0"}, {"waits", ""}}},
{"a move while the units are unknown, which prove absent: planned once, under the old name", {
    {"plan", "A 1 '' 9/3/0"}, {"unknown", ""}, {"plan", "A 1 P1 9/3/0"}, {"open", "unknown '' 1:3/0"},
    {"absent", ""}, {"queued", "A"}, {"look", ""}, {"open", "planned '' 1:3/0"}, {"passes", ""}, {"accept", ""},
    {"look", ""}, {"posted", "1 P1 3/0"}, {"open", ""}}},
{"a move while the units are on their way, which are refused", {
    {"plan", "A 1 '' 9/3/0"}, {"claim", ""}, {"plan", "A 1 P1 9/3/0"}, {"reject", ""}, {"queued", "A"}, {"look", ""},
    {"open", "planned P1 1:3/0"}, {"issues", ""}}},
{"un-cancelled after posting, and shipped: a person must see it", {
    {"plan", "A 1 '' 5/0/2"}, {"accept", ""}, {"plan", "A 1 '' 5/2/0"}, {"open", ""}, {"issues", "decreased 1"},
    {"plan", "A 1 '' 5/0/2"}, {"issues", ""}}},
{"un-cancelled after posting, and shipped in another parcel", {
    {"plan", "A 1 '' 5/0/2"}, {"accept", ""}, {"plan", "A 1 P1 5/2/0"}, {"open", ""}, {"issues", "decreased 1"}}},
{"un-cancelled before posting is only another plan", {
    {"plan", "A 1 '' 5/0/2"}, {"plan", "A 1 '' 5/2/0"}, {"open", "planned '' 1:2/0"}, {"issues", ""}}},
{"a fan-out that doubles a key plans nothing of its line", {
    {"plan", "A 1 P1 5/2/0; A 1 P1 5/2/0; A 2 P1 5/1/0"},
    {"open", "planned P1 2:1/0"}, {"issues", "bad_row 1"}, {"detail", "2 rows for one key"},
    {"plan", "A 1 P1 5/2/0; A 2 P1 5/1/0"}, {"open", "planned P1 1:2/0 2:1/0"}, {"issues", ""}}},
{"units moved to another order: the first has decreased, the second is posted", {
    {"plan", "A 1 '' 5/3/0; B 1 '' 5/0/0"}, {"accept", ""}, {"plan", "A 1 '' 5/0/0; B 1 '' 5/3/0"},
    {"open", "B planned '' 1:3/0"}, {"issues", "decreased 1"}}},
{"the same move is told once, a later one again", {
    {"plan", "A 1 P1 5/3/0"}, {"accept", ""}, {"plan", "A 1 P2 5/3/0"}, {"plan", "A 1 P2 5/3/0"},
    {"plan", "A 1 P1 5/3/0"}, {"plan", "A 1 P2 5/3/0"}, {"posted", "1 P2 3/0"},
    {"notes", "moved 1; moved 1; moved 1"}}},

/* --- decreases --- */
{"a decrease before posting is only another plan", {
    {"plan", "A 1 '' 5/3/0"}, {"plan", "A 1 '' 5/1/0"}, {"open", "planned '' 1:1/0"}, {"issues", ""}}},
{"a decrease to nothing before posting takes all back", {
    {"plan", "A 1 '' 5/3/0"}, {"plan", "A 1 '' 5/0/0"}, {"open", ""}, {"states", "withdrawn"}, {"issues", ""}}},
{"a decrease after posting is a discrepancy, until it has gone", {
    {"plan", "A 1 '' 5/3/0; A 2 '' 5/1/0"}, {"accept", ""}, {"plan", "A 1 '' 5/1/0; A 2 '' 5/2/0"},
    {"open", "planned '' 2:1/0"}, {"issues", "decreased 1"},
    {"plan", "A 1 '' 5/4/0; A 2 '' 5/2/0"}, {"issues", ""}, {"open", "planned '' 1:1/0 2:1/0"}}},
{"a decrease while on its way is a discrepancy", {
    {"plan", "A 1 '' 5/3/0"}, {"claim", ""}, {"plan", "A 1 '' 5/1/0"}, {"issues", "decreased 1"},
    {"open", "sending '' 1:3/0"}, {"accept", ""}, {"look", ""}, {"issues", "decreased 1"}}},
{"a decrease of the unknown takes nothing back while it is unknown", {
    {"plan", "A 1 '' 5/3/0"}, {"unknown", ""}, {"plan", "A 1 '' 5/1/0"}, {"open", "unknown '' 1:3/0"}, {"issues", "decreased 1"},
    {"absent", ""}, {"look", ""}, {"open", "planned '' 1:1/0"}, {"states", "withdrawn planned"}, {"issues", ""}}},
{"units that came back explain a decrease", {
    {"plan", "A 1 '' 5/3/0"}, {"accept", ""}, {"plan", "A 1 '' 5/1/0/2"}, {"open", ""}, {"issues", ""},
    {"posted", "1 '' 3/0"}}},
{"units that came back explain only as many", {
    {"plan", "A 1 '' 5/3/0"}, {"accept", ""}, {"plan", "A 1 '' 5/1/0/1"}, {"open", ""}, {"issues", "decreased 1"}}},
{"units that came back are told once, also when the row could not be counted for a while", {
    {"plan", "A 1 '' 5/3/0"}, {"accept", ""}, {"plan", "A 1 '' 5/2/0/1"},
    {"sql", "do $$ begin assert (select sum(returned) = 1 from adjustments); end $$"},
    {"plan", "A 1 '' 5/-1/0"}, {"issues", "bad_row 1"}, {"plan", "A 1 '' 5/3/0"}, {"issues", ""},
    {"sql", "do $$ begin assert (select sum(returned) = 0 from adjustments); end $$"},
    {"plan", "A 1 '' 5/1/0/2"}, {"plan", "A 1 '' 5/3/0"},
    {"sql", "do $$ begin assert (select sum(returned) = 0 and count(*) = 4 from adjustments); end $$"}}},
{"tracking that changes together with the units, or alone, is told once", {
    {"plan", "A 1 P 5/2/0 - T1"}, {"accept", ""}, {"look", ""}, {"sql", "do $$ begin assert not exists (select from tracking); end $$"},
    {"sql", "update t.w set tracking_number = 'T2', shipped = 3"}, {"sql", "select t.plan_these('{A}')"},
    {"sql", "do $$ begin assert (select count(*) = 1 and min(number) = 'T2' from tracking); end $$"}, {"accept", ""},
    {"sql", "update t.w set tracking_number = 'T3'"}, {"sql", "select t.plan_these('{A}')"},
    {"sql", "do $$ begin assert (select count(*) = 2 and min(number) = 'T3' from tracking); end $$"},
    {"sql", "update t.w set tracking_number = null"}, {"sql", "select t.plan_these('{A}')"},
    {"sql", "do $$ begin assert (select count(*) = 2 and min(number) = 'T3' from tracking); end $$"}}},
{"units that came back, together with a move", {
    {"plan", "A 1 '' 5/4/0"}, {"accept", ""}, {"plan", "A 1 P1 5/3/0/1"}, {"open", ""}, {"issues", ""},
    {"posted", "1 '' 1/0; 1 P1 3/0"}}},
{"units that came back, then one cancelled within what was ordered", {
    {"plan", "A 1 '' 6/5/0"}, {"accept", ""}, {"plan", "A 1 '' 6/3/1/2"}, {"open", "planned '' 1:0/1"}, {"issues", ""}}},
{"units that came back and are cancelled now: more than was ordered in all, and only that line stops", {
    {"plan", "A 1 '' 5/5/0; A 2 '' 5/0/0"}, {"accept", ""}, {"plan", "A 1 '' 5/3/1/2; A 2 '' 5/1/0"},
    {"issues", "over_quantity 1"}, {"open", "planned '' 2:1/0"}}},
{"on_decrease note: written down once, no one is called, and growth goes on", {
    {"settings", "is_note = true"}, {"plan", "A 1 '' 9/5/0"}, {"accept", ""}, {"plan", "A 1 '' 9/3/0"},
    {"issues", ""}, {"notes", "decreased 1"}, {"open", ""},
    {"plan", "A 1 '' 9/3/1"}, {"open", "planned '' 1:0/1"}, {"accept", ""},
    {"plan", "A 1 '' 9/6/1"}, {"open", "planned '' 1:1/0"}}},
{"on_decrease note does not let a line get more than was ordered", {
    {"settings", "is_note = true"}, {"plan", "A 1 '' 5/5/0; A 2 '' 5/0/0"}, {"accept", ""},
    {"plan", "A 1 '' 5/0/5; A 2 '' 5/1/0"}, {"issues", "over_quantity 1"}, {"open", "planned '' 2:1/0"}}},
{"on_decrease changed to note closes the discrepancy", {
    {"plan", "A 1 '' 5/3/0"}, {"accept", ""}, {"plan", "A 1 '' 5/1/0"}, {"issues", "decreased 1"},
    {"settings", "is_note = true"}, {"look", ""}, {"issues", ""}, {"notes", "decreased 1"}}},

/* --- rows that can't be, and only their own line stops (law 9) --- */
{"more than was ordered", {
    {"plan", "A 1 P1 5/3/0; A 1 P2 5/2/1; A 2 P1 5/1/0"}, {"open", "planned P1 2:1/0"},
    {"issues", "over_quantity 1"}, {"detail", "5 shipped and 1 cancelled, but only 5 ordered"},
    {"plan", "A 1 P1 6/3/0; A 1 P2 6/2/1; A 2 P1 5/1/0"}, {"issues", ""},
    {"open", "planned P1 1:3/0 2:1/0; planned P2 1:2/1"}}},
{"ordered shrinks below what is posted", {
    {"plan", "A 1 '' 5/3/0"}, {"accept", ""}, {"plan", "A 1 '' 2/3/0"}, {"issues", "over_quantity 1"}, {"open", ""}}},
{"null", {{"plan", "A 1 '' 5/null/0; A 2 '' 5/1/0"}, {"open", "planned '' 2:1/0"}, {"issues", "bad_row 1"},
    {"detail", "shipped_quantity is null"}}},
{"ordered null", {{"plan", "A 1 '' null/1/0; A 2 '' 5/1/0"}, {"open", "planned '' 2:1/0"}, {"issues", "bad_row 1"}}},
{"negative", {{"plan", "A 1 '' 5/1/-1; A 2 '' 5/1/0"}, {"open", "planned '' 2:1/0"}, {"issues", "bad_row 1"},
    {"detail", "cancelled_quantity is negative: -1"}}},
{"a fraction", {{"plan", "A 1 '' 5/1.5/0; A 2 '' 5/1.0/0"}, {"open", "planned '' 2:1/0"}, {"issues", "bad_row 1"},
    {"detail", "shipped_quantity is a fraction: 1.5"}}},
{"not a number", {{"plan", "A 1 '' 5/NaN/0; A 2 '' 5/1/0"}, {"open", "planned '' 2:1/0"}, {"issues", "bad_row 1"}}},
{"infinite", {{"plan", "A 1 '' 5/Infinity/0; A 2 '' 5/1/0"}, {"open", "planned '' 2:1/0"}, {"issues", "bad_row 1"}}},
{"huge", {{"plan", "A 1 '' 1e300/1e300/0; A 2 '' 5/1/0"}, {"open", "planned '' 2:1/0"}, {"issues", "bad_row 1"}}},
{"a negative number of units back", {{"plan", "A 1 '' 5/1/0/-1; A 2 '' 5/1/0"}, {"open", "planned '' 2:1/0"}, {"issues", "bad_row 1"}}},
{"a text that no request could hold", {{"plan", "A 2 '' 5/1/0"},
    {"sql", "insert into t.w values ('A', '1', '', 5, 1, 0, null, null, repeat('x', 2001))"},
    {"look", ""}, {"open", "planned '' 2:1/0"}, {"issues", "bad_row 1"},
    {"detail", "tracking_number is longer than 2000 bytes"},
    {"sql", "update t.w set tracking_number = repeat('x', 2000) where item_id = '1'"},
    {"look", ""}, {"open", "planned '' 1:1/0 2:1/0"}, {"issues", ""}}},
{"an empty item", {{"plan", "A '' '' 5/1/0; A 2 '' 5/1/0"}, {"open", "planned '' 2:1/0"}, {"issues", "bad_row"},
    {"detail", "item_id is empty"}}},
{"a null item", {{"plan", "A null '' 5/1/0; A 2 '' 5/1/0"}, {"open", "planned '' 2:1/0"}, {"issues", "bad_row"}}},
{"a null parcel is the empty parcel", {{"plan", "A 1 null 5/1/0"}, {"open", "planned '' 1:1/0"}, {"issues", ""}}},
{"two ordered quantities", {{"plan", "A 1 P1 5/1/0; A 1 P2 6/1/0; A 2 P1 5/1/0"}, {"open", "planned P1 2:1/0"},
    {"issues", "bad_row 1"}, {"detail", "the rows of the line have different ordered quantities"},
    {"sql", "do $$ begin assert (select bool_and((shipped is null) = (item_id = '1')) from rows); end $$"},
    {"plan", "A 1 P1 6/1/0; A 1 P2 6/1/0; A 2 P1 5/1/0"}, {"open", "planned P1 1:1/0 2:1/0; planned P2 1:1/0"}, {"issues", ""}}},
{"a model that nobody knows", {{"plan", "A 1 '' 5/1/0 pickup; A 2 '' 5/1/0"}, {"open", "planned '' 2:1/0"}, {"issues", "bad_row 1"}}},
{"one bad parcel stops its line, also the good parcels of it", {
    {"plan", "A 1 P1 5/-1/0; A 1 P2 5/1/0; A 2 P2 5/1/0"}, {"open", "planned P2 2:1/0"}, {"issues", "bad_row 1"}}},
{"a row that turns bad takes back what was planned of it, and its return plans it again", {
    {"plan", "A 1 '' 5/2/0; A 2 '' 5/1/0"}, {"plan", "A 1 '' 5/null/0; A 2 '' 5/1/0"}, {"open", "planned '' 2:1/0"},
    {"plan", "A 1 '' 5/2/0; A 2 '' 5/1/0"}, {"open", "planned '' 1:2/0 2:1/0"}, {"issues", ""}}},
{"a bad row after posting forgets nothing", {
    {"plan", "A 1 '' 5/2/0"}, {"accept", ""}, {"plan", "A 1 '' 5/null/0"}, {"posted", "1 '' 2/0"},
    {"plan", "A 1 '' 5/3/0"}, {"open", "planned '' 1:1/0"}, {"issues", ""}}},
{"a runaway row is guarded", {
    {"settings", "units_max = 10"}, {"plan", "A 1 '' 99/11/0; A 2 '' 99/10/0"}, {"open", "planned '' 2:10/0"},
    {"issues", "guard 1"}, {"settings", "units_max = 11"}, {"look", ""}, {"open", "planned '' 1:11/0 2:10/0"}, {"issues", ""}}},
{"a runaway row is guarded, also where decreases are notes", {
    {"settings", "units_max = 10, is_note = true"}, {"plan", "A 1 '' 99/5/0"}, {"accept", ""},
    {"plan", "A 1 '' 99/3/50"}, {"open", ""}, {"issues", "guard 1"}}},

/* --- what is not there any more (law 11) --- */
{"an absent row is no decrease, and its return is not due again", {
    {"plan", "A 1 P1 5/2/0; A 2 P2 5/1/0"}, {"accept", ""}, {"accept", ""}, {"plan", "A 2 P2 5/1/0"}, {"issues", ""}, {"open", ""},
    {"posted", "1 P1 2/0; 2 P2 1/0"}, {"plan", "A 1 P1 5/3/0; A 2 P2 5/1/0"}, {"open", "planned P1 1:1/0"}}},
{"an absent line whose units are planned wants nothing now", {
    {"plan", "A 1 P1 5/2/0; A 2 P1 5/1/0"}, {"plan", "A 2 P1 5/1/0"}, {"open", "planned P1 2:1/0"}, {"issues", ""}}},
{"a purged parcel and fewer units in a new one: renamed or purged, a person must say", {
    {"plan", "A 1 P1 9/3/0"}, {"accept", ""}, {"plan", "A 1 P2 9/2/0"}, {"open", ""}, {"issues", "decreased 1"}}},
{"an order that is gone, all settled, is no one's business", {
    {"plan", "A 1 '' 5/2/0"}, {"accept", ""}, {"plan", ""}, {"issues", ""}, {"open", ""}, {"posted", "1 '' 2/0"},
    {"plan", "A 1 '' 5/2/0"}, {"open", ""}, {"issues", ""}}},
{"an order vanished with units planned is held, and planned anew when it returns", {
    {"plan", "A 1 '' 5/2/0"}, {"later", ""}, {"plan", ""}, {"open", "held (vanished) '' 1:2/0"}, {"issues", "vanished"},
    {"plan", "A 1 '' 5/3/0"}, {"open", "planned '' 1:3/0"}, {"attempts", "1"}, {"issues", ""}}},
{"an order vanished with units that may have been applied, and returned", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"absent", ""}, {"plan", ""}, {"open", "held (vanished) '' 1:2/0"},
    {"plan", "A 1 '' 5/3/0"}, {"open", "planned '' 1:2/0; planned '' 1:1/0"}, {"issues", ""},
    {"passes", ""}, {"accept", ""}, {"accept", ""}, {"posted", "1 '' 3/0"}}},
{"an order vanished with units on their way", {
    {"plan", "A 1 '' 5/2/0"}, {"claim", ""}, {"plan", ""}, {"open", "sending '' 1:2/0"}, {"issues", "vanished"},
    {"accept", ""}, {"look", ""}, {"issues", ""}, {"posted", "1 '' 2/0"}}},
{"an order that returns behind a shut gate is planned when it opens", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"later", ""}, {"plan", ""},
    {"api", "A in_review 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"open", ""}, {"waits", "1 '': the order is in_review at the API"},
    {"api", "A accepted 1:5"}, {"look", ""}, {"open", "planned '' 1:2/0"}, {"attempts", "1"}}},

/* --- withdrawn, and planned anew --- */
{"planning anew keeps the attempts and the back-off", {
    {"plan", "A 1 '' 5/2/0"}, {"later", ""}, {"passes", ""}, {"later", ""}, {"plan", "A 1 '' 5/3/0"},
    {"open", "planned '' 1:3/0"}, {"attempts", "2"}, {"claim", ""}, {"open", "planned '' 1:3/0"}}},
{"planning anew keeps an operator's hold", {
    {"plan", "A 1 '' 5/2/0"}, {"hold", ""},
    {"plan", "A 1 '' 5/3/0"}, {"open", "held (operator) '' 1:3/0"}, {"look", ""}, {"open", "held (operator) '' 1:3/0"}}},
{"what an operator held and released is not held by a later plan", {
    {"plan", "A 1 '' 5/2/0"}, {"hold", ""},
    {"plan", "A 1 '' 5/3/0"},
    {"sql", "update submissions set state = 'planned', held_by = null, next_attempt_at = now() where state = 'held'"},
    {"plan", "A 1 '' 5/4/0"}, {"open", "planned '' 1:4/0"}}},
{"shrunk behind a shut gate: attempts and an operator's hold are kept until it opens", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/3/0"}, {"later", ""},
    {"hold", ""},
    {"api", "A in_review 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"open", ""},
    {"api", "A accepted 1:5"}, {"look", ""}, {"open", "held (operator) '' 1:2/0"}, {"attempts", "1"}}},
{"held for too many attempts, and changed: tried again, the attempts are known", {
    {"plan", "A 1 '' 5/2/0"}, {"attempts_over", ""}, {"open", "held (attempts) '' 1:2/0"}, {"issues", "attempts"}, {"look", ""},
    {"issues", "attempts"}, {"plan", "A 1 '' 5/3/0"}, {"open", "planned '' 1:3/0"}, {"attempts", "1"}, {"issues", ""}}},
{"nothing is withdrawn from what may have been applied, growth goes behind it", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"plan", "A 1 '' 5/3/0"}, {"open", "unknown '' 1:2/0; planned '' 1:1/0"},
    {"found", ""}, {"accept", ""}, {"posted", "1 '' 3/0"}}},
{"held in doubt stays, whatever the warehouse says", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"doubt", ""}, {"plan", "A 1 '' 5/0/0"}, {"open", "held (ambiguous) '' 1:2/0"},
    {"issues", "ambiguous; decreased 1"}, {"plan", "A 1 '' 5/2/0"}, {"issues", "ambiguous"}}},
{"what was not found gives way when somebody else has posted its units", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"list", "A f9:1:2/0"}, {"look", ""}, {"issues", ""}, {"adjustments", ""},
    {"asks", ""}, {"absent", ""}, {"asks", "list "}, {"list", "A f9:1:2/0"}, {"adjustments", "foreign 1 '' 2/0"}, {"passes", ""},
    {"claim", ""}, {"open", ""}, {"states", "withdrawn"}, {"look", ""}, {"issues", ""}, {"posted", "1 '' 2/0"}}},
{"what was not found gives way when the warehouse has taken it back", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"plan", "A 1 '' 5/0/0"}, {"issues", "decreased 1"},
    {"absent", ""}, {"passes", ""}, {"claim", ""}, {"open", ""}, {"look", ""}, {"issues", ""},
    {"plan", "A 1 '' 5/2/0"}, {"open", "planned '' 1:2/0"}}},
{"what is taken back of what was not found: the rest is looked for before it goes", {
    {"plan", "A 1 '' 5/3/0; A 2 '' 5/1/0"}, {"unknown", ""}, {"absent", ""}, {"plan", "A 1 '' 5/2/0; A 2 '' 5/1/0"},
    {"issues", ""}, {"opened", "0"}, {"open", "planned '' 1:2/0 2:1/0"}, {"states", "withdrawn planned"},
    {"sql", "do $$ begin assert (select unknown_attempts = 1 from submissions where state = 'planned'); end $$"},
    {"accept", ""}, {"plan", "A 1 '' 5/2/0; A 2 '' 5/1/0; A 3 P 5/1/0"}, {"open", "planned P 3:1/0"},
    {"sql", "do $$ begin assert (select unknown_attempts = 1 from submissions where state = 'planned'); end $$"}}},
{"returned units are not taken back from what is to go", {
    {"plan", "A 1 P1 9/3/0"}, {"accept", ""}, {"plan", "A 1 P1 9/3/0; A 1 P2 9/2/0"}, {"unknown", ""},
    {"plan", "A 1 P1 9/2/0/1; A 1 P2 9/2/0"}, {"absent", ""}, {"passes", ""}, {"claim", ""}, {"open", "sending P2 1:2/0"}}},
{"nothing else of an order goes beside an ambiguous one", {
    {"plan", "A 1 P1 5/2/0; A 2 P2 5/2/0"}, {"unknown", ""}, {"doubt", ""}, {"claim", ""},
    {"open", "held (ambiguous) P1 1:2/0; planned P2 2:2/0"}, {"look", ""}, {"claim", ""},
    {"open", "held (ambiguous) P1 1:2/0; planned P2 2:2/0"},
    {"sql", "select decide('release', min(submission_id), 'x', 'y', false, 'due') from submissions where state = 'held'"},
    {"accept", ""}, {"accept", ""}, {"open", ""}, {"posted", "1 P1 2/0; 2 P2 2/0"}}},
{"an adopted fulfillment ends the doubt that it raised", {
    {"plan", "A 1 P1 5/2/0; A 2 P2 5/2/0"}, {"unknown", ""}, {"doubt", ""}, {"issues", "ambiguous"},
    {"sql", "select adopt('A', '[{\"id\": \"f9\", \"items\": [{\"item\": \"1\", \"shipped\": 2, \"cancelled\": 0}]}]', 'x', 'y')"},
    {"issues", ""}, {"look", ""}, {"open", "planned P2 2:2/0"}, {"claim", ""}, {"accept", ""}, {"posted", "1 P1 2/0; 2 P2 2/0"},
    {"issues", ""}}},
{"what was planned in the place of a refused one gives way when that turns out applied", {
    {"plan", "A 1 '' 5/2/0"}, {"reject", ""},
    {"sql", "select decide('retry', min(submission_id), 'x', 'y', false, 'due') from submissions"}, {"look", ""},
    {"open", "planned '' 1:2/0"}, {"list", "A m*:1:2/0"}, {"claim", ""}, {"open", ""}, {"states", "accepted withdrawn"},
    {"look", ""}, {"posted", "1 '' 2/0"}}},
{"units that the API lost are planned anew once for each loss, and what was accepted since must show", {
    {"plan", "A 1 '' 5/2/0"}, {"accept", ""},
    {"sql", "select find_discrepancies(null, array[row('missing', 'A', '1', '', 0, 'lost', 'audit missing 2/0', false)::finding])"},
    {"sql", "do $$ begin assert lacking_in('A', '[]') is not null; end $$"},
    {"sql", "select dismiss_discrepancy(max(discrepancy_id), 'x', 'y', 'due') from discrepancies"},
    {"sql", "do $$ begin assert lacking_in('A', '[]') is null; end $$"}, {"look", ""}, {"open", "planned '' 1:2/0"}, {"accept", ""},
    {"sql", "do $$ begin assert lacking_in('A', '[]') = (select fulfillment_id from submissions order by submission_id desc limit 1); end $$"},
    {"posted", "1 '' 2/0"},
    {"sql", "select find_discrepancies(null, array[row('missing', 'A', '1', '', 0, 'lost', 'audit missing 2/0', false)::finding])"},
    {"issues", "missing 1"}}},
{"units taken back while their POST was under way are not sent again after a sure refusal", {
    {"plan", "A 1 '' 5/5/0"}, {"claim", ""}, {"plan", "A 1 '' 5/0/5"}, {"issues", "decreased 1"}, {"later", ""}, {"open", ""},
    {"queued", "A"}, {"look", ""}, {"open", "planned '' 1:0/5"}, {"issues", ""}}},
{"nor in the parts of a submission that is split", {
    {"plan", "A 1 '' 5/2/0; A 2 '' 5/3/0"}, {"claim", ""}, {"plan", "A 1 '' 5/0/0; A 2 '' 5/3/0"}, {"split", ""},
    {"claim", ""}, {"open", "sending '' 2:3/0"}}},
{"a refusal that is over writes off nothing when its order is dismissed", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:9 2:9"}, {"plan", "A 1 '' 9/3/0"}, {"reject", ""}, {"plan", "A 1 '' 9/4/0"},
    {"accept", ""}, {"plan", "A 1 '' 9/4/0; A 2 '' 9/1/0"}, {"reject", ""}, {"api", "A dispute 1:9 2:9"},
    {"plan", "A 1 '' 9/6/0; A 2 '' 9/1/0"},
    {"sql", "select decide('dismiss', t.submission_id, 'x', 'y', false, 'settled')"
            " from decision_targets('dismiss', 'order', 'A', null, null, 100) t"},
    {"adjustments", "write_off 2 '' 1/0"}, {"sql", "do $$ begin assert (select not done from submissions s, decide('dismiss',"
            " s.submission_id, 'x', 'y', false, 'settled') where s.state = 'rejected'); end $$"},
    {"api", "A accepted 1:9 2:9"}, {"look", ""}, {"open", "planned '' 1:2/0"}}},
{"a submission whose tracking is on its way is not pruned, or its lane would stay busy", {
    {"plan", "A 1 '' 5/2/0"}, {"accept", ""}, {"plan", "A 1 '' 5/2/0 - T1"},
    {"sql", "do $$ begin assert (select count(*) = 1 from take_tracking(current_setting('t.worker')::bigint, (select max(version) from schema_versions), 10, 60000)); end $$"},
    {"sql", "do $$ begin assert prune_submissions(0, 100) = 0; end $$"}}},
{"an order that is refused though it is accepted is asked for ever more seldom", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"not_accepted", ""}, {"asks", "ask "},
    {"sql", "do $$ begin assert (select ask_at <= clock_timestamp() from orders); end $$"}, {"api", "A accepted 1:5"},
    {"not_accepted", ""}, {"asks", "ask "},
    {"sql", "do $$ begin assert (select ask_at > clock_timestamp() + interval '3 s' from orders); end $$"}}},
{"what waits for an order that never will be accepted goes with the discrepancy that says so", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"not_accepted", ""}, {"api", "A blocked 1:5"},
    {"look", ""}, {"issues", "order_blocked"}, {"open", "planned '' 1:2/0"},
    {"sql", "select dismiss_discrepancy(max(discrepancy_id), 'x', 'y', 'settled') from discrepancies"}, {"open", ""},
    {"posted", "1 '' 2/0"}, {"look", ""}, {"issues", ""}}},
{"units settled by hand are not claimed, whether a planner looked or not", {
    {"plan", "A 1 '' 5/2/0; A 2 '' 5/1/0"}, {"sql", "select settle_by_hand('A', '1', 2, 0, 'x', 'y')"}, {"claim", ""},
    {"open", ""}, {"look", ""}, {"open", "planned '' 2:1/0"}, {"posted", "1 '' 2/0"}, {"issues", ""}}},
{"a back-off of one parcel does not delay another", {
    {"plan", "A 1 P1 5/2/0"}, {"later", ""}, {"plan", "A 1 P1 5/2/0; A 1 P2 5/3/0"}, {"claim", ""},
    {"open", "planned P1 1:2/0; sending P2 1:3/0"}}},

/* --- refused --- */
{"a refusal parks the row until its quantity changes", {
    {"plan", "A 1 '' 5/2/0"}, {"reject", ""}, {"look", ""}, {"open", ""}, {"issues", "rejected 1"},
    {"waits", "1 '': refused as submission #; waits for a change or for retry"},
    {"plan", "A 1 '' 5/3/0"}, {"open", "planned '' 1:3/0"}, {"issues", ""}, {"accept", ""}, {"posted", "1 '' 3/0"}}},
{"tracking alone is no change", {
    {"plan", "A 1 '' 5/2/0"}, {"reject", ""}, {"plan", "A 1 '' 5/2/0 - T1"}, {"open", ""}, {"issues", "rejected 1"}}},
{"a refusal ends when the API's item changes", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"reject", ""}, {"look", ""}, {"open", ""},
    {"api", "A accepted 1:6"}, {"plan", "A 1 '' 6/2/0"}, {"open", "planned '' 1:2/0"}, {"issues", ""}}},
{"a refusal ends when the row goes away", {
    {"plan", "A 1 P1 5/2/0; A 2 P2 5/0/0"}, {"reject", ""}, {"look", ""}, {"issues", "rejected 1"}, {"plan", "A 2 P2 5/0/0"},
    {"issues", ""}, {"open", ""}}},
{"a refusal ends when the units are explained otherwise", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/0/2"}, {"taken", ""}, {"absent_rejected", ""}, {"look", ""},
    {"issues", "foreign 1"}, {"api", "A accepted 1:5:cancelled"}, {"look", ""}, {"posted", "1 '' 0/2"}, {"issues", ""}, {"waits", ""}}},
{"refused as somebody else's: the order is asked for and listed, and what they posted is booked", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:2"}, {"plan", "A 1 '' 2/2/0"}, {"taken", ""}, {"absent_rejected", ""},
    {"look", ""}, {"asks", "ask list "},
    {"api", "A fulfilled 1:2"}, {"look", ""}, {"asks", "list "}, {"list", "A f9:1:2/0"}, {"look", ""}, {"posted", "1 '' 2/0"},
    {"issues", ""}, {"asks", ""}, {"waits", ""}}},
{"a refusal of a line leaves the other lines alone", {
    {"plan", "A 1 P1 5/2/0; A 2 P2 5/1/0"}, {"reject", ""}, {"look", ""}, {"accept", ""}, {"posted", "2 P2 1/0"}, {"open", ""},
    {"issues", "rejected 1"}}},
{"a refusal of several lines is split: the named one goes alone, and nothing is counted twice", {
    {"plan", "A 1 '' 5/2/1; A 2 '' 5/1/0; A 3 '' 5/3/0"}, {"split", "2"},
    {"open", "planned '' 1:2/1 3:3/0; planned '' 2:1/0"}, {"states", "split planned planned"},
    {"look", ""}, {"states", "split planned planned"}, {"accept", ""}, {"accept", ""}, {"posted", "1 '' 2/1; 2 '' 1/0; 3 '' 3/0"}}},
{"a refusal of several lines that names none is halved", {
    {"plan", "A 1 '' 5/2/0; A 2 '' 5/1/0; A 3 '' 5/3/0"}, {"split", ""},
    {"open", "planned '' 1:2/0 2:1/0; planned '' 3:3/0"}}},
{"a refusal that names a line of somebody else is halved", {
    {"plan", "A 1 '' 5/2/0; A 2 '' 5/1/0; A 3 '' 5/3/0"}, {"split", "9"},
    {"open", "planned '' 1:2/0 2:1/0; planned '' 3:3/0"}}},
{"a split parcel that grows is planned anew as one", {
    {"plan", "A 1 '' 5/2/0; A 2 '' 5/1/0"}, {"split", ""}, {"plan", "A 1 '' 5/3/0; A 2 '' 5/1/0"},
    {"open", "planned '' 1:3/0 2:1/0"}}},
{"refused, planned anew with more, and then the first turns out accepted: evidence wins, no unit twice", {
    {"plan", "A 1 '' 5/2/0"}, {"reject", ""}, {"plan", "A 1 '' 5/3/0"}, {"open", "planned '' 1:3/0"},
    {"list", "A m*:1:2/0"}, {"posted", "1 '' 2/0"}, {"queued", "A"}, {"look", ""}, {"open", "planned '' 1:1/0"},
    {"issues", ""}}},
{"a late answer settles what was refused, and the row is free again", {
    {"plan", "A 1 '' 5/2/0"}, {"reject", ""}, {"look", ""}, {"issues", "rejected 1"},
    {"late_accept", ""}, {"queued", "A"}, {"look", ""}, {"posted", "1 '' 2/0"}, {"issues", ""}, {"waits", ""},
    {"sql", "do $$ begin assert (select refused_submission is null from rows); end $$"}}},

/* --- the gate --- */
{"an order is asked for before anything is planned", {
    {"settings", "has_gate = true"}, {"plan", "A 1 '' 5/2/0"}, {"open", ""}, {"asks", "ask "},
    {"waits", "1 '': asking the API for the order"}, {"api", "A accepted 1:5"}, {"queued", "A"}, {"look", ""},
    {"open", "planned '' 1:2/0"}, {"asks", ""}, {"waits", ""}}},
{"an order with nothing due is not asked for", {
    {"settings", "has_gate = true"}, {"plan", "A 1 '' 5/0/0"}, {"asks", ""}, {"waits", ""}}},
{"pending_payment waits and is asked again", {
    {"settings", "has_gate = true"}, {"api", "A pending_payment 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"open", ""}, {"asks", "ask "},
    {"waits", "1 '': the order is pending_payment at the API"}, {"issues", ""}}},
{"in_review waits", {{"settings", "has_gate = true"}, {"api", "A in_review 1:5"}, {"plan", "A 1 '' 5/2/0"},
    {"open", ""}, {"asks", "ask "}, {"issues", ""}}},
{"dispute waits", {{"settings", "has_gate = true"}, {"api", "A dispute 1:5"}, {"plan", "A 1 '' 5/2/0"},
    {"open", ""}, {"asks", "ask "}, {"issues", ""}}},
{"a state that nobody knows waits", {{"settings", "has_gate = true"}, {"api", "A half_done 1:5"}, {"plan", "A 1 '' 5/2/0"},
    {"open", ""}, {"asks", "ask "}, {"issues", ""}}},
{"a waiting order that wants nothing any more is asked for no longer", {
    {"settings", "has_gate = true"}, {"api", "A in_review 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"plan", "A 1 '' 5/0/0"},
    {"asks", ""}, {"waits", ""}}},
{"quantities accumulate behind the gate, and one submission carries all", {
    {"settings", "has_gate = true"}, {"api", "A in_review 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"plan", "A 1 '' 5/3/1"},
    {"api", "A accepted 1:5"}, {"look", ""}, {"open", "planned '' 1:3/1"}, {"states", "planned"}}},
{"shut again with units planned: what grows waits", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"api", "A in_review 1:5"},
    {"plan", "A 1 '' 5/3/0"}, {"open", "planned '' 1:2/0"}, {"states", "planned"},
    {"api", "A accepted 1:5"}, {"look", ""}, {"open", "planned '' 1:3/0"}}},
{"shut again with units planned: what shrinks is withdrawn", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"api", "A in_review 1:5"},
    {"plan", "A 1 '' 5/1/0"}, {"open", ""}, {"states", "withdrawn"},
    {"api", "A accepted 1:5"}, {"look", ""}, {"open", "planned '' 1:1/0"}}},
{"units already planned are sent whatever the state becomes", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 P1 5/2/0; A 1 P2 5/3/0"}, {"accept", ""},
    {"api", "A fulfilled 1:5"}, {"look", ""}, {"open", "planned P2 1:3/0"}, {"accept", ""}, {"posted", "1 P1 2/0; 1 P2 3/0"},
    {"look", ""}, {"issues", ""}}},
{"blocked is a discrepancy, until the order is accepted", {
    {"settings", "has_gate = true"}, {"api", "A blocked 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"open", ""}, {"issues", "order_blocked"},
    {"detail", "the order is blocked at the API, with 2 shipped and 0 cancelled units due"},
    {"api", "A accepted 1:5"}, {"look", ""}, {"issues", ""}, {"open", "planned '' 1:2/0"}}},
{"returned is a discrepancy", {{"settings", "has_gate = true"}, {"api", "A returned 1:5"}, {"plan", "A 1 '' 5/2/0"},
    {"open", ""}, {"issues", "order_returned"}}},
{"blocked with nothing due is nobody's business", {{"settings", "has_gate = true"}, {"api", "A blocked 1:5"},
    {"plan", "A 1 '' 5/0/0"}, {"issues", ""}}},
{"cancelled at the API, cancelled in the warehouse: they agree", {
    {"settings", "has_gate = true"}, {"api", "A cancelled 1:5:cancelled"}, {"plan", "A 1 '' 5/0/5"}, {"open", ""}, {"issues", ""},
    {"adjustments", "foreign 1 '' 0/5"}, {"posted", "1 '' 0/5"}, {"waits", ""}, {"asks", ""}}},
{"an item cancelled at the API of an accepted order agrees, the others go on", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5:cancelled 2:3"}, {"plan", "A 1 P1 5/0/5; A 2 P1 3/3/0"},
    {"open", "planned P1 2:3/0"}, {"adjustments", "foreign 1 P1 0/5"}, {"issues", ""}}},
{"cancelled in the shop after we planned it: withdrawn, they agree", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/0/5"}, {"open", "planned '' 1:0/5"},
    {"api", "A cancelled 1:5:cancelled"}, {"look", ""}, {"open", ""}, {"posted", "1 '' 0/5"}, {"issues", ""}}},
{"a cancelled order is listed before its units are believed to be cancelled", {
    {"settings", "has_gate = true"}, {"api", "A cancelled 1:5"}, {"plan", "A 1 '' 5/0/5"}, {"open", ""}, {"asks", "list "},
    {"posted", ""}, {"list", "A"}, {"look", ""}, {"posted", "1 '' 0/5"}, {"issues", ""}, {"asks", ""}}},
{"cancelled in the shop by a fulfillment that is listed later: booked once", {
    {"settings", "has_gate = true"}, {"api", "A cancelled 1:5:cancelled 2:1:cancelled"}, {"plan", "A 1 '' 5/0/5; A 2 '' 1/1/0"},
    {"posted", "1 '' 0/5"}, {"asks", "list "}, {"list", "A f9:1:0/5"}, {"look", ""}, {"posted", "1 '' 0/5"},
    {"issues", "foreign"}}},
{"cancelled at the API with shipped units due: listed first, then a person", {
    {"settings", "has_gate = true"}, {"api", "A cancelled 1:5:cancelled"}, {"plan", "A 1 '' 5/2/0"}, {"open", ""},
    {"asks", "list "}, {"issues", ""}, {"list", "A"}, {"look", ""}, {"issues", "foreign"}, {"asks", ""}}},
{"fulfilled with units due: listed first; what the list explains is booked", {
    {"settings", "has_gate = true"}, {"api", "A fulfilled 1:5"}, {"plan", "A 1 '' 5/5/0"}, {"asks", "list "}, {"issues", ""},
    {"list", "A f9:1:5/0"}, {"queued", "A"}, {"look", ""}, {"issues", ""}, {"posted", "1 '' 5/0"}, {"open", ""}, {"waits", ""}}},
{"fulfilled with units due: what the list leaves open is a discrepancy", {
    {"settings", "has_gate = true"}, {"api", "A fulfilled 1:5"}, {"plan", "A 1 '' 5/5/0"}, {"list", "A f9:1:3/0"}, {"look", ""},
    {"issues", "foreign"}, {"detail", "the order is fulfilled at the API, with 2 shipped and 0 cancelled units due"},
    {"open", ""}, {"asks", ""}}},
{"complete with units due is like fulfilled", {
    {"settings", "has_gate = true"}, {"api", "A complete 1:5"}, {"plan", "A 1 '' 5/5/0"}, {"asks", "list "}, {"list", "A"}, {"look", ""},
    {"issues", "foreign"}}},
{"what is still so when the order is asked and listed again was not opened again", {
    {"settings", "has_gate = true"}, {"api", "A fulfilled 1:5"}, {"plan", "A 1 '' 5/5/0"}, {"list", "A"}, {"look", ""},
    {"issues", "foreign"}, {"sql", "update orders set checked_at = checked_at - interval '1 hour'"}, {"look", ""}, {"asks", "ask "},
    {"issues", "foreign"}, {"api", "A fulfilled 1:5"}, {"look", ""}, {"asks", "list "}, {"list", "A"}, {"look", ""}, {"issues", "foreign"},
    {"opened", "1"}}},
{"a blocked order is asked for again when somebody looks later", {
    {"settings", "has_gate = true"}, {"api", "A blocked 1:5"}, {"plan", "A 1 '' 5/5/0"}, {"asks", ""},
    {"sql", "update orders set checked_at = checked_at - interval '1 hour'"}, {"look", ""}, {"asks", "ask "}, {"issues", "order_blocked"}}},
{"an accepted state is not believed for ever", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"sql", "update orders set checked_at = checked_at - interval '1 hour'"},
    {"plan", "A 1 '' 5/2/0"}, {"open", ""}, {"asks", "ask "}, {"api", "A accepted 1:5"}, {"look", ""}, {"open", "planned '' 1:2/0"}}},
{"an order that the API doesn't know waits for its grace", {
    {"settings", "has_gate = true"}, {"plan", "A 1 '' 5/2/0"}, {"api", "A unknown"}, {"look", ""}, {"open", ""}, {"issues", ""},
    {"asks", "ask "}, {"waits", "1 '': the API does not know the order"},
    {"api", "A accepted 1:5"}, {"look", ""}, {"open", "planned '' 1:2/0"}}},
{"an order that the API doesn't know past its grace is a discrepancy, until it does", {
    {"settings", "has_gate = true, grace_ms = 1000"}, {"plan", "A 1 '' 5/2/0"}, {"api", "A unknown"},
    {"sql", "update orders set unknown_since = unknown_since - interval '2 s'"}, {"look", ""}, {"issues", "unknown_order"}, {"asks", "ask "},
    {"api", "A accepted 1:5"}, {"look", ""}, {"issues", ""}, {"open", "planned '' 1:2/0"}}},
{"an item that the API's order doesn't have stops its line", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/2/0; A 2 '' 3/1/0"}, {"open", "planned '' 1:2/0"},
    {"issues", "unknown_item 2"}, {"api", "A accepted 1:5 2:3"}, {"look", ""}, {"open", "planned '' 1:2/0 2:1/0"}, {"issues", ""}}},
{"other quantities ordered at the API stop the line", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:4 2:3"}, {"plan", "A 1 '' 5/2/0; A 2 '' 3/1/0"}, {"open", "planned '' 2:1/0"},
    {"issues", "ordered_mismatch 1"}, {"detail", "5 ordered here, 4 at the API"},
    {"plan", "A 1 '' 4/2/0; A 2 '' 3/1/0"}, {"open", "planned '' 1:2/0 2:1/0"}, {"issues", ""}}},
{"a mismatch is asked about again when somebody looks later", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:4"}, {"plan", "A 1 '' 5/2/0"}, {"issues", "ordered_mismatch 1"}, {"asks", ""},
    {"sql", "update orders set checked_at = checked_at - interval '1 hour'"}, {"look", ""}, {"asks", "ask "},
    {"api", "A accepted 1:5"}, {"look", ""}, {"issues", ""}, {"open", "planned '' 1:2/0"}}},
{"without a gate, what the API is known to have ordered still binds", {
    {"api", "A accepted 1:2"}, {"plan", "A 1 '' 5/4/0; A 2 '' 3/1/0"}, {"issues", "ordered_mismatch 1"}, {"open", "planned '' 2:1/0"}}},
{"an order not accepted yet after all: it waits for the gate, and goes when it opens", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"not_accepted", ""}, {"look", ""}, {"asks", "ask "},
    {"claim", ""}, {"open", "planned '' 1:2/0"}, {"api", "A in_review 1:5"}, {"look", ""}, {"asks", "ask "},
    {"api", "A accepted 1:5"}, {"look", ""}, {"claim", ""}, {"open", "sending '' 1:2/0"}}},
{"one that may have been applied, and waits for the gate, is asked about", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:5"}, {"plan", "A 1 '' 5/2/0"}, {"unknown_waits", ""}, {"absent_waits", ""},
    {"look", ""}, {"asks", "ask "}, {"open", "planned '' 1:2/0"}, {"api", "A in_review 1:5"}, {"look", ""}, {"asks", "ask "},
    {"api", "A accepted 1:5"}, {"claim", ""}, {"open", "sending '' 1:2/0"}}},
{"an order not accepted yet is asked for without a gate, too", {
    {"plan", "A 1 '' 5/2/0"}, {"not_accepted", ""}, {"asks", "ask "}, {"look", ""}, {"asks", "ask "},
    {"api", "A accepted 1:5"}, {"claim", ""}, {"open", "sending '' 1:2/0"}}},

/* --- discrepancies and notes --- */
{"a dismissed one stays dismissed while its evidence is the same", {
    {"plan", "A 1 '' 5/3/0"}, {"accept", ""}, {"plan", "A 1 '' 5/1/0"}, {"issues", "decreased 1"}, {"dismiss", ""}, {"look", ""}, {"issues", ""},
    {"open", ""}, {"plan", "A 1 '' 5/2/0"}, {"issues", "decreased 1"}, {"opened", "2"}}},
{"one that is confirmed is the same one", {
    {"plan", "A 1 '' 5/3/0"}, {"accept", ""}, {"plan", "A 1 '' 5/1/0"}, {"plan", "A 1 '' 5/0/0"}, {"issues", "decreased 1"}, {"opened", "1"}}},
{"one that ended and returns is opened again", {
    {"plan", "A 1 '' 5/9/0"}, {"plan", "A 1 '' 5/5/0"}, {"plan", "A 1 '' 5/9/0"}, {"issues", "over_quantity 1"}, {"opened", "2"}}},
{"a note is not repeated", {
    {"settings", "is_note = true"}, {"plan", "A 1 '' 5/3/0"}, {"accept", ""}, {"plan", "A 1 '' 5/1/0"}, {"plan", "A 1 '' 5/1/0 - T"},
    {"plan", "A 1 '' 5/1/0"}, {"notes", "decreased 1"}, {"issues", ""}}},
{"an order that could not be read, and is gone, is forgotten", {
    {"sql", "select record_unreadable(null, 'A', 'division by zero')"}, {"issues", "unreadable"},
    {"sql", "select t.plan_these('{A}')"}, {"issues", ""},
    {"sql", "do $$ begin assert (select count(*) = 0 from relooks); end $$"}}},

/* --- ids --- */
{"500 characters, emoji, quotes and backslashes", {
    {"sql", "insert into t.w values (repeat('o\"', 250), repeat('\U0001F4E6', 250), E'it''s \\\\ \"{},; \\n', 5, 2, 0)"},
    {"look", ""}, {"claim", ""}, {"states", "sending"}, {"accept", ""}, {"look", ""}, {"states", "accepted"}, {"issues", ""},
    {"sql", "do $$ begin assert (select posted_shipped = 2 and length(item_id) = 250 and length(order_id) = 500 from row_units); end $$"}}},
{"an item_id of more than 1000 bytes stops itself only", {
    {"sql", "insert into t.w values ('A', repeat('x', 1001), '', 5, 2, 0), ('A', '2', '', 5, 1, 0)"}, {"look", ""},
    {"open", "planned '' 2:1/0"}, {"detail", "item_id is longer than 1000 bytes"}}},
{"a shipment_ref of more than 1000 bytes stops itself only", {
    {"sql", "insert into t.w values ('A', '1', repeat('x', 1001), 5, 2, 0), ('A', '2', '', 5, 1, 0)"}, {"look", ""},
    {"open", "planned '' 2:1/0"}, {"detail", "shipment_ref is longer than 1000 bytes"}}},
{"ids that no index can hold together stop themselves only", {
    {"sql", "insert into t.w select t.noise(1000), t.noise(1000), t.noise(1000), 5, 2, 0"},
    {"sql", "insert into t.w select order_id, '2', '', 5, 1, 0 from t.w"},
    {"sql", "insert into t.w values ('A', '1', '', 5, 1, 0)"}, {"look", ""},
    {"states", "planned planned"}, {"detail", "order_id, item_id and shipment_ref together are longer than 2400 bytes"}}},

/* --- models --- */
{"orchestrated lines are left alone, visibly", {
    {"plan", "A 1 '' 5/2/0 orchestrated; A 2 '' 5/1/0 distributed"}, {"open", "planned '' 2:1/0"},
    {"waits", "1 '': orchestrated: the API's own fulfiller posts it"}, {"issues", ""}}},
{"the report says due what the planner will plan, where units came back too", {
    {"settings", "has_gate = true"}, {"api", "A accepted 1:9"}, {"plan", "A 1 P1 9/3/0"}, {"accept", ""}, {"api", "A in_review 1:9"},
    {"plan", "A 1 P1 9/2/0/1; A 1 P2 9/1/0; A 1 P3 9/2/0"}, {"open", ""},
    {"sql", "do $$ begin assert (select array_agg(due_shipped order by shipment_ref) = '{0,0,2}' from report_line_items); end $$"},
    {"api", "A accepted 1:9"}, {"look", ""}, {"open", "planned P3 1:2/0"}, {"posted", "1 P1 2/0; 1 P2 1/0"}}},
{"orchestrated units take over nothing that was posted", {
    {"plan", "A 1 '' 10/5/0 orchestrated; A 1 T 10/3/0"}, {"accept", ""}, {"plan", "A 1 '' 10/5/0 orchestrated; A 1 T 10/1/0"},
    {"issues", "decreased 1"}, {"posted", "1 T 3/0"}, {"plan", "A 1 '' 10/5/0 orchestrated; A 1 T 10/3/0"},
    {"open", ""}, {"issues", ""}, {"notes", ""}}},
{"a parcel that is away for a look stays posted beside an orchestrated one", {
    {"plan", "A 1 '' 10/5/0 orchestrated; A 1 T 10/3/0"}, {"accept", ""}, {"plan", "A 1 '' 10/5/0 orchestrated"},
    {"plan", "A 1 '' 10/5/0 orchestrated; A 1 T 10/3/0"}, {"open", ""}, {"posted", "1 T 3/0"}, {"notes", ""}, {"issues", ""}}},
{"a renamed parcel keeps its units beside an orchestrated one", {
    {"plan", "A 1 '' 10/5/0 orchestrated; A 1 T 10/3/0"}, {"accept", ""}, {"plan", "A 1 '' 10/5/0 orchestrated; A 1 T2 10/3/0"},
    {"open", ""}, {"posted", "1 T2 3/0"}, {"notes", "moved 1"}, {"waits", "1 '': orchestrated: the API's own fulfiller posts it"}}},
{"what was posted of a row stays posted when it turns out orchestrated, and comes back", {
    {"plan", "A 1 '' 10/3/0"}, {"accept", ""}, {"plan", "A 1 '' 10/3/0 orchestrated"}, {"issues", ""}, {"waits", ""},
    {"plan", "A 1 '' 10/5/0 orchestrated"}, {"open", ""}, {"plan", "A 1 '' 10/5/0"}, {"open", "planned '' 1:2/0"}}},
{"orchestrated units count as ordered ones", {
    {"plan", "A 1 '' 5/3/0 orchestrated; A 1 T 5/2/0"}, {"accept", ""}, {"plan", "A 1 '' 5/3/0 orchestrated; A 1 T 5/1/0; A 1 U 5/1/1"},
    {"issues", "over_quantity 1"}, {"open", ""}}},
{"a fulfillment of somebody else's is the orchestrated row's first", {
    {"settings", "has_gate = true"}, {"api", "A fulfilled 1:10"}, {"plan", "A 1 A 10/5/0 orchestrated; A 1 T 10/3/0"},
    {"list", "A f9:1:5/0"}, {"look", ""}, {"adjustments", "foreign 1 A 5/0"}, {"api", "A accepted 1:10"}, {"look", ""},
    {"open", "planned T 1:3/0"}}},

/* --- what nobody explains, while a submission is on its way --- */
{"what may be ours on its way is not booked, and is listed again when it is settled", {
    {"plan", "A 1 '' 5/2/0"}, {"claim", ""}, {"sql", LIST_UNMARKED}, {"adjustments", ""}, {"asks", ""},
    {"accept", ""}, {"asks", "list "}, {"sql", LIST_UNMARKED}, {"adjustments", ""}, {"asks", ""}, {"posted", "1 '' 2/0"},
    {"plan", "A 1 '' 5/4/0"}, {"open", "planned '' 1:2/0"}}},
{"what is surely older than ours is booked at once", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""},
    {"sql", "select record_listing(null, 'A', '[{\"id\": \"f0\", \"created\": \"2020-01-01T00:00:00Z\","
            " \"items\": [{\"item\": \"1\", \"shipped\": 1}]}]')"}, {"adjustments", "foreign 1 '' 1/0"}}},
{"what may be ours is booked when nobody can tell, and ours gives way", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"list", "A f0:1:2/0"}, {"adjustments", ""}, {"doubt", ""}, {"asks", "list "},
    {"issues", "ambiguous"}, {"list", "A f0:1:2/0"}, {"adjustments", "foreign 1 '' 2/0"}, {"asks", ""},
    {"states", "withdrawn"}, {"look", ""}, {"issues", ""}}},
{"what was booked is taken back when the answer says that it is ours", {
    {"plan", "A 1 '' 5/2/0; B 1 '' 5/2/0"}, {"claim", ""}, {"sql", BOOK_UNMARKED}, {"adjustments", "foreign 1 '' 2/0"},
    {"accept", ""}, {"adjustments", "foreign 1 '' 2/0; foreign 1 '' -2/0"}, {"posted", "1 '' 2/0; B 1 '' 2/0"},
    {"queued", "A"}, {"look", ""}, {"issues", ""}, {"plan", "A 1 '' 5/4/0; B 1 '' 5/2/0"}, {"open", "planned '' 1:2/0"}}},
{"what was booked is taken back when a look finds our marker", {
    {"plan", "A 1 '' 5/2/1"}, {"unknown", ""}, {"sql", BOOK_UNMARKED}, {"found", ""},
    {"adjustments", "foreign 1 '' 2/0; foreign 1 '' -2/0"}, {"posted", "1 '' 2/1"}, {"look", ""}, {"issues", ""}}},
{"what was booked is taken back when an event shows our marker", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"sql", BOOK_UNMARKED},
    {"sql", "insert into events (event_id, type, kind, created_at, order_id, fulfillment_id, marker)"
            " select 'e', 'fulfillment.created', 'fulfillment', now(), 'A', 'f' || submission_id, marker from submissions"},
    {"sql", "select events_apply(null, 10)"}, {"states", "accepted"},
    {"adjustments", "foreign 1 '' 2/0; foreign 1 '' -2/0"}, {"posted", "1 '' 2/0"}}},

{"what a list shows with fewer units than were sent is accepted, and a person hears of it", {
    {"plan", "A 1 '' 5/2/0; A 2 '' 5/1/0"}, {"unknown", ""}, {"list", "A m*:1:1/0"}, {"states", "accepted"}, {"issues", "missing"},
    {"detail", "fulfillment m* was found: item 1: sent 2+0, applied 1+0, item 2: sent 1+0, applied 0+0"},
    {"posted", "1 '' 2/0; 2 '' 1/0"}, {"look", ""}, {"list", "A m*:1:1/0"}, {"opened", "1"}}},
{"what a list shows with more units than were sent is accepted, and a person hears of it", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"list", "A m*:1:2/1"}, {"states", "accepted"}, {"issues", "extra 1"},
    {"look", ""}, {"issues", "extra 1"}}},
{"what a list shows with the units that were sent is accepted, and nobody is called", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"list", "A m*:1:2/0"}, {"states", "accepted"},
    {"issues", ""}}},
{"what an event has settled is listed, to see its units", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""},
    {"sql", "insert into events (event_id, type, kind, created_at, order_id, fulfillment_id, marker)"
            " select 'e', 'fulfillment.created', 'fulfillment', now(), 'A', 'm1', marker from submissions"},
    {"sql", "select events_apply(null, 10)"}, {"states", "accepted"}, {"asks", "list "}, {"list", "A m1:1:1/0"},
    {"issues", "missing 1"}, {"asks", ""}}},

/* --- lists, markers, several hosts --- */
{"held because no list had ever shown a marker: released by the first that does", {
    {"plan", "A 1 '' 5/2/0; B 1 '' 5/1/0"}, {"claim", ""}, {"accept_order", "B"}, {"unknown", ""}, {"no_marker", ""},
    {"open", "held (marker) '' 1:2/0"}, {"issues", "ambiguous"}, {"list", "B m*:1:1/0"}, {"open", "planned '' 1:2/0"}, {"issues", ""}}},
{"held for want of a marker after one was seen meanwhile: not held for ever", {
    {"plan", "A 1 '' 5/2/0"}, {"unknown", ""}, {"sql", "update identity set marker_seen_at = now()"}, {"no_marker", ""},
    {"open", "planned '' 1:2/0"}, {"issues", ""}}},
};
/* clang-format on */

int
main(void)
{
    return SUPPORT_TELL("reconcile", stories);
}
