#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "ledger/init.h"
#include "ledger/ledger.h"
#include "support/support.h"

/* What the hosts share of one key, as the ledger deals it out: the rate, the circuit, and how far
 * the server's clock is believed. */

static char url[SUPPORT_URL_MAX];

static void
setup(void)
{
    char plain[SUPPORT_URL_MAX];
    struct error err = {0};
    struct ledger_options session = {.url = plain,
                                     .schema = "waybill",
                                     .application_name = "waybill test",
                                     .connect_timeout_ms = 5000};
    struct ledger_init_options options = {.session = &session};
    struct ledger_init_result result;

    support_database_create(plain);
    ck_assert_msg(ledger_init(&options, &result, &err), "%s: %s", err.context, err.message);
    (void)snprintf(url, sizeof(url), "%s%coptions=-csearch_path%%3Dwaybill%%2Cpg_temp", plain,
                   strchr(plain, '?') != NULL ? '&' : '?');
    support_psql(url, "select run_begin('run', 'host', 1, 'x'); select worker_begin(1, 'a', 1);"
                      "select worker_begin(1, 'b', 2)");
}

static void
beat_is(const char *arguments, const char *share)
{
    char sql[200];

    (void)snprintf(sql, sizeof(sql), "select round(share), live from worker_beat(%s)", arguments);
    support_query_is(url, sql, share);
}

/* So that the shares of those who send are never more than the whole. */
START_TEST(a_worker_that_joins_counts_itself_before_it_sends)
{
    beat_is("1, true, 100, null", "100|1");
    beat_is("2, false, 100, null", "50|2");
    /* it has not said that it sends: the first is still alone */
    beat_is("1, true, 100, 0", "100|1");
    beat_is("2, true, 100, 0", "50|2");
    beat_is("1, true, 100, 0", "50|2");
    support_psql(url, "select worker_end(2)");
    beat_is("1, true, 100, 0", "100|1");
}
END_TEST

START_TEST(a_circuit_lets_one_probe_out_for_all_and_each_that_fails_waits_longer)
{
    support_query_is(url, "select key_probe(60000)", "f");
    support_query_is(url, "select key_fails('HTTP 503', false, 60000, 600000) > 55000", "t");
    /* a second host found out as well, which makes it no longer */
    support_query_is(url, "select key_fails('HTTP 503', false, 60000, 600000) <= 60000", "t");
    support_query_is(url, "select failing from worker_beat(1, true, 100, null)", "t");
    support_query_is(url, "select key_probe(60000)", "f");
    support_psql(url, "update api_key set probe_at = clock_timestamp()");
    support_query_is(url, "select key_probe(60000)", "t");
    support_query_is(url, "select key_probe(60000)", "f");
    support_query_is(url, "select key_fails('HTTP 503', true, 60000, 600000) > 115000", "t");
    support_query_is(url,
                     "select max(key_fails('HTTP 503', true, 60000, 600000)) <= 600000"
                     "  from generate_series(1, 40)",
                     "t");
    support_psql(url, "select key_works()");
    support_query_is(url, "select failing from worker_beat(1, true, 100, null)", "f");
    support_query_is(url, "select key_probe(60000)", "f");
}
END_TEST

/* Of two workers that see it the first makes it good, and the second knows. */
START_TEST(a_step_of_the_servers_clock_is_made_good_once)
{
    beat_is("1, true, 100, null", "100|1");
    beat_is("2, true, 100, null", "50|2");
    support_psql(url, "update workers set seen_at = seen_at - interval '1 hour'");
    beat_is("1, true, 100, 250", "100|1");
    beat_is("2, true, 100, 250", "50|2");
    support_query_is(url,
                     "select count(*), min(reason) like 'it went ahead by %59:%'"
                     "    or min(reason) like 'it went ahead by %01:00:%'"
                     "  from decisions where action = 'clock'",
                     "1|t");
    /* as slow as a network may be */
    support_psql(url,
                 "update workers set seen_at = seen_at - interval '1900 ms' where worker_id = 1");
    beat_is("1, true, 100, 0", "50|2");
    support_query_is(url, "select count(*) from decisions where action = 'clock'", "1");
}
END_TEST

/* What a worker says can't make it one. */
START_TEST(a_clock_that_was_put_back_ends_no_wait_sooner)
{
    support_psql(url, "insert into claims (claim_token, worker_id, expires_at, submissions)"
                      " values (gen_random_uuid(), 1, now() + interval '1 h', '{}');"
                      "select clock_stepped(clock_timestamp() + interval '1 day', 0);"
                      "select clock_stepped(clock_timestamp(), 86400000)");
    beat_is("1, true, 100, -86400000", "100|1");
    support_query_is(url,
                     "select min(expires_at) > now() + interval '50 min',"
                     "       (select count(*) from decisions where action = 'clock') from claims",
                     "t|0");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("key");
    TCase *tcase;

    support_need_database();
    tcase = support_case(suite, "key", 60);
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_worker_that_joins_counts_itself_before_it_sends);
    tcase_add_test(tcase, a_circuit_lets_one_probe_out_for_all_and_each_that_fails_waits_longer);
    tcase_add_test(tcase, a_step_of_the_servers_clock_is_made_good_once);
    tcase_add_test(tcase, a_clock_that_was_put_back_ends_no_wait_sooner);
    return support_run_suite(suite);
}
