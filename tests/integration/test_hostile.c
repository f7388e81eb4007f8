/*
 * Text that means harm, in every column of the warehouse's relation, every field of the API's
 * answers and every option that takes text: it arrives as it was written, no statement runs that we
 * did not write, and a terminal is never shown it raw.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/number.h"
#include "base/text.h"
#include "support/shop.h"
#include "json/json.h"

/* Ends a text, an identifier, a dollar quote, an array and a JSON text; then escape sequences of
 * one byte and of two, a bell, and signs that turn the direction of what follows. */
#define HOSTILE                                                                                    \
    "'; drop table canary; --\"; drop table canary; --$$; drop table canary; $$ \\'; {a,\"b\"} "   \
    "%s%n $1 \x1b[2J\x1b]0;mine\x07 \xc2\x9b"                                                      \
    "31m \xe2\x80\xae\xe2\x81\xa6 \xef\xbb\xbf\xe2\x80\xa8 \n\r\t\x7f end"

enum { BODY_MAX = 65536 };

static struct shop shop;

/* Every object that a statement of ours could have changed, and who may do what with it. */
static char *
catalog(void)
{
    return support_query_text(
        shop.url,
        "select (select count(*) from public.canary), "
        " (select md5(string_agg(concat(n.nspname, c.relname, c.relkind, c.relacl, "
        "c.relhastriggers),"
        "                        ',' order by c.oid))"
        "    from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        "   where n.nspname !~ '^pg_(temp|toast)'),"
        " (select md5(string_agg(p.proname || p.prosrc || coalesce(p.proacl::text, ''), ','"
        "                        order by p.oid)) from pg_proc p),"
        " (select md5(string_agg(n.nspname || coalesce(n.nspacl::text, ''), ',' order by n.oid))"
        "    from pg_namespace n where n.nspname !~ '^pg_temp'),"
        " (select count(*) from pg_trigger), (select count(*) from pg_constraint)");
}

static void
must_be_untouched(const char *before, const char *what)
{
    char *now = catalog();

    ck_assert_msg(strcmp(before, now) == 0, "%s changed the catalog: %s instead of %s", what, now,
                  before);
    free(now);
}

/* is_terminal: with the line ends of one. */
static void
must_be_safe(const char *text, const char *what, bool is_terminal)
{
    const char *at = text;
    size_t left = strlen(text);

    while (left > 0) {
        uint32_t code_point = 0;
        size_t length = text_decode(at, left, &code_point);
        bool is_safe =
            length > 0 && (!text_is_unsafe(code_point) || code_point == '\n' ||
                           (is_terminal && code_point == '\r' && strchr("\r\n", at[1]) != NULL));

        ck_assert_msg(is_safe, "%s: raw U+%04X (or no UTF-8) at \"%.60s\"", what,
                      (unsigned)code_point, at < text + 40 ? text : at - 40);
        at += length;
        left -= length;
    }
}

/* A command that may end as it likes, but not by a signal. */
static void
try_command(const char *const arguments[])
{
    int code = shop_waybill(&shop, arguments);
    char what[200];

    (void)snprintf(what, sizeof(what), "waybill %s %s", arguments[0],
                   arguments[1] == NULL ? "" : arguments[1]);
    ck_assert_msg(code <= 5, "%s ended with %d: %s", what, code, shop.errors);
    must_be_safe(shop.out, what, false);
    must_be_safe(shop.errors, what, false);
}
#define try(...) try_command((const char *const[]){__VA_ARGS__, NULL})

/* What is data for programs elsewhere is shown to a terminal. */
static void
try_on_terminal(const char *command)
{
    char *line = NULL;
    char *out = NULL;

    ck_assert_int_gt(asprintf(&line, "'%s' -c '%s' %s", SUPPORT_WAYBILL, shop.config, command), 0);
    const char *const argv[] = {"script", "-qec", line, "/dev/null", NULL};

    (void)support_run(argv, NULL, &out, NULL);
    ck_assert_msg(out[0] != '\0', "%s says nothing", command);
    must_be_safe(out, command, true);
    free(out);
    free(line);
}

static void
try_reports(void)
{
    char *names = support_query_text(
        shop.url, "select substr(relname, 8) from pg_class where relkind = 'v'"
                  " and relname like 'report\\_%' and relnamespace = 'waybill'::regnamespace");
    const char *html = support_write_file("page.html", "", 0600);
    char *page;

    for (char *name = names; *name != '\0';) {
        size_t length = strcspn(name, "\n");
        char command[100];
        bool is_last = name[length] == '\0';

        name[length] = '\0';
        try("report", name);
        (void)snprintf(command, sizeof(command), "report %s --format csv", name);
        try_on_terminal(command);
        if (is_last)
            break;
        name += length + 1;
    }
    free(names);
    try("report", "--html", html);
    page = support_read_file(html);
    must_be_safe(page, "the page", false);
    free(page);
}

static void
try_all_that_shows(void)
{
    try_reports();
    try("status");
    try("status", "--json");
    try("status", "--check");
    try("plan");
    try("plan", "--json");
    try("audit", "--all", "--quick");
    try("audit", "--all", "--quick", "--json");
    try("check");
    try("recover");
    try("run", "--log-level", "trace", "--log-format", "json");
    try("run", "--log-level", "trace");
}

/* ------------------------------------------------------------------ the warehouse */

static void
hostile_warehouse(void)
{
    shop_begin(&shop, 0);
    support_psql(
        shop.url,
        "create table public.canary as select 1 as one; create schema shop;"
        "create table shop.lines (order_id text, upstream_id text, item_id text, shipment_ref text,"
        " ordered_quantity int, shipped_quantity int, cancelled_quantity int,"
        " tracking_company text, tracking_number text, tracking_url text, shipment_id text,"
        " shipment_item_id text, fulfillment_model text, changed_at timestamptz default now());"
        "insert into shop.lines select 'order ' || h, null, 'item ' || h, 'ref ' || h, 3, 2, 1,"
        " 'by ' || h, 'no ' || h, 'https://t/' || h, 'sid ' || h, 'siid ' || h, 'third_party'"
        "   from (select $h$" HOSTILE "$h$) as x(h);"
        /* ids are joined by commas in one question for several */
        "insert into shop.lines select null, 'up ' || replace(h, ',', ';'), 'item ' || h, '', 2, 2,"
        " 0, null, null, null,"
        " null, null, null from (select $h$" HOSTILE "$h$) as x(h);"
        "insert into shop.lines select 'model ' || h, null, 'item', '', 1, 1, 0, null, null, null,"
        " null, null, h from (select $h$" HOSTILE "$h$) as x(h);"
        "insert into shop.lines select 'unknown ' || h, null, 'item', '', 1, 1, 0, null, null, "
        "null,"
        " null, null, null from (select $h$" HOSTILE "$h$) as x(h);"
        "insert into shop.lines select 'over ' || h, null, 'item ' || h, 'r ' || h, 1, 9, 0, null,"
        " null, null, null, null, null from (select $h$" HOSTILE "$h$) as x(h);"
        "create table shop.orders as select json_build_object('id', coalesce(order_id, 'found'),"
        " 'upstreamId', upstream_id, 'state', 'accepted', 'items', json_build_array("
        "  json_build_object('id', item_id, 'quantity', ordered_quantity)))::text"
        "   from shop.lines where order_id is null or order_id !~ '^unknown'");
    shop_tell_api(&shop, "shop.orders");
    shop_use(&shop, "waybill", "shop.lines", "");
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
}

START_TEST(text_of_the_warehouse_arrives_as_written_and_harms_nothing)
{
    char url[128];
    char *before;
    char *applied = NULL;
    char *sql = NULL;

    hostile_warehouse();
    before = catalog();
    try("run", "--sweep", "--log-level", "trace");
    ck_assert_int_eq(shop_posts(&shop), 2);
    must_be_untouched(before, "a row of the warehouse");

    (void)snprintf(url, sizeof(url), "%s/_sandbox/fulfillments", shop.sandbox.url);
    ck_assert_int_eq(support_http_get(url, &applied), 200);
    ck_assert_int_gt(
        asprintf(
            &sql,
            "with f as (select line::json as f from regexp_split_to_table($json$%s$json$, '\\n')"
            " as line where line <> '')"
            " select f->>'orderId' = l.order_id, f->'items'->0->>'itemId' = l.item_id,"
            "        f->>'trackingCompany' = l.tracking_company,"
            "        f->>'trackingNumber' = l.tracking_number,"
            "        f->>'trackingUrl' = l.tracking_url, f->>'shipmentId' = l.shipment_id"
            "   from f join shop.lines l on l.order_id = f->>'orderId'",
            applied),
        0);
    support_query_is(shop.url, sql, "t|t|t|t|t|t");
    support_query_is(shop.url,
                     "select count(*) from waybill.report_submissions s join shop.lines l"
                     " using (order_id, shipment_ref) where s.state = 'accepted'",
                     "1");
    support_query_is(shop.url,
                     "select count(*) from waybill.report_orders o join shop.lines l"
                     " using (upstream_id) where o.order_id = 'found'",
                     "1");
    free(sql);
    free(applied);

    try_all_that_shows();
    char *order = support_query_text(shop.url, "select order_id from shop.lines"
                                               " where order_id ~ '^over'");

    try("plan", "--explain", order);
    try("report", "order", "--id", order);
    free(order);
    must_be_untouched(before, "a report");
    free(before);
    shop_end(&shop);
}
END_TEST

/* ------------------------------------------------------------------ options */

/* Wherever an option or an argument is text. */
static const char *const OPTION_CASES[][8] = {
    {"init", "--grant", HOSTILE},
    {"init", "--grant-reports", HOSTILE},
    {"baseline", "--from", HOSTILE},
    {"baseline", "--from", "csv", HOSTILE},
    {"baseline", "--from", "warehouse", "--before", HOSTILE},
    {"plan", "--explain", HOSTILE},
    {"run", "--order", HOSTILE},
    {"run", "--max-posts", HOSTILE},
    {"audit", "--order", HOSTILE},
    {"audit", "--since", HOSTILE},
    {"status", "--max-age", HOSTILE},
    {"report", HOSTILE},
    {"report", "order", "--id", HOSTILE},
    {"report", "submissions", "--id", HOSTILE},
    {"report", "runs", "--format", HOSTILE},
    {"report", "--html", "/no folder/" HOSTILE},
    {"retry", "submission", HOSTILE},
    {"retry", "marker", HOSTILE},
    {"retry", "order", HOSTILE, "--reason", HOSTILE},
    {"retry", "discrepancy", HOSTILE},
    {"retry", "--kind", HOSTILE, "--older-than", HOSTILE},
    {"retry", "--kind", "rejected", "--older-than", HOSTILE},
    {"hold", "order", HOSTILE, "--reason", HOSTILE},
    {"release", "order", HOSTILE, "--reason", HOSTILE},
    {"dismiss", "order", HOSTILE, "--reason", HOSTILE},
    {"dismiss", "submission", "1", "--reason", "x", "--units", HOSTILE},
    {"dismiss", HOSTILE, "1", "--reason", "x"},
    {"settle", HOSTILE, HOSTILE, "--shipped", "1", "--reason", HOSTILE},
    {"settle", "o1", "a", "--shipped", HOSTILE, "--reason", HOSTILE},
    {"adopt", HOSTILE, "--reason", HOSTILE},
    {"prune", "--keep", HOSTILE},
    {"help", HOSTILE},
    {HOSTILE, HOSTILE},
    {"status", "--log-level", HOSTILE},
    {"status", "--log-format", HOSTILE},
    {"status", "--config", HOSTILE},
    {"status", "--" HOSTILE},
};

START_TEST(options_are_values_and_reasons_are_kept_as_written)
{
    char *before;

    shop_begin(&shop, 2);
    support_psql(shop.url, "create table public.canary as select 1 as one");
    shop_use(&shop, "waybill", "shop.lines", "");
    shop_ships(&shop, "('o1', 'a', '', 3, 0), ('o2', 'b', 'p', 99, 0)");
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    shop_must(&shop, 1, "run", "--sweep");
    before = catalog();
    for (size_t i = 0; i < sizeof(OPTION_CASES) / sizeof(OPTION_CASES[0]); i++) {
        try_command(OPTION_CASES[i]);
        must_be_untouched(before, OPTION_CASES[i][1]);
    }

    shop_must(&shop, 0, "pause", "--reason", HOSTILE);
    shop_said(&shop, "paused");
    support_query_is(shop.url,
                     "select count(*) from waybill.report_health"
                     " where mode_reason = $h$" HOSTILE "$h$",
                     "1");
    try("status");
    try("run");
    shop_must(&shop, 0, "resume", "--reason", HOSTILE);
    shop_must(&shop, 0, "settle", "o1", "a", "--shipped", "1", "--reason", HOSTILE);
    support_query_is(shop.url,
                     "select count(*) from waybill.report_adjustments"
                     " where position($h$" HOSTILE "$h$ in reason) > 0",
                     "1");
    shop_must(&shop, 0, "dismiss", "--kind", "over_quantity", "--reason", HOSTILE);
    support_query_is(shop.url,
                     "select count(*) > 0 from waybill.report_discrepancies"
                     " where reason = $h$" HOSTILE "$h$",
                     "t");
    try_all_that_shows();
    must_be_untouched(before, "a reason");
    free(before);
    shop_end(&shop);
}
END_TEST

/* ------------------------------------------------------------------ the API */

/* The text as JSON, so with \u001b for the escape; and a word, since a state is short. */
static char json[2048];
#define STATE "x\\u001b[2J\\u202e'; drop table canary; --"

static void say(int fd, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void
say(int fd, int status, const char *format, ...)
{
    char *body = NULL;
    char *head = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&body, format, args) < 0)
        _exit(1);
    va_end(args);
    if (asprintf(&head,
                 "HTTP/1.1 %d Hostile\r\nContent-Type: application/json\r\nConnection: close\r\n"
                 "x-dr-requestid: r\x1b[2J\xc2\x9b'; drop table canary; --\r\n"
                 "Content-Length: %zu\r\n\r\n",
                 status, strlen(body)) < 0)
        _exit(1);
    (void)send(fd, head, strlen(head), MSG_NOSIGNAL);
    (void)send(fd, body, strlen(body), MSG_NOSIGNAL);
    free(head);
    free(body);
}

#define SAY_ORDER                                                                                  \
    "{\"id\":\"%s\",\"upstreamId\":\"up %s\",\"state\":\"%s\",\"createdTime\":\"%s\","             \
    "\"updatedTime\":\"%s\",\"stateTransitions\":{\"%s\":\"%s\"},\"liveMode\":false,"              \
    "\"items\":[{\"id\":\"a\",\"quantity\":10,\"state\":\"%s\",\"skuId\":\"%s\"}]}"
#define SAY_EVENT                                                                                  \
    "{\"id\":\"%s %s\",\"type\":\"%s\",\"createdTime\":\"2026-11-23T14:00:00Z\","                  \
    "\"liveMode\":false,\"data\":{\"object\":%s}}"
#define SAY_FULFILLMENT                                                                            \
    "{\"id\":\"%s %s\",\"orderId\":\"%s\",\"createdTime\":\"%s\",\"shipmentId\":\"%s\","           \
    "\"trackingNumber\":\"%s\",\"liveMode\":false,\"metadata\":{\"waybill_submission\":\"%s\","    \
    "\"waybill_instance\":\"%s\"},\"items\":[{\"itemId\":\"a\",\"quantity\":1,"                    \
    "\"cancelQuantity\":0}]}"

static void
answer_orders(int fd)
{
    say(fd, 200,
        "{\"hasMore\":false,\"data\":[" SAY_ORDER "," SAY_ORDER "," SAY_ORDER "," SAY_ORDER "]}",
        "o1", json, "accepted", json, json, "accepted", json, json, json, "o2", json, STATE, json,
        json, STATE, json, json, json, "o3", json, "accepted", json, json, "accepted", json, json,
        json, "o4", json, "accepted", json, json, "accepted", json, json, json);
}

static void
answer_events(int fd)
{
    char *charge = NULL;

    if (asprintf(&charge,
                 "{\"id\":\"ch %s\",\"orderId\":\"o1\",\"state\":\"%s\",\"failureCode\":\"%s\","
                 "\"failureMessage\":\"%s\",\"captures\":[{\"id\":\"%s\",\"state\":\"%s\","
                 "\"failureCode\":\"%s\"}]}",
                 json, json, json, json, json, json, json) < 0)
        _exit(1);
    say(fd, 200,
        "{\"hasMore\":false,\"data\":[" SAY_EVENT "," SAY_EVENT "," SAY_EVENT
        ",{\"id\":\"%s\",\"type\":\"%s\",\"createdTime\":\"%s\",\"data\":{\"object\":{}}}]}",
        "e1", json, "order.charge.capture.failed", charge, "e2", json, "order.charge.cancel.failed",
        charge, "e3", json, json, charge, json, json, json);
    free(charge);
}

static void
answer(int fd, const char *request)
{
    if (strncmp(request, "GET /orders", 11) == 0)
        answer_orders(fd);
    else if (strncmp(request, "GET /events", 11) == 0)
        answer_events(fd);
    else if (strncmp(request, "GET /fulfillments", 17) == 0)
        say(fd, 200, "{\"hasMore\":false,\"data\":[" SAY_FULFILLMENT "]}", "f", json, "o3", json,
            json, json, json, json);
    else if (strstr(request, "\"o1\"") != NULL)
        say(fd, 400,
            "{\"type\":\"%s\",\"errors\":[{\"code\":\"%s\",\"parameter\":\"%s\",\"message\":\"%s\"}"
            "]}",
            json, json, json, json);
    else if (strstr(request, "\"o3\"") != NULL)
        say(fd, 409,
            "{\"type\":\"conflict\",\"errors\":[{\"code\":\"item_fulfilled\",\"parameter\":\"%s\","
            "\"message\":\"%s\"}]}",
            json, json);
    else
        say(fd, 201, SAY_FULFILLMENT, "f4", json, "o4", json, json, json, json, json);
}

static size_t
body_bytes(const char *request)
{
    const char *at = strcasestr(request, "content-length: ");
    char digits[12] = "";
    int64_t bytes = 0;

    if (at == NULL)
        return 0;
    at += strlen("content-length: ");
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)strspn(at, "0123456789"), at);
    (void)number_parse(digits, 0, BODY_MAX / 2, &bytes);
    return (size_t)bytes;
}

/* One request a connection. */
static void
serve(int listener)
{
    static char request[BODY_MAX + 1];

    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        size_t used = 0;
        const char *end = NULL;
        size_t want = BODY_MAX;

        while (fd >= 0 && used < want) {
            ssize_t got = recv(fd, request + used, BODY_MAX - used, 0);

            if (got <= 0)
                break;
            used += (size_t)got;
            request[used] = '\0';
            end = strstr(request, "\r\n\r\n");
            if (end != NULL)
                want = (size_t)(end - request) + 4 + body_bytes(request);
        }
        if (end != NULL)
            answer(fd, request);
        (void)close(fd);
    }
}

static pid_t
start_api(int *port)
{
    pid_t parent = getpid();
    int listener = support_listen(port);
    char *text;
    pid_t pid;

    text = support_query_text(shop.url, "select to_json($h$" HOSTILE "$h$::text)");
    (void)snprintf(json, sizeof(json), "%.*s", (int)strlen(text) - 2, text + 1);
    free(text);
    ck_assert_int_eq(listen(listener, 64), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
            _exit(1);
        serve(listener);
    }
    (void)close(listener);
    return pid;
}

START_TEST(text_of_the_api_is_shown_harmless_and_harms_nothing)
{
    char *before;
    int port = 0;
    pid_t api;

    shop_begin(&shop, 4);
    support_psql(shop.url, "create table public.canary as select 1 as one");
    api = start_api(&port);
    (void)snprintf(shop.sandbox.url, sizeof(shop.sandbox.url), "http://127.0.0.1:%d", port);
    shop_use(&shop, "waybill", "shop.lines", "");
    shop_ships(&shop, "('o1', 'a', '', 3, 0), ('o2', 'a', '', 1, 0), ('o3', 'a', '', 2, 0),"
                      "('o4', 'a', '', 1, 0)");
    shop_must(&shop, 0, "init");
    shop_must(&shop, 0, "baseline", "--from", "nothing");
    before = catalog();
    for (int i = 0; i < 3; i++)
        try("run", "--sweep", "--log-level", "trace");
    must_be_untouched(before, "an answer of the API");
    support_query_is(shop.url,
                     "select count(*) from waybill.report_submissions where order_id = 'o1'"
                     "   and state = 'rejected' and error_message like '%drop table canary%'",
                     "1");
    support_query_is(shop.url,
                     "select count(*) from waybill.report_orders where order_id = 'o2'"
                     "   and state <> 'accepted'",
                     "1");
    try("audit", "--order", "o3", "--quick");
    try("adopt", "f " HOSTILE, "--reason", "x");
    try("report", "order", "--id", "o1");
    try("report", "order", "--id", "o2");
    try_all_that_shows();
    must_be_untouched(before, "a report on the API");
    free(before);
    ck_assert_int_eq(kill(api, SIGKILL), 0);
    shop_end(&shop);
}
END_TEST

#define CASE(name) SUPPORT_CASE(suite, 500, NULL, NULL, name)

int
main(void)
{
    Suite *suite = suite_create("hostile text");

    support_need_database();
    CASE(text_of_the_warehouse_arrives_as_written_and_harms_nothing);
    CASE(options_are_values_and_reasons_are_kept_as_written);
    CASE(text_of_the_api_is_shown_harmless_and_harms_nothing);
    return support_run_suite(suite);
}
