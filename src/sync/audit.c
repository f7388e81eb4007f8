#include "sync/audit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "ledger/work.h"
#include "sync/audit_list.h"
#include "sync/own_session.h"
#include "json/json.h"

enum {
    AUDIT_STATEMENT_TIMEOUT_MS = 600000, /* a walk over years of quiet orders */
    AUDIT_PAGE_MAX = 200,
    AUDIT_BATCH_MAX = 50, /* orders in one comparison */
    AUDIT_BATCH_BYTES = 4 * 1024 * 1024,
    AUDIT_JSON_BYTES_MAX = 48 * 1024 * 1024,
    AUDIT_SUSPECTS_MAX = 5000,  /* to be listed again; then they are, before the walk goes on */
    AUDIT_WAIT_MIN_MS = 1000,   /* between two lists of one order, where settle_ms isn't shorter */
    AUDIT_WAIT_MAX_MS = 900000, /* for what isn't settled by then nothing is written */
    AUDIT_WAIT_STEP_MS = 1000,
    AUDIT_PROGRESS_MS = 500,
};

struct audit {
    const struct audit_options *options;
    const struct sync_options *sync;
    struct ledger *ledger;
    struct warehouse *warehouse;
    struct audit_list *list;
    struct audit_summary *summary;
    int64_t worker_id;
    struct clock_mono progress_again;

    /* lists that wait to be compared */
    struct buffer listings;
    const struct audit_target *batch[AUDIT_BATCH_MAX];
    int batch_count;

    /* orders to be listed again */
    char **suspects;
    int suspects_count;
    struct clock_mono settled_at;
    bool is_again;

    char last_why[256]; /* of a list that can't be read */
};

static void
audit_progress(struct audit *audit, int64_t waits_ms)
{
    if (audit->options->progress_fn == NULL ||
        (waits_ms == 0 && clock_mono_left_ms(audit->progress_again) > 0))
        return;
    audit->progress_again = clock_mono_add(clock_mono_now(), AUDIT_PROGRESS_MS);
    audit->options->progress_fn(audit->options->ctx, audit->summary, waits_ms);
}

/* ---------------------------------------------------------------------------------- what is found
 */

static bool
audit_needs_settling(enum audit_verdict verdict)
{
    return verdict == AUDIT_MISSING || verdict == AUDIT_DOUBLE;
}

static const struct audit_target *
audit_target_of(const struct audit *audit, const char *order_id)
{
    for (int i = 0; i < audit->batch_count; i++) {
        if (strcmp(audit->batch[i]->order_id, order_id) == 0)
            return audit->batch[i];
    }
    assert(false && "an order that nobody asked for");
    return NULL;
}

static bool
audit_suspect(struct audit *audit, const struct audit_target *target, struct error *err)
{
    int64_t settle_ms = audit->sync->settle_ms;
    int64_t wait_ms = settle_ms < AUDIT_WAIT_MIN_MS ? settle_ms : AUDIT_WAIT_MIN_MS;
    char *order_id = strdup(target->order_id);

    if (order_id == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for an order id");
    assert(audit->suspects_count < AUDIT_SUSPECTS_MAX + AUDIT_PAGE_MAX);
    audit->suspects[audit->suspects_count++] = order_id;
    /* It was listed after it was taken: counted from now is late enough. */
    if (target->settles_ms > wait_ms)
        wait_ms = target->settles_ms;
    if (wait_ms > AUDIT_WAIT_MAX_MS)
        wait_ms = AUDIT_WAIT_MAX_MS;
    if (wait_ms > clock_mono_left_ms(audit->settled_at))
        audit->settled_at = clock_mono_add(clock_mono_now(), wait_ms);
    return true;
}

/* Warehouse against ledger: information, once a line. */
static void
audit_count_wanted(struct audit *audit, const struct audit_line *line)
{
    int64_t shipped = line->wanted_shipped - line->posted_shipped - line->open_shipped;
    int64_t cancelled = line->wanted_cancelled - line->posted_cancelled - line->open_cancelled;

    if (!line->is_wanted_known)
        return;
    audit->summary->due += shipped > 0 || cancelled > 0;
    audit->summary->decreased += shipped < 0 || cancelled < 0;
}

static void
audit_write_found(struct json_writer *w, const struct audit_line *line, bool is_settled)
{
    json_write_object(w, NULL);
    json_write_text(w, "order_id", line->order_id);
    json_write_text(w, "item_id", line->item_id);
    json_write_text(w, "verdict", audit_verdict_name(line->verdict));
    if (line->detail != NULL)
        json_write_text(w, "detail", line->detail);
    json_write_text(w, "fingerprint", line->fingerprint);
    json_write_bool(w, "is_settled", is_settled);
    json_write_end_object(w);
}

/* Rows [first, end) are one order's. */
static bool
audit_judge_order(struct audit *audit, const struct pg_rows *rows, int first, int end,
                  struct json_writer *w, struct error *err)
{
    struct audit_summary *summary = audit->summary;
    struct audit_line line;
    const struct audit_target *target;
    const char *last_item = NULL;
    bool is_suspect = false;
    bool is_settled;

    if (!audit_line_read(rows, first, &line, err))
        return false;
    if (line.verdict == AUDIT_MOVING) {
        summary->skipped++;
        return true;
    }
    target = audit_target_of(audit, line.order_id);
    is_settled = audit->is_again && target->settles_ms == 0;
    for (int row = first; row < end; row++) {
        if (!audit_line_read(rows, row, &line, err))
            return false;
        is_suspect = is_suspect || audit_needs_settling(line.verdict);
        audit_write_found(w, &line, is_settled);
    }
    is_suspect = is_suspect && !audit->is_again && !audit->options->is_quick;
    if (is_suspect)
        return audit_suspect(audit, target, err);

    summary->orders++;
    for (int row = first; row < end; row++) {
        bool is_written;

        if (!audit_line_read(rows, row, &line, err))
            return false;
        if (last_item == NULL || strcmp(last_item, line.item_id) != 0) {
            summary->lines++;
            audit_count_wanted(audit, &line);
        }
        last_item = line.item_id;
        summary->verdicts[line.verdict]++;
        is_written = is_settled || !audit_needs_settling(line.verdict);
        summary->unwritten += !is_written;
        if ((line.verdict != AUDIT_AGREES || audit->options->only_order != NULL) &&
            !audit->options->line_fn(audit->options->ctx, &line, is_written, err))
            return false;
    }
    return true;
}

static bool
audit_judge(struct audit *audit, const struct pg_rows *rows, struct error *err)
{
    bool ok = false;
    struct buffer found;
    struct json_writer w;
    int64_t opened = 0;
    int first = 0;

    buffer_init(&found, AUDIT_JSON_BYTES_MAX);
    json_write_init(&w, &found);
    json_write_array(&w, NULL);
    for (int row = 1; row <= pg_rows_count(rows); row++) {
        if (row < pg_rows_count(rows) &&
            strcmp(pg_rows_text(rows, row, 0), pg_rows_text(rows, first, 0)) == 0)
            continue;
        if (!audit_judge_order(audit, rows, first, row, &w, err))
            goto done;
        first = row;
    }
    json_write_end_array(&w);
    if (found.is_failed) {
        error_set(err, ERROR_NOMEM, "no memory for what was found");
        goto done;
    }
    ok = audit_record(audit->ledger, audit->summary->run_id, buffer_text(&found), audit->is_again,
                      &opened, err);
    audit->summary->opened += opened;

done:
    buffer_free(&found);
    return ok;
}

/* ---------------------------------------------------------------------------------- lists */

static void
audit_batch_begin(struct audit *audit)
{
    buffer_reset(&audit->listings);
    (void)buffer_putc(&audit->listings, '[');
    audit->batch_count = 0;
}

static bool
audit_batch_compare(struct audit *audit, struct error *err)
{
    bool ok = false;
    const char *ids[AUDIT_BATCH_MAX];
    int listed = audit->batch_count;
    struct pg_rows *rows = NULL;

    if (listed == 0)
        return true;
    for (int i = 0; i < listed; i++)
        ids[i] = audit->batch[i]->order_id;
    (void)buffer_putc(&audit->listings, ']');
    if (audit->listings.is_failed) {
        error_set(err, ERROR_NOMEM, "no memory for %d lists", listed);
        goto done;
    }
    ok = audit_compare(audit->ledger, audit->warehouse, ids, listed, buffer_text(&audit->listings),
                       &rows, err) &&
         audit_judge(audit, rows, err);

done:
    pg_rows_free(rows);
    audit_batch_begin(audit);
    audit_progress(audit, 0);
    return ok;
}

static bool
audit_listed(void *ctx, const struct audit_target *target, const struct listing *listing,
             const char *why, struct error *err)
{
    struct audit *audit = ctx;
    struct buffer order;
    struct json_writer w;
    char *json;

    if (listing == NULL) {
        audit->summary->unreadable++;
        (void)snprintf(audit->last_why, sizeof(audit->last_why), "%s", why);
        log_event(LOG_WARN, "sync", "list_unreadable", "order", target->order_id, "why", why, NULL);
        return true;
    }
    json = listing_json(listing, err);
    if (json == NULL)
        return false;
    buffer_init(&order, AUDIT_JSON_BYTES_MAX);
    json_write_init(&w, &order);
    json_write_object(&w, NULL);
    json_write_text(&w, "order_id", target->order_id);
    json_write_text(&w, "taken_at", target->taken_at);
    json_write_raw(&w, "listing", json);
    json_write_end_object(&w);
    free(json);
    if (audit->batch_count > 0)
        (void)buffer_putc(&audit->listings, ',');
    (void)buffer_puts(&audit->listings, buffer_text(&order));
    if (order.is_failed)
        error_set(err, ERROR_NOMEM, "no memory for a list");
    buffer_free(&order);
    if (err->code != ERROR_NONE)
        return false;
    audit->batch[audit->batch_count++] = target;
    if (audit->batch_count == AUDIT_BATCH_MAX || audit->listings.used > AUDIT_BATCH_BYTES)
        return audit_batch_compare(audit, err);
    audit_progress(audit, 0);
    return true;
}

/* Lists and compares; the targets are freed. */
static bool
audit_targets(struct audit *audit, struct audit_target *targets, int count, struct error *err)
{
    bool ok;

    for (int i = 0; i < count; i++)
        audit->summary->skipped += !targets[i].is_quiet;
    audit_batch_begin(audit);
    ok = audit_list_run(audit->list, targets, count, audit_listed, audit, err) &&
         audit_batch_compare(audit, err);
    audit->batch_count = 0;
    audit_targets_free(targets, count);
    return ok;
}

/* ---------------------------------------------------------------------------------- passes */

static void
audit_forget_suspects(struct audit *audit)
{
    for (int i = 0; i < audit->suspects_count; i++)
        free(audit->suspects[i]);
    audit->suspects_count = 0;
}

/* Those whose first list had less than the ledger, or one thing twice, all together. */
static bool
audit_look_again(struct audit *audit, struct error *err)
{
    bool ok = true;

    if (audit->suspects_count > 0)
        log_event(LOG_INFO, "sync", "lists_again", "orders", log_int(audit->suspects_count),
                  "in_ms", log_int(clock_mono_left_ms(audit->settled_at)), NULL);
    while (audit->suspects_count > 0 && clock_mono_left_ms(audit->settled_at) > 0 &&
           !audit_list_is_stopped(audit->list)) {
        int64_t left_ms = clock_mono_left_ms(audit->settled_at);

        audit_progress(audit, left_ms);
        if (!audit_list_pause(audit->list,
                              left_ms < AUDIT_WAIT_STEP_MS ? left_ms : AUDIT_WAIT_STEP_MS, err))
            return false;
    }
    audit->is_again = true;
    for (int at = 0; ok && at < audit->suspects_count && !audit_list_is_stopped(audit->list);
         at += AUDIT_PAGE_MAX) {
        int left = audit->suspects_count - at;
        int count = left < AUDIT_PAGE_MAX ? left : AUDIT_PAGE_MAX;
        struct audit_target *targets = NULL;

        ok = audit_begin(audit->ledger, (const char *const *)audit->suspects + at, count,
                         audit->sync->settle_ms, &targets, err) &&
             audit_targets(audit, targets, count, err);
    }
    audit->is_again = false;
    audit_forget_suspects(audit);
    return ok;
}

static bool
audit_one(struct audit *audit, struct error *err)
{
    const char *const ids[] = {audit->options->only_order};
    struct audit_target *targets = NULL;

    return audit_begin(audit->ledger, ids, 1, audit->sync->settle_ms, &targets, err) &&
           audit_targets(audit, targets, 1, err) && audit_look_again(audit, err);
}

static bool
audit_walk(struct audit *audit, struct error *err)
{
    bool ok = false;
    char since[48] = "";
    struct audit_walk walk = {.after = NULL};

    if (!audit->options->is_all &&
        !audit_since(audit->ledger, audit->options->since, audit->options->since_ms, since, err))
        return false;
    while (!walk.is_over && !audit_list_is_stopped(audit->list)) {
        struct audit_target *targets = NULL;
        int count = 0;

        if (!audit_walk_on(audit->ledger, &walk, audit->options->is_all ? NULL : since,
                           AUDIT_PAGE_MAX, audit->sync->settle_ms, &targets, &count, err) ||
            !audit_targets(audit, targets, count, err))
            goto done;
        if (audit->suspects_count >= AUDIT_SUSPECTS_MAX && !audit_look_again(audit, err))
            goto done;
    }
    ok = audit_look_again(audit, err);

done:
    free(walk.after);
    return ok;
}

static bool
audit_may_begin(struct audit *audit, struct error *err)
{
    struct ledger_identity me;

    /* A paused ledger may be audited: it is how one finds out whether to resume. */
    if (!ledger_identify(audit->ledger, &me, err))
        return false;
    if (strcmp(me.mode, "new") == 0) {
        error_set(err, ERROR_STATE, "the ledger is new: there is nothing to compare yet");
        error_hint(err, "run: waybill baseline --from nothing (a warehouse without history), or "
                        "--from warehouse");
        return false;
    }
    return ledger_bind_api(audit->ledger, audit->sync->base_url, audit->sync->is_live, err);
}

static bool
audit_work(struct audit *audit, int stop_fd, struct error *err)
{
    const struct sync_options *o = audit->sync;

    if (!audit_may_begin(audit, err) ||
        !warehouse_open(audit->ledger, o->line_items, o->is_scan, &audit->warehouse, err) ||
        !work_begin(audit->ledger, audit->summary->run_id, &audit->worker_id, err) ||
        !audit_list_new(o, stop_fd, audit->ledger, audit->worker_id, &audit->list, err))
        return false;
    if (!(audit->options->only_order != NULL ? audit_one(audit, err) : audit_walk(audit, err)))
        return false;
    audit->summary->was_stopped = audit_list_is_stopped(audit->list);
    if (audit->summary->unreadable > 0 && audit->summary->orders + audit->summary->skipped == 0)
        return error_set(err, ERROR_API, "no order's list can be read: %s", audit->last_why);
    return true;
}

/* The run's last word; a session that is lost can't say it. */
static void
audit_end(struct audit *audit, const struct error *failure)
{
    struct error err = {0};
    int code = error_exit_code(failure);

    if (code == 0 && audit->summary->opened > 0)
        code = 1;
    if (!pg_is_alive(ledger_pg(audit->ledger)))
        return;
    if (audit->worker_id != 0)
        (void)work_end(audit->ledger, audit->worker_id, &err);
    error_clear(&err);
    if (!ledger_run_end(audit->ledger, audit->summary->run_id, code, failure->message, &err))
        log_failure(LOG_WARN, "sync", "run_not_closed", &err);
}

bool
audit_run(const struct audit_options *options, int stop_fd, struct audit_summary *summary,
          struct error *err)
{
    bool ok = false;
    struct clock_mono began = clock_mono_now();
    struct audit audit = {.options = options, .sync = options->sync, .summary = summary};
    const struct own_session_limits limits = {.statement_ms = AUDIT_STATEMENT_TIMEOUT_MS};

    *summary = (struct audit_summary){.run_id = 0};
    audit.settled_at = clock_mono_now();
    audit.progress_again = clock_mono_now();
    buffer_init(&audit.listings, AUDIT_JSON_BYTES_MAX);
    audit.suspects = calloc(AUDIT_SUSPECTS_MAX + AUDIT_PAGE_MAX, sizeof(*audit.suspects));
    if (audit.suspects == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for an audit");
        goto done;
    }
    if (!own_session_open(&audit.ledger, options->sync, "audit", &limits, err) ||
        !ledger_run_begin(audit.ledger, "audit", &summary->run_id, err))
        goto done;
    ok = audit_work(&audit, stop_fd, err);
    audit_end(&audit, err);

done:
    audit_forget_suspects(&audit);
    free(audit.suspects);
    buffer_free(&audit.listings);
    audit_list_free(audit.list);
    warehouse_free(audit.warehouse);
    ledger_close(audit.ledger);
    summary->duration_ms = clock_mono_since_ms(began);
    return ok;
}
