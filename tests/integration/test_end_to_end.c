#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/support.h"

/*
 * The whole of it, as its users meet it: the demo warehouse, the built programs, a configuration
 * file, and in the end three books that must agree unit for unit.
 */

#define MANY_ORDERS   10000
#define ROUNDS_MAX    60
#define RUN_MS        240000
#define TROUBLE_MS    200000
#define WAREHOUSE_SQL WAYBILL_SOURCE_DIR "/sql/warehouse/"

/* One warehouse, one API, one configuration. */
struct world {
    char url[SUPPORT_URL_MAX];
    struct support_sandbox sandbox;
    const char *config; /* path */
    char *out;          /* of the last command */
    char *errors;
};

static struct world world;

static void
setup(void)
{
    memset(&world, 0, sizeof(world));
    support_database_create(world.url);
}

static void
teardown(void)
{
    if (world.sandbox.process.pid > 0)
        support_sandbox_stop(&world.sandbox);
    free(world.out);
    free(world.errors);
    support_database_drop(world.url);
}

/* input: a file for stdin, "" for none. */
static void
psql_file(const char *file, const char *input, char **out)
{
    static const char SCRIPT[] = "exec psql -X -q -A -t -v ON_ERROR_STOP=1 -d \"$1\" -f \"$2\" "
                                 "< \"${3:-/dev/null}\"";
    const char *const argv[] = {"sh", "-c", SCRIPT, "sh", world.url, file, input, NULL};
    char *errors = NULL;
    char *text = NULL;
    int code = support_run(argv, NULL, &text, &errors);

    ck_assert_msg(code == 0, "%s: %s%s", file, text, errors);
    free(errors);
    if (out != NULL)
        *out = text;
    else
        free(text);
}

static void
make_warehouse(const char *generate)
{
    psql_file(WAREHOUSE_SQL "demo_schema.sql", "", NULL);
    psql_file(WAREHOUSE_SQL "demo_view.sql", "", NULL);
    psql_file(WAREHOUSE_SQL "demo_generate.sql", "", NULL);
    support_psql(world.url, generate);
}

/* orders: a relation of one column, what the shop told the API. */
static void
start_api(const char *orders)
{
    static const char *const OPTIONS[] = {"--rate", "0", "--switch", "order_events=off",
                                          "--seed", "1", NULL};
    char sql[200];
    char url[128];
    char *text;

    support_sandbox_start(&world.sandbox, OPTIONS);
    (void)snprintf(sql, sizeof(sql), "select * from %s", orders);
    text = support_query_text(world.url, sql);
    (void)snprintf(url, sizeof(url), "%s/_sandbox/orders", world.sandbox.url);
    ck_assert_int_eq(support_http_post(url, text, NULL), 201);
    free(text);
}

/* Times are short: on loopback nothing is slower than it was made. */
static void
write_config(const char *database, const char *api, const char *line_items)
{
    char text[4096];

    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\n"
                   "warehouse:\n  line_items: %s\n"
                   "api:\n  base_url: %s\n  key_file: %s\n  mode: test\n"
                   "  requests_per_second: 5000\n  timeout_ms: 1500\n  connect_timeout_ms: 1000\n"
                   "  send_within_ms: 1000\n  settle_ms: 500\n"
                   "retry:\n  first_delay_ms: 50\n  max_delay_ms: 400\n  max_attempts: 100\n"
                   "run:\n  grace_ms: 3000\nlog:\n  level: warn\n",
                   database, line_items, api,
                   support_write_file("api.key", "sk_test_sandbox\n", 0600));
    world.config = support_write_file("waybill.yaml", text, 0600);
}

static void
spawn_waybill(struct support_process *process, const char *command, const char *a, const char *b)
{
    const char *const argv[] = {SUPPORT_WAYBILL, "-c", world.config, command, a, b, NULL};

    support_spawn(process, argv, NULL);
}

/* Keeps what it said in world; the exit code. */
static int
waybill(const char *command, const char *a, const char *b)
{
    struct support_process process;
    int code;

    free(world.out);
    free(world.errors);
    world.out = NULL;
    world.errors = NULL;
    spawn_waybill(&process, command, a, b);
    code = support_wait_exit(&process, RUN_MS);
    world.out = support_output(&process);
    world.errors = support_errors(&process);
    return code;
}

static void
must(int expected, const char *command, const char *a, const char *b)
{
    int code = waybill(command, a, b);

    ck_assert_msg(code == expected, "waybill %s %s %s: %d, not %d: %s%s", command,
                  a == NULL ? "" : a, b == NULL ? "" : b, code, expected, world.out, world.errors);
}

static void
start_ledger(void)
{
    must(0, "init", NULL, NULL);
    must(0, "baseline", "--from", "nothing");
}

/* A number of GET /_sandbox/stats; the key is looked for behind `after`. */
static int64_t
stat_of(const char *after, const char *key)
{
    char url[128];
    char *text = NULL;
    const char *at;
    int64_t value;

    (void)snprintf(url, sizeof(url), "%s/_sandbox/stats", world.sandbox.url);
    ck_assert_int_eq(support_http_get(url, &text), 200);
    at = strstr(text, after);
    ck_assert_msg(at != NULL, "no %s in %s", after, text);
    at = strstr(at, key);
    ck_assert_msg(at != NULL, "no %s in %s", key, text);
    value = 0;
    for (at += strlen(key); *at == '"' || *at == ':'; at++)
        continue;
    for (; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    free(text);
    return value;
}

static int64_t
fulfillments(void)
{
    return stat_of("\"applied\"", "\"fulfillments\"");
}

static int64_t
open_discrepancies(const char *kind)
{
    char sql[200];

    (void)snprintf(sql, sizeof(sql),
                   "select count(*) from waybill.report_discrepancies"
                   " where closed_at is null and kind::text like '%s'",
                   kind);
    return support_query_int(world.url, sql);
}

/* Warehouse, ledger and API, unit for unit; and none of it sent twice on the way. */
static void
all_agree(void)
{
    char url[128];
    char *text = NULL;
    char *said = NULL;

    (void)snprintf(url, sizeof(url), "%s/_sandbox/applied", world.sandbox.url);
    ck_assert_int_eq(support_http_get(url, &text), 200);
    psql_file(WAREHOUSE_SQL "demo_agree.sql", support_write_file("applied.csv", text, 0600), &said);
    ck_assert_ptr_nonnull(strstr(said, "warehouse, ledger and API agree"));
    ck_assert_int_ne(said[0], '0');
    free(said);
    free(text);
    ck_assert_int_eq(stat_of("", "\"duplicate_markers\""), 0);
    ck_assert_int_eq(stat_of("", "\"concurrent_posts\""), 0);
}

START_TEST(ten_thousand_orders_arrive_once_and_looking_again_posts_nothing)
{
    struct support_process first;
    struct support_process second;
    char sql[200];
    int64_t posted;

    (void)snprintf(sql, sizeof(sql), "select wms.generate(%d, 1); analyze", MANY_ORDERS);
    make_warehouse(sql);
    start_api("wms.api_orders");
    write_config(world.url, world.sandbox.url, "wms.waybill_line_items");
    start_ledger();
    psql_file(WAREHOUSE_SQL "demo_feed.sql", "", NULL);
    must(0, "run", NULL, NULL);
    all_agree();

    posted = fulfillments();
    ck_assert_int_gt(posted, MANY_ORDERS / 2);
    must(0, "run", NULL, NULL);
    must(0, "run", "--sweep", NULL);
    ck_assert_int_eq(fulfillments(), posted);

    support_psql(world.url, "select wms.work(1500, 1, edits => false)");
    spawn_waybill(&first, "run", NULL, NULL);
    spawn_waybill(&second, "run", NULL, NULL);
    ck_assert_int_eq(support_wait_exit(&first, RUN_MS), 0);
    ck_assert_int_eq(support_wait_exit(&second, RUN_MS), 0);
    ck_assert_int_gt(fulfillments(), posted);
    all_agree();
    ck_assert_int_eq(open_discrepancies("%"), 0);
}
END_TEST

/* Every kind that a POST can meet but one: an answer of the other mode rightly stops the ledger. */
static const char *const TROUBLE =
    "drop_before=0.02 drop_after=0.02 reset_before=0.02 reset_after=0.02 408=0.01 408_after=0.01 "
    "429=0.002:1 500_before=0.02 500_after=0.02 502_before=0.02 502_after=0.02 503_before=0.02 "
    "503_after=0.02 504_before=0.02 504_after=0.02 401=0.002 403_html=0.005 403_api=0.002 "
    "html=0.01 slow=0.01:600 hang=0.005 hang_after=0.005 truncated=0.01 garbage=0.01 "
    "huge=0.005:8 deep=0.01 no_id=0.01 wrong_order=0.01 wrong_quantity=0.01 late=0.02:700 "
    "list_lag_ms=0.05:300";

static int64_t
backlog(void)
{
    return support_query_int(world.url,
                             "select (select count(*) from waybill.submissions"
                             "         where state in ('planned', 'sending', 'unknown', 'held'))"
                             "     + (select count(*) from waybill.report_line_items"
                             "         where due_shipped + due_cancelled > 0)");
}

START_TEST(with_a_third_of_all_posts_failing_every_unit_still_arrives_once)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), TROUBLE_MS);
    int rounds = 0;

    make_warehouse("select wms.generate(500, 2)");
    start_api("wms.api_orders");
    write_config(world.url, world.sandbox.url, "wms.waybill_line_items");
    start_ledger();
    psql_file(WAREHOUSE_SQL "demo_feed.sql", "", NULL);
    support_sandbox_faults(&world.sandbox, TROUBLE);

    do {
        int code = waybill("run", NULL, NULL);

        /* 1: a person may look; 5: the key was refused for a while. */
        ck_assert_msg(code == 0 || code == 1 || code == 5, "run ended with %d: %s", code,
                      world.errors);
        rounds++;
    } while ((backlog() > 0 || stat_of("", "\"late_pending\"") > 0) && rounds < ROUNDS_MAX &&
             clock_mono_left_ms(deadline) > 0);

    ck_assert_msg(backlog() == 0, "after %d runs: %s", rounds, world.out);
    ck_assert_int_gt(stat_of("\"faults\"", "\"drop_after\""), 0);
    ck_assert_int_gt(stat_of("\"faults\"", "\"late\""), 0);
    all_agree();
    /* Where the API claims to have applied more than was sent, a person hears of it. */
    ck_assert_int_eq(open_discrepancies("extra"), stat_of("\"faults\"", "\"wrong_quantity\""));
    ck_assert_int_eq(open_discrepancies("%"), open_discrepancies("extra"));
}
END_TEST

START_TEST(an_answer_of_the_other_mode_ends_the_run_and_calls_a_person)
{
    make_warehouse("select wms.generate(30, 3)");
    start_api("wms.api_orders");
    write_config(world.url, world.sandbox.url, "wms.waybill_line_items");
    start_ledger();
    support_sandbox_faults(&world.sandbox, "first=1:wrong_live");
    must(3, "run", NULL, NULL);
    ck_assert_int_eq(open_discrepancies("ledger"), 1);
}
END_TEST

/* One line that says what, one that says what to do. */
static void
must_say(const char *what, const char *hint)
{
    ck_assert_msg(strstr(world.errors, what) != NULL, "not \"%s\" in: %s", what, world.errors);
    ck_assert_msg(strstr(world.errors, hint) != NULL, "not \"%s\" in: %s", hint, world.errors);
    ck_assert_msg(strstr(world.errors, "sk_test") == NULL, "the key is in: %s", world.errors);
}

START_TEST(each_failure_has_its_exit_code_and_a_hint)
{
    char database[128];

    make_warehouse("select wms.generate(30, 3)");
    start_api("wms.api_orders");
    (void)snprintf(database, sizeof(database), "postgresql://postgres@127.0.0.1:%d/wms",
                   support_free_port());

    /* configuration */
    write_config(world.url, world.sandbox.url, "wms.waybill_line_items");
    must(3, "run", NULL, NULL);
    must_say("waybill", "waybill init");
    must(0, "init", NULL, NULL);
    must(3, "run", NULL, NULL);
    must_say("baseline", "waybill baseline");
    must(0, "baseline", "--from", "nothing");
    write_config(world.url, world.sandbox.url, "wms.no_such_view");
    must(3, "run", NULL, NULL);
    must_say("wms.no_such_view", "hint");
    world.config = support_write_file("bad.yaml", "database:\n  uri: x\n", 0600);
    must(3, "run", NULL, NULL);
    must_say("bad.yaml:2:3: database.uri:", "database.url");
    world.config = "/no/such/file.yaml";
    must(3, "run", NULL, NULL);
    must_say("/no/such/file.yaml", "No such file");

    /* usage */
    must(2, "run", "--swep", NULL);
    must_say("--swep", "--help");
    must(2, "rnu", NULL, NULL);
    must_say("rnu", "did you mean run");

    /* database */
    write_config(database, world.sandbox.url, "wms.waybill_line_items");
    must(4, "run", NULL, NULL);
    must_say("127.0.0.1", "hint");

    /* API */
    write_config(world.url, world.sandbox.url, "wms.waybill_line_items");
    support_sandbox_stop(&world.sandbox);
    must(5, "run", NULL, NULL);
    must_say("127.0.0.1", "hint");
    write_config(world.url, "http://127.0.0.1:1", "wms.waybill_line_items");
    must(3, "run", NULL, NULL);
    must_say("http://127.0.0.1:1", "hint");
}
END_TEST

START_TEST(a_refused_key_ends_the_run_and_nothing_is_lost)
{
    static const char *const OPTIONS[] = {"--rate", "0", "--key", "sk_test_other", NULL};

    make_warehouse("select wms.generate(30, 3)");
    support_sandbox_start(&world.sandbox, OPTIONS);
    write_config(world.url, world.sandbox.url, "wms.waybill_line_items");
    start_ledger();
    must(5, "check", NULL, NULL);
    must(5, "run", NULL, NULL);
    must_say("key", "hint");
    ck_assert_int_eq(fulfillments(), 0);
    ck_assert_int_eq(open_discrepancies("%"), 0);
}
END_TEST

START_TEST(a_bad_row_stops_itself_only_and_is_named)
{
    psql_file(WAREHOUSE_SQL "bad_rows.sql", "", NULL);
    start_api("wms.bad_api_orders");
    write_config(world.url, world.sandbox.url, "wms.waybill_unreadable");
    start_ledger();
    must(1, "run", NULL, NULL);

    support_query_is(
        world.url,
        "select b.order_id, b.expect, d.kinds from ("
        "    select order_id, min(expect) as expect from wms.bad_rows"
        "     where expect is not null group by order_id) b"
        "  left join lateral (select array_agg(distinct d.kind::text) as kinds"
        "    from waybill.report_discrepancies d where d.order_id = b.order_id) d on true"
        " where d.kinds is null or cardinality(d.kinds) <> 1 or not d.kinds[1] = any (b.expect)"
        " order by 1",
        "");
    support_query_is(world.url,
                     "select d.order_id, d.kind from waybill.report_discrepancies d"
                     " where not exists (select from wms.bad_rows b"
                     "        where b.order_id = d.order_id and b.expect is not null)",
                     "");
    /* The neighbours, and what only looks odd. */
    support_query_is(world.url,
                     "select b.order_id from wms.bad_rows b"
                     " where b.item_id = 'good' and b.order_id <> 'bad-raises' and not exists ("
                     "    select from waybill.report_line_items r"
                     "     where r.order_id = b.order_id and r.item_id = 'good'"
                     "       and r.posted_shipped = 2)",
                     "");
    support_query_is(world.url,
                     "select sum(posted_shipped) from waybill.report_line_items"
                     " where item_id = 'bad' and order_id like 'odd-%'",
                     "4");
    support_query_is(world.url,
                     "select count(*) from waybill.report_line_items"
                     " where item_id <> 'good' and order_id like 'bad-%' and posted_shipped > 0",
                     "0");

    /* A known mistake is no news. */
    must(0, "run", "--sweep", NULL);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("end_to_end");
    TCase *tests = support_case(suite, "end_to_end", 500);

    support_need_database();
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, ten_thousand_orders_arrive_once_and_looking_again_posts_nothing);
    tcase_add_test(tests, with_a_third_of_all_posts_failing_every_unit_still_arrives_once);
    tcase_add_test(tests, an_answer_of_the_other_mode_ends_the_run_and_calls_a_person);
    tcase_add_test(tests, each_failure_has_its_exit_code_and_a_hint);
    tcase_add_test(tests, a_refused_key_ends_the_run_and_nothing_is_lost);
    tcase_add_test(tests, a_bad_row_stops_itself_only_and_is_named);
    return support_run_suite(suite);
}
