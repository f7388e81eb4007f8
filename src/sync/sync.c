#include "sync/sync.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/ledger.h"
#include "ledger/run.h"
#include "ledger/sweep.h"
#include "sync/loop.h"
#include "sync/own_session.h"

enum {
    SYNC_STATEMENT_TIMEOUT_MS = 60000,
    SYNC_ROTATE_MS =
        3600000, /* a watch begins a new run each hour, so that its counters mean something */
    SYNC_TICK_MS = 2000,
    SYNC_DUE_SOON_MS = 2000, /* as long as a pass waits for what is due */
    SYNC_PASS_MS = 2000, /* a watch with nothing to do: a whole pass, and sign of life, so often */
    SYNC_WATCH_BACKOFF_MS = 1000,
    SYNC_WATCH_BACKOFF_MAX_MS = 30000,
};

struct sync {
    const struct sync_options *options;
    int stop_fd;
    struct ledger *ledger;
    struct loop *loop;
    int64_t run_id;
    struct clock_mono run_began;
    struct clock_mono pass_again; /* watch: then a whole pass, whatever there is to do */
    bool is_proven; /* watch: a run has ended well since it began, and since the last that failed */
    bool needs_answer; /* for that, of the API: it failed for the API's sake */
};

bool
sync_new(struct sync **out, const struct sync_options *options, int stop_fd, struct error *err)
{
    struct sync *sync = calloc(1, sizeof(*sync));

    if (sync == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the work");
    sync->options = options;
    sync->stop_fd = stop_fd;
    *out = sync;
    return true;
}

static void
sync_close(struct sync *sync)
{
    loop_free(sync->loop);
    sync->loop = NULL;
    ledger_close(sync->ledger);
    sync->ledger = NULL;
    sync->run_id = 0;
}

void
sync_free(struct sync *sync)
{
    if (sync == NULL)
        return;
    sync_close(sync);
    free(sync);
}

static bool
sync_connect(struct sync *sync, struct error *err)
{
    const struct own_session_limits limits = {.statement_ms = SYNC_STATEMENT_TIMEOUT_MS};

    return own_session_open(&sync->ledger, sync->options, sync->options->command, &limits, err);
}

/* A run row, and on it a loop with its worker. */
static bool
sync_begin(struct sync *sync, struct error *err)
{
    sync->run_began = clock_mono_now();
    return ledger_run_begin(sync->ledger, sync->options->command, &sync->run_id, err) &&
           loop_new(sync->options, sync->stop_fd, sync->ledger, sync->run_id, &sync->loop, err);
}

/* The run's last word, over a new session if the old one broke. */
static void
sync_end(struct sync *sync, struct sync_summary *summary, const struct error *failure)
{
    struct ledger_run_summary counts;
    struct error err = {0};
    int code;

    if (sync->run_id == 0)
        return;
    summary->run_id = sync->run_id;
    summary->was_stopped = sync->loop != NULL && loop_was_stopped(sync->loop);
    loop_free(sync->loop);
    sync->loop = NULL;
    if (!pg_is_alive(ledger_pg(sync->ledger)) || pg_is_busy(ledger_pg(sync->ledger))) {
        ledger_close(sync->ledger);
        sync->ledger = NULL;
        if (!sync_connect(sync, &err)) {
            log_failure(LOG_WARN, "sync", "run_not_closed", &err);
            return;
        }
    }
    if (ledger_run_summary(sync->ledger, sync->run_id, &counts, &err)) {
        summary->looked_at = counts.looked_at;
        summary->planned = counts.planned;
        summary->accepted = counts.accepted;
        summary->rejected = counts.rejected;
        summary->unknown = counts.unknown;
        summary->retried = counts.retried;
        summary->held = counts.held;
        summary->opened = counts.opened;
        summary->backlog = counts.backlog;
        summary->missed_by_feed = counts.has_swept ? counts.missed_by_feed : -1;
    }
    code = error_exit_code(failure);
    if (code == 0 && summary->opened > 0)
        code = 1;
    if (err.code != ERROR_NONE ||
        !ledger_run_end(sync->ledger, sync->run_id, code, failure->message, &err))
        log_failure(LOG_WARN, "sync", "run_not_closed", &err);
    sync->run_id = 0;
}

/* Is there anything to do? A scan's watermark is moved by a run, and by a watch's whole passes. */
static bool
sync_look(struct sync *sync, bool is_watch, struct run_found *found, struct error *err)
{
    const struct sync_options *o = sync->options;
    const struct run_look look = {.is_turn = is_watch,
                                  .base_url = o->base_url,
                                  .is_live = o->is_live,
                                  .is_queue = !o->is_scan,
                                  .sweep_interval_ms = o->sweep_interval_ms,
                                  .follows_events = o->follows_events,
                                  .events_interval_ms = is_watch ? o->follow_interval_ms : 0,
                                  .hands_over = o->order_state_function != NULL,
                                  .within_ms = SYNC_DUE_SOON_MS,
                                  .units_per_line_max = o->units_per_line_max,
                                  .line_items = o->line_items};

    *found = (struct run_found){.is_idle = false};
    if (o->wants_sweep || o->only_order != NULL)
        return true;
    if (!run_look(sync->ledger, &look, found, err))
        return false;
    return !o->is_scan || !found->is_idle ||
           scan_look(sync->ledger, o->line_items, o->scan_overlap_ms, !is_watch, &found->is_idle,
                     err);
}

bool
sync_run(struct sync *sync, struct sync_summary *summary, struct error *err)
{
    struct clock_mono began = clock_mono_now();
    bool ok = false;
    bool is_alone = true;
    struct run_found found;

    memset(summary, 0, sizeof(*summary));
    summary->missed_by_feed = -1;
    if (!sync_connect(sync, err))
        goto done;
    if (!run_join(sync->ledger, sync->options->skips_overlap, &is_alone, err))
        goto done;
    if (!is_alone) {
        summary->was_skipped = true;
        ok = true;
        goto done;
    }
    if (!sync_look(sync, false, &found, err))
        goto done;
    if (found.is_idle && !found.reads_events) {
        ok = run_idle(sync->ledger, sync->options->command, &summary->run_id, &summary->backlog,
                      err);
        goto done;
    }
    ok = sync_begin(sync, err);
    if (ok && found.lacks_relation)
        loop_poke_planner(
            sync->loop,
            true); /* the only one who opens it, and with nothing to plan nobody would */
    ok = ok && loop_pass(sync->loop, found.is_idle, err);
    sync_end(sync, summary, err);

done:
    summary->duration_ms = clock_mono_since_ms(began);
    sync_close(sync);
    return ok;
}

static void
sync_tick(const struct sync *sync)
{
    if (sync->options->observer != NULL)
        sync->options->observer->tick_fn(sync->options->observer->ctx);
}

/* True: asked to stop while waiting. */
static bool
sync_pause(struct sync *sync, int64_t ms)
{
    struct pollfd stop = {.fd = sync->stop_fd, .events = POLLIN};

    do {
        int64_t piece_ms = ms < SYNC_TICK_MS ? ms : SYNC_TICK_MS;

        sync_tick(sync);
        if (poll(&stop, 1, (int)piece_ms) > 0)
            return true;
        ms -= piece_ms;
    } while (ms > 0);
    return false;
}

static void
sync_add(struct sync_summary *total, const struct sync_summary *one)
{
    total->run_id = one->run_id;
    total->looked_at += one->looked_at;
    total->planned += one->planned;
    total->accepted += one->accepted;
    total->rejected += one->rejected;
    total->unknown += one->unknown;
    total->retried += one->retried;
    total->held += one->held;
    total->opened += one->opened;
    total->backlog = one->backlog;
}

/* Trouble that a person must end, against trouble that ends by itself. */
static bool
sync_is_passing(const struct error *err)
{
    return err->code == ERROR_DB_LOST || err->code == ERROR_DB || err->code == ERROR_API ||
           err->code == ERROR_NET || err->code == ERROR_STATE || err->code == ERROR_NOMEM;
}

/* The last run that ended is what a watch is judged by: so the first to go well ends at once. */
static bool
sync_is_proof(const struct sync *sync)
{
    return !sync->is_proven && (!sync->needs_answer || loop_was_answered(sync->loop));
}

static bool
sync_watch_once(struct sync *sync, struct sync_summary *total, struct error *err)
{
    bool ok = true;
    struct run_found found = {.is_idle = false};

    if (sync->ledger == NULL)
        ok = sync_connect(sync, err);
    if (ok && sync->loop == NULL)
        ok = sync_begin(sync, err);
    else if (ok && clock_mono_left_ms(sync->pass_again) > 0)
        ok = sync_look(sync, true, &found, err);
    if (ok && (!found.is_idle || found.reads_events)) {
        ok = loop_pass(sync->loop, false, err);
        sync->pass_again = clock_mono_add(clock_mono_now(), SYNC_PASS_MS);
    }
    if (!ok || sync_is_proof(sync) || clock_mono_since_ms(sync->run_began) >= SYNC_ROTATE_MS) {
        struct sync_summary one = {0};
        bool was_stopped = sync->loop != NULL && loop_was_stopped(sync->loop);

        if (sync->ledger != NULL)
            sync_end(sync, &one, err);
        sync_add(total, &one);
        total->was_stopped = was_stopped;
        sync_close(sync);
        sync->is_proven = ok;
        sync->needs_answer = err->code == ERROR_API || err->code == ERROR_NET;
    }
    return ok;
}

bool
sync_watch(struct sync *sync, struct sync_summary *summary, struct error *err)
{
    struct clock_mono began = clock_mono_now();
    int64_t backoff_ms = SYNC_WATCH_BACKOFF_MS;
    bool is_stopped = false;
    bool has_worked = false;

    memset(summary, 0, sizeof(*summary));
    summary->missed_by_feed = -1;
    while (!is_stopped) {
        struct error failure = {0};
        bool ok = sync_watch_once(sync, summary, &failure);

        is_stopped = (sync->loop != NULL && loop_was_stopped(sync->loop)) || summary->was_stopped;
        if (ok) {
            has_worked = true;
            backoff_ms = SYNC_WATCH_BACKOFF_MS;
            is_stopped = is_stopped || sync_pause(sync, sync->options->watch_interval_ms);
            continue;
        }
        /* A wrong file at the start is told at once; later everything but that passes by itself. */
        if (!sync_is_passing(&failure) || (!has_worked && failure.code == ERROR_STATE)) {
            *err = failure;
            break;
        }
        int64_t swallowed = 0;
        if (log_throttle("watch_failed", &swallowed))
            log_failure(LOG_WARN, "sync", "watch_failed", &failure);
        is_stopped = is_stopped || sync_pause(sync, backoff_ms);
        backoff_ms =
            backoff_ms * 2 < SYNC_WATCH_BACKOFF_MAX_MS ? backoff_ms * 2 : SYNC_WATCH_BACKOFF_MAX_MS;
    }
    if (sync->ledger != NULL) {
        struct sync_summary one = {0};

        sync_end(sync, &one, err);
        sync_add(summary, &one);
    }
    summary->was_stopped = is_stopped;
    summary->duration_ms = clock_mono_since_ms(began);
    sync_close(sync);
    return err->code == ERROR_NONE;
}
