#include "support/world.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"

#define WORLD_SQL        WAYBILL_SOURCE_DIR "/sql/warehouse/"
#define WORLD_RUN_MS     60000
#define WORLD_RUN_OUT_MS 90000
#define WORLD_PAUSE_MS   100
#define WORLD_CONFIG_MAX 8192
#define WORLD_LEFT                                                                                 \
    "select (select count(*) from waybill.submissions"                                             \
    "         where state in ('planned', 'sending', 'unknown', 'held'))"                           \
    "     + (select count(*) from waybill.queue)"                                                  \
    "     + (select count(*) from waybill.report_line_items"                                       \
    "         where due_shipped + due_cancelled > 0"                                               \
    "           and coalesce(reason, '') not like 'orchestrated:%')"
#define WORLD_LEASES_LAPSE                                                                         \
    "update waybill.orders set ask_at = now() where ask_at > now();"                               \
    "update waybill.orders set list_at = now() where list_at > now();"                             \
    "update waybill.upstreams set ask_at = now() where ask_at > now();"                            \
    "update waybill.submissions set next_look_at = now()"                                          \
    " where state = 'unknown' and next_look_at > now() + interval '2 s'"

void
world_fail(struct world *world, const char *format, ...)
{
    char text[6000];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ck_abort_msg("%s\nafter %d runs, %d kills; the last run said: %s\n"
                 "replay with: WAYBILL_FAULT_SEED=%" PRIu64 " %s",
                 text, world->runs, world->kills, world->errors, world->seed,
                 program_invocation_name);
}

int
world_dice(struct world *world, int sides)
{
    uint64_t z = world->dice += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (int)((z ^ (z >> 31)) % (uint64_t)sides);
}

/* ------------------------------------------------------------------ the warehouse and the API */

static void
world_psql_file(struct world *world, const char *file, const char *input, char **out)
{
    static const char SCRIPT[] = "exec psql -X -q -A -t -v ON_ERROR_STOP=1 -d \"$1\" -f \"$2\" "
                                 "< \"${3:-/dev/null}\"";
    const char *const argv[] = {"sh", "-c", SCRIPT, "sh", world->url, file, input, NULL};
    char *errors = NULL;
    char *text = NULL;
    int code = support_run(argv, NULL, &text, &errors);

    world_check(world, code == 0, "%s: %s%s", file, text, errors);
    free(errors);
    if (out != NULL)
        *out = text;
    else
        free(text);
}

static void
world_post(struct world *world, const char *path, const char *body)
{
    char url[128];
    char *answer = NULL;
    int status;

    (void)snprintf(url, sizeof(url), "%s%s", world->sandbox.url, path);
    status = support_http_post(url, body, &answer);
    world_check(world, status >= 200 && status < 300, "POST %s: %d %s", path, status, answer);
    free(answer);
}

void
world_load_orders(struct world *world)
{
    char *text = support_query_text(world->url, "select * from wms.api_orders");

    world_post(world, "/_sandbox/orders", text);
    free(text);
}

void
world_generate(struct world *world, int orders)
{
    char sql[200];

    (void)snprintf(sql, sizeof(sql), "set synchronous_commit = on; select wms.generate(%d, %d)",
                   orders, (int)(world->seed % 100000) + 100 * world->generated++);
    support_psql(world->url, sql);
    world_load_orders(world);
}

void
world_begin(struct world *world, uint64_t seed, int orders)
{
    world_begin_limited(world, seed, orders, 0);
}

void
world_begin_limited(struct world *world, uint64_t seed, int orders, int api_rate)
{
    const char *text = getenv("WAYBILL_FAULT_SEED");
    char number[24];
    char rate[24];
    int64_t given;

    *world = (struct world){.seed = seed, .feed = "queue", .key = "sk_test_sandbox"};
    if (text != NULL && number_parse(text, 0, INT64_MAX, &given))
        world->seed = (uint64_t)given;
    world->dice = world->seed * 7919;
    support_database_create(world->url);
    (void)snprintf(world->bridge_url, sizeof(world->bridge_url), "%s", world->url);
    world_psql_file(world, WORLD_SQL "demo_schema.sql", "", NULL);
    world_psql_file(world, WORLD_SQL "demo_view.sql", "", NULL);
    world_psql_file(world, WORLD_SQL "demo_generate.sql", "", NULL);
    (void)snprintf(number, sizeof(number), "%" PRIu64, world->seed);

    (void)snprintf(rate, sizeof(rate), "%d", api_rate);

    const char *const options[] = {"--rate",   rate,
                                   "--switch", "order_events=off",
                                   "--switch", "orders_ids=repeat",
                                   "--key",    "sk_test_sandbox",
                                   "--key",    "sk_test_second",
                                   "--seed",   number,
                                   NULL};

    support_sandbox_start(&world->sandbox, options);
    (void)snprintf(world->api_url, sizeof(world->api_url), "%s", world->sandbox.url);
    world_generate(world, orders);
}

void
world_use_proxies(struct world *world)
{
    char host[64];
    char sql[] = "select host(inet_server_addr()) || ' ' || inet_server_port()";
    char *text = support_query_text(world->url, sql);
    char *space = strchr(text, ' ');
    int64_t port = 0;
    const char *name = strrchr(world->url, '/');

    world_check(world, space != NULL && number_parse(space + 1, 1, 65535, &port),
                "the server isn't reached by TCP: %s", text);
    (void)snprintf(host, sizeof(host), "%.*s", (int)(space - text), text);
    free(text);
    world->database_proxy = proxy_start(host, (int)port);
    world->api_proxy = proxy_start("127.0.0.1", world->sandbox.port);
    /* Without the options behind the name, which may say the host again. */
    (void)snprintf(world->bridge_url, sizeof(world->bridge_url),
                   "postgresql://postgres@127.0.0.1:%d%.*s", proxy_port(world->database_proxy),
                   (int)strcspn(name, "?"), name);
    (void)snprintf(world->api_url, sizeof(world->api_url), "http://127.0.0.1:%d",
                   proxy_port(world->api_proxy));
}

void
world_write_config(struct world *world)
{
    char text[WORLD_CONFIG_MAX];
    char key[128];

    (void)snprintf(key, sizeof(key), "%s\n", world->key);
    (void)snprintf(text, sizeof(text),
                   "database:\n  url: \"%s\"\n"
                   "warehouse:\n  line_items: wms.waybill_line_items\n  change_feed: %s\n"
                   "  scan_overlap_ms: 2000\n"
                   "api:\n  base_url: %s\n  key_file: %s\n  mode: test\n"
                   "  requests_per_second: 2000\n  timeout_ms: %d\n  connect_timeout_ms: 500\n"
                   "  send_within_ms: %d\n  settle_ms: %d\n%s"
                   "retry:\n  first_delay_ms: 100\n  max_delay_ms: 400\n  max_attempts: 1000\n"
                   "run:\n  grace_ms: 3000\n%slog:\n  level: warn\n%s",
                   world->bridge_url, world->feed, world->api_url,
                   support_write_file("api.key", key, 0600), WORLD_TIMEOUT_MS, WORLD_SEND_WITHIN_MS,
                   WORLD_SETTLE_MS, world->api == NULL ? "" : world->api,
                   world->guards == NULL ? "" : world->guards,
                   world->more == NULL ? "" : world->more);
    world->config = support_write_file("waybill.yaml", text, 0600);
}

static void
world_must(struct world *world, const char *command, const char *a, const char *b)
{
    const char *const argv[] = {SUPPORT_WAYBILL, "-c", world->config, command, a, b, NULL};
    char *errors = NULL;
    int code = support_run(argv, NULL, NULL, &errors);

    world_check(world, code == 0, "waybill %s: %d %s", command, code, errors);
    free(errors);
}

void
world_start(struct world *world)
{
    world_write_config(world);
    world_must(world, "init", NULL, NULL);
    world_must(world, "baseline", "--from", "nothing");
    world_psql_file(world, WORLD_SQL "demo_feed.sql", "", NULL);
}

void
world_end(struct world *world)
{
    if (world->sandbox.process.pid > 0)
        support_sandbox_stop(&world->sandbox);
    proxy_stop(world->database_proxy);
    proxy_stop(world->api_proxy);
    support_database_drop(world->url);
}

void
world_work(struct world *world, int steps)
{
    char sql[200];

    (void)snprintf(sql, sizeof(sql),
                   "set synchronous_commit = on; select wms.work(%d, %d, edits => false)", steps,
                   world_dice(world, 100000));
    support_psql(world->url, sql);
}

void
world_spawn_work(struct world *world, struct support_process *process, int transactions)
{
    static const char SCRIPT[] =
        "i=0; while [ $i -lt \"$2\" ]; do i=$((i + 1)); psql -X -q -d \"$1\" "
        "-c \"select wms.work(6, $3 + $i, edits => false)\" > /dev/null; done";
    char count[24];
    char first[24];
    const char *const argv[] = {"sh", "-c", SCRIPT, "sh", world->url, count, first, NULL};

    (void)snprintf(count, sizeof(count), "%d", transactions);
    (void)snprintf(first, sizeof(first), "%d", world_dice(world, 100000));
    support_spawn(process, argv, NULL);
}

/* ------------------------------------------------------------------ faults */

void
world_faults(struct world *world, const char *spec)
{
    char text[2048];

    (void)snprintf(text, sizeof(text), "%s seed=%d", spec, world_dice(world, 1000000));
    world_post(world, "/_sandbox/faults", spec[0] == '\0' ? "" : text);
}

void
world_switch(struct world *world, const char *settings)
{
    world_post(world, "/_sandbox/switches", settings);
}

int64_t
world_stat(struct world *world, const char *after, const char *name)
{
    char url[128];
    char quoted[80];
    char *text = NULL;
    const char *at;
    int64_t value = 0;

    (void)snprintf(url, sizeof(url), "%s/_sandbox/stats", world->sandbox.url);
    (void)snprintf(quoted, sizeof(quoted), "\"%s\"", name);
    world_check(world, support_http_get(url, &text) == 200, "no statistics");
    at = strstr(text, after);
    at = at == NULL ? NULL : strstr(at, quoted);
    if (at != NULL) {
        for (at += strlen(quoted); *at == ':' || *at == ' '; at++)
            continue;
        for (; *at >= '0' && *at <= '9'; at++)
            value = value * 10 + (*at - '0');
    }
    free(text);
    return value;
}

/* ------------------------------------------------------------------ the bridge */

void
world_spawn_run(struct world *world, struct support_process *process)
{
    const char *const argv[] = {SUPPORT_WAYBILL, "-c", world->config, "run", NULL};

    world->runs++;
    support_spawn(process, argv, NULL);
}

static void
world_note_errors(struct world *world, const struct support_process *process)
{
    char *text = support_errors(process);
    size_t bytes = strlen(text);
    size_t most = sizeof(world->errors) - 1;

    (void)snprintf(world->errors, sizeof(world->errors), "%s",
                   bytes > most ? text + bytes - most : text);
    free(text);
}

int
world_run(struct world *world)
{
    struct support_process process;
    int code;

    world_spawn_run(world, &process);
    code = support_wait_exit(&process, WORLD_RUN_MS);
    world_note_errors(world, &process);
    return code;
}

void
world_kill(struct world *world, struct support_process *process)
{
    if (!support_is_running(process))
        return;
    support_signal(process, SIGCONT);
    support_signal(process, SIGKILL);
    (void)support_wait_exit(process, 5000);
    world->kills++;
}

int64_t
world_left(struct world *world)
{
    return support_query_int(world->url, WORLD_LEFT);
}

void
world_lapse_leases(struct world *world)
{
    support_psql(world->url, WORLD_LEASES_LAPSE);
}

void
world_run_out(struct world *world, const char *what)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), WORLD_RUN_OUT_MS);

    world_faults(world, "");
    world_switch(world, "latency_ms=0 list_lag_ms=0");
    for (;;) {
        int code = world_run(world);

        /* 1: a person may look; 5: the API's refusals of a moment ago may still be in force. */
        world_check(world, code == 0 || code == 1 || code == 5, "%s: healed, the run ended with %d",
                    what, code);
        if (world_left(world) == 0 && world_stat(world, "", "late_pending") == 0)
            return;
        if (clock_mono_left_ms(deadline) == 0) {
            char *rows = support_query_text(
                world->url,
                "select submission_id, state, order_id, attempts, next_attempt_at, held_by,"
                "       settle_after, next_look_at, negative_looks, error_code, error_message"
                "  from waybill.submissions"
                " where state in ('planned', 'sending', 'unknown', 'held') limit 5");
            char *lines = support_query_text(
                world->url, "select order_id, item_id, shipment_ref, status, reason, due_shipped,"
                            "       due_cancelled from waybill.report_line_items"
                            " where due_shipped + due_cancelled > 0 limit 5");

            world_fail(world, "%s: %" PRId64 " left after %d ms:\n%s\n%s", what, world_left(world),
                       WORLD_RUN_OUT_MS, rows, lines);
        }
        world_lapse_leases(world);
        clock_sleep_ms(WORLD_PAUSE_MS);
    }
}

void
world_agree(struct world *world, const char *what)
{
    static const char SCRIPT[] = "psql -X -q -A -t -v ON_ERROR_STOP=1 -d \"$1\" -f \"$2\" < \"$3\"";
    char url[128];
    char *applied = NULL;
    char *said = NULL;
    char *errors = NULL;
    int code;

    world_run_out(world, what);
    (void)snprintf(url, sizeof(url), "%s/_sandbox/applied", world->sandbox.url);
    ck_assert_int_eq(support_http_get(url, &applied), 200);

    const char *path = support_write_file("applied.csv", applied, 0600);
    const char *const argv[] = {"sh", "-c", SCRIPT, "sh", world->url, WORLD_SQL "demo_agree.sql",
                                path, NULL};

    code = support_run(argv, NULL, &said, &errors);
    world_check(world, code == 0, "%s: the books differ:\n%s%s", what, said, errors);
    world_check(world, said[0] != '0', "%s: nothing was compared", what);
    world_check(world, world_stat(world, "", "duplicate_markers") == 0,
                "%s: %" PRId64 " markers were applied twice", what,
                world_stat(world, "", "duplicate_markers"));
    world_check(world, world_stat(world, "", "concurrent_posts") == 0,
                "%s: %" PRId64 " times two POSTs for one order were open", what,
                world_stat(world, "", "concurrent_posts"));
    free(applied);
    free(said);
    free(errors);
}
