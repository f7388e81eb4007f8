/*
 * fixture — a sandbox with a few orders for each test, and short ways to ask it.
 */
#ifndef TESTS_SANDBOX_FIXTURE_H
#define TESTS_SANDBOX_FIXTURE_H

#include "client.h"
#include "support/support.h"

static struct sandbox_child child;

#define ORDERS                                                                                     \
    "{\"id\":\"ord_1\",\"upstreamId\":\"up_1\",\"items\":[{\"id\":\"a\",\"quantity\":5},"          \
    "{\"id\":\"b\",\"quantity\":1}]}\n"                                                            \
    "{\"id\":\"ord_2\",\"upstreamId\":\"up_2\",\"items\":[{\"id\":\"a\",\"quantity\":1000}]}\n"    \
    "{\"id\":\"ord_dispute\",\"state\":\"dispute\",\"items\":[{\"id\":\"a\",\"quantity\":1}]}\n"   \
    "{\"id\":\"ord_expired\",\"authorization\":\"expired\",\"items\":[{\"id\":\"a\","              \
    "\"quantity\":1}]}\n"

static inline void
setup(void)
{
    child_start(&child, NULL);
    ck_assert_int_eq(client_status(&child, "POST", "/_sandbox/orders", ORDERS), 201);
}

static inline void
teardown(void)
{
    child_stop(&child);
}

static inline int
set(const char *what, const char *value)
{
    return client_status(&child, "POST", what, value);
}

static inline void
post(const char *order, const char *item, int64_t quantity, const char *marker, struct reply *reply)
{
    char body[512];

    (void)snprintf(body, sizeof(body),
                   "{\"orderId\":\"%s\",\"items\":[{\"itemId\":\"%s\",\"quantity\":%lld}],"
                   "\"metadata\":{\"waybill_submission\":\"%s\"}}",
                   order, item, (long long)quantity, marker);
    client_ask(&child, "POST", "/fulfillments", body, reply);
}

static inline int
post_status(const char *order, const char *item, int64_t quantity)
{
    struct reply reply;
    int status;

    post(order, item, quantity, "m", &reply);
    status = reply.status;
    reply_free(&reply);
    return status;
}

/* What was really applied, as the admin's CSV says it. */
static inline void
assert_applied(const char *rows)
{
    struct reply reply;
    char expected[512];

    (void)snprintf(expected, sizeof(expected), "order_id,item_id,shipped,cancelled,posts\n%s",
                   rows);
    client_ask(&child, "GET", "/_sandbox/applied", NULL, &reply);
    ck_assert_str_eq(reply.body, expected);
    reply_free(&reply);
}

static inline int64_t
stat_int(const char *group, const char *name)
{
    struct reply reply;
    const struct json_value *root;
    int64_t value = 0;

    client_ask(&child, "GET", "/_sandbox/stats", NULL, &reply);
    root = json_root(reply.doc);
    (void)json_int(group == NULL ? root : json_get(root, group), name, &value);
    reply_free(&reply);
    return value;
}

static inline bool
order_has_state(void *ctx)
{
    const char *const *wanted = ctx;
    struct reply reply;
    const char *state;
    bool is_there;

    client_ask(&child, "GET", wanted[0], NULL, &reply);
    state = json_text(json_root(reply.doc), "state");
    is_there = state != NULL && strcmp(state, wanted[1]) == 0;
    reply_free(&reply);
    return is_there;
}

static inline void
wait_for_state(const char *path, const char *state)
{
    const char *wanted[] = {path, state};

    support_wait_until(order_has_state, wanted, 10000, state);
}

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

#endif
