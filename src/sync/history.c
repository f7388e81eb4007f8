#include "sync/history.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/http.h"
#include "ledger/work.h"
#include "provider/provider.h"
#include "sync/api.h"
#include "sync/budget.h"
#include "sync/history_upstream.h"
#include "sync/listing.h"
#include "sync/reach.h"
#include "json/json.h"

enum {
    HISTORY_PAGE_ORDERS = 500,
    HISTORY_BOOK_ORDERS = 100,
    HISTORY_BOOK_BYTES = 4 * 1024 * 1024,
    HISTORY_TEXT_BYTES_MAX = 64 * 1024 * 1024,
    HISTORY_FAILURES_MAX = 10, /* of one order, a wait that doubles between: some four minutes */
    HISTORY_WAIT_MS = 250,
    HISTORY_WAIT_MAX_MS = 60000,
    HISTORY_BLOCKED_MS = 60000, /* of nothing but 429 */
    HISTORY_BEAT_MS = 250,
    HISTORY_PROGRESS_MS = 1000,
    HISTORY_SAMPLE = 50, /* when more than half of so many are unknown, the view is wrong */
};

/* One order that is being listed. */
struct history_order {
    struct history_order *next; /* waits to be sent */
    char *order_id;
    struct listing *listing;
    struct clock_mono not_before;
    int failures;
    bool is_known; /* a page of it was read once: no later answer makes it unknown */
};

struct history {
    struct ledger *ledger;
    const struct warehouse *warehouse;
    const struct history_options *options;
    struct http *http;
    struct provider *provider;
    struct provider_request request; /* scratch */
    struct budget budget;
    int64_t run_id, worker_id;
    struct clock_mono began, beat_again, progress_again;
    bool has_joined;

    struct history_order *first; /* wait to be sent */
    int waiting;
    struct history_order **sent; /* in flight, for an end before their answers */
    int sent_count;
    char after[PROVIDER_ID_BYTES]; /* the last order taken */
    bool is_all_taken;
    bool is_stopped;

    struct buffer listings; /* read, not booked yet: a JSON array */
    struct buffer orders;   /* the same orders as an array literal */
    struct json_writer writer;
    int read_count;
    int asked, unknown;
    struct history_progress progress;
    struct baseline_result result;
};

static void
history_order_free(struct history_order *order)
{
    if (order == NULL)
        return;
    listing_free(order->listing);
    free(order->order_id);
    free(order);
}

static void
history_wait(struct history *h, struct history_order *order, int64_t delay_ms)
{
    order->not_before = clock_mono_add(clock_mono_now(), delay_ms);
    order->next = h->first;
    h->first = order;
    h->waiting++;
}

static void
history_begin_piece(struct history *h)
{
    buffer_reset(&h->listings);
    buffer_reset(&h->orders);
    json_write_init(&h->writer, &h->listings);
    json_write_array(&h->writer, NULL);
    pg_array_begin(&h->orders);
    h->read_count = 0;
}

static bool
history_book(struct history *h, struct error *err)
{
    if (h->read_count == 0)
        return true;
    json_write_end_array(&h->writer);
    pg_array_end(&h->orders);
    if (h->listings.is_failed || h->orders.is_failed)
        return error_set(err, ERROR_NOMEM, "no memory for %d listings", h->read_count);
    if (!baseline_api_book(h->ledger, h->warehouse, buffer_text(&h->listings),
                           buffer_text(&h->orders), h->options->baseline, &h->result, err))
        return false;
    h->progress.listed += h->read_count;
    history_begin_piece(h);
    return true;
}

/* A listing that is complete, or of an order that the API doesn't know: an empty one. */
static bool
history_note(struct history *h, struct history_order *order, bool is_known, struct error *err)
{
    bool ok = false;
    char *json = NULL;

    if (is_known && listing_is_live_wrong(order->listing, h->options->sync->is_live)) {
        error_set(err, ERROR_STATE, "the API answers in %s mode, the configuration says %s",
                  h->options->sync->is_live ? "test" : "live",
                  h->options->sync->is_live ? "live" : "test");
        error_hint(err, "check api.key_file and api.mode");
        goto done;
    }
    json = is_known ? listing_json(order->listing, err) : strdup("[]");
    if (json == NULL) {
        if (err->code == ERROR_NONE)
            error_set(err, ERROR_NOMEM, "no memory for a listing");
        goto done;
    }
    json_write_object(&h->writer, NULL);
    json_write_text(&h->writer, "order_id", order->order_id);
    json_write_raw(&h->writer, "list", json);
    json_write_end_object(&h->writer);
    pg_array_text(&h->orders, order->order_id);
    h->read_count++;
    ok = h->read_count < HISTORY_BOOK_ORDERS && h->listings.used < HISTORY_BOOK_BYTES
             ? true
             : history_book(h, err);

done:
    free(json);
    history_order_free(order);
    return ok;
}

/* True: it is tried again later. */
static bool
history_again(struct history *h, struct history_order *order, const struct provider_answer *how,
              const char *why, int64_t wait_ms, struct error *err)
{
    int64_t delay_ms = (int64_t)HISTORY_WAIT_MS << order->failures;

    if (++order->failures > HISTORY_FAILURES_MAX) {
        error_set(err, ERROR_API, "the fulfillments of order %s can't be listed: %s",
                  order->order_id, why);
        error_hint(err, "what is booked stays; the same command goes on from there%s%s",
                   how->distrust != HTTP_DISTRUST_NONE ? "; " : "",
                   how->distrust != HTTP_DISTRUST_NONE ? reach_advice(how->distrust) : "");
        history_order_free(order);
        return false;
    }
    if (delay_ms > HISTORY_WAIT_MAX_MS)
        delay_ms = HISTORY_WAIT_MAX_MS;
    if (delay_ms < wait_ms)
        delay_ms = wait_ms;
    log_event(LOG_WARN, "sync", "list_not_read", "order", order->order_id, "error", why,
              "again_in_ms", log_int(delay_ms), NULL);
    listing_free(order->listing);
    order->listing = NULL;
    if (!listing_new(order->order_id, &order->listing, err)) {
        history_order_free(order);
        return false;
    }
    history_wait(h, order, delay_ms);
    return true;
}

static bool
history_unknown(struct history *h, struct history_order *order, struct error *err)
{
    h->asked++;
    h->unknown++;
    h->progress.unknown++;
    if (h->asked <= HISTORY_SAMPLE && h->unknown > HISTORY_SAMPLE / 2) {
        error_set(err, ERROR_CONFIG,
                  "the API refuses to list %d of the first %d orders of %s: is order_id the API's "
                  "order id?",
                  h->unknown, h->asked, warehouse_name(h->warehouse));
        history_order_free(order);
        return false;
    }
    return history_note(h, order, false, err);
}

static bool
history_read_answer(struct history *h, struct history_order *order,
                    const struct provider_answer *how, struct provider_fulfillments *page,
                    struct error *err)
{
    if (!budget_note_answer(&h->budget, how->read == PROVIDER_READ_BLOCKED, HISTORY_BLOCKED_MS,
                            "what is booked stays; the same command goes on from there", err)) {
        history_order_free(order);
        return false;
    }
    switch (how->read) {
    case PROVIDER_READ_KEY:
        error_set(err, ERROR_API, "the API refuses the key: %s", how->error);
        error_hint(err, "check api.key_file or api.key_env; a new key takes up to 10 minutes");
        history_order_free(order);
        return false;
    case PROVIDER_READ_BLOCKED:
        if (!reach_block(&h->budget, h->ledger, how->retry_after_ms, err)) {
            history_order_free(order);
            return false;
        }
        history_wait(h, order, 0);
        return true;
    case PROVIDER_READ_LATER:
        return history_again(h, order, how, how->error,
                             how->has_retry_after ? how->retry_after_ms : 0, err);
    case PROVIDER_READ_REFUSED:
        return !order->is_known && provider_is_unknown(how)
                   ? history_unknown(h, order, err)
                   : history_again(h, order, how, how->error, 0, err);
    case PROVIDER_READ_OK:
        order->is_known = true;
        break;
    }
    switch (listing_take(order->listing, page, how)) {
    case LISTING_GOES_ON:
        history_wait(h, order, 0);
        return true;
    case LISTING_COMPLETE:
        h->asked++;
        return history_note(h, order, true, err);
    case LISTING_UNREADABLE:
        break;
    }
    return history_again(h, order, how, listing_why(order->listing), 0, err);
}

static bool
history_answered(struct history *h, struct history_order *order, const struct http_answer *answer,
                 struct error *err)
{
    struct provider_fulfillments page = {0};
    struct provider_answer how = {0};
    bool ok;

    if (listing_is_by_id(order->listing))
        provider_read_fulfillment(h->provider, answer, &page, &how);
    else
        provider_read_fulfillments(h->provider, answer, &page, &how);
    ok = history_read_answer(h, order, &how, &page, err);
    provider_fulfillments_free(&page);
    return ok;
}

/* The next page of orders, when fewer wait than can be sent. */
static bool
history_take(struct history *h, struct error *err)
{
    struct pg_rows *rows = NULL;
    bool ok = true;

    if (h->is_all_taken || h->is_stopped || h->waiting > 0)
        return true;
    if (!baseline_api_next(h->ledger, h->options->baseline->is_dry_run, h->after,
                           HISTORY_PAGE_ORDERS, &rows, err))
        return false;
    h->is_all_taken = pg_rows_count(rows) == 0;
    for (int i = pg_rows_count(rows) - 1; i >= 0 && ok; i--) {
        struct history_order *order = calloc(1, sizeof(*order));

        if (order != NULL)
            order->order_id = strdup(pg_rows_text(rows, i, 0));
        if (order == NULL || order->order_id == NULL)
            ok = error_set(err, ERROR_NOMEM, "no memory for an order");
        ok = ok && listing_new(order->order_id, &order->listing, err);
        if (ok)
            history_wait(h, order, 0);
        else
            history_order_free(order);
    }
    if (ok && !h->is_all_taken)
        (void)snprintf(h->after, sizeof(h->after), "%s",
                       pg_rows_text(rows, pg_rows_count(rows) - 1, 0));
    pg_rows_free(rows);
    return ok;
}

static bool
history_send(struct history *h, struct error *err)
{
    struct history_order **at = &h->first;

    while (*at != NULL && http_free_slots(h->http) > 0) {
        struct history_order *order = *at;
        struct http_request sent = {0};

        if (clock_mono_left_ms(order->not_before) > 0) {
            at = &order->next;
            continue;
        }
        if (budget_blocked_ms(&h->budget) > 0 || !budget_take(&h->budget))
            break;
        if (!listing_next(order->listing, h->provider, &h->request, err))
            return false;
        provider_request_to_http(&h->request, &sent);
        sent.tag = order;
        if (!http_start(h->http, &sent, err))
            return false;
        *at = order->next;
        h->waiting--;
        h->sent[h->sent_count++] = order;
    }
    return true;
}

static void
history_came_back(struct history *h, const struct history_order *order)
{
    for (int i = 0; i < h->sent_count; i++) {
        if (h->sent[i] == order) {
            h->sent[i] = h->sent[--h->sent_count];
            return;
        }
    }
    assert(false && "an answer to a request that nobody sent");
}

static void
history_stop(struct history *h)
{
    h->is_stopped = true;
    while (h->first != NULL) {
        struct history_order *order = h->first;

        h->first = order->next;
        history_order_free(order);
    }
    h->waiting = 0;
}

static bool
history_housekeeping(struct history *h, struct error *err)
{
    struct work_share share;

    if (clock_mono_left_ms(h->beat_again) == 0) {
        h->beat_again = clock_mono_add(clock_mono_now(), HISTORY_BEAT_MS);
        if (!work_beat(h->ledger, h->worker_id, true, h->options->sync->requests_per_second, -1,
                       &share, err))
            return false;
        budget_share(&h->budget, share.per_second, share.blocked_ms,
                     !h->has_joined && share.workers > 1);
        h->has_joined = true;
    }
    if (h->options->progress_fn != NULL && clock_mono_left_ms(h->progress_again) == 0) {
        h->progress_again = clock_mono_add(clock_mono_now(), HISTORY_PROGRESS_MS);
        h->progress.duration_ms = clock_mono_since_ms(h->began);
        h->options->progress_fn(h->options->ctx, &h->progress);
    }
    return true;
}

static bool
history_turn(struct history *h, struct error *err)
{
    int fds[1] = {h->options->stop_fd};
    bool readable[1] = {false};
    bool watches_stop = h->options->stop_fd >= 0 && !h->is_stopped;
    struct http_answer answer;
    bool ok = true;

    if (!history_housekeeping(h, err) || !history_take(h, err) || !history_send(h, err))
        return false;

    int64_t wait_ms = HISTORY_BEAT_MS;

    if (h->first != NULL && http_free_slots(h->http) > 0) {
        int64_t due_ms = clock_mono_left_ms(h->first->not_before);
        int64_t budget_ms = budget_wait_ms(&h->budget);

        due_ms = due_ms > budget_ms ? due_ms : budget_ms;
        wait_ms = due_ms < wait_ms ? due_ms : wait_ms;
    }
    if (h->waiting == 0 && http_in_flight(h->http) == 0)
        return true;
    if (!http_wait(h->http, fds, watches_stop ? 1 : 0, readable, wait_ms, err))
        return false;
    if (readable[0])
        history_stop(h);
    while (ok && http_take(h->http, &answer)) {
        history_came_back(h, answer.tag);
        if (h->is_stopped && answer.fact != HTTP_ANSWERED)
            history_order_free(answer.tag);
        else
            ok = history_answered(h, answer.tag, &answer, err);
    }
    if (h->is_stopped && h->waiting > 0)
        history_stop(h);
    return ok;
}

/* Orders that the warehouse knows by the merchant's number alone belong to the history too. */
static bool
history_resolve(struct history *h, struct error *err)
{
    const struct history_upstream with = {.options = h->options->sync,
                                          .ledger = h->ledger,
                                          .http = h->http,
                                          .provider = h->provider,
                                          .budget = &h->budget,
                                          .run_id = h->run_id,
                                          .stop_fd = h->options->stop_fd};

    if (!baseline_note_upstreams(h->ledger, h->warehouse, err))
        return false;
    return !warehouse_has_upstream(h->warehouse) || history_upstream_resolve(&with, err);
}

static bool
history_begin(struct history *h, struct error *err)
{
    const struct sync_options *o = h->options->sync;
    struct ledger_identity me;

    h->sent = calloc((size_t)o->max_in_flight, sizeof(struct history_order *));
    if (h->sent == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for %d requests", o->max_in_flight);
    /* A dry run changes nothing, so it can't bind the ledger to the API yet. */
    if (!ledger_identify(h->ledger, &me, err) ||
        (!h->options->baseline->is_dry_run &&
         !ledger_bind_api(h->ledger, o->base_url, o->is_live, err)) ||
        !ledger_run_begin(h->ledger, "baseline", &h->run_id, err))
        return false;
    return api_open(o, me.ledger_id, o->max_in_flight, &h->provider, &h->http, err) &&
           work_begin(h->ledger, h->run_id, &h->worker_id, err) && history_resolve(h, err) &&
           baseline_api_begin(h->ledger, h->warehouse, h->options->baseline->is_dry_run,
                              &h->progress.orders, &h->progress.listed, err);
}

static void
history_end(struct history *h, const struct error *failure)
{
    struct error ignored = {0};

    http_free(h->http);
    for (int i = 0; i < h->sent_count; i++)
        history_order_free(h->sent[i]);
    free(h->sent);
    while (h->first != NULL) {
        struct history_order *order = h->first;

        h->first = order->next;
        history_order_free(order);
    }
    if (h->worker_id != 0 && pg_is_alive(ledger_pg(h->ledger)))
        (void)work_end(h->ledger, h->worker_id, &ignored);
    if (h->run_id != 0 && pg_is_alive(ledger_pg(h->ledger)))
        (void)ledger_run_end(h->ledger, h->run_id, error_exit_code(failure), failure->message,
                             &ignored);
    provider_free(h->provider);
    provider_request_free(&h->request);
    buffer_free(&h->listings);
    buffer_free(&h->orders);
}

bool
history_read(struct ledger *ledger, const struct warehouse *warehouse,
             const struct history_options *options, struct history_progress *progress,
             struct baseline_result *out, struct error *err)
{
    struct history h = {.ledger = ledger, .warehouse = warehouse, .options = options};
    bool ok;

    h.began = clock_mono_now();
    h.progress_again = clock_mono_add(h.began, HISTORY_PROGRESS_MS);
    h.beat_again = h.began;
    provider_request_init(&h.request);
    budget_init(&h.budget, (double)options->sync->requests_per_second);
    buffer_init(&h.listings, HISTORY_TEXT_BYTES_MAX);
    buffer_init(&h.orders, HISTORY_TEXT_BYTES_MAX);
    history_begin_piece(&h);

    ok = history_begin(&h, err);
    while (ok && (!h.is_all_taken || h.waiting > 0 || http_in_flight(h.http) > 0)) {
        if (h.is_stopped && http_in_flight(h.http) == 0)
            break;
        ok = history_turn(&h, err);
    }
    ok = ok && history_book(&h, err);
    if (ok && h.is_stopped)
        ok = error_set(err, ERROR_CANCELLED, "stopped with %lld of %lld orders listed",
                       (long long)h.progress.listed, (long long)h.progress.orders);
    ok = ok && baseline_api_end(ledger, warehouse, options->baseline, &h.result, err);
    history_end(&h, err);
    h.progress.duration_ms = clock_mono_since_ms(h.began);
    *progress = h.progress;
    *out = h.result;
    return ok;
}
