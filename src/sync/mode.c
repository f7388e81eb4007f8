/* mode — a key of the wrong account, noticed before the first POST and not by its answer.
 *
 * Orders that are asked for tell it on the way. Where none is asked for (no order gate, or all are
 * known), one question is: any fulfillment of the account. An account that has none, or a key that
 * may not list, tells nothing; then the first POST's answer has to. */
#include "base/log.h"
#include "sync/loop.h"

enum { MODE_FAILURES_MAX = 3 }; /* 400, 800 and 1600 ms */

void
mode_ask(struct loop *loop)
{
    struct error err = {0};
    struct job *job = job_new(JOB_MODE, &err);

    if (job == NULL) {
        loop_fail(loop, &err);
        return;
    }
    loop->mode_is_asked = true;
    job_wait(loop, job, 0);
}

static void
mode_told(struct loop *loop, const struct provider_fulfillments *page)
{
    struct error err = {0};

    for (int i = 0; i < page->count; i++) {
        if (!page->list[i].has_live_mode || page->list[i].live_mode == loop->options->is_live)
            continue;
        error_set(&err, ERROR_STATE, "the API answers in %s mode, the configuration says %s",
                  loop->options->is_live ? "test" : "live",
                  loop->options->is_live ? "live" : "test");
        error_hint(&err, "check api.key_file and api.mode");
        loop_fail(loop, &err);
        return;
    }
    loop->mode_is_seen = true;
    loop->claims_may_be_due = true;
}

void
mode_answered(struct loop *loop, struct job *job, const struct http_answer *answer)
{
    struct provider_fulfillments page = {0};
    struct provider_answer how;

    provider_read_fulfillments(loop->provider, answer, &page, &how);
    loop_note_read(loop, &how);
    if (how.read == PROVIDER_READ_BLOCKED)
        loop_block(loop, how.retry_after_ms);

    if (how.read == PROVIDER_READ_BLOCKED ||
        (how.read != PROVIDER_READ_OK && how.read != PROVIDER_READ_REFUSED &&
         loop_waits_for(&how) && ++job->failures <= MODE_FAILURES_MAX)) {
        job_wait(loop, job, how.has_retry_after ? how.retry_after_ms : 200LL << job->failures);
    } else {
        if (how.read != PROVIDER_READ_OK)
            log_event(LOG_WARN, "sync", "mode_unknown", "error", how.error, NULL);
        mode_told(loop, &page);
        job_free(job);
    }
    provider_fulfillments_free(&page);
}
