#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/shop.h"

/*
 * The API is there and of no use: it answers no question, takes no key, or is another than the
 * ledger's. A run says so with its exit code, the ledger to whoever asks for its health, and
 * nothing is left waiting once it is over.
 */

static struct shop shop;

static void
setup(void)
{
    shop_begin(&shop, 3);
    shop_use(&shop, "waybill", "shop.lines", "follow:\n  events: false\n");
    shop_must(&shop, 0, "init", "-q");
    shop_must(&shop, 0, "baseline", "--from", "nothing", "-q");
    shop_must(&shop, 0, "run", "-q");
    support_psql(shop.url, "select waybill.feed_from('shop.lines', 'order_id')");
}

static void
teardown(void)
{
    shop_end(&shop);
}

static void
goes_on_at_once(void)
{
    support_sandbox_faults(&shop.sandbox, "");
    shop_must(&shop, 0, "run", "-q");
    ck_assert_int_eq(shop_applied(&shop), 2);
}

START_TEST(a_run_whose_questions_are_not_answered_says_so_and_the_next_asks_at_once)
{
    shop_ships(&shop, "('o1', 'a', '', 3, 0), ('o2', 'b', '', 2, 0)");
    support_sandbox_faults(&shop.sandbox, "get:503_before=1:0");
    shop_must(&shop, 5, "run", "-q");
    shop_warned(&shop, "the API answers no question: ");
    support_query_is(shop.url,
                     "select exit_code, error like 'the API answers no question: %503%'"
                     "  from waybill.report_runs order by run_id desc limit 1",
                     "5|t");
    shop_must(&shop, 1, "status", "--check");
    shop_said(&shop, "(exit 5): the API answers no question");
    shop_must(&shop, 0, "status");
    shop_said(&shop, "stuck     2 asking orders: the API has not answered for them, oldest ");
    goes_on_at_once();
    shop_must(&shop, 0, "status", "--check");
}
END_TEST

START_TEST(questions_that_never_end_are_as_unanswered_as_refused_ones)
{
    shop_ships(&shop, "('o1', 'a', '', 3, 0), ('o2', 'b', '', 2, 0)");
    support_sandbox_faults(&shop.sandbox, "get:hang=1");
    shop_must(&shop, 5, "run", "-q");
    shop_warned(&shop, "the API answers no question: ");
    goes_on_at_once();
}
END_TEST

/* What it is told to wait for longer than a pass waits is left, for as long. */
START_TEST(a_run_does_not_wait_for_a_question_that_is_to_come_back_later)
{
    struct support_process process;

    shop_use(&shop, "waybill", "shop.lines", "follow:\n  events: true\n");
    shop_ships(&shop, "('o1', 'a', '', 3, 0), ('o2', 'b', '', 2, 0)");
    support_sandbox_faults(&shop.sandbox, "get:503_before=1:600");
    shop_spawn(&shop, &process, (const char *const[]){"run", "-q", NULL});
    ck_assert_int_eq(support_wait_exit(&process, 60000), 5);
    support_query_is(shop.url,
                     "select count(*), min(next_ask_at) > now() + interval '500 s'"
                     "  from waybill.report_orders where gate = 'asking'",
                     "2|t");
    /* A list that is told so waits as well, and its submission stays unknown. */
    support_psql(shop.url, "update waybill.orders set ask_at = now()");
    support_sandbox_faults(&shop.sandbox, "first=1:drop_after list:503_before=1:600");
    shop_spawn(&shop, &process, (const char *const[]){"run", "-q", NULL});
    ck_assert_int_eq(support_wait_exit(&process, 60000), 0);
    support_query_is(shop.url,
                     "select count(*), min(next_look_at) > now() + interval '500 s'"
                     "  from waybill.submissions where state = 'unknown'",
                     "1|t");
}
END_TEST

/* Each block is shorter than what a pass waits for. */
START_TEST(a_run_ends_when_there_is_no_end_of_blocks)
{
    static const char *const FAULTS[] = {"get:429=1:1", "429=1:1"};
    struct support_process process;
    char *errors;

    shop_ships(&shop, "('o1', 'a', '', 3, 0), ('o2', 'b', '', 2, 0)");
    support_sandbox_faults(&shop.sandbox, FAULTS[_i]);
    shop_spawn(&shop, &process, (const char *const[]){"run", "-q", NULL});
    ck_assert_int_eq(support_wait_exit(&process, 60000), 5);
    errors = support_errors(&process);
    ck_assert_msg(strstr(errors, "the API has answered nothing but 429 for 1") != NULL, "%s",
                  errors);
    free(errors);
    support_query_is(shop.url, "select count(*) from waybill.submissions where attempts > 0", "0");
    goes_on_at_once();
}
END_TEST

/* As a gateway refuses what it knows no way for. */
START_TEST(a_page_of_a_gateway_is_no_answer)
{
    shop_ships(&shop, "('o1', 'a', '', 3, 0), ('o2', 'b', '', 2, 0)");
    support_psql(shop.url, "update waybill.api_key set refused_at = now(), refused_why = 'told'");
    support_sandbox_faults(&shop.sandbox, "get:404_html=1");
    shop_must(&shop, 5, "run", "-q");
    shop_warned(&shop, "the API answers no question: ");
    support_query_is(shop.url, "select refused_why from waybill.api_key", "told");
    goes_on_at_once();
}
END_TEST

/* One answer that is of use, and the API as a whole is there: what it didn't say is asked again. */
START_TEST(a_question_that_others_are_answered_beside_waits_for_another_run)
{
    shop_ships(&shop, "('o3', 'a', '', 1, 0)");
    shop_must(&shop, 0, "run", "-q");
    shop_ships(&shop, "('o1', 'a', '', 3, 0), ('o3', 'a', '', 2, 0)");
    support_sandbox_faults(&shop.sandbox, "get:503_before=1:0");
    shop_must(&shop, 0, "run", "-q");
    ck_assert_int_eq(shop_applied(&shop), 2);
    support_query_is(shop.url,
                     "select gate, next_ask_at < clock_timestamp() + interval '10 s'"
                     "  from waybill.report_orders where order_id = 'o1'",
                     "asking|t");
}
END_TEST

START_TEST(orders_without_an_answer_for_long_are_a_warning)
{
    support_psql(shop.url, "insert into waybill.orders (order_id, ask_at, asked_since)"
                           " values ('o9', now() + interval '1 min', now() - interval '16 min')");
    shop_must(&shop, 1, "status", "--check");
    shop_said(&shop, "the API has not answered for an order for 16 min (1 in all)");
    shop_must(&shop, 0, "status", "--check", "--max-age", "20m");
}
END_TEST

static void
key_is(const char *key)
{
    (void)support_write_file("api.key", key, 0600);
}

START_TEST(a_key_that_is_refused_is_critical_until_an_answer_takes_it)
{
    shop_ships(&shop, "('o1', 'a', '', 3, 0), ('o2', 'b', '', 2, 0), ('o3', 'b', '', 2, 0)");
    key_is("sk_live_of_nobody");
    shop_must(&shop, 5, "run", "-q");
    shop_warned(&shop, "the API refuses the key: ");
    shop_must(&shop, 2, "status", "--check");
    shop_said(&shop, "the API has refused the key for ");
    support_query_is(shop.url,
                     "select api_refused_at > now() - interval '1 min', api_refused_why <> ''"
                     "  from waybill.report_health",
                     "t|t");
    /* Since the first time. */
    support_psql(shop.url, "update waybill.api_key set refused_at = now() - interval '1 h'");
    shop_must(&shop, 5, "run", "-q");
    shop_must(&shop, 2, "status", "--check");
    shop_said(&shop, "the API has refused the key for 60 min");
    key_is("sk_test_sandbox");
    shop_must(&shop, 0, "run", "-q");
    ck_assert_int_eq(shop_applied(&shop), 3);
    shop_must(&shop, 0, "status", "--check");
}
END_TEST

START_TEST(a_key_that_was_refused_is_tried_by_a_run_with_nothing_else_to_do)
{
    support_psql(shop.url, "update waybill.api_key set refused_at = now(), refused_why = 'no'");
    key_is("sk_live_of_nobody");
    shop_must(&shop, 5, "run", "-q");
    key_is("sk_test_sandbox");
    shop_must(&shop, 0, "run", "-q");
    support_query_is(shop.url, "select api_refused_at is null from waybill.report_health", "t");
}
END_TEST

static bool
last_run_ended_with(void *code)
{
    char *seen =
        support_query_text(shop.url, "select last_run_exit_code from waybill.report_health");
    bool is = strncmp(seen, code, 1) == 0;

    free(seen);
    return is;
}

/* It is at work all the time: what its last run ended with is what there is to judge it by. */
START_TEST(a_watch_says_that_the_api_is_away_and_then_that_it_is_back)
{
    struct support_process watch;

    shop_ships(&shop, "('o1', 'a', '', 3, 0), ('o2', 'b', '', 2, 0)");
    support_sandbox_faults(&shop.sandbox, "get:503_before=1:0");
    shop_spawn(&shop, &watch, (const char *const[]){"watch", "-q", NULL});
    support_wait_until(last_run_ended_with, (char[]){"5"}, 60000, "a pass that failed");
    shop_must(&shop, 1, "status", "--check");
    shop_said(&shop, "(exit 5): the API answers no question");
    support_sandbox_faults(&shop.sandbox, "");
    support_wait_until(last_run_ended_with, (char[]){"0"}, 60000, "a pass that went well");
    ck_assert_int_eq(shop_applied(&shop), 2);
    shop_must(&shop, 0, "status", "--check");
    support_signal(&watch, SIGTERM);
    ck_assert_int_eq(support_wait_exit(&watch, 60000), 0);
}
END_TEST

START_TEST(why_events_are_not_read_is_told_by_status_and_by_check)
{
    shop_use(&shop, "waybill", "shop.lines", NULL);
    support_sandbox_faults(&shop.sandbox, "events:403_api=1");
    shop_must(&shop, 0, "run", "-q");
    support_psql(shop.url, "update waybill.event_feed set read_at = now() - interval '2 h';"
                           "update waybill.identity set mode_since = now() - interval '3 h'");
    shop_must(&shop, 1, "status", "--check");
    shop_said(&shop, "the API's events have not been read to the end for 2 h: ");
    shop_must(&shop, 0, "status");
    shop_said(&shop, "next:     waybill check\n");
    shop_must(&shop, 0, "check");
    shop_said(&shop, "warn  events        can't be read: ");
    shop_said(&shop, "follow.events: false\n");

    support_sandbox_faults(&shop.sandbox, "");
    shop_must(&shop, 0, "check");
    shop_said(&shop, "ok    events        can be read\n");
    shop_must(&shop, 0, "run", "-q");
    support_query_is(shop.url, "select events_unread_why is null from waybill.report_health", "t");
    shop_must(&shop, 0, "status", "--check");
}
END_TEST

/* The configuration with one of its lines changed. */
static const char *
configured(const char *from, const char *to)
{
    char *text = support_read_file(shop.config);
    char *at = strstr(text, from);
    const char *path;
    char changed[4096];

    ck_assert_ptr_nonnull(at);
    (void)snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to,
                   at + strlen(from));
    path = support_write_file("changed.yaml", changed, 0600);
    free(text);
    return path;
}

static void
stops_for_another_api(const char *said)
{
    shop_must(&shop, 3, "run", "-q");
    shop_warned(&shop, said);
    shop_warned(&shop, "see: waybill recover");
    shop_must(&shop, 3, "check");
    shop_said(&shop, said);
    shop_said(&shop, "waybill recover");
    shop_must(&shop, 2, "status", "--check");
    shop_said(&shop, said);
    shop_must(&shop, 0, "status");
    shop_said(&shop, "next:     waybill recover\n");
    ck_assert_msg(strstr(shop.out, "next:     waybill run\n") == NULL, "in a circle: %s", shop.out);
}

START_TEST(what_stops_a_run_for_another_api_is_told_by_check_and_by_status)
{
    const char *right = shop.config;

    shop_ships(&shop, "('o1', 'a', '', 3, 0)");
    shop_must(&shop, 0, "run", "-q");
    shop.config = configured("mode: test", "mode: live");
    stops_for_another_api("this ledger was filled in test mode, the configuration says live");
    shop.config = right;
    shop.config = configured("http://127.0.0.1", "http://localhost");
    stops_for_another_api(", the configuration says http://localhost:");
    shop.config = right;
    shop_must(&shop, 0, "run", "-q");
    shop_must(&shop, 0, "status", "--check");
}
END_TEST

START_TEST(an_answer_of_the_other_mode_is_told_without_words_that_it_lacks)
{
    shop_ships(&shop, "('o1', 'a', '', 3, 0)");
    support_sandbox_faults(&shop.sandbox, "wrong_live=1");
    shop_must(&shop, 3, "run", "-q");
    support_query_is(shop.url, "select kind, detail from waybill.report_discrepancies",
                     "ledger|accepted, but in the other mode: HTTP 201");
}
END_TEST

START_TEST(a_key_of_the_other_mode_is_told_by_check)
{
    shop_ships(&shop, "('o1', 'a', '', 3, 0)");
    shop_must(&shop, 0, "run", "-q");
    shop_use(&shop, "fresh", "shop.lines", NULL);
    shop.config = configured("mode: test", "mode: live");
    shop_must(&shop, 0, "init", "-q");
    shop_must(&shop, 0, "baseline", "--from", "nothing", "-q");
    shop_must(&shop, 3, "check");
    shop_said(&shop, "the API answers in test mode, the configuration says live");
}
END_TEST

static void
fails_for_a_run(void)
{
    support_sandbox_faults(&shop.sandbox, "403_html=1");
    (void)shop_waybill(&shop, (const char *const[]){"run", "-q", NULL});
    support_sandbox_faults(&shop.sandbox, "");
}

static void
retries_at_once_and_gives_up_after_three(void)
{
    shop_use(&shop, "waybill", "shop.lines",
             "follow:\n  events: false\n"
             "retry:\n  max_attempts: 3\n  first_delay_ms: 10\n  max_delay_ms: 20\n");
}

START_TEST(an_outage_ends_in_nothing_held)
{
    retries_at_once_and_gives_up_after_three();
    shop_ships(&shop, "('o1', 'a', '', 3, 0), ('o2', 'b', '', 2, 0)");
    for (int i = 0; i < 3; i++)
        fails_for_a_run();
    support_query_is(shop.url,
                     "select state, count(*), max(attempts) from waybill.report_submissions"
                     " group by state",
                     "planned|2|1");
    support_query_is(shop.url, "select count(*) from waybill.report_discrepancies", "0");
    goes_on_at_once();
}
END_TEST

START_TEST(what_fails_again_and_again_while_others_are_accepted_is_held)
{
    retries_at_once_and_gives_up_after_three();
    shop_ships(&shop, "('o1', 'a', '', 3, 0)");
    fails_for_a_run();
    shop_ships(&shop, "('o2', 'a', '', 1, 0)");
    shop_must(&shop, 0, "run", "-q", "--order", "o2");
    fails_for_a_run();
    support_query_is(shop.url,
                     "select state, attempts from waybill.report_submissions"
                     " where order_id = 'o1'",
                     "planned|2");
    shop_ships(&shop, "('o3', 'a', '', 1, 0)");
    support_psql(shop.url, "update waybill.api_key set accepted_at = accepted_at - interval '1 s'");
    shop_must(&shop, 0, "run", "-q", "--order", "o3");
    fails_for_a_run();
    support_query_is(shop.url,
                     "select state, held_by, attempts from waybill.submissions"
                     " where order_id = 'o1'",
                     "held|attempts|3");
    support_query_is(shop.url, "select kind from waybill.report_discrepancies", "attempts");
}
END_TEST

#define CASE(name) SUPPORT_CASE(suite, 120, setup, teardown, name)

int
main(void)
{
    Suite *suite = suite_create("outage");
    TCase *blocks;

    support_need_database();
    CASE(a_run_whose_questions_are_not_answered_says_so_and_the_next_asks_at_once);
    CASE(questions_that_never_end_are_as_unanswered_as_refused_ones);
    CASE(a_run_does_not_wait_for_a_question_that_is_to_come_back_later);
    blocks = support_case(suite, "a_run_ends_when_there_is_no_end_of_blocks", 120);
    tcase_add_checked_fixture(blocks, setup, teardown);
    tcase_add_loop_test(blocks, a_run_ends_when_there_is_no_end_of_blocks, 0, 2);
    CASE(a_page_of_a_gateway_is_no_answer);
    CASE(a_question_that_others_are_answered_beside_waits_for_another_run);
    CASE(orders_without_an_answer_for_long_are_a_warning);
    CASE(a_key_that_is_refused_is_critical_until_an_answer_takes_it);
    CASE(a_key_that_was_refused_is_tried_by_a_run_with_nothing_else_to_do);
    CASE(a_watch_says_that_the_api_is_away_and_then_that_it_is_back);
    CASE(why_events_are_not_read_is_told_by_status_and_by_check);
    CASE(an_outage_ends_in_nothing_held);
    CASE(what_fails_again_and_again_while_others_are_accepted_is_held);
    CASE(what_stops_a_run_for_another_api_is_told_by_check_and_by_status);
    CASE(an_answer_of_the_other_mode_is_told_without_words_that_it_lacks);
    CASE(a_key_of_the_other_mode_is_told_by_check);
    return support_run_suite(suite);
}
