#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "support/world.h"

/*
 * All groups of faults at once, by seed, round after round, each of which ends in three books that
 * agree. tests/fault/soak.sh is the way to an hour of it; it sets
 *     WAYBILL_FAULT_SECONDS   how long, default 25
 *     WAYBILL_FAULT_SERVER    the folder of a server that is ours alone, and may crash
 */

#define ORDERS      50
#define SECONDS     25
#define RUNS        6
#define RUN_MS      60000
#define SPEC_MAX    1024
#define PERCENT_MAX 85
#define CLUSTER     WAYBILL_SOURCE_DIR "/tests/fault/cluster.sh"
#define TEST_MAX_S  100000

static struct world world;
static int64_t terminated, cancelled, stopped, slept, silenced, locked, crashed;

/* Each kind that doesn't need a person, with its weight for a round in which it happens. */
static const struct {
    const char *spec;
    int percent; /* of the POSTs */
} KINDS[] = {
    {"drop_before=0.08", 8},
    {"drop_after=0.12", 12},
    {"reset_before=0.08", 8},
    {"reset_after=0.12", 12},
    {"408=0.05", 5},
    {"408_after=0.08", 8},
    {"429=0.02:1", 2},
    {"500_before=0.08", 8},
    {"500_after=0.1", 10},
    {"502_before=0.08", 8},
    {"502_after=0.1", 10},
    {"503_before=0.08:0", 8},
    {"503_after=0.1:0", 10},
    {"504_before=0.08", 8},
    {"504_after=0.1", 10},
    {"401=0.01", 1},
    {"403_html=0.05", 5},
    {"403_api=0.01", 1},
    {"html=0.05", 5},
    {"slow=0.1:300", 10},
    {"hang=0.03", 3},
    {"hang_after=0.05", 5},
    {"truncated=0.06", 6},
    {"garbage=0.06", 6},
    {"huge=0.02:6", 2},
    {"deep=0.05", 5},
    {"no_id=0.06", 6},
    {"wrong_order=0.05", 5},
    {"wrong_quantity=0.05", 5},
    {"late=0.1:750", 10},
    {"list_lag_ms=0.3:750", 0},
    {"get:500=0.05", 0},
    {"get:drop_before=0.05", 0},
    {"list:list_empty_page=0.1", 0},
    {"get:garbage=0.05", 0},
    {"get:503=0.03:0", 0},
};

static void
random_faults(void)
{
    char spec[SPEC_MAX] = "";
    size_t used = 0;
    int percent = 0;

    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (world_dice(&world, 4) != 0 || percent + KINDS[i].percent > PERCENT_MAX)
            continue;
        percent += KINDS[i].percent;
        used += (size_t)snprintf(spec + used, sizeof(spec) - used, "%s ", KINDS[i].spec);
    }
    world_faults(&world, spec);
    world_switch(&world, world_dice(&world, 2) == 0 ? "list_metadata=on" : "list_metadata=off");
    /* Half of the time the API itself would refuse a unit too many; then it can't be seen. */
    world_switch(&world,
                 world_dice(&world, 2) == 0 ? "quantity_check=off" : "quantity_check=cumulative");
    world_switch(&world, world_dice(&world, 2) == 0 ? "latency_ms=0" : "latency_ms=25");
    world_switch(&world, world_dice(&world, 2) == 0 ? "list_max=0 list_repeat=off"
                                                    : "list_max=2 list_repeat=on");
}

static void
spawn_psql(struct support_process *process, const char *sql)
{
    const char *const argv[] = {"psql", "-X", "-q", "-d", world.url, "-c", sql, NULL};

    support_spawn(process, argv, NULL);
}

/* Without a server of our own a kill takes its place. */
static void
crash_server(struct support_process *run)
{
    const char *dir = getenv("WAYBILL_FAULT_SERVER");
    const char *const argv[] = {"sh", CLUSTER, "crash", dir, NULL};
    char *errors = NULL;

    if (dir == NULL) {
        world_kill(&world, run);
        return;
    }
    world_check(&world, support_run(argv, NULL, NULL, &errors) == 0, "crash: %s", errors);
    free(errors);
    crashed++;
}

static void
trouble(struct support_process *run)
{
    struct support_process locker;

    switch (world_dice(&world, 12)) {
    default:
        world_kill(&world, run);
        break;
    case 2:
        if (support_is_running(run))
            support_signal(run, SIGTERM);
        stopped++;
        break;
    case 3:
        if (support_is_running(run))
            support_signal(run, SIGSTOP);
        clock_sleep_ms(WORLD_SEND_WITHIN_MS + world_dice(&world, 1500));
        if (support_is_running(run))
            support_signal(run, SIGCONT);
        slept++;
        break;
    case 4:
        terminated += support_query_int(
            world.url, "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                       " where datname = current_database() and application_name like 'waybill%'");
        break;
    case 5:
        cancelled += support_query_int(
            world.url, "select count(pg_cancel_backend(pid)) from pg_stat_activity"
                       " where datname = current_database() and application_name like 'waybill%'");
        break;
    case 6:
        proxy_be_silent(world.database_proxy, true);
        clock_sleep_ms(world_dice(&world, 2000));
        if (world_dice(&world, 2) == 0)
            proxy_cut(world.database_proxy);
        proxy_be_silent(world.database_proxy, false);
        silenced++;
        break;
    case 7:
        spawn_psql(&locker, "begin; select count(*) from (select from waybill.lanes for update) x;"
                            "select pg_sleep(1)");
        (void)support_wait_exit(&locker, RUN_MS);
        locked++;
        break;
    case 8:
        crash_server(run);
        break;
    }
}

static void
one_round(void)
{
    struct support_process work;

    world_generate(&world, ORDERS);
    random_faults();
    world_spawn_work(&world, &work, 15);
    for (int i = 0; i < RUNS; i++) {
        struct support_process first;
        struct support_process second;
        bool is_two = world_dice(&world, 3) == 0;

        world_spawn_run(&world, &first);
        if (is_two)
            world_spawn_run(&world, &second);
        clock_sleep_ms(world_dice(&world, 500));
        trouble(&first);
        (void)support_wait_exit(&first, RUN_MS);
        if (is_two)
            (void)support_wait_exit(&second, RUN_MS);
    }
    (void)support_wait_exit(&work, RUN_MS);
    world_agree(&world, "all at once");
}

static void
say(const char *name, int64_t count)
{
    (void)printf("soak: %s %" PRId64 "\n", name, count);
}

/* "NAME":COUNT,... of the sandbox's statistics. */
static void
say_faults(void)
{
    char url[128];
    char *text = NULL;
    const char *at;

    (void)snprintf(url, sizeof(url), "%s/_sandbox/stats", world.sandbox.url);
    ck_assert_int_eq(support_http_get(url, &text), 200);
    at = strstr(text, "\"faults\":{");
    ck_assert_ptr_nonnull(at);
    for (at = strchr(at, '{'); *at != '}'; at += strcspn(at, ",}")) {
        size_t bytes = strcspn(at + 2, "\"");

        (void)printf("soak: fault %.*s %.*s\n", (int)bytes, at + 2,
                     (int)strcspn(at + bytes + 4, ",}"), at + bytes + 4);
        at += bytes + 4;
    }
    free(text);
}

/* One number a line, so that those of several seeds can be added. What was lost is none, or the
 * test would have ended before. */
static void
report(int rounds)
{
    say("rounds", rounds);
    say("runs", world.runs);
    say_faults();
    say("fault kill_9", world.kills);
    say("fault SIGTERM", stopped);
    say("fault SIGSTOP", slept);
    say("fault server_crashed", crashed);
    say("fault session_ended", terminated);
    say("fault statement_cancelled", cancelled);
    say("fault network_silent", silenced);
    say("fault lanes_locked", locked);
    say("POSTs", support_query_int(world.url, "select count(*) from waybill.attempts_made"
                                              " where kind = 'post' and sent"));
    say("fulfillments", world_stat(&world, "\"applied\"", "fulfillments"));
    say("shipped", world_stat(&world, "\"applied\"", "units_shipped"));
    say("cancelled", world_stat(&world, "\"applied\"", "units_cancelled"));
    say("twice", world_stat(&world, "", "duplicate_markers"));
    (void)fflush(stdout);
}

START_TEST(all_faults_at_once_lose_and_double_nothing)
{
    const char *text = getenv("WAYBILL_FAULT_SECONDS");
    int64_t seconds = SECONDS;
    struct clock_mono deadline;
    int rounds = 0;

    if (text != NULL)
        (void)number_parse(text, 0, TEST_MAX_S, &seconds);
    deadline = clock_mono_add(clock_mono_now(), seconds * 1000);
    world_begin(&world, 5, ORDERS);
    world_use_proxies(&world);
    world_start(&world);
    world_switch(&world, "state_lag_ms=1000");
    do {
        one_round();
        rounds++;
    } while (clock_mono_left_ms(deadline) > 0);
    report(rounds);
    world_end(&world);
}
END_TEST

#define CASE(name) SUPPORT_CASE(suite, TEST_MAX_S, NULL, NULL, name)

int
main(void)
{
    Suite *suite = suite_create("all faults");

    support_need_database();
    CASE(all_faults_at_once_lose_and_double_nothing);
    return support_run_suite(suite);
}
