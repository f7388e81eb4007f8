#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/life.h"

/*
 * An order's life after the POST, with the built programs: a warehouse of one table, whose function
 * keeps a diary of what it is told and writes to that table; the sandbox's events come late, out of
 * order and twice.
 */

START_TEST(states_come_back_each_once_and_in_order_however_the_events_come)
{
    life_post("switches", "events_late_ms=400 events_repeat=on");
    life_make_orders(1, 25, "", 2);
    life_make_orders(26, 30, ",\"state\":\"in_review\"", 2);
    life_must(0, "run", NULL, NULL);
    life_move_order("o-3", "{\"state\":\"dispute\"}");
    life_move_order("o-27", "{\"state\":\"accepted\"}");
    life_move_order("o-28", "{\"state\":\"blocked\"}");
    life_run_until_states_agree(30);
    life_move_order("o-3", "{\"state\":\"complete\"}");
    life_move_order("o-29", "{\"state\":\"accepted\"}");
    life_move_order("o-30", "{\"state\":\"accepted\"}");
    support_psql(life_url, "update waybill.orders set ask_at = ask_at + interval '1 hour'");
    life_run_until_states_agree(30);
    life_told_once_and_in_order();
    support_query_is(life_url,
                     "select state from t.orders where order_id in ('o-1', 'o-28', 'o-30')"
                     " order by order_id",
                     "complete\nblocked\ncomplete");
    support_query_is(life_url,
                     "select string_agg(state, ' ' order by n) from t.told where order_id = 'o-3'",
                     "accepted fulfilled complete dispute complete");
    /* Each order was told of in transactions of its own. */
    support_query_is(life_url,
                     "select in_transaction from t.told group by 1"
                     " having count(distinct order_id) > 1",
                     "");

    /* The warehouse wrote to its own fed table meanwhile: that brings a look, and nothing more. */
    life_must(0, "run", NULL, NULL);
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url,
                     "select looked_at from waybill.report_runs order by run_id desc limit 1", "0");
    support_query_is(life_url, "select count(*) from waybill.events where applied_at is null", "0");
}
END_TEST

START_TEST(an_event_that_comes_too_late_is_kept_and_changes_nothing)
{
    life_make_orders(1, 1, "", 2);
    life_run_until_states_agree(1);
    life_wait_api(1, "complete");
    life_run_until_states_agree(1);
    support_psql(life_url,
                 "insert into waybill.events (event_id, type, kind, what, order_id, created_at)"
                 " select 'late', 'order.dispute', 'state', 'dispute', order_id,"
                 "        complete_at - interval '5 ms' from waybill.orders");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select state from waybill.report_orders", "complete");
    support_query_is(life_url, "select state from t.orders", "complete");
    support_query_is(life_url,
                     "select is_skipped from waybill.report_order_states where state = 'dispute'",
                     "t");
    support_query_is(life_url, "select count(*) from t.told where state = 'dispute'", "0");
    life_told_once_and_in_order();
}
END_TEST

/* An event that was stamped by a clock ahead of the API's, and the one behind it was lost. */
START_TEST(what_every_answer_says_is_believed_in_the_end_whatever_the_times_are)
{
    static const char accepted[] =
        "select waybill.record_orders('[{\"order_id\": \"o-1\", \"state\": \"accepted\","
        " \"since\": \"2020-01-01T10:00:00Z\", \"updated\": \"2020-01-01T10:00:00Z\","
        " \"items\": []}]')";

    support_psql(life_url, "insert into waybill.orders (order_id) values ('o-1');"
                           "select waybill.note_state('o-1', 'in_review', null, now(), 'event')");
    support_query_is(life_url, accepted, "0");
    support_psql(life_url,
                 "update waybill.order_states set recorded_at = now() - interval '9 min'");
    support_query_is(life_url, accepted, "0");
    support_query_is(life_url, "select state from waybill.orders", "in_review");
    /* However far ahead that clock was. */
    support_psql(life_url,
                 "update waybill.order_states set recorded_at = now() - interval '11 min';"
                 "update waybill.orders set state_since = now() + interval '1 day'");
    support_query_is(life_url, accepted, "1");
    support_query_is(life_url, "select state from waybill.orders", "accepted");
    support_query_is(life_url, accepted, "1");
}
END_TEST

START_TEST(an_accepted_order_is_posted_when_its_event_comes)
{
    life_make_orders(1, 1, ",\"state\":\"in_review\"", 2);
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select count(*) from waybill.submissions", "0");
    support_query_is(life_url, "select string_agg(state, ' ') from t.told", "in_review");
    support_psql(life_url,
                 "update waybill.orders set ask_at = clock_timestamp() + interval '1 hour'");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select count(*) from waybill.submissions", "0");
    life_move_order("o-1", "{\"state\":\"accepted\"}");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select state from waybill.report_submissions", "accepted");
}
END_TEST

START_TEST(without_events_states_are_asked_for)
{
    life_write_config("follow:\n  events: false\n  interval_ms: 200\n");
    life_make_orders(1, 3, ",\"state\":\"in_review\"", 2);
    life_must(0, "run", NULL, NULL);
    support_psql(life_url, "update waybill.orders set asks = 20, ask_at = clock_timestamp()");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url,
                     "select bool_and(ask_at <= checked_at + interval '3.1 s' and asks > 20)"
                     " from waybill.orders",
                     "t");
    life_move_order("o-2", "{\"state\":\"accepted\"}");
    support_psql(life_url, "update waybill.orders set ask_at = clock_timestamp()");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select order_id from waybill.report_submissions", "o-2");
    support_query_is(life_url, "select count(*) from waybill.events", "0");
}
END_TEST

/* It is asked for, and then somebody holds its row for longer than we wait for a lock. */
START_TEST(an_unknown_order_whose_row_is_locked_ends_no_run)
{
    const char *const holder[] = {
        "psql",
        "-X",
        "-q",
        "-d",
        life_url,
        "-c",
        "do $$ begin loop exit when exists (select from waybill.orders where"
        "  ask_at > clock_timestamp() + interval '30 s'); perform pg_sleep(0.02); end loop;"
        " perform from waybill.orders where order_id = 'o-unknown' for update;"
        " perform pg_sleep(7); end $$",
        NULL};
    struct support_process process;

    support_psql(life_url, "insert into t.lines (order_id, item_id, shipped_quantity)"
                           " values ('o-unknown', 'i', 2)");
    support_spawn(&process, holder, NULL);
    life_post("switches", "latency_ms=700");
    life_must(0, "run", NULL, NULL);
    ck_assert_msg(strstr(life_said, "database_busy") != NULL, "nothing was locked: %s", life_said);
    ck_assert_int_eq(support_wait_exit(&process, 20000), 0);

    support_psql(life_url, "update waybill.orders set ask_at = clock_timestamp()");
    life_must(0, "run", NULL, NULL);
    support_query_is(
        life_url,
        "select unknown_since is not null from waybill.orders where order_id = 'o-unknown'", "t");
}
END_TEST

START_TEST(money_that_did_not_move_calls_a_person_once)
{
    life_make_orders(1, 1, ",\"capture\":\"fail\"", 2);
    life_make_orders(2, 2, ",\"cancel\":\"fail\"", 0);
    life_make_orders(3, 3, "", 2);
    support_psql(life_url, "update t.lines set cancelled_quantity = 2 where order_id = 'o-2'");
    life_must(0, "run", NULL, NULL);
    life_wait_api(1, "fulfilled");
    life_wait_api(2, "cancelled");
    life_wait_api(3, "complete");
    life_must(1, "run", NULL, NULL);
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url,
                     "select order_id, kind, detail ~ 'capture of fulfillment ful_.*submission 1',"
                     " detail ~ 'release' from waybill.report_discrepancies"
                     " where closed_at is null order by 1",
                     "o-1|payment|t|f\no-2|payment|f|t");
    support_query_is(life_url, "select state from waybill.report_orders order by order_id",
                     "fulfilled\ncancelled\ncomplete");

    /* The API's own retry succeeds: complete is captured. What was not released stays so. */
    life_move_order("o-1", "{\"state\":\"complete\"}");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url,
                     "select order_id, closed_by from waybill.report_discrepancies"
                     " where kind = 'payment' order by 1",
                     "o-1|follow\no-2|");
}
END_TEST

START_TEST(an_event_settles_what_was_unknown_before_any_list_shows_it)
{
    life_post("switches", "list_lag_ms=600000");
    life_post("faults", "first=1:drop_after");
    life_make_orders(1, 1, "", 2);
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select state, fulfillment_id from waybill.report_submissions",
                     "unknown|");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url,
                     "select state, settled_by, fulfillment_id like 'ful_%'"
                     " from waybill.report_submissions",
                     "accepted|event|t");
    support_query_is(life_url, "select posted_shipped, due_shipped from waybill.report_line_items",
                     "2|0");
}
END_TEST

/* A submission of ours ends in a way, and then a fulfillment with its marker is made. */
static const struct {
    const char *way;
    int code;
    const char *told; /* discrepancies, and what is booked besides our own POSTs */
} marked_cases[] = {
    {"", 1, "double: the ledger says accepted|"},
    {"update waybill.submissions set state = 'held', held_by = 'ambiguous', next_attempt_at = null"
     " where state = 'planned';"
     "update waybill.submissions set state = 'dismissed', held_by = null, settled_at = now(),"
     " settled_by = 'operator' where state = 'held'",
     1, "extra: the ledger says dismissed|"},
    {"update waybill.submissions set state = 'withdrawn', settled_at = now(),"
     " settled_by = 'planner', next_attempt_at = null where state = 'planned'",
     0, "|foreign 1"},
    {"update waybill.submissions set state = 'sending', claim_token = gen_random_uuid(),"
     " claim_expires_at = now(), next_attempt_at = null where state = 'planned';"
     "update waybill.submissions set state = 'split', settled_at = now(), settled_by = 'answer',"
     " claim_token = null, claim_expires_at = null where state = 'sending'",
     0, "|foreign 1"},
};

START_TEST(an_event_with_the_marker_of_what_is_over_is_not_passed_over)
{
    static const char *const HEADERS[] = {"Content-Type: application/json",
                                          "Authorization: Bearer sk_test_sandbox", NULL};
    char url[128];
    char *body;

    life_make_orders(1, 2, "", 1);
    life_must(0, "run", "--max-posts", marked_cases[_i].way[0] == '\0' ? "2" : "1");
    support_psql(life_url, marked_cases[_i].way);
    body = support_query_text(
        life_url, "select json_build_object('orderId', order_id, 'items', json_build_array("
                  "   json_build_object('itemId', 'i' || substr(order_id, 2), 'quantity', 1)),"
                  "  'metadata', json_build_object('waybill_submission', marker))"
                  "  from waybill.submissions order by state = 'accepted', submission_id limit 1");
    (void)snprintf(url, sizeof(url), "%s/fulfillments", life_sandbox.url);
    ck_assert_int_eq(support_http("POST", url, HEADERS, body, NULL), 201);
    free(body);
    life_must(marked_cases[_i].code, "run", NULL, NULL);
    support_query_is(
        life_url,
        "select (select string_agg(kind || ': ' || substring(detail, ', (the ledger says "
        "[a-z]+)'), ',')"
        "          from waybill.report_discrepancies),"
        "       (select string_agg(kind || ' ' || shipped, ',') from waybill.report_adjustments)",
        marked_cases[_i].told);
}
END_TEST

START_TEST(somebody_elses_fulfillment_is_listed_and_booked)
{
    life_make_orders(1, 2, "", 1);
    life_must(0, "run", NULL, NULL);
    life_post("fulfillments",
              "{\"orderId\":\"o-1\",\"items\":[{\"itemId\":\"i-1\",\"cancelQuantity\":1}]}");
    life_must(0, "run", NULL, NULL); /* the shop is ahead of the warehouse: nobody is called */
    support_query_is(life_url, "select order_id, kind, cancelled from waybill.report_adjustments",
                     "o-1|foreign|1");
    support_psql(life_url, "update t.lines set cancelled_quantity = 1");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url,
                     "select order_id, count(*) from waybill.report_submissions"
                     " group by 1 order by 1",
                     "o-1|1\no-2|2");
}
END_TEST

START_TEST(until_an_event_was_read_the_reading_goes_back_before_the_first_run)
{
    static const char since[] = "select date_trunc('minute', (select min(started_at) from "
                                "waybill.report_runs) - s.since::timestamptz)"
                                "  from waybill.events_begin(0) s";

    life_must(0, "run", NULL, NULL);
    support_query_is(life_url,
                     "select cursor_id is null, cursor_at is null from waybill.event_feed", "t|f");
    support_query_is(life_url, since, "01:00:00");
    support_psql(life_url, "update waybill.event_feed set cursor_id = 'e', cursor_at ="
                           " (select min(started_at) from waybill.report_runs) - interval '1 day'");
    support_query_is(life_url, since, "1 day 00:05:00");
}
END_TEST

START_TEST(a_gap_in_the_feed_is_noticed_and_healed_by_asking)
{
    life_post("switches", "state_lag_ms=1500");
    life_make_orders(1, 3, "", 2);
    life_must(0, "run", NULL, NULL);
    life_must(0, "run", NULL, NULL);
    support_query_is(
        life_url, "select count(*) > 0 from waybill.report_orders where state = 'accepted'", "t");
    life_wait_api(1, "complete");
    life_wait_api(3, "complete");
    life_post("switches", "events_keep_ms=1");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select gap_at is not null from waybill.event_feed", "t");
    life_run_until_states_agree(3);
    support_query_is(life_url, "select distinct state from t.orders", "complete");
    life_told_once_and_in_order();

    /* The next reading has an end again. */
    life_post("switches", "events_keep_ms=0");
    support_psql(life_url, "update waybill.event_feed set gap_at = null");
    life_make_orders(4, 4, "", 2);
    life_must(0, "run", NULL, NULL);
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select gap_at is null from waybill.event_feed", "t");
}
END_TEST

START_TEST(a_failing_hand_over_stops_only_its_own_order)
{
    static const char *const HOLDER[] = {
        "psql",
        "-X",
        "-q",
        "-d",
        NULL,
        "-c",
        "begin; select from t.orders where order_id = 'o-3' for update; select pg_sleep(60)",
        NULL};
    const char *argv[8];
    struct support_process holder;

    memcpy(argv, HOLDER, sizeof(argv));
    argv[4] = life_url;
    life_make_orders(1, 6, "", 2);
    support_spawn(&holder, argv, NULL);
    support_wait_query(life_url,
                       "select count(*) from pg_stat_activity"
                       " where datname = current_database() and query like '%pg_sleep(60)'"
                       "   and wait_event = 'PgSleep'",
                       "1", 10000);
    support_psql(life_url, "insert into t.trouble values ('o-1', 'raise'), ('o-2', 'slow')");
    life_must(1, "run", NULL, NULL);
    support_query_is(life_url,
                     "select order_id, kind, substring(detail, 'accepted: (.....)')"
                     " from waybill.report_discrepancies where closed_at is null order by 1",
                     "o-1|hand_over|P0001\no-2|hand_over|57014\no-3|hand_over|55P03");
    support_query_is(life_url, "select distinct order_id from t.told order by 1", "o-4\no-5\no-6");
    /* The gate opened all the same. */
    support_query_is(
        life_url, "select count(*) from waybill.report_submissions where state = 'accepted'", "6");

    support_signal(&holder, 9);
    (void)support_wait_exit(&holder, 10000);
    support_query_is(life_url,
                     "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                     " where query like '%pg_sleep(60)' and pid <> pg_backend_pid()",
                     "1");
    support_psql(life_url, "truncate t.trouble");
    support_psql(life_url, "update waybill.hand_overs set next_at = clock_timestamp()");
    life_run_until_states_agree(6);
    life_told_once_and_in_order();
    support_query_is(
        life_url, "select count(*) from waybill.report_discrepancies where closed_at is null", "0");
}
END_TEST

/* Four that fail at the end of their transaction, and four whose failure nothing in it catches. */
START_TEST(a_hand_over_whose_transaction_fails_stops_only_its_own_order)
{
    life_make_orders(1, 10, "", 2);
    support_psql(life_url, "insert into t.trouble select 'o-' || n,"
                           "  case when n <= 4 then 'defer' else 'assert' end"
                           "  from generate_series(1, 8) n");
    life_must(1, "run", NULL, NULL);
    support_query_is(life_url,
                     "select order_id, kind, substring(detail, 'accepted: (.....)')"
                     " from waybill.report_discrepancies where closed_at is null order by 1",
                     "o-1|hand_over|23503\no-2|hand_over|23503\no-3|hand_over|23503\n"
                     "o-4|hand_over|23503\no-5|hand_over|P0004\no-6|hand_over|P0004\n"
                     "o-7|hand_over|P0004\no-8|hand_over|P0004");
    support_query_is(life_url, "select count(*) from waybill.hand_overs where next_at is not null",
                     "8");
    /* Those behind them. */
    support_query_is(life_url, "select distinct order_id from t.told order by 1", "o-10\no-9");

    /* What comes in time is no failure, in no state of an order. */
    support_psql(life_url, "update t.trouble set does = 'defer';"
                           "insert into t.known select order_id from t.trouble;"
                           "update waybill.hand_overs set next_at = clock_timestamp()");
    life_run_until_states_agree(10);
    life_told_once_and_in_order();
    support_query_is(
        life_url, "select count(*) from waybill.report_discrepancies where closed_at is null", "0");
}
END_TEST

START_TEST(a_missing_function_is_said_by_check_and_made_up_for_later)
{
    support_psql(life_url, "alter function t.tell rename to tell_later");
    life_make_orders(1, 3, "", 2);
    life_must(3, "check", NULL, NULL);
    ck_assert_msg(strstr(life_said, "there is no function t.tell(") != NULL, "%s", life_said);
    life_must(1, "run", NULL, NULL);
    ck_assert_msg(strstr(life_said, "42883") != NULL, "%s", life_said);
    support_query_is(
        life_url, "select distinct kind from waybill.report_discrepancies where closed_at is null",
        "hand_over");
    support_psql(life_url, "alter function t.tell_later rename to tell");
    life_must(0, "check", NULL, NULL);
    support_psql(life_url, "update waybill.hand_overs set next_at = clock_timestamp()");
    life_run_until_states_agree(3);
    life_told_once_and_in_order();
    support_query_is(
        life_url, "select count(*) from waybill.report_discrepancies where closed_at is null", "0");
}
END_TEST

/* Without events: what is left is asked for, later and later, until a person must see it. */
START_TEST(an_order_that_should_be_complete_is_asked_for_and_says_why_it_is_not)
{
    life_write_config("follow:\n  events: false\n");
    life_post("switches", "state_lag_ms=0");
    life_make_orders(1, 1, "", 2);
    life_make_orders(2, 2, ",\"capture\":\"fail\"", 2);
    life_make_orders(3, 3, "", 1); /* one unit is neither shipped nor cancelled */
    life_post("orders", "[{\"id\":\"o-4\",\"items\":[{\"id\":\"i-4\",\"quantity\":2},"
                        "{\"id\":\"gift\",\"quantity\":1}]}]");
    support_psql(life_url, "insert into t.lines (order_id, item_id, shipped_quantity) values"
                           " ('o-4', 'i-4', 2); insert into t.orders values ('o-4')");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select distinct state from waybill.report_orders", "accepted");
    support_query_is(life_url,
                     "select bool_and(next_follow_at between checked_at + interval '9 s'"
                     " and checked_at + interval '11 s') from waybill.report_orders",
                     "t");

    support_psql(life_url, "update waybill.orders set follow_at = clock_timestamp()");
    life_must(1, "run", NULL, NULL); /* a fulfilled order's charge is asked for too */
    support_query_is(life_url,
                     "select order_id, state, next_follow_at > checked_at + interval '23 h'"
                     " from waybill.report_orders order by 1",
                     "o-1|complete|t\no-2|fulfilled|f\no-3|accepted|f\no-4|accepted|f");
    support_psql(life_url,
                 "update waybill.orders set follow_at = clock_timestamp(), follow_asks = 3"
                 " where state <> 'complete'");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url,
                     "select bool_and(next_follow_at > checked_at + interval '75 s')"
                     " from waybill.report_orders where state <> 'complete'",
                     "t");

    support_query_is(life_url, "select count(incomplete_reason) from waybill.report_orders", "0");
    support_psql(life_url,
                 "alter table waybill.submissions disable trigger all;"
                 "update waybill.submissions set settled_at = settled_at - interval '25 h';"
                 "alter table waybill.submissions enable trigger all");
    support_query_is(life_url,
                     "select order_id, regexp_replace(incomplete_reason, 'a capture of .*', '...')"
                     " from waybill.report_orders where incomplete_since is not null order by 1",
                     "o-2|capture failed: ...\n"
                     "o-3|units missing: neither shipped nor cancelled: 1 of item i-3\n"
                     "o-4|no warehouse row covers item gift (1)");
    /* The event tells the same story, and calls nobody again. */
    life_write_config("");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url,
                     "select count(*) from waybill.events where kind = 'payment'"
                     " and applied_at is not null",
                     "1");
    support_query_is(life_url, "select count(*) from waybill.report_discrepancies", "1");
}
END_TEST

static void
ask_of_what_is_over(const char *since)
{
    char sql[256];

    (void)snprintf(sql, sizeof(sql),
                   "update waybill.orders set follow_at = clock_timestamp(),"
                   " state_since = clock_timestamp() - interval '%s' where order_id = 'o-1'",
                   since);
    support_psql(life_url, sql);
    life_must(0, "run", NULL, NULL);
}

/* One event is lost, and no gap in the feed shows it. */
START_TEST(what_happens_after_an_orders_end_is_seen_without_its_event)
{
    static const char ASKED[] = "\"GET /orders\":{\"200\"";
    int64_t asked;

    life_post("switches", "state_lag_ms=0");
    life_make_orders(1, 2, "", 2);
    life_must(0, "run", NULL, NULL);
    life_run_until_states_agree(2);
    support_query_is(life_url,
                     "select state, next_follow_at between clock_timestamp() + interval '23 h'"
                     " and clock_timestamp() + interval '25 h' from waybill.report_orders",
                     "complete|t\ncomplete|t");

    /* Of two events of one moment the one that ends it is the later. */
    support_query_is(life_url,
                     "select waybill.note_state(order_id, 'fulfilled', state_since, state_since,"
                     " 'event'), state from waybill.orders where order_id = 'o-2'",
                     "f|complete");

    /* Each question comes later than the one before, and what is long over gets none. */
    support_query_is(
        life_url,
        "select string_agg((waybill.final_look_at(t - d * interval '1 day', t) - t)::text,"
        " ' ' order by d) from unnest(array[0, 1, 2, 32, 59, 60]) d, clock_timestamp() t",
        "1 day 1 day 2 days 32 days 59 days");
    asked = life_api_number(ASKED);
    ask_of_what_is_over("61 days");
    ck_assert_int_eq(life_api_number(ASKED), asked);
    support_query_is(
        life_url,
        "select count(*) from waybill.orders where order_id = 'o-1' and follow_at is null", "1");

    life_post("switches", "events_late_ms=86400000");
    life_move_order("o-1", "{\"state\":\"returned\"}");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select state from waybill.report_orders order by order_id",
                     "complete\ncomplete");
    ask_of_what_is_over("1 day");
    support_query_is(life_url, "select state from waybill.report_orders order by order_id",
                     "returned\ncomplete");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select state from t.orders order by order_id",
                     "returned\ncomplete");
}
END_TEST

/* The numbers, of one letter each, of all fulfillments at the API, sorted: which of two orders is
 * posted first is chance. */
static void
api_tracking_is(const char *expected)
{
    char from[300];
    char found[30] = "";
    size_t count = 0;
    char *answer = NULL;

    (void)snprintf(from, sizeof(from), "%s/_sandbox/fulfillments", life_sandbox.url);
    ck_assert_int_eq(support_http_get(from, &answer), 200);
    for (const char *at = answer; (at = strstr(at, "\"trackingNumber\":\"")) != NULL; at++) {
        size_t place = count++;

        ck_assert_uint_lt(count, sizeof(found));
        for (; place > 0 && found[place - 1] > at[18]; place--)
            found[place] = found[place - 1];
        found[place] = at[18];
    }
    ck_assert_msg(strcmp(found, expected) == 0, "%s, not %s, in %s", found, expected, answer);
    free(answer);
}

START_TEST(tracking_that_came_later_is_sent_once_and_never_cleared)
{
    life_make_orders(1, 2, "", 1);
    support_psql(life_url, "update t.lines set tracking_number = 'A', tracking_company = 'UPS'"
                           " where order_id = 'o-1'");
    life_must(0, "run", NULL, NULL);
    api_tracking_is("A");
    support_psql(life_url, "update t.lines set tracking_number = 'B'");
    life_must(0, "run", NULL, NULL);
    api_tracking_is("BB");
    support_query_is(life_url, "select count(*) from waybill.tracking where next_at is null", "2");
    support_psql(life_url, "update t.lines set tracking_number = null, tracking_company = null");
    life_must(0, "run", NULL, NULL);
    life_must(0, "run", "--sweep", NULL);
    api_tracking_is("BB");
    support_query_is(life_url, "select max(version) from waybill.tracking", "1");
    ck_assert_int_eq(life_api_number("\"updates\""), 2);

    /* Both fulfillments of the parcel are told, and units still go. */
    support_psql(life_url, "update t.lines set tracking_number = 'C', shipped_quantity = 2"
                           " where order_id = 'o-1'");
    life_must(0, "run", NULL, NULL);
    life_must(0, "run", NULL, NULL);
    api_tracking_is("BCC");
    support_query_is(life_url,
                     "select posted_shipped from waybill.report_line_items"
                     " where order_id = 'o-1'",
                     "2");
    support_query_is(life_url,
                     "select count(*) from waybill.lanes where active_submission is not null", "0");
}
END_TEST

START_TEST(a_lost_answer_to_new_tracking_is_sent_again_and_a_refusal_is_told)
{
    life_make_orders(1, 2, "", 1);
    life_must(0, "run", NULL, NULL);
    life_post("faults", "update:first=1:drop_after update:first=1:503_before");
    support_psql(life_url, "update t.lines set tracking_number = 'A'");
    for (int i = 0; i < 4; i++)
        life_must(0, "run", NULL, NULL);
    api_tracking_is("AA");
    support_query_is(life_url, "select count(*) from waybill.tracking where next_at is null", "2");

    /* A fulfillment that the API doesn't know, often enough. */
    support_psql(life_url, "update waybill.submissions set fulfillment_id = 'x' || fulfillment_id"
                           " where order_id = 'o-1';"
                           "update t.lines set tracking_number = 'B' where order_id = 'o-1'");
    life_must(0, "run", NULL, NULL);
    support_psql(life_url, "update waybill.tracking set failures = 19, next_at = clock_timestamp()"
                           " where next_at is not null");
    life_must(1, "run", NULL, NULL);
    life_must(0, "run", NULL, NULL);
    api_tracking_is("AA");
    support_query_is(life_url,
                     "select order_id, kind, detail like 'new tracking of fulfillment%'"
                     " from waybill.report_discrepancies where closed_at is null",
                     "o-1|rejected|t");
    support_psql(life_url,
                 "update waybill.submissions set fulfillment_id = substr(fulfillment_id, 2)"
                 " where order_id = 'o-1';"
                 "update t.lines set tracking_number = 'C' where order_id = 'o-1'");
    life_must(0, "run", NULL, NULL);
    api_tracking_is("AC");
    support_query_is(
        life_url, "select count(*) from waybill.report_discrepancies where closed_at is null", "0");
}
END_TEST

/* A worker that is gone holds a lane for a while only. */
START_TEST(a_lane_held_for_tracking_by_nobody_is_free_again)
{
    life_make_orders(1, 1, "", 1);
    life_must(0, "run", NULL, NULL);
    support_psql(life_url,
                 "insert into waybill.tracking (submission_id, order_id, number, sending_until)"
                 " values (1, 'o-1', 'Z', clock_timestamp() + interval '1 hour');"
                 "update waybill.lanes set active_submission = 1;"
                 "update t.lines set shipped_quantity = 2");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select count(*) from waybill.submissions where state = 'accepted'",
                     "1");
    support_psql(life_url, "update waybill.tracking set sending_until = clock_timestamp()");
    life_must(0, "run", NULL, NULL);
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select count(*) from waybill.submissions where state = 'accepted'",
                     "2");
    api_tracking_is("Z");
}
END_TEST

/* As a bug would leave it: no update and no answer will ever free it. */
START_TEST(a_lane_held_for_nothing_is_found_by_the_ledgers_own_audit)
{
    life_make_orders(1, 2, "", 1);
    life_must(0, "run", NULL, NULL);
    support_psql(life_url,
                 "update waybill.lanes set active_submission = (select submission_id"
                 " from waybill.submissions where order_id = 'o-1') where order_id = 'o-1';"
                 "update t.lines set shipped_quantity = 2");
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select order_id from waybill.submissions where state = 'planned'",
                     "o-1");
    support_psql(life_url, "update waybill.feed_state set audited_at = null");
    life_must(1, "run", NULL, NULL);
    life_must(0, "run", NULL, NULL);
    support_query_is(life_url, "select count(*) from waybill.submissions where state = 'accepted'",
                     "4");
    support_query_is(life_url,
                     "select order_id, kind, detail ~ 'lane was held for submission [0-9]+'"
                     " from waybill.report_discrepancies where closed_at is null",
                     "o-1|ledger|t");
    support_psql(life_url, "update waybill.feed_state set audited_at = null");
    life_must(0, "run", NULL, NULL);
    support_query_is(
        life_url, "select count(*) from waybill.report_discrepancies where closed_at is null", "0");
}
END_TEST

/* Every personal field of the sandbox's answers has one of these in it. */
static const char *const CANARIES[] = {"shopper.example", "+1-952-555", "Bren Road",
                                       "203.0.113.",      "firstName",  "postalCode",
                                       "lastFourDigits"};

START_TEST(no_personal_field_is_kept_or_said)
{
    char *answer;
    char *dump = NULL;
    char *errors = NULL;
    const char *const argv[] = {"pg_dump", "--inserts", life_url, NULL};

    life_make_orders(1, 5, ",\"capture\":\"fail\"", 2);
    life_must(0, "run", NULL, NULL);
    life_wait_api(5, "fulfilled");
    life_must(1, "run", NULL, NULL);
    (void)life_command("report", "orders", NULL);
    (void)life_command("report", "discrepancies", NULL);
    answer = life_api_order(1);
    ck_assert_int_eq(support_run(argv, NULL, &dump, &errors), 0);
    ck_assert_ptr_nonnull(strstr(dump, "order.charge.capture.failed"));
    for (size_t i = 0; i < sizeof(CANARIES) / sizeof(CANARIES[0]); i++) {
        ck_assert_msg(strstr(answer, CANARIES[i]) != NULL, "the API shows no %s", CANARIES[i]);
        ck_assert_msg(strstr(dump, CANARIES[i]) == NULL, "%s is in the database", CANARIES[i]);
        ck_assert_msg(strstr(life_said, CANARIES[i]) == NULL, "%s was said: %s", CANARIES[i],
                      life_said);
    }
    free(answer);
    free(dump);
    free(errors);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("follow");
    TCase *tests = support_case(suite, "follow", 300);

    support_need_database();
    tcase_add_checked_fixture(tests, life_begin, life_end);
    tcase_add_test(tests, states_come_back_each_once_and_in_order_however_the_events_come);
    tcase_add_test(tests, an_event_that_comes_too_late_is_kept_and_changes_nothing);
    tcase_add_test(tests, an_accepted_order_is_posted_when_its_event_comes);
    tcase_add_test(tests, without_events_states_are_asked_for);
    tcase_add_test(tests, an_unknown_order_whose_row_is_locked_ends_no_run);
    tcase_add_test(tests, money_that_did_not_move_calls_a_person_once);
    tcase_add_test(tests, an_event_settles_what_was_unknown_before_any_list_shows_it);
    tcase_add_loop_test(tests, an_event_with_the_marker_of_what_is_over_is_not_passed_over, 0,
                        (int)(sizeof(marked_cases) / sizeof(marked_cases[0])));
    tcase_add_test(tests, somebody_elses_fulfillment_is_listed_and_booked);
    tcase_add_test(tests, a_gap_in_the_feed_is_noticed_and_healed_by_asking);
    tcase_add_test(tests, a_failing_hand_over_stops_only_its_own_order);
    tcase_add_test(tests, a_hand_over_whose_transaction_fails_stops_only_its_own_order);
    tcase_add_test(tests, a_missing_function_is_said_by_check_and_made_up_for_later);
    tcase_add_test(tests, an_order_that_should_be_complete_is_asked_for_and_says_why_it_is_not);
    tcase_add_test(tests, what_happens_after_an_orders_end_is_seen_without_its_event);
    tcase_add_test(tests, tracking_that_came_later_is_sent_once_and_never_cleared);
    tcase_add_test(tests, a_lost_answer_to_new_tracking_is_sent_again_and_a_refusal_is_told);
    tcase_add_test(tests, a_lane_held_for_tracking_by_nobody_is_free_again);
    tcase_add_test(tests, a_lane_held_for_nothing_is_found_by_the_ledgers_own_audit);
    tcase_add_test(tests, no_personal_field_is_kept_or_said);
    SUPPORT_CASE(suite, 60, life_begin, life_end,
                 what_every_answer_says_is_believed_in_the_end_whatever_the_times_are);
    SUPPORT_CASE(suite, 60, life_begin, life_end,
                 until_an_event_was_read_the_reading_goes_back_before_the_first_run);
    return support_run_suite(suite);
}
