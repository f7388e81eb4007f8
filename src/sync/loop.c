#include "sync/loop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ledger/forget.h"
#include "ledger/prune.h"
#include "ledger/run.h"
#include "ledger/sweep.h"
#include "sync/api.h"
#include "sync/reach.h"

enum {
    LOOP_PLAN_FIRST_MS = 10000, /* a long queue does not keep back what was planned for ever */
    LOOP_UNREACHED_MAX = 5,
    LOOP_BLOCKED_MS = 5 * LOOP_PATIENCE_MS, /* of nothing but short blocks */
    LOOP_FORGET_ORDERS = 200,               /* that are forgotten at a time */
    LOOP_FORGET_MS = 5000,
    LOOP_AUDIT_ROWS = 10000, /* of the ledger's audit of itself, in one pass: a tenth of a second */
};

void
loop_fail(struct loop *loop, const struct error *err)
{
    if (loop->failure.code == ERROR_NONE)
        loop->failure = *err;
    loop->is_closing = true;
}

static void
loop_say_unreached(const struct loop *loop, struct error *err)
{
    error_set(err, ERROR_API, "the API can't be reached: %s", loop->unreached_why);
    error_hint(err, "what is due stays planned; %s", reach_advice(loop->unreached_distrust));
}

void
loop_note_answer(struct loop *loop, const struct http_answer *answer)
{
    struct error err = {0};

    if (!budget_note_answer(&loop->budget, answer->status == 429, LOOP_BLOCKED_MS,
                            "what is due stays planned; a later run goes on", &err) &&
        !loop->is_closing)
        loop_fail(loop, &err);
    error_clear(&err);
    if (answer->fact != HTTP_NOT_SENT) {
        loop->unreached = 0;
        loop->was_reached = true;
        return;
    }
    if (answer->is_late)
        return;
    (void)snprintf(loop->unreached_why, sizeof(loop->unreached_why), "%s", answer->error);
    loop->unreached_distrust = answer->distrust;
    if (++loop->unreached >= LOOP_UNREACHED_MAX && !loop->is_closing) {
        loop_say_unreached(loop, &err);
        loop_fail(loop, &err);
    }
}

void
loop_poke_planner(struct loop *loop, bool collects)
{
    struct error err = {0};

    if (loop->planner == NULL && !loop->is_closing &&
        !planner_start(loop->options, loop->run_id, &loop->planner, &err))
        loop_fail(loop, &err);
    if (loop->planner != NULL) {
        planner_poke(loop->planner, collects);
        loop->planner_state.is_idle = false;
    }
}

int64_t
loop_look_delay_ms(const struct loop *loop, int negative_looks)
{
    int64_t delay_ms = 1000LL << (negative_looks < 9 ? negative_looks : 9);
    int64_t most_ms = 300000;

    /* A short settle time (a rehearsal) wants looks that fit into it. */
    if (loop->options->settle_ms < 40000)
        most_ms = loop->options->settle_ms / 4 + 100;
    return delay_ms < most_ms ? delay_ms : most_ms;
}

/* ------------------------------------------------------------------ the API's side */

/* Nothing more is sent: what waits goes back, or is simply not asked. */
static void
loop_drop_waiting(struct loop *loop)
{
    struct job *job = loop->first;

    loop->first = NULL;
    loop->last = &loop->first;
    loop->waiting = loop->waiting_posts = 0;
    while (job != NULL) {
        struct job *next = job->next;

        if (job->kind == JOB_POST || job->kind == JOB_PRECHECK)
            post_give_back(loop, job, "the run was stopping", 0);
        else if (job->kind == JOB_TRACKING)
            tracking_give_back(loop, job);
        else if (job->kind == JOB_ASK || job->kind == JOB_UPSTREAM || job->kind == JOB_LIST)
            loop_give_back_question(loop, job, 0);
        else
            job_free(job);
        job = next;
    }
}

static void
loop_send(struct loop *loop)
{
    struct job **at = &loop->first;

    if (loop->is_closing)
        loop_drop_waiting(loop);
    if (!loop_is_announced(loop))
        return; /* first the others hear of it */
    while (*at != NULL && http_free_slots(loop->http) > 0) {
        struct job *job = *at;
        struct error err = {0};
        bool is_vain;

        if (clock_mono_left_ms(job->not_before) > 0) {
            at = &job->next;
            continue;
        }
        is_vain = job->kind == JOB_POST && loop->circuit.is_open && !loop->circuit.is_probing;
        if (!is_vain && !budget_take(&loop->budget))
            break;
        *at = job->next;
        if (*at == NULL)
            loop->last = at;
        loop->waiting--;
        if (job->kind == JOB_POST)
            loop->waiting_posts--;
        if (is_vain) { /* claimed ahead, before it opened */
            post_give_back(loop, job, "the API fails again and again", 0);
            continue;
        }
        if (job->kind == JOB_POST)
            loop_note_pace(loop);
        if (!job_send(loop, job, &err)) {
            log_failure(LOG_ERROR, "sync", "request_not_made", &err);
            if (job->kind == JOB_POST)
                post_give_back(loop, job, err.message, backoff_delay_ms(&loop->backoff, 1));
            else
                job_free(job);
        }
    }
}

static int64_t
loop_wait_ms(struct loop *loop)
{
    int64_t wait_ms = LOOP_LEFT_MS;

    if (loop->first != NULL && http_free_slots(loop->http) > 0) {
        int64_t budget_ms = budget_wait_ms(&loop->budget);

        /* None may leave before the budget lets it, so nearly always the first one decides. */
        for (const struct job *job = loop->first; job != NULL && wait_ms > budget_ms;
             job = job->next) {
            int64_t due_ms = clock_mono_left_ms(job->not_before);

            if (due_ms < budget_ms)
                due_ms = budget_ms;
            if (due_ms < wait_ms)
                wait_ms = due_ms;
        }
    }
    if (settle_wait_ms(loop) < wait_ms)
        wait_ms = settle_wait_ms(loop);
    if (!loop_db_is_busy(loop) && loop->failure.code != ERROR_DB_LOST) {
        if (loop->orders_count > 0 || loop_may_claim(loop) || loop_probe_is_due(loop) ||
            (loop->waiting > 0 && !loop_is_announced(loop)))
            return 0;
        int64_t look_ms = clock_mono_left_ms(loop->look_again);
        if (look_ms < wait_ms)
            wait_ms = look_ms;
    }
    return wait_ms;
}

static void
loop_wait(struct loop *loop, int64_t wait_ms)
{
    struct error err = {0};
    int fds[5];
    bool readable[5] = {false, false, false, false, false};
    int count = 0;
    int stop_at = -1;
    int planner_at = -1;

    if (!loop->is_stopping && loop->stop_fd >= 0) {
        stop_at = count;
        fds[count++] = loop->stop_fd;
    }
    if (loop->planner != NULL) {
        planner_at = count;
        fds[count++] = planner_fd(loop->planner);
    }
    if (loop->hand_over != NULL)
        fds[count++] = hand_over_fd(loop->hand_over);
    if (loop_db_is_busy(loop) && pg_socket(ledger_pg(loop->ledger)) >= 0)
        fds[count++] = pg_socket(ledger_pg(loop->ledger));
    if (settle_fd(loop) >= 0)
        fds[count++] = settle_fd(loop);
    if (!http_wait(loop->http, fds, count, readable, wait_ms, &err)) {
        loop_fail(loop, &err);
        return;
    }
    if (stop_at >= 0 && readable[stop_at]) {
        loop->is_stopping = true;
        loop->is_closing = true;
        loop->stop_by = clock_mono_add(clock_mono_now(), loop->options->grace_ms);
        log_event(LOG_INFO, "sync", "stopping", "in_flight", log_int(http_in_flight(loop->http)),
                  NULL);
    }
    events_hand_over_look(loop);
    if (planner_at >= 0 && readable[planner_at]) {
        int64_t before = loop->planner_state.batches;
        struct error failure = {0};

        planner_look(loop->planner, &loop->planner_state, &failure);
        if (loop->planner_state.has_failed && !loop->is_closing)
            loop_fail(loop, &failure);
        if (loop->planner_state.batches != before) {
            loop->claims_may_be_due = true;
            loop->look_again = clock_mono_now();
        }
    }
}

static void
loop_take_answers(struct loop *loop)
{
    struct http_answer answer;
    struct http_early early;

    while (http_take_early(loop->http, &early)) {
        if (early.status == 429)
            loop_block(loop, provider_retry_after_early_ms(&early, clock_wall_ms()));
    }
    while (http_take(loop->http, &answer))
        job_answered(loop, answer.tag, &answer);
}

/* ------------------------------------------------------------------ a pass */

static bool
loop_is_resting(const struct loop *loop)
{
    return !loop->is_claiming && !loop->is_settling && loop->settlements_count == 0 &&
           loop->orders_count == 0 && loop->waiting == 0 && http_in_flight(loop->http) == 0;
}

static int64_t
loop_next_ms(const struct loop *loop)
{
    const struct work_left *left = &loop->left;
    bool posts = !loop->is_shadow &&
                 (loop->options->posts_max == 0 || loop->posted < loop->options->posts_max);
    int64_t next_ms = posts ? left->post_ms : WORK_NEVER;

    if (next_ms < loop_probe_wait_ms(loop))
        next_ms = loop_probe_wait_ms(loop);
    if (left->ask_ms < next_ms)
        next_ms = left->ask_ms;
    if (left->look_ms < next_ms)
        next_ms = left->look_ms;
    if (left->list_ms < next_ms)
        next_ms = left->list_ms;
    if (left->upstream_ms < next_ms && loop->options->only_order == NULL)
        next_ms = left->upstream_ms;
    return left->is_queued ? 0 : next_ms;
}

/* The key is blocked for longer than a pass waits. */
static void
loop_stay_away(struct loop *loop, int64_t blocked_ms)
{
    struct error err = {0};

    error_set(&err, ERROR_API, "the API told us to stay away for another %lld s: %s",
              (long long)(blocked_ms / 1000 + 1),
              loop->share.blocked_why[0] != '\0' ? loop->share.blocked_why : "429");
    error_hint(&err, "what is due stays planned; a later run goes on");
    loop_fail(loop, &err);
}

/* True when this pass is over; what is left may be due later. */
static bool
loop_is_done(struct loop *loop)
{
    struct error err = {0};
    int64_t next_ms;
    int64_t blocked_ms = budget_blocked_ms(&loop->budget);

    if (loop->is_stopping && clock_mono_left_ms(loop->stop_by) == 0)
        return true;
    if (loop->is_closing && loop->db_failures > LOOP_DB_FAILURES_MAX)
        return true;
    if (!loop_is_resting(loop)) {
        /* a question that waits for the key would keep the pass for as long */
        if (loop->waiting > 0 && blocked_ms > LOOP_PATIENCE_MS && !loop->is_closing)
            loop_stay_away(loop, blocked_ms);
        /* the session is gone: whatever is still to be settled is settled after the last answer */
        return loop->failure.code == ERROR_DB_LOST && loop->waiting == 0 &&
               http_in_flight(loop->http) == 0;
    }
    if (loop->is_closing)
        return true;
    if (loop->planner != NULL && !loop->planner_state.is_idle)
        return false;
    if (loop->is_quiet)
        return true;
    if (!work_left(loop->ledger, loop->options->only_order, &loop->left, &err)) {
        if (!loop_db_may_pass(loop, &err))
            loop_fail(loop, &err);
        return false;
    }
    if (!follow_left(loop->ledger, clock_mono_since_ms(loop->pass_began), &loop->follow_left,
                     &err)) {
        if (!loop_db_may_pass(loop, &err))
            loop_fail(loop, &err);
        return false;
    }
    if (!events_are_done(loop))
        return false;
    next_ms = loop_next_ms(loop);
    if (next_ms <= LOOP_PATIENCE_MS && blocked_ms > LOOP_PATIENCE_MS) {
        loop_stay_away(loop, blocked_ms);
        return true;
    }
    if (loop_fails_too_long(loop, LOOP_PATIENCE_MS) || next_ms > LOOP_PATIENCE_MS)
        return true;
    loop->look_again =
        clock_mono_add(clock_mono_now(), next_ms < LOOP_LEFT_MS ? next_ms : LOOP_LEFT_MS);
    if (next_ms <= 0)
        loop->claims_may_be_due = true;
    return false;
}

static void
loop_reset(struct loop *loop)
{
    loop->failure = (struct error){0};
    loop->is_closing = false;
    loop->mode_is_asked = false;
    loop->unreached = loop->key_refused = loop->db_failures = 0;
    loop->was_reached = loop->was_answered = false;
    loop->unanswered_why[0] = '\0';
    loop->asked = loop->asked_unknown = 0;
    loop->budget.is_refused = false;
    loop->posted = 0;
    loop->has_ends_at = false;
    if (loop->options->observer != NULL)
        loop->progress_again =
            clock_mono_add(clock_mono_now(), loop->options->observer->progress_ms);
}

/* Now and then, not in each pass of a watch: it looks for orders that are hardly ever there. */
static bool
loop_forget(struct loop *loop, struct error *err)
{
    int64_t forgotten;

    if (clock_mono_left_ms(loop->forget_again) > 0)
        return true;
    loop->forget_again = clock_mono_add(clock_mono_now(), LOOP_FORGET_MS);
    return forget_due(loop->ledger, LOOP_FORGET_ORDERS, &forgotten, err);
}

static void
loop_begin_time_box(struct loop *loop)
{
    if (loop->options->run_ms_max > 0) {
        loop->has_ends_at = true;
        loop->ends_at = clock_mono_add(clock_mono_now(), loop->options->run_ms_max);
    }
}

/* What a pass asks for was asked already, in one question, and the answer was: nothing. */
static bool
loop_begin_quietly(struct loop *loop, struct error *err)
{
    loop->left = (struct work_left){.post_ms = WORK_NEVER,
                                    .ask_ms = WORK_NEVER,
                                    .look_ms = WORK_NEVER,
                                    .list_ms = WORK_NEVER,
                                    .upstream_ms = WORK_NEVER};
    loop->claims_may_be_due = false;
    loop->look_again = loop->reap_again = clock_mono_add(clock_mono_now(), LOOP_LEFT_MS);
    loop_begin_time_box(loop);
    return events_begin(loop, err);
}

static bool
loop_begin(struct loop *loop, struct error *err)
{
    const struct sync_options *o = loop->options;
    char why[256] = "";
    struct ledger_identity me;
    bool collects;

    if (!ledger_identify(loop->ledger, &me, err))
        return false;
    if (strcmp(me.mode, "new") == 0) {
        error_set(err, ERROR_STATE, "the ledger is new: nobody said yet what happened before it");
        error_hint(err, "run: waybill baseline --from nothing (a warehouse without history), or "
                        "--from warehouse");
        return false;
    }
    if (strcmp(me.mode, "paused") == 0) {
        error_set(err, ERROR_STATE, "the ledger is paused by %s%s%s", me.mode_by,
                  me.mode_reason[0] != '\0' ? ": " : "", me.mode_reason);
        error_hint(err, "to go on: waybill resume");
        return false;
    }
    loop->is_shadow = strcmp(me.mode, "shadow") == 0;
    if (!ledger_bind_api(loop->ledger, o->base_url, o->is_live, err) ||
        (loop->is_shadow && !run_look_in_shadow(loop->ledger, err)))
        return false;
    /* It is the same as long as the process is. */
    if (!loop->has_told_guard && !run_guard(loop->ledger, o->units_per_line_max, err))
        return false;
    loop->has_told_guard = true;
    if (!prune_audit(loop->ledger, loop->run_id, LOOP_AUDIT_ROWS, err) || !loop_forget(loop, err) ||
        !work_left(loop->ledger, o->only_order, &loop->left, err))
        return false;
    collects = o->is_scan || o->wants_sweep || loop->left.is_queued;
    /* The planner asks the same when it collects, but for a single order. */
    if ((!collects || o->only_order != NULL) &&
        !sweep_is_due(loop->ledger, loop->run_id, !o->is_scan, o->sweep_interval_ms, why,
                      sizeof(why), err))
        return false;
    if (o->only_order != NULL) {
        const char *orders[] = {o->only_order};

        if (!work_enqueue(loop->ledger, orders, 1, "run", err))
            return false;
        loop->left.is_queued = true;
    }
    if (!events_begin(loop, err))
        return false;
    if (why[0] != '\0' || collects || o->only_order != NULL)
        loop_poke_planner(loop, true);
    loop->look_again = clock_mono_now();
    loop->claims_may_be_due = loop->left.post_ms <= 0;
    /* What was planned earlier may be less by now: first what has changed is looked at. */
    loop->plan_by =
        clock_mono_add(clock_mono_now(), loop->claims_may_be_due ? LOOP_PLAN_FIRST_MS : 0);
    loop_begin_time_box(loop);
    if (!loop_beat(loop, false, err))
        return false;
    /* Whether the key is taken by now is asked for its own sake: there may be nothing else to ask.
     */
    if (loop->share.is_refused)
        mode_ask(loop);
    return true;
}

static void
loop_check_bounds(struct loop *loop)
{
    if (loop->has_ends_at && !loop->is_closing && clock_mono_left_ms(loop->ends_at) == 0) {
        log_event(LOG_INFO, "sync", "time_box_over", "run.max_ms",
                  log_int(loop->options->run_ms_max), NULL);
        loop->is_closing = true;
    }
}

/* What was planned is sent first. */
static void
loop_judge_collected(struct loop *loop)
{
    struct error err = {0};

    if (loop->planner != NULL && !planner_collected(loop->planner, &err))
        loop_fail(loop, &err);
}

static void
loop_judge_api(struct loop *loop)
{
    struct error err = {0};

    if (loop->failure.code != ERROR_NONE || loop->is_stopping)
        return;
    if (loop->unreached > 0 && !loop->was_reached) {
        loop_say_unreached(loop, &err);
        loop_fail(loop, &err);
    } else if (loop->key_refused > 0) {
        loop_fail_refused(loop);
    } else {
        (void)loop_fails_unanswered(loop);
    }
}

/* After the answers are settled: every host stops at its next claim. */
static void
loop_pause(struct loop *loop)
{
    struct error err = {0};

    settle_rest(loop);
    if (!loop_db_rest(loop) || !work_pause(loop->ledger, loop->failure.message, &err))
        log_failure(LOG_ERROR, "sync", "not_paused", &err);
}

bool
loop_pass(struct loop *loop, bool is_quiet, struct error *err)
{
    loop_reset(loop);
    loop->is_quiet = is_quiet;
    if (is_quiet ? !loop_begin_quietly(loop, err) : !loop_begin(loop, err)) {
        planner_stop(loop->planner);
        loop->planner = NULL;
        return false;
    }
    for (;;) {
        loop_check_bounds(loop);
        loop_db_turn(loop);
        loop_send(loop);
        if (loop_is_done(loop))
            break;
        loop_wait(loop, loop_wait_ms(loop));
        loop_take_answers(loop);
        if (loop->options->observer != NULL)
            loop->options->observer->tick_fn(loop->options->observer->ctx);
    }

    loop_judge_collected(loop);
    if (loop->failure.code != ERROR_NONE || loop->is_stopping) {
        planner_stop(loop->planner);
        loop->planner = NULL;
    }
    events_stop(loop);
    if (loop->failure.code != ERROR_NONE || loop->is_stopping) {
        hand_over_stop(loop->hand_over);
        loop->hand_over = NULL;
        loop->hands_over = false;
    }
    if (loop->failure.code == ERROR_DB_LOST)
        settle_at_last(loop);
    loop_judge_api(loop);
    ask_end(loop);
    if (loop->pauses_ledger)
        loop_pause(loop);
    if (loop->failure.code != ERROR_NONE) {
        *err = loop->failure;
        return false;
    }
    return true;
}

bool
loop_was_answered(const struct loop *loop)
{
    return loop->was_answered;
}

bool
loop_was_stopped(const struct loop *loop)
{
    return loop->is_stopping;
}

bool
loop_new(const struct sync_options *options, int stop_fd, struct ledger *ledger, int64_t run_id,
         struct loop **out, struct error *err)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    struct ledger_identity me;

    if (loop == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the loop");
    loop->options = options;
    loop->stop_fd = stop_fd;
    loop->ledger = ledger;
    loop->run_id = run_id;
    loop->last = &loop->first;
    provider_request_init(&loop->request);
    buffer_init(&loop->scratch, LOOP_BATCH_BYTES_MAX);
    buffer_init(&loop->orders, LOOP_BATCH_BYTES_MAX);
    json_write_init(&loop->orders_writer, &loop->orders);
    json_write_array(&loop->orders_writer, NULL);
    budget_init(&loop->budget, (double)options->requests_per_second);
    circuit_init(&loop->circuit, options->max_in_flight);
    if (!ledger_identify(ledger, &me, err) ||
        !api_open(options, me.ledger_id, options->max_in_flight, &loop->provider, &loop->http,
                  err) ||
        !work_begin(ledger, run_id, &loop->worker_id, err)) {
        loop_free(loop);
        return false;
    }
    backoff_init(&loop->backoff, options->retry_first_ms, options->retry_max_ms,
                 (uint64_t)clock_boot_now().ms ^ (uint64_t)loop->worker_id << 32);
    *out = loop;
    return true;
}

void
loop_free(struct loop *loop)
{
    struct error ignored = {0};

    if (loop == NULL)
        return;
    planner_stop(loop->planner);
    hand_over_stop(loop->hand_over);
    settle_close(loop);
    if (loop->worker_id != 0 && pg_is_alive(ledger_pg(loop->ledger)) &&
        !pg_is_busy(ledger_pg(loop->ledger)))
        (void)work_end(loop->ledger, loop->worker_id, &ignored);
    http_free(loop->http);
    provider_free(loop->provider);
    provider_request_free(&loop->request);
    job_free_all(loop->first);
    job_free_all(loop->unanswered);
    for (int i = 0; i < loop->settlements_count; i++)
        free(loop->settlements[i]);
    free(loop->settlements);
    buffer_free(&loop->scratch);
    buffer_free(&loop->orders);
    free(loop);
}
