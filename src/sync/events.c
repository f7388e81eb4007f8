/* events — an order's life after the POST: the feed of events is read, orders that should be
 * complete are asked for, and states are handed over. All of it is beside the sending: what fails
 * here is tried again by the next pass and fails no run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sync/loop.h"

enum {
    EVENTS_PAGES_MAX = 2000, /* 200,000 events; what lies behind is asked for order by order */
    EVENTS_FAILURES_MAX = 3,
    EVENTS_APPLY_MAX = 200,
    EVENTS_ASKS_AHEAD = 4,
    EVENTS_PAGE_BYTES_MAX = 4 * 1024 * 1024,
};

struct events {
    struct follow_reading reading;
    int pages;
    int most; /* events asked for at once */
    bool is_cursor_seen;
    char first_id[256], first_time[64]; /* of the first page */
    char last_id[256];                  /* of the page before; "" at first */
    char met_id[256];                   /* of page 1, 2, 4, 8 ...: met again, the pages go round */
};

void
events_free(struct events *events)
{
    free(events);
}

bool
events_begin(struct loop *loop, struct error *err)
{
    const struct sync_options *o = loop->options;
    int64_t interval_ms = strcmp(o->command, "watch") == 0 ? o->follow_interval_ms : 0;
    struct follow_reading reading;
    struct job *job;

    loop->pass_began = clock_mono_now();
    loop->follow_left = (struct follow_left){.is_to_ask = false};
    loop->hand_over_rests = false;
    loop->others_apply = false;
    loop->tracking_rests = false;
    if (!o->follows_events || o->only_order != NULL)
        return true;
    if (!follow_begin(loop->ledger, interval_ms, &reading, err))
        return false;
    if (!reading.is_ours)
        return true;
    loop->reads_events = true;
    job = job_new(JOB_EVENTS, err);
    if (job == NULL)
        return false;
    job->events = calloc(1, sizeof(*job->events));
    if (job->events == NULL) {
        job_free(job);
        return error_set(err, ERROR_NOMEM, "no memory for a reading of events");
    }
    job->events->reading = reading;
    job->events->most = provider_capabilities(loop->provider)->page_max;
    job_wait(loop, job, 0);
    return true;
}

bool
events_request(struct loop *loop, struct job *job, struct error *err)
{
    const struct events *e = job->events;

    return provider_list_events(loop->provider, e->reading.since,
                                e->last_id[0] != '\0' ? e->last_id : NULL, e->most, &loop->request,
                                err);
}

static const char *
events_kind(enum provider_event_kind kind)
{
    switch (kind) {
    case PROVIDER_EVENT_STATE:
        return "state";
    case PROVIDER_EVENT_ASK:
        return "ask";
    case PROVIDER_EVENT_PAYMENT:
        return "payment";
    case PROVIDER_EVENT_FULFILLMENT:
        return "fulfillment";
    case PROVIDER_EVENT_SHIPPED:
        return "shipped";
    case PROVIDER_EVENT_WITHDRAWN:
        return "withdrawn";
    }
    return "";
}

static void
events_write_items(struct json_writer *w, const struct provider_event *e)
{
    if (e->items_count == 0)
        return;
    json_write_text(w, "object_id", e->object_id);
    json_write_array(w, "items");
    for (int i = 0; i < e->items_count; i++) {
        json_write_object(w, NULL);
        json_write_text(w, "item", e->items[i].item_id);
        json_write_text(w, "id", e->items[i].shipment_item_id);
        json_write_int(w, "quantity", e->items[i].quantity);
        json_write_end_object(w);
    }
    json_write_end_array(w);
}

static char *
events_json(const struct provider_events *page)
{
    struct buffer buf;
    struct json_writer w;

    buffer_init(&buf, EVENTS_PAGE_BYTES_MAX);
    json_write_init(&w, &buf);
    json_write_array(&w, NULL);
    for (int i = 0; i < page->count; i++) {
        const struct provider_event *e = &page->list[i];

        json_write_object(&w, NULL);
        json_write_text(&w, "id", e->event_id);
        json_write_text(&w, "type", e->type);
        json_write_text(&w, "kind", events_kind(e->kind));
        json_write_text(&w, "what", e->what);
        json_write_text(&w, "created", e->created_time);
        json_write_text(&w, "order_id", e->order_id);
        json_write_text(&w, "since", e->state_since);
        if (e->has_captured)
            json_write_number(&w, "captured", e->captured_amount);
        if (e->has_cancelled)
            json_write_number(&w, "cancelled", e->cancelled_amount);
        json_write_text(&w, "fulfillment_id", e->fulfillment_id);
        json_write_text(&w, "marker", e->marker);
        json_write_text(&w, "charge_id", e->charge_id);
        json_write_text(&w, "charge_state", e->charge_state);
        json_write_text(&w, "failure_code", e->failure_code);
        if (e->is_to_be_forgotten)
            json_write_bool(&w, "forget", true);
        events_write_items(&w, e);
        json_write_end_object(&w);
    }
    json_write_end_array(&w);
    return buffer_take(&buf);
}

static void
events_end(struct loop *loop, const struct events *e, bool is_whole, const char *gap,
           const char *unread)
{
    struct error err = {0};
    const char *newest = e != NULL && e->first_id[0] != '\0' ? e->first_id : NULL;

    if (loop_db_rest(loop) &&
        !follow_end(loop->ledger, is_whole, newest, newest != NULL ? e->first_time : NULL, gap,
                    unread, &err) &&
        !loop_db_may_pass(loop, &err))
        loop_fail(loop, &err);
    loop->reads_events = false;
    if (gap != NULL)
        loop->is_quiet = false; /* the open orders are to be asked for */
    if (!loop->is_quiet)
        loop->look_again = clock_mono_now();
}

void
events_stop(struct loop *loop)
{
    if (loop->reads_events)
        events_end(loop, NULL, false, NULL, NULL);
}

/* The reading is over. gap: why it did not reach the one before; unread: why the API let it break
 * off. */
static void
events_done(struct loop *loop, struct job *job, bool is_whole, const char *gap, const char *unread)
{
    if (gap != NULL)
        log_event(LOG_WARN, "sync", "events_missed", "why", gap, "next",
                  "the open orders are asked for", NULL);
    events_end(loop, job->events, is_whole, gap, unread);
    job_free(job);
}

static bool
events_are_other_mode(const struct loop *loop, const struct provider_events *page)
{
    for (int i = 0; i < page->count; i++) {
        if (page->list[i].has_live_mode && page->list[i].live_mode != loop->options->is_live)
            return true;
    }
    return false;
}

static void
events_read(struct loop *loop, struct job *job, const struct provider_events *page)
{
    struct error err = {0};
    int most = provider_capabilities(loop->provider)->page_max;
    struct events *e = job->events;
    bool ok = true;

    if (page->count > 0) {
        char *json = events_json(page);

        loop->is_quiet = false;
        ok = json != NULL && loop_db_rest(loop) && follow_store(loop->ledger, json, &err);
        free(json);
    }
    if (!ok) {
        if (err.code != ERROR_NONE && !loop_db_may_pass(loop, &err))
            loop_fail(loop, &err);
        events_done(loop, job, false, NULL, NULL);
        return;
    }
    if (e->pages++ == 0) {
        (void)snprintf(e->first_id, sizeof(e->first_id), "%s", page->first_id);
        (void)snprintf(e->first_time, sizeof(e->first_time), "%s", page->first_time);
    }
    e->is_cursor_seen = e->is_cursor_seen || page->has_cursor;
    job->failures = 0;
    e->most = 2 * e->most < most ? 2 * e->most : most;
    /* The overlap behind the cursor is read too: `since` lies before it, and the list ends there.
     */
    if (page->has_more && strcmp(page->last_id, e->met_id) != 0) {
        (void)snprintf(e->last_id, sizeof(e->last_id), "%s", page->last_id);
        if ((e->pages & (e->pages - 1)) == 0)
            (void)snprintf(e->met_id, sizeof(e->met_id), "%s", page->last_id);
        if (e->pages < EVENTS_PAGES_MAX)
            job_wait(loop, job, 0);
        else
            events_done(loop, job, true, "there are more events than a reading takes", NULL);
        return;
    }
    events_done(loop, job, true,
                e->reading.cursor[0] != '\0' && !e->is_cursor_seen
                    ? "the last event that was read is not in the feed any more"
                    : NULL,
                NULL);
}

/* The same page would be as large, or as unreadable, the next time: fewer events at once, so that
 * all that are newer than the one that is to blame are read. */
static void
events_ask_for_fewer(struct loop *loop, struct job *job)
{
    job->events->most /= 2;
    job_wait(loop, job, 0);
}

static void
events_give_up(struct loop *loop, struct job *job, const struct provider_answer *how)
{
    log_event(LOG_WARN, "sync", "events_not_read", "error", how->error, NULL);
    events_done(loop, job, false, NULL, how->error);
}

void
events_answered(struct loop *loop, struct job *job, const struct http_answer *answer)
{
    struct provider_events page = {0};
    struct provider_answer how;
    struct error err = {0};

    provider_read_events(
        loop->provider, answer,
        job->events->reading.cursor[0] != '\0' ? job->events->reading.cursor : NULL, &page, &how);
    /* A key may be one that reads no events (403): that says nothing about it as a whole. */
    if (how.read != PROVIDER_READ_KEY || how.http_status == 401)
        loop_note_read(loop, &how);

    if (how.read == PROVIDER_READ_BLOCKED) {
        loop_block(loop, how.retry_after_ms);
        job_wait(loop, job, 0);
    } else if (how.read == PROVIDER_READ_OK && events_are_other_mode(loop, &page)) {
        error_set(&err, ERROR_STATE, "the API answers in %s mode, the configuration says %s",
                  loop->options->is_live ? "test" : "live",
                  loop->options->is_live ? "live" : "test");
        error_hint(&err, "check api.key_file and api.mode");
        loop_fail(loop, &err);
        events_done(loop, job, false, NULL, NULL);
    } else if (how.read == PROVIDER_READ_OK) {
        events_read(loop, job, &page);
    } else if (how.is_unreadable && job->events->most > 1) {
        events_ask_for_fewer(loop, job);
    } else if (how.read == PROVIDER_READ_LATER && loop_waits_for(&how) &&
               ++job->failures <= EVENTS_FAILURES_MAX) {
        job_wait(loop, job, how.has_retry_after ? how.retry_after_ms : 200LL << job->failures);
    } else {
        events_give_up(loop, job, &how);
    }
    provider_events_free(&page);
}

/* ---- what is due, among the housekeeping ---- */

static int64_t
events_pass_age_ms(const struct loop *loop)
{
    return clock_mono_since_ms(loop->pass_began);
}

static bool
events_ask(struct loop *loop, struct error *err)
{
    const struct provider_capabilities *can = provider_capabilities(loop->provider);
    int slots = loop_question_slots(loop);
    char **ids = NULL;
    int count = 0;
    bool ok;

    if (slots <= 0)
        return true;
    if (slots > EVENTS_ASKS_AHEAD)
        slots = EVENTS_ASKS_AHEAD;
    ok = follow_take_asks(loop->ledger, slots * can->orders_per_ask_max,
                          loop->options->follow_after_ms, events_pass_age_ms(loop), &ids, &count,
                          err) &&
         loop_take_ids(loop, JOB_ASK, ids, count, err);
    work_ids_free(ids, count);
    return ok;
}

static void
events_hand_over(struct loop *loop)
{
    struct error err = {0};

    if (loop->hands_over || loop->hand_over_rests)
        return;
    if (loop->hand_over == NULL &&
        !hand_over_start(loop->options, loop->run_id, &loop->hand_over, &err)) {
        loop_fail(loop, &err);
        return;
    }
    loop->hands_over = true;
    hand_over_poke(loop->hand_over, events_pass_age_ms(loop));
}

void
events_hand_over_look(struct loop *loop)
{
    bool is_tired = false;

    if (loop->hand_over == NULL || !hand_over_is_idle(loop->hand_over, &is_tired))
        return;
    if (loop->hands_over)
        loop->look_again = clock_mono_now();
    loop->hands_over = false;
    loop->hand_over_rests = loop->hand_over_rests || is_tired;
}

bool
events_turn(struct loop *loop, struct error *err)
{
    int taken = 0;

    if (loop->options->only_order != NULL)
        return true;
    if (!follow_left(loop->ledger, events_pass_age_ms(loop), &loop->follow_left, err))
        return false;
    /* In their own order, so not before the reading has reached the one before. */
    if (loop->follow_left.is_to_apply && !loop->reads_events && !loop->others_apply) {
        if (!follow_apply(loop->ledger, loop->run_id, EVENTS_APPLY_MAX, &taken, err))
            return false;
        loop->look_again = clock_mono_now(); /* more of them, and what follows from these */
        loop->others_apply = taken == 0;
        loop->claims_may_be_due = true;
    }
    if (loop->follow_left.is_to_ask && !events_ask(loop, err))
        return false;
    if (loop->follow_left.is_to_charge && !charges_turn(loop, events_pass_age_ms(loop), err))
        return false;
    if (loop->follow_left.is_to_track && !tracking_turn(loop, err))
        return false;
    if (loop->follow_left.is_to_hand_over && loop->options->order_state_function != NULL)
        events_hand_over(loop);
    return true;
}

bool
events_are_done(const struct loop *loop)
{
    const struct follow_left *left = &loop->follow_left;
    bool waits = strcmp(loop->options->command, "watch") != 0;

    if (loop->options->only_order != NULL)
        return true;
    /* A slow function of the warehouse's delays the end of a run, never the next pass of a watch.
     */
    return !(left->is_to_apply && !loop->others_apply) && !left->is_to_ask && !left->is_to_charge &&
           !(left->is_to_track && !loop->is_shadow && !loop->tracking_rests) &&
           !(waits && (loop->hands_over || (left->is_to_hand_over && !loop->hand_over_rests &&
                                            loop->options->order_state_function != NULL)));
}
