/*
 * given — a provider, a submission and answers made by hand, for the tests of this folder.
 */
#ifndef TESTS_PROVIDER_GIVEN_H
#define TESTS_PROVIDER_GIVEN_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider/provider.h"
#include "json/json.h"

#define MARKER   "7d3f0b1c-5a52-4b7e-9d5e-0a1b2c3d4e5f"
#define INSTANCE "11111111-2222-3333-4444-555555555555"

static struct provider *provider;
static struct error err;

static const struct provider_item given_items[] = {
    {.item_id = "item-a", .shipped = 2, .cancelled = 0},
    {.item_id = "item-b", .shipped = 0, .cancelled = 1},
    {.item_id = "item-c", .shipped = 3, .cancelled = 4, .shipment_item_id = "si-9"},
};

static const struct provider_submission given = {
    .marker = MARKER,
    .order_id = "ord_1",
    .items = given_items,
    .items_count = 3,
};

static const struct provider_options given_options = {
    .base_url = "https://api.example.com",
    .version = "2021-12-13",
    .instance = INSTANCE,
    .application = "waybill/0.1.0",
    .is_live = true,
};

static void
given_set_up(void)
{
    err = (struct error){0};
    provider = NULL;
    ck_assert_msg(provider_new(&provider, "digitalriver", &given_options, &err), "%s", err.message);
}

static void
given_tear_down(void)
{
    provider_free(provider);
}

static inline void
given_set_options(const struct provider_options *options)
{
    provider_free(provider);
    provider = NULL;
    ck_assert_msg(provider_new(&provider, "digitalriver", options, &err), "%s", err.message);
}

/* A whole answer; body NULL is an empty one. */
static inline struct http_answer
given_answer(int status, const char *body)
{
    return (struct http_answer){
        .fact = HTTP_ANSWERED,
        .is_sent = true,
        .status = status,
        .body = body == NULL ? "" : body,
        .body_bytes = body == NULL ? 0 : strlen(body),
        .is_json = true,
        .request_id = "req-1",
        .started_unix_ms = INT64_C(1795444800000),
    };
}

static inline int
given_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
