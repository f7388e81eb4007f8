/*
 * Several sessions at once: planners, claims and settlements of the same orders.
 *
 * What the code does in order (one planner, lanes first) is tried here by sessions that meet on
 * purpose, and what the database refuses by sessions that do without that order.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/ledger.h"

enum {
    SESSIONS = 8,
    HAMMER_MS = 8000,
};

static char url[SUPPORT_URL_MAX];
static struct pg *first, *second;

static void
setup(void)
{
    support_ledger_create(url);
    first = support_ledger_open(url);
    second = support_ledger_open(url);
}

static void
teardown(void)
{
    pg_close(first);
    pg_close(second);
}

static void
expect_refused(struct pg *pg, const char *sql, const char *sqlstate, const char *part)
{
    struct error err = {0};

    ck_assert_msg(!pg_exec(pg, sql, &err), "was not refused: %s", sql);
    ck_assert_msg(strcmp(err.sqlstate, sqlstate) == 0, "%s: %s", err.sqlstate, err.message);
    ck_assert_msg(strstr(err.message, part) != NULL, "%s", err.message);
}

/* --- two sessions --- */

START_TEST(of_two_planners_at_once_one_gets_nothing)
{
    support_ledger_do(first, "first", "begin");
    support_ledger_expect(first, "select plan_begin()", "t");
    support_ledger_expect(second, "select plan_begin()", "f");
    support_ledger_do(first, "first", "commit");
    support_ledger_expect(second, "select plan_begin()", "t");
}
END_TEST

START_TEST(an_order_that_is_being_claimed_is_looked_at_later)
{
    support_ledger_do(first, "plan", "select t.plan('A 1 '''' 9/2/0; B 1 '''' 9/1/0')");
    support_ledger_do(
        second, "change",
        "select t.warehouse('A 1 '''' 9/5/0; B 1 '''' 9/3/0'); select t.time_passes()");
    support_ledger_do(second, "claim",
                      "begin; select * from lanes where order_id = 'A' for no key update");
    support_ledger_expect(first, "select t.look()",
                          "looked 1 planned 1 withdrawn 1 busy 1 opened 0");
    support_ledger_expect(first, "select t.queued()", "A");
    support_ledger_expect(first, "select t.open()", "planned '' 1:2/0; B planned '' 1:3/0");
    support_ledger_do(second, "claim", "commit");
    support_ledger_expect(first, "select t.look()",
                          "looked 2 planned 1 withdrawn 1 busy 0 opened 0");
    support_ledger_expect(first, "select t.open()", "planned '' 1:5/0; B planned '' 1:3/0");
    support_ledger_expect(first, "select t.queued()", "");
}
END_TEST

START_TEST(an_order_that_is_being_settled_is_looked_at_later)
{
    support_ledger_do(first, "plan", "select t.plan('A 1 '''' 9/2/0'); select t.claim(1)");
    support_ledger_do(second, "settle", "begin; select t.all('accept', '')");
    support_ledger_do(first, "plan", "select t.plan('A 1 '''' 9/3/0')");
    support_ledger_expect(first, "select t.queued()", "A");
    support_ledger_expect(first, "select t.open()", "sending '' 1:2/0");
    support_ledger_do(second, "settle", "commit");
    support_ledger_do(first, "plan", "select t.look()");
    support_ledger_expect(first, "select t.posted()", "1 '' 2/0");
    support_ledger_expect(first, "select t.open()", "planned '' 1:1/0");
    support_ledger_expect_sound(first, "at the end", NULL);
}
END_TEST

START_TEST(a_claim_skips_an_order_that_is_being_planned)
{
    support_ledger_do(first, "plan", "select t.plan('A 1 '''' 9/2/0; B 1 '''' 9/1/0')");
    support_ledger_do(first, "plan", "begin; select t.plan('A 1 '''' 9/3/0; B 1 '''' 9/1/0')");
    support_ledger_expect(second, "select t.claim(10)", "0");
    support_ledger_do(first, "plan", "rollback");
    support_ledger_expect(second, "select t.claim(10)", "2");
}
END_TEST

START_TEST(two_claims_never_take_the_same)
{
    support_ledger_do(first, "plan", "select t.plan('A 1 P1 9/2/0; A 1 P2 9/1/0; B 1 '''' 9/1/0')");
    support_ledger_do(first, "claim", "begin");
    support_ledger_expect(first, "select t.claim(1)", "1");
    support_ledger_expect(second, "select t.claim(10)", "1");
    support_ledger_do(first, "claim", "commit");
    support_ledger_expect(second, "select t.claim(10)", "0");
    support_ledger_expect(
        first, "select count(distinct order_id) from submissions where state = 'sending'", "2");
}
END_TEST

/* --- without the planner's order --- */

/* What a plan_orders() of a stale reader would write: it read the row before somebody else planned
 * it. */
#define STALE_ITEM                                                                                 \
    "insert into submissions (order_id, shipment_ref, next_attempt_at) values ('A', '', now());"   \
    " insert into submission_items (submission_id, row_id, plan_no, shipped)"                      \
    " select max(submission_id), (select row_id from rows), "

START_TEST(a_plan_number_can_be_used_once)
{
    support_ledger_do(first, "plan", "select t.plan('A 1 '''' 9/2/0')");
    expect_refused(second, STALE_ITEM "1, 2 from submissions", "23505", "law_5_plan_no");
    expect_refused(second, STALE_ITEM "3, 2 from submissions", "23514", "law 5");
    support_ledger_expect(first, "select t.open()", "planned '' 1:2/0");
}
END_TEST

START_TEST(units_beyond_what_the_warehouse_says_are_refused)
{
    support_ledger_do(first, "plan", "select t.plan('A 1 '''' 9/2/0')");
    expect_refused(second, STALE_ITEM "2, 2 from submissions", "23514", "law_5_shipped");
    support_ledger_do(first, "accept", "select t.all('accept', '')");
    expect_refused(second, STALE_ITEM "2, 1 from submissions", "23514", "law_5_shipped");
    support_ledger_expect(first, "select t.posted()", "1 '' 2/0");
}
END_TEST

START_TEST(a_stale_planner_without_the_lock_waits_and_is_refused)
{
    struct error err = {0};
    static const struct pg_stmt stale = {
        .name = "stale", .sql = "select t.look_unlocked()", .nparams = 0, .ncols = 1};

    /* It evaluates before the other commits, and writes after: as if lanes weren't taken first. */
    support_ledger_do(
        first, "stale",
        "create function t.look_unlocked() returns text language plpgsql as $$"
        " declare e evaluation; s bigint; n int;"
        " begin"
        "  select x.* into e from evaluate('{A}', t.readings('{A}'), false, false, 0, 0, 0) x;"
        "  select r.plan_no + 1 into n from rows r where r.row_id = e.row_id for no key update;"
        "  insert into submissions (order_id, shipment_ref, next_attempt_at)"
        "  values ('A', '', now()) returning submission_id into s;"
        "  insert into submission_items (submission_id, row_id, plan_no, shipped)"
        "  values (s, e.row_id, n, e.want_shipped);"
        "  return s::text; end $$");
    support_ledger_do(first, "plan",
                      "select t.plan('A 1 '''' 9/0/0'); select t.warehouse('A 1 '''' 9/2/0')");
    support_ledger_do(first, "plan", "begin; select t.look()");
    ck_assert_msg(pg_start(second, &stale, NULL, &err), "%s", err.message);
    support_wait_query(url,
                       "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
                       " and query like '%look_unlocked%' and datname = current_database()",
                       "1", 10000);
    support_ledger_do(first, "plan", "commit");
    ck_assert(!pg_finish(second, NULL, &err));
    ck_assert_msg(strcmp(err.sqlstate, "23514") == 0, "%s: %s", err.sqlstate, err.message);
    ck_assert_msg(strstr(err.message, "law_5_shipped") != NULL, "%s", err.message);
    support_ledger_expect(first, "select t.open()", "planned '' 1:2/0");
}
END_TEST

START_TEST(a_second_submission_of_an_order_can_t_be_on_its_way)
{
    support_ledger_do(first, "plan",
                      "select t.plan('A 1 P1 9/2/0; A 1 P2 9/1/0'); select t.claim(1)");
    expect_refused(second,
                   "update submissions set state = 'sending', next_attempt_at = null,"
                   " claim_token = gen_random_uuid(), claim_expires_at = now()"
                   " where state = 'planned'",
                   "23505", "law 4");
}
END_TEST

/* As if both had forgotten the lane: who comes second waits, and sees the first. */
START_TEST(of_two_submissions_that_leave_at_once_one_is_refused)
{
    struct error err = {0};
    static const struct pg_stmt leave = {
        .name = "leave", .sql = "select t.leave('P2')::text", .nparams = 0, .ncols = 1};

    support_ledger_do(first, "plan",
                      "select t.plan('A 1 P1 9/2/0; A 1 P2 9/1/0');"
                      "create function t.leave(parcel text) returns void language sql as $$"
                      " update submissions set state = 'sending', next_attempt_at = null,"
                      "  claim_token = gen_random_uuid(), claim_expires_at = now()"
                      "  where shipment_ref = parcel $$;");
    support_ledger_do(first, "leave", "begin; select t.leave('P1')");
    ck_assert_msg(pg_start(second, &leave, NULL, &err), "%s", err.message);
    support_wait_query(url,
                       "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
                       " and query like '%t.leave%' and datname = current_database()",
                       "1", 10000);
    support_ledger_do(first, "leave", "commit");
    ck_assert(!pg_finish(second, NULL, &err));
    ck_assert_msg(strcmp(err.sqlstate, "23505") == 0, "%s: %s", err.sqlstate, err.message);
}
END_TEST

START_TEST(counters_can_t_be_written)
{
    support_ledger_do(first, "plan", "select t.plan('A 1 '''' 9/2/0')");
    expect_refused(second, "update rows set live_shipped = 0", "23514", "law 5");
    expect_refused(second, "update rows set planned_to_shipped = 99", "23514", "law 5");
    expect_refused(second, "update rows set plan_no = 7", "23514", "law 5");
    support_ledger_expect(first, "select t.open()", "planned '' 1:2/0");
}
END_TEST

/* --- all at once --- */

struct hammer {
    pthread_t thread;
    int number;
    struct clock_mono deadline;
    char failure[512];
};

/* One turn of a session. Every statement is a transaction. */
static const char *
hammer_turn(struct hammer *hammer, int turn)
{
    switch ((hammer->number + turn) % 5) {
    case 0:
        return "select t.hammer_warehouse()";
    case 1:
        return "select t.hammer_plan()";
    case 2:
        return "select t.time_passes(), t.claim(3)";
    case 3:
        return "select t.hammer_answer()";
    default:
        return "select t.hammer_look()";
    }
}

/* No Check assertion here: it may only be used by the thread of the test. */
static void *
hammer_run(void *argument)
{
    struct hammer *hammer = argument;
    struct error err = {0};
    struct pg *pg = NULL;
    struct pg_options options = {.url = url,
                                 .application_name = "waybill hammer",
                                 .search_path = "waybill",
                                 .connect_timeout_ms = 5000,
                                 .statement_timeout_ms = 30000};

    if (!pg_open(&pg, &options, &err) ||
        !pg_exec(pg, "set search_path = waybill, t, pg_temp; select t.begin()", &err))
        goto done;
    for (int turn = 0; clock_mono_left_ms(hammer->deadline) > 0; turn++) {
        if (!pg_exec(pg, hammer_turn(hammer, turn), &err))
            goto done;
    }
done:
    if (err.message[0] != '\0')
        (void)snprintf(hammer->failure, sizeof(hammer->failure), "%s %s", err.sqlstate,
                       err.message);
    pg_close(pg);
    return NULL;
}

START_TEST(eight_sessions_at_once_make_no_deadlock_and_nothing_double)
{
    struct hammer hammers[SESSIONS] = {0};
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), HAMMER_MS);
    char *text;

    support_ledger_do(
        first, "hammer",
        /* A warehouse that several may write, and that only grows. */
        "alter table t.w add primary key (order_id, item_id, shipment_ref);"
        "create function t.hammer_warehouse() returns void language plpgsql as $$"
        " declare o text := 'O' || (random() * 5)::int; i text := (random() * 2)::int; begin"
        "  insert into t.w values (o, i, 'P' || (random() * 2)::int, 100000, 1, 0)"
        "  on conflict (order_id, item_id, shipment_ref) do update"
        "  set shipped = w.shipped + 1, cancelled = w.cancelled + (random() * 0.7)::int;"
        "  insert into queue (order_key) values (o); end $$;"
        "create function t.hammer_plan() returns void language plpgsql as $$"
        " declare keys text[]; begin"
        "  if not plan_begin() then return; end if;"
        "  keys := array(select k from take_queue(null, 10, null, false) k);"
        "  perform t.plan_these(keys); end $$;"
        /* The claims of one's own worker. */
        "create function t.hammer_answer() returns void language plpgsql as $$"
        " declare s record; begin"
        "  for s in select submission_id, (random() * 1000)::int as chance from submissions"
        "            where state = 'sending' and worker_id = current_setting('t.worker')::bigint"
        "            order by order_id loop"
        "   perform t.answer_by_fate(s.submission_id, s.chance); end loop; end $$;"
        "create function t.hammer_look() returns void language plpgsql as $$"
        " declare s record; begin"
        "  for s in select submission_id from take_looks(2, 60000, null) loop"
        "   perform t.one(s.submission_id, case when exists (select from t.applied a"
        "    where a.submission_id = s.submission_id) then 'found' else 'absent' end, '');"
        "  end loop; end $$");
    for (int i = 0; i < SESSIONS; i++) {
        hammers[i].number = i;
        hammers[i].deadline = deadline;
        ck_assert_int_eq(pthread_create(&hammers[i].thread, NULL, hammer_run, &hammers[i]), 0);
    }
    for (int i = 0; i < SESSIONS; i++)
        ck_assert_int_eq(pthread_join(hammers[i].thread, NULL), 0);
    for (int i = 0; i < SESSIONS; i++)
        ck_assert_msg(hammers[i].failure[0] == '\0', "session %d: %s", i, hammers[i].failure);
    support_ledger_expect_sound(first, "after the hammer", "step");

    text = support_ledger_ask(first, "the end", "select t.finish()", NULL, NULL, NULL);
    ck_assert_str_eq(text, "");
    free(text);
    support_ledger_expect_sound(first, "at the end", "end");
    support_ledger_expect(first, "select count(*) from t.lines where has_issue", "0");
    support_ledger_expect(first, "select count(*) > 20 from submissions where state = 'accepted'",
                          "t");
    support_ledger_expect(
        first, "select sum(posted_shipped) = (select sum(shipped) from t.w) from row_units", "t");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("planners");
    TCase *two = support_case(suite, "two sessions", 60);
    TCase *all = support_case(suite, "eight sessions", 120);

    support_need_database();
    tcase_add_checked_fixture(two, setup, teardown);
    tcase_add_test(two, of_two_planners_at_once_one_gets_nothing);
    tcase_add_test(two, an_order_that_is_being_claimed_is_looked_at_later);
    tcase_add_test(two, an_order_that_is_being_settled_is_looked_at_later);
    tcase_add_test(two, a_claim_skips_an_order_that_is_being_planned);
    tcase_add_test(two, two_claims_never_take_the_same);
    tcase_add_test(two, a_plan_number_can_be_used_once);
    tcase_add_test(two, units_beyond_what_the_warehouse_says_are_refused);
    tcase_add_test(two, a_stale_planner_without_the_lock_waits_and_is_refused);
    tcase_add_test(two, a_second_submission_of_an_order_can_t_be_on_its_way);
    tcase_add_test(two, of_two_submissions_that_leave_at_once_one_is_refused);
    tcase_add_test(two, counters_can_t_be_written);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, eight_sessions_at_once_make_no_deadlock_and_nothing_double);
    return support_run_suite(suite);
}
