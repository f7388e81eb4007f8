#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "support/own_server.h"
#include "support/world.h"

/*
 * The primary dies under load and a standby takes its place, with and without the last commits; in
 * the end three books must agree.
 */

#define ORDERS  60
#define RUN_MS  60000
#define CLUSTER WAYBILL_SOURCE_DIR "/tests/fault/cluster.sh"

static struct world world;
static struct own_server server;
static char standby[600]; /* its folder */

static void
setup(void)
{
    own_server_start(&server, OWN_SERVER_FORGETFUL, NULL);
    own_server_folder(standby, "s");
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
    own_server_do("remove", server.dir);
    if (access(standby, F_OK) == 0)
        own_server_do("remove", standby);
}

/* A run ends with what the table of exit codes allows when the database is in trouble. */
static void
ends(struct support_process *run, const char *what)
{
    int code = support_wait_exit(run, RUN_MS);

    world_check(&world, code == 0 || code == 1 || code == 4, "%s: the run ended with %d", what,
                code);
}

static struct proxy *replication;
static int primary_port;
static char second[16]; /* the standby's port */

static int
port_number(const char *text)
{
    int64_t port = 0;

    ck_assert_msg(number_parse(text, 1, 65535, &port), "no port: %s", text);
    return (int)port;
}

/* The bridge knows both hosts. */
static void
know_both(int first_port)
{
    const char *name = strrchr(world.url, '/');

    (void)snprintf(world.bridge_url, sizeof(world.bridge_url),
                   "postgresql://postgres@127.0.0.1:%d,127.0.0.1:%s%.*s"
                   "?target_session_attrs=read-write",
                   first_port, second, (int)strcspn(name, "?"), name);
    world_write_config(&world);
}

/* Replication passes through a proxy. */
static void
make_standby(void)
{
    char port[16];
    char *text = support_query_text(world.url, "select inet_server_port()");

    replication = proxy_start("127.0.0.1", port_number(text));
    (void)snprintf(port, sizeof(port), "%d", proxy_port(replication));

    const char *const argv[] = {"sh", CLUSTER, "standby", server.dir, standby, port, NULL};

    own_server_shell("standby", argv, NULL, second, sizeof(second));
    primary_port = port_number(text);
    know_both(primary_port);
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
    const char *name = strrchr(world.url, '/');
    char url[SUPPORT_URL_MAX];

    own_server_do("die", server.dir);
    ends(run, "the primary dies");
    own_server_do("promote", standby);
    (void)snprintf(url, sizeof(url), "postgresql://postgres@127.0.0.1:%s%.*s", second,
                   (int)strcspn(name, "?"), name);
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

/* "Committed here, maybe not on the standby": the claim counts as not made. */
START_TEST(a_claim_whose_wait_for_the_standby_was_cancelled_is_not_sent)
{
    struct support_process run;
    int64_t applied;

    make_standby();
    (void)world_run(&world);
    world_run_out(&world, "before the cancelled wait");
    world_generate(&world, ORDERS);
    support_psql(world.url, "alter system set synchronous_standby_names = '*'");
    support_psql(world.url, "select pg_reload_conf()");
    support_wait_query(world.url, "select sync_state from pg_stat_replication", "sync", RUN_MS);
    applied = world_stat(&world, "\"applied\"", "fulfillments");
    know_both(proxy_port(world.database_proxy));
    proxy_hold(world.database_proxy, "\0claim_", 7, PROXY_BEFORE);
    world_spawn_run(&world, &run);
    while (!proxy_is_holding(world.database_proxy)) {
        world_check(&world, support_is_running(&run), "nobody claimed");
        clock_sleep_ms(2);
    }
    proxy_be_silent(replication, true);
    proxy_release(world.database_proxy);
    while (support_is_running(&run)) {
        (void)support_query_int(world.url, "select count(pg_cancel_backend(pid))"
                                           "  from pg_stat_activity where wait_event = 'SyncRep'"
                                           "   and application_name like 'waybill%'");
        clock_sleep_ms(10);
    }
    know_both(primary_port);
    world_check(&world, world_stat(&world, "\"applied\"", "fulfillments") == applied,
                "something was posted on a claim that the standby never got");
    fail_over(&run);
    support_psql(world.url, "alter system reset synchronous_standby_names");
    support_psql(world.url, "select pg_reload_conf()");
    world_agree(&world, "a cancelled wait");
    proxy_stop(replication);
}
END_TEST

#define CASE(name) SUPPORT_CASE(suite, 400, setup, teardown, name)

int
main(void)
{
    int code;
    Suite *suite = suite_create("failover");

    support_need_database();
    own_server_begin();
    CASE(an_asynchronous_failover_that_loses_the_last_commits);
    CASE(a_synchronous_failover_loses_nothing_at_all);
    CASE(a_claim_whose_wait_for_the_standby_was_cancelled_is_not_sent);
    code = support_run_suite(suite);
    own_server_remove_all();
    return code;
}
