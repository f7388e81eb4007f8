#include <stdlib.h>
#include <string.h>

#include "cli/health.h"
#include "support/support.h"

static struct config config;
static struct health_limits limits;

/* A ledger at rest: nothing waits, the last run ended well a second ago. */
static const struct health_facts QUIET = {
    .mode = "live",
    .backlog_age_s = -1,
    .unknown_age_s = -1,
    .last_run_age_s = 1,
    .last_run_exit_code = 0,
    .last_sweep_age_s = 60,
    .feed = "ok",
    .queue_age_s = -1,
    .asking_age_s = -1,
    .api_blocked_s = -1,
    .api_refused_s = -1,
    .api_failing_s = -1,
    .scan_lag_s = -1,
    .oldest_snapshot_s = -1,
    .events_age_s = 60,
    .events_read_age_s = 60,
};

static void
setup(void)
{
    config = (struct config){
        .api = {.send_within_ms = 5000, .timeout_ms = 65000, .settle_ms = 900000},
        .warehouse = {.sweep_interval_ms = 86400000},
        .follow = {.events = true, .interval_ms = 60000},
    };
    health_limits_fill(&config, 900000, &limits);
}

static void
expect(const struct health_facts *facts, enum health_level level, const char *text)
{
    struct health health;
    char line[2000];

    health_judge(facts, &limits, &health);
    health_sum_up(&health, facts, line, sizeof(line));
    ck_assert_msg(health.level == level, "%s: %s", health_level_name(health.level), line);
    ck_assert_msg(strstr(line, text) != NULL, "\"%s\" lacks \"%s\"", line, text);
}
#define EXPECT(level, text, ...)                                                                   \
    do {                                                                                           \
        struct health_facts facts = QUIET;                                                         \
        __VA_ARGS__;                                                                               \
        expect(&facts, level, text);                                                               \
    } while (0)

START_TEST(a_quiet_ledger_is_well)
{
    EXPECT(HEALTH_OK, "nothing needs a person", (void)0);
    EXPECT(HEALTH_OK, "2 sessions work", facts.workers = 2, facts.last_run_age_s = 100000);
    EXPECT(HEALTH_OK, "shadow: nothing is posted, last run 1 s ago, 2 submissions planned, nothing",
           facts.mode = "shadow", facts.backlog = 2, facts.backlog_age_s = 1000000);
}
END_TEST

START_TEST(each_limit_is_passed_by_one_second_and_not_before)
{
    EXPECT(HEALTH_OK, "last run", facts.last_run_age_s = 900);
    EXPECT(HEALTH_WARNING, "no run for 15 min", facts.last_run_age_s = 901);
    EXPECT(HEALTH_WARNING, "no run for 60 min", facts.last_run_age_s = 3600);
    EXPECT(HEALTH_CRITICAL, "no run for 60 min", facts.last_run_age_s = 3601);
    EXPECT(HEALTH_OK, "", facts.unknown = 1, facts.unknown_age_s = 1870);
    EXPECT(HEALTH_WARNING, "unknown for 31 min (1 in all)", facts.unknown = 1,
           facts.unknown_age_s = 1871);
    EXPECT(HEALTH_CRITICAL, "unknown for 4 h", facts.unknown_age_s = 1870 + 14401);
    EXPECT(HEALTH_WARNING, "has waited for 4 h", facts.backlog_age_s = 14401);
    EXPECT(HEALTH_CRITICAL, "has waited for 24 h", facts.backlog_age_s = 86401);
    EXPECT(HEALTH_WARNING, "not been looked at for 15 min", facts.queue_age_s = 901);
    EXPECT(HEALTH_CRITICAL, "not been looked at", facts.queue_age_s = 3601);
    EXPECT(HEALTH_OK, "", facts.asking = 1, facts.asking_age_s = 900);
    EXPECT(HEALTH_WARNING, "not answered for an order for 15 min (1 in all)", facts.asking = 1,
           facts.asking_age_s = 901);
    EXPECT(HEALTH_OK, "", facts.last_sweep_age_s = 2 * 86400 + 3600);
    EXPECT(HEALTH_WARNING, "no sweep for 2 d", facts.last_sweep_age_s = 2 * 86400 + 3601);
    EXPECT(HEALTH_WARNING, "behind, held back by pid 7", facts.scan_lag_s = 3601,
           facts.scan_held_back_by = "pid 7");
    EXPECT(HEALTH_WARNING, "dead rows", facts.oldest_snapshot_s = 3601);
    EXPECT(HEALTH_OK, "", facts.events_age_s = 3720);
    EXPECT(HEALTH_WARNING, "events have not been read to the end for 62 min",
           facts.events_age_s = 3721);
}
END_TEST

START_TEST(a_ledger_that_never_sweeps_by_itself_is_not_blamed_for_it)
{
    config.warehouse.sweep_interval_ms = 0;
    health_limits_fill(&config, 900000, &limits);
    EXPECT(HEALTH_OK, "", facts.last_sweep_age_s = 100 * 86400);
}
END_TEST

START_TEST(events_that_nobody_wants_are_not_missed)
{
    config.follow.events = false;
    health_limits_fill(&config, 900000, &limits);
    EXPECT(HEALTH_OK, "", facts.events_age_s = 100 * 86400);
}
END_TEST

START_TEST(money_is_critical_and_comes_before_all_else)
{
    EXPECT(HEALTH_CRITICAL, "1 open discrepancy where money may be wrong; 2 open discrepancies",
           facts.discrepancies = 3, facts.discrepancies_money = 1);
    EXPECT(HEALTH_WARNING, "2 open discrepancies for", facts.discrepancies = 2);
    EXPECT(HEALTH_WARNING, "1 held submission for", facts.held = 1);
    EXPECT(HEALTH_CRITICAL, "refused the key for 9 s; 1 held", facts.held = 1,
           facts.api_refused_s = 9);
    EXPECT(HEALTH_WARNING, "stay away for another 30 s", facts.api_blocked_s = 30);
    EXPECT(HEALTH_WARNING, "2 triggers of the feed", facts.feed_faults = 2);
    EXPECT(HEALTH_WARNING, "POSTs have failed for 5 min, one at a time is tried: status 503",
           facts.backlog = 1, facts.api_failing_s = 300, facts.api_failing_why = "status 503");
    EXPECT(HEALTH_OK, "", facts.feed = "none", facts.last_sweep_age_s = 900);
    EXPECT(HEALTH_WARNING, "sweeps only, the last 15 min ago", facts.feed = "none",
           facts.last_sweep_age_s = 901);
    EXPECT(HEALTH_OK, "", facts.feed = "touch", facts.last_sweep_age_s = 901);
    EXPECT(HEALTH_OK, "", facts.api_failing_s = 300); /* nothing left to try with */
}
END_TEST

START_TEST(a_pause_by_a_person_is_a_warning_and_by_itself_critical)
{
    EXPECT(HEALTH_WARNING, "paused by ann: stock-taking", facts.mode = "paused",
           facts.mode_by = "ann", facts.mode_reason = "stock-taking", facts.last_run_exit_code = 3);
    EXPECT(HEALTH_CRITICAL, "stopped itself: another database", facts.mode = "paused",
           facts.mode_by = "waybill", facts.mode_reason = "another database");
    EXPECT(HEALTH_WARNING, "no reason given", facts.mode = "paused", facts.mode_by = "ann");
    EXPECT(HEALTH_WARNING, "no baseline yet", facts.mode = "new", facts.last_run_age_s = -1);
}
END_TEST

START_TEST(how_the_last_run_ended_counts)
{
    EXPECT(HEALTH_CRITICAL, "exit 3", facts.last_run_exit_code = 3);
    EXPECT(HEALTH_WARNING, "exit 4", facts.last_run_exit_code = 4);
    EXPECT(HEALTH_WARNING, "exit 5", facts.last_run_exit_code = 5);
    EXPECT(HEALTH_CRITICAL, "exit 3: no such relation", facts.last_run_exit_code = 3,
           facts.last_run_error = "no such relation");
    EXPECT(HEALTH_WARNING, "(exit 5): it refuses the key", facts.last_run_exit_code = 5,
           facts.last_run_error = "it refuses the key");
    EXPECT(HEALTH_OK, "", facts.last_run_exit_code = 1);
    EXPECT(HEALTH_OK, "", facts.last_run_exit_code = 3, facts.workers = 1);
    /* A watch works nearly always, and ends a run each time that it fails. */
    EXPECT(HEALTH_WARNING, "exit 4", facts.last_run_exit_code = 4, facts.workers = 1);
    EXPECT(HEALTH_WARNING, "exit 5", facts.last_run_exit_code = 5, facts.workers = 1);
    EXPECT(HEALTH_WARNING, "no run has finished yet", facts.last_run_age_s = -1);
}
END_TEST

START_TEST(another_api_than_the_ledgers_is_critical)
{
    limits.base_url = "https://api.example.com";
    limits.is_live = false;
    EXPECT(HEALTH_OK, "", facts.base_url = "https://api.example.com");
    EXPECT(HEALTH_CRITICAL, "filled from https://old.example.com, the configuration says https://",
           facts.base_url = "https://old.example.com");
    EXPECT(HEALTH_CRITICAL, "filled in live mode, the configuration says test",
           facts.base_url = "https://api.example.com", facts.is_live = true);
}
END_TEST

START_TEST(a_line_for_a_monitor_is_one_line_without_its_separator)
{
    struct health_facts facts = QUIET;
    struct health health;
    char line[2000];
    char *perfdata = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&perfdata, &bytes);

    facts.mode = "paused";
    facts.mode_by = "a|b\n\x1b[2J";
    health_judge(&facts, &limits, &health);
    health_sum_up(&health, &facts, line, sizeof(line));
    ck_assert_str_eq(line, "paused by a/b\\n\\u{1b}[2J: no reason given");
    health_sum_up(&health, &facts, line, 12);
    ck_assert_str_eq(line, "paused by a");

    facts.unknown_age_s = 12;
    facts.last_sweep_age_s = -1;
    health_put_perfdata(&facts, &limits, out);
    (void)fclose(out);
    ck_assert_ptr_nonnull(strstr(perfdata, "'unknown_age'=12s;1870;16270;0"));
    ck_assert_ptr_nonnull(strstr(perfdata, "'backlog_age'=0s;14400;86400;0"));
    ck_assert_ptr_nonnull(strstr(perfdata, "'last_sweep_age'=U;176400;;0"));
    ck_assert_ptr_null(strchr(perfdata, '\n'));
    free(perfdata);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("health");
    TCase *tcase = support_case(suite, "health", 30);

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_quiet_ledger_is_well);
    tcase_add_test(tcase, each_limit_is_passed_by_one_second_and_not_before);
    tcase_add_test(tcase, a_ledger_that_never_sweeps_by_itself_is_not_blamed_for_it);
    tcase_add_test(tcase, events_that_nobody_wants_are_not_missed);
    tcase_add_test(tcase, money_is_critical_and_comes_before_all_else);
    tcase_add_test(tcase, a_pause_by_a_person_is_a_warning_and_by_itself_critical);
    tcase_add_test(tcase, how_the_last_run_ended_counts);
    tcase_add_test(tcase, another_api_than_the_ledgers_is_critical);
    tcase_add_test(tcase, a_line_for_a_monitor_is_one_line_without_its_separator);
    return support_run_suite(suite);
}
