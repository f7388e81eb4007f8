/* The database's side of the loop: claims, settlements, and what is due; one statement at a time,
 * never waiting for HTTP. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sync/loop.h"

enum {
    LOOP_LEASE_MS = 60000, /* of a question or look taken from the ledger */
    LOOP_ASKS_AHEAD = 4,   /* questions in flight for each turn of taking */
    LOOP_REAP_MS = 5000,
    LOOP_MARKER_MS = 60000,
    LOOP_PACE_MS = 100,
    LOOP_AHEAD_MAX = 512,
    LOOP_UNSETTLED_MAX = 600, /* answers in hand; with more of them nothing is claimed */
    LOOP_LISTS_AGAIN_MS = 20,
    LOOP_PROGRESS_SHARE = 50, /* counting what is left takes a fiftieth of the time at most */
};

/* A statement failed. True: the same may succeed soon. */
bool
loop_db_may_pass(struct loop *loop, const struct error *err)
{
    /* Its statements are short: one that took too long waited for somebody. */
    bool took_too_long = err->code == ERROR_DB && strcmp(err->sqlstate, "57014") == 0;

    if ((!error_is_busy(err) && !took_too_long) || ++loop->db_failures > LOOP_DB_FAILURES_MAX)
        return false;
    log_failure(LOG_WARN, "sync", "database_busy", err);
    return true;
}

static void
loop_claims_arrived(struct loop *loop, struct work_claim **claims, int count)
{
    for (int i = 0; i < count; i++) {
        struct error err = {0};
        struct job *job = job_new(claims[i]->unknown_attempts > 0 ? JOB_PRECHECK : JOB_POST, &err);

        if (job == NULL) {
            loop_fail(loop, &err);
            work_claim_free(claims[i]);
            continue;
        }
        job->claim = claims[i];
        job->circuit = &loop->circuit;
        circuit_take(&loop->circuit);
        job->send_deadline = clock_boot_add(loop->claim_began, loop->options->send_within_ms);
        loop->posted++;
        if (job->kind == JOB_PRECHECK && !listing_new(job->claim->order_id, &job->listing, &err)) {
            loop_fail(loop, &err);
            post_give_back(loop, job, "no memory", 0);
            continue;
        }
        job_wait(loop, job, 0);
    }
    free(claims);
    if (count == 0) {
        circuit_probe_void(&loop->circuit);
        loop->claims_may_be_due = false;
        loop->claim_again = clock_mono_add(clock_mono_now(), LOOP_CLAIM_AGAIN_MS);
    }
}

static void
loop_claim_finish(struct loop *loop)
{
    struct error err = {0};
    struct work_claim **claims = NULL;
    int count = 0;

    loop->is_claiming = false;
    if (work_claim_finish(loop->ledger, loop->token, &claims, &count, &err)) {
        loop_claims_arrived(loop, claims, count);
        loop->db_failures = 0;
    } else if (loop_db_may_pass(loop, &err)) {
        loop->claim_again = clock_mono_add(clock_mono_now(), LOOP_CLAIM_AGAIN_MS);
    } else {
        loop_fail(loop, &err);
    }
}

bool
loop_db_is_busy(const struct loop *loop)
{
    return loop->is_claiming || (loop->is_settling && loop->settler == NULL);
}

bool
loop_db_rest(struct loop *loop)
{
    if (loop->is_claiming)
        loop_claim_finish(loop);
    if (loop->settler == NULL)
        settle_rest(loop);
    return pg_is_alive(ledger_pg(loop->ledger));
}

static void
loop_record_orders(struct loop *loop)
{
    struct error err = {0};

    json_write_end_array(&loop->orders_writer);
    if (loop->orders.is_failed)
        error_set(&err, ERROR_NOMEM, "no memory for the API's answers");
    else
        (void)work_record_orders(loop->ledger, buffer_text(&loop->orders),
                                 loop->options->follow_interval_ms, loop->options->follow_after_ms,
                                 &err);
    if (err.code != ERROR_NONE && !loop_db_may_pass(loop, &err))
        loop_fail(loop, &err);
    loop->orders_count = 0;
    buffer_reset(&loop->orders);
    json_write_init(&loop->orders_writer, &loop->orders);
    json_write_array(&loop->orders_writer, NULL);
    loop->claims_may_be_due = true;
    loop_poke_planner(loop, false);
}

static void
loop_turn_pace(struct loop *loop)
{
    int64_t since_ms = clock_mono_since_ms(loop->pace_began);

    if (since_ms < LOOP_PACE_MS)
        return;
    loop->pace_before = since_ms < 2LL * LOOP_PACE_MS ? loop->pace : 0;
    loop->pace = 0;
    loop->pace_began = clock_mono_now();
}

void
loop_note_pace(struct loop *loop)
{
    loop_turn_pace(loop);
    loop->pace++;
}

/* What may wait claimed, so that no slot is idle while the next claim is made: as much as left in
 * the last tenth of a second. It leaves long before its send deadline, and if the API stops
 * answering, what waits is given back when the deadline passes. */
static int
loop_ahead(struct loop *loop)
{
    int ahead;

    if (!circuit_is_whole(&loop->circuit))
        return 0;
    loop_turn_pace(loop);
    ahead = loop->pace > loop->pace_before ? loop->pace : loop->pace_before;
    return ahead < LOOP_AHEAD_MAX ? ahead : LOOP_AHEAD_MAX;
}

static int
loop_slots(struct loop *loop)
{
    int ahead = loop_ahead(loop);
    int slots = http_free_slots(loop->http) + ahead - loop->waiting;
    int64_t left = loop->options->posts_max - loop->posted;
    /* What the rate lets go within the next half second, with what waits already; more would only
     * wait longer, and lapse. */
    int rate =
        budget_available(&loop->budget) + (int)(loop->budget.per_second / 2) + 1 - loop->waiting;

    if (slots < ahead / 2) /* a few large claims, not many small ones */
        slots = 0;
    if (!circuit_is_whole(&loop->circuit) && slots > circuit_room(&loop->circuit))
        slots = circuit_room(&loop->circuit);
    if (slots > rate)
        slots = rate;
    if (loop->options->posts_max > 0 && slots > left)
        slots = (int)left;
    return slots > 0 ? slots : 0;
}

static bool
loop_plans_first(struct loop *loop)
{
    if (loop->planner != NULL && !loop->planner_state.is_idle &&
        clock_mono_left_ms(loop->plan_by) > 0)
        return true;
    loop->plan_by = clock_mono_now(); /* once in a pass */
    return false;
}

int
loop_question_slots(const struct loop *loop)
{
    int free_slots = http_free_slots(loop->http) - loop->waiting;
    int share = (loop->options->max_in_flight + 3) / 4 - (loop->waiting - loop->waiting_posts);

    return free_slots > share ? free_slots : share;
}

bool
loop_may_claim(struct loop *loop)
{
    /* What is answered and not settled would have to be looked up if we were killed now. */
    return !loop->is_closing && !loop->is_shadow && loop->claims_may_be_due &&
           loop->settlements_count < LOOP_UNSETTLED_MAX && !loop_plans_first(loop) &&
           (loop->mode_is_seen || !loop->mode_is_asked) &&
           clock_mono_left_ms(loop->claim_again) == 0 && budget_blocked_ms(&loop->budget) == 0 &&
           loop_slots(loop) > 0;
}

static void
loop_claim(struct loop *loop)
{
    struct error err = {0};

    if (!loop->mode_is_seen) {
        mode_ask(loop);
        return;
    }
    /* The deadline counts from before the claim was made. */
    loop->settled_last = false;
    loop->claim_began = clock_boot_now();
    if (!work_token(loop->token, &err) ||
        !work_claim_start(loop->ledger, loop->worker_id, loop->run_id, loop->token,
                          loop_slots(loop), loop->options->send_within_ms,
                          loop->options->only_order, &err)) {
        loop_fail(loop, &err);
        return;
    }
    loop->is_claiming = true;
}

bool
loop_take_ids(struct loop *loop, enum job_kind kind, char **ids, int count, struct error *err)
{
    for (int first = 0; first < count;) {
        struct job *job = job_new(kind, err);
        int fits = kind == JOB_LIST
                       ? 1
                       : provider_ask_fits(loop->provider, (const char *const *)(ids + first),
                                           count - first);

        if (job == NULL)
            return false;
        if (kind == JOB_LIST) {
            job->order_id = ids[first];
            ids[first] = NULL;
            if (!listing_new(job->order_id, &job->listing, err)) {
                job_free(job);
                return false;
            }
        } else {
            job->ids = calloc((size_t)fits + 1, sizeof(*job->ids));
            if (job->ids == NULL) {
                job_free(job);
                return error_set(err, ERROR_NOMEM, "no memory for %d ids", fits);
            }
            for (int i = 0; i < fits; i++) {
                job->ids[i] = ids[first + i];
                ids[first + i] = NULL;
            }
            job->ids_count = fits;
        }
        job_wait(loop, job, 0);
        first += fits;
    }
    return true;
}

static bool
loop_take_looks(struct loop *loop, int most, struct error *err)
{
    struct work_claim **claims = NULL;
    int count = 0;
    bool ok = true;

    /* Whether it is settled is the server's clock to say, which a beat holds against ours. */
    if (!loop_beat(loop, http_in_flight(loop->http) + loop->waiting > 0, err))
        return false;
    if (!work_take_looks(loop->ledger, most, LOOP_LEASE_MS, loop->options->only_order, &claims,
                         &count, err))
        return false;
    for (int i = 0; i < count; i++) {
        struct job *job = ok ? job_new(JOB_LOOK, err) : NULL;

        if (job == NULL) {
            work_claim_free(claims[i]);
            ok = false;
            continue;
        }
        job->claim = claims[i];
        if (!listing_new(job->claim->order_id, &job->listing, err)) {
            job_free(job);
            ok = false;
            continue;
        }
        job_wait(loop, job, 0);
    }
    free(claims);
    return ok;
}

/* Absence proves nothing until a list has shown a marker of ours once. */
static bool
loop_take_probe(struct loop *loop, struct error *err)
{
    struct job *job;
    char *order_id = NULL;

    loop->marker_again = clock_mono_add(clock_mono_now(), LOOP_MARKER_MS);
    if (!work_take_marker_probe(loop->ledger, &order_id, err))
        return false;
    if (order_id[0] == '\0') {
        free(order_id);
        return true;
    }
    job = job_new(JOB_PROBE, err);
    if (job == NULL || !listing_new(order_id, &job->listing, err)) {
        free(order_id);
        job_free(job);
        return false;
    }
    job->order_id = order_id;
    job_wait(loop, job, 0);
    return true;
}

/* Questions, lists and looks that are due, as many as the free slots can carry. */
static bool
loop_take_due(struct loop *loop, struct error *err)
{
    const struct provider_capabilities *can = provider_capabilities(loop->provider);
    /* A claim of the moment before a failover may still leave until its deadline. */
    int64_t settle_ms =
        loop->options->send_within_ms + loop->options->timeout_ms + loop->options->settle_ms;
    int slots = loop_question_slots(loop);
    char **ids = NULL;
    int count = 0;
    bool ok = true;
    int lists = (slots + 1) / 2; /* the other half is for POSTs */

    if (slots <= 0 || loop->is_closing)
        return true;
    if (slots > LOOP_ASKS_AHEAD)
        slots = LOOP_ASKS_AHEAD;
    if (loop->left.look_ms <= 0)
        ok = loop_take_looks(loop, slots * 4, err) && loop_take_probe(loop, err);
    else if (clock_mono_left_ms(loop->marker_again) == 0)
        ok = loop_take_probe(loop, err); /* for one that is held until then, and isn't looked up */
    if (ok && loop->left.ask_ms <= 0) {
        ok = work_take_asks(loop->ledger, slots * can->orders_per_ask_max, LOOP_LEASE_MS,
                            loop->options->only_order, &ids, &count, err) &&
             loop_take_ids(loop, JOB_ASK, ids, count, err);
        work_ids_free(ids, count);
        ids = NULL;
    }
    if (ok && loop->left.list_ms <= 0) {
        count = 0;
        ok = work_take_lists(loop->ledger, lists, LOOP_LEASE_MS, settle_ms,
                             loop->options->only_order, &ids, &count, err) &&
             loop_take_ids(loop, JOB_LIST, ids, count, err);
        /* An order each: after a failover every order wants one, so the next are taken soon. */
        if (count == lists)
            loop->look_again = clock_mono_add(clock_mono_now(), LOOP_LISTS_AGAIN_MS);
        work_ids_free(ids, count);
        ids = NULL;
    }
    if (ok && loop->left.upstream_ms <= 0 && loop->options->only_order == NULL) {
        count = 0;
        ok = work_take_upstreams(loop->ledger, slots * can->orders_per_ask_max, LOOP_LEASE_MS, &ids,
                                 &count, err) &&
             loop_take_ids(loop, JOB_UPSTREAM, ids, count, err);
        work_ids_free(ids, count);
    }
    return ok;
}

static bool
loop_tell_progress(struct loop *loop, struct error *err)
{
    const struct sync_observer *observer = loop->options->observer;
    struct clock_mono began = clock_mono_now();
    struct ledger_run_summary so_far;
    int64_t again_ms;

    if (observer == NULL || clock_mono_left_ms(loop->progress_again) > 0)
        return true;
    if (!ledger_run_summary(loop->ledger, loop->run_id, &so_far, err))
        return false;
    again_ms = LOOP_PROGRESS_SHARE * clock_mono_since_ms(began);
    loop->progress_again = clock_mono_add(
        clock_mono_now(), again_ms > observer->progress_ms ? again_ms : observer->progress_ms);
    observer->progress_fn(&so_far, observer->ctx);
    return true;
}

static bool
loop_housekeeping(struct loop *loop, struct error *err)
{
    bool is_working = http_in_flight(loop->http) + loop->waiting > 0;
    int64_t reaped = 0;

    if (loop->is_closing)
        return true;
    if (is_working && (clock_mono_left_ms(loop->beat_again) == 0 || !loop_is_announced(loop)) &&
        !loop_beat(loop, true, err))
        return false;
    if (clock_mono_left_ms(loop->reap_again) == 0) {
        loop->reap_again = clock_mono_add(clock_mono_now(), LOOP_REAP_MS);
        /* Judged by the server's clock, which a beat holds against ours. */
        if (!loop_beat(loop, is_working, err) ||
            !work_reap(loop->ledger, loop->run_id, loop->options->timeout_ms,
                       loop->options->settle_ms, &reaped, err) ||
            !work_note_expiring(loop->ledger, err))
            return false;
        if (reaped > 0)
            log_event(LOG_WARN, "sync", "reaped", "submissions", log_int(reaped), NULL);
    }
    if (!loop_tell_progress(loop, err))
        return false;
    /* A pass of a busy watch may have no end, and each begins with this. */
    if (strcmp(loop->options->command, "watch") == 0 && !loop->reads_events &&
        clock_mono_since_ms(loop->pass_began) >= loop->options->follow_interval_ms) {
        loop_poke_planner(loop, true);
        if (!events_begin(loop, err))
            return false;
    }
    if (clock_mono_left_ms(loop->look_again) == 0) {
        loop->look_again = clock_mono_add(clock_mono_now(), LOOP_LEFT_MS);
        if (!work_left(loop->ledger, loop->options->only_order, &loop->left, err))
            return false;
        if (loop->left.post_ms <= 0)
            loop->claims_may_be_due = true;
        if (loop->left.is_queued && (loop->planner == NULL || loop->planner_state.is_idle))
            loop_poke_planner(loop, false);
        return loop_take_due(loop, err) && events_turn(loop, err);
    }
    return true;
}

void
loop_db_turn(struct loop *loop)
{
    struct error err = {0};

    settle_look(loop);
    if (loop->settler != NULL && settle_wait_ms(loop) == 0)
        settle_begin(loop);
    if (loop->is_claiming && pg_is_ready(ledger_pg(loop->ledger)))
        loop_claim_finish(loop);
    if (loop_db_is_busy(loop) || loop->failure.code == ERROR_DB_LOST)
        return;
    if (!loop_housekeeping(loop, &err)) {
        if (!loop_db_may_pass(loop, &err))
            loop_fail(loop, &err);
        return;
    }
    if (loop->orders_count > 0)
        loop_record_orders(loop);
    if (settle_wait_ms(loop) == 0 && !(loop->settled_last && loop_may_claim(loop)))
        settle_begin(loop);
    else if (loop_probe_is_due(loop))
        loop_take_probe_post(loop);
    else if (loop_may_claim(loop))
        loop_claim(loop);
}
