#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"
#include "json/json.h"

static char url[SUPPORT_URL_MAX];
static const char *config;

static const char *
write_config(const char *name, const char *database)
{
    char text[SUPPORT_URL_MAX + 512];
    const char *key = support_write_file("key", "sk_test\n", 0600);

    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\n"
                   "warehouse:\n  line_items: public.items\n"
                   "api:\n  base_url: http://127.0.0.1:%d\n  key_file: %s\n  mode: test\n",
                   database, support_free_port(), key);
    return support_write_file(name, text, 0600);
}

static int
waybill(const char *const arguments[5], char **out, char **errors)
{
    const char *argv[9] = {SUPPORT_WAYBILL, "-c", config};

    for (int i = 0; i < 5; i++)
        argv[i + 3] = arguments[i];
    return support_run(argv, NULL, out, errors);
}
#define ARGS(...) ((const char *const[5]){__VA_ARGS__})

static void
setup(void)
{
    support_database_create(url);
    support_psql(url, "create view public.items as select 'o1'::text as order_id, 'a'::text as"
                      " item_id, 5 as ordered_quantity, 3 as shipped_quantity,"
                      " 0 as cancelled_quantity");
    config = write_config("waybill.yaml", url);
    ck_assert_int_eq(waybill(ARGS("init", "-q"), NULL, NULL), 0);
}

/* A ledger that works, whose last run ended well a moment ago. */
static void
setup_live(void)
{
    setup();
    ck_assert_int_eq(waybill(ARGS("baseline", "--from", "warehouse"), NULL, NULL), 0);
    support_psql(url, "insert into waybill.runs (command, host, pid, version, finished_at,"
                      " exit_code) values ('run', 'h', 1, '1', clock_timestamp(), 0)");
}

static void
expect(const char *const arguments[5], int code, const char *in_out)
{
    char *out = NULL;
    char *errors = NULL;
    int seen = waybill(arguments, &out, &errors);

    ck_assert_msg(seen == code, "exit %d instead of %d: %s%s", seen, code, out, errors);
    ck_assert_msg(strstr(out, in_out) != NULL, "stdout lacks \"%s\": %s", in_out, out);
    free(out);
    free(errors);
}

START_TEST(a_monitor_gets_one_line_and_the_code_of_its_level)
{
    char *out = NULL;

    expect(ARGS("status", "--check"), 0, "WAYBILL OK - ");
    support_psql(url, "insert into waybill.discrepancies (kind, order_id, detail)"
                      " values ('rejected', 'o|1', 'x')");
    expect(ARGS("status", "--check"), 1,
           "WAYBILL WARNING - 1 open discrepancy for a person | 'backlog'=0;;;0 ");
    support_psql(url, "insert into waybill.discrepancies (kind, order_id, detail)"
                      " values ('double', 'o1', 'x')");
    expect(ARGS("status", "--check"), 2, "WAYBILL CRITICAL - 1 open discrepancy where money");
    ck_assert_int_eq(waybill(ARGS("status", "--check"), &out, NULL), 2);
    ck_assert_msg(strchr(out, '\n') == out + strlen(out) - 1, "one line: %s", out);
    ck_assert_msg(strchr(out, '|') == strrchr(out, '|'), "one separator: %s", out);
    free(out);
}
END_TEST

START_TEST(a_monitor_is_told_in_its_own_words_when_nothing_can_be_read)
{
    char down[SUPPORT_URL_MAX];

    expect(ARGS("status", "--check", "-c", "/nonexistent.yaml"), 3, "WAYBILL UNKNOWN - ");
    (void)snprintf(down, sizeof(down), "postgresql://u:secret@127.0.0.1:%d/x", support_free_port());
    config = write_config("down.yaml", down);
    expect(ARGS("status", "--check"), 2, "WAYBILL CRITICAL - ");
}
END_TEST

START_TEST(a_database_without_a_ledger_says_nothing_about_the_service)
{
    support_psql(url, "drop schema waybill cascade");
    expect(ARGS("status", "--check"), 3, "WAYBILL UNKNOWN - the schema");
}
END_TEST

START_TEST(the_age_that_is_too_old_can_be_given)
{
    support_psql(url, "update waybill.runs set finished_at = clock_timestamp() - interval '2 h'");
    expect(ARGS("status", "--check"), 2, "no run for 2 h");
    expect(ARGS("status", "--check", "--max-age", "1h"), 1, "no run for 2 h");
    expect(ARGS("status", "--check", "--max-age", "26h"), 0, "'last_run_age'=");
    expect(ARGS("status", "--max-age", "soon"), 2, "");
    expect(ARGS("status", "--json", "--check"), 2, "");
}
END_TEST

/* Whoever sweeps often, or touches what changed, needs no feed. */
START_TEST(a_queue_that_no_table_feeds_is_a_warning_when_sweeps_are_all_there_is)
{
    support_psql(url, "update waybill.feed_state set last_sweep_at = now() - interval '1 h'");
    expect(ARGS("status", "--check"), 1, "no table is fed, so changes come with sweeps only, the");
    expect(ARGS("status"), 0, "next:     waybill check\n");
    expect(ARGS("status", "--check", "--max-age", "2h"), 0, "WAYBILL OK");
    support_psql(url, "select waybill.touch('o1'); select waybill.take_queue(1, 10, null, false)");
    expect(ARGS("status", "--check"), 0, "WAYBILL OK");
    support_query_is(url, "select feed from waybill.report_health", "touch");
    support_psql(url, "update waybill.feed_state set touched_at = now() - interval '2 days'");
    support_query_is(url, "select feed from waybill.report_health", "none");
}
END_TEST

START_TEST(the_screen_says_what_is_stuck_and_why_and_what_to_type)
{
    support_psql(url,
                 "insert into waybill.orders (order_id, state, ask_at, checked_at, state_since)"
                 " values ('o''7', 'in_review', now() + interval '9 min', now(), now());"
                 "insert into waybill.discrepancies (kind, order_id, detail)"
                 " values ('rejected', 'o''7', E'no \\x1b[2J')");
    expect(ARGS("status"), 0, "waybill   WARNING\n");
    expect(ARGS("status"), 0, "stuck     1 waiting order: the API says in_review, oldest ");
    expect(ARGS("status"), 0, "order o'7, no \\u{1b}[2J\n");
    expect(ARGS("status"), 0, "next:     waybill report order --id 'o'\\''7'\n");
    expect(ARGS("status"), 0, "safe      nothing is on its way; stopping");
}
END_TEST

START_TEST(what_stopped_the_last_run_stands_on_top_with_the_way_on)
{
    support_psql(url, "delete from waybill.runs");
    expect(ARGS("status"), 0, "          no run has finished yet, and none works now\n");
    expect(ARGS("status"), 0, "backlog   nothing planned, sending, unknown or held\n");
    expect(ARGS("status"), 0, "next:     waybill run\n");
    ck_assert_int_eq(waybill(ARGS("run", "-q"), NULL, NULL), 5);
    expect(ARGS("status"), 0,
           "          the last run could not work with the API (exit 5): the API can't be reached");
    expect(ARGS("status"), 0, "next:     waybill check\nnext:     waybill run\n");
    expect(ARGS("status", "--check"), 1, "(exit 5): the API can't be reached");
    support_psql(url, "insert into waybill.discrepancies (kind, order_id, item_id, detail)"
                      " values ('unknown_item', 'o7', 'sku-1', 'no such item')");
    expect(ARGS("status"), 0, "order o7, item sku-1: no such item\n");
}
END_TEST

START_TEST(while_the_api_tells_us_to_stay_away_the_next_run_has_its_time)
{
    support_psql(url, "select waybill.touch('o1'); select waybill.block_key(500000, '429')");
    expect(ARGS("status"), 0, "api       told us to stay away for another 8 min: 429\n");
    expect(ARGS("status"), 0, "next:     waybill run # in ");
    support_psql(url, "select waybill.unblock_key()");
    expect(ARGS("status"), 0, "next:     waybill run\n");
}
END_TEST

/* Its triggers may all be there, on another table than the view's. */
START_TEST(what_the_feed_missed_is_a_reason_to_check_it)
{
    support_psql(url, "update waybill.feed_state set missed_by_feed = 12");
    expect(ARGS("status"), 0, "found 12 lines that the feed had missed");
    expect(ARGS("status"), 0, "next:     waybill check\n");
}
END_TEST

START_TEST(a_pause_shows_who_and_why_and_the_way_out)
{
    support_psql(url, "select waybill.set_mode('paused', 'ann', 'stock-taking')");
    expect(ARGS("status"), 0, "paused by ann: stock-taking");
    expect(ARGS("status"), 0, "resume");
    expect(ARGS("status", "--check"), 1, "WAYBILL WARNING - paused by ann: stock-taking");
}
END_TEST

/* Keys that programs read stay; new ones may come. */
START_TEST(the_json_has_the_keys_that_programs_read)
{
    static const char *const keys[] = {"level", "findings",      "health", "pace", "backlog",
                                       "stuck", "discrepancies", "runs",   "next"};
    char *out = NULL;
    struct json_doc *doc = NULL;
    struct error err = {0};

    support_psql(url, "insert into waybill.discrepancies (kind, order_id, detail)"
                      " values ('rejected', 'o1', 'x')");
    ck_assert_int_eq(waybill(ARGS("status", "--json"), &out, NULL), 0);
    ck_assert_msg(json_parse(out, strlen(out), &doc, &err), "%s: %s", err.message, out);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char quoted[32];

        (void)snprintf(quoted, sizeof(quoted), "\"%s\":", keys[i]);
        ck_assert_msg(strstr(out, quoted) != NULL, "%s: %s", quoted, out);
    }
    ck_assert_ptr_nonnull(strstr(out, "\"level\":\"WARNING\",\"findings\":[{\"level\":\"WARNING\","
                                      "\"name\":\"discrepancies\","));
    ck_assert_ptr_nonnull(strstr(out, "\"is_money\":false"));
    json_free(doc);
    free(out);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("status");
    TCase *tcase;

    support_need_database();
    tcase = support_case(suite, "status", 120);
    tcase_add_checked_fixture(tcase, setup_live, NULL);
    tcase_add_test(tcase, a_monitor_gets_one_line_and_the_code_of_its_level);
    tcase_add_test(tcase, a_monitor_is_told_in_its_own_words_when_nothing_can_be_read);
    tcase_add_test(tcase, a_database_without_a_ledger_says_nothing_about_the_service);
    tcase_add_test(tcase, the_age_that_is_too_old_can_be_given);
    tcase_add_test(tcase, a_queue_that_no_table_feeds_is_a_warning_when_sweeps_are_all_there_is);
    tcase_add_test(tcase, the_screen_says_what_is_stuck_and_why_and_what_to_type);
    tcase_add_test(tcase, what_stopped_the_last_run_stands_on_top_with_the_way_on);
    tcase_add_test(tcase, while_the_api_tells_us_to_stay_away_the_next_run_has_its_time);
    tcase_add_test(tcase, what_the_feed_missed_is_a_reason_to_check_it);
    tcase_add_test(tcase, a_pause_shows_who_and_why_and_the_way_out);
    tcase_add_test(tcase, the_json_has_the_keys_that_programs_read);
    return support_run_suite(suite);
}
