#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cli/command.h"
#include "cli/rows.h"
#include "cli/status.h"
#include "cli/table.h"

#define STATUS_LINE_BYTES 1024

enum { STATUS_KINDS_SHOWN = 5 };

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
    if (strcmp(status_text(status, "mode"), "shadow") == 0)
        (void)fputs("          nothing is posted before resume --live\n", out);
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
                  health_age(rows_int(runs, row, "started_age_s", 0), age),
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
    int shown = 0;

    for (int row = 0; row < pg_rows_count(backlog); row++) {
        int64_t oldest = rows_int(backlog, row, "oldest_age_s", -1);
        int64_t submissions = rows_int(backlog, row, "submissions", 0);

        if (submissions == 0)
            continue;
        (void)fprintf(out, "%-8s  %-8s %8lld submissions %8lld units",
                      shown++ == 0 ? "backlog" : "", rows_text(backlog, row, "state"),
                      (long long)submissions, (long long)rows_int(backlog, row, "units", 0));
        if (oldest >= 0)
            (void)fprintf(out, ", oldest %s", health_age(oldest, age));
        (void)fputc('\n', out);
    }
    if (shown == 0)
        (void)fputs("backlog   nothing planned, sending, unknown or held\n", out);
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
        (void)fprintf(out, ", oldest %s", health_age(queue_age, age));
    if (status_int(status, "scan_lag_s") >= 0)
        (void)fprintf(out, ", scanned up to %s ago",
                      health_age(status_int(status, "scan_lag_s"), age));
    if (status_text(status, "scan_held_back_by") != NULL) {
        (void)fputs(", held back by ", out);
        table_put_visible(out, status_text(status, "scan_held_back_by"));
    }
    (void)fprintf(out, "; %lld orders to ask the API for\n",
                  (long long)status_int(status, "orders_waiting"));
    (void)fprintf(out, "sweep     %s%s", sweep_age >= 0 ? health_age(sweep_age, age) : "never",
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

    (void)fprintf(out, "person    %lld open discrepanc%s\n",
                  (long long)status_int(status, "open_discrepancies"),
                  status_int(status, "open_discrepancies") == 1 ? "y" : "ies");
    for (int row = 0; row < pg_rows_count(found) && row < STATUS_KINDS_SHOWN; row++) {
        const char *order = rows_text(found, row, "order_id");

        (void)fprintf(out,
                      "          %6lld %s, oldest %s: ", (long long)rows_int(found, row, "open", 0),
                      rows_text(found, row, "kind"),
                      health_age(rows_int(found, row, "oldest_age_s", 0), age));
        if (order != NULL) {
            (void)fputs("order ", out);
            table_put_visible(out, order);
            (void)fputs(rows_text(found, row, "item_id") != NULL ? ", item " : ", ", out);
        }
        if (order != NULL && rows_text(found, row, "item_id") != NULL) {
            table_put_visible(out, rows_text(found, row, "item_id"));
            (void)fputs(": ", out);
        }
        table_put_visible(out, rows_text(found, row, "detail"));
        (void)fputc('\n', out);
    }
    if (pg_rows_count(found) > STATUS_KINDS_SHOWN)
        (void)fprintf(out, "                 and %d kinds more\n",
                      pg_rows_count(found) - STATUS_KINDS_SHOWN);
}

static void
status_put_api(const struct report_status *status, FILE *out)
{
    char age[32];
    int64_t blocked = status_int(status, "api_blocked_s");

    if (blocked < 0)
        return;
    (void)fprintf(out, "api       told us to stay away for another %s: ", health_age(blocked, age));
    table_put_visible(out, status_text(status, "api_blocked_why"));
    (void)fputc('\n', out);
}

static const char *
status_ms(int64_t ms, char out[32])
{
    if (ms < 1)
        return "under 1 ms";
    (void)snprintf(out, 32, "%lld ms", (long long)ms);
    return out;
}

static void
status_put_pace(const struct pg_rows *pace, FILE *out)
{
    char half[32];
    char most[32];

    (void)fprintf(out, "pace      %lld accepted, %lld rejected in this hour and the one before",
                  (long long)rows_int(pace, 0, "accepted", 0),
                  (long long)rows_int(pace, 0, "rejected", 0));
    if (rows_text(pace, 0, "p50_ms") != NULL)
        (void)fprintf(out, "; a POST takes %s, at most %s 19 times of 20",
                      status_ms(rows_int(pace, 0, "p50_ms", 0), half),
                      status_ms(rows_int(pace, 0, "p95_ms", 0), most));
    (void)fputc('\n', out);
}

static void
status_put_stuck(const struct pg_rows *stuck, FILE *out)
{
    char age[32];

    for (int row = 0; row < pg_rows_count(stuck); row++) {
        int64_t oldest = rows_int(stuck, row, "oldest_age_s", -1);
        int64_t next = rows_int(stuck, row, "next_s", -1);
        int64_t count = rows_int(stuck, row, "count", 0);
        const char *what = rows_text(stuck, row, "what"); /* submissions, orders */

        (void)fprintf(out, "%-8s  %lld %s %.*s: ", row == 0 ? "stuck" : "", (long long)count,
                      rows_text(stuck, row, "state"), (int)strlen(what) - (count == 1 ? 1 : 0),
                      what);
        table_put_visible(out, rows_text(stuck, row, "why"));
        if (oldest >= 0)
            (void)fprintf(out, ", oldest %s", health_age(oldest, age));
        if (next >= 0)
            (void)fprintf(out, ", next try in %s", health_age(next, age));
        (void)fputs(", such as order ", out);
        table_put_visible(out, rows_text(stuck, row, "order_id"));
        (void)fputc('\n', out);
    }
}

static void
status_put_expiring(const struct report_status *status, FILE *out)
{
    int64_t orders = status_int(status, "authorizations_expiring");

    if (orders > 0)
        (void)fprintf(out,
                      "payment   %lld orders with units due were accepted six days ago or more: an "
                      "authorization typically lasts seven; they go first\n",
                      (long long)orders);
}

/* What nobody has to worry about, in the words of the promise. */
static void
status_put_safe(const struct status *status, FILE *out)
{
    const struct health_facts *facts = &status->facts;

    (void)fputs("safe      ", out);
    if (strcmp(facts->mode, "new") == 0) {
        (void)fputs("nothing is posted before a baseline is given\n", out);
        return;
    }
    if (facts->backlog + facts->held == 0)
        (void)fputs("nothing is on its way", out);
    else
        (void)fprintf(out, "%lld submissions are kept here until they are settled",
                      (long long)(facts->backlog + facts->held));
    if (facts->unknown > 0)
        (void)fprintf(out,
                      "; the %lld with a lost answer are not sent again before the API was asked",
                      (long long)facts->unknown);
    (void)fputs("; stopping, or running twice, is safe at any time\n", out);
}

/* ---------------------------------------------------------------------------------- colours */

static bool
status_has_colours(const struct command_context *context)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return context->is_terminal && (no_color == NULL || no_color[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

static void
status_put_level(enum health_level level, const char *text, bool has_colours, FILE *out)
{
    static const char *const colours[] = {"\033[1;32m", "\033[1;33m", "\033[1;31m", "\033[1;35m"};

    (void)fputs(has_colours ? colours[level] : "", out);
    table_put_visible(out, text);
    (void)fputs(has_colours ? "\033[0m" : "", out);
}

static void
status_put_health(const struct status *status, bool has_colours, FILE *out)
{
    char line[STATUS_LINE_BYTES];

    (void)fputs("waybill   ", out);
    status_put_level(status->health.level, health_level_name(status->health.level), has_colours,
                     out);
    if (status->health.count == 0) {
        health_sum_up(&status->health, &status->facts, line, sizeof(line));
        (void)fprintf(out, " - %s", line);
    }
    (void)fputc('\n', out);
    for (int i = 0; i < status->health.count; i++) {
        (void)fputs("          ", out);
        status_put_level(status->health.findings[i].level, status->health.findings[i].text,
                         has_colours, out);
        (void)fputc('\n', out);
    }
}

static void
status_put(const struct status *status, bool has_colours, FILE *out)
{
    const struct report_status *report = &status->report;
    char age[32];
    int64_t last = status->facts.last_run_age_s;

    status_put_health(status, has_colours, out);
    status_put_mode(report, out);
    (void)fprintf(out, "working   %lld sessions now; ", (long long)status->facts.workers);
    if (last < 0)
        (void)fputs("no run has finished yet\n", out);
    else
        (void)fprintf(out, "last run finished %s ago, exit %lld\n", health_age(last, age),
                      (long long)status->facts.last_run_exit_code);
    for (int row = 0; row < pg_rows_count(report->runs); row++)
        status_put_run(report->runs, row, out);
    status_put_pace(report->pace, out);
    status_put_backlog(report->backlog, out);
    status_put_stuck(report->stuck, out);
    if (status->facts.unknown_age_s >= 0)
        (void)fprintf(out, "unknown   the oldest for %s\n",
                      health_age(status->facts.unknown_age_s, age));
    status_put_feed(report, out);
    status_put_api(report, out);
    status_put_expiring(report, out);
    status_put_discrepancies(report, out);
    status_put_safe(status, out);
    for (int i = 0; i < status->next.count; i++) {
        (void)fputs("next:     ", out);
        table_put_visible(out, status->next.lines[i]);
        (void)fputc('\n', out);
    }
}

/* ---------------------------------------------------------------------------------- plugin */

static void
status_put_check(const struct status *status, FILE *out)
{
    char line[STATUS_LINE_BYTES];

    health_sum_up(&status->health, &status->facts, line, sizeof(line));
    (void)fprintf(out, "WAYBILL %s - %s | ", health_level_name(status->health.level), line);
    health_put_perfdata(&status->facts, &status->limits, out);
    (void)fputc('\n', out);
}

/* A monitor reads one line of stdout, also where there is no status to tell. A database that is
 * away is what it watches for; a wrong file says nothing about the service. */
static enum health_level
status_put_check_failed(const struct error *err, FILE *out)
{
    enum health_level level = err->code == ERROR_DB_LOST ? HEALTH_CRITICAL : HEALTH_UNKNOWN;
    struct health health = {.level = level, .count = 1};
    char line[STATUS_LINE_BYTES];

    (void)snprintf(health.findings[0].text, sizeof(health.findings[0].text), "%s%s%s", err->context,
                   err->context[0] != '\0' ? ": " : "", err->message);
    health_sum_up(&health, NULL, line, sizeof(line));
    (void)fprintf(out, "WAYBILL %s - %s\n", health_level_name(level), line);
    return level;
}

/* ---------------------------------------------------------------------------------- command */

static bool
status_read_max_age(const struct options *options, int64_t *out, struct error *err)
{
    const char *text = options_get(options, "max-age");

    *out = STATUS_MAX_AGE_MS;
    if (text != NULL && (!number_parse_duration_ms(text, out) || *out < 1000))
        return error_set(err, ERROR_USAGE,
                         "--max-age must be a time such as 90s, 15m or 26h, got \"%s\"", text);
    if (options_has(options, "json") && options_has(options, "check"))
        return error_set(err, ERROR_USAGE, "--json and --check are two forms: give one");
    return true;
}

bool
status_read(const struct config *config, struct ledger *ledger, int64_t max_age_ms, bool wants_pace,
            struct status *out, struct error *err)
{
    *out = (struct status){.health = {.level = HEALTH_UNKNOWN}};
    if (!report_status_read(ledger, &out->report, err) ||
        (wants_pace && !report_status_read_pace(ledger, &out->report, err)))
        return false;
    health_limits_fill(config, max_age_ms, &out->limits);
    health_facts_read(&out->report, &out->facts);
    health_judge(&out->facts, &out->limits, &out->health);
    next_fill(&out->report, &out->facts, &out->health, config->database.schema, &out->next);
    return true;
}

void
status_clear(struct status *status)
{
    report_status_free(&status->report);
}

static bool
status_load(const struct command_context *context, struct status *status, int64_t max_age_ms,
            bool wants_pace, struct error *err)
{
    bool ok = false;
    struct config *config = NULL;
    struct ledger *ledger = NULL;

    ok = command_load_config(context, &config, err) &&
         command_open_ledger(config, "status", &ledger, err) &&
         status_read(config, ledger, max_age_ms, wants_pace, status, err);
    ledger_close(ledger);
    config_free(config);
    return ok;
}

bool
status_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool ok = false;
    bool is_check = options_has(context->options, "check");
    struct status *status = calloc(1, sizeof(*status));
    int64_t max_age_ms;

    if (status == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the status");
    if (!status_read_max_age(context->options, &max_age_ms, err))
        goto done;
    ok = status_load(context, status, max_age_ms, !is_check, err);
    *code = EXIT_CODE_DONE;
    if (is_check && ok) {
        status_put_check(status, context->out);
        *code = (enum exit_code)status->health.level;
    } else if (is_check) {
        /* The plugin's numbers, which are not the exit codes of the other commands. */
        *code = (enum exit_code)status_put_check_failed(err, context->out);
        error_clear(err);
        ok = true;
    } else if (ok && options_has(context->options, "json")) {
        ok = status_put_json(status, context->out, err);
    } else if (ok) {
        status_put(status, status_has_colours(context), context->out);
    }

done:
    status_clear(status);
    free(status);
    return ok;
}
