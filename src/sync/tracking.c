/* tracking — what changed of a parcel after its fulfillment was accepted is sent to the
 * fulfillment: tracking only, one request each, under the order's lane. */
#include <stdlib.h>

#include "base/log.h"
#include "sync/loop.h"

enum {
    TRACKING_AHEAD = 8,
    /* Beyond a request's time: waiting for the budget, and for our turn. Then it may not leave. */
    TRACKING_LEASE_MS = 30000,
};

static void
tracking_settle(struct loop *loop, struct job *job, const char *outcome, const char *why,
                int64_t delay_ms)
{
    struct error err = {0};

    log_event(LOG_DEBUG, "sync", "tracking", "submission", log_int(job->tracking->submission_id),
              "outcome", outcome, "why", why, NULL);
    /* What can't be recorded is sent again when the lease is over: the same texts to the same
     * fulfillment. */
    if (loop_db_rest(loop) &&
        !follow_tracked(loop->ledger, loop->run_id, job->tracking, outcome, why, delay_ms, &err) &&
        !loop_db_may_pass(loop, &err))
        loop_fail(loop, &err);
    loop->look_again = clock_mono_now();
    loop->claims_may_be_due = true; /* the lane is free */
    job_free(job);
}

void
tracking_give_back(struct loop *loop, struct job *job)
{
    tracking_settle(loop, job, "again", "the run was stopping", 0);
}

/* Three outcomes, as of a POST, but "nobody knows" may simply be sent again: it changes no
 * quantity, and setting the same tracking twice is setting it once. */
void
tracking_answered(struct loop *loop, struct job *job, const struct http_answer *answer)
{
    struct provider_answer how;
    int64_t delay_ms = backoff_delay_ms(&loop->backoff, job->tracking->failures + 1);

    provider_read_plain(loop->provider, answer, &how);
    loop_note_read(loop, &how);
    if (how.has_retry_after && delay_ms < how.retry_after_ms)
        delay_ms = how.retry_after_ms;

    switch (how.read) {
    case PROVIDER_READ_OK:
        tracking_settle(loop, job, "sent", NULL, 0);
        break;
    case PROVIDER_READ_BLOCKED:
        loop_block(loop, how.retry_after_ms);
        tracking_settle(loop, job, "again", how.error, delay_ms);
        break;
    case PROVIDER_READ_REFUSED:
        /* A list that lags may not know a young fulfillment (404), another change of it may be
         * under way (409), and a gateway knows nothing of it: only after many tries is that a
         * refusal. */
        if ((how.http_status == 404 || how.http_status == 409 || !how.is_own_words) &&
            job->tracking->failures + 1 < loop->options->attempts_max)
            tracking_settle(loop, job, "again", how.error, delay_ms);
        else
            tracking_settle(loop, job, "refused", how.error, 0);
        break;
    case PROVIDER_READ_LATER:
    case PROVIDER_READ_KEY:
        tracking_settle(loop, job, "again", how.error, delay_ms);
        break;
    }
}

bool
tracking_turn(struct loop *loop, struct error *err)
{
    int slots = loop_question_slots(loop);
    int64_t lease_ms =
        TRACKING_LEASE_MS + loop->options->connect_timeout_ms + loop->options->timeout_ms;
    struct clock_boot began = clock_boot_now();
    struct follow_tracking **list = NULL;
    int count = 0;

    if (slots <= 0 || loop->is_shadow || loop->tracking_rests ||
        budget_blocked_ms(&loop->budget) > 0)
        return true;
    if (!follow_take_tracking(loop->ledger, loop->worker_id,
                              slots < TRACKING_AHEAD ? slots : TRACKING_AHEAD, lease_ms, &list,
                              &count, err))
        return false;
    for (int i = 0; i < count; i++) {
        struct job *job = job_new(JOB_TRACKING, err);

        if (job == NULL) {
            while (i < count)
                follow_tracking_free(list[i++]);
            free(list);
            return false;
        }
        job->tracking = list[i];
        /* Counted from before the take: who slept over it may find a newer one sent by another. */
        job->send_deadline = clock_boot_add(began, TRACKING_LEASE_MS);
        job_wait(loop, job, 0);
    }
    free(list);
    /* Taken by another host just now, or for long: either way it is not ours in this pass. */
    loop->tracking_rests = count == 0 && http_in_flight(loop->http) + loop->waiting == 0;
    return true;
}
