#include "sync/audit.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/run.h"
#include "cli/stop.h"
#include "cli/table.h"
#include "cli/when.h"
#include "json/json.h"

#define AUDIT_RECENT_MS      (7LL * 24 * 3600 * 1000)
#define AUDIT_SHOWN_MAX      10000 /* lines kept for the table; all are in report_discrepancies */
#define AUDIT_TEXT_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define AUDIT_LOG_MS         30000

enum { AUDIT_COLUMNS = 8 };

/* One line of the table: its cells, one after the other, each ended by NUL. */
struct audit_row {
    char *cells;
};

struct audit_output {
    const struct command_context *context;
    bool is_json;
    struct audit_row *rows;
    int count, capacity, at;
    int64_t left_out;
    struct buffer json; /* the lines, as objects of an array */
    struct json_writer writer;
    struct clock_mono began, log_again;
    struct progress progress;
};

/* ---------------------------------------------------------------------------------- lines */

/* "due 2", "decreased 1 cancelled": what the warehouse says beyond the ledger, or less. */
static void
audit_put_difference(struct buffer *buf, int64_t units, const char *kind)
{
    if (units != 0)
        (void)buffer_printf(buf, "%s%s %lld %s", buf->used > 0 ? ", " : "",
                            units > 0 ? "due" : "decreased", (long long)llabs(units), kind);
}

static void
audit_say_wanted(const struct audit_line *line, struct buffer *buf)
{
    if (!line->is_wanted_known)
        return;
    audit_put_difference(buf, line->wanted_shipped - line->posted_shipped - line->open_shipped,
                         "shipped");
    audit_put_difference(
        buf, line->wanted_cancelled - line->posted_cancelled - line->open_cancelled, "cancelled");
}

static void
audit_write_pair(struct json_writer *w, const char *key, int64_t shipped, int64_t cancelled)
{
    json_write_object(w, key);
    json_write_int(w, "shipped", shipped);
    json_write_int(w, "cancelled", cancelled);
    json_write_end_object(w);
}

static bool
audit_keep_json(struct audit_output *output, const struct audit_line *line, bool is_written,
                const char *wanted, struct error *err)
{
    struct json_writer *w = &output->writer;

    json_write_object(w, NULL);
    json_write_text(w, "order_id", line->order_id);
    json_write_text(w, "item_id", line->item_id);
    json_write_text(w, "verdict", audit_verdict_name(line->verdict));
    json_write_int(w, "shipped", line->shipped);
    json_write_int(w, "cancelled", line->cancelled);
    if (line->is_wanted_known)
        audit_write_pair(w, "warehouse", line->wanted_shipped, line->wanted_cancelled);
    else
        json_write_null(w, "warehouse");
    audit_write_pair(w, "ledger", line->posted_shipped, line->posted_cancelled);
    audit_write_pair(w, "open", line->open_shipped, line->open_cancelled);
    audit_write_pair(w, "api", line->api_shipped, line->api_cancelled);
    json_write_text(w, "wanted", wanted[0] != '\0' ? wanted : NULL);
    json_write_text(w, "detail", line->detail);
    json_write_bool(w, "is_recorded", is_written && line->verdict != AUDIT_AGREES);
    json_write_end_object(w);
    if (output->json.is_failed)
        return error_set(err, ERROR_NOMEM, "no memory for the lines that differ");
    return true;
}

static void
audit_put_pair(struct buffer *buf, int64_t shipped, int64_t cancelled)
{
    (void)buffer_printf(buf, "%lld+%lld", (long long)shipped, (long long)cancelled);
    (void)buffer_putc(buf, '\0');
}

static bool
audit_keep_cells(struct audit_output *output, const struct audit_line *line, bool is_written,
                 const char *wanted, struct error *err)
{
    struct buffer cells;

    if (output->count == output->capacity) {
        int capacity = output->capacity == 0 ? 64 : output->capacity * 2;
        void *grown = realloc(output->rows, (size_t)capacity * sizeof(*output->rows));

        if (grown == NULL)
            return error_set(err, ERROR_NOMEM, "no memory for the lines that differ");
        output->rows = grown;
        output->capacity = capacity;
    }
    buffer_init(&cells, AUDIT_TEXT_BYTES_MAX);
    (void)buffer_append(&cells, line->order_id, strlen(line->order_id) + 1);
    (void)buffer_append(&cells, line->item_id, strlen(line->item_id) + 1);
    (void)buffer_puts(&cells, audit_verdict_name(line->verdict));
    (void)buffer_putc(&cells, '\0');
    audit_put_pair(&cells, line->shipped, line->cancelled);
    if (line->is_wanted_known)
        audit_put_pair(&cells, line->wanted_shipped, line->wanted_cancelled);
    else
        (void)buffer_putc(&cells, '\0');
    audit_put_pair(&cells, line->posted_shipped, line->posted_cancelled);
    audit_put_pair(&cells, line->api_shipped, line->api_cancelled);
    (void)buffer_printf(&cells, "%s%s%s%s", line->detail != NULL ? line->detail : "",
                        is_written ? "" : " (not recorded)",
                        line->detail != NULL && wanted[0] != '\0' ? "; " : "", wanted);
    output->rows[output->count].cells = buffer_take(&cells);
    if (output->rows[output->count].cells == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the lines that differ");
    output->count++;
    return true;
}

static bool
audit_keep(void *ctx, const struct audit_line *line, bool is_written, struct error *err)
{
    struct audit_output *output = ctx;
    struct buffer wanted;
    bool ok;

    if (output->count == AUDIT_SHOWN_MAX) {
        output->left_out++;
        return true;
    }
    buffer_init(&wanted, 256);
    audit_say_wanted(line, &wanted);
    if (output->is_json) {
        ok = audit_keep_json(output, line, is_written, buffer_text(&wanted), err);
        output->count++;
    } else {
        ok = audit_keep_cells(output, line, is_written, buffer_text(&wanted), err);
    }
    buffer_free(&wanted);
    return ok;
}

static bool
audit_next(void *ctx, bool *is_end, struct error *err)
{
    struct audit_output *output = ctx;

    (void)err;
    output->at++;
    *is_end = output->at >= output->count;
    return true;
}

static const char *
audit_cell(void *ctx, int column)
{
    const struct audit_output *output = ctx;
    const char *cell = output->rows[output->at].cells;

    while (column-- > 0)
        cell += strlen(cell) + 1;
    return cell;
}

/* ---------------------------------------------------------------------------------- progress */

static void
audit_show(void *ctx, const struct audit_summary *so_far, int64_t waits_ms)
{
    struct audit_output *output = ctx;
    int64_t passed_ms = clock_mono_since_ms(output->began);
    char again[64] = "";

    if (output->progress.is_shown) {
        if (waits_ms > 0)
            (void)snprintf(again, sizeof(again), "; lists some again in %lld s",
                           (long long)(waits_ms / 1000 + 1));
        progress_put(&output->progress, "audit: %lld orders, %lld lines, %lld/s%s",
                     (long long)so_far->orders, (long long)so_far->lines,
                     (long long)(so_far->orders * 1000 / (passed_ms + 1)), again);
    } else if (clock_mono_left_ms(output->log_again) == 0) {
        output->log_again = clock_mono_add(clock_mono_now(), AUDIT_LOG_MS);
        log_event(LOG_INFO, "cli", "auditing", "orders", log_int(so_far->orders), "lines",
                  log_int(so_far->lines), "waits_ms", log_int(waits_ms), NULL);
    }
}

/* ---------------------------------------------------------------------------------- the command */

static void
audit_write_summary(struct json_writer *w, const struct audit_summary *s)
{
    json_write_int(w, "run_id", s->run_id);
    json_write_int(w, "orders", s->orders);
    json_write_int(w, "lines", s->lines);
    for (int verdict = AUDIT_AGREES; verdict <= AUDIT_DOUBLE; verdict++)
        json_write_int(w, audit_verdict_name((enum audit_verdict)verdict), s->verdicts[verdict]);
    json_write_int(w, "skipped", s->skipped);
    json_write_int(w, "unreadable", s->unreadable);
    json_write_int(w, "not_recorded", s->unwritten);
    json_write_int(w, "due", s->due);
    json_write_int(w, "decreased", s->decreased);
    json_write_int(w, "opened", s->opened);
    json_write_int(w, "duration_ms", s->duration_ms);
    json_write_bool(w, "was_stopped", s->was_stopped);
}

static bool
audit_put_json(struct audit_output *output, const struct audit_summary *s, struct error *err)
{
    struct buffer text;
    struct json_writer w;
    bool ok;

    json_write_end_array(&output->writer);
    buffer_init(&text, AUDIT_TEXT_BYTES_MAX + 4096);
    json_write_init(&w, &text);
    json_write_object(&w, NULL);
    audit_write_summary(&w, s);
    json_write_int(&w, "left_out", output->left_out);
    json_write_raw(&w, "differing", buffer_text(&output->json));
    json_write_end_object(&w);
    ok = !text.is_failed && !output->json.is_failed;
    if (ok) {
        table_put_json(output->context->out, buffer_text(&text));
        (void)fputc('\n', output->context->out);
    } else {
        error_set(err, ERROR_NOMEM, "no memory for the lines that differ");
    }
    buffer_free(&text);
    return ok;
}

static void
audit_put_summary(const struct audit_output *output, const struct audit_summary *s)
{
    FILE *out = output->context->out;

    (void)fprintf(out,
                  "audit %lld: %lld orders, %lld lines: agrees %lld, missing %lld, extra %lld, "
                  "foreign %lld, double %lld",
                  (long long)s->run_id, (long long)s->orders, (long long)s->lines,
                  (long long)s->verdicts[AUDIT_AGREES], (long long)s->verdicts[AUDIT_MISSING],
                  (long long)s->verdicts[AUDIT_EXTRA], (long long)s->verdicts[AUDIT_FOREIGN],
                  (long long)s->verdicts[AUDIT_DOUBLE]);
    (void)fprintf(out, "; skipped %lld", (long long)s->skipped);
    if (s->unreadable > 0)
        (void)fprintf(out, ", unreadable %lld", (long long)s->unreadable);
    if (s->unwritten > 0)
        (void)fprintf(out, ", not recorded %lld", (long long)s->unwritten);
    if (s->due > 0 || s->decreased > 0)
        (void)fprintf(out, "; warehouse: due %lld, decreased %lld", (long long)s->due,
                      (long long)s->decreased);
    (void)fprintf(out, "; opened %lld in %lld.%lld s%s\n", (long long)s->opened,
                  (long long)(s->duration_ms / 1000), (long long)(s->duration_ms % 1000 / 100),
                  s->was_stopped ? ", stopped" : "");
}

static bool
audit_put(struct audit_output *output, const struct audit_summary *summary, struct error *err)
{
    static const struct table_column columns[AUDIT_COLUMNS] = {
        {"order_id", TABLE_TEXT}, {"item_id", TABLE_TEXT},   {"verdict", TABLE_TEXT},
        {"units", TABLE_TEXT},    {"warehouse", TABLE_TEXT}, {"ledger", TABLE_TEXT},
        {"api", TABLE_TEXT},      {"detail", TABLE_TEXT}};
    struct table_source source = {.columns = columns,
                                  .columns_count = AUDIT_COLUMNS,
                                  .ctx = output,
                                  .next_fn = audit_next,
                                  .cell_fn = audit_cell};

    output->at = -1;
    if (output->is_json)
        return audit_put_json(output, summary, err);
    if (output->count > 0) {
        if (!table_write(&source, TABLE_ALIGNED, output->context->is_terminal, output->context->out,
                         err))
            return false;
        (void)fputs("units are shipped+cancelled\n", output->context->out);
    }
    if (output->left_out > 0)
        (void)fprintf(output->context->out, "and %lld more: waybill report discrepancies\n",
                      (long long)output->left_out);
    if (!output->context->is_quiet)
        audit_put_summary(output, summary);
    return true;
}

/* An id with a slip in it looks like an order in which all agrees. */
static void
audit_note_nothing(const struct audit_options *options, const struct audit_summary *s)
{
    if (options->only_order == NULL || s->orders + s->skipped + s->unreadable > 0 || s->was_stopped)
        return;
    (void)fputs(
        "waybill audit: neither the warehouse, the ledger nor the API has anything of order ",
        stderr);
    table_put_visible(stderr, options->only_order);
    (void)fputc('\n', stderr);
}

static bool
audit_options_read(const struct options *given, struct audit_options *out, struct error *err)
{
    const char *since = options_get(given, "since");

    out->only_order = options_get(given, "order");
    out->is_all = options_has(given, "all");
    out->is_quick = options_has(given, "quick");
    out->since_ms = AUDIT_RECENT_MS;
    if ((out->only_order != NULL) + (since != NULL) + out->is_all > 1)
        return error_set(err, ERROR_USAGE, "give one of --order, --since and --all");
    if (out->only_order != NULL && out->only_order[0] == '\0')
        return error_set(err, ERROR_USAGE, "--order must be an order id, got \"\"");
    if (since == NULL || number_parse_duration_ms(since, &out->since_ms))
        return true;
    if (!when_may_be_time(since))
        return audit_refuse_since(since, err);
    out->since = since;
    return true;
}

static void
audit_output_free(struct audit_output *output)
{
    for (int i = 0; output->rows != NULL && i < output->count; i++)
        free(output->rows[i].cells);
    free(output->rows);
    buffer_free(&output->json);
}

bool
audit_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool ok = false;
    struct config *config = NULL;
    struct secret *key = NULL;
    struct sync_options sync;
    struct audit_output output = {.context = context,
                                  .is_json = options_has(context->options, "json"),
                                  .progress = progress_begin(context->is_quiet),
                                  .began = clock_mono_now()};
    struct audit_options options = {
        .sync = &sync, .line_fn = audit_keep, .progress_fn = audit_show, .ctx = &output};
    struct audit_summary summary = {.run_id = 0};
    struct error ignored = {0};
    int stop_fd = -1;

    output.log_again = clock_mono_add(output.began, AUDIT_LOG_MS);
    buffer_init(&output.json, AUDIT_TEXT_BYTES_MAX);
    json_write_init(&output.writer, &output.json);
    json_write_array(&output.writer, NULL);
    if (!audit_options_read(context->options, &options, err) ||
        !command_load_config(context, &config, err) || !config_load_key(config, &key, err) ||
        !run_options_fill(config, NULL, key, "audit", &sync, err) || !stop_install(&stop_fd, err))
        goto done;
    ok = audit_run(&options, stop_fd, &summary, err);
    progress_wipe(&output.progress);
    /* What was found before a failure is recorded, so it is told too. */
    if (ok)
        audit_note_nothing(&options, &summary);
    if (ok)
        ok = audit_put(&output, &summary, err);
    else if (summary.orders > 0)
        (void)audit_put(&output, &summary, &ignored);
    *code = summary.opened > 0 ? EXIT_CODE_PERSON : EXIT_CODE_DONE;

done:
    audit_output_free(&output);
    secret_free(key);
    config_free(config);
    return ok;
}
