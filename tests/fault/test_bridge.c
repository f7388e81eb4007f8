#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/world.h"

/*
 * The bridge dies, stops or stands still, at random and at each step of a submission; then others
 * finish its work, and three books must agree. Where a step lies is told by what passes between
 * the bridge and its servers, so the product needs no hook.
 */

#define ORDERS      60
#define KILLS       36
#define STEP_MS     20000
#define PATIENCE_MS 30000
#define LEASE_MS    60000 /* longer than of tracking that is on its way */
#define UNKNOWN_AFTER                                                                              \
    "select count(*) > 0 from waybill.submissions where order_id = 'stale' and state = 'unknown'"  \
    " and tries = "
#define CLAIMED "select count(*) from waybill.submissions where state = 'sending'"

static struct world world;

static void
setup(void)
{
    world_begin(&world, 2, ORDERS);
    world_use_proxies(&world);
    world_start(&world);
    /* Nobody but us looks at what an order has already. */
    world_switch(&world, "quantity_check=request state_lag_ms=4000");
}

static void
teardown(void)
{
    world_end(&world);
}

/* A marker has been seen in a list, and there is work left. */
static void
warm_up(void)
{
    world_faults(&world, "first=3:none first=1:drop_after");
    (void)world_run(&world);
    world_run_out(&world, "before the fault");
    world_generate(&world, ORDERS);
}

START_TEST(killed_at_random_moments_by_the_dozen_it_loses_and_doubles_nothing)
{
    struct support_process work;

    world_switch(&world, "latency_ms=25");
    world_faults(&world, "drop_after=0.1 late=0.05:700 503_before=0.05:0");
    world_spawn_work(&world, &work, KILLS);
    for (int i = 0; i < KILLS; i++) {
        struct support_process run;

        world_spawn_run(&world, &run);
        clock_sleep_ms(20 + world_dice(&world, 300));
        world_kill(&world, &run);
        if (i % 4 == 3)
            world_generate(&world, ORDERS / 3);
    }
    (void)support_wait_exit(&work, PATIENCE_MS);
    world_check(&world, world.kills >= KILLS / 3, "only %d were still running", world.kills);
    world_agree(&world, "kill -9 at random");
}
END_TEST

START_TEST(two_runs_at_once_of_which_one_is_killed_again_and_again)
{
    world_switch(&world, "latency_ms=25");
    world_faults(&world, "drop_after=0.1 500_before=0.1");
    for (int i = 0; i < 4; i++) {
        struct support_process first;
        struct support_process second;

        world_generate(&world, ORDERS);
        world_spawn_run(&world, &first);
        world_spawn_run(&world, &second);
        clock_sleep_ms(100 + world_dice(&world, 400));
        world_kill(&world, &first);
        (void)support_wait_exit(&second, PATIENCE_MS);
    }
    world_agree(&world, "two runs, one killed");
}
END_TEST

struct step {
    const char *name;
    bool is_database;
    enum proxy_when when;
    const char *pattern;
    size_t bytes;
    const char *faults;
    bool is_claimed; /* something is, by then */
};

/* A statement is recognised by its name behind the portal's, which is empty. */
static const struct step STEPS[] = {
    {"before a claim", true, PROXY_BEFORE, "\0claim_", 7, "", false},
    {"after a claim", true, PROXY_AFTER, "\0claim_", 7, "", true},
    {"before a POST", false, PROXY_BEFORE, "POST /fulfillments", 18, "", false},
    {"after a POST", false, PROXY_AFTER, "POST /fulfillments", 18, "", false},
    {"before a settlement", true, PROXY_BEFORE, "\0settle_", 8, "", false},
    {"after a settlement", true, PROXY_AFTER, "\0settle_", 8, "", false},
    {"before a look", false, PROXY_BEFORE, "GET /fulfillments?", 18, "drop_after=0.5", false},
    {"after a look", false, PROXY_AFTER, "GET /fulfillments?", 18, "drop_after=0.5", false},
    {"before a look is recorded", true, PROXY_BEFORE, "\0listing_", 9, "drop_after=0.5", false},
    {"before planning", true, PROXY_BEFORE, "plan_begin_", 11, "", false},
};

/* Comes to the step, or the run ends without it. */
static bool
come_to(const struct step *step, struct support_process *run)
{
    struct proxy *proxy = step->is_database ? world.database_proxy : world.api_proxy;
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), STEP_MS);

    proxy_hold(proxy, step->pattern, step->bytes, step->when);
    world_spawn_run(&world, run);
    for (;;) {
        if (proxy_is_holding(proxy)) {
            if (!step->is_claimed || support_query_int(world.url, CLAIMED) > 0)
                return true;
            /* a claim that found nothing; wait for the next */
            proxy_hold(proxy, step->pattern, step->bytes, step->when);
            proxy_release(proxy);
        }
        if (!support_is_running(run)) {
            proxy_forget(proxy);
            return false;
        }
        world_check(&world, clock_mono_left_ms(deadline) > 0, "%s was not reached", step->name);
        clock_sleep_ms(2);
    }
}

static void
reach(const struct step *step, struct support_process *run)
{
    for (int tries = 0; tries < 8; tries++) {
        world_generate(&world, ORDERS / 3);
        if (come_to(step, run))
            return;
    }
    world_fail(&world, "%s: no run came to it", step->name);
}

START_TEST(killed_at_each_step_of_a_submission_it_loses_and_doubles_nothing)
{
    warm_up();
    for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
        const struct step *step = &STEPS[i];
        struct proxy *proxy = step->is_database ? world.database_proxy : world.api_proxy;
        struct support_process run;

        world_faults(&world, step->faults);
        reach(step, &run);
        world_kill(&world, &run);
        proxy_release(proxy);
    }
    world_agree(&world, "kill -9 at each step");
}
END_TEST

START_TEST(asked_to_stop_under_load_it_leaves_nothing_unknown)
{
    for (int i = 0; i < 5; i++) {
        struct support_process run;
        int code;

        world_switch(&world, "latency_ms=150");
        world_generate(&world, ORDERS);
        world_spawn_run(&world, &run);
        support_wait_query(world.url, "select (" CLAIMED ") > 3", "t", STEP_MS);
        clock_sleep_ms(world_dice(&world, 100));
        support_signal(&run, i % 2 == 0 ? SIGTERM : SIGINT);
        code = support_wait_exit(&run, PATIENCE_MS);
        world_check(&world, code == 0 || code == 1, "a run that was asked to stop ended with %d",
                    code);
        support_query_is(
            world.url,
            "select count(*) from waybill.submissions where state in ('sending', 'unknown')", "0");
    }
    world_agree(&world, "SIGTERM under load");
}
END_TEST

/* Later runs; the proxies serve those alone that were there before. */
static void
around_the_proxies(void)
{
    (void)snprintf(world.bridge_url, sizeof(world.bridge_url), "%s", world.url);
    world_write_config(&world);
}

/* The claim's answer is on its way when the host stands still; another finishes the work meanwhile;
 * then it wakes up with what it believes to be its own. */
START_TEST(a_run_that_slept_over_its_claim_sends_nothing_when_it_wakes)
{
    const struct step *claim = &STEPS[1];
    struct support_process sleeper;
    struct support_process other;
    int64_t posts;

    warm_up();
    reach(claim, &sleeper);
    support_signal(&sleeper, SIGSTOP);
    proxy_release(world.database_proxy);

    around_the_proxies();
    world_spawn_run(&world, &other);
    (void)support_wait_exit(&other, PATIENCE_MS);
    world_run_out(&world, "while one sleeps");
    posts = world_stat(&world, "\"applied\"", "fulfillments");

    support_signal(&sleeper, SIGCONT);
    (void)support_wait_exit(&sleeper, PATIENCE_MS);
    world_check(&world, world_stat(&world, "\"applied\"", "fulfillments") == posts,
                "the sleeper sent something");
    world_agree(&world, "SIGSTOP between claim and send");
}
END_TEST

/* The same, but it is only the answer to the claim that is late: the run lives and works on. */
START_TEST(a_claim_whose_answer_comes_too_late_is_not_sent)
{
    const struct step *claim = &STEPS[1];
    struct support_process run;

    warm_up();
    reach(claim, &run);
    clock_sleep_ms(WORLD_SEND_WITHIN_MS + 200);
    proxy_release(world.database_proxy);
    (void)support_wait_exit(&run, PATIENCE_MS);
    support_query_is(
        world.url,
        "select count(*) > 0 from waybill.attempts_made where kind = 'post' and not sent", "t");
    world_agree(&world, "a late answer to a claim");
}
END_TEST

/* All that was there is settled, and one more parcel is due. */
static void
one_parcel(void)
{
    world_faults(&world, "first=3:none first=1:drop_after");
    (void)world_run(&world);
    world_run_out(&world, "before the fault");
    world_switch(&world, "quantity_check=off");
    support_psql(world.url, "select wms.edge_order('STALE', 'stale', array['a'], 9);"
                            "select wms.edge_ship(o.id, 'S1', 1) from wms.orders o"
                            " where o.number = 'STALE'");
    world_load_orders(&world);
}

/* It says "not sent" of its own claim, while another sends under a claim of its own. */
START_TEST(a_claim_that_is_given_back_too_late_gives_nothing_back)
{
    struct support_process stale;
    struct support_process other;

    one_parcel();
    world_check(&world, come_to(&STEPS[1], &stale), "nobody claimed");
    around_the_proxies();
    support_wait_query(world.url,
                       "select claim_expires_at < clock_timestamp() - interval '1 s'"
                       "  from waybill.submissions where order_id = 'stale'",
                       "t", STEP_MS);
    world_switch(&world, "latency_ms=700");
    world_spawn_run(&world, &other);
    support_wait_query(world.url,
                       "select state = 'sending' and tries = 2 from waybill.submissions"
                       " where order_id = 'stale'",
                       "t", STEP_MS);
    proxy_release(world.database_proxy);
    (void)support_wait_exit(&stale, PATIENCE_MS);
    (void)support_wait_exit(&other, PATIENCE_MS);
    world_agree(&world, "a claim that was given back too late");
}
END_TEST

/* What all fulfillments at the API have as their number. */
static bool
has_number(const char *number)
{
    char from[300];
    char part[64];
    char *answer = NULL;
    bool has;

    (void)snprintf(from, sizeof(from), "%s/_sandbox/fulfillments", world.sandbox.url);
    (void)snprintf(part, sizeof(part), "\"trackingNumber\":\"%s\"", number);
    ck_assert_int_eq(support_http_get(from, &answer), 200);
    has = strstr(answer, part) != NULL;
    free(answer);
    return has;
}

/* Between taking new tracking and sending it; when it wakes, another has sent a newer one. */
START_TEST(a_run_that_slept_over_its_tracking_sends_nothing_when_it_wakes)
{
    static const struct step TAKEN = {
        "after tracking is taken", true, PROXY_AFTER, "\0tracking_take_", 15, "", false};
    struct support_process sleeper;
    struct support_process other;

    one_parcel();
    world_run_out(&world, "before the fault");
    support_psql(world.url, "update wms.parcels set tracking_number = 'T-OLD'"
                            " where parcel_no = 'S1'");
    world_check(&world, come_to(&TAKEN, &sleeper), "nobody took it");
    support_signal(&sleeper, SIGSTOP);
    proxy_release(world.database_proxy);

    around_the_proxies();
    support_wait_query(world.url,
                       "select max(sending_until) < clock_timestamp() from waybill.tracking", "t",
                       LEASE_MS);
    support_psql(world.url, "update wms.parcels set tracking_number = 'T-NEW'"
                            " where parcel_no = 'S1'");
    world_spawn_run(&world, &other);
    (void)support_wait_exit(&other, PATIENCE_MS);
    world_check(&world, has_number("T-NEW"), "nobody sent the newer tracking");

    support_signal(&sleeper, SIGCONT);
    (void)support_wait_exit(&sleeper, PATIENCE_MS);
    world_check(&world, has_number("T-NEW") && !has_number("T-OLD"), "the sleeper sent something");
    support_query_is(world.url,
                     "select number, next_at is null, sent_at is not null"
                     " from waybill.tracking where order_id = 'stale'",
                     "T-NEW|t|t");
    world_agree(&world, "SIGSTOP between taking tracking and sending it");
}
END_TEST

/* A look that was taken before a POST, and recorded after it, says nothing about that POST. */
START_TEST(a_look_that_is_recorded_too_late_says_nothing_about_a_later_post)
{
    static const struct step LOOKED = {
        "before a look is settled", true, PROXY_BEFORE, "\0settle_", 8, "", false};
    struct support_process stale;
    struct support_process other;

    one_parcel();
    world_faults(&world, "first=1:503_before:0");
    world_spawn_run(&world, &stale);
    support_wait_query(world.url, UNKNOWN_AFTER "1", "t", STEP_MS);
    world_kill(&world, &stale);
    support_wait_query(world.url,
                       "select settle_after < clock_timestamp() from waybill.submissions"
                       " where order_id = 'stale'",
                       "t", STEP_MS);

    /* The first has seen that it isn't there, and comes no further. */
    support_psql(world.url,
                 "update waybill.submissions set next_look_at = now(), negative_looks = 5"
                 " where order_id = 'stale'");
    world_check(&world, come_to(&LOOKED, &stale), "nobody looked");
    /* The second sees the same and posts, and its answer is lost. */
    support_psql(world.url, "update waybill.submissions set next_look_at = now()"
                            " where order_id = 'stale'");
    world_faults(&world, "first=1:drop_after list_lag_ms=1:2000");
    around_the_proxies();
    world_spawn_run(&world, &other);
    support_wait_query(world.url, UNKNOWN_AFTER "2", "t", STEP_MS);
    support_signal(&other, SIGSTOP);
    proxy_release(world.database_proxy);
    (void)support_wait_exit(&stale, PATIENCE_MS);
    support_signal(&other, SIGCONT);
    (void)support_wait_exit(&other, PATIENCE_MS);
    world_agree(&world, "a look that was recorded too late");
}
END_TEST

START_TEST(guards_bound_a_pass_and_lose_nothing)
{
    int code;

    world.guards = "  max_posts: 4\n  max_units_per_line: 2\n";
    world_write_config(&world);
    code = world_run(&world);
    world_check(&world, code == 1, "with lines over the guard the run ended with %d", code);
    support_query_is(world.url, "select count(*) from waybill.attempts_made where kind = 'post'",
                     "4");
    support_query_is(world.url,
                     "select max(shipped + cancelled) <= 2 from waybill.report_submission_items",
                     "t");
    support_query_is(world.url,
                     "select count(*) > 0 from waybill.report_discrepancies where kind = 'guard'",
                     "t");
    world.guards = "  max_ms: 1\n";
    world_write_config(&world);
    code = world_run(&world);
    world_check(&world, code == 0 || code == 1, "out of time the run ended with %d", code);

    world.guards = NULL;
    world_write_config(&world);
    support_psql(world.url, "select waybill.touch(o.api_order_id) from wms.orders o"
                            " where o.api_order_id is not null");
    world_agree(&world, "guards");
    support_query_is(world.url,
                     "select count(*) from waybill.report_discrepancies"
                     " where kind = 'guard' and closed_at is null",
                     "0");
}
END_TEST

/* No file can be written: not the numbers, and not the log either. */
START_TEST(a_full_disk_costs_the_numbers_and_nothing_else)
{
    static const char FULL[] = "trap '' XFSZ; ulimit -f 0; exec \"$1\" -c \"$2\" run";
    const char *const argv[] = {"sh", "-c", FULL, "sh", SUPPORT_WAYBILL, world.config, NULL};
    struct support_process run;
    char more[700];
    char file[600];
    char *before;
    char *after;
    int code;

    (void)snprintf(file, sizeof(file), "%s/full.prom", support_folder());
    (void)snprintf(more, sizeof(more), "metrics_file: %s\n", file);
    world.more = more;
    world_write_config(&world);
    (void)world_run(&world);
    before = support_read_file(file);
    world_generate(&world, ORDERS);
    world_faults(&world, "drop_after=0.1");
    support_spawn(&run, argv, NULL);
    code = support_wait_exit(&run, PATIENCE_MS);
    world_check(&world, code == 0 || code == 1, "without a byte of disk the run ended with %d",
                code);
    after = support_read_file(file);
    ck_assert_str_eq(after, before);
    free(after);
    support_query_is(world.url,
                     "select max(accepted) > 10 from waybill.report_runs where run_id > 1", "t");
    world_agree(&world, "a full disk");
    after = support_read_file(file);
    ck_assert_str_ne(after, before);
    free(after);
    free(before);
}
END_TEST

#define CASE(name) SUPPORT_CASE(suite, 400, setup, teardown, name)

int
main(void)
{
    Suite *suite = suite_create("bridge faults");

    support_need_database();
    CASE(killed_at_random_moments_by_the_dozen_it_loses_and_doubles_nothing);
    CASE(two_runs_at_once_of_which_one_is_killed_again_and_again);
    CASE(killed_at_each_step_of_a_submission_it_loses_and_doubles_nothing);
    CASE(asked_to_stop_under_load_it_leaves_nothing_unknown);
    CASE(a_run_that_slept_over_its_claim_sends_nothing_when_it_wakes);
    CASE(a_claim_whose_answer_comes_too_late_is_not_sent);
    CASE(a_claim_that_is_given_back_too_late_gives_nothing_back);
    CASE(a_run_that_slept_over_its_tracking_sends_nothing_when_it_wakes);
    CASE(a_look_that_is_recorded_too_late_says_nothing_about_a_later_post);
    CASE(guards_bound_a_pass_and_lose_nothing);
    CASE(a_full_disk_costs_the_numbers_and_nothing_else);
    return support_run_suite(suite);
}
