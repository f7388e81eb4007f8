#include "sync/hand_over.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/follow.h"
#include "ledger/work.h"
#include "sync/own_session.h"

enum {
    HAND_OVER_STATEMENT_MS = 5000, /* what the warehouse's function may take */
    HAND_OVER_LOCK_MS = 1000,
    HAND_OVER_BATCH = 200,
    /* Failures in a row, of different orders, until it is the function and not the order. A slow
     * one counts more, so that a hundred of them don't hold up a run. */
    HAND_OVER_FAILURES_MAX = 12,
    HAND_OVER_SLOW_MS = 900,
    HAND_OVER_SLOW_WEIGHT = 4,
};

struct hand_over {
    const struct sync_options *options;
    int64_t run_id;
    pthread_t thread;
    int pipe[2];
    struct ledger *ledger; /* the thread's; NULL until it is needed */
    int failures;          /* in a row, weighted */
    int64_t refused;       /* in this round */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t poked;
    bool is_poked, is_stopping, is_idle, is_tired;
    struct clock_mono began; /* the pass that poked */
};

static bool
hand_over_is_stopping(struct hand_over *h)
{
    bool is_stopping;

    pthread_mutex_lock(&h->lock);
    is_stopping = h->is_stopping;
    pthread_mutex_unlock(&h->lock);
    return is_stopping;
}

static bool
hand_over_open(struct hand_over *h, struct error *err)
{
    const struct own_session_limits limits = {.statement_ms = HAND_OVER_STATEMENT_MS,
                                              .lock_ms = HAND_OVER_LOCK_MS};

    if (h->ledger != NULL && pg_is_alive(ledger_pg(h->ledger)))
        return true;
    ledger_close(h->ledger);
    h->ledger = NULL;
    return own_session_open(&h->ledger, h->options, "hand-over", &limits, err);
}

/* The statement itself failed. False: not even that could be kept, it stays due. */
static bool
hand_over_note_failed(struct hand_over *h, const char *order_id, const struct error *why)
{
    const struct sync_options *o = h->options;
    struct error err = {0};

    log_failure(LOG_WARN, "sync", "hand_over_failed", why);
    if (!pg_is_alive(ledger_pg(h->ledger)))
        return false;
    if (follow_hand_over_failed(h->ledger, h->run_id, order_id, o->order_state_function, why,
                                o->retry_first_ms, o->retry_max_ms, &err))
        return true;
    log_failure(LOG_WARN, "sync", "hand_over_failed", &err);
    return false;
}

/* The order's next state. False: there is none, or it was refused. */
static bool
hand_over_state(struct hand_over *h, const char *order_id)
{
    const struct sync_options *o = h->options;
    struct clock_mono began = clock_mono_now();
    struct follow_handed handed = {.states = 0};
    struct error err = {0};
    bool is_kept = true;

    if (!follow_hand_over(h->ledger, h->run_id, order_id, o->order_state_function,
                          o->retry_first_ms, o->retry_max_ms, &handed, &err))
        is_kept = hand_over_note_failed(h, order_id, &err);
    if (handed.states > 0) {
        h->failures = 0;
        return true;
    }
    if (handed.why[0] == '\0' && err.code == ERROR_NONE)
        return false;
    h->failures +=
        !is_kept || clock_mono_since_ms(began) >= HAND_OVER_SLOW_MS ? HAND_OVER_SLOW_WEIGHT : 1;
    /* One line a round; each order has its discrepancy. */
    if (h->refused++ == 0 && err.code == ERROR_NONE)
        log_event(LOG_WARN, "sync", "order_state_refused", "order", order_id, "error", handed.why,
                  NULL);
    return false;
}

static void
hand_over_order(struct hand_over *h, const char *order_id)
{
    while (hand_over_state(h, order_id) && !hand_over_is_stopping(h))
        continue;
}

/* Once over all orders that are due. False: it gave up before the end. */
static bool
hand_over_round(struct hand_over *h, struct clock_mono pass_began, struct error *err)
{
    char *after = strdup("");
    int count = 1;

    while (after != NULL && count > 0 && !hand_over_is_stopping(h)) {
        char **ids = NULL;

        if (!follow_hand_over_due(h->ledger, after, HAND_OVER_BATCH,
                                  clock_mono_since_ms(pass_began), &ids, &count, err))
            break;
        for (int i = 0; i < count && h->failures < HAND_OVER_FAILURES_MAX &&
                        !hand_over_is_stopping(h) && pg_is_alive(ledger_pg(h->ledger));
             i++)
            hand_over_order(h, ids[i]);
        if (count > 0) {
            free(after);
            after = ids[count - 1];
            ids[count - 1] = NULL;
        }
        work_ids_free(ids, count);
        if (h->failures >= HAND_OVER_FAILURES_MAX || !pg_is_alive(ledger_pg(h->ledger)))
            break;
    }
    if (after == NULL)
        error_set(err, ERROR_NOMEM, "no memory for an order id");
    free(after);
    return err->code == ERROR_NONE && count == 0;
}

static void *
hand_over_main(void *ctx)
{
    struct hand_over *h = ctx;

    pthread_mutex_lock(&h->lock);
    for (;;) {
        struct clock_mono began;
        struct error err = {0};
        bool is_done;

        while (!h->is_poked && !h->is_stopping) {
            ssize_t ignored = write(h->pipe[1], "h", 1); /* full: the loop will look anyway */

            (void)ignored;
            h->is_idle = true;
            pthread_cond_wait(&h->poked, &h->lock);
        }
        if (h->is_stopping)
            break;
        h->is_poked = false;
        began = h->began;
        pthread_mutex_unlock(&h->lock);

        h->failures = 0;
        h->refused = 0;
        is_done = hand_over_open(h, &err) && hand_over_round(h, began, &err);
        if (err.code != ERROR_NONE)
            log_failure(LOG_WARN, "sync", "hand_over_put_off", &err);
        else if (!is_done && !hand_over_is_stopping(h))
            log_event(LOG_WARN, "sync", "hand_over_put_off", "function",
                      h->options->order_state_function, "refused", log_int(h->refused), NULL);

        pthread_mutex_lock(&h->lock);
        h->is_tired = !is_done;
    }
    pthread_mutex_unlock(&h->lock);
    ledger_close(h->ledger);
    h->ledger = NULL;
    return NULL;
}

bool
hand_over_start(const struct sync_options *options, int64_t run_id, struct hand_over **out,
                struct error *err)
{
    struct hand_over *h = calloc(1, sizeof(*h));
    int failed;

    if (h == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the hand-over");
    h->options = options;
    h->run_id = run_id;
    if (pipe2(h->pipe, O_NONBLOCK | O_CLOEXEC) != 0) {
        free(h);
        return error_set(err, ERROR_IO, "no pipe: %s", strerror(errno));
    }
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->poked, NULL);
    failed = pthread_create(&h->thread, NULL, hand_over_main, h);
    if (failed != 0) {
        close(h->pipe[0]);
        close(h->pipe[1]);
        free(h);
        return error_set(err, ERROR_NOMEM, "no thread for the hand-over: %s", strerror(failed));
    }
    *out = h;
    return true;
}

void
hand_over_stop(struct hand_over *h)
{
    if (h == NULL)
        return;
    pthread_mutex_lock(&h->lock);
    h->is_stopping = true;
    pthread_cond_signal(&h->poked);
    pthread_mutex_unlock(&h->lock);
    (void)pthread_join(h->thread, NULL);
    pthread_cond_destroy(&h->poked);
    pthread_mutex_destroy(&h->lock);
    close(h->pipe[0]);
    close(h->pipe[1]);
    free(h);
}

void
hand_over_poke(struct hand_over *h, int64_t pass_age_ms)
{
    pthread_mutex_lock(&h->lock);
    h->is_poked = true;
    h->is_idle = false;
    h->began = clock_mono_add(clock_mono_now(), -pass_age_ms);
    pthread_cond_signal(&h->poked);
    pthread_mutex_unlock(&h->lock);
}

int
hand_over_fd(const struct hand_over *h)
{
    return h->pipe[0];
}

bool
hand_over_is_idle(struct hand_over *h, bool *is_tired)
{
    char drained[16];
    bool is_idle;

    while (read(h->pipe[0], drained, sizeof(drained)) > 0)
        continue;
    pthread_mutex_lock(&h->lock);
    is_idle = h->is_idle && !h->is_poked;
    *is_tired = h->is_tired;
    pthread_mutex_unlock(&h->lock);
    return is_idle;
}
