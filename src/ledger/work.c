#include "ledger/work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/text.h"
#include "ledger/statements.h"

/* Columns of claim.sql. */
enum {
    CLAIM_ID,
    CLAIM_MARKER,
    CLAIM_ORDER,
    CLAIM_REF,
    CLAIM_TRIES,
    CLAIM_ATTEMPTS,
    CLAIM_UNKNOWN,
    CLAIM_LINES,
    CLAIM_SHIPMENT,
    CLAIM_COMPANY,
    CLAIM_NUMBER,
    CLAIM_URL,
    CLAIM_ITEM,
    CLAIM_SHIPPED,
    CLAIM_CANCELLED,
    CLAIM_SHIPMENT_ITEM,
    CLAIM_FIRST_SENT,
    CLAIM_OTHERS_SUCCEED,
};

void
work_claim_free(struct work_claim *claim)
{
    if (claim == NULL)
        return;
    for (int i = 0; i < claim->items_count; i++) {
        free(claim->items[i].item_id);
        free(claim->items[i].shipment_item_id);
    }
    free(claim->items);
    free(claim->order_id);
    free(claim->shipment_ref);
    free(claim->shipment_id);
    free(claim->tracking_company);
    free(claim->tracking_number);
    free(claim->tracking_url);
    free(claim->first_sent_at);
    free(claim->error_code);
    free(claim->error_message);
    free(claim);
}

static void
work_claims_free(struct work_claim **claims, int count)
{
    for (int i = 0; claims != NULL && i < count; i++)
        work_claim_free(claims[i]);
    free(claims);
}

bool
work_token(char out[40], struct error *err)
{
    unsigned char b[16];
    size_t have = 0;

    while (have < sizeof(b)) {
        ssize_t got = getrandom(b + have, sizeof(b) - have, 0);

        if (got < 0 && errno != EINTR)
            return error_set(err, ERROR_IO, "no random bytes: %s", strerror(errno));
        if (got > 0)
            have += (size_t)got;
    }
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    (void)snprintf(out, 40, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                   b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                   b[13], b[14], b[15]);
    return true;
}

bool
work_claim_start(struct ledger *ledger, int64_t worker_id, int64_t run_id, const char *token,
                 int slots, int64_t send_within_ms, const char *only_order, struct error *err)
{
    char worker[PG_INT_BYTES], run[PG_INT_BYTES], version[PG_INT_BYTES], most[PG_INT_BYTES],
        within[PG_INT_BYTES];
    const char *params[] = {worker, run, version, token, most, within, only_order};

    pg_int_text(worker, worker_id);
    pg_int_text(run, run_id);
    pg_int_text(version, ledger_schema_version());
    pg_int_text(most, slots);
    pg_int_text(within, send_within_ms);
    return pg_start(ledger_pg(ledger), &stmt_claim, params, err);
}

static bool
work_claim_head(const struct pg_rows *rows, int row, const char *token, struct work_claim *c)
{
    c->submission_id = pg_rows_int(rows, row, CLAIM_ID);
    (void)snprintf(c->marker, sizeof(c->marker), "%s", pg_rows_text(rows, row, CLAIM_MARKER));
    (void)snprintf(c->token, sizeof(c->token), "%s", token);
    c->tries = (int)pg_rows_int(rows, row, CLAIM_TRIES);
    c->attempts = (int)pg_rows_int(rows, row, CLAIM_ATTEMPTS);
    c->unknown_attempts = (int)pg_rows_int(rows, row, CLAIM_UNKNOWN);
    c->lines = (int)pg_rows_int(rows, row, CLAIM_LINES);
    c->others_succeed = pg_rows_bool(rows, row, CLAIM_OTHERS_SUCCEED);
    c->items = calloc((size_t)c->lines, sizeof(*c->items));
    return c->items != NULL && text_dup(pg_rows_text(rows, row, CLAIM_ORDER), &c->order_id) &&
           text_dup(pg_rows_text(rows, row, CLAIM_REF), &c->shipment_ref) &&
           text_dup(pg_rows_text(rows, row, CLAIM_SHIPMENT), &c->shipment_id) &&
           text_dup(pg_rows_text(rows, row, CLAIM_COMPANY), &c->tracking_company) &&
           text_dup(pg_rows_text(rows, row, CLAIM_NUMBER), &c->tracking_number) &&
           text_dup(pg_rows_text(rows, row, CLAIM_URL), &c->tracking_url) &&
           text_dup(pg_rows_text(rows, row, CLAIM_FIRST_SENT), &c->first_sent_at);
}

static bool
work_claim_line(const struct pg_rows *rows, int row, struct work_claim *c)
{
    struct work_item *item = &c->items[c->items_count];

    item->shipped = pg_rows_int(rows, row, CLAIM_SHIPPED);
    item->cancelled = pg_rows_int(rows, row, CLAIM_CANCELLED);
    c->items_count++;
    return text_dup(pg_rows_text(rows, row, CLAIM_ITEM), &item->item_id) &&
           text_dup(pg_rows_text(rows, row, CLAIM_SHIPMENT_ITEM), &item->shipment_item_id);
}

bool
work_claim_finish(struct ledger *ledger, const char *token, struct work_claim ***out, int *count,
                  struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    struct work_claim **claims = NULL;
    int n = 0;

    *count = 0;
    *out = NULL;
    if (!pg_finish(ledger_pg(ledger), &rows, err)) {
        ledger_refine_error(err);
        error_context(err, "claim");
        return false;
    }
    claims = calloc((size_t)pg_rows_count(rows) + 1, sizeof(struct work_claim *));
    if (claims == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for %d claimed lines", pg_rows_count(rows));
        goto done;
    }
    for (int row = 0; row < pg_rows_count(rows); row++) {
        int64_t id = pg_rows_int(rows, row, CLAIM_ID);

        if (n == 0 || claims[n - 1]->submission_id != id) {
            claims[n] = calloc(1, sizeof(**claims));
            if (claims[n] == NULL || !work_claim_head(rows, row, token, claims[n++])) {
                error_set(err, ERROR_NOMEM, "no memory for a claim");
                goto done;
            }
        }
        if (!work_claim_line(rows, row, claims[n - 1])) {
            error_set(err, ERROR_NOMEM, "no memory for a claimed line");
            goto done;
        }
    }
    *out = claims;
    *count = n;
    claims = NULL;
    ok = true;

done:
    work_claims_free(claims, n);
    pg_rows_free(rows);
    return ok;
}

bool
work_claim_renew(struct ledger *ledger, int64_t worker_id, const struct work_claim *claim,
                 int64_t send_within_ms, bool *stands, struct error *err)
{
    struct pg_rows *rows = NULL;
    char worker[PG_INT_BYTES], version[PG_INT_BYTES], within[PG_INT_BYTES];
    const char *params[] = {worker, version, claim->marker, claim->token, within};

    pg_int_text(worker, worker_id);
    pg_int_text(version, ledger_schema_version());
    pg_int_text(within, send_within_ms);
    if (!pg_run(ledger_pg(ledger), &stmt_claim_renew, params, &rows, err)) {
        ledger_refine_error(err);
        return false;
    }
    *stands = pg_rows_bool(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

bool
work_settle_start(struct ledger *ledger, int64_t worker_id, int64_t run_id, const char *answers,
                  struct error *err)
{
    char worker[PG_INT_BYTES], run[PG_INT_BYTES];
    const char *params[] = {worker, run, answers};

    pg_int_text(worker, worker_id);
    pg_int_text(run, run_id);
    return pg_start(ledger_pg(ledger), &stmt_settle, params, err);
}

bool
work_settle_finish(struct ledger *ledger, int64_t *settled, struct error *err)
{
    struct pg_rows *rows = NULL;

    if (!pg_finish(ledger_pg(ledger), &rows, err)) {
        ledger_refine_error(err);
        error_context(err, "settle");
        return false;
    }
    *settled = pg_rows_int(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

bool
work_settle(struct ledger *ledger, int64_t worker_id, int64_t run_id, const char *answers,
            int64_t *settled, struct error *err)
{
    return work_settle_start(ledger, worker_id, run_id, answers, err) &&
           work_settle_finish(ledger, settled, err);
}

static void
settlement_text(struct json_writer *w, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0')
        json_write_text(w, key, text);
}

static void
settlement_flag(struct json_writer *w, const char *key, bool is_set)
{
    if (is_set)
        json_write_bool(w, key, true);
}

void
settlement_write(struct json_writer *w, const struct settlement *s)
{
    json_write_object(w, NULL);
    json_write_text(w, "kind", s->is_look ? "look" : "post");
    json_write_int(w, "of_submission", s->claim->submission_id);
    json_write_text(w, "of_order", s->claim->order_id);
    json_write_text(w, "marker", s->claim->marker);
    settlement_text(w, "claim_token", s->token);
    if (s->is_look && s->tries > 0)
        json_write_int(w, "tries", s->tries);
    json_write_text(w, "next", s->next);
    json_write_text(w, "outcome", s->outcome);
    settlement_flag(w, "sent", s->is_sent);
    json_write_int(w, "duration_ms", s->duration_ms);
    if (s->http_status > 0)
        json_write_int(w, "http_status", s->http_status);
    settlement_text(w, "error_code", s->error_code);
    settlement_text(w, "error_message", s->error_message);
    settlement_text(w, "request_id", s->request_id);
    settlement_text(w, "fulfillment_id", s->fulfillment_id);
    settlement_text(w, "unknown_then", s->unknown_then);
    settlement_text(w, "held_by", s->held_by);
    settlement_flag(w, "counts", s->counts);
    settlement_flag(w, "is_possible", s->is_possible);
    settlement_flag(w, "waits_for_gate", s->waits_for_gate);
    settlement_flag(w, "shuts_gate", s->shuts_gate);
    json_write_int(w, "delay_ms", s->delay_ms);
    json_write_int(w, "settle_ms", s->settle_ms);
    settlement_text(w, "discrepancy", s->discrepancy);
    settlement_text(w, "detail", s->detail);
    settlement_text(w, "alone_item", s->alone_item);
    json_write_end_object(w);
}

bool
work_reap(struct ledger *ledger, int64_t run_id, int64_t timeout_ms, int64_t settle_ms,
          int64_t *reaped, struct error *err)
{
    struct pg_rows *rows = NULL;
    char run[PG_INT_BYTES], timeout[PG_INT_BYTES], settle[PG_INT_BYTES];
    const char *params[] = {run, timeout, settle};

    pg_int_text(run, run_id);
    pg_int_text(timeout, timeout_ms);
    pg_int_text(settle, settle_ms);
    if (!pg_run(ledger_pg(ledger), &stmt_reap, params, &rows, err))
        return false;
    *reaped = pg_rows_int(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

bool
work_note_expiring(struct ledger *ledger, struct error *err)
{
    return pg_run(ledger_pg(ledger), &stmt_expiring_note, NULL, NULL, err);
}

bool
work_take_looks(struct ledger *ledger, int most, int64_t lease_ms, const char *only_order,
                struct work_claim ***out, int *count, struct error *err)
{
    bool ok = false;
    struct pg_rows *rows = NULL;
    struct work_claim **claims = NULL;
    char most_text[PG_INT_BYTES], lease[PG_INT_BYTES];
    const char *params[] = {most_text, lease, only_order};
    int n = 0;

    *count = 0;
    *out = NULL;
    pg_int_text(most_text, most);
    pg_int_text(lease, lease_ms);
    if (!pg_run(ledger_pg(ledger), &stmt_looks_take, params, &rows, err))
        return false;
    claims = calloc((size_t)pg_rows_count(rows) + 1, sizeof(struct work_claim *));
    if (claims == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for looks");
        goto done;
    }
    for (; n < pg_rows_count(rows); n++) {
        struct work_claim *c = calloc(1, sizeof(*c));

        claims[n] = c;
        if (c == NULL || !text_dup(pg_rows_text(rows, n, 2), &c->order_id) ||
            !text_dup(pg_rows_text(rows, n, 3), &c->first_sent_at) ||
            !text_dup(pg_rows_text(rows, n, 10), &c->error_code) ||
            !text_dup(pg_rows_text(rows, n, 11), &c->error_message)) {
            error_set(err, ERROR_NOMEM, "no memory for a look");
            n++;
            goto done;
        }
        c->submission_id = pg_rows_int(rows, n, 0);
        (void)snprintf(c->marker, sizeof(c->marker), "%s", pg_rows_text(rows, n, 1));
        c->attempts = (int)pg_rows_int(rows, n, 4);
        c->unknown_attempts = (int)pg_rows_int(rows, n, 5);
        c->lines = (int)pg_rows_int(rows, n, 6);
        c->negative_looks = (int)pg_rows_int(rows, n, 7);
        c->is_settled = pg_rows_bool(rows, n, 8);
        (void)snprintf(c->unknown_then, sizeof(c->unknown_then), "%s", pg_rows_text(rows, n, 9));
        c->tries = (int)pg_rows_int(rows, n, 12);
        c->looks = (int)pg_rows_int(rows, n, 13);
    }
    *out = claims;
    *count = n;
    claims = NULL;
    ok = true;

done:
    work_claims_free(claims, n);
    pg_rows_free(rows);
    return ok;
}

bool
work_begin(struct ledger *ledger, int64_t run_id, int64_t *worker_id, struct error *err)
{
    struct pg_rows *rows = NULL;
    char run[PG_INT_BYTES], pid[PG_INT_BYTES], host[256];
    const char *params[] = {run, host, pid};

    pg_int_text(run, run_id);
    pg_int_text(pid, getpid());
    if (gethostname(host, sizeof(host)) != 0)
        (void)snprintf(host, sizeof(host), "unknown");
    host[sizeof(host) - 1] = '\0';
    if (!pg_run(ledger_pg(ledger), &stmt_worker_begin, params, &rows, err))
        return false;
    *worker_id = pg_rows_int(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

bool
work_end(struct ledger *ledger, int64_t worker_id, struct error *err)
{
    char worker[PG_INT_BYTES];
    const char *params[] = {worker};

    pg_int_text(worker, worker_id);
    return pg_run(ledger_pg(ledger), &stmt_worker_end, params, NULL, err);
}

bool
work_beat(struct ledger *ledger, int64_t worker_id, bool is_sending, int requests_per_second,
          int64_t passed_ms, struct work_share *out, struct error *err)
{
    struct pg_rows *rows = NULL;
    char worker[PG_INT_BYTES], rate[PG_INT_BYTES], passed[PG_INT_BYTES];
    const char *params[] = {worker, is_sending ? "t" : "f", rate, passed_ms < 0 ? NULL : passed};

    pg_int_text(worker, worker_id);
    pg_int_text(passed, passed_ms);
    pg_int_text(rate, requests_per_second);
    if (!pg_run(ledger_pg(ledger), &stmt_worker_beat, params, &rows, err))
        return false;
    out->per_second = strtod(pg_rows_text(rows, 0, 0), NULL);
    out->workers = (int)pg_rows_int(rows, 0, 1);
    out->blocked_ms = pg_rows_int(rows, 0, 2);
    const char *why = pg_rows_text(rows, 0, 3);
    (void)snprintf(out->blocked_why, sizeof(out->blocked_why), "%s", why != NULL ? why : "");
    out->is_failing = pg_rows_bool(rows, 0, 4);
    out->probe_ms = pg_rows_text(rows, 0, 5) == NULL ? 0 : pg_rows_int(rows, 0, 5);
    out->is_refused = pg_rows_bool(rows, 0, 6);
    pg_rows_free(rows);
    return true;
}

bool
work_key_fails(struct ledger *ledger, const char *why, bool was_probe, int64_t first_ms,
               int64_t most_ms, int64_t *probe_ms, struct error *err)
{
    struct pg_rows *rows = NULL;
    char first[PG_INT_BYTES], most[PG_INT_BYTES];
    const char *params[] = {why, was_probe ? "t" : "f", first, most};

    pg_int_text(first, first_ms);
    pg_int_text(most, most_ms);
    if (!pg_run(ledger_pg(ledger), &stmt_key_fails, params, &rows, err))
        return false;
    *probe_ms = pg_rows_text(rows, 0, 0) == NULL ? 0 : pg_rows_int(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

bool
work_key_probe(struct ledger *ledger, int64_t lease_ms, bool *is_ours, struct error *err)
{
    struct pg_rows *rows = NULL;
    char lease[PG_INT_BYTES];
    const char *params[] = {lease};

    pg_int_text(lease, lease_ms);
    if (!pg_run(ledger_pg(ledger), &stmt_key_probe, params, &rows, err))
        return false;
    *is_ours = pg_rows_bool(rows, 0, 0);
    pg_rows_free(rows);
    return true;
}

bool
work_key_works(struct ledger *ledger, struct error *err)
{
    return pg_run(ledger_pg(ledger), &stmt_key_works, NULL, NULL, err);
}

bool
work_key_refused(struct ledger *ledger, const char *why, struct error *err)
{
    const char *params[] = {why};

    return pg_run(ledger_pg(ledger), &stmt_key_refused, params, NULL, err);
}

bool
work_key_taken(struct ledger *ledger, struct error *err)
{
    return pg_run(ledger_pg(ledger), &stmt_key_taken, NULL, NULL, err);
}

bool
work_block_key(struct ledger *ledger, int64_t ms, const char *why, struct error *err)
{
    char text[PG_INT_BYTES];
    const char *params[] = {text, why};

    pg_int_text(text, ms);
    return pg_run(ledger_pg(ledger), &stmt_key_block, params, NULL, err);
}

static int64_t
work_left_ms(const struct pg_rows *rows, int column)
{
    return pg_rows_text(rows, 0, column) == NULL ? WORK_NEVER : pg_rows_int(rows, 0, column);
}

bool
work_left(struct ledger *ledger, const char *only_order, struct work_left *out, struct error *err)
{
    struct pg_rows *rows = NULL;
    const char *params[] = {only_order};

    if (!pg_run(ledger_pg(ledger), &stmt_work_left, params, &rows, err))
        return false;
    out->post_ms = work_left_ms(rows, 0);
    out->ask_ms = work_left_ms(rows, 1);
    out->look_ms = work_left_ms(rows, 2);
    out->list_ms = work_left_ms(rows, 3);
    out->is_queued = pg_rows_bool(rows, 0, 4);
    out->upstream_ms = work_left_ms(rows, 5);
    pg_rows_free(rows);
    return true;
}
