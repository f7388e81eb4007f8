/* charges — what became of an order's money is asked for charge by charge, where an event or an
 * order that should be complete gives reason to. Beside the sending: what fails here is asked again
 * when its lease ends, and fails no run. */
#include <stdlib.h>

#include "base/log.h"
#include "sync/loop.h"

enum {
    CHARGES_AHEAD = 4,
    CHARGES_FAILURES_MAX = 3,
    CHARGES_LEASE_MS = 60000,
    CHARGES_BYTES_MAX = 16 * 1024 * 1024,
};

static char *
charges_json(const struct provider_charge *charge)
{
    struct buffer buf;
    struct json_writer w;

    buffer_init(&buf, CHARGES_BYTES_MAX);
    json_write_init(&w, &buf);
    json_write_object(&w, NULL);
    json_write_text(&w, "state", charge->state);
    if (charge->has_amount)
        json_write_number(&w, "amount", charge->amount);
    json_write_array(&w, "operations");
    for (int i = 0; i < charge->operations_count; i++) {
        const struct provider_operation *o = &charge->operations[i];

        json_write_object(&w, NULL);
        json_write_text(&w, "id", o->operation_id);
        json_write_text(&w, "kind", o->is_cancel ? "cancel" : "capture");
        json_write_text(&w, "state", o->state);
        if (o->has_amount)
            json_write_number(&w, "amount", o->amount);
        json_write_text(&w, "fulfillment_id", o->fulfillment_id);
        json_write_text(&w, "failure_code", o->failure_code);
        json_write_text(&w, "failure_message", o->failure_message);
        json_write_text(&w, "at", o->time);
        json_write_end_object(&w);
    }
    json_write_end_array(&w);
    json_write_end_object(&w);
    return buffer_take(&buf);
}

/* charge: NULL when the API knows no such charge. */
static void
charges_record(struct loop *loop, struct job *job, const struct provider_charge *charge)
{
    struct error err = {0};
    char *json = charge != NULL ? charges_json(charge) : NULL;

    if (charge != NULL && json == NULL)
        log_event(LOG_WARN, "sync", "charge_not_kept", "charge", job->ids[0], "why", "too long",
                  NULL);
    else if (loop_db_rest(loop) &&
             !follow_record_charge(loop->ledger, loop->run_id, job->ids[0], json, &err) &&
             !loop_db_may_pass(loop, &err))
        loop_fail(loop, &err);
    free(json);
    job_free(job);
    loop->look_again = clock_mono_now();
}

void
charges_answered(struct loop *loop, struct job *job, const struct http_answer *answer)
{
    struct provider_charge charge = {.operations = NULL};
    struct provider_answer how;

    provider_read_charge(loop->provider, answer, &charge, &how);
    /* A key may be one that reads no charges (403): that says nothing about it as a whole. */
    if (how.read != PROVIDER_READ_KEY || how.http_status == 401)
        loop_note_read(loop, &how);

    if (how.read == PROVIDER_READ_OK) {
        charges_record(loop, job, &charge);
    } else if (provider_is_unknown(&how) && how.http_status == 404) {
        charges_record(loop, job, NULL);
    } else if (how.read == PROVIDER_READ_BLOCKED) {
        loop_block(loop, how.retry_after_ms);
        job_wait(loop, job, 0);
    } else if (how.read == PROVIDER_READ_LATER && loop_waits_for(&how) &&
               ++job->failures <= CHARGES_FAILURES_MAX) {
        job_wait(loop, job, how.has_retry_after ? how.retry_after_ms : 200LL << job->failures);
    } else {
        log_event(LOG_WARN, "sync", "charge_not_read", "charge", job->ids[0], "error", how.error,
                  NULL);
        job_free(job);
    }
    provider_charge_free(&charge);
}

static bool
charges_give(struct job *job, char **id, struct error *err)
{
    job->ids = calloc(2, sizeof(*job->ids));
    if (job->ids == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for an id");
    job->ids[0] = *id;
    job->ids_count = 1;
    *id = NULL; /* the job's now */
    return true;
}

bool
charges_turn(struct loop *loop, int64_t pass_age_ms, struct error *err)
{
    int slots = loop_question_slots(loop);
    char **ids = NULL;
    int count = 0;
    bool ok = true;

    if (slots <= 0 || budget_blocked_ms(&loop->budget) > 0)
        return true;
    if (!follow_take_charges(loop->ledger, slots < CHARGES_AHEAD ? slots : CHARGES_AHEAD,
                             CHARGES_LEASE_MS, pass_age_ms, &ids, &count, err))
        return false;
    for (int i = 0; i < count && ok; i++) {
        struct job *job = job_new(JOB_CHARGE, err);

        ok = job != NULL && charges_give(job, &ids[i], err);
        if (ok)
            job_wait(loop, job, 0);
        else
            job_free(job);
    }
    work_ids_free(ids, count);
    return ok;
}
