/* Each allocation fails in turn: json, config, the provider and listings say so, and give back all
 * they took. None of them takes it for an answer: what can't be read is unknown, never refused, and
 * a list is never the shorter for it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_OWN_MALLOC 0
#endif
#endif
#if !defined(HAS_OWN_MALLOC) && defined(__GLIBC__)
#define HAS_OWN_MALLOC 1
#endif

#if HAS_OWN_MALLOC

#include "config/config.h"
#include "provider/provider.h"
#include "sync/listing.h"
#include "json/json.h"

/* glibc's own, below the ones that this program puts in their place. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void __libc_free(void *old);

static long allocations;
static long alive;
static long fails_at = -1;
static bool is_counting;

static bool
may_allocate(void)
{
    if (!is_counting)
        return true;
    allocations++;
    return allocations != fails_at;
}

void *
malloc(size_t bytes)
{
    void *got = may_allocate() ? __libc_malloc(bytes) : NULL;

    alive += is_counting && got != NULL ? 1 : 0;
    return got;
}

void *
calloc(size_t count, size_t bytes)
{
    void *got = may_allocate() ? __libc_calloc(count, bytes) : NULL;

    alive += is_counting && got != NULL ? 1 : 0;
    return got;
}

void *
realloc(void *old, size_t bytes)
{
    void *got = may_allocate() ? __libc_realloc(old, bytes) : NULL;

    alive += is_counting && old == NULL && got != NULL ? 1 : 0;
    return got;
}

void
free(void *old)
{
    alive -= is_counting && old != NULL ? 1 : 0;
    __libc_free(old);
}

static bool
try_config(const char *text, struct error *err)
{
    struct config *config = NULL;
    struct config_problems *problems = NULL;
    bool ok = config_parse(text, strlen(text), "w.yaml", &config, &problems, err);

    config_free(config);
    config_problems_free(problems);
    return ok;
}

static bool
try_good_config(struct error *err)
{
    return try_config("database: {url: a}\nwarehouse: {line_items: wms.b}\n"
                      "api: {base_url: https://h, mode: live, key_env: K}\n",
                      err);
}

static bool
try_bad_config(struct error *err)
{
    (void)try_config("database: {urll: a}\nwarehouse: {line_items: [b]}\napi: {mode: x}\n", err);
    /* That there are problems is its success. */
    return err->code == ERROR_CONFIG;
}

static bool
try_json(struct error *err)
{
    static const char TEXT[] = "{\"a\":[1,{\"b\":\"x\"}],\"c\":null}";
    struct json_doc *doc = NULL;
    bool ok = json_parse(TEXT, sizeof(TEXT) - 1, &doc, err);

    json_free(doc);
    return ok;
}

#define MARKER "7d3f0b1c-5a52-4b7e-9d5e-0a1b2c3d4e5f"
#define ONE(id)                                                                                    \
    "{\"id\":\"" id "\",\"orderId\":\"o\",\"liveMode\":false,\"items\":[{\"itemId\":\"a\","        \
    "\"quantity\":2,\"cancelQuantity\":0}],\"metadata\":{\"waybill_submission\":\"" MARKER "\"}}"

static struct http_answer
answer(int status, const char *body)
{
    return (struct http_answer){.fact = HTTP_ANSWERED,
                                .is_sent = true,
                                .status = status,
                                .body = body,
                                .body_bytes = strlen(body),
                                .is_json = true};
}

static bool
open_provider(struct provider **out, struct error *err)
{
    static const struct provider_options OPTIONS = {.base_url = "https://h",
                                                    .version = "2021-12-13",
                                                    .instance = MARKER,
                                                    .application = "waybill"};

    return provider_new(out, "digitalriver", &OPTIONS, err);
}

static bool
try_post(struct error *err)
{
    static const struct provider_item ITEM = {.item_id = "a", .shipped = 2};
    static const struct provider_submission SUBMISSION = {
        .marker = MARKER, .order_id = "o", .items = &ITEM, .items_count = 1};
    struct http_answer got = answer(201, ONE("f1"));
    struct provider *provider = NULL;
    struct provider_request request;
    struct provider_result result = {0};
    bool ok;

    provider_request_init(&request);
    ok = open_provider(&provider, err) && provider_post(provider, &SUBMISSION, &request, err);
    if (ok) {
        provider_read_post(provider, &SUBMISSION, &got, &result);
        ok = result.outcome == PROVIDER_ACCEPTED;
        if (result.outcome == PROVIDER_UNKNOWN)
            (void)error_set(err, ERROR_NOMEM, "unknown, as it has to be");
    }
    provider_request_free(&request);
    provider_free(provider);
    return ok;
}

static bool
try_list(struct error *err)
{
    struct http_answer got =
        answer(200, "{\"hasMore\":false,\"data\":[" ONE("f1") "," ONE("f2") "]}");
    struct provider *provider = NULL;
    struct provider_request request;
    struct listing *listing = NULL;
    char *text = NULL;
    bool ok;

    provider_request_init(&request);
    ok = open_provider(&provider, err) && listing_new("o", &listing, err) &&
         listing_next(listing, provider, &request, err);
    if (ok) {
        struct provider_fulfillments page = {0};
        struct provider_answer how;
        enum listing_step step;

        provider_read_fulfillments(provider, &got, &page, &how);
        step = listing_take(listing, &page, &how);
        provider_fulfillments_free(&page);
        ok = step == LISTING_COMPLETE;
        /* complete is whole, or it is told by nobody */
        if (ok && listing_count_marker(listing, MARKER) == 2)
            text = listing_json(listing, err);
        else if (step == LISTING_UNREADABLE)
            (void)error_set(err, ERROR_NOMEM, "unreadable, as it has to be");
        ok = text != NULL && strstr(text, "f1") != NULL && strstr(text, "f2") != NULL;
    }
    free(text);
    listing_free(listing);
    provider_request_free(&request);
    provider_free(provider);
    return ok;
}

/* least: how many allocations it makes at least; fewer, and they were not counted. */
static int
torture(const char *name, bool (*try_fn)(struct error *err), long least)
{
    for (long at = 1; at < 10000; at++) {
        struct error err = {0};
        bool ok;

        allocations = 0;
        alive = 0;
        fails_at = at;
        is_counting = true;
        ok = try_fn(&err);
        is_counting = false;
        if (alive != 0) {
            printf("%s: allocation %ld fails and %ld are never given back\n", name, at, alive);
            return 1;
        }
        if (allocations < at) {
            printf("%s: each of %ld allocations failed once\n", name, allocations);
            return ok && allocations >= least ? 0 : 1;
        }
        /* A request doesn't say whether memory or its size was the trouble. */
        if (ok || err.message[0] == '\0' || (err.code != ERROR_NOMEM && err.code != ERROR_LIMIT)) {
            printf("%s: allocation %ld fails and nobody says so: %d \"%s\"\n", name, at,
                   (int)err.code, err.message);
            return 1;
        }
    }
    return 1;
}

int
main(void)
{
    return torture("good config", try_good_config, 5) + torture("bad config", try_bad_config, 5) +
                       torture("json", try_json, 1) + torture("post", try_post, 5) +
                       torture("list", try_list, 5) ==
                   0
               ? 0
               : 1;
}

#else

int
main(void)
{
    return 77; /* the sanitizer's malloc can't be replaced */
}

#endif
