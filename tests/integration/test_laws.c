#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "ledger/init.h"
#include "ledger/ledger.h"
#include "support/support.h"

/* The laws are the database's own: wrong code is played by hand, as the ledger's owner, who may do
 * all that SQL lets him, and as the worker, who may only call. */

static char url[SUPPORT_URL_MAX];
static char worker_url[SUPPORT_URL_MAX];

/* Two parcels of one order planned, a line a parcel, 2 units each; the API says 4 ordered. */
static const char prepare_sql[] =
    "insert into orders (order_id, state, checked_at) values ('o', 'accepted', clock_timestamp());"
    "insert into order_items (order_id, item_id, quantity) values ('o', 'a', 4), ('o', 'b', 4);"
    "select baseline_done('nothing', 'test');"
    "select run_begin('run', 'host', 1, 'x'); select worker_begin(1, 'host', 1);"
    "select plan_orders(1, '{o}', array["
    " row('o', 'a', 'P', 4, 2, 0, null, null, null, null, null, null, null)::reading,"
    " row('o', 'b', 'Q', 4, 2, 1, null, null, null, null, null, null, null)::reading],"
    " true, false, 0, 86400000, 86400000, 100);";

static void
add_path(char out[SUPPORT_URL_MAX], const char *from)
{
    (void)snprintf(out, SUPPORT_URL_MAX, "%s%coptions=-csearch_path%%3Dwaybill%%2Cpg_temp", from,
                   strchr(from, '?') != NULL ? '&' : '?');
}

static void
setup(void)
{
    char plain[SUPPORT_URL_MAX];
    char *name;
    struct error err = {0};
    struct ledger_options session = {.url = plain,
                                     .schema = "waybill",
                                     .application_name = "waybill test",
                                     .connect_timeout_ms = 5000};
    struct ledger_init_options options = {.session = &session, .grant_role = "test_lawyer"};
    struct ledger_init_result result;

    support_database_create(plain);
    support_psql(plain, "do $$ begin if not exists (select from pg_roles where rolname ="
                        " 'test_lawyer') then create role test_lawyer login; end if; end $$");
    ck_assert_msg(ledger_init(&options, &result, &err), "%s: %s", err.context, err.message);
    add_path(url, plain);
    name = support_query_text(plain, "select current_database()");
    support_url(name, "test_lawyer", plain);
    free(name);
    add_path(worker_url, plain);
    support_psql(url, prepare_sql);
    support_query_is(url,
                     "select string_agg(shipment_ref || ' ' || state, ', ' order by shipment_ref)"
                     " from submissions",
                     "P planned, Q planned");
}

/* As the owner it breaks a law (the SQLSTATE begins so), as the worker it isn't even allowed. */
static void
refuse(const char *sql, const char *state)
{
    char got[6];

    support_psql_state(url, sql, got);
    ck_assert_msg(strcmp(got, state) == 0, "\"%s\" instead of \"%s\" from %s", got, state, sql);
    support_psql_state(worker_url, sql, got);
    ck_assert_msg(strcmp(got, "42501") == 0, "\"%s\" as the worker from %s", got, sql);
}

static void
claim_one(void)
{
    support_psql(url, "do $$ begin perform claim(null, 1, (select max(version) from "
                      "schema_versions), gen_random_uuid(), 1, 60000, null); end $$");
    support_query_is(url, "select count(*) from submissions where state = 'sending'", "1");
}

/* What the given statements leave behind must be what was there before. */
static char *
picture(void)
{
    return support_query_text(
        url, "select (select string_agg(r::text, ',' order by row_id) from rows r),"
             " (select string_agg(s::text, ',' order by submission_id) from "
             "submissions s),"
             " (select string_agg(i::text, ',' order by i::text) from "
             "submission_items i),"
             " (select count(*) from attempts), (select count(*) from adjustments)");
}

#define SET_SENDING                                                                                \
    "state = 'sending', next_attempt_at = null, claim_token = gen_random_uuid(),"                  \
    " claim_expires_at = now()"
#define SET_UNKNOWN                                                                                \
    "state = 'unknown', next_attempt_at = null, claim_token = null, claim_expires_at = null,"      \
    " unknown_since = now(), settle_after = now(), next_look_at = now(), unknown_then = 'replan'"

START_TEST(law_4_one_post_at_a_time_for_one_order)
{
    claim_one();
    refuse("update submissions set " SET_SENDING " where state = 'planned'", "23505");
    support_psql(url, "update submissions set " SET_UNKNOWN " where state = 'sending'");
    refuse("update submissions set " SET_SENDING " where state = 'planned'", "23505");
    /* And through the front door. */
    support_query_is(url,
                     "select count(*) from claim(null, 1, (select max(version) from "
                     "schema_versions), gen_random_uuid(), 10, 60000, null)",
                     "0");
}
END_TEST

START_TEST(law_4_also_of_what_is_new)
{
    claim_one();
    refuse("insert into submissions (order_id, shipment_ref, state, claim_token, claim_expires_at)"
           " values ('o', 'R', 'sending', gen_random_uuid(), now())",
           "23505");
}
END_TEST

/* Where the reaper finds what was claimed. */
START_TEST(a_claim_stays_while_something_is_sent_under_it)
{
    claim_one();
    support_query_is(url,
                     "select count(*) from claims c join submissions s using (claim_token)"
                     " where c.submissions = array[s.submission_id] and s.state = 'sending'",
                     "1");
    refuse("delete from claims", "23514");
    refuse("truncate claims", "23514");
    support_psql(url, "select worker_end(1)");
    support_query_is(url, "select count(*) from claims", "1");

    /* Its worker is gone and its time is over; the look-up is recorded, and the claim with it. */
    support_psql(url, "update submissions set claim_expires_at = now() where state = 'sending';"
                      "update claims set expires_at = now()");
    support_psql(url, "update claims set made_at = made_at - interval '2 h'");
    support_query_is(url, "select reap(1, 0, 60000)", "1");
    support_query_is(url, "select state from submissions where shipment_ref = 'P'", "unknown");
    support_query_is(url,
                     "select count(*) from submissions"
                     " where first_sent_at < clock_timestamp() - interval '1 h'",
                     "1");
    support_query_is(url, "select reap(1, 0, 60000)", "0");
    support_query_is(url, "select count(*) from claims", "0");
}
END_TEST

#define ANSWER(fulfillment)                                                                        \
    "(select jsonb_build_object('kind', 'post', 'of_submission', submission_id, 'of_order',"       \
    "  order_id, 'marker', marker, 'claim_token', claim_token, 'next', 'accepted', 'outcome',"     \
    "  'accepted', 'sent', true, 'counts', true, 'http_status', 201, 'fulfillment_id',"            \
    "  '" fulfillment "') from submissions where state = 'sending')"

START_TEST(an_answer_that_is_there_twice_settles_once)
{
    claim_one();
    support_query_is(
        url, "select settle(1, 1, jsonb_build_array(" ANSWER("f-1") ", " ANSWER("f-1") "))", "1");
    support_query_is(url,
                     "select s.state, s.fulfillment_id, s.attempts, r.posted_shipped,"
                     " r.open_shipped, l.active_submission"
                     "  from submissions s join submission_items using (submission_id)"
                     "  join row_units r using (row_id) join lanes l on l.order_id = s.order_id"
                     " where s.shipment_ref = 'P'",
                     "accepted|f-1|1|2|0|");
    /* A fulfillment is one submission's: that of another can't be believed. */
    claim_one();
    support_query_is(url,
                     "select settle(1, 1, jsonb_build_array(" ANSWER(
                         "f-1") " ||"
                                " '{\"discrepancy\": \"missing\", \"detail\": \"of another\"}'))",
                     "1");
    support_query_is(url, "select state from submissions where shipment_ref = 'Q'", "unknown");
    support_query_is(url, "select count(*) from discrepancies", "0");
}
END_TEST

/* Written once: as columns of the submission where that says all, else as rows of their own. */
START_TEST(each_post_is_an_attempt_and_is_there_once)
{
    static const char made[] =
        "select string_agg(concat_ws(' ', s.shipment_ref, s.is_plain, m.attempt, m.outcome,"
        "         m.http_status, m.sent, m.started_at <= m.finished_at), ', '"
        "         order by s.shipment_ref, m.attempt)"
        "  from submissions s left join attempts_made m using (submission_id)";

    claim_one();
    support_query_is(url, "select settle(1, 1, jsonb_build_array(" ANSWER("f-1") "))", "1");
    support_query_is(url, "select count(*) from attempts", "0");
    support_query_is(url, made, "P t 1 accepted 201 t t, Q f");
    claim_one();
    support_query_is(url,
                     "select settle(1, 1, jsonb_build_array(" ANSWER(
                         "f-2") " || '{\"next\": \"planned\", \"outcome\": \"refused\","
                                " \"http_status\": 429, \"delay_ms\": 0}'))",
                     "1");
    support_query_is(url, made, "P t 1 accepted 201 t t, Q f 1 refused 429 t t");
    claim_one();
    support_query_is(url, "select settle(1, 1, jsonb_build_array(" ANSWER("f-2") "))", "1");
    support_query_is(url, made,
                     "P t 1 accepted 201 t t, Q f 1 refused 429 t t, Q f 2 accepted 201 t t");
    support_query_is(
        url,
        "select string_agg(format('%s %s', attempt, outcome), ', ' order by submission_id,"
        "         attempt)"
        "  from attempts_of((select array_agg(submission_id) from submissions), now(), now())",
        "1 accepted, 1 refused, 2 accepted");
    support_query_is(url, "select count(*) from attempts_of(null, null, null)", "0");
    refuse("update submissions set http_status = 500 where is_plain", "23514");
    refuse("update submissions set is_plain = false where is_plain", "23514");
    refuse("update submissions set is_plain = true where not is_plain", "23514");
}
END_TEST

START_TEST(law_5_counters_move_with_submissions_only)
{
    char *before = picture();
    char *after;

    refuse("update rows set live_shipped = 1", "23514");
    refuse("update rows set live_shipped = 0, live_cancelled = 0", "23514");
    refuse("update rows set planned_to_shipped = 100", "23514");
    refuse("update rows set plan_no = plan_no + 1", "23514");
    refuse("update rows set shipment_ref = 'other' where item_id = 'a'", "23514");
    refuse("insert into rows (order_id, item_id, live_shipped, planned_to_shipped)"
           " values ('n', 'a', 1, 1)",
           "23514");
    refuse("insert into rows (order_id, item_id, planned_to_shipped) values ('n', 'a', 9)",
           "23514");
    after = picture();
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
}
END_TEST

/* A second submission for parcel P with one more item for its row. */
#define PLAN_AGAIN(columns, values)                                                                \
    "with s as (insert into submissions (order_id, shipment_ref, next_attempt_at)"                 \
    " values ('o', 'P', now()) returning submission_id)"                                           \
    " insert into submission_items (submission_id, row_id, plan_no, " columns ")"                  \
    " select s.submission_id, r.row_id, " values " from s, rows r where r.item_id = 'a'"

START_TEST(law_5_the_same_units_are_planned_once)
{
    char *before = picture();
    char *after;

    /* With the number that is used, with one left out, with the right one: the units are not due.
     */
    refuse(PLAN_AGAIN("shipped", "r.plan_no, 2"), "23505");
    refuse(PLAN_AGAIN("shipped", "r.plan_no + 2, 2"), "23514");
    refuse(PLAN_AGAIN("shipped", "r.plan_no + 1, 2"), "23514");
    refuse(PLAN_AGAIN("shipped", "r.plan_no + 1, 1"), "23514");
    refuse(PLAN_AGAIN("cancelled", "r.plan_no + 1, 1"), "23514");
    refuse(PLAN_AGAIN("shipped, cancelled", "r.plan_no + 1, 0, 0"), "23514");
    refuse(PLAN_AGAIN("shipped, cancelled", "r.plan_no + 1, -1, 2"), "23514");
    after = picture();
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
}
END_TEST

START_TEST(law_5_a_plan_number_is_used_once_and_in_turn)
{
    /* Units are due: only the number is wrong. */
    support_psql(url, "update rows set shipped = 4 where item_id = 'a'");
    refuse(PLAN_AGAIN("shipped", "r.plan_no, 2"), "23505");
    refuse(PLAN_AGAIN("shipped", "r.plan_no - 1, 2"), "23514");
    refuse(PLAN_AGAIN("shipped", "r.plan_no + 2, 2"), "23514");
    support_psql(url, PLAN_AGAIN("shipped", "r.plan_no + 1, 2"));
}
END_TEST

START_TEST(law_5_a_submission_carries_rows_of_its_own_parcel_only)
{
    refuse("insert into submission_items (submission_id, row_id, plan_no, shipped)"
           " select s.submission_id, r.row_id, r.plan_no + 1, 1 from submissions s, rows r"
           " where s.shipment_ref = 'P' and r.shipment_ref = 'Q'",
           "23514");
    claim_one();
    refuse("insert into submission_items (submission_id, row_id, plan_no, shipped)"
           " select s.submission_id, (select min(row_id) + 100 from rows), 1, 1 from submissions s"
           " where s.state = 'sending'",
           "23503");
    refuse("insert into submission_items (submission_id, row_id, plan_no, shipped)"
           " select (select max(submission_id) + 100 from submissions), row_id, plan_no + 1, 1"
           "   from rows where shipment_ref = 'Q'",
           "23503");
}
END_TEST

START_TEST(law_4_a_submission_has_the_lane_of_its_order)
{
    refuse("insert into submissions (order_id, shipment_ref, next_attempt_at)"
           " values ('a', 'P', now()), ('nobody''s', 'P', now())",
           "23503");
}
END_TEST

START_TEST(law_5_holds_after_all_was_posted)
{
    support_psql(url, "update submissions set " SET_SENDING " where shipment_ref = 'P';"
                      "update submissions set state = 'accepted', settled_at = now(), settled_by ="
                      " 'answer', fulfillment_id = 'f', claim_token = null, claim_expires_at = null"
                      " where shipment_ref = 'P'");
    support_query_is(url, "select posted_shipped, open_shipped from row_units where item_id = 'a'",
                     "2|0");
    refuse(PLAN_AGAIN("shipped", "r.plan_no + 1, 2"), "23514");
    /* One fulfillment is one submission's. */
    support_psql(url, "update submissions set " SET_SENDING " where shipment_ref = 'Q'");
    refuse("update submissions set state = 'accepted', settled_at = now(), settled_by = 'answer',"
           " fulfillment_id = 'f', claim_token = null, claim_expires_at = null"
           " where shipment_ref = 'Q'",
           "23505");
}
END_TEST

START_TEST(law_10_a_line_never_gets_more_than_it_wants)
{
    /* The row says more is wanted: one more may be planned, two may not. */
    support_psql(url, "update rows set shipped = 3 where item_id = 'a'");
    refuse(PLAN_AGAIN("shipped", "r.plan_no + 1, 2"), "23514");
    /* Another parcel of the line: its row wants 2, the line 2 + 2 of 3. */
    support_psql(url, "update rows set shipped = 2 where item_id = 'a'; update rows set ordered = 3"
                      " where item_id = 'a'; insert into rows (order_id, item_id, shipment_ref,"
                      " ordered, shipped, cancelled) values ('o', 'a', 'R', 3, 2, 0)");
    refuse("with s as (insert into submissions (order_id, shipment_ref, next_attempt_at)"
           " values ('o', 'R', now()) returning submission_id)"
           " insert into submission_items (submission_id, row_id, plan_no, shipped)"
           " select s.submission_id, r.row_id, 1, 2 from s, rows r where r.shipment_ref = 'R'",
           "23514");
    /* The warehouse says 9 were ordered, the API 4. */
    support_psql(url, "update rows set ordered = 9, shipped = 5 where item_id = 'a' and"
                      " shipment_ref = 'P'");
    refuse(PLAN_AGAIN("shipped", "r.plan_no + 1, 3"), "23514");
    support_psql(url, "update rows set shipped = 4 where item_id = 'a' and shipment_ref = 'P';"
                      "update rows set is_present = false where shipment_ref = 'R'");
    support_psql(
        url, PLAN_AGAIN("shipped",
                        "r.plan_no + 1, 2") " and r.shipment_ref = 'P'"); /* what is wanted goes */
}
END_TEST

START_TEST(law_11_history_is_never_changed)
{
    static const char *const sql[] = {
        "update submission_items set shipped = 1",
        "delete from submission_items",
        "truncate submission_items",
        "delete from submissions",
        "truncate submissions cascade",
        "update submissions set marker = gen_random_uuid(), " SET_SENDING
        " where shipment_ref = 'P'",
        "delete from rows",
        "truncate rows cascade",
        "delete from lanes",
        "truncate lanes",
        "update lanes set order_id = order_id || 'x'",
        "update adjustments set shipped = 1",
        "delete from adjustments",
        "truncate adjustments",
        "update attempts set outcome = 'accepted'",
        "delete from attempts",
        "truncate attempts",
        "update attempts_other set outcome = 'accepted'",
        "delete from attempts_other",
        "truncate attempts_other",
    };
    char *before, *after, *months, *next;

    support_psql(url, "insert into adjustments (kind, row_id, shipped) select 'foreign', row_id, 0"
                      " from rows;"
                      "insert into attempts (submission_id, attempt, kind, sent, started_at,"
                      " outcome) values (1, 1, 'post', true, now(), 'unknown')");
    before = picture();
    for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++)
        refuse(sql[i], "23514");
    /* Each of its partitions, whoever names it. */
    months = support_query_text(url, "select 'delete from ' || inhrelid::regclass from pg_inherits"
                                     " where inhparent = 'attempts'::regclass");
    for (char *month = months; month != NULL && *month != '\0'; month = next) {
        next = strchr(month, '\n');
        if (next != NULL)
            *next++ = '\0';
        refuse(month, "23514");
    }
    free(months);
    after = picture();
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
}
END_TEST

START_TEST(settled_units_go_up_by_adjustments_and_never_below_zero)
{
    support_psql(url, "insert into adjustments (kind, row_id, shipped) select 'baseline', row_id, 1"
                      " from rows where item_id = 'a'");
    support_query_is(url,
                     "select posted_shipped, open_shipped, planned_to_shipped from row_units"
                     " where item_id = 'a'",
                     "1|2|3");
    refuse("insert into adjustments (kind, row_id, shipped) select 'returned', row_id, -2"
           " from rows where item_id = 'a'",
           "23514");
}
END_TEST

#define SETTLED " accepted rejected dismissed withdrawn split "

static const char *const states[] = {"planned", "sending",   "accepted",  "rejected", "unknown",
                                     "held",    "dismissed", "withdrawn", "split"};
#define STATES_COUNT ((int)(sizeof(states) / sizeof(states[0])))

/* The columns that belong to states. */
static const struct {
    const char *column, *value, *of;
} belongings[] = {
    {"next_attempt_at", "now()", " planned "},  {"claim_token", "gen_random_uuid()", " sending "},
    {"claim_expires_at", "now()", " sending "}, {"unknown_since", "now()", " unknown "},
    {"settle_after", "now()", " unknown "},     {"next_look_at", "now()", " unknown "},
    {"unknown_then", "'replan'", " unknown "},  {"held_by", "'operator'", " held "},
    {"settled_at", "now()", SETTLED},           {"settled_by", "'operator'", SETTLED},
    {"fulfillment_id", "'f'", " accepted "},
};
#define BELONGINGS_COUNT (sizeof(belongings) / sizeof(belongings[0]))

static bool
belongs(size_t which, const char *state)
{
    char word[32];

    (void)snprintf(word, sizeof(word), " %s ", state);
    return strstr(belongings[which].of, word) != NULL;
}

/* `update` of parcel P to a state with the columns of another; flip: one column more, or less. */
static void
put_state(struct buffer *sql, const char *state, const char *columns_of, int flip)
{
    (void)buffer_printf(sql, "update submissions set state = '%s'", state);
    for (size_t i = 0; i < BELONGINGS_COUNT; i++)
        (void)buffer_printf(sql, ", %s = %s", belongings[i].column,
                            belongs(i, columns_of) != ((int)i == flip) ? belongings[i].value
                                                                       : "null");
    (void)buffer_puts(sql, " where shipment_ref = 'P';");
}

static void
expect_state_is(const struct buffer *sql, const char *expected)
{
    char got[6];

    support_psql_state(url, buffer_text(sql), got);
    ck_assert_msg(strcmp(got, expected) == 0, "\"%s\" instead of \"%s\" from %s", got, expected,
                  buffer_text(sql));
}

START_TEST(a_state_has_what_belongs_to_it_and_nothing_else)
{
    struct buffer sql;

    buffer_init(&sql, 65536);
    for (int state = 0; state < STATES_COUNT; state++) {
        for (int flip = -1; flip < (int)BELONGINGS_COUNT; flip++) {
            buffer_reset(&sql);
            (void)buffer_puts(&sql, "begin; alter table submissions disable trigger user;");
            put_state(&sql, states[state], states[state], flip);
            (void)buffer_puts(&sql, "rollback");
            expect_state_is(&sql, flip < 0 ? "" : "23514");
        }
    }
    buffer_free(&sql);
}
END_TEST

START_TEST(there_is_no_way_but_those_between_the_states)
{
    static const char ways[] =
        " planned>sending planned>held planned>withdrawn planned>accepted sending>accepted"
        " sending>rejected sending>planned sending>unknown sending>split sending>held"
        " unknown>accepted unknown>rejected unknown>planned unknown>held unknown>split"
        " held>planned held>dismissed held>withdrawn held>accepted rejected>accepted"
        " rejected>dismissed ";
    struct buffer sql;

    buffer_init(&sql, 65536);
    for (int from = 0; from < STATES_COUNT; from++) {
        for (int to = 0; to < STATES_COUNT; to++) {
            char way[64];

            if (from == to)
                continue;
            buffer_reset(&sql);
            (void)buffer_puts(&sql, "begin; alter table submissions disable trigger user;");
            put_state(&sql, states[from], states[from], -1);
            (void)buffer_puts(&sql, "alter table submissions enable trigger user;");
            put_state(&sql, states[to], states[to], -1);
            (void)buffer_puts(&sql, "rollback");
            (void)snprintf(way, sizeof(way), " %s>%s ", states[from], states[to]);
            expect_state_is(&sql, strstr(ways, way) != NULL ? "" : "23514");
        }
    }
    buffer_free(&sql);
}
END_TEST

/* In one session, so that all plans were made when the tables were all but empty. */
#define PLAN_MANY                                                                                  \
    "do $$ begin for batch in 1..20 loop"                                                          \
    " perform plan_orders(1, array(select batch || '-' || g from generate_series(1, 50) g), "      \
    "array("                                                                                       \
    "  select row(batch || '-' || g, 'a', 'P', 2, 2, 0, null, null, null, null, null, null,"       \
    "   null)::reading from generate_series(1, 50) g), false, false, 0, 86400000, 86400000, 100);" \
    " end loop; end $$"

START_TEST(the_laws_read_what_a_batch_names_however_large_the_ledger_is)
{
    support_psql(url, PLAN_MANY);
    support_query_is(url, "select count(*) from submissions where state = 'planned'", "1002");
    /* Each of 1000 orders is read a few times by its key; 20 batches, each once through all that is
     * there, read ten thousand more. */
    support_query_is(url,
                     "select string_agg(indexrelname || ' ' || idx_tup_read, ', ')"
                     " from pg_stat_user_indexes where idx_tup_read > 9000",
                     "");
    support_query_is(url,
                     "select bool_and(idx_tup_read >= 1000) from pg_stat_user_indexes"
                     " where indexrelname in ('submissions_pkey', 'rows_pkey', 'lanes_pkey')",
                     "t");
}
END_TEST

/* A plan is kept for the session. One that was made under a caller who has hash joins switched off
 * would join what is in hand in a loop, each with each, in all that come later. */
START_TEST(what_joins_by_hash_does_so_whoever_calls_it)
{
    support_query_is(url,
                     "select string_agg(proname, ', ') from pg_proc"
                     " where 'enable_nestloop=off' = any (proconfig) and 'enable_hashjoin=on' <> "
                     "all (proconfig)",
                     "");
    support_query_is(
        url, "select count(*) > 10 from pg_proc where 'enable_hashjoin=on' = any (proconfig)", "t");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("laws");
    TCase *tcase;

    support_need_database();
    tcase = support_case(suite, "laws", 60);
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, law_4_one_post_at_a_time_for_one_order);
    tcase_add_test(tcase, law_4_also_of_what_is_new);
    tcase_add_test(tcase, an_answer_that_is_there_twice_settles_once);
    tcase_add_test(tcase, a_claim_stays_while_something_is_sent_under_it);
    tcase_add_test(tcase, each_post_is_an_attempt_and_is_there_once);
    tcase_add_test(tcase, law_5_counters_move_with_submissions_only);
    tcase_add_test(tcase, law_5_the_same_units_are_planned_once);
    tcase_add_test(tcase, law_5_a_plan_number_is_used_once_and_in_turn);
    tcase_add_test(tcase, law_4_a_submission_has_the_lane_of_its_order);
    tcase_add_test(tcase, law_5_a_submission_carries_rows_of_its_own_parcel_only);
    tcase_add_test(tcase, law_5_holds_after_all_was_posted);
    tcase_add_test(tcase, law_10_a_line_never_gets_more_than_it_wants);
    tcase_add_test(tcase, law_11_history_is_never_changed);
    tcase_add_test(tcase, settled_units_go_up_by_adjustments_and_never_below_zero);
    tcase_add_test(tcase, a_state_has_what_belongs_to_it_and_nothing_else);
    tcase_add_test(tcase, there_is_no_way_but_those_between_the_states);
    tcase_add_test(tcase, the_laws_read_what_a_batch_names_however_large_the_ledger_is);
    tcase_add_test(tcase, what_joins_by_hash_does_so_whoever_calls_it);
    return support_run_suite(suite);
}
