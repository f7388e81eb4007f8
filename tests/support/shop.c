#include "support/shop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOP_RUN_MS        3600000 /* the case has its own limit */
#define SHOP_ARGUMENTS_MAX 16

static const char *const SHOP_KEY = "sk_test_sandbox";

void
shop_begin(struct shop *shop, int orders)
{
    static const char *const OPTIONS[] = {"--rate", "0", "--seed", "1", NULL};
    char sql[1200];

    memset(shop, 0, sizeof(*shop));
    support_database_create(shop->url);
    support_sandbox_start(&shop->sandbox, OPTIONS);
    if (orders == 0)
        return;
    (void)snprintf(sql, sizeof(sql),
                   "create schema shop;"
                   "create table shop.lines (order_id text, item_id text, shipment_ref text,"
                   " ordered_quantity int default 10, shipped_quantity int,"
                   " cancelled_quantity int, returned_quantity int default 0,"
                   " changed_at timestamptz default now(),"
                   " primary key (order_id, item_id, shipment_ref));"
                   "create table shop.orders as select format('{\"id\": \"o%%s\","
                   " \"state\": \"accepted\", \"items\": [{\"id\": \"a\", \"quantity\": 10},"
                   " {\"id\": \"b\", \"quantity\": 10}]}', n) from generate_series(1, %d) n",
                   orders);
    support_psql(shop->url, sql);
    shop_tell_api(shop, "shop.orders");
}

void
shop_end(struct shop *shop)
{
    if (shop->sandbox.process.pid > 0)
        support_sandbox_stop(&shop->sandbox);
    free(shop->out);
    free(shop->errors);
    support_database_drop(shop->url);
}

void
shop_tell_api(struct shop *shop, const char *relation)
{
    char sql[200];
    char url[128];
    char *text;

    (void)snprintf(sql, sizeof(sql), "select * from %s", relation);
    text = support_query_text(shop->url, sql);
    (void)snprintf(url, sizeof(url), "%s/_sandbox/orders", shop->sandbox.url);
    ck_assert_int_eq(support_http_post(url, text, NULL), 201);
    free(text);
}

void
shop_use(struct shop *shop, const char *schema, const char *line_items, const char *more)
{
    char text[4096];
    char name[64];

    (void)snprintf(text, sizeof(text),
                   "database:\n  url: %s\n  schema: %s\n"
                   "warehouse:\n  line_items: %s\n"
                   "api:\n  base_url: %s\n  key_file: %s\n  mode: test\n"
                   "  requests_per_second: 5000\n  timeout_ms: 2000\n  connect_timeout_ms: 1000\n"
                   "  send_within_ms: 1000\n  settle_ms: 500\n"
                   "run:\n  grace_ms: 3000\nlog:\n  level: warn\n%s",
                   shop->url, schema, line_items, shop->sandbox.url,
                   support_write_file("api.key", SHOP_KEY, 0600), more != NULL ? more : "");
    (void)snprintf(name, sizeof(name), "%s.yaml", schema);
    shop->config = support_write_file(name, text, 0600);
}

void
shop_spawn(struct shop *shop, struct support_process *process, const char *const arguments[])
{
    const char *argv[SHOP_ARGUMENTS_MAX + 4] = {SUPPORT_WAYBILL, "-c", shop->config};
    int count = 3;

    for (int i = 0; arguments[i] != NULL; i++) {
        ck_assert_int_lt(i, SHOP_ARGUMENTS_MAX);
        argv[count++] = arguments[i];
    }
    argv[count] = NULL;
    support_spawn(process, argv, NULL);
}

int
shop_waybill(struct shop *shop, const char *const arguments[])
{
    struct support_process process;
    int code;

    free(shop->out);
    free(shop->errors);
    shop->out = shop->errors = NULL;
    shop_spawn(shop, &process, arguments);
    code = support_wait_exit(&process, SHOP_RUN_MS);
    shop->out = support_output(&process);
    shop->errors = support_errors(&process);
    return code;
}

void
shop_must_end(struct shop *shop, int code, const char *const arguments[])
{
    int ended = shop_waybill(shop, arguments);

    ck_assert_msg(ended == code, "waybill %s %s %s: %d, not %d: %s%s", arguments[0],
                  arguments[1] != NULL ? arguments[1] : "",
                  arguments[1] != NULL && arguments[2] != NULL ? arguments[2] : "", ended, code,
                  shop->out, shop->errors);
}

void
shop_said(const struct shop *shop, const char *text)
{
    ck_assert_msg(strstr(shop->out, text) != NULL, "not \"%s\" in: %s%s", text, shop->out,
                  shop->errors);
}

void
shop_warned(const struct shop *shop, const char *text)
{
    ck_assert_msg(strstr(shop->errors, text) != NULL, "not \"%s\" in: %s%s", text, shop->errors,
                  shop->out);
}

void
shop_file(struct shop *shop, const char *path)
{
    const char *const argv[] = {"psql", "-X",      "-q", "-v", "ON_ERROR_STOP=1",
                                "-d",   shop->url, "-f", path, NULL};
    char *errors = NULL;
    int code = support_run(argv, NULL, NULL, &errors);

    ck_assert_msg(code == 0, "%s: %s", path, errors);
    free(errors);
}

void
shop_ships(struct shop *shop, const char *rows)
{
    char sql[4096];

    (void)snprintf(sql, sizeof(sql),
                   "insert into shop.lines (order_id, item_id, shipment_ref, shipped_quantity,"
                   " cancelled_quantity) values %s on conflict (order_id, item_id, shipment_ref)"
                   " do update set shipped_quantity = excluded.shipped_quantity,"
                   " cancelled_quantity = excluded.cancelled_quantity, changed_at = now()",
                   rows);
    support_psql(shop->url, sql);
}

void
shop_other_posts(struct shop *shop, const char *order, const char *item, int shipped, int cancelled,
                 char id[256])
{
    static const char *const HEADERS[] = {"Content-Type: application/json",
                                          "Authorization: Bearer sk_test_sandbox", NULL};
    char url[128];
    char body[512];
    char quantities[128] = "";
    char *answer = NULL;
    const char *at;
    int used = 0;

    if (shipped > 0)
        used = snprintf(quantities, sizeof(quantities), "\"quantity\": %d%s", shipped,
                        cancelled > 0 ? ", " : "");
    if (cancelled > 0)
        (void)snprintf(quantities + used, sizeof(quantities) - (size_t)used,
                       "\"cancelQuantity\": %d", cancelled);
    (void)snprintf(url, sizeof(url), "%s/fulfillments", shop->sandbox.url);
    (void)snprintf(body, sizeof(body),
                   "{\"orderId\": \"%s\", \"items\": [{\"itemId\": \"%s\", %s}]}", order, item,
                   quantities);
    ck_assert_msg(support_http("POST", url, HEADERS, body, &answer) == 201, "%s: %s", body, answer);
    at = strstr(answer, "\"id\"");
    ck_assert_ptr_nonnull(at);
    if (id != NULL) {
        at = strchr(strchr(at, ':'), '"') + 1;
        (void)snprintf(id, 256, "%.*s", (int)strcspn(at, "\""), at);
    }
    free(answer);
}

/* The number behind `key`, looked for behind `after`; 0 when it isn't there. */
static int64_t
shop_stat(struct shop *shop, const char *after, const char *key)
{
    char url[128];
    char *text = NULL;
    const char *at;
    int64_t value = 0;

    (void)snprintf(url, sizeof(url), "%s/_sandbox/stats", shop->sandbox.url);
    ck_assert_int_eq(support_http_get(url, &text), 200);
    at = strstr(text, after);
    at = at != NULL ? strstr(at, key) : NULL;
    if (at != NULL) {
        at += strlen(key);
        at += strspn(at, "\": ");
        for (; *at >= '0' && *at <= '9'; at++)
            value = value * 10 + (*at - '0');
    }
    free(text);
    return value;
}

int64_t
shop_applied(struct shop *shop)
{
    return shop_stat(shop, "\"applied\"", "\"fulfillments\"");
}

int64_t
shop_posts(struct shop *shop)
{
    return shop_stat(shop, "\"POST /fulfillments\"", "\"201\"");
}
