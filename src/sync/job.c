#include <stdlib.h>

#include "sync/loop.h"

struct job *
job_new(enum job_kind kind, struct error *err)
{
    struct job *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for a request");
        return NULL;
    }
    job->kind = kind;
    job->began_ms = clock_mono_now().ms;
    return job;
}

void
job_free(struct job *job)
{
    if (job == NULL)
        return;
    if (job->circuit != NULL)
        circuit_over(job->circuit);
    work_claim_free(job->claim);
    listing_free(job->listing);
    events_free(job->events);
    follow_tracking_free(job->tracking);
    free(job->order_id);
    work_ids_free(job->ids, job->ids_count);
    free(job);
}

void
job_free_all(struct job *first)
{
    while (first != NULL) {
        struct job *job = first;

        first = job->next;
        job_free(job);
    }
}

void
job_wait(struct loop *loop, struct job *job, int64_t delay_ms)
{
    job->not_before = clock_mono_add(clock_mono_now(), delay_ms);
    job->next = NULL;
    *loop->last = job;
    loop->last = &job->next;
    loop->waiting++;
    if (job->kind == JOB_POST)
        loop->waiting_posts++;
}

void
job_go_first(struct loop *loop, struct job *job)
{
    job->not_before = clock_mono_now();
    job->next = loop->first;
    if (loop->first == NULL)
        loop->last = &job->next;
    loop->first = job;
    loop->waiting++;
    if (job->kind == JOB_POST)
        loop->waiting_posts++;
}

static bool
job_request(struct loop *loop, struct job *job, struct error *err)
{
    switch (job->kind) {
    case JOB_POST:
        return post_request(loop, job, err);
    case JOB_LOOK:
    case JOB_PRECHECK:
    case JOB_LIST:
    case JOB_PROBE:
        return listing_next(job->listing, loop->provider, &loop->request, err);
    case JOB_ASK:
        return provider_ask_orders(loop->provider, (const char *const *)job->ids, job->ids_count,
                                   &loop->request, err);
    case JOB_UPSTREAM:
        return provider_ask_upstream(loop->provider, (const char *const *)job->ids, job->ids_count,
                                     &loop->request, err);
    case JOB_TRACKING:
        return provider_update_tracking(loop->provider, job->tracking->fulfillment_id,
                                        job->tracking->company, job->tracking->number,
                                        job->tracking->url, &loop->request, err);
    case JOB_EVENTS:
        return events_request(loop, job, err);
    case JOB_CHARGE:
        return provider_get_charge(loop->provider, job->ids[0], &loop->request, err);
    case JOB_MODE:
        return provider_probe(loop->provider, &loop->request, err);
    }
    return false;
}

bool
job_send(struct loop *loop, struct job *job, struct error *err)
{
    struct http_request request = {0};

    if (!job_request(loop, job, err))
        return false;
    provider_request_to_http(&loop->request, &request);
    request.tag = job;
    if (job->kind == JOB_POST || job->kind == JOB_TRACKING) {
        request.has_send_deadline = true;
        request.send_deadline = job->send_deadline;
    }
    return http_start(loop->http, &request, err);
}

void
job_answered(struct loop *loop, struct job *job, const struct http_answer *answer)
{
    loop_note_answer(loop, answer);
    switch (job->kind) {
    case JOB_POST:
        post_answered(loop, job, answer);
        break;
    case JOB_LOOK:
    case JOB_PRECHECK:
    case JOB_LIST:
    case JOB_PROBE:
        look_answered(loop, job, answer);
        break;
    case JOB_ASK:
    case JOB_UPSTREAM:
        ask_answered(loop, job, answer);
        break;
    case JOB_MODE:
        mode_answered(loop, job, answer);
        break;
    case JOB_TRACKING:
        tracking_answered(loop, job, answer);
        break;
    case JOB_EVENTS:
        events_answered(loop, job, answer);
        break;
    case JOB_CHARGE:
        charges_answered(loop, job, answer);
        break;
    }
}
