#include <inttypes.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "support/world.h"

/*
 * The database crashes, hangs, refuses and fails over under load, on a server of its own; in the
 * end three books must agree.
 */

#define ORDERS          60
#define RUN_MS          60000
#define CONNECTIONS_MAX 64
#define CLUSTER         WAYBILL_SOURCE_DIR "/tests/fault/cluster.sh"
#define PRIVATE         WAYBILL_SOURCE_DIR "/conf/private-postgres.sh"

#define FOLDERS "%s/waybill-fault-%d-"

static struct world world;
static char primary[600]; /* its folder */
static char standby[600];
static pid_t suite_pid;

/* Returns the first line of what it printed. */
static void
shell(const char *what, const char *const argv[], char *line, size_t bytes)
{
    char *out = NULL;
    char *errors = NULL;
    int code = support_run(argv, NULL, &out, &errors);

    ck_assert_msg(code == 0, "%s: %d %s", what, code, errors);
    if (line != NULL)
        (void)snprintf(line, bytes, "%.*s", (int)strcspn(out, "\n"), out);
    free(out);
    free(errors);
}

static void
cluster(const char *command, const char *dir)
{
    const char *const argv[] = {"sh", CLUSTER, command, dir, NULL};

    shell(command, argv, NULL, 0);
}

/* A commit is not durable unless the session asks for it: a crash then loses the last page of the
 * log.
 */
static void
setup(void)
{
    char url[SUPPORT_URL_MAX];

    const char *top = getenv("TMPDIR");

    if (top == NULL)
        top = "/tmp";
    (void)snprintf(primary, sizeof(primary), FOLDERS "%d-p", top, (int)suite_pid, (int)getpid());
    (void)snprintf(standby, sizeof(standby), FOLDERS "%d-s", top, (int)suite_pid, (int)getpid());

    const char *const argv[] = {"sh",
                                PRIVATE,
                                "start",
                                primary,
                                "synchronous_commit=off",
                                "wal_writer_delay=10000",
                                "wal_writer_flush_after=256MB",
                                "max_connections=40",
                                NULL};

    shell("start", argv, url, sizeof(url));
    ck_assert_int_eq(setenv("WAYBILL_TEST_DB", url, 1), 0);
    world_begin(&world, 3, ORDERS);
    world_use_proxies(&world);
    world_start(&world);
    world_switch(&world, "quantity_check=request state_lag_ms=4000");
}

static void
teardown(void)
{
    support_sandbox_stop(&world.sandbox);
    proxy_stop(world.database_proxy);
    proxy_stop(world.api_proxy);
    cluster("remove", primary);
    if (access(standby, F_OK) == 0)
        cluster("remove", standby);
}

/* A run ends with what the table of exit codes allows when the database is in trouble. */
static void
ends(struct support_process *run, const char *what)
{
    int code = support_wait_exit(run, RUN_MS);

    world_check(&world, code == 0 || code == 1 || code == 4, "%s: the run ended with %d", what,
                code);
}

START_TEST(a_server_that_crashes_under_load_loses_no_intent)
{
    world_switch(&world, "latency_ms=20");
    for (int i = 0; i < 4; i++) {
        struct support_process run;

        world_generate(&world, ORDERS);
        world_spawn_run(&world, &run);
        clock_sleep_ms(150 + world_dice(&world, 400));
        cluster("crash", primary);
        ends(&run, "a crash");
    }
    world_agree(&world, "crashes");
}
END_TEST

/* Only the last page of the log is surely lost by a crash, so the claim has to be the last that was
 * written. */
START_TEST(an_intent_survives_a_crash_that_comes_with_its_post)
{
    (void)world_run(&world);
    world_run_out(&world, "before the crash");
    for (int i = 0; i < 5; i++) {
        char sql[400];
        struct support_process run;

        (void)snprintf(sql, sizeof(sql),
                       "set synchronous_commit = on;"
                       "select wms.edge_order('DISK-%d', 'disk-%d', array['a'], 9);"
                       "select wms.edge_ship(o.id, 'DISK-%d', 1) from wms.orders o"
                       " where o.number = 'DISK-%d'",
                       i, i, i, i);
        support_psql(world.url, sql);
        world_load_orders(&world);
        proxy_hold(world.api_proxy, "POST /fulfillments", 18, PROXY_AFTER);
        world_spawn_run(&world, &run);
        while (!proxy_is_holding(world.api_proxy))
            clock_sleep_ms(2);
        cluster("crash", primary);
        (void)snprintf(sql, sizeof(sql),
                       "select state in ('sending', 'unknown') from waybill.submissions"
                       " where order_id = 'disk-%d'",
                       i);
        support_query_is(world.url, sql, "t");
        proxy_release(world.api_proxy);
        ends(&run, "a crash");
    }
    world_agree(&world, "crashes with a POST");
}
END_TEST

START_TEST(sessions_that_are_ended_and_statements_that_are_cancelled)
{
    world_switch(&world, "latency_ms=10");
    for (int i = 0; i < 6; i++) {
        struct support_process run;

        world_generate(&world, ORDERS / 2);
        world_faults(&world, "drop_after=0.1");
        world_spawn_run(&world, &run);
        for (int times = 0; times < 4; times++) {
            clock_sleep_ms(40 + world_dice(&world, 120));
            support_psql(world.url,
                         i % 2 == 0 ? "select pg_terminate_backend(pid) from pg_stat_activity"
                                      " where application_name like 'waybill%' and random() < 0.4"
                                    : "select pg_cancel_backend(pid) from pg_stat_activity"
                                      " where application_name like 'waybill%'");
        }
        ends(&run, "ended sessions");
    }
    world_agree(&world, "ended sessions");
}
END_TEST

static void
spawn_psql(struct support_process *process, const char *sql)
{
    const char *const argv[] = {"psql", "-X", "-q", "-d", world.url, "-c", sql, NULL};

    support_spawn(process, argv, NULL);
}

START_TEST(locks_of_others_on_lanes_and_rows_delay_and_lose_nothing)
{
    static const char *const LOCKS[] = {
        "begin; select count(*) from (select from waybill.lanes for update) x; select pg_sleep(3)",
        "begin; lock table waybill.rows in share row exclusive mode; select pg_sleep(3)",
        "begin; lock table waybill.submissions in exclusive mode; select pg_sleep(3)",
    };

    (void)world_run(&world);
    for (size_t i = 0; i < sizeof(LOCKS) / sizeof(LOCKS[0]); i++) {
        struct support_process locker;
        struct support_process run;

        world_switch(&world, "latency_ms=30");
        world_generate(&world, ORDERS);
        world_spawn_run(&world, &run);
        clock_sleep_ms(world_dice(&world, 400));
        spawn_psql(&locker, LOCKS[i]);
        ends(&run, "locks");
        (void)support_wait_exit(&locker, RUN_MS);
    }
    world_agree(&world, "locks");
}
END_TEST

START_TEST(a_server_without_a_free_connection_ends_a_run_with_4_and_costs_nothing)
{
    PGconn *held[CONNECTIONS_MAX];
    int count = 0;
    int code;

    while (count < CONNECTIONS_MAX) {
        held[count] = PQconnectdb(world.url);
        if (PQstatus(held[count]) != CONNECTION_OK)
            break;
        count++;
    }
    world_check(&world, count < CONNECTIONS_MAX, "the server never refused");
    code = world_run(&world);
    world_check(&world, code == 4, "without a connection the run ended with %d", code);
    /* One is enough for the loop, not for its planner. */
    PQfinish(held[0]);
    code = world_run(&world);
    world_check(&world, code == 4, "with one connection the run ended with %d", code);
    for (int i = 1; i <= count; i++)
        PQfinish(held[i]);
    world_agree(&world, "no free connection");
}
END_TEST

START_TEST(an_old_snapshot_that_is_held_all_the_time)
{
    struct support_process holder;

    spawn_psql(&holder, "begin isolation level repeatable read; select count(*) from wms.orders;"
                        "select pg_sleep(600)");
    world_faults(&world, "drop_after=0.2 503_before=0.2:0");
    (void)world_run(&world);
    world_work(&world, 60);
    (void)world_run(&world);
    world_agree(&world, "an old snapshot");
    support_signal(&holder, SIGKILL);
    (void)support_wait_exit(&holder, RUN_MS);
}
END_TEST

/* Nothing comes, nothing is closed; in the end the connections turn out to be gone. */
START_TEST(a_network_that_goes_silent_under_load)
{
    for (int i = 0; i < 2; i++) {
        struct support_process run;

        world_switch(&world, "latency_ms=25");
        world_generate(&world, ORDERS);
        world_spawn_run(&world, &run);
        clock_sleep_ms(200 + world_dice(&world, 300));
        proxy_be_silent(world.database_proxy, true);
        clock_sleep_ms(WORLD_SEND_WITHIN_MS + WORLD_TIMEOUT_MS + 500);
        if (i == 0)
            proxy_cut(world.database_proxy); /* at once, when it wakes */
        proxy_be_silent(world.database_proxy, false);
        ends(&run, "a silent network");
    }
    world_agree(&world, "a silent network");
}
END_TEST

/* ------------------------------------------------------------------ failover */

static struct proxy *replication;

static int
port_number(const char *text)
{
    int64_t port = 0;

    ck_assert_msg(number_parse(text, 1, 65535, &port), "no port: %s", text);
    return (int)port;
}

/* The bridge knows both hosts; replication passes through a proxy. */
static void
make_standby(void)
{
    char port[16];
    char second[16];
    char *text = support_query_text(world.url, "select inet_server_port()");
    const char *name = strrchr(world.url, '/');

    replication = proxy_start("127.0.0.1", port_number(text));
    (void)snprintf(port, sizeof(port), "%d", proxy_port(replication));

    const char *const argv[] = {"sh", CLUSTER, "standby", primary, standby, port, NULL};

    shell("standby", argv, second, sizeof(second));
    (void)snprintf(world.bridge_url, sizeof(world.bridge_url),
                   "postgresql://postgres@127.0.0.1:%s,127.0.0.1:%s%.*s"
                   "?target_session_attrs=read-write",
                   text, second, (int)strcspn(name, "?"), name);
    world_write_config(&world);
    support_wait_query(world.url, "select count(*) from pg_stat_replication", "1", 20000);
    free(text);
}

static void
caught_up(void)
{
    support_wait_query(world.url,
                       "select count(*) from pg_stat_replication"
                       " where replay_lsn >= pg_current_wal_flush_lsn()",
                       "1", 20000);
}

static void
fail_over(struct support_process *run)
{
    const char *second = strrchr(strrchr(world.bridge_url, ','), ':');
    char url[SUPPORT_URL_MAX];

    cluster("die", primary);
    ends(run, "the primary dies");
    cluster("promote", standby);
    (void)snprintf(url, sizeof(url), "postgresql://postgres@127.0.0.1%.*s",
                   (int)strcspn(second, "?"), second);
    (void)snprintf(world.url, sizeof(world.url), "%s", url);
}

START_TEST(an_asynchronous_failover_that_loses_the_last_commits)
{
    struct support_process run;

    make_standby();
    world_faults(&world, "first=3:none first=1:drop_after");
    (void)world_run(&world);
    world_run_out(&world, "before the failover");
    world_generate(&world, ORDERS);
    caught_up();
    /* Some plans still arrive at the standby, their claims don't. */
    world_switch(&world, "latency_ms=60");
    world_spawn_run(&world, &run);
    support_wait_query(world.url,
                       "select count(*) > 5 from waybill.submissions where state = 'planned'", "t",
                       RUN_MS);
    proxy_be_silent(replication, true);
    clock_sleep_ms(600);
    fail_over(&run);
    world_agree(&world, "an asynchronous failover");
    support_query_is(world.url, "select generation from waybill.identity", "2");
    proxy_stop(replication);
}
END_TEST

START_TEST(a_synchronous_failover_loses_nothing_at_all)
{
    struct support_process run;

    make_standby();
    support_psql(world.url, "alter system set synchronous_standby_names = '*'");
    support_psql(world.url, "select pg_reload_conf()");
    (void)world_run(&world);
    world_generate(&world, ORDERS);
    caught_up();
    world_switch(&world, "latency_ms=20");
    world_spawn_run(&world, &run);
    clock_sleep_ms(500);
    fail_over(&run);
    support_psql(world.url, "alter system reset synchronous_standby_names");
    support_psql(world.url, "select pg_reload_conf()");
    world_agree(&world, "a synchronous failover");
    proxy_stop(replication);
}
END_TEST

/* Each is a case of its own, so that CK_RUN_CASE=NAME runs it alone. */
#define CASE(name)                                                                                 \
    do {                                                                                           \
        TCase *tcase = support_case(suite, #name, 400);                                            \
        tcase_add_checked_fixture(tcase, setup, teardown);                                         \
        tcase_add_test(tcase, name);                                                               \
    } while (0)

/* Servers of tests that failed. */
static void
remove_all(void)
{
    static const char SCRIPT[] =
        "for dir in \"$2\"*; do [ ! -d \"$dir\" ] || sh \"$1\" remove \"$dir\"; done";
    const char *top = getenv("TMPDIR");
    char folders[600];
    pid_t pid;

    (void)snprintf(folders, sizeof(folders), FOLDERS, top == NULL ? "/tmp" : top, (int)suite_pid);
    pid = fork(); /* outside of a test, so without its helpers */
    if (pid == 0) {
        (void)execlp("sh", "sh", "-c", SCRIPT, "sh", CLUSTER, folders, (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
}

int
main(void)
{
    int code;
    Suite *suite = suite_create("database faults");

    support_need_database();
    suite_pid = getpid();
    CASE(a_server_that_crashes_under_load_loses_no_intent);
    CASE(an_intent_survives_a_crash_that_comes_with_its_post);
    CASE(sessions_that_are_ended_and_statements_that_are_cancelled);
    CASE(locks_of_others_on_lanes_and_rows_delay_and_lose_nothing);
    CASE(a_server_without_a_free_connection_ends_a_run_with_4_and_costs_nothing);
    CASE(an_old_snapshot_that_is_held_all_the_time);
    CASE(a_network_that_goes_silent_under_load);
    CASE(an_asynchronous_failover_that_loses_the_last_commits);
    CASE(a_synchronous_failover_loses_nothing_at_all);
    code = support_run_suite(suite);
    remove_all();
    return code;
}
