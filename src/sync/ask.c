/* ask — orders' states, the gate's knowledge: in batches, then alone for those that the answer left
 * out; and what becomes of questions that get no answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sync/loop.h"

enum {
    ASK_FAILURES_MAX = 5,
    ASK_UNREADABLE_MAX = 2,  /* an answer that is cut off by chance is whole the next time */
    ASK_VIEW_SAMPLE = 50,    /* after each so many orders, more than half unknown: a wrong view? */
    ASK_PAUSE_MS = 3000,     /* longer than a pass waits */
    ASK_UNANSWERED_MAX = 20, /* with nothing else answered: the API is away */
};

void
loop_note_read(struct loop *loop, const struct provider_answer *how)
{
    if (how->read == PROVIDER_READ_KEY)
        loop_key_refused(loop, how->error);
    else if (how->http_status > 0)
        loop_key_works(loop);
    /* What a gateway before the API refuses is no answer of the API's. */
    if (how->read == PROVIDER_READ_OK || (how->read == PROVIDER_READ_REFUSED && how->is_own_words))
        loop_note_answered(loop);
}

void
loop_note_unanswered(struct loop *loop, const char *why)
{
    (void)snprintf(loop->unanswered_why, sizeof(loop->unanswered_why), "%s", why);
}

bool
loop_waits_for(const struct provider_answer *how)
{
    return !how->has_retry_after || how->retry_after_ms <= LOOP_PATIENCE_MS;
}

bool
loop_fails_unanswered(struct loop *loop)
{
    struct error err = {0};

    if (loop->was_answered || loop->unanswered_why[0] == '\0')
        return false;
    error_set(&err, ERROR_API, "the API answers no question: %s", loop->unanswered_why);
    error_hint(&err, "what is due waits for its answer; the next run asks again");
    loop_fail(loop, &err);
    return true;
}

void
loop_give_back_question(struct loop *loop, struct job *job, int64_t delay_ms)
{
    struct error err = {0};
    const char *const *ids = (const char *const *)job->ids;
    int count = job->ids_count;
    const char *kind = job->kind == JOB_UPSTREAM ? "upstream" : "ask";

    if (job->kind == JOB_LIST) {
        kind = "list";
        ids = (const char *const *)&job->order_id;
        count = 1;
    }
    /* Where that fails, its lease ends by itself. */
    if (loop_db_rest(loop) &&
        !work_give_back_questions(loop->ledger, kind, ids, count, delay_ms, &err) &&
        !loop_db_may_pass(loop, &err))
        loop_fail(loop, &err);
    job_free(job);
}

/* Given up: not before it was told, nor by another run at once when the API answers others. */
static void
ask_give_up(struct loop *loop, struct job *job)
{
    int64_t delay_ms = clock_mono_left_ms(job->not_before);

    loop_give_back_question(
        loop, job, loop->was_answered && delay_ms < ASK_PAUSE_MS ? ASK_PAUSE_MS : delay_ms);
}

/* Whether the API is away is known when the pass is over: POSTs may be answered all the same. */
static void
ask_put_aside(struct loop *loop, struct job *job)
{
    if (loop->was_answered) {
        ask_give_up(loop, job);
        return;
    }
    job->next = loop->unanswered;
    loop->unanswered = job;
    if (++loop->unanswered_count >= ASK_UNANSWERED_MAX && !loop->is_closing)
        (void)loop_fails_unanswered(loop);
}

void
ask_end(struct loop *loop)
{
    while (loop->unanswered != NULL) {
        struct job *job = loop->unanswered;

        loop->unanswered = job->next;
        ask_give_up(loop, job);
    }
    loop->unanswered_count = 0;
}

/* Ids [first, first + count) of a question as a question of their own. */
static void
ask_part(struct loop *loop, struct job *from, int first, int count)
{
    struct error err = {0};
    struct job *job = job_new(from->kind, &err);

    if (job == NULL) {
        loop_fail(loop, &err);
        return;
    }
    job->ids = calloc((size_t)count + 1, sizeof(*job->ids));
    if (job->ids == NULL) {
        error_set(&err, ERROR_NOMEM, "no memory for %d ids", count);
        loop_fail(loop, &err);
        job_free(job);
        return;
    }
    for (int i = 0; i < count; i++) {
        job->ids[i] = from->ids[first + i];
        from->ids[first + i] = NULL; /* the part's now */
    }
    job->ids_count = count;
    job->failures = from->failures;
    job_wait(loop, job, 0);
}

static void
ask_halve(struct loop *loop, struct job *job)
{
    int half = job->ids_count / 2;
    int rest = job->ids_count - half;

    ask_part(loop, job, 0, half);
    ask_part(loop, job, half, rest);
    job_free(job);
}

/* The same question would be answered the same: each half of it alone, down to the one order that
 * hides the others. That one is asked for again ever more seldom, and in the end a person is told.
 */
static void
ask_unreadable(struct loop *loop, struct job *job, const struct provider_answer *how)
{
    struct error err = {0};

    if (job->ids_count > 1) {
        ask_halve(loop, job);
        return;
    }
    log_event(LOG_WARN, "sync", "order_not_read", "order", job->ids[0], "error", how->error, NULL);
    if (job->kind == JOB_ASK && loop_db_rest(loop) &&
        !work_record_unread(loop->ledger, loop->run_id, job->ids[0], how->error,
                            loop->options->follow_interval_ms, &err) &&
        !loop_db_may_pass(loop, &err))
        loop_fail(loop, &err);
    job_free(job);
}

static void
ask_again(struct loop *loop, struct job *job, const struct provider_answer *how)
{
    int64_t delay_ms = how->has_retry_after ? how->retry_after_ms : 200LL << job->failures;

    job->failures++;
    if (how->is_unreadable && job->failures >= ASK_UNREADABLE_MAX) {
        ask_unreadable(loop, job, how);
    } else if (job->failures > ASK_FAILURES_MAX || !loop_waits_for(how)) {
        log_event(LOG_WARN, "sync", "question_unanswered", "ids", log_int(job->ids_count), "error",
                  how->error, NULL);
        loop_note_unanswered(loop, how->error);
        if (how->has_retry_after)
            job->not_before = clock_mono_add(clock_mono_now(), delay_ms);
        ask_put_aside(loop, job);
    } else {
        job_wait(loop, job, delay_ms);
    }
}

static void
ask_write_order(struct loop *loop, const struct provider_order *order)
{
    struct json_writer *w = &loop->orders_writer;

    json_write_object(w, NULL);
    json_write_text(w, "order_id", order->order_id);
    json_write_text(w, "upstream_id", order->upstream_id);
    json_write_text(w, "state", order->state);
    json_write_text(w, "since", order->state_since);
    json_write_text(w, "updated", order->updated_time);
    if (order->has_captured)
        json_write_number(w, "captured", order->captured_amount);
    if (order->has_cancelled)
        json_write_number(w, "cancelled", order->cancelled_amount);
    json_write_array(w, "charges");
    for (int i = 0; i < order->charges_count; i++)
        json_write_text(w, NULL, order->charge_ids[i]);
    json_write_end_array(w);
    if (order->is_to_be_forgotten)
        json_write_bool(w, "forget", true);
    json_write_array(w, "items");
    for (int i = 0; i < order->items_count; i++) {
        json_write_object(w, NULL);
        json_write_text(w, "item_id", order->items[i].item_id);
        json_write_int(w, "quantity", order->items[i].quantity);
        json_write_text(w, "state", order->items[i].state);
        json_write_end_object(w);
    }
    json_write_end_array(w);
    json_write_end_object(w);
    loop->orders_count++;
}

static void
ask_count(struct loop *loop, bool is_known)
{
    struct error err = {0};
    bool knows_more = false;

    loop->asked++;
    loop->asked_unknown += !is_known;
    if (loop->asked % ASK_VIEW_SAMPLE != 0 || loop->asked_unknown <= loop->asked / 2)
        return;
    /* In a ledger that works a few dozen of them are no reason to stop the others. */
    if (!loop_db_rest(loop) || !work_knows_more_orders(loop->ledger, &knows_more, &err)) {
        if (err.code != ERROR_NONE && !loop_db_may_pass(loop, &err))
            loop_fail(loop, &err);
        return;
    }
    if (knows_more)
        return;
    error_set(&err, ERROR_CONFIG,
              "%d of the first %d orders of %s are unknown to the API: is order_id the API's "
              "order id?",
              loop->asked_unknown, loop->asked, loop->options->line_items);
    error_hint(&err, "look at a few with: waybill plan --explain ORDER");
    loop_fail(loop, &err);
}

static void
ask_unknown(struct loop *loop, const char *order_id)
{
    struct error err = {0};

    if (!loop_db_rest(loop) ||
        !work_record_unknown(loop->ledger, &order_id, 1, loop->options->follow_interval_ms, &err)) {
        /* It is asked for again when the lease ends. */
        if (err.code != ERROR_NONE && !loop_db_may_pass(loop, &err))
            loop_fail(loop, &err);
        return;
    }
    ask_count(loop, false);
    loop_poke_planner(loop, false);
}

static bool
ask_has(const struct provider_orders *orders, const char *id)
{
    for (int i = 0; i < orders->count; i++) {
        if (strcmp(orders->list[i].order_id, id) == 0)
            return true;
    }
    return false;
}

static void
ask_orders_answered(struct loop *loop, struct job *job, const struct provider_orders *orders)
{
    for (int i = 0; i < orders->count; i++) {
        ask_write_order(loop, &orders->list[i]);
        ask_count(loop, true);
    }
    for (int i = 0; i < job->ids_count; i++) {
        if (job->ids[i] == NULL || ask_has(orders, job->ids[i]))
            continue;
        /* Left out of a batch proves nothing; asked for alone it does. */
        if (job->ids_count == 1)
            ask_unknown(loop, job->ids[i]);
        else
            ask_part(loop, job, i, 1);
    }
}

static void
ask_upstreams_answered(struct loop *loop, struct job *job, const struct provider_orders *orders)
{
    struct error err = {0};
    struct buffer found;
    struct json_writer w;
    bool ok;

    buffer_init(&found, 4 * 1024 * 1024);
    json_write_init(&w, &found);
    json_write_array(&w, NULL);
    for (int i = 0; i < orders->count; i++) {
        json_write_object(&w, NULL);
        json_write_text(&w, "order_id", orders->list[i].order_id);
        json_write_text(&w, "upstream_id", orders->list[i].upstream_id);
        json_write_end_object(&w);
        ask_write_order(loop, &orders->list[i]);
    }
    json_write_end_array(&w);
    ok = !found.is_failed && loop_db_rest(loop) &&
         work_record_upstreams(loop->ledger, loop->run_id, (const char *const *)job->ids,
                               job->ids_count, buffer_text(&found),
                               loop->options->unknown_order_grace_ms, &err);
    if (!ok && err.code != ERROR_NONE && !loop_db_may_pass(loop, &err))
        loop_fail(loop, &err);
    buffer_free(&found);
    loop_poke_planner(loop, false);
}

static bool
ask_is_other_mode(const struct loop *loop, const struct provider_orders *orders)
{
    for (int i = 0; i < orders->count; i++) {
        if (orders->list[i].has_live_mode && orders->list[i].live_mode != loop->options->is_live)
            return true;
    }
    return false;
}

static void
ask_read(struct loop *loop, struct job *job, struct provider_orders *orders)
{
    struct error err = {0};

    if (ask_is_other_mode(loop, orders)) {
        error_set(&err, ERROR_STATE, "the API answers in %s mode, the configuration says %s",
                  loop->options->is_live ? "test" : "live",
                  loop->options->is_live ? "live" : "test");
        error_hint(&err, "check api.key_file and api.mode");
        loop_fail(loop, &err);
        job_free(job);
        return;
    }
    loop->mode_is_seen = loop->mode_is_seen || orders->count > 0;
    if (job->kind == JOB_UPSTREAM) {
        ask_upstreams_answered(loop, job, orders);
    } else {
        ask_orders_answered(loop, job, orders);
    }
    job_free(job);
}

void
ask_answered(struct loop *loop, struct job *job, const struct http_answer *answer)
{
    struct provider_orders orders = {0};
    struct provider_answer how;

    provider_read_orders(loop->provider, answer, &orders, &how);
    loop_note_read(loop, &how);

    switch (how.read) {
    case PROVIDER_READ_OK:
        /* Many orders may have one number: those of the others are on no page that we see. */
        if (job->kind == JOB_UPSTREAM && orders.has_more && job->ids_count > 1)
            ask_halve(loop, job);
        else
            ask_read(loop, job, &orders);
        break;
    case PROVIDER_READ_BLOCKED:
        loop_block(loop, how.retry_after_ms);
        job_wait(loop, job, 0);
        break;
    case PROVIDER_READ_REFUSED:
        /* By a gateway, other than for its size: each half would be refused as well. */
        if (job->ids_count > 1 && (how.is_own_words || how.http_status != 404)) {
            ask_halve(loop, job);
        } else if (provider_is_unknown(&how)) {
            ask_read(loop, job, &orders); /* an empty answer: unknown */
        } else {
            ask_again(loop, job, &how);
        }
        break;
    case PROVIDER_READ_LATER:
    case PROVIDER_READ_KEY:
        ask_again(loop, job, &how);
        break;
    }
    provider_orders_free(&orders);
}
