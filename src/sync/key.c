/* key — what all hosts share of the API's key: its rate, the times in which it is blocked, whether
 * it is refused, and the circuit. */
#include <stdio.h>

#include "base/log.h"
#include "sync/loop.h"
#include "sync/reach.h"

enum {
    KEY_REFUSED_MAX = 3,
    KEY_BEAT_MS = 250,
    KEY_ANNOUNCED_MS = 1500, /* others stop to count a worker 2 s after its last beat */
    KEY_PROBE_MOST_MS = 30000,
};

void
loop_fail_refused(struct loop *loop)
{
    struct error err = {0};

    error_set(&err, ERROR_API, "the API refuses the key: %s", loop->refused_why);
    error_hint(&err, "check api.key_file or api.key_env; a new key takes up to 10 minutes");
    loop_fail(loop, &err);
    error_clear(&err);
    if (loop_db_rest(loop) && !work_key_refused(loop->ledger, loop->refused_why, &err))
        log_failure(LOG_WARN, "sync", "refusal_not_noted", &err);
}

void
loop_key_refused(struct loop *loop, const char *why)
{
    (void)snprintf(loop->refused_why, sizeof(loop->refused_why), "%s", why);
    if (++loop->key_refused >= KEY_REFUSED_MAX && !loop->is_closing)
        loop_fail_refused(loop);
}

void
loop_key_works(struct loop *loop)
{
    loop->key_refused = 0;
}

void
loop_note_answered(struct loop *loop)
{
    struct error err = {0};

    loop->was_answered = true;
    if (!loop->share.is_refused || !loop_db_rest(loop))
        return;
    /* Once: the beat tells when it is refused again. */
    loop->share.is_refused = false;
    if (!work_key_taken(loop->ledger, &err) && !loop_db_may_pass(loop, &err))
        loop_fail(loop, &err);
}

void
loop_block(struct loop *loop, int64_t ms)
{
    struct error err = {0};

    if (ms > budget_blocked_ms(&loop->budget)) {
        budget_block(&loop->budget, ms);
        log_event(LOG_WARN, "sync", "blocked", "why", REACH_429, "ms", log_int(ms), NULL);
        if (loop_db_rest(loop) && !work_block_key(loop->ledger, ms, REACH_429, &err) &&
            !loop_db_may_pass(loop, &err))
            loop_fail(loop, &err);
    }
}

/* ------------------------------------------------------------------ the share */

bool
loop_is_announced(const struct loop *loop)
{
    return loop->has_beat && clock_mono_left_ms(loop->announced_until) > 0;
}

bool
loop_beat(struct loop *loop, bool is_sending, struct error *err)
{
    struct clock_boot began = clock_boot_now();
    bool joins = is_sending && !loop_is_announced(loop);

    loop->beat_again = clock_mono_add(clock_mono_now(), KEY_BEAT_MS);
    if (!work_beat(loop->ledger, loop->worker_id, is_sending, loop->options->requests_per_second,
                   loop->has_beat ? began.ms - loop->beat_began.ms : -1, &loop->share, err))
        return false;
    loop->has_beat = true;
    loop->beat_began = began;
    if (is_sending)
        loop->announced_until = clock_mono_add(clock_mono_now(), KEY_ANNOUNCED_MS);
    budget_share(&loop->budget, loop->share.per_second, loop->share.blocked_ms,
                 joins && loop->share.workers > 1);
    if (loop->share.is_failing && !loop->circuit.is_open)
        loop->opened_at = clock_mono_now();
    circuit_hear(&loop->circuit, loop->share.is_failing);
    if (loop->circuit.is_open)
        loop->probe_again = clock_mono_add(clock_mono_now(), loop->share.probe_ms);
    return true;
}

/* ------------------------------------------------------------------ the circuit */

static void
key_failed(struct loop *loop, const char *why)
{
    struct error err = {0};
    int64_t most_ms = loop->options->retry_max_ms < KEY_PROBE_MOST_MS ? loop->options->retry_max_ms
                                                                      : KEY_PROBE_MOST_MS;
    int64_t probe_ms = 0;
    bool was_probe;

    if (!circuit_failed(&loop->circuit, &was_probe))
        return;
    if (!loop_db_rest(loop))
        return;
    if (!work_key_fails(loop->ledger, why, was_probe, loop->options->retry_first_ms, most_ms,
                        &probe_ms, &err)) {
        if (!loop_db_may_pass(loop, &err))
            loop_fail(loop, &err);
        return;
    }
    log_event(LOG_WARN, "sync", was_probe ? "probe_failed" : "circuit_open", "why", why, "probe_ms",
              log_int(probe_ms), NULL);
    loop->probe_again = clock_mono_add(clock_mono_now(), probe_ms);
    if (!was_probe)
        loop->opened_at = clock_mono_now();
}

static void
key_passed(struct loop *loop)
{
    struct error err = {0};

    if (!circuit_passed(&loop->circuit))
        return;
    log_event(LOG_WARN, "sync", "circuit_closed", NULL);
    loop->claims_may_be_due = true;
    if (loop_db_rest(loop) && !work_key_works(loop->ledger, &err) && !loop_db_may_pass(loop, &err))
        loop_fail(loop, &err);
}

void
loop_judge_post(struct loop *loop, const struct provider_result *result)
{
    switch (result->outcome) {
    case PROVIDER_UNKNOWN:
    case PROVIDER_REFUSED_LATER: /* by what stands before the API: others fare no better */
        key_failed(loop,
                   result->error_message[0] != '\0' ? result->error_message : result->error_code);
        break;
    case PROVIDER_ACCEPTED:
    case PROVIDER_ORDER_WAITS:
    case PROVIDER_REFUSED:
    case PROVIDER_PAYMENT:
    case PROVIDER_TAKEN:
        loop_note_answered(loop);
        key_passed(loop);
        break;
    case PROVIDER_NOT_NOW:
    case PROVIDER_REFUSED_KEY:
        break;
    }
}

bool
loop_probe_is_due(const struct loop *loop)
{
    return loop->circuit.is_open && !loop->circuit.is_probing && loop->circuit.out == 0 &&
           !loop->is_closing && !loop->is_shadow && loop->left.post_ms <= 0 &&
           clock_mono_left_ms(loop->probe_again) == 0;
}

void
loop_take_probe_post(struct loop *loop)
{
    struct error err = {0};
    bool is_ours = false;
    int64_t lease_ms = loop->options->send_within_ms + loop->options->timeout_ms + KEY_BEAT_MS;

    loop->probe_again = clock_mono_add(clock_mono_now(), KEY_BEAT_MS);
    if (!work_key_probe(loop->ledger, lease_ms, &is_ours, &err)) {
        if (!loop_db_may_pass(loop, &err))
            loop_fail(loop, &err);
        return;
    }
    if (is_ours) {
        circuit_probe(&loop->circuit);
        loop->claims_may_be_due = true;
    }
}

int64_t
loop_probe_wait_ms(const struct loop *loop)
{
    if (!loop->circuit.is_open || loop->circuit.is_probing)
        return 0;
    return clock_mono_left_ms(loop->probe_again);
}

bool
loop_fails_too_long(struct loop *loop, int64_t patience_ms)
{
    struct error err = {0};

    if (!loop->circuit.is_open || loop->circuit.is_probing || loop->is_shadow ||
        loop->left.post_ms > patience_ms ||
        (loop_probe_wait_ms(loop) <= patience_ms &&
         clock_mono_since_ms(loop->opened_at) <= patience_ms))
        return false;
    error_set(&err, ERROR_API,
              "the API fails again and again; one POST at a time is tried, the next in %lld s",
              (long long)(loop_probe_wait_ms(loop) / 1000 + 1));
    error_hint(&err,
               "what is due stays planned, a later run goes on; see: waybill report attempts");
    loop_fail(loop, &err);
    return true;
}
