#include "sync/audit_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/http.h"
#include "ledger/work.h"
#include "sync/api.h"
#include "sync/budget.h"
#include "sync/reach.h"

enum {
    AUDIT_LIST_BEAT_MS = 250,
    AUDIT_LIST_TURN_MS = 250,
    AUDIT_LIST_PATIENCE_MS = 60000, /* as long as a 429 blocks that doesn't say how long */
    AUDIT_LIST_FAILURES_MAX = 4,    /* of one order */
    AUDIT_LIST_AGAIN_MS = 250,      /* doubles */
    AUDIT_LIST_RETRY_AFTER_MAX_MS = 10000,
    AUDIT_LIST_UNREACHED_MAX = 5,
    AUDIT_LIST_KEY_REFUSED_MAX = 3,
};

#define AUDIT_LIST_LATER "what was audited so far is recorded; audit again later"

/* One order on its way. */
struct audit_slot {
    const struct audit_target *target; /* NULL: free */
    struct listing *listing;
    bool is_in_flight;
    struct clock_mono not_before;
    int failures;
};

struct audit_list {
    const struct sync_options *options;
    int stop_fd;
    struct ledger *ledger;
    int64_t worker_id;
    struct http *http;
    struct provider *provider;
    struct provider_request request; /* scratch */
    struct budget budget;
    struct clock_mono beat_again;
    bool has_joined;
    struct audit_slot *slots;
    int slots_count;
    int unreached; /* in a row */
    int key_refused;
    bool is_stopped;

    /* of the run at hand */
    audit_listed_fn *listed;
    void *ctx;
};

bool
audit_list_new(const struct sync_options *options, int stop_fd, struct ledger *ledger,
               int64_t worker_id, struct audit_list **out, struct error *err)
{
    struct ledger_identity me;
    struct audit_list *list = calloc(1, sizeof(*list));

    if (list == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for an audit");
    list->options = options;
    list->stop_fd = stop_fd;
    list->ledger = ledger;
    list->worker_id = worker_id;
    provider_request_init(&list->request);
    budget_init(&list->budget, (double)options->requests_per_second);
    list->beat_again = clock_mono_now();
    list->slots_count = options->max_in_flight;
    list->slots = calloc((size_t)list->slots_count, sizeof(*list->slots));
    if (list->slots == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for an audit");
        goto failed;
    }
    if (!ledger_identify(ledger, &me, err) ||
        !api_open(options, me.ledger_id, options->max_in_flight, &list->provider, &list->http, err))
        goto failed;
    *out = list;
    return true;

failed:
    audit_list_free(list);
    return false;
}

void
audit_list_free(struct audit_list *list)
{
    if (list == NULL)
        return;
    for (int i = 0; list->slots != NULL && i < list->slots_count; i++)
        listing_free(list->slots[i].listing);
    free(list->slots);
    http_free(list->http);
    provider_free(list->provider);
    provider_request_free(&list->request);
    free(list);
}

bool
audit_list_is_stopped(const struct audit_list *list)
{
    return list->is_stopped;
}

/* This audit's share of the key's rate, and whether somebody was told to stay away. */
static bool
audit_list_beat(struct audit_list *list, bool is_sending, struct error *err)
{
    struct work_share share;

    if (clock_mono_left_ms(list->beat_again) > 0)
        return true;
    if (!work_beat(list->ledger, list->worker_id, is_sending, list->options->requests_per_second,
                   -1, &share, err))
        return false;
    list->beat_again = clock_mono_add(clock_mono_now(), AUDIT_LIST_BEAT_MS);
    budget_share(&list->budget, share.per_second, share.blocked_ms,
                 !list->has_joined && share.workers > 1);
    list->has_joined = true;
    if (budget_blocked_ms(&list->budget) <= AUDIT_LIST_PATIENCE_MS)
        return true;
    error_set(err, ERROR_API, "the API told us to stay away for another %lld s: %s",
              (long long)(budget_blocked_ms(&list->budget) / 1000 + 1),
              share.blocked_why[0] != '\0' ? share.blocked_why : "429");
    error_hint(err, AUDIT_LIST_LATER);
    return false;
}

static bool
audit_list_block(struct audit_list *list, int64_t ms, struct error *err)
{
    if (ms > budget_blocked_ms(&list->budget))
        list->beat_again = clock_mono_now();
    return reach_block(&list->budget, list->ledger, ms, err);
}

/* The order is told of, and its slot is free. */
static bool
audit_list_told(struct audit_list *list, struct audit_slot *slot, const char *why,
                struct error *err)
{
    bool ok = list->listed(list->ctx, slot->target, why == NULL ? slot->listing : NULL, why, err);

    listing_free(slot->listing);
    *slot = (struct audit_slot){.target = NULL};
    return ok;
}

static bool
audit_list_judge_api(struct audit_list *list, const struct http_answer *answer,
                     const struct provider_answer *how, struct error *err)
{
    list->unreached = answer->fact == HTTP_NOT_SENT ? list->unreached + 1 : 0;
    list->key_refused = how->read == PROVIDER_READ_KEY ? list->key_refused + 1 : 0;
    if (!budget_note_answer(&list->budget, how->read == PROVIDER_READ_BLOCKED,
                            AUDIT_LIST_PATIENCE_MS, AUDIT_LIST_LATER, err))
        return false;
    if (list->unreached >= AUDIT_LIST_UNREACHED_MAX) {
        error_set(err, ERROR_API, "the API can't be reached: %s", answer->error);
        error_hint(err, "%s", reach_advice(answer->distrust));
        return false;
    }
    if (list->key_refused >= AUDIT_LIST_KEY_REFUSED_MAX) {
        error_set(err, ERROR_API, "the API refuses the key: %s", how->error);
        error_hint(err, "check api.key_file or api.key_env; a new key takes up to 10 minutes");
        return false;
    }
    return how->read != PROVIDER_READ_BLOCKED || audit_list_block(list, how->retry_after_ms, err);
}

static void
audit_list_again(struct audit_slot *slot, const struct provider_answer *how)
{
    int64_t delay_ms = 0; /* the key's block is waited for by the budget */

    if (how->read != PROVIDER_READ_BLOCKED)
        delay_ms = how->has_retry_after ? how->retry_after_ms
                                        : (int64_t)AUDIT_LIST_AGAIN_MS << slot->failures++;
    slot->is_in_flight = false;
    slot->not_before = clock_mono_add(clock_mono_now(), delay_ms);
}

static bool
audit_list_answered(struct audit_list *list, const struct http_answer *answer, struct error *err)
{
    struct audit_slot *slot = answer->tag;
    struct provider_fulfillments page = {0};
    struct provider_answer how;
    enum listing_step step;
    bool is_passing;

    if (listing_is_by_id(slot->listing))
        provider_read_fulfillment(list->provider, answer, &page, &how);
    else
        provider_read_fulfillments(list->provider, answer, &page, &how);
    if (!audit_list_judge_api(list, answer, &how, err)) {
        provider_fulfillments_free(&page);
        return false;
    }
    is_passing = how.read == PROVIDER_READ_LATER || how.read == PROVIDER_READ_KEY;
    if (how.read == PROVIDER_READ_BLOCKED ||
        (is_passing && slot->failures < AUDIT_LIST_FAILURES_MAX &&
         (!how.has_retry_after || how.retry_after_ms <= AUDIT_LIST_RETRY_AFTER_MAX_MS))) {
        provider_fulfillments_free(&page);
        audit_list_again(slot, &how);
        return true;
    }
    step = listing_take(slot->listing, &page, &how);
    provider_fulfillments_free(&page);
    slot->is_in_flight = false;
    slot->not_before = clock_mono_now();
    if (step == LISTING_GOES_ON)
        return true;
    if (step == LISTING_UNREADABLE)
        return audit_list_told(list, slot, listing_why(slot->listing), err);
    if (listing_is_live_wrong(slot->listing, list->options->is_live)) {
        error_set(err, ERROR_STATE, "the API answers in %s mode, the configuration says %s",
                  list->options->is_live ? "test" : "live",
                  list->options->is_live ? "live" : "test");
        error_hint(err, "check api.key_file and api.mode");
        return false;
    }
    return audit_list_told(list, slot, NULL, err);
}

static bool
audit_list_send(struct audit_list *list, struct error *err)
{
    for (int i = 0; i < list->slots_count && http_free_slots(list->http) > 0; i++) {
        struct audit_slot *slot = &list->slots[i];
        struct http_request request = {0};

        if (slot->target == NULL || slot->is_in_flight || clock_mono_left_ms(slot->not_before) > 0)
            continue;
        if (!budget_take(&list->budget))
            break;
        if (!listing_next(slot->listing, list->provider, &list->request, err))
            return false;
        provider_request_to_http(&list->request, &request);
        request.tag = slot;
        if (!http_start(list->http, &request, err))
            return false;
        slot->is_in_flight = true;
    }
    return true;
}

/* The next quiet targets into the free slots; the count of slots in use. */
static int
audit_list_fill(struct audit_list *list, const struct audit_target *targets, int count, int *next,
                struct error *err)
{
    int used = 0;

    for (int i = 0; i < list->slots_count; i++) {
        struct audit_slot *slot = &list->slots[i];

        while (slot->target == NULL && *next < count) {
            const struct audit_target *target = &targets[(*next)++];

            if (!target->is_quiet)
                continue;
            if (!listing_new(target->order_id, &slot->listing, err))
                return -1;
            slot->target = target;
            slot->not_before = clock_mono_now();
        }
        used += slot->target != NULL;
    }
    return used;
}

static int64_t
audit_list_wait_ms(struct audit_list *list)
{
    int64_t wait_ms = AUDIT_LIST_TURN_MS;

    for (int i = 0; i < list->slots_count && http_free_slots(list->http) > 0; i++) {
        const struct audit_slot *slot = &list->slots[i];
        int64_t due_ms;

        if (slot->target == NULL || slot->is_in_flight)
            continue;
        due_ms = clock_mono_left_ms(slot->not_before);
        if (due_ms < budget_wait_ms(&list->budget))
            due_ms = budget_wait_ms(&list->budget);
        if (due_ms < wait_ms)
            wait_ms = due_ms;
    }
    return wait_ms;
}

static bool
audit_list_wait(struct audit_list *list, int64_t ms, struct error *err)
{
    bool is_asked = false;

    if (!http_wait(list->http, &list->stop_fd, list->stop_fd >= 0 ? 1 : 0, &is_asked, ms, err))
        return false;
    list->is_stopped = list->is_stopped || is_asked;
    return true;
}

static bool
audit_list_take(struct audit_list *list, struct error *err)
{
    struct http_answer answer;
    struct http_early early;

    while (http_take_early(list->http, &early)) {
        if (early.status == 429 &&
            !audit_list_block(list, provider_retry_after_early_ms(&early, clock_wall_ms()), err))
            return false;
    }
    while (http_take(list->http, &answer)) {
        if (!audit_list_answered(list, &answer, err))
            return false;
    }
    return true;
}

bool
audit_list_run(struct audit_list *list, const struct audit_target *targets, int count,
               audit_listed_fn *listed, void *ctx, struct error *err)
{
    int next = 0;

    list->listed = listed;
    list->ctx = ctx;
    while (!list->is_stopped) {
        int used = audit_list_fill(list, targets, count, &next, err);

        if (used < 0)
            return false;
        if (used == 0)
            break;
        if (!audit_list_beat(list, true, err) || !audit_list_send(list, err) ||
            !audit_list_wait(list, audit_list_wait_ms(list), err) || !audit_list_take(list, err))
            return false;
    }
    return true;
}

bool
audit_list_pause(struct audit_list *list, int64_t ms, struct error *err)
{
    struct clock_mono until = clock_mono_add(clock_mono_now(), ms);

    while (!list->is_stopped && clock_mono_left_ms(until) > 0) {
        if (!audit_list_wait(list, clock_mono_left_ms(until), err))
            return false;
    }
    return true;
}
