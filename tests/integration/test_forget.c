/* Personal data and keys: what is kept, for how long, and where they never are. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/shop.h"

static struct shop shop;

static void
forget_set_up(void)
{
    shop_begin(&shop, 4);
    support_psql(shop.url,
                 "alter table shop.lines add tracking_number text, add tracking_url text");
    shop_use(&shop, "waybill", "shop.lines", "follow: {interval_ms: 100}\n");
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_ships(&shop, "('o1', 'a', 'p1', 2, 0), ('o1', 'b', 'p2', 1, 1), ('o2', 'a', 'p1', 3, 0)");
    support_psql(shop.url, "update shop.lines set tracking_number = 'TRACK-' || order_id,"
                           " tracking_url = 'https://parcels.example/Ada-Lovelace/' || order_id");
}

static void
forget_tear_down(void)
{
    shop_end(&shop);
}

/* All of the ledger, as a dump would show it, without the warehouse. */
static char *
forget_dump(void)
{
    const char *const argv[] = {"pg_dump", "--inserts", "-n", "waybill", "-d", shop.url, NULL};
    char *dump = NULL;
    char *errors = NULL;

    ck_assert_msg(support_run(argv, NULL, &dump, &errors) == 0, "%s", errors);
    free(errors);
    return dump;
}

static void
forget_dump_has(const char *text, bool is_there)
{
    char *dump = forget_dump();

    ck_assert_msg((strstr(dump, text) != NULL) == is_there, "%s is %sin the ledger", text,
                  is_there ? "not " : "");
    free(dump);
}

/* Once the API has told all states of the orders; each is one more look. */
static bool
forget_finds_nothing(void *ctx)
{
    (void)ctx;
    shop_must(&shop, 0, "run", "--sweep");
    return support_query_int(shop.url, "select missed_by_feed + looked_at from waybill.runs"
                                       " order by run_id desc limit 1") == 0;
}

START_TEST(what_is_personal_of_an_order_goes_and_its_units_stay)
{
    int64_t posts;

    shop_must(&shop, 0, "run");
    posts = shop_posts(&shop);
    support_psql(shop.url, "update shop.lines set tracking_number = 'LATER-' || order_id");
    shop_must(&shop, 0, "run", "--sweep");
    forget_dump_has("LATER-o1", true);

    shop_must(&shop, 0, "forget", "o1", "--reason", "asked by mail");
    shop_said(&shop, "order o1 is forgotten");
    forget_dump_has("LATER-o1", false);
    forget_dump_has("TRACK-o1", false);
    forget_dump_has("Lovelace/o1", false);
    forget_dump_has("LATER-o2", true);
    support_query_is(shop.url,
                     "select sum(posted_shipped) || ' ' || sum(posted_cancelled)"
                     " from waybill.report_line_items where order_id = 'o1'",
                     "3 1");
    support_query_is(shop.url,
                     "select action || ' ' || target || ' ' || reason from waybill.report_decisions"
                     " where action = 'forget'",
                     "forget order o1 asked by mail");
    support_query_is(shop.url,
                     "select forgotten_by || ' ' || (forgotten_at is not null)"
                     " from waybill.report_orders where order_id = 'o1'",
                     "operator true");
    shop_must(&shop, 0, "report", "order", "--id", "o1");
    shop_said(&shop, "asked by mail");

    /* Again: no second decision. What the warehouse goes on showing is not taken back, nor posted.
     */
    shop_must(&shop, 0, "forget", "o1");
    shop_said(&shop, "is forgotten since");
    shop_must(&shop, 0, "run", "--sweep");
    support_wait_until(forget_finds_nothing, NULL, 20000, "a sweep that finds nothing");
    forget_dump_has("LATER-o1", false);
    support_query_is(shop.url,
                     "select count(*) from waybill.report_decisions"
                     " where action = 'forget'",
                     "1");
    ck_assert_int_eq(shop_posts(&shop), posts);
    shop_must(&shop, 0, "audit", "--all");

    /* New units of it are posted, without tracking. */
    shop_ships(&shop, "('o1', 'a', 'p1', 4, 0)");
    shop_must(&shop, 0, "run", "--sweep");
    ck_assert_int_eq(shop_posts(&shop), posts + 1);
    forget_dump_has("LATER-o1", false);

    shop_must(&shop, 1, "forget", "nonesuch");
    shop_warned(&shop, "the ledger knows no order nonesuch");
    shop_must(&shop, 2, "forget");
}
END_TEST

START_TEST(what_is_on_its_way_loses_its_own_when_it_is_over)
{
    shop_must(&shop, 0, "run", "--max-posts", "1");
    support_query_is(shop.url, "select count(*) from waybill.submissions where state = 'planned'",
                     "2");
    shop_must(&shop, 0, "hold", "order", "o2");
    shop_must(&shop, 0, "forget", "o2");
    shop_said(&shop, "on its way");
    forget_dump_has("TRACK-o2", true);
    shop_must(&shop, 0, "release", "order", "o2");
    shop_must(&shop, 0, "run");
    support_psql(shop.url, "update waybill.orders set forget_at = clock_timestamp()"
                           " where forget_at is not null");
    shop_must(&shop, 0, "run");
    forget_dump_has("TRACK-o2", false);
    support_query_is(shop.url, "select count(*) from waybill.orders where forget_at is not null",
                     "0");
}
END_TEST

START_TEST(watch_comes_back_for_it)
{
    struct support_process watch;

    shop_spawn(&shop, &watch, (const char *const[]){"watch", NULL});
    support_wait_query(
        shop.url, "select count(*) from waybill.submissions where state = 'accepted'", "3", 30000);
    support_psql(shop.url, "update waybill.orders set forget_at = clock_timestamp(),"
                           " forgotten_at = clock_timestamp(), forgotten_by = 'operator'"
                           " where order_id = 'o2'");
    support_wait_query(shop.url,
                       "select count(*) from waybill.orders where forget_at <= clock_timestamp()",
                       "0", 30000);
    forget_dump_has("TRACK-o2", false);
    support_signal(&watch, SIGTERM);
    ck_assert_int_eq(support_wait_exit(&watch, 30000), 0);
}
END_TEST

static bool
forget_is_heard(void *ctx)
{
    (void)ctx;
    shop_must(&shop, 0, "run");
    return support_query_int(shop.url, "select count(*) from waybill.report_orders"
                                       " where forgotten_at is not null") == 1;
}

START_TEST(the_api_may_ask_for_it)
{
    char url[128];

    shop_must(&shop, 0, "run");
    (void)snprintf(url, sizeof(url), "%s/_sandbox/orders/o2", shop.sandbox.url);
    ck_assert_int_eq(
        support_http_post(url, "{\"requestToBeForgotten\": true, \"state\": \"dispute\"}", NULL),
        200);
    support_wait_until(forget_is_heard, NULL, 20000, "the API's wish");
    shop_must(&shop, 0, "run"); /* does it */
    forget_dump_has("TRACK-o2", false);
    forget_dump_has("TRACK-o1", true);
    support_query_is(shop.url,
                     "select os_user || ': ' || reason from waybill.report_decisions"
                     " where action = 'forget' and order_id = 'o2'",
                     "api: the customer asked the API for it");
    support_query_is(shop.url,
                     "select forgotten_by from waybill.report_orders where order_id = 'o2'", "api");
}
END_TEST

START_TEST(orders_that_are_over_are_forgotten_by_age)
{
    shop_must(&shop, 0, "run");
    support_psql(shop.url, "update waybill.orders set state = 'complete',"
                           " state_since = clock_timestamp() - interval '40 days'"
                           " where order_id = 'o1'");
    shop_must(&shop, 2, "prune");
    shop_must(&shop, 2, "prune", "--forget", "soon");
    shop_must(&shop, 0, "prune", "--forget", "50d");
    shop_said(&shop, "forgot 0 orders");
    shop_must(&shop, 0, "prune", "--forget", "30d");
    shop_said(&shop, "forgot 1 orders");
    forget_dump_has("TRACK-o1", false);
    forget_dump_has("TRACK-o2", true);
    support_query_is(shop.url, "select count(*) from waybill.report_submissions", "3");
    shop_must(&shop, 0, "prune", "--forget", "30d");
    shop_said(&shop, "forgot 0 orders");
}
END_TEST

START_TEST(messages_go_with_it_and_what_was_dismissed_stays_closed)
{
    char url[128];

    (void)snprintf(url, sizeof(url), "%s/_sandbox/orders/o1", shop.sandbox.url);
    ck_assert_int_eq(support_http_post(url, "{\"authorization\": \"expired\"}", NULL), 200);
    shop_must(&shop, 1, "run");
    support_psql(shop.url, "alter table waybill.attempts disable trigger all;"
                           "update waybill.attempts set error = error || ' for Ada Lovelace'"
                           " where error is not null;"
                           "update waybill.discrepancies set detail = detail || ' for Ada Lovelace'"
                           " where kind = 'payment';"
                           "update waybill.submissions set error_message = 'Ada Lovelace'"
                           " where error_message is not null;"
                           "alter table waybill.attempts enable trigger all");
    shop_must(&shop, 0, "forget", "o1");
    shop_said(&shop, "needs a person");
    forget_dump_has("Ada Lovelace", true); /* the open discrepancy needs its words */
    shop_must(&shop, 0, "dismiss", "order", "o1", "--reason", "Ada Lovelace paid by transfer");
    shop_must(&shop, 0, "settle", "o1", "b", "--shipped", "1", "--reason", "Ada Lovelace: bye-bye");
    shop_must(&shop, 0, "forget", "o1", "--reason", "asked by mail");
    forget_dump_has("Ada Lovelace", false);
    forget_dump_has("bye-bye", false);
    support_query_is(shop.url,
                     "select string_agg(distinct action || ' ' || coalesce(reason, ''), ',')"
                     " from waybill.report_decisions where order_id = 'o1'",
                     "dismiss ,forget ,settle ");
    support_query_is(
        shop.url,
        "select string_agg(distinct regexp_replace(reason, 'by \\S+$|\\d+', '...'), ',')"
        " from waybill.adjustments where kind <> 'foreign'",
        "settled by hand ...,submission ... dismissed");
    forget_dump_has("payment_authorization_failed", true);
    (void)shop_waybill(&shop, (const char *const[]){"run", "--sweep", NULL}); /* an event is news */
    support_query_is(shop.url,
                     "select count(*) from waybill.report_discrepancies"
                     " where closed_at is null and submission_id <> 0",
                     "0");
}
END_TEST

START_TEST(history_can_be_forgotten_but_not_rewritten)
{
    char state[6];

    shop_must(&shop, 0, "run");
    support_psql(
        shop.url,
        "insert into waybill.attempts (submission_id, attempt, kind, sent, started_at, outcome)"
        " select min(submission_id), 1, 'look', true, now(), 'found' from waybill.submissions");
    support_psql_state(shop.url, "update waybill.attempts set error = 'another'", state);
    ck_assert_str_eq(state, "23514");
    support_psql_state(
        shop.url, "update waybill.submissions set request_id = 'another' where is_plain", state);
    ck_assert_str_eq(state, "23514");
    support_psql_state(shop.url,
                       "set waybill.is_forgetting = 'on';"
                       "update waybill.attempts set outcome = 'another'",
                       state);
    ck_assert_str_eq(state, "23514");
    shop_must(&shop, 0, "settle", "o1", "a", "--shipped", "1", "--reason", "by hand");
    support_psql_state(shop.url, "update waybill.adjustments set reason = 'another'", state);
    ck_assert_str_eq(state, "23514");
    support_psql_state(shop.url, "update waybill.decisions set reason = null", state);
    ck_assert_str_eq(state, "23514");
    support_psql_state(shop.url,
                       "set waybill.is_forgetting = 'on';"
                       "update waybill.adjustments set shipped = 7",
                       state);
    ck_assert_str_eq(state, "23514");
    support_psql_state(shop.url,
                       "set waybill.is_forgetting = 'on';"
                       "update waybill.decisions set action = 'hold'",
                       state);
    ck_assert_str_eq(state, "23514");
}
END_TEST

/* ---- keys ---- */

static const char *const SECRETS[] = {"sk_test_sandbox", "hunter2",        "shopper.example",
                                      "+1-952-555",      "Bren Road",      "203.0.113.",
                                      "firstName",       "lastFourDigits", "postalCode"};

static void
secrets_none_in(const char *what, const char *text)
{
    for (size_t i = 0; i < sizeof(SECRETS) / sizeof(SECRETS[0]); i++)
        ck_assert_msg(strstr(text, SECRETS[i]) == NULL, "%s is in %s", SECRETS[i], what);
}

static void
secrets_say(const char *const arguments[])
{
    (void)shop_waybill(&shop, arguments);
    secrets_none_in(arguments[0], shop.out);
    secrets_none_in(arguments[0], shop.errors);
}

#define secrets_command(...) secrets_say((const char *const[]){__VA_ARGS__, NULL})

/* With a password in the URL, as it may be, everything at its loudest. */
static void
secrets_use(const char *key, int mode, const char *metrics)
{
    char text[2048];
    char url[SUPPORT_URL_MAX];

    (void)snprintf(url, sizeof(url), "%s%cpassword=hunter2", shop.url,
                   strchr(shop.url, '?') != NULL ? '&' : '?');
    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\nwarehouse:\n  line_items: shop.lines\n"
                   "api:\n  base_url: %s\n  key_file: %s\n  mode: test\n"
                   "  timeout_ms: 2000\n  send_within_ms: 1000\n  settle_ms: 500\n"
                   "follow: {interval_ms: 100}\nlog: {level: trace}\nmetrics_file: %s\n",
                   url, shop.sandbox.url, support_write_file("loud.key", key, (mode_t)mode),
                   metrics);
    shop.config = support_write_file("loud.yaml", text, 0600);
}

static void
secrets_read_process(pid_t pid, const char *name, char *out, size_t bytes_max)
{
    char path[64];
    ssize_t bytes = 0;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        bytes = read(fd, out, bytes_max - 1);
        (void)close(fd);
    }
    out[bytes < 0 ? 0 : bytes] = '\0';
    for (ssize_t i = 0; i < bytes; i++) {
        if (out[i] == '\0')
            out[i] = ' ';
    }
}

static void
secrets_look_at_process(const struct support_process *process)
{
    char text[8192];

    secrets_read_process(process->pid, "cmdline", text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "waybill"));
    secrets_none_in("the process list", text);
    secrets_read_process(process->pid, "environ", text, sizeof(text));
    secrets_none_in("the environment", text);
    secrets_read_process(process->pid, "limits", text, sizeof(text));
    ck_assert_msg(strstr(text, "Max core file size        0                    0") != NULL, "%s",
                  text);
}

START_TEST(keys_and_persons_are_in_no_log_list_page_file_or_database)
{
    char metrics[600];
    char page[600];
    char url[128];
    char *text;
    struct support_process watch;

    (void)snprintf(metrics, sizeof(metrics), "%s/loud.prom", support_folder());
    (void)snprintf(page, sizeof(page), "%s/loud.html", support_folder());
    secrets_use("sk_test_sandbox\n", 0600, metrics);
    ck_assert_int_eq(support_http_get(shop.sandbox.url, &text), 401);
    free(text);
    (void)snprintf(url, sizeof(url), "%s/_sandbox/orders/o2", shop.sandbox.url);
    ck_assert_int_eq(support_http_post(url, "{\"capture\": \"fail\"}", NULL), 200);
    support_sandbox_faults(&shop.sandbox, "garbage=0.3 drop_after=0.2");

    secrets_command("check");
    secrets_command("plan");
    shop_spawn(&shop, &watch, (const char *const[]){"watch", NULL});
    support_wait_query(shop.url,
                       "select count(*) >= 1 from waybill.submissions"
                       " where state = 'accepted'",
                       "t", 60000);
    secrets_look_at_process(&watch);
    support_signal(&watch, SIGTERM);
    (void)support_wait_exit(&watch, 30000);
    text = support_errors(&watch);
    secrets_none_in("the log of watch", text);
    ck_assert_ptr_nonnull(strstr(text, "level="));
    free(text);

    secrets_command("run", "--log-level", "trace");
    secrets_command("run", "--log-format", "json");
    secrets_command("audit", "--all", "--json");
    secrets_command("status");
    secrets_command("status", "--json");
    secrets_command("report", "order", "--id", "o2");
    secrets_command("report", "discrepancies", "--format", "json");
    secrets_command("report", "attempts", "--format", "csv");
    secrets_command("report", "--html", page);
    text = support_read_file(page);
    secrets_none_in("the page", text);
    free(text);
    text = support_read_file(metrics);
    secrets_none_in("the metrics", text);
    ck_assert_ptr_nonnull(strstr(text, "waybill_"));
    free(text);
    text = forget_dump();
    secrets_none_in("the database", text);
    free(text);

    /* Mistakes are where secrets slip out. */
    secrets_use("sk_test_sandbox", 0644, metrics);
    secrets_command("check");
    shop_said(&shop, "chmod 600");
    secrets_use("sk_test_sandbox with hunter2\x01", 0600, metrics);
    secrets_command("check");
    shop_said(&shop, "control or non-ASCII character");
    secrets_use("sk_test_hunter2\n", 0600, metrics); /* refused by the API */
    secrets_command("check");
    secrets_command("run");
    ck_assert(kill(shop.sandbox.process.pid, SIGKILL) == 0);
    secrets_command("run");
    secrets_command("check");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("forget");
    TCase *tests = support_case(suite, "forget", 120);

    support_need_database();
    tcase_add_checked_fixture(tests, forget_set_up, forget_tear_down);
    tcase_add_test(tests, what_is_personal_of_an_order_goes_and_its_units_stay);
    tcase_add_test(tests, what_is_on_its_way_loses_its_own_when_it_is_over);
    tcase_add_test(tests, watch_comes_back_for_it);
    tcase_add_test(tests, the_api_may_ask_for_it);
    tcase_add_test(tests, orders_that_are_over_are_forgotten_by_age);
    tcase_add_test(tests, messages_go_with_it_and_what_was_dismissed_stays_closed);
    tcase_add_test(tests, history_can_be_forgotten_but_not_rewritten);
    tcase_add_test(tests, keys_and_persons_are_in_no_log_list_page_file_or_database);
    return support_run_suite(suite);
}
