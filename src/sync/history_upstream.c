#include "sync/history_upstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "ledger/work.h"
#include "sync/reach.h"
#include "json/json.h"

enum {
    UPSTREAM_LEASE_MS = 600000, /* nobody else asks meanwhile: the ledger is new */
    UPSTREAM_FAILURES_MAX = 8,
    UPSTREAM_WAIT_MS = 250,
    UPSTREAM_FOUND_BYTES_MAX = 4 * 1024 * 1024,
};

/* False: stopped, or the descriptors can't be waited on. */
static bool
upstream_sleep(const struct history_upstream *with, int64_t ms, struct error *err)
{
    bool is_stopped[1] = {false};
    int fds[1] = {with->stop_fd};
    struct clock_mono until = clock_mono_add(clock_mono_now(), ms);

    while (clock_mono_left_ms(until) > 0) {
        if (!http_wait(with->http, fds, with->stop_fd >= 0 ? 1 : 0, is_stopped,
                       clock_mono_left_ms(until), err))
            return false;
        if (is_stopped[0])
            return error_set(err, ERROR_CANCELLED, "stopped before the first order was listed");
    }
    return true;
}

static bool
upstream_send(const struct history_upstream *with, const char *const *ids, int count,
              struct http_answer *answer, struct error *err)
{
    bool ok = false;
    struct provider_request request;
    struct http_request sent = {0};

    provider_request_init(&request);
    while (budget_blocked_ms(with->budget) > 0 || !budget_take(with->budget)) {
        int64_t blocked_ms = budget_blocked_ms(with->budget);
        int64_t wait_ms = budget_wait_ms(with->budget);

        if (!upstream_sleep(with, blocked_ms > wait_ms ? blocked_ms : wait_ms + 1, err))
            goto done;
    }
    if (!provider_ask_upstream(with->provider, ids, count, &request, err))
        goto done;
    provider_request_to_http(&request, &sent);
    ok = http_ask(with->http, &sent, 2 * with->options->timeout_ms, answer, err);

done:
    provider_request_free(&request);
    return ok;
}

static bool
upstream_record(const struct history_upstream *with, const char *const *ids, int count,
                const struct provider_orders *orders, struct error *err)
{
    bool ok = false;
    struct buffer found;
    struct json_writer w;

    buffer_init(&found, UPSTREAM_FOUND_BYTES_MAX);
    json_write_init(&w, &found);
    json_write_array(&w, NULL);
    for (int i = 0; i < orders->count; i++) {
        if (orders->list[i].has_live_mode && orders->list[i].live_mode != with->options->is_live) {
            error_set(err, ERROR_STATE, "the API answers in %s mode, the configuration says %s",
                      with->options->is_live ? "test" : "live",
                      with->options->is_live ? "live" : "test");
            error_hint(err, "check api.key_file and api.mode");
            goto done;
        }
        json_write_object(&w, NULL);
        json_write_text(&w, "order_id", orders->list[i].order_id);
        json_write_text(&w, "upstream_id", orders->list[i].upstream_id);
        json_write_end_object(&w);
    }
    json_write_end_array(&w);
    ok = found.is_failed
             ? error_set(err, ERROR_NOMEM, "no memory for %d orders", orders->count)
             : work_record_upstreams(with->ledger, with->run_id, ids, count, buffer_text(&found),
                                     with->options->unknown_order_grace_ms, err);

done:
    buffer_free(&found);
    return ok;
}

/* What one answer says. is_done false: the same again after wait_ms; halves: too many at once. */
struct upstream_step {
    bool is_done, halves;
    int64_t wait_ms;
    char why[512]; /* again */
};

static bool
upstream_read(const struct history_upstream *with, const char *const *ids, int count,
              const struct http_answer *answer, struct upstream_step *step, struct error *err)
{
    bool ok = true;
    struct provider_orders orders = {0};
    struct provider_answer how = {0};

    provider_read_orders(with->provider, answer, &orders, &how);
    *step = (struct upstream_step){.is_done = false};
    (void)snprintf(step->why, sizeof(step->why), "%s", how.error);
    switch (how.read) {
    case PROVIDER_READ_OK:
        /* Many orders may have one number: those of the others are on no page that we see. */
        step->halves = orders.has_more && count > 1;
        step->is_done = !step->halves;
        if (step->is_done)
            ok = upstream_record(with, ids, count, &orders, err);
        break;
    case PROVIDER_READ_KEY:
        error_set(err, ERROR_API, "the API refuses the key: %s", how.error);
        error_hint(err, "check api.key_file or api.key_env; a new key takes up to 10 minutes");
        ok = false;
        break;
    case PROVIDER_READ_BLOCKED:
        budget_block(with->budget, how.retry_after_ms);
        break;
    case PROVIDER_READ_REFUSED:
        step->halves = count > 1;
        step->is_done = count == 1 && provider_is_unknown(&how);
        if (step->is_done)
            ok = upstream_record(with, ids, 1, &orders, err);
        else if (!step->halves)
            step->wait_ms = UPSTREAM_WAIT_MS;
        break;
    case PROVIDER_READ_LATER:
        step->wait_ms = how.has_retry_after ? how.retry_after_ms : UPSTREAM_WAIT_MS;
        break;
    }
    provider_orders_free(&orders);
    return ok;
}

static bool
upstream_ask(const struct history_upstream *with, const char *const *ids, int count,
             struct error *err)
{
    int failures = 0;

    for (;;) {
        struct http_answer answer;
        struct upstream_step step;

        if (!upstream_send(with, ids, count, &answer, err) ||
            !upstream_read(with, ids, count, &answer, &step, err))
            return false;
        if (step.is_done)
            return true;
        if (step.halves)
            return upstream_ask(with, ids, count / 2, err) &&
                   upstream_ask(with, ids + count / 2, count - count / 2, err);
        if (++failures > UPSTREAM_FAILURES_MAX) {
            error_set(err, ERROR_API, "orders can't be asked for by their upstream id: %s",
                      step.why);
            if (answer.fact == HTTP_NOT_SENT)
                error_hint(err, "%s", reach_advice(answer.distrust));
            return false;
        }
        if (!upstream_sleep(with, step.wait_ms << (step.wait_ms > 0 ? failures : 0), err))
            return false;
    }
}

bool
history_upstream_resolve(const struct history_upstream *with, struct error *err)
{
    int most = provider_capabilities(with->provider)->orders_per_ask_max;
    bool ok = true;
    int count;

    do {
        char **ids = NULL;

        count = 0;
        ok = work_take_upstreams(with->ledger, most, UPSTREAM_LEASE_MS, &ids, &count, err);
        for (int first = 0; ok && first < count;) {
            int fits =
                provider_ask_fits(with->provider, (const char *const *)ids + first, count - first);

            ok = upstream_ask(with, (const char *const *)ids + first, fits, err);
            first += fits;
        }
        work_ids_free(ids, count);
        ok = ok && upstream_sleep(with, 0, err);
    } while (ok && count > 0);
    return ok;
}
