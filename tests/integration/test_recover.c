#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/support.h"

/*
 * A ledger that is no longer itself: restored, copied, promoted, pointed elsewhere. Private
 * clusters, for a system identifier and a timeline are a cluster's. Each story ends with three
 * books that agree unit for unit, or stops before the first POST and says why.
 */

#define ORDERS        1000 /* a few more parcels than that */
#define RUN_MS        240000
#define DEADLINE_MS   120000
#define WAREHOUSE_SQL WAYBILL_SOURCE_DIR "/sql/warehouse/"
#define SOON_MS       60000

struct world {
    char folder[256];             /* of the clusters: everybody may pass */
    char server[SUPPORT_URL_MAX]; /* of the cluster that is in use */
    char url[SUPPORT_URL_MAX];    /* of the database wms there */
    struct support_sandbox sandbox;
    const char *config;
    const char *gate; /* order_gate */
    const char *mode;
    const char *events; /* false: nothing but the first looks can find what was lost */
    int settle_ms;
    char *out;
    char *errors;
};

static struct world world;
static char folder[256]; /* of all that is made here */

/* Runs a script with $1.. and returns what it said, without the last line end; it must succeed. */
static char *
shell(const char *script, ...)
{
    const char *argv[12] = {"sh", "-c", script, "sh"};
    char *out = NULL;
    char *errors = NULL;
    int count = 4;
    va_list args;
    int code;

    va_start(args, script);
    while (count < 11 && (argv[count] = va_arg(args, const char *)) != NULL)
        count++;
    va_end(args);
    argv[count] = NULL;
    code = support_run(argv, NULL, &out, &errors);
    ck_assert_msg(code == 0, "%s: %d: %s%s", script, code, out, errors);
    free(errors);
    out[strcspn(out, "\n")] = '\0';
    return out;
}

static void
do_shell(const char *script, const char *a, const char *b)
{
    free(shell(script, a, b, NULL));
}

#define PRIVATE "sh " WAYBILL_SOURCE_DIR "/conf/private-postgres.sh "
#define CLUSTER "sh " WAYBILL_SOURCE_DIR "/tests/support/cluster.sh "

/* The cluster in a folder below ours is the one in use from now on. */
static void
use_server(char *url)
{
    (void)snprintf(world.server, sizeof(world.server), "%s", url);
    (void)snprintf(world.url, sizeof(world.url), "%.*s/wms", (int)(strrchr(url, '/') - url), url);
    free(url);
}

static const char *
in_folder(const char *name)
{
    static char paths[4][300];
    static int at;
    char *path = paths[at++ % 4];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", world.folder, name);
    return path;
}

static void
database(const char *name, char url[SUPPORT_URL_MAX])
{
    (void)snprintf(url, SUPPORT_URL_MAX, "%.*s/%s",
                   (int)(strrchr(world.server, '/') - world.server), world.server, name);
}

static void
psql_file(const char *file, const char *input)
{
    char *said = shell("exec psql -X -q -A -t -v ON_ERROR_STOP=1 -d \"$1\" -f \"$2\" < \"$3\"",
                       world.url, file, input, NULL);

    free(said);
}

/* Times are short: on loopback nothing is slower than it was made. */
static void
write_config(const char *url, const char *api)
{
    char text[4096];

    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\n"
                   "warehouse:\n  line_items: wms.waybill_line_items\n"
                   "api:\n  base_url: %s\n  key_file: %s\n  mode: %s\n  order_gate: %s\n"
                   "  requests_per_second: 5000\n  timeout_ms: 1500\n  connect_timeout_ms: 1000\n"
                   "  send_within_ms: 1000\n  settle_ms: %d\n"
                   "run:\n  grace_ms: 3000\nfollow:\n  events: %s\nlog:\n  level: warn\n",
                   url, api, support_write_file("api.key", "sk_test_sandbox\n", 0600), world.mode,
                   world.gate, world.settle_ms, world.events);
    world.config = support_write_file("waybill.yaml", text, 0600);
}

/* Keeps what it said in world; the exit code. */
static int
waybill(const char *command, ...)
{
    const char *argv[12] = {SUPPORT_WAYBILL, "-c", world.config, command};
    struct support_process process;
    int count = 4;
    va_list args;
    int code;

    va_start(args, command);
    while (count < 11 && (argv[count] = va_arg(args, const char *)) != NULL)
        count++;
    va_end(args);
    argv[count] = NULL;
    free(world.out);
    free(world.errors);
    support_spawn(&process, argv, NULL);
    code = support_wait_exit(&process, RUN_MS);
    world.out = support_output(&process);
    world.errors = support_errors(&process);
    return code;
}

#define must(expected, ...)                                                                        \
    do {                                                                                           \
        int code_ = waybill(__VA_ARGS__, NULL);                                                    \
        ck_assert_msg(code_ == (expected), "%s: %d, not %d: %s%s", #__VA_ARGS__, code_,            \
                      (expected), world.out, world.errors);                                        \
    } while (0)

/* A number of GET /_sandbox/stats; the key is looked for behind `after`. */
static int64_t
stat_of(const char *after, const char *key)
{
    char url[128];
    char *text = NULL;
    const char *at;
    int64_t value = 0;

    (void)snprintf(url, sizeof(url), "%s/_sandbox/stats", world.sandbox.url);
    ck_assert_int_eq(support_http_get(url, &text), 200);
    at = strstr(text, after);
    ck_assert_msg(at != NULL, "no %s in %s", after, text);
    at = strstr(at, key);
    ck_assert_msg(at != NULL, "no %s in %s", key, text);
    for (at += strlen(key); *at == '"' || *at == ':'; at++)
        continue;
    for (; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    free(text);
    return value;
}

/* All that was asked of the API, by what and how it ended. */
static char *
requests_so_far(void)
{
    return shell(
        "curl -sS --max-time 60 \"$1/_sandbox/stats\" | grep -o '\"requests\":{.*\"applied\"'"
        " | sed 's/\"._sandbox\":{[^}]*}//'",
        world.sandbox.url, NULL);
}

static int64_t
fulfillments(void)
{
    return stat_of("\"applied\"", "\"fulfillments\"");
}

static int64_t
asked(const char *sql)
{
    return support_query_int(world.url, sql);
}

static void
start_api(const char *more)
{
    const char *const options[] = {"--rate", "0", "--seed", "1", more, NULL};

    support_sandbox_start(&world.sandbox, options);
}

static void
tell_api_the_orders(void)
{
    char *orders = shell("exec psql -X -q -A -t -d \"$1\" -c 'table wms.api_orders'"
                         " | curl -sS --max-time 60 --data-binary @- \"$2/_sandbox/orders\"",
                         world.url, world.sandbox.url, NULL);

    free(orders);
}

/* A cluster of its own with a warehouse of ORDERS orders, an API that knows them, and a ledger. */
static void
begin(const char *setting)
{
    const char *where;

    memset(&world, 0, sizeof(world));
    world.gate = "true";
    world.mode = "test";
    world.events = "false";
    world.settle_ms = 500;
    where = shell("d=$(mktemp -d \"$1/XXXXXX\") && chmod 755 \"$d\" &&"
                  " mkdir -m 777 \"$d/archive\" && echo \"$d\"",
                  folder, NULL);
    (void)snprintf(world.folder, sizeof(world.folder), "%s", where);
    free((void *)(uintptr_t)where);
    use_server(shell(PRIVATE "start \"$1/a\" \"$2\"", world.folder, setting, NULL));
    support_psql(world.server, "create database wms");
    psql_file(WAREHOUSE_SQL "demo_schema.sql", "/dev/null");
    psql_file(WAREHOUSE_SQL "demo_view.sql", "/dev/null");
    psql_file(WAREHOUSE_SQL "demo_generate.sql", "/dev/null");
    support_psql(world.url, "select wms.generate(1000, 1); analyze");
    start_api(NULL);
    tell_api_the_orders();
    write_config(world.url, world.sandbox.url);
    must(0, "init");
    must(0, "baseline", "--from", "nothing");
    psql_file(WAREHOUSE_SQL "demo_feed.sql", "/dev/null");
}

static void
end(void)
{
    if (world.sandbox.process.pid > 0)
        support_sandbox_stop(&world.sandbox);
    do_shell("for d in \"$1\"/*/data; do " PRIVATE
             "stop \"${d%/data}\" || true; done; rm -rf \"$1\"",
             world.folder, NULL);
    free(world.out);
    free(world.errors);
}

/* Warehouse, ledger and API, unit for unit; and none of it sent twice on the way. */
static void
all_agree(void)
{
    free(shell("curl -sS --max-time 60 \"$2/_sandbox/applied\" |"
               " psql -X -q -A -t -v ON_ERROR_STOP=1 -d \"$1\" -f " WAREHOUSE_SQL "demo_agree.sql",
               world.url, world.sandbox.url, NULL));
    ck_assert_int_eq(stat_of("", "\"duplicate_markers\""), 0);
    ck_assert_int_eq(stat_of("", "\"concurrent_posts\""), 0);
    ck_assert_int_eq(asked("select count(*) from waybill.ledger_faults(0, 1000000)"), 0);
}

static int64_t
left(void)
{
    return asked("select (select count(*) from waybill.submissions"
                 "         where state in ('planned', 'sending', 'unknown', 'held'))"
                 "     + (select count(*) from waybill.report_line_items"
                 "         where due_shipped + due_cancelled > 0)");
}

/* Run after run, as a scheduler does; each ends properly. */
static void
run_until_all_is_done(void)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), DEADLINE_MS);
    int code = waybill("run", "--sweep", NULL);

    while ((code == 0 || code == 1) && left() > 0 && clock_mono_left_ms(deadline) > 0)
        code = waybill("run", NULL);
    ck_assert_msg(code == 0 || code == 1, "run ended with %d: %s", code, world.errors);
    ck_assert_msg(left() == 0, "%lld are left: %s", (long long)left(), world.out);
}

/* What a new generation promises, for a ledger that has lost `lost` posts. */
static void
heals_by_itself(int64_t lost)
{
    int64_t posted = fulfillments();
    int64_t found_again;
    struct clock_mono began = clock_mono_now();
    char told[100];
    int code;

    /* Nothing goes before the first looks, and no run waits for them in vain. */
    world.settle_ms = 600000;
    write_config(world.url, world.sandbox.url);
    for (int i = 0; i < 2; i++) {
        code = waybill("run", NULL);
        ck_assert_msg(code == 0 || code == 1, "run ended with %d: %s", code, world.errors);
    }
    ck_assert_int_lt(clock_mono_since_ms(began), SOON_MS);
    ck_assert_int_eq(fulfillments(), posted);
    if (strcmp(world.events, "false") == 0)
        ck_assert_int_gt(left(), 0);
    ck_assert_int_eq(asked("select generation from waybill.identity"), 2);
    /* Where nothing is planned yet, the report says what is waited for. */
    ck_assert_int_eq(asked("select count(*) from waybill.report_line_items where status = 'waiting'"
                           " and reason not like '%generation 2%' and reason not like '%accepted%'"
                           " and posted_shipped + posted_cancelled = 0 and due_shipped > 0"),
                     0);

    world.settle_ms = 500;
    write_config(world.url, world.sandbox.url);
    support_psql(world.url, "update waybill.orders set list_at = now() where list_at is not null;"
                            "update waybill.lanes set next_at = now() where next_at < 'infinity'");
    run_until_all_is_done();
    all_agree();
    /* Every lost one was found: by its marker, or as a fulfillment that nobody explains. */
    ck_assert_int_eq(asked("select (select count(*) from waybill.submissions"
                           "         where settled_by in ('marker', 'event'))"
                           " + (select count(distinct fulfillment_id) from waybill.adjustments"
                           "     where kind = 'foreign' and fulfillment_id is not null)"),
                     lost);
    /* They call nobody; but they are told. */
    ck_assert_int_eq(asked("select count(*) from waybill.discrepancies where kind = 'foreign'"), 0);
    found_again = asked("select count(distinct fulfillment_id) from waybill.adjustments"
                        " where kind = 'foreign' and fulfillment_id is not null");
    (void)snprintf(told, sizeof(told), "%lld fulfillments that this ledger had posted and lost",
                   (long long)found_again);
    must(0, "recover");
    ck_assert_msg(found_again == 0 || strstr(world.out, told) != NULL, "not \"%s\" in %s", told,
                  world.out);
    posted = fulfillments();
    must(0, "run", "--sweep");
    ck_assert_int_eq(fulfillments(), posted);
}

START_TEST(a_restore_to_a_point_in_time_posts_nothing_twice)
{
    char archive[400];

    begin("archive_mode=on");
    (void)snprintf(archive, sizeof(archive),
                   "alter system set archive_command = 'cp %%p %s/archive/%%f'", world.folder);
    support_psql(world.server, archive);
    support_psql(world.server, "select pg_reload_conf()");
    do_shell(CLUSTER "copy \"$1\" \"$2\" 'recovery_target_action=promote'"
                     " 'recovery_target_name=before' \"restore_command=cp ${2%/b}/archive/%f %p\"",
             world.server, in_folder("b"));
    must(0, "run", "--max-posts", "200");
    support_psql(world.server, "select pg_create_restore_point('before')");
    must(0, "run");
    all_agree();
    ck_assert_int_gt(fulfillments(), 1000);
    support_psql(world.server, "select pg_switch_wal(); checkpoint");
    support_wait_query(world.server,
                       "select last_archived_wal >= pg_walfile_name(pg_current_wal_lsn()) or"
                       " archived_count > 0 and not exists (select from pg_ls_archive_statusdir()"
                       " where name like '%.ready') from pg_stat_archiver",
                       "t", SOON_MS);
    do_shell(CLUSTER "halt \"$1\"", in_folder("a"), NULL);

    use_server(shell(CLUSTER "start \"$1\" recovery", in_folder("b"), NULL));
    support_wait_query(world.server, "select pg_is_in_recovery()", "f", SOON_MS);
    ck_assert_int_lt(asked("select count(*) from waybill.submissions where state = 'accepted'"),
                     300);
    write_config(world.url, world.sandbox.url);
    heals_by_itself(fulfillments() - 200);
    /* Its history says what happened. */
    ck_assert_int_eq(asked("select count(*) from waybill.submissions s where settled_by = 'marker'"
                           " and not exists (select from waybill.report_attempts a"
                           "  where a.submission_id = s.submission_id and a.kind = 'look')"),
                     0);
}
END_TEST

START_TEST(a_standby_promoted_without_the_last_commits_posts_nothing_twice)
{
    char sql[400];

    begin("wal_level=replica");
    do_shell(CLUSTER "copy \"$1\" \"$2\" \"primary_conninfo=$1\"", world.server, in_folder("b"));
    free(shell(CLUSTER "start \"$1\" standby", in_folder("b"), NULL));
    must(0, "run", "--max-posts", "100");
    (void)snprintf(sql, sizeof(sql),
                   "select coalesce(bool_or(replay_lsn >= '%s'), false) from pg_stat_replication",
                   support_query_text(world.server, "select pg_current_wal_lsn()"));
    support_wait_query(world.server, sql, "t", SOON_MS);
    /* The standby hears nothing any more, and nobody notices. */
    do_shell(
        "exec psql -X -q -d \"postgresql://postgres@%2Ftmp/postgres?host=$1/socket&port=$(sed -n"
        " 4p \"$1/data/postmaster.pid\")\" -c \"alter system set primary_conninfo = ''\""
        " -c 'select pg_reload_conf()'",
        in_folder("b"), NULL);
    support_wait_query(world.server, "select count(*) from pg_stat_replication", "0", SOON_MS);
    must(0, "run");
    all_agree();
    do_shell(CLUSTER "halt \"$1\"", in_folder("a"), NULL);
    do_shell(CLUSTER "promote \"$1\"", in_folder("b"), NULL);
    use_server(shell("echo postgresql://postgres@127.0.0.1:$(sed -n 4p \"$1/data/postmaster.pid\")"
                     "/postgres",
                     in_folder("b"), NULL));
    support_wait_query(world.server, "select pg_is_in_recovery()", "f", SOON_MS);
    world.events = "true";
    write_config(world.url, world.sandbox.url);
    heals_by_itself(fulfillments() - 100);
}
END_TEST

static void
stops_at_another_place(void)
{
    int64_t posted = fulfillments();
    char *requests = requests_so_far();
    char *now;

    for (int i = 0; i < 2; i++) {
        must(3, "run");
        ck_assert_ptr_nonnull(strstr(world.errors, "made in another database"));
        ck_assert_ptr_nonnull(strstr(world.errors, "waybill recover"));
        support_query_is(world.url, "select mode, mode_by from waybill.report_health",
                         "paused|waybill");
    }
    must(3, "recover");
    ck_assert_ptr_nonnull(strstr(world.out, "differs"));
    ck_assert_ptr_nonnull(strstr(world.out, "--this-database"));
    /* To go on alone does not help: it is still not the place. */
    support_psql(world.url, "select waybill.resume('it looked fine')");
    must(3, "run");
    support_query_is(world.url, "select mode from waybill.report_health", "paused");
    must(2, "recover", "--this-database");
    ck_assert_int_eq(fulfillments(), posted);
    now = requests_so_far();
    ck_assert_str_eq(now, requests);
    free(now);
    free(requests);
}

static void
goes_on_when_it_is_told_to(int64_t lost)
{
    must(0, "recover", "--this-database", "--reason", "the old one is gone");
    must(3, "run");
    ck_assert_ptr_nonnull(strstr(world.errors, "paused"));
    support_psql(world.url, "select waybill.resume('go')");
    heals_by_itself(lost);
    must(0, "recover");
    ck_assert_int_eq(asked("select count(*) from waybill.decisions where action = 'generation'"
                           " and reason = 'the old one is gone'"),
                     1);
}

START_TEST(a_dump_restored_beside_it_stops_until_somebody_says_that_it_is_the_one)
{
    char other[SUPPORT_URL_MAX];

    begin("max_connections=100");
    must(0, "run", "--max-posts", "150");
    do_shell("exec pg_dump -Fc -d \"$1\" -f \"$2\"", world.url, in_folder("dump"));
    must(0, "run");
    all_agree();
    support_psql(world.server, "create database other");
    database("other", other);
    do_shell("exec pg_restore -d \"$1\" \"$2\"", other, in_folder("dump"));
    (void)snprintf(world.url, sizeof(world.url), "%s", other);
    write_config(world.url, world.sandbox.url);
    stops_at_another_place();
    goes_on_when_it_is_told_to(fulfillments() - 150);
}
END_TEST

START_TEST(a_dump_restored_in_another_cluster_stops_until_somebody_says_that_it_is_the_one)
{
    begin("max_connections=100");
    do_shell("exec pg_dump -Fc -d \"$1\" -f \"$2\"", world.url, in_folder("dump"));
    must(0, "run");
    use_server(shell(PRIVATE "start \"$1\"", in_folder("b"), NULL));
    support_psql(world.server, "create database wms");
    do_shell("exec pg_restore -d \"$1\" \"$2\"", world.url, in_folder("dump"));
    write_config(world.url, world.sandbox.url);
    stops_at_another_place();
    world.gate = "false";
    write_config(world.url, world.sandbox.url);
    goes_on_when_it_is_told_to(fulfillments());
}
END_TEST

START_TEST(a_clone_with_the_same_configuration_posts_nothing_and_the_original_goes_on)
{
    char original[SUPPORT_URL_MAX];
    char clone[SUPPORT_URL_MAX];
    int64_t posted;

    begin("max_connections=100");
    must(0, "run", "--max-posts", "50");
    (void)snprintf(original, sizeof(original), "%s", world.url);
    support_psql(world.server, "create database staging template wms");
    database("staging", clone);
    (void)snprintf(world.url, sizeof(world.url), "%s", clone);
    write_config(world.url, world.sandbox.url);
    stops_at_another_place();
    posted = fulfillments();
    ck_assert_int_eq(posted, 50);
    (void)snprintf(world.url, sizeof(world.url), "%s", original);
    write_config(world.url, world.sandbox.url);
    must(0, "run");
    all_agree();
    support_query_is(world.url, "select generation, mode from waybill.identity", "1|live");
}
END_TEST

START_TEST(a_dump_put_back_in_its_own_place_begins_a_generation_by_itself)
{
    begin("max_connections=100");
    must(0, "run", "--max-posts", "100");
    do_shell("exec pg_dump -Fc -n waybill -d \"$1\" -f \"$2\"", world.url, in_folder("dump"));
    must(0, "run");
    support_psql(world.url, "set client_min_messages = error; drop schema waybill cascade");
    do_shell("exec pg_restore -d \"$1\" \"$2\"", world.url, in_folder("dump"));
    heals_by_itself(fulfillments() - 100);
    ck_assert_int_ne(asked("select count(*) from waybill.decisions where action = 'generation'"
                           " and reason like '%restored from a dump%'"),
                     0);
}
END_TEST

/* Rows alone are put back: no place, no table is another. */
#define PUT_BACK                                                                                   \
    "pg_restore -f - --data-only -n waybill \"$2\" | sed '1i begin; set session_replication_role " \
    "="                                                                                            \
    " replica; set client_min_messages = error; do $$ declare t text; begin for t in select"       \
    " format('\"'\"'%I.%I'\"'\"', schemaname, tablename) from pg_tables where schemaname ="        \
    " '\"'\"'waybill'\"'\"' loop execute '\"'\"'delete from '\"'\"' || t; end loop; end $$;' |"    \
    " sed '$a commit;' | psql -X -q -v ON_ERROR_STOP=1 -d \"$1\""

START_TEST(a_restore_that_nothing_shows_can_be_told)
{
    begin("max_connections=100");
    must(0, "run", "--max-posts", "100");
    do_shell("exec pg_dump -Fc -d \"$1\" -f \"$2\"", world.url, in_folder("dump"));
    must(0, "run");
    do_shell(PUT_BACK, world.url, in_folder("dump"));
    must(0, "recover");
    ck_assert_ptr_nonnull(strstr(world.out, "--new-generation"));
    must(0, "recover", "--new-generation", "--reason", "put back from last night");
    must(3, "run");
    support_psql(world.url, "select waybill.resume('go')");
    heals_by_itself(fulfillments() - 100);
}
END_TEST

START_TEST(another_base_url_or_mode_stops_before_the_first_request)
{
    struct support_sandbox first;

    begin("max_connections=100");
    must(0, "run", "--max-posts", "50");
    first = world.sandbox;
    start_api(NULL);
    tell_api_the_orders();
    write_config(world.url, world.sandbox.url);
    must(3, "run");
    ck_assert_ptr_nonnull(strstr(world.errors, first.url));
    must(3, "recover");
    ck_assert_ptr_nonnull(strstr(world.out, "--this-api"));
    ck_assert_int_eq(fulfillments(), 0);
    support_sandbox_stop(&world.sandbox);

    world.sandbox = first;
    world.mode = "live";
    write_config(world.url, world.sandbox.url);
    must(3, "run");
    ck_assert_ptr_nonnull(strstr(world.errors, "test mode"));
    must(3, "recover", "--this-database", "--reason", "it is live now");
    ck_assert_ptr_nonnull(strstr(world.errors, "database.schema"));
    ck_assert_int_eq(fulfillments(), 50);

    world.mode = "test";
    write_config(world.url, world.sandbox.url);
    must(0, "run");
    all_agree();
}
END_TEST

/* The same URL, the same orders, and one fulfillment; only the key is another one by now. */
static void
the_key_is_switched_to_live(void)
{
    char port[16];
    const char *const options[] = {"--rate", "0", "--live", "--port", port, NULL};
    char *orders;

    (void)snprintf(port, sizeof(port), "%d", world.sandbox.port);
    support_sandbox_stop(&world.sandbox);
    support_sandbox_start(&world.sandbox, options);
    tell_api_the_orders();
    orders = shell(
        "psql -X -q -A -t -d \"$1\" -c \"select json_build_object('orderId', order_id, 'items',"
        " json_build_array(json_build_object('itemId', item_id, 'quantity', 1))) from"
        " wms.waybill_line_items where order_id is not null and ordered_quantity > 1 limit 1\""
        " | curl -sS --max-time 60 -H 'Content-Type: application/json' --data-binary @-"
        " \"$2/_sandbox/fulfillments\"",
        world.url, world.sandbox.url, NULL);
    free(orders);
    ck_assert_int_eq(fulfillments(), 1);
}

START_TEST(a_key_switched_to_live_stops_before_the_first_post)
{
    begin("max_connections=100");
    must(0, "run", "--max-posts", "50");
    the_key_is_switched_to_live();
    /* All is planned, and the orders' states are known: nothing but the POST would ask the API. */
    must(3, "run");
    ck_assert_ptr_nonnull(strstr(world.errors, "the API answers in live mode"));
    ck_assert_int_eq(fulfillments(), 1);
    world.gate = "false";
    write_config(world.url, world.sandbox.url);
    must(3, "run");
    ck_assert_int_eq(fulfillments(), 1);
}
END_TEST

/* Once, outside the tests: what they make is below it. */
static void
make_folder(void)
{
    char *made = shell("d=$(mktemp -d \"${TMPDIR:-/tmp}/waybill-recover.XXXXXX\") &&"
                       " chmod 755 \"$d\" && echo \"$d\"",
                       NULL);

    (void)snprintf(folder, sizeof(folder), "%s", made);
    free(made);
}

/* A test that failed left its clusters running. */
static void
remove_folder(void)
{
    do_shell("for d in \"$1\"/*/*/data; do [ ! -d \"$d\" ] || " PRIVATE
             "stop \"${d%/data}\" || true; done; rm -rf \"$1\"",
             folder, NULL);
}

static Suite *
recover_suite(void)
{
    Suite *suite = suite_create("recover");
    TCase *tcase = support_case(suite, "recover", 300);

    tcase_add_unchecked_fixture(tcase, make_folder, remove_folder);
    tcase_add_checked_fixture(tcase, NULL, end);
    tcase_add_test(tcase, a_restore_to_a_point_in_time_posts_nothing_twice);
    tcase_add_test(tcase, a_standby_promoted_without_the_last_commits_posts_nothing_twice);
    tcase_add_test(tcase, a_dump_restored_beside_it_stops_until_somebody_says_that_it_is_the_one);
    tcase_add_test(tcase,
                   a_dump_restored_in_another_cluster_stops_until_somebody_says_that_it_is_the_one);
    tcase_add_test(tcase,
                   a_clone_with_the_same_configuration_posts_nothing_and_the_original_goes_on);
    tcase_add_test(tcase, a_dump_put_back_in_its_own_place_begins_a_generation_by_itself);
    tcase_add_test(tcase, a_restore_that_nothing_shows_can_be_told);
    tcase_add_test(tcase, a_key_switched_to_live_stops_before_the_first_post);
    tcase_add_test(tcase, another_base_url_or_mode_stops_before_the_first_request);
    return suite;
}

int
main(void)
{
    support_need_database();
    return support_run_suite(recover_suite());
}
