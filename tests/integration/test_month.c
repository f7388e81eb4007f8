#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "support/life.h"
#include "json/json.h"

/*
 * A month of a shop, with driven clocks in the sandbox and in the database: orders in every state
 * of the API and on every way between them, events that come late, twice, out of order, and some
 * that never come, since the bridge is off for three days and the feed looks back for two. At its
 * end the warehouse knows of each order what the API says, was told each state once and in order,
 * and each unit was applied once.
 *
 * WAYBILL_MONTH_ORDERS says how many orders; tests/fault/month.sh runs it with 10,000.
 */

#define DAY_MS       INT64_C(86400000)
#define ORDERS_SHORT 210
#define ORDERS_MAX   100000
#define LAST_DAY     33
#define OFF_FIRST    10 /* the bridge is off then, until it is on again */
#define OFF_LAST     12
#define MONTH_RUN_MS 7200000

static int64_t orders;
static char folder[64];
static int64_t *offset_us; /* of the server's clock */

/* An order comes at its day; kind: what becomes of it, in days after that. */
static const char *const ORDERS_SQL =
    "create table t.acts (day int, i int, what text, arg text);"
    "create table t.kinds (kind int, half int, after int, what text, arg text);"
    /* a word of the order at its birth, what is shipped and cancelled so far, a change at the API
     */
    "insert into t.kinds select k, null, 1, 'ship', '2, 0' from generate_series(0, 7) k;"
    "insert into t.kinds values"
    " (8, null, 1, 'ship', '1, 0'), (8, null, 3, 'ship', '2, 0'),"
    " (9, null, 1, 'ship', '1, 0'), (9, 1, 2, 'move', '{\"authorization\":\"expired\"}'),"
    " (9, null, 3, 'ship', '2, 0'),"
    " (10, null, 1, 'ship', '1, 0'), (10, null, 2, 'ship', '1, 1'),"
    " (11, 1, 0, 'born', ',\"cancel\":\"fail\"'), (11, null, 1, 'ship', '0, 2'),"
    " (11, 1, 4, 'move', '{\"cancel\":\"ok\"}'),"
    " (12, null, 0, 'born', ',\"state\":\"pending_payment\"'),"
    " (12, null, 0, 'ship', '2, 0'), (12, null, 2, 'move', '{\"state\":\"accepted\"}'),"
    " (13, null, 0, 'born', ',\"state\":\"in_review\"'), (13, null, 1, 'ship', '2, 0'),"
    " (13, null, 2, 'move', '{\"state\":\"accepted\"}'),"
    " (14, null, 0, 'born', ',\"state\":\"in_review\"'),"
    " (14, null, 1, 'move', '{\"state\":\"blocked\"}'),"
    " (15, null, 1, 'ship', '1, 0'), (15, null, 2, 'move', '{\"state\":\"dispute\"}'),"
    " (15, null, 3, 'ship', '2, 0'), (15, null, 5, 'move', '{\"state\":\"accepted\"}'),"
    " (16, null, 0, 'born', ',\"capture\":\"fail\"'), (16, null, 1, 'ship', '2, 0'),"
    " (16, null, 4, 'move', '{\"capture\":\"ok\"}'),"
    " (17, null, 0, 'born', ',\"capture\":\"pending\"'), (17, null, 1, 'ship', '2, 0'),"
    " (17, null, 3, 'move', '{\"capture\":\"ok\"}'),"
    " (18, null, 1, 'ship', '2, 0'), (18, null, 5, 'move', '{\"state\":\"returned\"}'),"
    " (19, null, 1, 'move', '{\"state\":\"cancelled\"}'), (19, null, 2, 'ship', '0, 2');";

static void __attribute__((format(printf, 1, 2))) psql_format(const char *format, ...)
{
    char sql[2048];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    support_psql(life_url, sql);
}

/* The day's new orders, at the API and in the warehouse. */
static void
make_day(int64_t day)
{
    char sql[1200];
    char *text;

    (void)snprintf(sql, sizeof(sql),
                   "select '{\"id\":\"o-' || o.i || '\",\"items\":[{\"id\":\"i-' || o.i ||"
                   " '\",\"quantity\":2,\"price\":9.99}]' || coalesce(a.arg, '') || '}'"
                   " from generate_series(1, %lld) o(i)"
                   " left join t.acts a on a.i = o.i and a.what = 'born'"
                   " where o.i %% 21 = %lld",
                   (long long)orders, (long long)day);
    text = support_query_text(life_url, sql);
    if (text[0] != '\0')
        life_post("orders", text);
    free(text);
    (void)snprintf(sql, sizeof(sql),
                   "insert into t.orders (order_id) select 'o-' || i"
                   " from generate_series(1, %lld) i where i %% 21 = %lld;"
                   "insert into t.lines (order_id, item_id) select 'o-' || i, 'i-' || i"
                   " from generate_series(1, %lld) i where i %% 21 = %lld",
                   (long long)orders, (long long)day, (long long)orders, (long long)day);
    support_psql(life_url, sql);
}

/* What the day brings: the API's side one by one, the warehouse's in one transaction. */
static void
act_day(int64_t day)
{
    char sql[600];
    char *text;

    (void)snprintf(sql, sizeof(sql),
                   "select 'o-' || i || ' ' || arg from t.acts"
                   " where day = %lld and what = 'move' order by i",
                   (long long)day);
    text = support_query_text(life_url, sql);
    for (char *line = text, *next; line[0] != '\0'; line = next) {
        char *body = strchr(line, ' ');

        next = line + strcspn(line, "\n");
        if (*next == '\n')
            *next++ = '\0';
        *body++ = '\0';
        life_move_order(line, body);
    }
    free(text);
    psql_format("update t.lines l set shipped_quantity = split_part(a.arg, ', ', 1)::int,"
                " cancelled_quantity = split_part(a.arg, ', ', 2)::int"
                " from t.acts a where a.day = %lld and a.what = 'ship'"
                " and l.order_id = 'o-' || a.i",
                (long long)day);
}

static void
pass_time(int64_t ms)
{
    char body[64];

    *offset_us += ms * 1000;
    (void)snprintf(body, sizeof(body), "{\"advance_ms\":%lld}", (long long)ms);
    life_post("clock", body);
}

static void
run_bridge(void)
{
    int code;

    life_said[0] = '\0';
    code = life_command("run", "--log-level", "warn");
    ck_assert_msg(code == 0 || code == 1, "run: %d: %s", code, life_said);
}

/* A server of its own whose clock is driven. */
static void
begin_server(void)
{
    static const char SCRIPT[] =
        "install -m 755 \"$2\" \"$1/clock.so\" && LD_PRELOAD=\"$1/clock.so\" "
        "WAYBILL_CLOCK=\"$1/clock\" sh \"$3\" start \"$1/pg\" jit=off";
    char path[128];
    char *out = NULL;
    char *errors = NULL;
    const char *const argv[] = {"sh",
                                "-c",
                                SCRIPT,
                                "sh",
                                folder,
                                WAYBILL_BUILD_DIR "/tests/libwaybill_test_clock.so",
                                WAYBILL_SOURCE_DIR "/tests/support/server.sh",
                                NULL};
    int fd;

    /* Thousands of commits wait for the disk, and it is not the disk that is tried here. */
    (void)snprintf(folder, sizeof(folder), "%s/waybill-month.XXXXXX",
                   access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chmod(folder, 0755), 0);
    (void)snprintf(path, sizeof(path), "%s/clock", folder);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, sizeof(*offset_us)), 0);
    offset_us = mmap(NULL, sizeof(*offset_us), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ck_assert(offset_us != MAP_FAILED);
    (void)close(fd);
    ck_assert_msg(support_run(argv, NULL, &out, &errors) == 0, "no server: %s%s", out, errors);
    out[strcspn(out, "\n")] = '\0';
    ck_assert_int_eq(setenv("WAYBILL_TEST_DB", out, 1), 0);
    free(out);
    free(errors);
}

/* In the parent, so that none is left behind where the test fails. */
static void
end_server(void)
{
    const char *const argv[] = {"sh", "-c",   "sh \"$2\" stop \"$1/pg\"; rm -r \"$1\"",
                                "sh", folder, WAYBILL_SOURCE_DIR "/tests/support/server.sh",
                                NULL};

    (void)support_run(argv, NULL, NULL, NULL);
}

static void
setup(void)
{
    const char *text = getenv("WAYBILL_MONTH_ORDERS");

    orders = ORDERS_SHORT;
    ck_assert(text == NULL || number_parse(text, 1, ORDERS_MAX, &orders));
    life_begin();
    support_psql(life_url, ORDERS_SQL);
    psql_format("insert into t.acts select o.i %% 21 + k.after, o.i, k.what, k.arg"
                " from generate_series(1, %lld) o(i) join t.kinds k on k.kind = o.i %% 20"
                "  and (k.half is null or k.half = o.i %% 40 / 20)",
                (long long)orders);
    support_psql(life_url, "create index on t.acts (day); create index on t.acts (i)");
    life_post("switches", "state_lag_ms=40000 events_late_ms=21600000 events_repeat=on"
                          " events_keep_ms=172800000");
}

/* All orders at the API as rows of t.api. */
static void
read_api(void)
{
    static const char *const KEY[] = {"Authorization: Bearer sk_test_sandbox", NULL};
    char from[300];
    char last[64] = "";
    bool has_more = true;

    support_psql(life_url, "create table t.api (order_id text primary key, state text)");
    while (has_more) {
        char sql[16384] = "insert into t.api values ('', '')";
        char *answer = NULL;
        struct json_doc *doc = NULL;
        struct error err = {0};
        const struct json_value *at;

        (void)snprintf(from, sizeof(from), "%s/orders?limit=100%s%s", life_sandbox.url,
                       last[0] != '\0' ? "&startingAfter=" : "", last);
        ck_assert_int_eq(support_http("GET", from, KEY, NULL, &answer), 200);
        ck_assert(json_parse(answer, strlen(answer), &doc, &err));
        ck_assert(json_bool(json_root(doc), "hasMore", &has_more));
        at = json_first(json_get(json_root(doc), "data"));
        has_more = has_more && at != NULL;
        for (; at != NULL; at = json_next(at)) {
            size_t used = strlen(sql);

            (void)snprintf(last, sizeof(last), "%s", json_text(at, "id"));
            (void)snprintf(sql + used, sizeof(sql) - used, ", ('%s', '%s')", last,
                           json_text(at, "state"));
        }
        json_free(doc);
        free(answer);
        support_psql(life_url, sql);
        support_psql(life_url, "delete from t.api where order_id = ''");
    }
}

/* What was applied at the API, line by line, as rows of t.applied. */
static void
read_applied(void)
{
    char from[300];
    char *answer = NULL;
    const char *path;
    char sql[700];

    (void)snprintf(from, sizeof(from), "%s/_sandbox/applied", life_sandbox.url);
    ck_assert_int_eq(support_http_get(from, &answer), 200);
    path = support_write_file("applied.csv", answer, 0644);
    free(answer);
    support_psql(life_url, "create table t.applied (order_id text, item_id text, shipped int,"
                           " cancelled int, posts int)");
    (void)snprintf(sql, sizeof(sql), "\\copy t.applied from '%s' with (format csv, header)", path);
    const char *const argv[] = {"psql", "-X", "-q", "-d", life_url, "-c", sql, NULL};
    ck_assert_int_eq(support_run(argv, NULL, NULL, NULL), 0);
}

static void
books_agree(void)
{
    read_api();
    read_applied();
    ck_assert_int_eq(support_query_int(life_url, "select count(*) from t.api"), orders);
    support_query_is(life_url,
                     "select order_id, a.state, o.state, r.state from t.api a"
                     " full join t.orders o using (order_id)"
                     " full join waybill.report_orders r using (order_id)"
                     " where a.state is distinct from o.state or a.state is distinct from r.state"
                     " order by 1 limit 5",
                     "");
    /* Each once and in order. A dispute that began and ended unheard leaves two times of one state:
     * both are told, as each is a transition of its own. */
    support_query_is(life_url,
                     "select order_id, state, at from t.told group by 1, 2, 3 having count(*) > 1",
                     "");
    support_query_is(life_url,
                     "select * from (select order_id, at, lag(at) over"
                     "  (partition by order_id order by n) as before from t.told) x"
                     " where at < before",
                     "");
    support_query_is(
        life_url, "select count(*) from waybill.report_order_states where handed_at is null", "0");
    /* Every unit once: all that the warehouse wants, but what was refused, or cancelled by the
     * shop. */
    support_query_is(life_url,
                     "select order_id, l.shipped_quantity, l.cancelled_quantity, a.*"
                     " from t.lines l left join t.applied a using (order_id, item_id)"
                     " join waybill.report_line_items i using (order_id, item_id)"
                     " where (coalesce(a.shipped, 0), coalesce(a.cancelled, 0))"
                     "   is distinct from (i.posted_shipped::int, case when exists ("
                     "     select from waybill.report_adjustments j where j.order_id = l.order_id"
                     "        and j.kind = 'foreign') then 0 else i.posted_cancelled::int end)"
                     " order by 1 limit 5",
                     "");
    support_query_is(life_url,
                     "select order_id, item_id, status, reason from waybill.report_line_items i"
                     " where status <> 'done' and substr(order_id, 3)::int % 20 not in (9, 18, 19)"
                     " order by 1 limit 5",
                     "");
}

START_TEST(after_a_month_warehouse_and_api_say_the_same_of_every_order)
{
    int64_t ticks = orders > 1000 ? 3 : 1; /* a day */
    struct clock_mono began = clock_mono_now();

    for (int64_t day = 0; day <= LAST_DAY; day++) {
        if (day < 21)
            make_day(day);
        act_day(day);
        for (int64_t tick = 0; tick < ticks; tick++) {
            if (day < OFF_FIRST || day > OFF_LAST)
                run_bridge();
            pass_time(DAY_MS / ticks);
        }
    }
    run_bridge();
    support_query_is(life_url,
                     "select clock_timestamp() - min(started_at) > interval '33 days'"
                     " from waybill.runs",
                     "t");
    support_query_is(life_url, "select gap_at is not null from waybill.event_feed", "t");
    support_query_is(life_url,
                     "select string_agg(distinct state, ' ' order by state)"
                     " from waybill.report_order_states",
                     "accepted blocked cancelled complete dispute fulfilled in_review"
                     " pending_payment returned");
    books_agree();
    (void)fprintf(stderr, "a month of %lld orders in %lld s: %lld states handed over\n",
                  (long long)orders, (long long)(clock_mono_since_ms(began) / 1000),
                  (long long)support_query_int(life_url, "select count(*) from t.told"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("month");
    TCase *tests = support_case(suite, "month", MONTH_RUN_MS / 1000);

    support_need_database();
    tcase_add_unchecked_fixture(tests, begin_server, end_server);
    tcase_add_checked_fixture(tests, setup, life_end);
    tcase_add_test(tests, after_a_month_warehouse_and_api_say_the_same_of_every_order);
    return support_run_suite(suite);
}
