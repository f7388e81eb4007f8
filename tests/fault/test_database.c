#include <inttypes.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "support/own_server.h"
#include "support/world.h"

/*
 * The database crashes, hangs and refuses under load, on a server of its own; in the end three
 * books must agree.
 */

#define ORDERS          60
#define RUN_MS          60000
#define CONNECTIONS_MAX 64

static struct world world;
static struct own_server server;

static void
setup(void)
{
    own_server_start(&server, OWN_SERVER_FORGETFUL, NULL);
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
        own_server_do("crash", server.dir);
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
        own_server_do("crash", server.dir);
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

/* Serialization, deadlock, lock time-out: with the SQLSTATE that a server says it with. */
START_TEST(serialization_failures_and_deadlocks_are_tried_again)
{
    (void)world_run(&world);
    support_psql(world.url,
                 "create sequence public.turns;"
                 "create function public.trouble() returns trigger language plpgsql as $$"
                 " begin"
                 "   if nextval('public.turns') % 29 = 0 then"
                 "     raise exception 'made up' using errcode ="
                 "       (array['40001', '40P01', '55P03'])[1 + nextval('public.turns') % 3];"
                 "   end if;"
                 "   return null;"
                 " end $$;"
                 "create trigger trouble before insert or update on waybill.submissions"
                 " for each statement execute function public.trouble();"
                 "create trigger trouble before update on waybill.lanes"
                 " for each statement execute function public.trouble();"
                 "create trigger trouble before update on waybill.rows"
                 " for each statement execute function public.trouble();"
                 "create trigger trouble before delete on waybill.queue"
                 " for each statement execute function public.trouble()");
    world_faults(&world, "drop_after=0.1");
    for (int i = 0; i < 3; i++) {
        world_generate(&world, ORDERS / 2);
        int code = world_run(&world);

        world_check(&world, code == 0 || code == 1 || code == 4, "the run ended with %d", code);
    }
    world_check(&world, support_query_int(world.url, "select last_value from public.turns") > 60,
                "only a few statements met it");
    support_psql(world.url, "drop function public.trouble() cascade");
    world_agree(&world, "serialization failures");
}
END_TEST

/* Answers have a session of their own while there is a backlog: the run does without it, and
 * settles what was under way. */
START_TEST(the_session_of_settlements_is_ended)
{
    int ended = 0;

    world.api = "  max_in_flight: 100\n";
    world_write_config(&world);
    world_switch(&world, "latency_ms=50");
    for (int i = 0; i < 3; i++) {
        struct support_process run;
        bool has_ended = false;

        world_generate(&world, 5 * ORDERS);
        world_spawn_run(&world, &run);
        while (support_is_running(&run)) {
            has_ended = support_query_int(world.url, "select count(pg_terminate_backend(pid)) from"
                                                     " pg_stat_activity where application_name ="
                                                     " 'waybill settle'") > 0 ||
                        has_ended;
        }
        ended += has_ended;
        ck_assert_int_eq(support_wait_exit(&run, RUN_MS), 0);
    }
    world_check(&world, ended > 0, "no run had a session for settlements");
    world_agree(&world, "ended settlements");
}
END_TEST

/* As administrators set them for everybody; each of them would end or hurt a session of ours. */
START_TEST(settings_of_the_database_and_the_role_change_nothing)
{
    static const char *const SETTINGS[] = {
        "synchronous_commit = off",
        "statement_timeout = '700ms'",
        "lock_timeout = '50ms'",
        "idle_session_timeout = '100ms'",
        "idle_in_transaction_session_timeout = '50ms'",
        "default_transaction_isolation = 'serializable'",
        "timezone = 'Asia/Kathmandu'",
        "datestyle = 'German'",
    };
    struct support_process locker;
    int code;

    for (size_t i = 0; i < sizeof(SETTINGS) / sizeof(SETTINGS[0]); i++) {
        char sql[300];

        (void)snprintf(sql, sizeof(sql), "alter %s set %s", i % 2 == 0 ? "role postgres" : "system",
                       SETTINGS[i]);
        support_psql(world.url, sql);
    }
    support_psql(world.url, "select pg_reload_conf()");
    /* The answers take longer than a session may be idle, the lock longer than a statement. */
    world_switch(&world, "latency_ms=400");
    support_spawn(&locker,
                  (const char *const[]){"psql", "-X", "-q", "-d", world.url, "-c",
                                        "set idle_session_timeout = 0; set statement_timeout = 0;"
                                        "begin; lock table waybill.submissions in exclusive mode;"
                                        "select pg_sleep(1.2)",
                                        NULL},
                  NULL);
    code = world_run(&world);
    (void)support_wait_exit(&locker, RUN_MS);
    world_check(&world, code == 0 || code == 1, "the run ended with %d", code);
    world_check(&world, strstr(world.errors, "timeout") == NULL, "a time-out of the server's");
    world_agree(&world, "settings");
}
END_TEST

static void
spawn_psql(struct support_process *process, const char *sql)
{
    const char *const argv[] = {"psql", "-X", "-q", "-d", world.url, "-c", sql, NULL};

    support_spawn(process, argv, NULL);
}

/* What is answered and not settled is in the bridge's memory alone: there is only so much of it. */
START_TEST(answers_that_cannot_be_settled_keep_claims_back)
{
    static const char SENDING[] =
        "select count(*) from waybill.submissions where state = 'sending'";
    enum { DUE = 3000, IN_HAND = 600, MOST = IN_HAND + 100 + 256 + 100 };
    struct support_process locker, run;
    struct clock_mono until;
    int64_t most = 0;

    world.api = "  max_in_flight: 100\n";
    world_write_config(&world);
    world_switch(&world, "latency_ms=100");
    world_generate(&world, DUE);
    world_spawn_run(&world, &run);
    until = clock_mono_add(clock_mono_now(), RUN_MS);
    while (clock_mono_left_ms(until) > 0 &&
           support_query_int(world.url, "select count(*) from pg_stat_activity"
                                        " where application_name = 'waybill settle'") == 0)
        ;
    spawn_psql(&locker, "begin; lock table waybill.attempts in share mode; select pg_sleep(60)");
    while (most < IN_HAND && clock_mono_left_ms(until) > 0)
        most = support_query_int(world.url, SENDING);
    world_check(&world, most >= IN_HAND, "only %" PRId64 " were sent", most);
    clock_sleep_ms(1500);
    most = support_query_int(world.url, SENDING);
    world_check(&world, most <= MOST, "%" PRId64 " were sent and none was settled", most);
    support_psql(world.url,
                 "select pg_terminate_backend(pid) from pg_locks"
                 " where relation = 'waybill.attempts'::regclass and mode = 'ShareLock'");
    (void)support_wait_exit(&locker, RUN_MS);
    ends(&run, "a lock on attempts");
    world_agree(&world, "answers in hand");
}
END_TEST

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

#define CASE(name) SUPPORT_CASE(suite, 400, setup, teardown, name)

int
main(void)
{
    int code;
    Suite *suite = suite_create("database faults");

    support_need_database();
    own_server_begin();
    CASE(a_server_that_crashes_under_load_loses_no_intent);
    CASE(an_intent_survives_a_crash_that_comes_with_its_post);
    CASE(sessions_that_are_ended_and_statements_that_are_cancelled);
    CASE(the_session_of_settlements_is_ended);
    CASE(answers_that_cannot_be_settled_keep_claims_back);
    CASE(serialization_failures_and_deadlocks_are_tried_again);
    CASE(settings_of_the_database_and_the_role_change_nothing);
    CASE(locks_of_others_on_lanes_and_rows_delay_and_lose_nothing);
    CASE(a_server_without_a_free_connection_ends_a_run_with_4_and_costs_nothing);
    CASE(an_old_snapshot_that_is_held_all_the_time);
    CASE(a_network_that_goes_silent_under_load);
    code = support_run_suite(suite);
    own_server_remove_all();
    return code;
}
