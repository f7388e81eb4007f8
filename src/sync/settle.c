/* Answers go into the ledger, a batch at a time; while there is a backlog, on a session of their
 * own, so that claims and settlements of different orders are made at once. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sync/loop.h"
#include "sync/own_session.h"

enum {
    SETTLE_MAX = 300,      /* one settlement; nothing is gained above */
    SETTLE_APART = 64,     /* answers in hand from which a session of their own pays */
    SETTLE_MANY = 100,     /* nearly as cheap as any number: no use to wait for more */
    SETTLE_LINGER_MS = 10, /* an answer waits so long for others: few large batches */
    SETTLE_TIMEOUT_MS = 60000,
};

void
loop_settlement(struct loop *loop, const struct settlement *s)
{
    struct error err = {0};
    struct json_writer w;
    char *text;

    buffer_reset(&loop->scratch);
    json_write_init(&w, &loop->scratch);
    settlement_write(&w, s);
    text = loop->scratch.is_failed ? NULL : strdup(buffer_text(&loop->scratch));
    if (text != NULL && loop->settlements_count == loop->settlements_capacity) {
        int capacity = loop->settlements_capacity == 0 ? 64 : loop->settlements_capacity * 2;
        char **grown = realloc(loop->settlements, (size_t)capacity * sizeof(*grown));

        if (grown == NULL) {
            free(text);
            text = NULL;
        } else {
            loop->settlements = grown;
            loop->settlements_capacity = capacity;
        }
    }
    if (text == NULL) {
        /* The claim lapses, becomes unknown, and is looked up: late, but not lost. */
        error_set(&err, ERROR_NOMEM, "no memory for a settlement");
        loop_fail(loop, &err);
        return;
    }
    if (loop->settlements_count == loop->settling)
        loop->settle_by = clock_mono_add(clock_mono_now(), SETTLE_LINGER_MS);
    loop->settlements[loop->settlements_count++] = text;
}

int64_t
settle_wait_ms(const struct loop *loop)
{
    if (loop->is_settling || loop->settlements_count == 0)
        return WORK_NEVER;
    if (loop->settlements_count >= SETTLE_MANY || http_in_flight(loop->http) == 0)
        return 0;
    return clock_mono_left_ms(loop->settle_by);
}

static struct ledger *
settle_session(struct loop *loop)
{
    return loop->settler != NULL ? loop->settler : loop->ledger;
}

static bool
settle_open(const struct loop *loop, struct ledger **out, struct error *err)
{
    const struct own_session_limits limits = {.statement_ms = SETTLE_TIMEOUT_MS,
                                              .connect_ms = 5000};

    return own_session_open(out, loop->options, "settle", &limits, err);
}

void
settle_close(struct loop *loop)
{
    if (loop->settler == NULL)
        return;
    ledger_close(loop->settler);
    loop->settler = NULL;
    loop->is_settling = false;
    loop->settling = 0; /* what it was at is in hand still, and safe to repeat */
}

/* A session of their own is a help, not a need: without one, claims and settlements take turns. */
static void
settle_go_apart(struct loop *loop)
{
    struct error err = {0};

    if (loop->settler != NULL || loop->has_tried_apart || loop->settlements_count < SETTLE_APART)
        return;
    loop->has_tried_apart = true;
    if (!settle_open(loop, &loop->settler, &err))
        log_failure(LOG_INFO, "sync", "settles_with_claims", &err);
}

/* Those under way are durable. */
static void
settle_done(struct loop *loop)
{
    for (int i = 0; i < loop->settling; i++)
        free(loop->settlements[i]);
    loop->settlements_count -= loop->settling;
    memmove(loop->settlements, loop->settlements + loop->settling,
            (size_t)loop->settlements_count * sizeof(*loop->settlements));
    loop->settling = 0;
    loop->claims_may_be_due = true;
}

static bool
settle_text(const struct loop *loop, int first, int count, char **out, struct error *err)
{
    struct buffer buf;

    buffer_init(&buf, LOOP_BATCH_BYTES_MAX);
    buffer_putc(&buf, '[');
    for (int i = 0; i < count; i++) {
        if (i > 0)
            buffer_putc(&buf, ',');
        buffer_puts(&buf, loop->settlements[first + i]);
    }
    buffer_putc(&buf, ']');
    *out = buffer_take(&buf);
    if (*out == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for %d settlements", count);
    return true;
}

/* The session is gone. One of their own is not missed; the loop's ends the pass. */
static void
settle_lost(struct loop *loop, const struct error *err)
{
    loop->settling = 0;
    if (loop->settler == NULL) {
        loop_fail(loop, err);
        return;
    }
    log_failure(LOG_WARN, "sync", "settles_with_claims", err);
    settle_close(loop);
}

/* A batch that the database refused: one by one, so that a single odd answer can't hold up the
 * others. One that is refused alone is left: its claim lapses and it is looked up. */
static void
settle_singly(struct loop *loop)
{
    for (int i = 0; i < loop->settling; i++) {
        struct error err = {0};
        char *text = NULL;
        int64_t settled;
        bool ok =
            settle_text(loop, i, 1, &text, &err) &&
            work_settle(settle_session(loop), loop->worker_id, loop->run_id, text, &settled, &err);

        free(text);
        if (ok)
            continue;
        log_failure(LOG_ERROR, "sync", "settlement_refused", &err);
        if (err.code == ERROR_DB_LOST) {
            settle_lost(loop, &err);
            return;
        }
    }
    settle_done(loop);
}

static void
settle_finish(struct loop *loop)
{
    struct error err = {0};
    int64_t settled;

    loop->is_settling = false;
    if (work_settle_finish(settle_session(loop), &settled, &err)) {
        loop->db_failures = 0;
        settle_done(loop);
    } else if (loop_db_may_pass(loop, &err)) {
        loop->settling = 0; /* the whole list again */
        loop->claim_again = clock_mono_add(clock_mono_now(), LOOP_CLAIM_AGAIN_MS);
    } else if (err.code == ERROR_DB) {
        log_failure(LOG_WARN, "sync", "settling_singly", &err);
        settle_singly(loop);
    } else if (err.code == ERROR_DB_LOST) {
        settle_lost(loop, &err);
    } else {
        loop_fail(loop, &err);
    }
}

void
settle_begin(struct loop *loop)
{
    struct error err = {0};
    char *text = NULL;
    bool ok;

    settle_go_apart(loop);
    loop->settling = loop->settlements_count < SETTLE_MAX ? loop->settlements_count : SETTLE_MAX;
    ok = settle_text(loop, 0, loop->settling, &text, &err) &&
         work_settle_start(settle_session(loop), loop->worker_id, loop->run_id, text, &err);
    free(text);
    if (!ok) {
        loop->db_failures++;
        if (err.code == ERROR_DB_LOST)
            settle_lost(loop, &err);
        else
            loop_fail(loop, &err);
        loop->settling = 0;
        return;
    }
    loop->is_settling = true;
    loop->settled_last = true;
}

void
settle_look(struct loop *loop)
{
    if (loop->is_settling && pg_is_ready(ledger_pg(settle_session(loop))))
        settle_finish(loop);
}

void
settle_rest(struct loop *loop)
{
    if (loop->is_settling)
        settle_finish(loop);
}

int
settle_fd(const struct loop *loop)
{
    return loop->is_settling && loop->settler != NULL ? pg_socket(ledger_pg(loop->settler)) : -1;
}

void
settle_at_last(struct loop *loop)
{
    struct clock_mono until = clock_mono_add(clock_mono_now(), loop->options->grace_ms);

    settle_close(loop);
    loop->is_settling = false;
    loop->settling = loop->settlements_count;
    while (loop->settlements_count > 0 && clock_mono_left_ms(until) > 0) {
        struct error err = {0};
        char *text = NULL;
        int64_t settled;
        struct ledger *again = NULL;

        if (settle_open(loop, &again, &err) && settle_text(loop, 0, loop->settling, &text, &err) &&
            work_settle(again, loop->worker_id, loop->run_id, text, &settled, &err)) {
            log_event(LOG_WARN, "sync", "settled_after_reconnect", "answers",
                      log_int(loop->settling), NULL);
            settle_done(loop);
        }
        free(text);
        ledger_close(again);
        if (loop->settlements_count > 0)
            clock_sleep_ms(500);
    }
    if (loop->settlements_count > 0)
        log_event(LOG_ERROR, "sync", "answers_not_settled", "answers",
                  log_int(loop->settlements_count), "next",
                  "the claims lapse and are looked up at the API", NULL);
}
