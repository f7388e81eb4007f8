#include "cli/exposition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cli/health.h"
#include "cli/rows.h"
#include "ledger/discrepancy.h"

enum { EXPOSITION_KEY_BYTES = 256 };

static const char *const EXPOSITION_OUTCOME_NAMES[EXPOSITION_OUTCOMES] = {
    "accepted", "rejected", "refused", "unknown", "held", "split",
};

static const struct {
    int64_t upto_ms;
    const char *label;
} EXPOSITION_BUCKET[EXPOSITION_BUCKETS] = {
    {50, "0.05"}, {100, "0.1"},  {250, "0.25"}, {500, "0.5"},  {1000, "1"},         {2500, "2.5"},
    {5000, "5"},  {10000, "10"}, {30000, "30"}, {65000, "65"}, {INT64_MAX, "+Inf"},
};

void
exposition_note_post(struct exposition_counts *counts, const char *outcome, int64_t duration_ms,
                     bool is_sent)
{
    int bucket = 0;

    for (int i = 0; i < EXPOSITION_OUTCOMES; i++)
        counts->posts[i] += strcmp(outcome, EXPOSITION_OUTCOME_NAMES[i]) == 0 ? 1 : 0;
    if (!is_sent)
        return;
    while (duration_ms > EXPOSITION_BUCKET[bucket].upto_ms)
        bucket++;
    counts->durations[bucket]++;
    counts->duration_ms_sum += duration_ms;
}

void
exposition_note_run(struct exposition_counts *counts, int exit_code)
{
    if (exit_code >= 0 && exit_code < EXPOSITION_EXIT_CODES)
        counts->runs[exit_code]++;
}

void
exposition_add(struct exposition_counts *total, const struct exposition_counts *more)
{
    for (int i = 0; i < EXPOSITION_OUTCOMES; i++)
        total->posts[i] += more->posts[i];
    for (int i = 0; i < EXPOSITION_BUCKETS; i++)
        total->durations[i] += more->durations[i];
    for (int i = 0; i < EXPOSITION_EXIT_CODES; i++)
        total->runs[i] += more->runs[i];
    total->duration_ms_sum += more->duration_ms_sum;
}

/* ---------------------------------------------------------------------------------- reading back
 */

/* The text after "KEY " at the start of a line, up to its end; "" when there is none. */
static const char *
exposition_find(const char *text, const char *key, char value[32])
{
    size_t count = strlen(key);

    value[0] = '\0';
    while (*text != '\0') {
        size_t line = strcspn(text, "\n");

        if (line > count + 1 && line - count - 1 < 32 && strncmp(text, key, count) == 0 &&
            text[count] == ' ') {
            memcpy(value, text + count + 1, line - count - 1);
            value[line - count - 1] = '\0';
            return value;
        }
        text += line + (text[line] == '\n' ? 1 : 0);
    }
    return value;
}

static int64_t
exposition_old(const char *text, const char *key)
{
    char value[32];
    int64_t number = 0;

    (void)number_parse(exposition_find(text, key, value), 0, INT64_MAX / 4, &number);
    return number;
}

/* Seconds are always written with three decimals: as a whole number they are milliseconds. */
static int64_t
exposition_old_ms(const char *text, const char *key)
{
    char value[32];
    int64_t number = 0;
    char *point;

    (void)exposition_find(text, key, value);
    point = strchr(value, '.');
    if (point == NULL || strlen(point) != 4)
        return 0;
    memmove(point, point + 1, 4);
    (void)number_parse(value, 0, INT64_MAX / 4, &number);
    return number;
}

static const char *
exposition_key(char key[EXPOSITION_KEY_BYTES], const char *name, const char *ledger,
               const char *label, const char *value)
{
    (void)snprintf(key, EXPOSITION_KEY_BYTES, "waybill_%s{ledger=\"%s\"%s%s%s%s%s}", name, ledger,
                   label != NULL ? "," : "", label != NULL ? label : "", label != NULL ? "=\"" : "",
                   label != NULL ? value : "", label != NULL ? "\"" : "");
    return key;
}

void
exposition_read_back(const char *text, const char *ledger, struct exposition_counts *out)
{
    char key[EXPOSITION_KEY_BYTES];
    char code[8];
    int64_t below = 0;

    for (int i = 0; i < EXPOSITION_OUTCOMES; i++)
        out->posts[i] += exposition_old(text, exposition_key(key, "posts_total", ledger, "outcome",
                                                             EXPOSITION_OUTCOME_NAMES[i]));
    for (int i = 0; i < EXPOSITION_EXIT_CODES; i++) {
        (void)snprintf(code, sizeof(code), "%d", i);
        out->runs[i] +=
            exposition_old(text, exposition_key(key, "runs_total", ledger, "exit_code", code));
    }
    for (int i = 0; i < EXPOSITION_BUCKETS; i++) {
        int64_t upto =
            exposition_old(text, exposition_key(key, "post_duration_seconds_bucket", ledger, "le",
                                                EXPOSITION_BUCKET[i].label));

        out->durations[i] += upto > below ? upto - below : 0;
        below = upto > below ? upto : below;
    }
    out->duration_ms_sum += exposition_old_ms(
        text, exposition_key(key, "post_duration_seconds_sum", ledger, NULL, NULL));
}

/* ---------------------------------------------------------------------------------- writing */

static void
exposition_head(struct buffer *out, const char *name, const char *type, const char *help)
{
    (void)buffer_printf(out, "# HELP waybill_%s %s\n# TYPE waybill_%s %s\n", name, help, name,
                        type);
}

static void
exposition_put(struct buffer *out, const char *name, const char *ledger, const char *label,
               const char *value, int64_t number)
{
    char key[EXPOSITION_KEY_BYTES];

    (void)buffer_printf(out, "%s %lld\n", exposition_key(key, name, ledger, label, value),
                        (long long)number);
}

static void
exposition_gauge(struct buffer *out, const char *name, const char *ledger, int64_t number,
                 const char *help)
{
    exposition_head(out, name, "gauge", help);
    exposition_put(out, name, ledger, NULL, NULL, number);
}

static void
exposition_write_counts(const struct exposition_counts *counts, const char *ledger,
                        struct buffer *out)
{
    char key[EXPOSITION_KEY_BYTES];
    char code[8];
    int64_t upto = 0;

    exposition_head(out, "posts_total", "counter", "POSTs of this host, by what came of them.");
    for (int i = 0; i < EXPOSITION_OUTCOMES; i++)
        exposition_put(out, "posts_total", ledger, "outcome", EXPOSITION_OUTCOME_NAMES[i],
                       counts->posts[i]);
    exposition_head(out, "post_duration_seconds", "histogram",
                    "How long POSTs of this host took, of which a byte left.");
    for (int i = 0; i < EXPOSITION_BUCKETS; i++) {
        upto += counts->durations[i];
        exposition_put(out, "post_duration_seconds_bucket", ledger, "le",
                       EXPOSITION_BUCKET[i].label, upto);
    }
    (void)buffer_printf(out, "%s %lld.%03lld\n",
                        exposition_key(key, "post_duration_seconds_sum", ledger, NULL, NULL),
                        (long long)(counts->duration_ms_sum / 1000),
                        (long long)(counts->duration_ms_sum % 1000));
    exposition_put(out, "post_duration_seconds_count", ledger, NULL, NULL, upto);
    exposition_head(out, "runs_total", "counter", "Runs of this host that ended, by exit code.");
    for (int i = 0; i < EXPOSITION_EXIT_CODES; i++) {
        (void)snprintf(code, sizeof(code), "%d", i);
        exposition_put(out, "runs_total", ledger, "exit_code", code, counts->runs[i]);
    }
}

static void
exposition_write_backlog(const struct pg_rows *backlog, const char *ledger, struct buffer *out)
{
    static const struct {
        const char *name, *column, *help;
    } gauges[] = {
        {"backlog_submissions", "submissions", "Submissions that are not settled, by state."},
        {"backlog_units", "units", "Units, shipped and cancelled, that they carry."},
        {"backlog_oldest_seconds", "oldest_age_s", "Age of the oldest of them; 0: there is none."},
    };

    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
        exposition_head(out, gauges[i].name, "gauge", gauges[i].help);
        for (int row = 0; row < pg_rows_count(backlog); row++)
            exposition_put(out, gauges[i].name, ledger, "state", rows_text(backlog, row, "state"),
                           rows_int(backlog, row, gauges[i].column, 0));
    }
}

static void
exposition_write_discrepancies(const struct pg_rows *open, const char *ledger, struct buffer *out)
{
    exposition_head(out, "open_discrepancies", "gauge", "What a person must decide, by kind.");
    /* All of them, so that a kind's series is there before its first discrepancy is. */
    for (int i = 0; i < DISCREPANCY_KINDS_OF_PERSONS; i++) {
        int64_t number = 0;

        for (int row = 0; row < pg_rows_count(open); row++) {
            if (strcmp(rows_text(open, row, "kind"), DISCREPANCY_KINDS[i]) == 0)
                number = rows_int(open, row, "open", 0);
        }
        exposition_put(out, "open_discrepancies", ledger, "kind", DISCREPANCY_KINDS[i], number);
    }
}

static void
exposition_write_mode(const struct health_facts *facts, const char *ledger, struct buffer *out)
{
    static const char *const modes[] = {"new", "shadow", "live", "paused"};

    exposition_head(out, "mode", "gauge", "1 for the mode that the ledger is in.");
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        exposition_put(out, "mode", ledger, "mode", modes[i], strcmp(facts->mode, modes[i]) == 0);
}

/* Of nothing, the age is none. */
static int64_t
exposition_age(int64_t age_s)
{
    return age_s < 0 ? 0 : age_s;
}

static void
exposition_write_facts(const struct report_status *status, const char *ledger, int64_t now_ms,
                       struct buffer *out)
{
    struct health_facts facts;

    health_facts_read(status, &facts);
    exposition_write_mode(&facts, ledger, out);
    exposition_write_backlog(status->backlog, ledger, out);
    exposition_gauge(out, "oldest_unknown_seconds", ledger, exposition_age(facts.unknown_age_s),
                     "For how long the oldest unknown outcome is unknown; 0: there is none.");
    exposition_write_discrepancies(status->discrepancies, ledger, out);
    exposition_gauge(out, "queue_entries", ledger, facts.queued,
                     "Changed orders that were not looked at yet.");
    exposition_gauge(out, "queue_oldest_seconds", ledger, exposition_age(facts.queue_age_s),
                     "Age of the oldest of them; 0: there is none.");
    exposition_gauge(out, "workers", ledger, facts.workers, "Sessions that work, on all hosts.");
    if (facts.last_run_age_s >= 0) {
        exposition_gauge(out, "last_run_timestamp_seconds", ledger,
                         now_ms / 1000 - facts.last_run_age_s,
                         "When the last run of any host ended.");
        exposition_gauge(out, "last_run_exit_code", ledger, facts.last_run_exit_code,
                         "The exit code of that run.");
    }
    if (facts.last_sweep_age_s >= 0)
        exposition_gauge(out, "last_sweep_timestamp_seconds", ledger,
                         now_ms / 1000 - facts.last_sweep_age_s,
                         "When the whole relation was last read.");
    if (facts.events_read_age_s >= 0)
        exposition_gauge(out, "events_read_timestamp_seconds", ledger,
                         now_ms / 1000 - facts.events_read_age_s,
                         "When the API's events were last read to the end of what was new.");
    exposition_gauge(out, "api_blocked_seconds", ledger, exposition_age(facts.api_blocked_s),
                     "For how long the API told us to stay away; 0: it did not.");
    exposition_gauge(out, "api_key_refused", ledger, facts.api_refused_s >= 0,
                     "1: the API refuses the key.");
    exposition_gauge(out, "feed_faults", ledger, facts.feed_faults,
                     "Triggers of fed tables that are missing or off.");
    exposition_gauge(out, "scan_lag_seconds", ledger, exposition_age(facts.scan_lag_s),
                     "How far the scan is behind; 0: there is no scan.");
    exposition_gauge(out, "oldest_snapshot_seconds", ledger,
                     exposition_age(facts.oldest_snapshot_s),
                     "Age of the oldest transaction that keeps dead rows alive.");
}

void
exposition_write(const struct exposition_counts *counts, const struct report_status *facts,
                 const char *ledger, int64_t now_ms, struct buffer *out)
{
    exposition_head(out, "build_info", "gauge", "1, with the version as a label.");
    exposition_put(out, "build_info", ledger, "version", WAYBILL_VERSION, 1);
    exposition_gauge(out, "up", ledger, facts != NULL, "1: the database answered.");
    exposition_gauge(out, "written_timestamp_seconds", ledger, now_ms / 1000,
                     "When this file was written.");
    exposition_write_counts(counts, ledger, out);
    if (facts != NULL)
        exposition_write_facts(facts, ledger, now_ms, out);
}
