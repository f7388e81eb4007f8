#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/world.h"
#include "sync/circuit.h"

/*
 * The API fails in every way that it knows, each alone and all mixed; then it is healed, and three
 * books must agree.
 */

#define ORDERS         30
#define IN_FLIGHT_MAX  32
#define LATE_HALF_MS   (WORLD_SETTLE_MS / 2)
#define LATE_BEYOND_MS (WORLD_BELIEVED_MS * 3 / 2)
/* From the latest possible sending on. */
#define LATE_JUST_MS (WORLD_TIMEOUT_MS + WORLD_SETTLE_MS - 300)

static struct world world;

static void
setup(void)
{
    world_begin(&world, 1, ORDERS);
    world_start(&world);
}

static void
teardown(void)
{
    world_end(&world);
}

/* A pass or two under the fault while the warehouse goes on, then healed. */
static void
survives(const char *what, const char *faults)
{
    world_faults(&world, faults);
    (void)world_run(&world);
    world_work(&world, 30);
    (void)world_run(&world);
    world_agree(&world, what);
}

/* Less than half fails: a pass goes on for as long as something is about to be known. */
static const char *const FAMILIES[] = {
    "drop_before=0.1 reset_before=0.1 408=0.05 500_before=0.05 502_before=0.05 503_before=0.05:0",
    "drop_after=0.2 reset_after=0.15 408_after=0.05",
    "500_after=0.1 502_after=0.1 503_after=0.1:0 504_after=0.1",
    "401=0.02 403_html=0.2 403_api=0.02 429=0.05:1",
    "html=0.06 truncated=0.06 garbage=0.06 no_id=0.06 huge=0.03:6 deep=0.06",
    "slow=0.2:400 hang=0.05 hang_after=0.1",
    "wrong_order=0.2 wrong_quantity=0.2",
};

START_TEST(each_family_of_faults_alone_loses_and_doubles_nothing)
{
    for (size_t i = 0; i < sizeof(FAMILIES) / sizeof(FAMILIES[0]); i++) {
        /* Each second time it is only us who look at what an order has already. */
        world_switch(&world, i % 2 == 0 ? "quantity_check=request" : "quantity_check=cumulative");
        world_generate(&world, ORDERS);
        survives(FAMILIES[i], FAMILIES[i]);
    }
}
END_TEST

START_TEST(every_kind_of_fault_in_a_row_loses_and_doubles_nothing)
{
    world_switch(&world, "quantity_check=request state_lag_ms=2000");
    survives("every kind, three each",
             "first=3:drop_before first=3:drop_after first=3:reset_before first=3:reset_after "
             "first=3:408 first=3:408_after first=1:429:1 first=3:500_before first=3:500_after "
             "first=3:502_before first=3:502_after first=3:503_before:0 first=3:503_after:0 "
             "first=3:504_before first=3:504_after first=2:401 first=3:403_html first=2:403_api "
             "first=3:html first=3:slow:300 first=2:hang first=2:hang_after first=3:truncated "
             "first=3:garbage first=1:huge first=3:deep first=3:no_id first=3:wrong_order "
             "first=3:wrong_quantity first=3:late:700 list_lag_ms=0.2:900");
    /* Where the next answer is an error too, sending again at once may go well by chance. */
    support_query_is(world.url,
                     "select count(*) > 0, count(*) filter (where next_kind = 'post') from ("
                     "  select kind, http_status, lead(kind) over w as next_kind"
                     "    from waybill.attempts_made where sent or kind = 'look'"
                     "  window w as (partition by submission_id order by finished_at)) x"
                     " where kind = 'post' and http_status is null",
                     "t|0");
}
END_TEST

START_TEST(what_is_applied_late_but_within_the_settle_time_is_applied_once)
{
    char faults[80];

    world_switch(&world, "quantity_check=request state_lag_ms=3000");
    (void)snprintf(faults, sizeof(faults), "late=0.4:%d", LATE_HALF_MS);
    survives("late, at half of settle_ms", faults);
    (void)snprintf(faults, sizeof(faults), "drop_after=0.4 list_lag_ms=0.8:%d", LATE_HALF_MS);
    world_generate(&world, ORDERS);
    survives("lists that lag, at half of settle_ms", faults);
    /* After more looks than are needed, so that only the clock stands against it. */
    (void)snprintf(faults, sizeof(faults), "late=0.3:%d", LATE_JUST_MS);
    world_generate(&world, ORDERS);
    survives("late, just within what is waited for", faults);
}
END_TEST

/* An API that applies later than it was ever believed to can't be guarded against: what must be
 * there then is the trail. */
START_TEST(what_is_applied_later_than_any_settle_time_is_in_the_audit_trail)
{
    char faults[80];
    int64_t twice;
    int64_t told;

    world_switch(&world, "quantity_check=off state_lag_ms=60000");
    (void)snprintf(faults, sizeof(faults), "first=3:late:%d", LATE_BEYOND_MS);
    world_faults(&world, "first=3:none");
    (void)world_run(&world);
    world_generate(&world, ORDERS);
    world_faults(&world, faults);
    (void)world_run(&world);
    world_run_out(&world, "late, at 1.5 times what is waited for");
    twice = world_stat(&world, "", "duplicate_markers");
    told = support_query_int(
        world.url, "select count(*) from (select submission_id from waybill.attempts_made"
                   "  where kind = 'post' and sent group by submission_id having count(*) > 1"
                   "     and bool_or(outcome = 'unknown') and bool_or(outcome = 'accepted')) x");
    (void)printf("not known, and said so: %" PRId64 " applied after %d ms, when absence had been "
                 "believed after %d ms\n",
                 twice, LATE_BEYOND_MS, WORLD_BELIEVED_MS);
    world_check(&world, twice > 0, "the API was not late enough to show anything");
    world_check(&world, told >= twice, "%" PRId64 " were applied twice, the trail shows %" PRId64,
                twice, told);
}
END_TEST

/* Absence was believed too early, because the list lagged; then the API's refusal is not believed
 * either, until the list shows whose units they are. */
START_TEST(a_conflict_with_our_own_hidden_fulfillment_ends_as_accepted)
{
    char faults[80];

    world_switch(&world, "quantity_check=cumulative state_lag_ms=0");
    /* A list has shown one of our markers; else absence is not believed at all. */
    world_faults(&world, "first=1:drop_after");
    (void)world_run(&world);
    world_run_out(&world, "before the fault");
    /* Nothing is left of these orders, so the API refuses a second time. */
    support_psql(world.url, "select wms.edge_order('OWN-' || n, 'own-' || n, array['a'], 1)"
                            "  from generate_series(1, 6) n;"
                            "select wms.edge_ship(o.id, 'OWN ' || o.id, 1) from wms.orders o"
                            " where o.number like 'OWN-%'");
    world_load_orders(&world);
    (void)snprintf(faults, sizeof(faults), "first=6:drop_after list_lag_ms=1:%d", LATE_BEYOND_MS);
    world_faults(&world, faults);
    (void)world_run(&world);
    support_query_is(world.url,
                     "select count(*) > 0 from waybill.attempts_made where http_status = 409", "t");
    world_check(&world, world_stat(&world, "", "duplicate_markers") == 0, "applied twice");
    /* It would come right later: the list shows it in the end. */
    support_query_is(world.url,
                     "select count(*) from waybill.attempts_made where outcome = 'rejected'", "0");
    world_agree(&world, "409 by our own fulfillment");
}
END_TEST

START_TEST(lists_without_metadata_are_asked_for_one_by_one)
{
    world_switch(&world, "list_metadata=off quantity_check=request");
    survives("lists without metadata", "drop_after=0.3 503_before=0.1:0");
}
END_TEST

START_TEST(questions_that_fail_never_mean_absent)
{
    world_switch(&world, "quantity_check=request state_lag_ms=3000");
    survives("GETs that fail",
             "drop_after=0.3 500_before=0.1 get:500=0.1 get:drop_before=0.1 get:html=0.1 "
             "get:garbage=0.1 get:truncated=0.1 get:deep=0.05 get:503=0.05:0 "
             "list:list_empty_page=0.02 list:list_empty_page=0.25:1");
}
END_TEST

/* Empty lists, again and again, where the API has accepted something before. */
START_TEST(a_list_that_lacks_what_was_accepted_is_not_believed)
{
    world_switch(&world, "quantity_check=request state_lag_ms=3000 event_metadata=off");
    /* A list has shown one of our markers; else absence is not believed at all. */
    world_faults(&world, "first=1:drop_after");
    (void)world_run(&world);
    support_psql(world.url, "select wms.edge_order('LACK-' || n, 'lack-' || n, array['a'], 4)"
                            "  from generate_series(1, 6) n;"
                            "select wms.edge_ship(o.id, 'FIRST ' || o.id, 1) from wms.orders o"
                            " where o.number like 'LACK-%'");
    world_load_orders(&world);
    world_run_out(&world, "before the fault");
    support_psql(world.url, "select wms.edge_ship(o.id, 'SECOND ' || o.id, 1) from wms.orders o"
                            " where o.number like 'LACK-%'");
    world_faults(&world, "first=6:drop_after list_empty_page=1");
    for (int i = 0; i < 3; i++) {
        (void)world_run(&world);
        clock_sleep_ms(WORLD_SETTLE_MS);
        support_psql(world.url, "update waybill.submissions set next_look_at = now()"
                                " where state = 'unknown'");
    }
    world_check(&world, world_stat(&world, "", "duplicate_markers") == 0, "applied twice");
    support_query_is(
        world.url,
        "select string_agg(state || ' ' || n, ', ' order by state)"
        "  from (select s.state::text, count(*) n from waybill.submissions s"
        "          join wms.orders o on o.number like 'LACK-%' and s.order_id = o.api_order_id"
        "         group by 1) x",
        "accepted 6, unknown 6");
    world_agree(&world, "lists that lack what was accepted");
}
END_TEST

static void
read_many_pages(const char *what)
{
    support_psql(world.url,
                 "select wms.edge_order('MANY', 'many-parcels', array['a', 'b'], 60);"
                 "select wms.edge_ship(o.id, 'MANY-' || n, 1)"
                 "  from wms.orders o, generate_series(1, 28) n where o.number = 'MANY'");
    world_load_orders(&world);
    world_switch(&world, "quantity_check=request state_lag_ms=3000 latency_ms=20 list_max=5");
    world_faults(&world, "drop_after=0.15 late=0.15:700");
    for (int i = 0; i < 3; i++)
        (void)world_run(&world);
    world_agree(&world, what);
    support_query_is(
        world.url, "select count(*) from waybill.report_discrepancies where kind <> 'moved'", "0");
}

/* An order whose list has several pages, new ones of it arriving while they are read. */
START_TEST(a_list_of_many_pages_is_read_while_it_grows)
{
    read_many_pages("many pages");
}
END_TEST

/* What is seen on two pages is there once. */
START_TEST(pages_that_shift_while_they_are_read_show_nothing_twice)
{
    world_switch(&world, "list_repeat=on");
    read_many_pages("pages that shift");
}
END_TEST

START_TEST(an_answer_of_the_other_mode_pauses_and_loses_nothing)
{
    int code;

    world_faults(&world, "first=4:none first=1:wrong_live");
    code = world_run(&world);
    world_check(&world, code == 3, "the run ended with %d", code);
    support_query_is(world.url, "select mode from waybill.identity", "paused");
    code = world_run(&world);
    world_check(&world, code == 3, "paused, the run ended with %d", code);
    support_psql(world.url, "select waybill.resume('looked at it')");
    world_agree(&world, "an answer of the other mode");
}
END_TEST

START_TEST(an_absurd_retry_after_is_obeyed_for_ten_minutes_at_most)
{
    int64_t in_flight;
    int code;

    world_faults(&world, "first=5:none first=1:429:99999");
    code = world_run(&world);
    /* What had left before the refusal arrived. */
    in_flight = world_stat(&world, "", "requests_while_blocked");
    world_check(&world, in_flight <= IN_FLIGHT_MAX, "%" PRId64 " requests after a 429", in_flight);
    world_check(&world, code == 5, "the run ended with %d", code);
    support_query_is(world.url,
                     "select blocked_until between clock_timestamp() + interval '500 s'"
                     "   and clock_timestamp() + interval '600 s' from waybill.api_key",
                     "t");
    code = world_run(&world);
    world_check(&world, code == 5, "blocked, the run ended with %d", code);
    world_check(&world, world_stat(&world, "", "requests_while_blocked") == in_flight,
                "the second run asked a key that is blocked");
    /* The sandbox still blocks the old key; the shop has another one. */
    world.key = "sk_test_second";
    world_write_config(&world);
    support_psql(world.url, "select waybill.unblock_key()");
    world_agree(&world, "an absurd Retry-After");
}
END_TEST

START_TEST(a_429_without_retry_after_is_obeyed_for_a_minute)
{
    int code;

    world_faults(&world, "first=5:none first=1:429:0");
    code = world_run(&world);
    world_check(&world, code == 5, "the run ended with %d", code);
    support_query_is(world.url,
                     "select blocked_until between clock_timestamp() + interval '10 s'"
                     "   and clock_timestamp() + interval '60 s' from waybill.api_key",
                     "t");
    support_psql(world.url, "select waybill.unblock_key()");
    world_agree(&world, "no Retry-After");
}
END_TEST

/* POSTs while none passes: what was out when it was noticed, then one at a time of both hosts. */
static void
outlives_an_outage(const char *what, const char *faults, const char *fault)
{
    struct support_process other;
    int64_t before;
    int64_t probes;
    int code;

    (void)world_run(&world);
    world_run_out(&world, "before the outage");
    world_generate(&world, 200);
    world_faults(&world, faults);
    code = world_run(&world);
    world_check(&world, code == 5, "in an outage the run ended with %d", code);
    support_query_is(world.url, "select failing_since is not null from waybill.api_key", "t");
    before = world_stat(&world, "\"faults\"", fault);
    world_check(&world, before <= CIRCUIT_FAILURES_MAX + IN_FLIGHT_MAX + 10,
                "%" PRId64 " POSTs until it was noticed", before);
    world_spawn_run(&world, &other);
    code = world_run(&world);
    world_check(&world, code == 5, "while the API fails a run ended with %d", code);
    (void)support_wait_exit(&other, 60000);
    probes = world_stat(&world, "\"faults\"", fault) - before;
    /* 400 ms apart, for 2 s or little more */
    world_check(&world, probes > 0 && probes <= 20, "%" PRId64 " probes of two runs", probes);
    world_faults(&world, "");
    world_agree(&world, what);
    support_query_is(world.url, "select failing_since is null from waybill.api_key", "t");
}

START_TEST(an_api_that_only_fails_gets_single_probes_and_then_more_and_more)
{
    outlives_an_outage("an outage", "503_before=1:0", "503_before");
}
END_TEST

/* Each of them would be refused at once, and again a second later. */
START_TEST(a_firewall_before_the_api_gets_single_probes_and_then_more_and_more)
{
    outlives_an_outage("a firewall's page", "403_html=1", "403_html");
}
END_TEST

#define CASE(name) SUPPORT_CASE(suite, 400, setup, teardown, name)

int
main(void)
{
    Suite *suite = suite_create("api faults");

    support_need_database();
    CASE(each_family_of_faults_alone_loses_and_doubles_nothing);
    CASE(every_kind_of_fault_in_a_row_loses_and_doubles_nothing);
    CASE(what_is_applied_late_but_within_the_settle_time_is_applied_once);
    CASE(what_is_applied_later_than_any_settle_time_is_in_the_audit_trail);
    CASE(a_conflict_with_our_own_hidden_fulfillment_ends_as_accepted);
    CASE(lists_without_metadata_are_asked_for_one_by_one);
    CASE(questions_that_fail_never_mean_absent);
    CASE(a_list_that_lacks_what_was_accepted_is_not_believed);
    CASE(a_list_of_many_pages_is_read_while_it_grows);
    CASE(pages_that_shift_while_they_are_read_show_nothing_twice);
    CASE(an_answer_of_the_other_mode_pauses_and_loses_nothing);
    CASE(an_absurd_retry_after_is_obeyed_for_ten_minutes_at_most);
    CASE(a_429_without_retry_after_is_obeyed_for_a_minute);
    CASE(an_api_that_only_fails_gets_single_probes_and_then_more_and_more);
    CASE(a_firewall_before_the_api_gets_single_probes_and_then_more_and_more);
    return support_run_suite(suite);
}
