/* look — an order's fulfillments are listed: to resolve an unknown, before a repeated POST, or for
 * the order's sake. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sync/loop.h"

enum { LOOK_GET_FAILURES_MAX = 3 };

static enum verdict_then
look_then(const char *text)
{
    if (strcmp(text, "reject") == 0)
        return VERDICT_THEN_REJECT;
    return strcmp(text, "wait") == 0 ? VERDICT_THEN_WAIT : VERDICT_THEN_REPLAN;
}

static void
look_detail(const struct verdict *verdict, const struct work_claim *claim,
            const struct work_evidence *evidence, const char *why, char *out, size_t out_bytes)
{
    (void)snprintf(out, out_bytes, "%s%s%s%s%s%s%s%s", verdict->why,
                   evidence->unexplained > 0 ? ": fulfillment " : "", evidence->unexplained_ids,
                   claim->error_code != NULL ? "; the answer was " : "",
                   claim->error_code != NULL ? claim->error_code : "",
                   claim->error_message != NULL ? ": " : "",
                   claim->error_message != NULL ? claim->error_message : "", why);
}

/* A list that can't be read is asked for less and less often: a pass doesn't wait for it. */
static int64_t
look_delay_ms(const struct loop *loop, const struct work_claim *claim, bool is_readable)
{
    int unread = claim->looks - claim->negative_looks;

    if (is_readable)
        return loop_look_delay_ms(loop, claim->negative_looks + 1);
    return 2000LL << (unread < 7 ? unread : 7);
}

/* An unknown submission: the list is complete, or could not be read. */
static void
look_settle(struct loop *loop, struct job *job, const struct work_evidence *evidence, int found,
            bool is_readable, const char *why, int64_t retry_after_ms)
{
    struct work_claim *claim = job->claim;
    struct verdict verdict;
    char detail[1200];
    struct verdict_look look = {
        .is_readable = is_readable,
        .found = found,
        .is_unexplained = evidence->unexplained > 0,
        .is_settled = claim->is_settled,
        .negative_looks = claim->negative_looks + 1,
        .is_marker_seen = evidence->marker_was_seen,
        .repeats_safely = provider_capabilities(loop->provider)->has_idempotency_key,
    };
    struct verdict_situation situation = {
        .attempts = claim->attempts,
        .attempts_max = loop->options->attempts_max,
        .unknown_attempts = claim->unknown_attempts,
        .lines = claim->lines,
        .then = look_then(claim->unknown_then),
        .refused_as = provider_code_outcome(loop->provider, claim->error_code),
        .is_order_wide = provider_is_order_wide(loop->provider, claim->error_code),
    };

    verdict_look(&situation, &look, &verdict);
    look_detail(&verdict, claim, evidence, why, detail, sizeof(detail));
    /* "Not there yet" is what most looks say, again and again. */
    log_event(verdict.next == VERDICT_UNKNOWN ? LOG_DEBUG : LOG_INFO, "sync", "looked",
              "submission", log_int(claim->submission_id), "outcome",
              verdict_state_name(verdict.next), "why", verdict.why, NULL);
    if (found > 0)
        return; /* the listing itself was taken as evidence */

    int64_t delay_ms =
        verdict.next == VERDICT_UNKNOWN ? look_delay_ms(loop, claim, is_readable) : 0;

    if (delay_ms < retry_after_ms && verdict.next == VERDICT_UNKNOWN)
        delay_ms = retry_after_ms;
    loop_settlement(loop,
                    &(struct settlement){
                        .is_look = true,
                        .claim = claim,
                        .tries = claim->tries,
                        .next = verdict_state_name(verdict.next),
                        .outcome = !is_readable                ? "unreadable"
                                   : evidence->unexplained > 0 ? "unexplained"
                                                               : "absent",
                        .is_sent = true,
                        .duration_ms = clock_mono_now().ms - job->began_ms,
                        .error_code = is_readable ? NULL : "unreadable",
                        .error_message = is_readable ? NULL : why,
                        .unknown_then = verdict_then_name(verdict.then),
                        .held_by = verdict_held_by_name(verdict.held_by),
                        .waits_for_gate = verdict.shuts_gate && verdict.next == VERDICT_PLANNED &&
                                          loop->options->has_gate,
                        .shuts_gate = verdict.shuts_gate,
                        .delay_ms = delay_ms,
                        .discrepancy = verdict.discrepancy_kind,
                        .detail = detail,
                    });
    if (verdict.next != VERDICT_UNKNOWN)
        loop_poke_planner(loop, false);
}

/* A list may take as long to read as a claim may be sent: the claim begins anew then, while it
 * stands, and what was seen counts. */
static bool
look_renews(struct loop *loop, struct job *job)
{
    int64_t within_ms = loop->options->send_within_ms;
    struct error err = {0};
    struct clock_boot began;
    bool stands = false;

    if (!clock_boot_is_past(clock_boot_add(job->send_deadline, -within_ms / 2)))
        return true;
    if (!loop_db_rest(loop))
        return false;
    /* The deadline counts from before the claim was made anew. */
    began = clock_boot_now();
    if (!work_claim_renew(loop->ledger, loop->worker_id, job->claim, within_ms, &stands, &err)) {
        if (!loop_db_may_pass(loop, &err))
            loop_fail(loop, &err);
        return false;
    }
    if (stands)
        job->send_deadline = clock_boot_add(began, within_ms);
    return stands;
}

/* A claimed submission that may have been applied before: surely absent, or it isn't sent. */
static void
look_before_post(struct loop *loop, struct job *job, const struct work_evidence *evidence,
                 const char *found_id, bool is_readable, const char *why, int64_t retry_after_ms)
{
    struct work_claim *claim = job->claim;
    struct settlement s = {
        .claim = claim, .token = claim->token, .duration_ms = clock_mono_now().ms - job->began_ms};

    if (is_readable && found_id[0] != '\0') {
        s.is_look = true;
        s.token = NULL;
        s.next = "accepted";
        s.outcome = "found";
        s.is_sent = true;
        s.fulfillment_id = found_id;
        loop_settlement(loop, &s);
        job_free(job);
        return;
    }
    if (!is_readable) {
        int64_t delay_ms = post_vain_delay_ms(loop, claim);

        post_give_back(loop, job, why, delay_ms > retry_after_ms ? delay_ms : retry_after_ms);
        return;
    }
    if (!provider_capabilities(loop->provider)->has_idempotency_key &&
        (evidence->unexplained > 0 || !evidence->marker_was_seen)) {
        char detail[800];

        (void)snprintf(detail, sizeof(detail), "%s%s",
                       evidence->unexplained > 0
                           ? "something unexplained could be ours: fulfillment "
                           : "absent, but no list has ever shown a marker",
                       evidence->unexplained_ids);
        s.next = "held";
        s.outcome = "unexplained";
        s.held_by = evidence->unexplained > 0 ? "ambiguous" : "marker";
        s.discrepancy = "ambiguous";
        s.detail = detail;
        loop_settlement(loop, &s);
        job_free(job);
        return;
    }
    if (!look_renews(loop, job)) {
        post_give_back(loop, job, "the look took longer than the claim",
                       post_vain_delay_ms(loop, claim));
        return;
    }
    /* Surely not there: now it may go, directly. */
    listing_free(job->listing);
    job->listing = NULL;
    job->kind = JOB_POST;
    job_go_first(loop, job);
}

/* An order's own list: somebody has to hear of it when it can't be read for long. */
static void
look_unread(struct loop *loop, const struct job *job, const char *why, int64_t retry_after_ms)
{
    struct error err = {0};

    log_event(LOG_WARN, "sync", "list_not_read", "order", job->order_id, "error", why, NULL);
    if (loop_db_rest(loop) &&
        !work_record_unlisted(loop->ledger, loop->run_id, job->order_id, why, retry_after_ms,
                              &err) &&
        !loop_db_may_pass(loop, &err))
        loop_fail(loop, &err);
    loop_poke_planner(loop, false);
}

static void
look_done(struct loop *loop, struct job *job, bool is_readable, const char *why,
          int64_t retry_after_ms)
{
    struct error err = {0};
    struct work_evidence evidence = {0};
    const char *order_id = job->claim != NULL ? job->claim->order_id : job->order_id;
    const char *marker = job->claim != NULL ? job->claim->marker : NULL;
    const char *sent_after = job->claim != NULL ? job->claim->first_sent_at : NULL;
    char lacks[WORK_IDS_BYTES + 80];
    char *json = NULL;
    bool ok = true;

    if (is_readable && listing_is_live_wrong(job->listing, loop->options->is_live)) {
        is_readable = false;
        why = "the list is of the other mode";
    }
    if (is_readable) {
        json = listing_json(job->listing, &err);
        ok = json != NULL && loop_db_rest(loop);
        if (ok && job->kind == JOB_LIST)
            ok = work_record_listing(loop->ledger, loop->run_id, order_id, json,
                                     evidence.lacking_ids, &err);
        else if (ok)
            ok = work_read_listing(loop->ledger, loop->run_id, order_id, json, marker, sent_after,
                                   &evidence, &err);
        free(json);
    }
    if (!ok) {
        /* a deadlock or the like: it is looked up again, when its lease is over */
        if (err.code != ERROR_NONE && !loop_db_may_pass(loop, &err))
            loop_fail(loop, &err);
        if (job->kind == JOB_PRECHECK)
            post_give_back(loop, job, "the ledger could not be asked", 0);
        else
            job_free(job);
        return;
    }
    /* What is found is found; but nothing is absent from a list that isn't whole. */
    if (evidence.lacking_ids[0] != '\0' && evidence.found_id[0] == '\0') {
        (void)snprintf(lacks, sizeof(lacks), "the list lacks what the API has accepted before: %s",
                       evidence.lacking_ids);
        is_readable = false;
        why = lacks;
        log_event(LOG_WARN, "sync", "list_not_whole", "order", order_id, "lacks",
                  evidence.lacking_ids, NULL);
    }
    switch (job->kind) {
    case JOB_LOOK:
        look_settle(loop, job, &evidence,
                    is_readable ? listing_count_marker(job->listing, marker) : 0, is_readable, why,
                    retry_after_ms);
        job_free(job);
        break;
    case JOB_PRECHECK:
        look_before_post(loop, job, &evidence, evidence.found_id, is_readable, why, retry_after_ms);
        break;
    default:
        if (is_readable)
            loop_poke_planner(loop, false);
        else if (job->kind == JOB_LIST)
            look_unread(loop, job, why, retry_after_ms);
        job_free(job);
        break;
    }
}

void
look_answered(struct loop *loop, struct job *job, const struct http_answer *answer)
{
    struct provider_fulfillments page = {0};
    struct provider_answer how;
    enum listing_step step;

    /* One object or a list: the listing knows what it asked for. */
    if (listing_is_by_id(job->listing))
        provider_read_fulfillment(loop->provider, answer, &page, &how);
    else
        provider_read_fulfillments(loop->provider, answer, &page, &how);

    loop_note_read(loop, &how);
    if (how.read == PROVIDER_READ_BLOCKED)
        loop_block(loop, how.retry_after_ms);

    if (how.read == PROVIDER_READ_BLOCKED ||
        (how.read == PROVIDER_READ_LATER && loop_waits_for(&how) &&
         job->failures < LOOK_GET_FAILURES_MAX && job->kind != JOB_PRECHECK)) {
        /* Asked again, from the page where it was. */
        job->failures++;
        job_wait(loop, job, how.has_retry_after ? how.retry_after_ms : 200 * job->failures);
        provider_fulfillments_free(&page);
        return;
    }
    if (how.read == PROVIDER_READ_LATER && job->kind != JOB_PRECHECK)
        loop_note_unanswered(loop, how.error);
    step = listing_take(job->listing, &page, &how);
    provider_fulfillments_free(&page);
    if (step == LISTING_GOES_ON)
        job_wait(loop, job, 0);
    else
        look_done(loop, job, step == LISTING_COMPLETE, listing_why(job->listing),
                  how.has_retry_after ? how.retry_after_ms : 0);
}
