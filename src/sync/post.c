/* post — a claimed submission goes out, and its answer becomes a settlement. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sync/loop.h"

enum {
    POST_KEY_DELAY_MS = 1000,
    POST_LINES_MAX = 1000, /* a submission has at most 100; room for another provider */
};

static bool
post_describe(const struct work_claim *claim, struct provider_item *items,
              struct provider_submission *out)
{
    if (claim->items_count > POST_LINES_MAX)
        return false;
    for (int i = 0; i < claim->items_count; i++)
        items[i] = (struct provider_item){.item_id = claim->items[i].item_id,
                                          .shipped = claim->items[i].shipped,
                                          .cancelled = claim->items[i].cancelled,
                                          .shipment_item_id = claim->items[i].shipment_item_id};
    *out = (struct provider_submission){.marker = claim->marker,
                                        .order_id = claim->order_id,
                                        .shipment_id = claim->shipment_id,
                                        .tracking_company = claim->tracking_company,
                                        .tracking_number = claim->tracking_number,
                                        .tracking_url = claim->tracking_url,
                                        .items = items,
                                        .items_count = claim->items_count};
    return true;
}

bool
post_request(struct loop *loop, const struct job *job, struct error *err)
{
    struct provider_item items[POST_LINES_MAX];
    struct provider_submission submission;

    if (!post_describe(job->claim, items, &submission))
        return error_set(err, ERROR_LIMIT, "submission %lld has %d lines",
                         (long long)job->claim->submission_id, job->claim->items_count);
    return provider_post(loop->provider, &submission, &loop->request, err);
}

void
post_give_back(struct loop *loop, struct job *job, const char *why, int64_t delay_ms)
{
    loop_settlement(loop, &(struct settlement){.claim = job->claim,
                                               .token = job->claim->token,
                                               .next = "planned",
                                               .outcome = "not_sent",
                                               .error_code = "not_sent",
                                               .error_message = why,
                                               .delay_ms = delay_ms});
    job_free(job);
}

int64_t
post_vain_delay_ms(struct loop *loop, const struct work_claim *claim)
{
    return backoff_delay_ms(&loop->backoff, claim->tries - claim->attempts);
}

/* What an operator reads in a discrepancy. */
static void
post_detail(const struct provider_result *result, const struct verdict *verdict, char *out,
            size_t out_bytes)
{
    if (result->is_mismatch && result->outcome == PROVIDER_ACCEPTED) {
        (void)snprintf(out, out_bytes, "%s: %s", verdict->why, result->mismatch);
        return;
    }
    if (result->error_code[0] == '\0' && result->error_message[0] == '\0') {
        (void)snprintf(out, out_bytes, "%s: HTTP %d", verdict->why, result->http_status);
        return;
    }
    (void)snprintf(out, out_bytes, "%s: %s%.3d %s%s%s%s: %s", verdict->why,
                   result->http_status > 0 ? "HTTP " : "", result->http_status, result->error_code,
                   result->error_parameter[0] != '\0' ? " (" : "", result->error_parameter,
                   result->error_parameter[0] != '\0' ? ")" : "", result->error_message);
}

static int64_t
post_delay_ms(struct loop *loop, const struct work_claim *claim,
              const struct provider_result *result, const struct verdict *verdict)
{
    int64_t delay_ms = 0;

    if (verdict->next == VERDICT_UNKNOWN)
        delay_ms = loop_look_delay_ms(loop, 0);
    else if (verdict->uses_backoff && result->is_late)
        delay_ms = post_vain_delay_ms(loop, claim);
    else if (verdict->uses_backoff)
        delay_ms = backoff_delay_ms(&loop->backoff, claim->attempts + 1);
    else if (verdict->stops_key)
        delay_ms = POST_KEY_DELAY_MS;
    if (verdict->waits_retry_after && delay_ms < result->retry_after_ms)
        delay_ms = result->retry_after_ms;
    return delay_ms;
}

static void
post_consequences(struct loop *loop, const struct provider_result *result,
                  const struct verdict *verdict)
{
    if (verdict->blocks_key)
        loop_block(loop, result->retry_after_ms);
    if (verdict->stops_key)
        loop_key_refused(loop, result->error_message);
    else if (result->http_status > 0)
        loop_key_works(loop);
    loop_judge_post(loop, result);
    if (verdict->stops_ledger) {
        struct error err = {0};

        error_set(&err, ERROR_STATE, "the API answered in %s mode, the configuration says %s",
                  loop->options->is_live ? "test" : "live",
                  loop->options->is_live ? "live" : "test");
        error_hint(&err, "the ledger is paused; check api.key_file and api.mode");
        loop->pauses_ledger = true;
        loop_fail(loop, &err);
    }
}

void
post_answered(struct loop *loop, struct job *job, const struct http_answer *answer)
{
    struct work_claim *claim = job->claim;
    struct provider_item items[POST_LINES_MAX];
    struct provider_submission submission;
    struct provider_result result;
    struct verdict verdict;
    char detail[1200];

    (void)post_describe(claim, items, &submission);
    provider_read_post(loop->provider, &submission, answer, &result);

    struct verdict_situation situation = {
        .attempts = claim->attempts,
        .attempts_max = loop->options->attempts_max,
        .unknown_attempts = claim->unknown_attempts,
        .lines = claim->lines,
        .others_succeed = claim->others_succeed && !loop->circuit.is_open,
        .is_order_wide = result.is_order_wide,
    };

    verdict_post(&situation, &result, &verdict);
    if (verdict.discrepancy_kind != NULL)
        post_detail(&result, &verdict, detail, sizeof(detail));
    post_consequences(loop, &result, &verdict);
    if (log_is_on(LOG_DEBUG))
        log_event(LOG_DEBUG, "sync", "answered", "submission", log_int(claim->submission_id),
                  "attempt", log_int(claim->tries), "outcome", verdict_state_name(verdict.next),
                  "why", verdict.why, "status", log_int(result.http_status), "error",
                  result.error_code[0] != '\0' ? result.error_code : NULL, "request_id",
                  result.request_id[0] != '\0' ? result.request_id : NULL, NULL);

    if (loop->options->observer != NULL)
        loop->options->observer->post_fn(
            verdict.next == VERDICT_PLANNED ? "refused" : verdict_state_name(verdict.next),
            answer->duration_ms, result.is_sent, loop->options->observer->ctx);
    loop_settlement(
        loop, &(struct settlement){
                  .claim = claim,
                  .token = claim->token,
                  .next = verdict_state_name(verdict.next),
                  .outcome = verdict.next == VERDICT_PLANNED ? "refused"
                                                             : verdict_state_name(verdict.next),
                  .is_sent = result.is_sent,
                  .duration_ms = answer->duration_ms,
                  .http_status = result.http_status,
                  .error_code = result.error_code,
                  .error_message = result.error_message,
                  .request_id = result.request_id,
                  .fulfillment_id = verdict.next == VERDICT_ACCEPTED ? result.fulfillment_id : NULL,
                  .unknown_then = verdict_then_name(verdict.then),
                  .held_by = verdict_held_by_name(verdict.held_by),
                  .counts = verdict.counts_attempt,
                  .is_possible = verdict.counts_unknown,
                  .waits_for_gate = verdict.shuts_gate && verdict.next == VERDICT_PLANNED &&
                                    loop->options->has_gate,
                  .shuts_gate = verdict.shuts_gate,
                  .delay_ms = post_delay_ms(loop, claim, &result, &verdict),
                  .settle_ms = loop->options->timeout_ms + loop->options->settle_ms,
                  .discrepancy = verdict.discrepancy_kind,
                  .detail = verdict.discrepancy_kind != NULL ? detail : NULL,
                  .alone_item = verdict.next == VERDICT_SPLIT && verdict.split_item >= 0
                                    ? claim->items[verdict.split_item].item_id
                                    : NULL,
              });
    if (verdict.next == VERDICT_SPLIT || verdict.shuts_gate)
        loop_poke_planner(loop, false);
    job_free(job);
}
