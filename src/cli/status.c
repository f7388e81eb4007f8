#include <string.h>

#include "cli/command.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "ledger/report.h"
#include "json/json.h"

#define STATUS_JSON_BYTES_MAX ((size_t)1024 * 1024)
#define STATUS_SWEEP_OLD_S    (2 * 86400)

/* "42 s", "17 min", "5 h", "3 d"; for people. */
static const char *
status_age(int64_t seconds, char out[32])
{
    if (seconds < 120)
        (void)snprintf(out, 32, "%lld s", (long long)seconds);
    else if (seconds < 7200)
        (void)snprintf(out, 32, "%lld min", (long long)(seconds / 60));
    else if (seconds < 2 * 86400)
        (void)snprintf(out, 32, "%lld h", (long long)(seconds / 3600));
    else
        (void)snprintf(out, 32, "%lld d", (long long)(seconds / 86400));
    return out;
}

static int64_t
status_int(const struct report_status *status, const char *name)
{
    return rows_int(status->health, 0, name, -1);
}

static const char *
status_text(const struct report_status *status, const char *name)
{
    return rows_text(status->health, 0, name);
}

/* ---------------------------------------------------------------------------------- the screen */

static void
status_put_mode(const struct report_status *status, FILE *out)
{
    const char *url = status_text(status, "base_url");
    const char *is_live = status_text(status, "is_live");

    (void)fprintf(out, "ledger    %s, schema version %lld, generation %lld",
                  status_text(status, "mode"), (long long)status_int(status, "schema_version"),
                  (long long)status_int(status, "generation"));
    if (url != NULL) {
        (void)fputs(", for ", out);
        table_put_visible(out, url);
        (void)fprintf(out, " (%s)", is_live != NULL && is_live[0] == 't' ? "live" : "test");
    }
    (void)fputc('\n', out);
    if (strcmp(status_text(status, "mode"), "paused") == 0) {
        (void)fputs("          by ", out);
        table_put_visible(out, status_text(status, "mode_by"));
        (void)fputs(": ", out);
        table_put_visible(out, status_text(status, "mode_reason"));
        (void)fputc('\n', out);
    }
}

static void
status_put_run(const struct pg_rows *runs, int row, FILE *out)
{
    char age[32];
    bool is_running = rows_text(runs, row, "is_running")[0] == 't';

    (void)fprintf(out, "%s  %s %lld on ", row == 0 ? "runs    " : "        ",
                  rows_text(runs, row, "command"), (long long)rows_int(runs, row, "run_id", 0));
    table_put_visible(out, rows_text(runs, row, "host"));
    (void)fprintf(out, ", begun %s ago: planned %lld, accepted %lld, rejected %lld, unknown %lld",
                  status_age(rows_int(runs, row, "started_age_s", 0), age),
                  (long long)rows_int(runs, row, "planned", 0),
                  (long long)rows_int(runs, row, "accepted", 0),
                  (long long)rows_int(runs, row, "rejected", 0),
                  (long long)rows_int(runs, row, "unknown", 0));
    if (is_running)
        (void)fputs(", not finished", out);
    else
        (void)fprintf(out, ", exit %lld", (long long)rows_int(runs, row, "exit_code", -1));
    if (rows_text(runs, row, "error") != NULL) {
        (void)fputs(": ", out);
        table_put_visible(out, rows_text(runs, row, "error"));
    }
    (void)fputc('\n', out);
}

static void
status_put_backlog(const struct pg_rows *backlog, FILE *out)
{
    char age[32];

    for (int row = 0; row < pg_rows_count(backlog); row++) {
        int64_t oldest = rows_int(backlog, row, "oldest_age_s", -1);

        (void)fprintf(out, "%-8s  %-8s %8lld submissions %8lld units", row == 0 ? "backlog" : "",
                      rows_text(backlog, row, "state"),
                      (long long)rows_int(backlog, row, "submissions", 0),
                      (long long)rows_int(backlog, row, "units", 0));
        if (oldest >= 0)
            (void)fprintf(out, ", oldest %s", status_age(oldest, age));
        (void)fputc('\n', out);
    }
}

static void
status_put_feed(const struct report_status *status, FILE *out)
{
    char age[32];
    int64_t queue_age = status_int(status, "queue_age_s");
    int64_t sweep_age = status_int(status, "last_sweep_age_s");

    (void)fprintf(out, "feed      %s, %lld entries queued", status_text(status, "feed"),
                  (long long)status_int(status, "queued"));
    if (queue_age >= 0)
        (void)fprintf(out, ", oldest %s", status_age(queue_age, age));
    if (status_int(status, "scan_lag_s") >= 0)
        (void)fprintf(out, ", scanned up to %s ago",
                      status_age(status_int(status, "scan_lag_s"), age));
    if (status_text(status, "scan_held_back_by") != NULL) {
        (void)fputs(", held back by ", out);
        table_put_visible(out, status_text(status, "scan_held_back_by"));
    }
    (void)fprintf(out, "; %lld orders to ask the API for\n",
                  (long long)status_int(status, "orders_waiting"));
    (void)fprintf(out, "sweep     %s%s", sweep_age >= 0 ? status_age(sweep_age, age) : "never",
                  sweep_age >= 0 ? " ago" : "");
    if (status_int(status, "missed_by_feed") > 0)
        (void)fprintf(out, ", found %lld lines that the feed had missed",
                      (long long)status_int(status, "missed_by_feed"));
    if (status_text(status, "sweep_wanted") != NULL) {
        (void)fputs("; the next run sweeps: ", out);
        table_put_visible(out, status_text(status, "sweep_wanted"));
    }
    (void)fputc('\n', out);
}

static void
status_put_discrepancies(const struct report_status *status, FILE *out)
{
    const struct pg_rows *found = status->discrepancies;
    char age[32];

    (void)fprintf(out, "person    %lld open discrepancies\n",
                  (long long)status_int(status, "open_discrepancies"));
    for (int row = 0; row < pg_rows_count(found); row++) {
        const char *order = rows_text(found, row, "order_id");

        (void)fprintf(out,
                      "          %6lld %s, oldest %s: ", (long long)rows_int(found, row, "open", 0),
                      rows_text(found, row, "kind"),
                      status_age(rows_int(found, row, "oldest_age_s", 0), age));
        if (order != NULL) {
            (void)fputs("order ", out);
            table_put_visible(out, order);
            (void)fputs(", ", out);
        }
        table_put_visible(out, rows_text(found, row, "detail"));
        (void)fputc('\n', out);
    }
}

static void
status_put_api(const struct report_status *status, FILE *out)
{
    char age[32];
    int64_t blocked = status_int(status, "api_blocked_s");

    if (blocked < 0)
        return;
    (void)fprintf(out, "api       told us to stay away for another %s: ", status_age(blocked, age));
    table_put_visible(out, status_text(status, "api_blocked_why"));
    (void)fputc('\n', out);
}

/* ---------------------------------------------------------------------------------- what next */

enum { STATUS_NEXT_MAX = 12, STATUS_NEXT_BYTES = 1024 };

struct status_next {
    char line[STATUS_NEXT_MAX][STATUS_NEXT_BYTES];
    int count;
};

static void
status_next_add(struct status_next *next, const char *command, const char *argument,
                const char *rest)
{
    if (next->count == STATUS_NEXT_MAX)
        return;
    (void)snprintf(next->line[next->count], STATUS_NEXT_BYTES, "%s%s%s", command, argument, rest);
    next->count++;
}

/* Only commands that can be typed as they stand: an id that a shell would take apart is quoted. */
static void
status_next_order(struct status_next *next, const char *command, const char *order)
{
    char quoted[STATUS_NEXT_BYTES / 2];
    size_t used = 0;

    if (strspn(order, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-") ==
            strlen(order) &&
        order[0] != '-') {
        status_next_add(next, command, order, "");
        return;
    }
    quoted[used++] = '\'';
    for (; *order != '\0' && used + 6 < sizeof(quoted); order++) {
        if (*order == '\'') {
            memcpy(quoted + used, "'\\''", 4);
            used += 4;
        } else {
            quoted[used++] = *order;
        }
    }
    if (*order != '\0')
        return;
    quoted[used++] = '\'';
    quoted[used] = '\0';
    status_next_add(next, command, quoted, "");
}

static void
status_next_fill(const struct report_status *status, const char *schema, struct status_next *next)
{
    const char *mode = status_text(status, "mode");
    const struct pg_rows *found = status->discrepancies;

    next->count = 0;
    if (strcmp(mode, "new") == 0) {
        status_next_add(next, "waybill check", "", "");
        status_next_add(next, "waybill baseline --from nothing", "", "");
        status_next_add(next, "waybill baseline --from warehouse", "", "");
        return;
    }
    if (strcmp(mode, "paused") == 0)
        status_next_add(next, "psql -c \"select ", schema,
                        ".set_mode('live', current_user, 'why')\"");
    if (status_int(status, "api_refused_s") >= 0 || status_int(status, "feed_faults") > 0)
        status_next_add(next, "waybill check", "", "");
    if (status_int(status, "last_sweep_age_s") > STATUS_SWEEP_OLD_S)
        status_next_add(next, "waybill run --sweep", "", "");
    for (int row = 0; row < pg_rows_count(found); row++) {
        if (rows_text(found, row, "order_id") != NULL)
            status_next_order(next, "waybill report order --id ",
                              rows_text(found, row, "order_id"));
    }
    if (pg_rows_count(found) > 0)
        status_next_add(next, "waybill report discrepancies", "", "");
    if (status_int(status, "held") > 0 || status_int(status, "unknown") > 0)
        status_next_add(next, "waybill report submissions", "", "");
    if (status_int(status, "workers") == 0 &&
        (status_int(status, "queued") > 0 || status_int(status, "backlog") > 0))
        status_next_add(next, "waybill run", "", "");
}

static void
status_put(const struct report_status *status, const char *schema, FILE *out)
{
    char age[32];
    int64_t last = status_int(status, "last_run_age_s");
    int64_t unknown_age = status_int(status, "unknown_age_s");
    struct status_next next;

    status_put_mode(status, out);
    (void)fprintf(out, "working   %lld sessions now; ", (long long)status_int(status, "workers"));
    if (last < 0)
        (void)fputs("no run has finished yet\n", out);
    else
        (void)fprintf(out, "last run finished %s ago, exit %lld\n", status_age(last, age),
                      (long long)status_int(status, "last_run_exit_code"));
    for (int row = 0; row < pg_rows_count(status->runs); row++)
        status_put_run(status->runs, row, out);
    status_put_backlog(status->backlog, out);
    if (unknown_age >= 0)
        (void)fprintf(out, "unknown   the oldest for %s\n", status_age(unknown_age, age));
    status_put_feed(status, out);
    status_put_api(status, out);
    status_put_discrepancies(status, out);
    status_next_fill(status, schema, &next);
    for (int i = 0; i < next.count; i++) {
        (void)fputs("next:     ", out);
        table_put_visible(out, next.line[i]);
        (void)fputc('\n', out);
    }
}

/* ---------------------------------------------------------------------------------- JSON */

static void
status_write_row(struct json_writer *w, const char *key, const struct pg_rows *rows, int row)
{
    json_write_object(w, key);
    for (int column = 0; column < pg_rows_columns(rows); column++) {
        const char *name = pg_rows_name(rows, column);
        const char *text = pg_rows_text(rows, row, column);

        if (text != NULL && pg_rows_is_numeric(rows, column))
            json_write_raw(w, name, text);
        else if (text != NULL && strncmp(name, "is_", 3) == 0)
            json_write_bool(w, name, text[0] == 't');
        else
            json_write_text(w, name, text);
    }
    json_write_end_object(w);
}

static void
status_write_rows(struct json_writer *w, const char *key, const struct pg_rows *rows)
{
    json_write_array(w, key);
    for (int row = 0; row < pg_rows_count(rows); row++)
        status_write_row(w, NULL, rows, row);
    json_write_end_array(w);
}

static bool
status_put_json(const struct report_status *status, const char *schema, FILE *out,
                struct error *err)
{
    struct buffer buf;
    struct json_writer w;
    struct status_next next;
    bool ok;

    buffer_init(&buf, STATUS_JSON_BYTES_MAX);
    status_next_fill(status, schema, &next);
    json_write_init(&w, &buf);
    json_write_object(&w, NULL);
    status_write_row(&w, "health", status->health, 0);
    status_write_rows(&w, "backlog", status->backlog);
    status_write_rows(&w, "discrepancies", status->discrepancies);
    status_write_rows(&w, "runs", status->runs);
    json_write_array(&w, "next");
    for (int i = 0; i < next.count; i++)
        json_write_text(&w, NULL, next.line[i]);
    json_write_end_array(&w);
    json_write_end_object(&w);
    ok = !buf.is_failed ||
         error_set(err, ERROR_LIMIT, "the status is longer than %zu bytes", STATUS_JSON_BYTES_MAX);
    if (ok)
        table_put_json(out, buffer_text(&buf));
    (void)fputs(ok ? "\n" : "", out);
    buffer_free(&buf);
    return ok;
}

bool
status_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool ok = false;
    struct config *config = NULL;
    struct ledger *ledger = NULL;
    struct report_status status = {.health = NULL};

    if (!command_load_config(context, &config, err) ||
        !command_open_ledger(config, "status", &ledger, err) ||
        !report_status_read(ledger, &status, err))
        goto done;
    ok = true;
    if (options_has(context->options, "json"))
        ok = status_put_json(&status, config->database.schema, context->out, err);
    else
        status_put(&status, config->database.schema, context->out);
    *code = EXIT_CODE_DONE;

done:
    report_status_free(&status);
    ledger_close(ledger);
    config_free(config);
    return ok;
}
