/*
 * posts — libcurl alone: so many POSTs, so many in flight, easy handles used again, nothing else.
 *
 *     posts URL COUNT IN_FLIGHT
 *
 * The bodies and headers are those of waybill. What comes back is counted, not read. Says how many
 * seconds it took from the first request to the last answer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "base/number.h"

enum { IN_FLIGHT_MAX = 1024, BODY_BYTES = 1024 };

struct slot {
    CURL *easy;
    char body[BODY_BYTES];
};

static struct {
    CURLM *multi;
    struct curl_slist *headers;
    char url[512];
    int64_t count, started, done;
} work;

static void
die(const char *what)
{
    fprintf(stderr, "posts: %s\n", what);
    exit(1);
}

static size_t
take(char *bytes, size_t size, size_t count, void *ctx)
{
    (void)bytes;
    (void)ctx;
    return size * count;
}

static void
slot_start(struct slot *slot)
{
    int64_t n = work.started++;
    int bytes = snprintf(slot->body, sizeof(slot->body),
                         "{\"orderId\":\"%" PRId64 "\",\"items\":[{\"itemId\":\"%" PRId64
                         "01\",\"quantity\":1,\"cancelQuantity\":0}],\"trackingCompany\":\"UPS\","
                         "\"trackingNumber\":\"1Z%016" PRId64
                         "\",\"trackingUrl\":\"https://tracking.example.com/1Z%016" PRId64
                         "\",\"metadata\":{"
                         "\"waybill_submission\":\"00000000-0000-4000-8000-%012" PRId64
                         "\",\"waybill_instance\":\"5fb2f9f4-6f0e-4c52-9d4a-0c6d6f6e2f11\"}}",
                         230000000000 + n, 230000000000 + n, n, n, n);

    (void)curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, slot->body);
    (void)curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE, (long)bytes);
    if (curl_multi_add_handle(work.multi, slot->easy) != CURLM_OK)
        die("a request can't be started");
}

static void
slot_open(struct slot *slot)
{
    slot->easy = curl_easy_init();
    if (slot->easy == NULL)
        die("no memory");
    (void)curl_easy_setopt(slot->easy, CURLOPT_URL, work.url);
    (void)curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, work.headers);
    (void)curl_easy_setopt(slot->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
    slot_start(slot);
}

static void
answers_take(void)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(work.multi, &left)) != NULL) {
        struct slot *slot = NULL;
        long status = 0;

        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        if (message->data.result != CURLE_OK || status != 201)
            die("an answer is no 201");
        (void)curl_multi_remove_handle(work.multi, slot->easy);
        work.done++;
        if (work.started < work.count)
            slot_start(slot);
    }
}

static void
headers_make(void)
{
    static const char *const lines[] = {
        "Expect:",
        "Authorization: Bearer sk_test_bench",
        "Content-Type: application/json",
        "Accept: application/json",
        "digital-river-api-version: 2021-12-13",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        work.headers = curl_slist_append(work.headers, lines[i]);
}

static double
now_s(void)
{
    struct timespec at;

    /* banned: clock_gettime, because a short run is a fraction of a second */
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    static struct slot slots[IN_FLIGHT_MAX];
    int64_t in_flight;
    double began;

    if (argc != 4 || !number_parse(argv[2], 1, 100000000, &work.count) ||
        !number_parse(argv[3], 1, IN_FLIGHT_MAX, &in_flight)) {
        fprintf(stderr, "usage: posts URL COUNT IN_FLIGHT\n");
        return 2;
    }
    (void)snprintf(work.url, sizeof(work.url), "%s/fulfillments", argv[1]);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        die("libcurl can't be set up");
    headers_make();
    work.multi = curl_multi_init();
    if (work.multi == NULL)
        die("no memory");
    (void)curl_multi_setopt(work.multi, CURLMOPT_MAXCONNECTS, (long)in_flight);
    began = now_s();
    for (int i = 0; i < in_flight && work.started < work.count; i++)
        slot_open(&slots[i]);
    while (work.done < work.count) {
        int running;

        if (curl_multi_perform(work.multi, &running) != CURLM_OK)
            die("libcurl can't go on");
        answers_take();
        /* nothing wakes a poll once the last answer is there */
        if (work.done < work.count && curl_multi_poll(work.multi, NULL, 0, 1000, NULL) != CURLM_OK)
            die("libcurl can't wait");
    }
    printf("%.6f\n", now_s() - began);
    return 0;
}
