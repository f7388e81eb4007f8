/*
 * Two sessions that meet at one order: tracking, forgetting, states and money.
 *
 * Each test holds one of them at the moment in which the other comes by. None may leave a lane
 * behind, wait for the other in a circle, or take the other's work for its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/ledger.h"

enum { WAIT_MS = 20000 };

static const struct pg_stmt take = {
    .name = "take", .sql = "select t.take(60000)", .nparams = 0, .ncols = 1};

static const struct pg_stmt forget_a = {
    .name = "forget_a",
    .sql = "select done::text from forget_order('A', 'test', 'asked')",
    .nparams = 0,
    .ncols = 1};

#define SAY_SENT                                                                                   \
    "select tracking_done(null, $1::int8, (select k.version from tracking k where k.submission_id" \
    " = $1::int8), 'sent', null, 0, $2::timestamptz)::text"

static char url[SUPPORT_URL_MAX];
static struct pg *first, *second, *third;

static void
setup(void)
{
    support_ledger_create(url);
    first = support_ledger_open(url);
    second = support_ledger_open(url);
    third = support_ledger_open(url);
    support_ledger_do(
        first, "setup",
        "create function t.take(lease_ms bigint) returns text language sql volatile as $$"
        " select coalesce(string_agg(number, ' ' order by number), '')"
        "   from take_tracking(current_setting('t.worker')::bigint,"
        "                      (select max(version) from schema_versions), 8, lease_ms) $$");
}

static void
teardown(void)
{
    pg_close(first);
    pg_close(second);
    pg_close(third);
}

static bool
is_held_or_over(void *ctx)
{
    struct pg *pg = ctx;
    char sql[120];

    (void)snprintf(sql, sizeof(sql),
                   "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
                   " and pid = %d",
                   pg_backend_pid(pg));
    return pg_is_ready(pg) || support_query_int(url, sql) == 1;
}

/* Begun, and at a lock or at its end. */
static void
begin(struct pg *pg, const struct pg_stmt *statement)
{
    struct error err = {0};

    ck_assert_msg(pg_start(pg, statement, NULL, &err), "%s", err.message);
    support_wait_until(is_held_or_over, pg, WAIT_MS, statement->name);
}

static void
end(struct pg *pg, const char *expected)
{
    struct error err = {0};
    struct pg_rows *rows = NULL;
    const char *text;

    ck_assert_msg(pg_finish(pg, &rows, &err), "%s %s", err.sqlstate, err.message);
    text = pg_rows_text(rows, 0, 0);
    if (expected != NULL)
        ck_assert_msg(text != NULL && strcmp(text, expected) == 0, "\"%s\", not \"%s\"", text,
                      expected);
    pg_rows_free(rows);
}

static void
wait_until_blocked(struct pg *waits, struct pg *by)
{
    char sql[120];

    (void)snprintf(sql, sizeof(sql), "select %d = any (pg_blocking_pids(%d))", pg_backend_pid(by),
                   pg_backend_pid(waits));
    support_wait_query(url, sql, "t", WAIT_MS);
}

/* Orders A and B are posted, and have new tracking. */
static void
new_tracking(void)
{
    support_ledger_do(first, "post",
                      "select t.plan('A 1 '''' 9/2/0 - A1; B 1 '''' 9/1/0 - B1');"
                      "select t.all('accept', '')");
    support_ledger_do(first, "plan", "select t.plan('A 1 '''' 9/2/0 - A2; B 1 '''' 9/1/0 - B2')");
}

START_TEST(an_order_that_is_forgotten_while_its_tracking_is_taken_keeps_no_lane_busy)
{
    static const struct pg_stmt forget = {
        .name = "forget",
        .sql = "select done::text from forget_order('B', 'test', 'asked')",
        .nparams = 0,
        .ncols = 1};

    new_tracking();
    support_ledger_do(third, "hold",
                      "create function t.wait_at_a() returns trigger language plpgsql as $$ begin"
                      "  if new.order_id = 'A' and new.active_submission is not null then"
                      "   perform pg_advisory_xact_lock(7); end if;"
                      "  return new; end $$;"
                      "create trigger wait_at_a before update on lanes"
                      " for each row execute function t.wait_at_a()");
    support_ledger_do(third, "hold", "select pg_advisory_lock(7)");
    begin(first, &take);
    begin(second, &forget);
    support_ledger_do(third, "hold", "select pg_advisory_unlock(7)");
    end(first, NULL);
    end(second, "true");
    support_ledger_expect_sound(third, "at the end", NULL);
}
END_TEST

START_TEST(tracking_whose_worker_died_is_taken_by_one_of_two)
{
    new_tracking();
    support_ledger_expect(third, "select t.take(1)", "A2 B2");
    support_wait_query(url, "select max(sending_until) < clock_timestamp() from waybill.tracking",
                       "t", WAIT_MS);
    support_ledger_do(first, "take", "begin");
    support_ledger_expect(first, "select t.take(60000)", "A2 B2");
    begin(second, &take);
    support_ledger_do(first, "take", "commit");
    end(second, "");
    support_ledger_expect_sound(first, "when both have looked", NULL);
}
END_TEST

/* By then the lane is another's, and so is what is sent under it. */
START_TEST(what_a_sleeper_says_of_its_tracking_changes_nothing)
{
    char *taken;

    new_tracking();
    support_ledger_expect(first, "select t.take(1)", "A2 B2");
    taken = support_ledger_ask(first, "take", "select min(sending_until) from tracking", NULL, NULL,
                               NULL);
    support_wait_query(url, "select max(sending_until) < clock_timestamp() from waybill.tracking",
                       "t", WAIT_MS);
    support_ledger_do(first, "plan", "select t.plan('A 1 '''' 9/2/0 - A3; B 1 '''' 9/1/0 - B2')");
    support_ledger_expect(second, "select t.take(60000)", "A3 B2");
    free(support_ledger_ask(first, "done", SAY_SENT, "1", taken, NULL));
    free(support_ledger_ask(first, "done", SAY_SENT, "2", taken, NULL));
    support_ledger_expect(
        first,
        "select count(*) from tracking where sending_until is not null and next_at is not null"
        " and sent_at is null",
        "2");
    support_ledger_expect_sound(first, "the sleeper is done", NULL);
    support_ledger_expect(first, "select count(active_submission) from lanes", "2");
    free(taken);

    taken = support_ledger_ask(second, "take", "select min(sending_until) from tracking", NULL,
                               NULL, NULL);
    free(support_ledger_ask(second, "done", SAY_SENT, "1", taken, NULL));
    support_ledger_expect(
        first,
        "select string_agg(number, ' ') from tracking where sending_until is null and next_at is"
        " null and sent_at is not null",
        "A3");
    support_ledger_expect(
        first, "select string_agg(order_id, ' ') from lanes where active_submission is null", "A");
    free(taken);
}
END_TEST

/* The refusal is not yet to be seen when the API's word on the order comes, and is when its
 * submission is opened. */
START_TEST(what_waits_for_the_gate_is_opened_under_its_lane)
{
    static const struct pg_stmt record = {
        .name = "record",
        .sql =
            "select record_orders('[{\"order_id\": \"A\", \"state\": \"accepted\", \"items\": []},"
            " {\"order_id\": \"B\", \"state\": \"accepted\", \"items\": []}]')",
        .nparams = 0,
        .ncols = 1};
    struct pg *holder = support_ledger_open(url);

    support_ledger_do(first, "prepare",
                      "select t.api('A accepted 1:9'), t.api('B accepted 1:9');"
                      "select t.plan('A 1 '''' 9/2/0'); select t.claim(1)");
    support_ledger_do(holder, "hold",
                      "begin; select from orders where order_id = 'B' for no key update");
    support_ledger_do(first, "refuse", "begin; select t.all('not_accepted', '')");
    begin(second, &record);
    support_ledger_do(first, "refuse", "commit");
    wait_until_blocked(second, holder);
    begin(third, &forget_a);
    wait_until_blocked(third, second);
    support_ledger_do(holder, "hold", "commit");
    end(second, "2");
    end(third, "true");
    support_ledger_expect(first, "select next_attempt_at <= clock_timestamp() from submissions",
                          "t");
    support_ledger_expect_sound(first, "at the end", NULL);
    pg_close(holder);
}
END_TEST

static const struct pg_stmt hand_over = {
    .name = "hand_over",
    .sql = "select handed || coalesce(why, '') from hand_over(null, 'A', 't.tell', 50, 100)",
    .nparams = 0,
    .ncols = 1};

/* The order has these states to hand over, and a function that is held up by the third session. */
static void
begin_hand_over(const char *states_sql)
{
    support_ledger_do(
        first, "prepare",
        "create function t.tell(order_id text, state text, at timestamptz) returns void"
        " language sql as $$ select pg_advisory_xact_lock(7) $$");
    support_ledger_do(first, "states", states_sql);
    support_ledger_do(third, "hold", "select pg_advisory_lock(7)");
    support_ledger_do(second, "as the bridge", "set lock_timeout = '300ms'");
    begin(first, &hand_over);
}

/* Another one comes by, gets nothing, and the first comes to its end. */
static void
meet_hand_over(void)
{
    begin(second, &hand_over);
    end(second, "0");
    support_ledger_do(third, "hold", "select pg_advisory_unlock(7)");
    end(first, "1");
}

/* The first hand-over of an order, with a function that takes its time. */
START_TEST(of_two_hand_overs_of_an_order_one_gets_nothing_and_blames_nobody)
{
    begin_hand_over("select t.api('A in_review 1:9'), t.api('A accepted 1:9')");
    meet_hand_over();
    support_ledger_expect(first,
                          "select count(*) || ' ' || (select count(*) from discrepancies)"
                          "  from order_states where handed_at is not null",
                          "1 0");
    support_ledger_expect(second, "select handed from hand_over(null, 'A', 't.tell', 50, 100)",
                          "1");
    support_ledger_expect(third, "select handed from hand_over(null, 'A', 't.tell', 50, 100)", "0");
}
END_TEST

/* Whose row is not there yet: an older state came to light while the first was at a newer one. */
START_TEST(a_hand_over_that_waits_before_its_function_is_put_off)
{
    begin_hand_over("select t.api('A accepted 1:9')");
    support_ledger_do(third, "an older one",
                      "insert into order_states (order_id, state, at, is_exact, source)"
                      " values ('A', 'in_review', now() - interval '1 h', true, 'event')");
    meet_hand_over();
    support_ledger_expect(first, "select count(*) from discrepancies", "0");
}
END_TEST

#define FAILED_CAPTURE                                                                             \
    "[{\"id\": \"e1\", \"type\": \"order.charge.capture.failed\", \"kind\": \"payment\","          \
    " \"what\": \"capture\", \"created\": \"2026-11-30T08:00:00Z\", \"order_id\": \"A\","          \
    " \"charge_id\": \"ch\", \"failure_code\": \"x\", \"fulfillment_id\": \"f1\"}]"

/* The event of a failed capture, and what its charge says of it. */
START_TEST(an_event_and_an_answer_of_one_charge_wait_for_each_other_in_one_order)
{
    static const struct pg_stmt record = {
        .name = "record",
        .sql = "select record_charge(null, 'ch', '{\"state\": \"capturable\", \"amount\": 3,"
               " \"operations\": [{\"id\": \"op1\", \"kind\": \"capture\", \"state\": \"failed\","
               " \"fulfillment_id\": \"f1\", \"failure_code\": \"x\"}]}')",
        .nparams = 0,
        .ncols = 1};
    static const struct pg_stmt apply = {
        .name = "apply", .sql = "select events_apply(null, 50)", .nparams = 0, .ncols = 1};

    support_ledger_do(first, "prepare",
                      "select t.plan('A 1 '''' 9/2/0'), t.all('accept', '');"
                      "select t.api('A fulfilled 1:9'), ask_charges('A', '{ch}');"
                      "insert into charge_operations (charge_id, operation_id, kind, state)"
                      " values ('ch', 'op1', 'capture', 'pending');"
                      "select events_store('" FAILED_CAPTURE "')");
    support_ledger_do(third, "hold", "begin; select from charge_operations for update");
    begin(first, &record);
    wait_until_blocked(first, third);
    begin(second, &apply);
    support_ledger_do(third, "hold", "commit");
    end(first, NULL);
    end(second, "1");
    support_ledger_expect(first,
                          "select string_agg(kind, ' ') from discrepancies where closed_at is null",
                          "payment");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("two sessions");
    TCase *tests = support_case(suite, "two sessions", 60);

    support_need_database();
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests,
                   an_order_that_is_forgotten_while_its_tracking_is_taken_keeps_no_lane_busy);
    tcase_add_test(tests, tracking_whose_worker_died_is_taken_by_one_of_two);
    tcase_add_test(tests, what_a_sleeper_says_of_its_tracking_changes_nothing);
    tcase_add_test(tests, what_waits_for_the_gate_is_opened_under_its_lane);
    tcase_add_test(tests, of_two_hand_overs_of_an_order_one_gets_nothing_and_blames_nobody);
    tcase_add_test(tests, a_hand_over_that_waits_before_its_function_is_put_off);
    tcase_add_test(tests, an_event_and_an_answer_of_one_charge_wait_for_each_other_in_one_order);
    return support_run_suite(suite);
}
