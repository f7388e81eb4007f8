#include "sync/planner.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/plan.h"
#include "ledger/sweep.h"
#include "ledger/warehouse.h"
#include "provider/provider.h"
#include "sync/own_session.h"

enum {
    PLANNER_STATEMENT_TIMEOUT_MS = 600000, /* a sweep over ten million lines on a slow disk */
    PLANNER_OTHER_IS_BUSY_MS = 50,
    PLANNER_FAILURES_MAX = 20, /* in a row */
    PLANNER_SWEPT_MIN = 5000,
};

struct planner {
    const struct sync_options *options;
    int64_t run_id;
    pthread_t thread;
    int pipe[2];

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t poked;
    bool is_poked;
    bool wants_collect;
    bool is_stopping;
    struct pg_cancel
        *cancel; /* of the statement that the thread is at; NULL before its session is open */
    struct planner_state state;
    struct error err;
    struct error collect_err; /* of the last time that it collected */
};

static void
planner_wake_loop(struct planner *planner)
{
    ssize_t ignored = write(planner->pipe[1], "p", 1); /* full: the loop will look anyway */

    (void)ignored;
}

static bool
planner_is_stopping(struct planner *planner)
{
    bool is_stopping;

    pthread_mutex_lock(&planner->lock);
    is_stopping = planner->is_stopping;
    pthread_mutex_unlock(&planner->lock);
    return is_stopping;
}

static bool
planner_open(struct planner *planner, struct ledger **ledger, struct warehouse **warehouse,
             struct error *err)
{
    const struct sync_options *o = planner->options;
    const struct own_session_limits limits = {.statement_ms = PLANNER_STATEMENT_TIMEOUT_MS};

    return own_session_open(ledger, o, "planner", &limits, err) &&
           warehouse_open(*ledger, o->line_items, o->is_scan, warehouse, err);
}

static bool
planner_may_try_again(struct planner *planner, int *failures, struct error *err)
{
    if (!error_is_busy(err) || ++*failures > PLANNER_FAILURES_MAX || planner_is_stopping(planner))
        return false;
    log_failure(LOG_WARN, "sync", "database_busy", err);
    *err = (struct error){0};
    clock_sleep_ms(PLANNER_OTHER_IS_BUSY_MS);
    return true;
}

/* Until the queue is empty, but for what a sweep queued when that is to be spared. */
static bool
planner_drain(struct planner *planner, struct ledger *ledger, struct warehouse *warehouse,
              bool spares_sweep, struct error *err)
{
    const struct sync_options *o = planner->options;
    struct plan_settings settings = {
        .has_gate = o->has_gate,
        .decrease_is_note = o->decrease_is_note,
        .units_per_line_max = o->units_per_line_max,
        .unknown_grace_ms = o->unknown_order_grace_ms,
        .gate_fresh_ms = PLAN_GATE_FRESH_MS,
        .lines_per_submission_max = provider_lines_max(o->provider, PLAN_LINES_MAX),
        .orders_max = o->batch_rows,
        .only_order = o->only_order,
        .spares_sweep = spares_sweep,
    };

    int failures = 0;

    while (!planner_is_stopping(planner)) {
        struct plan_result result;

        if (!plan_batch(ledger, warehouse, planner->run_id, &settings, &result, err)) {
            if (!planner_may_try_again(planner, &failures, err))
                return false;
            continue;
        }
        failures = 0;
        if (!result.has_lock || (result.taken > 0 && result.busy == result.taken)) {
            /* Another planner is at it, or every order is being settled at this instant. */
            clock_sleep_ms(PLANNER_OTHER_IS_BUSY_MS);
            continue;
        }
        if (result.taken == 0)
            break;
        log_event(LOG_DEBUG, "sync", "planned", "orders", log_int(result.looked), "submissions",
                  log_int(result.planned), "withdrawn", log_int(result.withdrawn), "opened",
                  log_int(result.opened), NULL);
        pthread_mutex_lock(&planner->lock);
        planner->state.batches++;
        pthread_mutex_unlock(&planner->lock);
        planner_wake_loop(planner);
    }
    return true;
}

struct planner_sweep {
    struct planner *planner;
    struct ledger *ledger;
    struct warehouse *warehouse;
    int64_t planned; /* orders that the sweep had queued when they were planned last */
};

/* Between the pieces of a sweep: what others queued. What the sweep did is planned by the thousand:
 * a few orders at a time would not show that much of the warehouse is gone (functions/shrunk.sql).
 */
static bool
planner_pause(void *ctx, int64_t orders, struct error *err)
{
    struct planner_sweep *sweep = ctx;
    bool spares_sweep = orders - sweep->planned < PLANNER_SWEPT_MIN;

    if (!spares_sweep)
        sweep->planned = orders;
    if (!planner_drain(sweep->planner, sweep->ledger, sweep->warehouse, spares_sweep, err))
        return false;
    return !planner_is_stopping(sweep->planner) || error_set(err, ERROR_CANCELLED, "asked to stop");
}

static bool
planner_sweep(struct planner *planner, struct ledger *ledger, struct warehouse *warehouse,
              const char *why, struct error *err)
{
    struct planner_sweep sweep = {
        .planner = planner, .ledger = ledger, .warehouse = warehouse, .planned = 0};
    const struct sweep_pause pause = {.pause_fn = planner_pause, .ctx = &sweep};
    struct sweep_result swept;
    struct clock_mono began = clock_mono_now();

    if (!sweep_run(ledger, warehouse, planner->run_id, &pause, &swept, err))
        return false;
    log_event(LOG_INFO, "sync", "swept", "why", why, "of",
              warehouse_kind(warehouse) == WAREHOUSE_FUNCTION ? "orders known to the ledger" : NULL,
              "orders", log_int(swept.orders), "lines", log_int(swept.lines), "missed_by_feed",
              log_int(swept.missed), "not_ours", log_int(swept.not_ours), "ms",
              log_int(clock_mono_since_ms(began)), NULL);
    return true;
}

static bool
planner_collect(struct planner *planner, struct ledger *ledger, struct warehouse *warehouse,
                bool is_forced, struct error *err)
{
    const struct sync_options *o = planner->options;
    char why[256] = "";
    int64_t orders;

    if (o->only_order != NULL)
        return true;
    if (!sweep_is_due(ledger, planner->run_id, !o->is_scan, o->sweep_interval_ms, why, sizeof(why),
                      err))
        return false;
    /* A sweep may take minutes: what is queued goes first. */
    if ((is_forced || why[0] != '\0') &&
        (!planner_drain(planner, ledger, warehouse, false, err) ||
         !planner_sweep(planner, ledger, warehouse, is_forced ? "asked for" : why, err)))
        return false;
    return !o->is_scan || scan_run(ledger, warehouse, o->scan_overlap_ms, &orders, err);
}

/* What is queued and what is planned needs no sweep and no scan: a failure of these is told when
 * the pass is through. False: the session is gone, or asked to stop. */
static bool
planner_put_off(struct planner *planner, struct ledger *ledger, struct error *err)
{
    if (err->code != ERROR_DB || !pg_is_alive(ledger_pg(ledger)) || planner_is_stopping(planner))
        return false;
    pthread_mutex_lock(&planner->lock);
    planner->collect_err = *err;
    pthread_mutex_unlock(&planner->lock);
    error_clear(err);
    return true;
}

static void *
planner_main(void *ctx)
{
    struct planner *planner = ctx;
    struct ledger *ledger = NULL;
    struct warehouse *warehouse = NULL;
    struct error err = {0};
    bool is_forced = planner->options->wants_sweep;
    bool ok = planner_open(planner, &ledger, &warehouse, &err);

    if (ok) {
        pthread_mutex_lock(&planner->lock);
        planner->cancel = pg_cancel_new(ledger_pg(ledger));
        pthread_mutex_unlock(&planner->lock);
    }
    while (ok) {
        bool collects;

        pthread_mutex_lock(&planner->lock);
        while (!planner->is_poked && !planner->is_stopping) {
            planner->state.is_idle = true;
            planner_wake_loop(planner);
            pthread_cond_wait(&planner->poked, &planner->lock);
        }
        collects = planner->wants_collect;
        planner->is_poked = planner->wants_collect = false;
        ok = !planner->is_stopping;
        pthread_mutex_unlock(&planner->lock);
        if (!ok)
            break;
        ok = (!collects || planner_collect(planner, ledger, warehouse, is_forced, &err) ||
              planner_put_off(planner, ledger, &err)) &&
             planner_drain(planner, ledger, warehouse, false, &err);
        is_forced = is_forced && !collects;
    }
    warehouse_free(warehouse);
    ledger_close(ledger);

    pthread_mutex_lock(&planner->lock);
    planner->state.is_idle = true;
    planner->state.has_failed = err.code != ERROR_NONE;
    planner->err = err;
    pthread_mutex_unlock(&planner->lock);
    planner_wake_loop(planner);
    return NULL;
}

bool
planner_start(const struct sync_options *options, int64_t run_id, struct planner **out,
              struct error *err)
{
    struct planner *planner = calloc(1, sizeof(*planner));
    int failed;

    if (planner == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the planner");
    planner->options = options;
    planner->run_id = run_id;
    if (pipe2(planner->pipe, O_NONBLOCK | O_CLOEXEC) != 0) {
        free(planner);
        return error_set(err, ERROR_IO, "no pipe: %s", strerror(errno));
    }
    pthread_mutex_init(&planner->lock, NULL);
    pthread_cond_init(&planner->poked, NULL);
    failed = pthread_create(&planner->thread, NULL, planner_main, planner);
    if (failed != 0) {
        close(planner->pipe[0]);
        close(planner->pipe[1]);
        free(planner);
        return error_set(err, ERROR_NOMEM, "no thread for the planner: %s", strerror(failed));
    }
    *out = planner;
    return true;
}

void
planner_stop(struct planner *planner)
{
    if (planner == NULL)
        return;
    pthread_mutex_lock(&planner->lock);
    planner->is_stopping = true;
    pthread_cond_signal(&planner->poked);
    if (!planner->state.is_idle)
        pg_cancel_send(planner->cancel);
    pthread_mutex_unlock(&planner->lock);
    (void)pthread_join(planner->thread, NULL);
    pthread_cond_destroy(&planner->poked);
    pthread_mutex_destroy(&planner->lock);
    close(planner->pipe[0]);
    close(planner->pipe[1]);
    pg_cancel_free(planner->cancel);
    free(planner);
}

void
planner_poke(struct planner *planner, bool collects)
{
    pthread_mutex_lock(&planner->lock);
    planner->is_poked = true;
    planner->wants_collect = planner->wants_collect || collects;
    planner->state.is_idle = planner->state.has_failed;
    pthread_cond_signal(&planner->poked);
    pthread_mutex_unlock(&planner->lock);
}

int
planner_fd(const struct planner *planner)
{
    return planner->pipe[0];
}

void
planner_look(struct planner *planner, struct planner_state *out, struct error *err)
{
    char drained[64];

    while (read(planner->pipe[0], drained, sizeof(drained)) > 0)
        continue;
    pthread_mutex_lock(&planner->lock);
    *out = planner->state;
    if (planner->state.has_failed && err->code == ERROR_NONE)
        *err = planner->err;
    pthread_mutex_unlock(&planner->lock);
}

bool
planner_collected(struct planner *planner, struct error *err)
{
    pthread_mutex_lock(&planner->lock);
    *err = planner->collect_err;
    error_clear(&planner->collect_err);
    pthread_mutex_unlock(&planner->lock);
    return err->code == ERROR_NONE;
}
