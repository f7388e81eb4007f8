#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/own_server.h"
#include "support/world.h"

/*
 * Somebody sets the clock: the server's, by which the ledger waits, and the bridge's own; in the
 * end three books must agree. The clocks that count from the boot go on as they do.
 */

#define ORDERS  30
#define HOUR_MS 3600000
#define RUN_MS  60000
#define STEP    WAYBILL_BUILD_DIR "/tests/libclock_step.so"
/* After more looks than are needed, so that only the clock stands against it. */
#define LATE_MS (WORLD_TIMEOUT_MS + WORLD_SETTLE_MS - 300)

static struct world world;
static struct own_server server;
static volatile int64_t *ahead_ms;
static char clock_file[650];
static char preload[700], clock_name[700];
static const char *const STEPPED[] = {preload, clock_name, NULL};

static void
setup(void)
{
    const int64_t none = 0;
    int fd;

    own_server_folder(clock_file, "clock");
    fd = open(clock_file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, &none, sizeof(none)), (ssize_t)sizeof(none));
    ahead_ms = mmap(NULL, sizeof(*ahead_ms), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert(ahead_ms != MAP_FAILED);
    (void)close(fd);
    (void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", STEP);
    (void)snprintf(clock_name, sizeof(clock_name), "WAYBILL_CLOCK=%s", clock_file);
}

static void
teardown(void)
{
    world_end(&world);
    if (server.dir[0] != '\0')
        own_server_do("remove", server.dir);
    (void)munmap((void *)(uintptr_t)ahead_ms, sizeof(*ahead_ms));
    (void)unlink(clock_file);
}

static void
begin(void)
{
    world_begin(&world, 6, ORDERS);
    world_start(&world);
    world_switch(&world, "quantity_check=request state_lag_ms=8000");
    /* A list has shown one of our markers; else absence is not believed at all. */
    world_faults(&world, "first=3:none first=1:drop_after");
    (void)world_run(&world);
    world_run_out(&world, "before the clock is set");
}

/* While it waits for the settle time of what the API applies late. */
START_TEST(a_servers_clock_that_is_set_ahead_does_not_shorten_the_settle_time)
{
    struct support_process run;
    char faults[40];
    int64_t hour_before;

    own_server_start(&server, NULL, STEPPED);
    begin();
    hour_before = support_query_int(world.url, "select extract(epoch from now())::bigint");
    world_generate(&world, ORDERS);
    (void)snprintf(faults, sizeof(faults), "first=8:late:%d", LATE_MS);
    world_faults(&world, faults);
    world_spawn_run(&world, &run);
    support_wait_query(world.url,
                       "select count(*) > 3 from waybill.submissions where state = 'unknown'", "t",
                       RUN_MS);
    *ahead_ms = HOUR_MS;
    (void)support_wait_exit(&run, RUN_MS);
    world_check(&world,
                support_query_int(world.url, "select extract(epoch from now())::bigint") >=
                    hour_before + HOUR_MS / 1000,
                "the server's clock did not step");
    world_agree(&world, "a clock set ahead");
    support_query_is(world.url, "select count(*) from waybill.decisions where action = 'clock'",
                     "1");
}
END_TEST

/* Only later, never lost: what was to be at a time of the old clock is when that comes again. */
START_TEST(a_servers_clock_that_is_put_back_only_delays)
{
    struct support_process run;

    own_server_start(&server, NULL, STEPPED);
    begin();
    world_generate(&world, ORDERS);
    world_faults(&world, "drop_after=0.3 503_before=0.2:0");
    world_spawn_run(&world, &run);
    support_wait_query(world.url,
                       "select count(*) > 3 from waybill.submissions where state = 'unknown'", "t",
                       RUN_MS);
    *ahead_ms = -HOUR_MS;
    (void)support_wait_exit(&run, RUN_MS);
    *ahead_ms = 0;
    world_agree(&world, "a clock put back");
}
END_TEST

START_TEST(the_bridges_own_wall_clock_decides_nothing)
{
    static const int64_t STEPS[] = {HOUR_MS * 24, -HOUR_MS * 24, 0};
    const char *const argv[] = {SUPPORT_WAYBILL, "-c", NULL, "run", NULL};

    begin();
    for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
        const char *with[] = {argv[0], argv[1], world.config, argv[3], NULL};
        struct support_process run;

        world_generate(&world, ORDERS);
        world_faults(&world, "drop_after=0.1 late=0.1:700 503_before=0.1:1");
        world_switch(&world, "latency_ms=25");
        support_spawn(&run, with, STEPPED);
        support_wait_query(world.url,
                           "select count(*) > 0 from waybill.submissions where state = 'unknown'",
                           "t", RUN_MS);
        *ahead_ms = STEPS[i];
        (void)support_wait_exit(&run, RUN_MS);
    }
    world_agree(&world, "the bridge's clock");
}
END_TEST

#define CASE(name) SUPPORT_CASE(suite, 400, setup, teardown, name)

int
main(void)
{
    int code;
    Suite *suite = suite_create("clocks");

    support_need_database();
    own_server_begin();
    CASE(a_servers_clock_that_is_set_ahead_does_not_shorten_the_settle_time);
    CASE(a_servers_clock_that_is_put_back_only_delays);
    CASE(the_bridges_own_wall_clock_decides_nothing);
    code = support_run_suite(suite);
    own_server_remove_all();
    return code;
}
