#include "support/life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define LIFE_RUN_MS     120000
#define LIFE_SETTLED_MS 60000

enum { LIFE_SHOWN_BYTES = 4000 };

char life_url[SUPPORT_URL_MAX];
struct support_sandbox life_sandbox;
static const char *life_config;
char life_said[65536];

static const char *const LIFE_SCHEMA =
    "create schema t;"
    "create table t.orders (order_id text primary key, state text, at timestamptz);"
    "create table t.lines (order_id text, item_id text, shipment_ref text default '',"
    "  ordered_quantity int default 2, shipped_quantity int default 0,"
    "  cancelled_quantity int default 0, tracking_company text, tracking_number text,"
    "  tracking_url text, shipment_id text, shipment_item_id text, fulfillment_model text, note "
    "text,"
    "  primary key (order_id, item_id, shipment_ref));"
    "create table t.told (n serial, order_id text, state text, at timestamptz,"
    "  in_transaction xid8 default pg_current_xact_id());"
    "create table t.trouble (order_id text, does text);"
    "create table t.known (order_id text primary key);"
    "create table t.customers (order_id text references t.known deferrable initially "
    "deferred);"
    "create function t.tell(order_id text, state text, at timestamptz) returns void"
    "  language plpgsql as $f$ declare does text := (select x.does from t.trouble x"
    "    where x.order_id = $1); begin"
    "  if does = 'slow' then perform pg_sleep(20); end if;"
    "  if does = 'raise' then raise exception 'no such customer'; end if;"
    "  if does = 'assert' then assert false, 'no such customer'; end if;"
    "  if does = 'defer' then insert into t.customers values ($1); end if;"
    "  update t.orders o set state = $2, at = $3 where o.order_id = $1;"
    "  update t.lines l set note = $2 where l.order_id = $1;"
    "  insert into t.told (order_id, state, at) values ($1, $2, $3); end $f$;";

int
life_command(const char *command, const char *a, const char *b)
{
    const char *const argv[] = {SUPPORT_WAYBILL, "-c", life_config, "--log-level", "debug",
                                command,         a,    b,           NULL};
    struct support_process process;
    size_t used = strlen(life_said);
    char *out;
    char *errors;
    int code;

    support_spawn(&process, argv, NULL);
    code = support_wait_exit(&process, LIFE_RUN_MS);
    out = support_output(&process);
    errors = support_errors(&process);
    (void)snprintf(life_said + used, sizeof(life_said) - used, "%s%s", out, errors);
    free(out);
    free(errors);
    return code;
}

/* Check gives up on a message that is much longer. */
static const char *
life_said_last(void)
{
    size_t bytes = strlen(life_said);

    return life_said + (bytes > LIFE_SHOWN_BYTES ? bytes - LIFE_SHOWN_BYTES : 0);
}

void
life_must(int expected, const char *command, const char *a, const char *b)
{
    int code = life_command(command, a, b);

    ck_assert_msg(code == expected, "waybill %s: %d, not %d: %s", command, code, expected,
                  life_said_last());
}

void
life_write_config(const char *more)
{
    char text[2048];

    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\nwarehouse:\n  line_items: t.lines\n"
                   "  order_state_function: t.tell\n"
                   "api:\n  base_url: %s\n  key_file: %s\n  mode: test\n"
                   "  requests_per_second: 1000\n  timeout_ms: 1500\n  settle_ms: 60000\n"
                   "retry:\n  first_delay_ms: 50\n  max_delay_ms: 100\n%s",
                   life_url, life_sandbox.url,
                   support_write_file("api.key", "sk_test_sandbox\n", 0600), more);
    life_config = support_write_file("waybill.yaml", text, 0600);
}

void
life_begin(void)
{
    static const char *const OPTIONS[] = {"--rate", "0", "--switch", "state_lag_ms=100", NULL};

    life_said[0] = '\0';
    memset(&life_sandbox, 0, sizeof(life_sandbox));
    support_database_create(life_url);
    support_psql(life_url, LIFE_SCHEMA);
    support_sandbox_start(&life_sandbox, OPTIONS);
    life_write_config("");
    life_must(0, "init", NULL, NULL);
    life_must(0, "baseline", "--from", "nothing");
    support_psql(life_url, "select waybill.feed_from('t.lines', 'order_id')");
}

void
life_end(void)
{
    support_sandbox_stop(&life_sandbox);
    support_database_drop(life_url);
}

void
life_post(const char *path, const char *body)
{
    char to[300];
    char *answer = NULL;
    int status;

    (void)snprintf(to, sizeof(to), "%s/_sandbox/%s", life_sandbox.url, path);
    status = support_http_post(to, body, &answer);
    ck_assert_msg(status == 200 || status == 201, "%s: %d %s", path, status, answer);
    free(answer);
}

void
life_move_order(const char *order_id, const char *body)
{
    char path[100];

    (void)snprintf(path, sizeof(path), "orders/%s", order_id);
    life_post(path, body);
}

void
life_make_orders(int first, int last, const char *more, int shipped)
{
    char body[200];
    char sql[300];

    for (int i = first; i <= last; i++) {
        (void)snprintf(body, sizeof(body),
                       "[{\"id\":\"o-%d\",\"items\":[{\"id\":\"i-%d\",\"quantity\":2,"
                       "\"price\":9.99}]%s}]",
                       i, i, more);
        life_post("orders", body);
    }
    (void)snprintf(
        sql, sizeof(sql),
        "insert into t.orders (order_id) select 'o-' || i from generate_series(%d, %d) i;"
        "insert into t.lines (order_id, item_id, shipped_quantity)"
        " select 'o-' || i, 'i-' || i, %d from generate_series(%d, %d) i",
        first, last, shipped, first, last);
    support_psql(life_url, sql);
}

char *
life_api_order(int i)
{
    static const char *const KEY[] = {"Authorization: Bearer sk_test_sandbox", NULL};
    char from[300];
    char *answer = NULL;

    (void)snprintf(from, sizeof(from), "%s/orders/o-%d", life_sandbox.url, i);
    ck_assert_int_eq(support_http("GET", from, KEY, NULL, &answer), 200);
    return answer;
}

int64_t
life_api_number(const char *key)
{
    char from[300];
    char *answer = NULL;
    const char *at;
    int64_t value = 0;

    (void)snprintf(from, sizeof(from), "%s/_sandbox/stats", life_sandbox.url);
    ck_assert_int_eq(support_http_get(from, &answer), 200);
    at = strstr(answer, key);
    ck_assert_msg(at != NULL, "no %s in %s", key, answer);
    for (at += strlen(key) + 1; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    free(answer);
    return value;
}

void
life_api_state(int i, char out[32])
{
    char *answer = life_api_order(i);
    const char *at = strstr(answer, "\"state\":\"");

    /* The order's own comes before its payment's; its items' have come before it. */
    for (const char *next = at; next != NULL; next = strstr(next + 1, "\"state\":\"")) {
        if (strncmp(next, "\"state\":\"", 9) == 0 && strstr(next, "\"stateTransitions\"") != NULL)
            at = next;
    }
    ck_assert_ptr_nonnull(at);
    (void)snprintf(out, 32, "%.*s", (int)strcspn(at + 9, "\""), at + 9);
    free(answer);
}

struct awaited {
    int order;
    const char *state;
};

static bool
life_is_in_state(void *ctx)
{
    const struct awaited *awaited = ctx;
    char state[32];

    life_api_state(awaited->order, state);
    return strcmp(state, awaited->state) == 0;
}

void
life_wait_api(int order, const char *state)
{
    struct awaited awaited = {order, state};

    support_wait_until(life_is_in_state, &awaited, LIFE_SETTLED_MS, state);
}

void
life_run_until_states_agree(int orders)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), LIFE_SETTLED_MS);
    char why[200] = "";

    for (bool agrees = false; !agrees;) {
        int code = life_command("run", NULL, NULL);

        ck_assert_msg(code == 0 || code == 1, "run: %d: %s", code, life_said_last());
        agrees = true;
        for (int i = 1; i <= orders && agrees; i++) {
            char api[32];
            char sql[200];
            char *ours;

            life_api_state(i, api);
            (void)snprintf(sql, sizeof(sql),
                           "select r.state || '|' || o.state from waybill.report_orders r"
                           " join t.orders o using (order_id) where order_id = 'o-%d'",
                           i);
            ours = support_query_text(life_url, sql);
            (void)snprintf(sql, sizeof(sql), "%s|%s", api, api);
            agrees = strcmp(ours, sql) == 0;
            (void)snprintf(why, sizeof(why), "o-%d: %s, at the API %s", i, ours, api);
            free(ours);
        }
        ck_assert_msg(agrees || clock_mono_left_ms(deadline) > 0, "%s: %s", why, life_said_last());
    }
}

void
life_told_once_and_in_order(void)
{
    support_query_is(life_url,
                     "select order_id, state, at from t.told"
                     " group by 1, 2, 3 having count(*) > 1",
                     "");
    support_query_is(life_url,
                     "select * from (select order_id, n, at, lag(at) over w as before,"
                     " state, lag(state) over w as was from t.told"
                     " window w as (partition by order_id order by n)) x"
                     " where at < before or state = was",
                     "");
    support_query_is(life_url,
                     "select * from t.told a where not exists ("
                     " select from waybill.report_order_states s"
                     "  where (s.order_id, s.state, s.at) = (a.order_id, a.state, a.at)"
                     "    and s.handed_at is not null and not s.is_skipped)",
                     "");
    support_query_is(
        life_url, "select count(*) from waybill.report_order_states where handed_at is null", "0");
}
