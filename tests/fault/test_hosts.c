#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "support/net.h"
#include "support/world.h"

/*
 * Several hosts against one database, each in a network of its own: cut off in the middle of its
 * POSTs, with a clock that is wrong by an hour, far away from the database; and how they share the
 * key's allowance. WAYBILL_HOSTS_SECONDS: rounds for so long, and more workers
 * (tests/fault/hosts.sh).
 */

#define SERVER      WAYBILL_SOURCE_DIR "/conf/private-postgres.sh"
#define WRONG_CLOCK WAYBILL_BUILD_DIR "/tests/libwrong_clock.so"
#define FOLDERS     "%s/waybill-hosts-%d-"

enum {
    HOSTS = 3,
    API_NUMBER = 1, /* where the sandbox listens */
    DATABASE_NUMBER = 10,
    FIRST_NUMBER = 11,
    FAR_NUMBER = 30, /* between the third host and the database */
    ROUND_TRIP_MS = 300,
    CLOCK_SHIFT_S = 3600,
    ORDERS = 40,
    STEP_MS = 180000,
    NOWHERE_MS = 5000,
    TEST_MAX_S = 10000,
    WORKERS_MAX = 8,
    ALLOWANCE = 60,  /* requests a second that the bridge is given */
    API_LIMIT = 100, /* above it the API answers 429 */
};

static struct world world;
static struct net_host api, database, far_away, hosts[HOSTS];
static struct support_process bridges[WORKERS_MAX];
static const char *near_config, *far_config;
static char server[600];
static int64_t port;
static pid_t suite_pid;
static char since[64];

/* ------------------------------------------------------------------ the network */

static void
start_database(void)
{
    const char *top = getenv("TMPDIR");
    char hba[1100];
    char url[SUPPORT_URL_MAX];
    char *out = NULL;
    char *errors = NULL;
    const char *colon;

    (void)snprintf(server, sizeof(server), FOLDERS "%d", top == NULL ? "/tmp" : top, (int)suite_pid,
                   (int)getpid());

    const char *const argv[] = {"sh", SERVER, "start", server, "listen_addresses=127.0.0.10", NULL};
    int code = support_run(argv, NULL, &out, &errors);

    ck_assert_msg(code == 0, "%s", errors);
    free(errors);
    colon = strrchr(out, ':');
    ck_assert_ptr_nonnull(colon);
    (void)snprintf(url, sizeof(url), "%.*s", (int)strspn(colon + 1, "0123456789"), colon + 1);
    ck_assert(number_parse(url, 1, 65535, &port));
    free(out);

    /* Hosts other than its own may come in. */
    (void)snprintf(hba, sizeof(hba), "%s/data/pg_hba.conf", server);
    FILE *file = fopen(hba, "a");

    ck_assert_ptr_nonnull(file);
    (void)fputs("host all all 127.0.0.0/24 trust\n", file);
    ck_assert_int_eq(fclose(file), 0);
    (void)snprintf(url, sizeof(url), "postgresql://postgres@/postgres?host=%s/socket&port=%" PRId64,
                   server, port);
    support_psql(url, "select pg_reload_conf()");
    (void)snprintf(url, sizeof(url), "postgresql://postgres@127.0.0.10:%" PRId64 "/postgres", port);
    ck_assert_int_eq(setenv("WAYBILL_TEST_DB", url, 1), 0);
}

static const char *
write_config(const char *name, const char *address, int in_flight)
{
    char text[4096];
    const char *database_name = strrchr(world.url, '/') + 1;

    if (strncmp(world.url, "postgresql:///", 14) == 0)
        database_name = world.url + 14;
    (void)snprintf(text, sizeof(text),
                   "database:\n  url: \"postgresql://postgres@%s:%" PRId64 "/%.*s\"\n"
                   "warehouse:\n  line_items: wms.waybill_line_items\n"
                   "api:\n  base_url: %s\n  key_file: %s/api.key\n  mode: test\n"
                   "  requests_per_second: %d\n  max_in_flight: %d\n"
                   "  timeout_ms: %d\n  connect_timeout_ms: 500\n"
                   "  send_within_ms: %d\n  settle_ms: %d\n"
                   "retry:\n  first_delay_ms: 100\n  max_delay_ms: 400\n  max_attempts: 1000\n"
                   "run:\n  grace_ms: 3000\nwatch:\n  interval_ms: 100\nlog:\n  level: warn\n",
                   address, port, (int)strcspn(database_name, "?"), database_name, world.api_url,
                   support_folder(), ALLOWANCE, in_flight, WORLD_TIMEOUT_MS, WORLD_SEND_WITHIN_MS,
                   WORLD_SETTLE_MS);
    return support_write_file(name, text, 0600);
}

static void
setup(void)
{
    net_begin();
    net_add(&api, API_NUMBER);
    net_add(&database, DATABASE_NUMBER);
    net_add(&far_away, FAR_NUMBER);
    for (int i = 0; i < HOSTS; i++)
        net_add(&hosts[i], FIRST_NUMBER + i);
    net_enter(&database);
    start_database();
    net_enter(&far_away);
    net_delay("127.0.0.30", "127.0.0.10", (int)port, ROUND_TRIP_MS);
    net_enter(&api);
    world_begin_limited(&world, 8, ORDERS, API_LIMIT);
    net_enter(NULL);
    world_start(&world);
    near_config = write_config("near.yaml", "127.0.0.10", 8);
    far_config = write_config("far.yaml", "127.0.0.30", 8);
    world.config = near_config;
    world_switch(&world, "latency_ms=20 quantity_check=request state_lag_ms=4000");
    char *now = support_query_text(world.url, "select clock_timestamp()");

    (void)snprintf(since, sizeof(since), "%s", now);
    free(now);
}

/* For a server whose test failed too, so without the helpers of one. */
static void
remove_server(const char *folders)
{
    static const char SCRIPT[] =
        "for dir in \"$2\"*; do [ ! -d \"$dir\" ] || sh \"$1\" stop \"$dir\"; done";
    pid_t pid = fork();

    if (pid == 0) {
        (void)execlp("sh", "sh", "-c", SCRIPT, "sh", SERVER, folders, (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
}

static void
teardown(void)
{
    support_sandbox_stop(&world.sandbox);
    net_enter(&database);
    remove_server(server);
    net_enter(NULL);
}

/* ------------------------------------------------------------------ hosts at work */

static void
start_bridge(struct support_process *bridge, const struct net_host *host, const char *config,
             int clock_shift_s)
{
    const char *const argv[] = {SUPPORT_WAYBILL, "-c", config, "watch", NULL};
    char shift[64];
    const char *const env[] = {"LD_PRELOAD=" WRONG_CLOCK, shift, NULL};

    (void)snprintf(shift, sizeof(shift), "WAYBILL_CLOCK_SHIFT_S=%d", clock_shift_s);
    net_enter(host);
    support_spawn(bridge, argv, clock_shift_s == 0 ? NULL : env);
    net_enter(NULL);
}

static void
stop_bridges(int count)
{
    for (int i = 0; i < count; i++) {
        if (support_is_running(&bridges[i]))
            support_signal(&bridges[i], SIGTERM);
    }
    for (int i = 0; i < count; i++) {
        int code = support_wait_exit(&bridges[i], STEP_MS);
        char *said = support_errors(&bridges[i]);

        world_check(&world, code == 0 || code == 1, "host %d ended with %d: %s", i + 1, code, said);
        free(said);
    }
}

/* POSTs whose outcome one bridge has recorded. */
static int64_t
posts_of(const struct support_process *bridge)
{
    char sql[256];

    (void)snprintf(
        sql, sizeof(sql),
        "select count(*) from waybill.attempts_made a join waybill.workers w using (worker_id)"
        " where a.kind = 'post' and w.pid = %d",
        (int)bridge->pid);
    return support_query_int(world.url, sql);
}

static int64_t
claims_of(const struct support_process *bridge)
{
    char sql[256];

    (void)snprintf(
        sql, sizeof(sql),
        "select count(*) from waybill.submissions s join waybill.workers w using (worker_id)"
        " where s.state = 'sending' and w.pid = %d",
        (int)bridge->pid);
    return support_query_int(world.url, sql);
}

struct watched {
    const struct support_process *bridge;
    int64_t posts;
};

static bool
has_posted_more(void *ctx)
{
    const struct watched *watched = ctx;

    return posts_of(watched->bridge) > watched->posts;
}

/* Posts until it is caught with several claims: more orders come while none are. */
static void
wait_for_claims(const struct support_process *bridge)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), STEP_MS);

    while (claims_of(bridge) < 4) {
        world_check(&world, clock_mono_left_ms(deadline) > 0, "the first host claims nothing");
        if (world_left(&world) == 0)
            world_generate(&world, ORDERS);
        clock_sleep_ms(5);
    }
}

static void
wait_for_posts(const struct support_process *bridge, const char *what)
{
    struct watched watched = {.bridge = bridge, .posts = posts_of(bridge)};
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), STEP_MS);

    while (!has_posted_more(&watched)) {
        world_check(&world, clock_mono_left_ms(deadline) > 0, "%s posts nothing", what);
        if (world_left(&world) == 0)
            world_generate(&world, ORDERS);
        clock_sleep_ms(20);
    }
}

/* Until what the first host had in hand when it was cut off is settled, by the others. */
static void
wait_for_others(const char *markers)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), STEP_MS);
    char *sql = NULL;

    ck_assert_int_gt(asprintf(&sql,
                              "select count(*) from waybill.submissions where marker in (%s)"
                              "   and state <> 'accepted'",
                              markers),
                     0);
    while (support_query_int(world.url, sql) > 0) {
        world_check(&world, clock_mono_left_ms(deadline) > 0,
                    "the others leave what the first host had in hand");
        world_lapse_leases(&world);
        clock_sleep_ms(50);
    }
    free(sql);
}

static bool
has_no_orphans(void *ctx)
{
    return net_orphans(ctx) == 0;
}

static void
come_back(void)
{
    wait_for_posts(&bridges[0], "the host that was cut off");
    /* What it had sent into nowhere arrives now, or never. */
    support_wait_until(has_no_orphans, &hosts[0], STEP_MS, "the end of what was on its way");
}

/* NULL: what it had claimed was settled just before. */
static char *
markers_in_hand(const char *states)
{
    char sql[512];
    char *markers;

    (void)snprintf(sql, sizeof(sql),
                   "select coalesce(string_agg(quote_literal(s.marker), ','), 'none')"
                   "  from waybill.submissions s join waybill.workers w using (worker_id)"
                   " where s.state in (%s) and w.pid = %d",
                   states, (int)bridges[0].pid);
    markers = support_query_text(world.url, sql);
    if (strcmp(markers, "none") == 0) {
        free(markers);
        markers = NULL;
    }
    return markers;
}

/* The cable is pulled while it has claims in hand and requests on the wire. */
static void
cut_off_and_back(void)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), STEP_MS);
    char *markers = NULL;

    world_switch(&world, "latency_ms=200");
    while (markers == NULL) { /* a busy machine may pull it too late */
        world_check(&world, clock_mono_left_ms(deadline) > 0, "each cut came too late");
        net_plug(&hosts[0]);
        wait_for_claims(&bridges[0]);
        net_pull(&hosts[0]);
        markers = markers_in_hand("'sending'");
    }
    wait_for_others(markers);
    free(markers);
    net_plug(&hosts[0]);
    come_back();
}

static int64_t
unanswered_posts(void)
{
    char sql[300];

    (void)snprintf(
        sql, sizeof(sql),
        "select count(*) from waybill.attempts_made a join waybill.workers w using (worker_id)"
        " where a.kind = 'post' and a.sent and a.http_status is null and w.pid = %d",
        (int)bridges[0].pid);
    return support_query_int(world.url, sql);
}

/* The markers of what was sent; NULL: nothing was for so long. */
static char *
sent_into_nowhere(int64_t before)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), NOWHERE_MS);
    char *markers = NULL;

    while (markers == NULL && clock_mono_left_ms(deadline) > 0) {
        clock_sleep_ms(20);
        if (unanswered_posts() > before)
            markers = markers_in_hand("'sending', 'unknown'");
    }
    return markers;
}

/* Only its way to the API is cut: it goes on to claim, and sends over connections that are open
 * what its kernel can't deliver. */
static void
send_into_nowhere_and_back(void)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), STEP_MS);
    char *markers;

    /* most of its connections are idle, and so taken by the next POSTs */
    world_switch(&world, "latency_ms=20");
    for (;;) {
        world_generate(&world, ORDERS);
        wait_for_posts(&bridges[0], "the first host");
        net_part(&api, &hosts[0]);
        markers = sent_into_nowhere(unanswered_posts());
        if (markers != NULL)
            break;
        /* Its pass was over, and the next begins with a GET that takes the connections. */
        net_join(&api, &hosts[0]);
        world_check(&world, clock_mono_left_ms(deadline) > 0, "nothing was sent into nowhere");
    }
    wait_for_others(markers);
    free(markers);
    net_join(&api, &hosts[0]);
    come_back();
}

static int64_t
seconds_given(void)
{
    const char *text = getenv("WAYBILL_HOSTS_SECONDS");
    int64_t seconds = 0;

    if (text != NULL)
        (void)number_parse(text, 0, TEST_MAX_S, &seconds);
    return seconds;
}

static void
clock_must_be_wrong(void)
{
    const char *const argv[] = {"date", "+%s", NULL};
    const char *const env[] = {"LD_PRELOAD=" WRONG_CLOCK, "WAYBILL_CLOCK_SHIFT_S=3600", NULL};
    char *out = NULL;
    int64_t says = 0;

    ck_assert_int_eq(support_run(argv, env, &out, NULL), 0);
    out[strcspn(out, "\n")] = '\0';
    ck_assert(number_parse(out, 0, INT64_MAX, &says));
    ck_assert_int_ge(says, clock_wall_ms() / 1000 + CLOCK_SHIFT_S - 60);
    free(out);
}

START_TEST(cut_off_an_hour_wrong_and_far_away_three_hosts_lose_and_double_nothing)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), seconds_given() * 1000);
    char sql[256];
    int rounds = 0;
    int64_t posts[HOSTS];

    clock_must_be_wrong();
    start_bridge(&bridges[2], &hosts[2], far_config, -CLOCK_SHIFT_S);
    wait_for_posts(&bridges[2], "the host far from the database");
    start_bridge(&bridges[1], &hosts[1], near_config, CLOCK_SHIFT_S);
    wait_for_posts(&bridges[1], "the host whose clock is an hour ahead");
    start_bridge(&bridges[0], &hosts[0], near_config, 0);
    do {
        cut_off_and_back();
        send_into_nowhere_and_back();
        rounds++;
    } while (clock_mono_left_ms(deadline) > 0);
    for (int i = 0; i < HOSTS; i++)
        posts[i] = posts_of(&bridges[i]);
    stop_bridges(HOSTS);
    world_agree(&world, "three hosts");

    /* Nobody's wrong clock has come into the books. */
    (void)snprintf(sql, sizeof(sql),
                   "select count(*) from waybill.attempts_made where not started_at between"
                   " '%s'::timestamptz - interval '1 s' and clock_timestamp()",
                   since);
    ck_assert_int_eq(support_query_int(world.url, sql), 0);
    (void)printf("%d rounds of a host cut off; POSTs by it %" PRId64 ", by the one an hour ahead "
                 "%" PRId64 ", by the one an hour late and %d ms from the database %" PRId64
                 "; applied %" PRId64 ": lost 0, twice %" PRId64 "\n",
                 rounds, posts[0], posts[1], ROUND_TRIP_MS, posts[2],
                 world_stat(&world, "\"applied\"", "fulfillments"),
                 world_stat(&world, "", "duplicate_markers"));
}
END_TEST

/* ------------------------------------------------------------------ one allowance */

/* Answers of the API so far; of one status, or all. */
static int64_t
answers(const char *status)
{
    char url[128];
    char *text = NULL;
    char *sql = NULL;
    int64_t count;

    (void)snprintf(url, sizeof(url), "%s/_sandbox/stats", world.sandbox.url);
    ck_assert_int_eq(support_http_get(url, &text), 200);
    ck_assert_int_gt(asprintf(&sql,
                              "select coalesce(sum(n.value::int), 0)"
                              "  from json_each($json$%s$json$::json -> 'requests') as e,"
                              "       json_each_text(e.value) as n where n.key like '%s'",
                              text, status),
                     0);
    count = support_query_int(world.url, sql);
    free(sql);
    free(text);
    return count;
}

static void
measure(int workers, int seconds)
{
    int64_t least = INT64_MAX;
    int64_t most = 0;
    int64_t before[WORKERS_MAX];
    int64_t refused;
    int64_t all;
    struct clock_mono began;
    int64_t ms;

    for (int i = 0; i < workers; i++)
        start_bridge(&bridges[i], &hosts[i % HOSTS], near_config, 0);
    for (int i = 0; i < workers; i++)
        wait_for_posts(&bridges[i], "a worker");
    /* more than the allowance lets through meanwhile */
    world_generate(&world, ALLOWANCE * (seconds + 2));
    for (int i = 0; i < workers; i++)
        before[i] = posts_of(&bridges[i]);
    refused = answers("429"); /* while they join, a busy machine may let the others notice late */
    all = answers("%");
    began = clock_mono_now();
    clock_sleep_ms(seconds * 1000); /* what is measured is how much happens in it */
    all = answers("%") - all;
    ms = clock_mono_since_ms(began);
    for (int i = 0; i < workers; i++) {
        int64_t posts = posts_of(&bridges[i]) - before[i];

        least = posts < least ? posts : least;
        most = posts > most ? posts : most;
    }
    refused = answers("429") - refused;
    stop_bridges(workers);
    (void)printf("%d workers: %" PRId64 " %% of the allowance, answers 429: %" PRId64
                 ", POSTs of a worker %" PRId64 " to %" PRId64 "\n",
                 workers, all * 100 * 1000 / (ALLOWANCE * ms), refused, least, most);
    world_check(&world, refused == 0, "%d workers were answered 429 %" PRId64 " times", workers,
                refused);
    world_check(&world, all * 1000 <= ALLOWANCE * ms + ALLOWANCE * 1000 / 2,
                "%d workers made %" PRId64 " requests in %" PRId64 " ms", workers, all, ms);
    /* In a few seconds beside other tests a worker may get little done; claims that lapse because
     * they are more than the share lets go showed as a tenth in twenty. */
    world_check(&world, seconds_given() == 0 || all * 1000 * 2 >= ALLOWANCE * ms,
                "%d workers made %" PRId64 " requests in %" PRId64 " ms", workers, all, ms);
    world_check(&world, least > 0, "one of %d workers got nothing", workers);
}

START_TEST(any_number_of_workers_shares_one_allowance_and_is_never_told_429)
{
    bool is_long = seconds_given() > 0;

    if (is_long) {
        measure(1, 20);
        measure(2, 20);
        measure(4, 20);
        measure(8, 20);
    } else {
        measure(1, 3);
        measure(8, 3);
    }
    world_agree(&world, "one allowance");
}
END_TEST

#define CASE(name) SUPPORT_CASE(suite, TEST_MAX_S, setup, teardown, name)

int
main(void)
{
    Suite *suite = suite_create("several hosts");
    const char *top = getenv("TMPDIR");
    char why[128];
    char folders[600];
    int code;

    support_need_database();
    if (!net_is_possible(why, sizeof(why))) {
        (void)fprintf(stderr, "skipped: %s\n", why);
        return 77;
    }
    suite_pid = getpid();
    CASE(cut_off_an_hour_wrong_and_far_away_three_hosts_lose_and_double_nothing);
    CASE(any_number_of_workers_shares_one_allowance_and_is_never_told_429);
    code = support_run_suite(suite);
    (void)snprintf(folders, sizeof(folders), FOLDERS, top == NULL ? "/tmp" : top, (int)suite_pid);
    remove_server(folders);
    return code;
}
