#include "cli/health.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "cli/rows.h"

enum {
    HEALTH_UNKNOWN_SLACK_S = 900,      /* a look may wait for the budget, or for the next run */
    HEALTH_UNKNOWN_CRITICAL_S = 14400, /* beyond the warning: nobody came */
    HEALTH_BACKLOG_WARNING_S = 14400,  /* twenty attempts, ten minutes apart, take about this */
    HEALTH_BACKLOG_CRITICAL_S = 86400,
    HEALTH_SCAN_WARNING_S = 3600,
    HEALTH_SNAPSHOT_WARNING_S = 3600, /* dead rows pile up behind it: claims grow slow */
};

const char *
health_level_name(enum health_level level)
{
    static const char *const names[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

    return names[level];
}

const char *
health_age(int64_t seconds, char out[32])
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

void
health_limits_fill(const struct config *config, int64_t run_age_ms, struct health_limits *out)
{
    /* When "not found" is believed, counted from the claim. */
    int64_t settles_s =
        (config->api.send_within_ms + config->api.timeout_ms + config->api.settle_ms) / 1000;
    int64_t run_s = run_age_ms / 1000;

    *out = (struct health_limits){
        .base_url = config->api.base_url,
        .is_live = config->api.mode == CONFIG_MODE_LIVE,
        .run_warning_s = run_s,
        .run_critical_s = run_s * 4,
        .queue_warning_s = run_s,
        .queue_critical_s = run_s * 4,
        .asking_warning_s = run_s,
        .backlog_warning_s = HEALTH_BACKLOG_WARNING_S,
        .backlog_critical_s = HEALTH_BACKLOG_CRITICAL_S,
        .unknown_warning_s = settles_s + HEALTH_UNKNOWN_SLACK_S,
        .unknown_critical_s = settles_s + HEALTH_UNKNOWN_SLACK_S + HEALTH_UNKNOWN_CRITICAL_S,
        .sweep_warning_s = config->warehouse.sweep_interval_ms * 2 / 1000,
        .scan_warning_s = HEALTH_SCAN_WARNING_S,
        .unfed_warning_s = config->warehouse.change_feed == CONFIG_FEED_QUEUE ? run_s : 0,
        .snapshot_warning_s = HEALTH_SNAPSHOT_WARNING_S,
    };
    if (config->follow.events)
        out->events_warning_s = config->follow.interval_ms * 2 / 1000 + out->run_critical_s;
    /* The last sweep of two intervals, and a run that may have come late. */
    if (out->sweep_warning_s > 0)
        out->sweep_warning_s += out->run_critical_s;
}

static int64_t
health_int(const struct report_status *status, const char *name, int64_t otherwise)
{
    return rows_int(status->health, 0, name, otherwise);
}

/* What the run that ended last said; those that still work have ended nothing. */
static const char *
health_last_error(const struct report_status *status)
{
    const char *last = rows_text(status->health, 0, "last_run_id");

    for (int row = 0; status->runs != NULL && last != NULL && row < pg_rows_count(status->runs);
         row++) {
        if (strcmp(rows_text(status->runs, row, "run_id"), last) == 0)
            return rows_text(status->runs, row, "error");
    }
    return NULL;
}

void
health_facts_read(const struct report_status *status, struct health_facts *out)
{
    *out = (struct health_facts){
        .mode = rows_text(status->health, 0, "mode"),
        .mode_by = rows_text(status->health, 0, "mode_by"),
        .mode_reason = rows_text(status->health, 0, "mode_reason"),
        .base_url = rows_text(status->health, 0, "base_url"),
        .is_live = rows_text(status->health, 0, "is_live") != NULL &&
                   rows_text(status->health, 0, "is_live")[0] == 't',
        .backlog = health_int(status, "backlog", 0),
        .backlog_age_s = health_int(status, "backlog_age_s", -1),
        .unknown = health_int(status, "unknown", 0),
        .unknown_age_s = health_int(status, "unknown_age_s", -1),
        .held = health_int(status, "held", 0),
        .discrepancies = health_int(status, "open_discrepancies", 0),
        .workers = health_int(status, "workers", 0),
        .last_run_age_s = health_int(status, "last_run_age_s", -1),
        .last_run_exit_code = health_int(status, "last_run_exit_code", -1),
        .last_run_error = health_last_error(status),
        .last_sweep_age_s = health_int(status, "last_sweep_age_s", -1),
        .queued = health_int(status, "queued", 0),
        .queue_age_s = health_int(status, "queue_age_s", -1),
        .asking = health_int(status, "asking", 0),
        .asking_age_s = health_int(status, "asking_age_s", -1),
        .api_blocked_s = health_int(status, "api_blocked_s", -1),
        .api_refused_s = health_int(status, "api_refused_s", -1),
        .api_failing_s = health_int(status, "api_failing_s", -1),
        .api_failing_why = rows_text(status->health, 0, "api_failing_why"),
        .feed = rows_text(status->health, 0, "feed"),
        .feed_faults = health_int(status, "feed_faults", 0),
        .scan_lag_s = health_int(status, "scan_lag_s", -1),
        .scan_held_back_by = rows_text(status->health, 0, "scan_held_back_by"),
        .oldest_snapshot_s = health_int(status, "oldest_snapshot_s", -1),
        .events_age_s = health_int(status, "events_age_s", -1),
        .events_read_age_s = health_int(status, "events_read_age_s", -1),
        .events_unread_why = rows_text(status->health, 0, "events_unread_why"),
    };
    for (int row = 0; row < pg_rows_count(status->discrepancies); row++) {
        if (rows_text(status->discrepancies, row, "is_money")[0] == 't')
            out->discrepancies_money += rows_int(status->discrepancies, row, "open", 0);
    }
}

/* Worst first, in the order of finding among equals. */
static void health_add(struct health *health, enum health_level level, const char *name,
                       const char *fmt, ...) PRINTF_LIKE(4, 5);

static void
health_add(struct health *health, enum health_level level, const char *name, const char *fmt, ...)
{
    struct health_finding *finding;
    int at = health->count;
    va_list args;

    if (level == HEALTH_OK || at == HEALTH_FINDINGS_MAX)
        return;
    while (at > 0 && health->findings[at - 1].level < level) {
        health->findings[at] = health->findings[at - 1];
        at--;
    }
    health->count++;
    finding = &health->findings[at];
    finding->level = level;
    finding->name = name;
    va_start(args, fmt);
    (void)vsnprintf(finding->text, sizeof(finding->text), fmt, args);
    va_end(args);
    text_trim_cut(finding->text);
    if (level > health->level)
        health->level = level;
}

static enum health_level
health_compare(int64_t value, int64_t warning, int64_t critical)
{
    if (critical > 0 && value > critical)
        return HEALTH_CRITICAL;
    return warning > 0 && value > warning ? HEALTH_WARNING : HEALTH_OK;
}

static void
health_judge_mode(const struct health_facts *facts, struct health *out)
{
    const char *reason = facts->mode_reason != NULL ? facts->mode_reason : "no reason given";
    const char *by = facts->mode_by != NULL ? facts->mode_by : "?";

    if (strcmp(facts->mode, "new") == 0)
        health_add(out, HEALTH_WARNING, "mode", "no baseline yet: nothing is posted");
    else if (strcmp(facts->mode, "paused") == 0 && strcmp(by, "waybill") == 0)
        health_add(out, HEALTH_CRITICAL, "mode", "the ledger stopped itself: %s", reason);
    else if (strcmp(facts->mode, "paused") == 0)
        health_add(out, HEALTH_WARNING, "mode", "paused by %s: %s", by, reason);
}

/* What a run with this configuration stops for, before it asks anything. */
static void
health_judge_binding(const struct health_facts *facts, const struct health_limits *limits,
                     struct health *out)
{
    if (facts->base_url == NULL)
        return;
    if (strcmp(facts->base_url, limits->base_url) != 0)
        health_add(out, HEALTH_CRITICAL, "other_api",
                   "this ledger was filled from %s, the configuration says %s", facts->base_url,
                   limits->base_url);
    if (facts->is_live != limits->is_live)
        health_add(out, HEALTH_CRITICAL, "other_api",
                   "this ledger was filled in %s mode, the configuration says %s",
                   facts->is_live ? "live" : "test", limits->is_live ? "live" : "test");
}

bool
health_is_shadow(const struct health_facts *facts)
{
    return strcmp(facts->mode, "shadow") == 0;
}

/* Does anybody come at all, and how did the last one end? */
static void
health_judge_runs(const struct health_facts *facts, const struct health_limits *limits,
                  struct health *out)
{
    char age[32];
    const char *error = facts->last_run_error;
    const char *because = error != NULL ? ": " : "";
    enum health_level late =
        health_compare(facts->last_run_age_s, limits->run_warning_s, limits->run_critical_s);

    if (strcmp(facts->mode, "new") == 0)
        return;
    if (facts->workers == 0 && facts->last_run_age_s < 0)
        health_add(out, HEALTH_WARNING, "last_run", "no run has finished yet, and none works now");
    else if (facts->workers == 0)
        health_add(out, late, "last_run", "no run for %s", health_age(facts->last_run_age_s, age));
    if (strcmp(facts->mode, "paused") == 0)
        return;
    if (error == NULL)
        error = "";
    /* A session that works now has a configuration that does; of what it works with it says
     * nothing: a watch ends a run when it fails, and the next when it goes well. */
    if (facts->last_run_exit_code == 3 && facts->workers == 0)
        health_add(out, HEALTH_CRITICAL, "last_run_exit", "the last run stopped with exit 3%s%s",
                   because[0] != '\0' ? because : ": configuration, or a ledger that is not itself",
                   error);
    else if (facts->last_run_exit_code == 4)
        health_add(out, HEALTH_WARNING, "last_run_exit",
                   "the last run could not work with the database (exit 4)%s%s", because, error);
    else if (facts->last_run_exit_code == 5)
        health_add(out, HEALTH_WARNING, "last_run_exit",
                   "the last run could not work with the API (exit 5)%s%s", because, error);
}

static void
health_judge_risk(const struct health_facts *facts, const struct health_limits *limits,
                  struct health *out)
{
    char age[32];
    int64_t others = facts->discrepancies - facts->discrepancies_money;

    if (facts->discrepancies_money > 0)
        health_add(out, HEALTH_CRITICAL, "money", "%lld open discrepanc%s where money may be wrong",
                   (long long)facts->discrepancies_money,
                   facts->discrepancies_money == 1 ? "y" : "ies");
    if (others > 0)
        health_add(out, HEALTH_WARNING, "discrepancies", "%lld open discrepanc%s for a person",
                   (long long)others, others == 1 ? "y" : "ies");
    if (facts->held > 0)
        health_add(out, HEALTH_WARNING, "held", "%lld held submission%s for a person",
                   (long long)facts->held, facts->held == 1 ? "" : "s");
    health_add(
        out,
        health_compare(facts->unknown_age_s, limits->unknown_warning_s, limits->unknown_critical_s),
        "unknown_age", "the outcome of a POST is unknown for %s (%lld in all)",
        health_age(facts->unknown_age_s, age), (long long)facts->unknown);
    if (!health_is_shadow(facts))
        health_add(out,
                   health_compare(facts->backlog_age_s, limits->backlog_warning_s,
                                  limits->backlog_critical_s),
                   "backlog_age", "a submission has waited for %s (%lld in all)",
                   health_age(facts->backlog_age_s, age), (long long)facts->backlog);
    health_add(
        out, health_compare(facts->queue_age_s, limits->queue_warning_s, limits->queue_critical_s),
        "queue_age", "changes of the warehouse have not been looked at for %s (%lld queued)",
        health_age(facts->queue_age_s, age), (long long)facts->queued);
    health_add(out, health_compare(facts->asking_age_s, limits->asking_warning_s, 0), "asking_age",
               "the API has not answered for an order for %s (%lld in all)",
               health_age(facts->asking_age_s, age), (long long)facts->asking);
}

static void
health_judge_neighbours(const struct health_facts *facts, const struct health_limits *limits,
                        struct health *out)
{
    char age[32];

    if (facts->api_refused_s >= 0)
        health_add(out, HEALTH_CRITICAL, "api_refused", "the API has refused the key for %s",
                   health_age(facts->api_refused_s, age));
    /* Until a POST passes, so there must be one to try. */
    if (facts->api_failing_s >= 0 && facts->backlog > 0)
        health_add(out, HEALTH_WARNING, "api_failing",
                   "POSTs have failed for %s, one at a time is tried: %s",
                   health_age(facts->api_failing_s, age),
                   facts->api_failing_why != NULL ? facts->api_failing_why : "no reason given");
    if (facts->api_blocked_s > 0)
        health_add(out, HEALTH_WARNING, "api_blocked",
                   "the API told us to stay away for another %s",
                   health_age(facts->api_blocked_s, age));
    if (facts->feed_faults > 0)
        health_add(out, HEALTH_WARNING, "feed",
                   "%lld triggers of the feed are missing or off: changes come with sweeps only",
                   (long long)facts->feed_faults);
    if (strcmp(facts->feed, "none") == 0)
        health_add(out, health_compare(facts->last_sweep_age_s, limits->unfed_warning_s, 0), "feed",
                   "no table is fed, so changes come with sweeps only, the last %s ago",
                   health_age(facts->last_sweep_age_s, age));
    health_add(out, health_compare(facts->scan_lag_s, limits->scan_warning_s, 0), "scan_lag",
               "the scan is %s behind%s%s", health_age(facts->scan_lag_s, age),
               facts->scan_held_back_by != NULL ? ", held back by " : "",
               facts->scan_held_back_by != NULL ? facts->scan_held_back_by : "");
    health_add(out, health_compare(facts->last_sweep_age_s, limits->sweep_warning_s, 0),
               "sweep_age", "no sweep for %s", health_age(facts->last_sweep_age_s, age));
    health_add(out, health_compare(facts->events_age_s, limits->events_warning_s, 0), "events_age",
               "the API's events have not been read to the end for %s%s%s",
               health_age(facts->events_age_s, age), facts->events_unread_why != NULL ? ": " : "",
               facts->events_unread_why != NULL ? facts->events_unread_why : "");
    health_add(out, health_compare(facts->oldest_snapshot_s, limits->snapshot_warning_s, 0),
               "snapshot_age", "a transaction has been open for %s: dead rows pile up behind it",
               health_age(facts->oldest_snapshot_s, age));
}

void
health_judge(const struct health_facts *facts, const struct health_limits *limits,
             struct health *out)
{
    *out = (struct health){.level = HEALTH_OK};
    health_judge_mode(facts, out);
    health_judge_binding(facts, limits, out);
    health_judge_neighbours(facts, limits, out);
    health_judge_runs(facts, limits, out);
    health_judge_risk(facts, limits, out);
}

void
health_sum_up(const struct health *health, const struct health_facts *facts, char *out,
              size_t out_bytes)
{
    struct buffer buf;
    char age[32];

    buffer_init(&buf, (size_t)HEALTH_FINDINGS_MAX * HEALTH_TEXT_BYTES * 8);
    for (int i = 0; i < health->count; i++) {
        (void)buffer_puts(&buf, i > 0 ? "; " : "");
        (void)text_append_visible(&buf, health->findings[i].text);
    }
    if (health->count == 0) {
        if (health_is_shadow(facts))
            (void)buffer_puts(&buf, "shadow: nothing is posted, ");
        if (facts->workers > 0)
            (void)buffer_printf(&buf, "%lld session%s, ", (long long)facts->workers,
                                facts->workers == 1 ? " works" : "s work");
        else
            (void)buffer_printf(&buf, "last run %s ago, ", health_age(facts->last_run_age_s, age));
        (void)buffer_printf(&buf, "%lld submission%s %s, nothing needs a person",
                            (long long)facts->backlog, facts->backlog == 1 ? "" : "s",
                            health_is_shadow(facts) ? "planned" : "on the way");
    }
    (void)snprintf(out, out_bytes, "%s", buffer_text(&buf));
    text_trim_cut(out);
    buffer_free(&buf);
    for (; *out != '\0'; out++)
        *out = *out == '|' ? '/' : *out; /* begins the numbers of a plugin */
}

/* Of nothing, the age is none: a graph shall show 0, not a gap. */
static int64_t
health_or_0(int64_t age_s)
{
    return age_s < 0 ? 0 : age_s;
}

void
health_put_perfdata(const struct health_facts *facts, const struct health_limits *limits, FILE *out)
{
    bool is_shadow = health_is_shadow(facts);
    const struct {
        const char *name, *unit;
        int64_t value, warning, critical;
    } numbers[] = {
        {"backlog", "", facts->backlog, 0, 0},
        {"backlog_age", "s", health_or_0(facts->backlog_age_s),
         is_shadow ? 0 : limits->backlog_warning_s, is_shadow ? 0 : limits->backlog_critical_s},
        {"unknown", "", facts->unknown, 0, 0},
        {"unknown_age", "s", health_or_0(facts->unknown_age_s), limits->unknown_warning_s,
         limits->unknown_critical_s},
        {"held", "", facts->held, 0, 0},
        {"discrepancies", "", facts->discrepancies, 0, 0},
        {"discrepancies_money", "", facts->discrepancies_money, 0, 0},
        {"queued", "", facts->queued, 0, 0},
        {"queue_age", "s", health_or_0(facts->queue_age_s), limits->queue_warning_s,
         limits->queue_critical_s},
        {"last_run_age", "s", facts->last_run_age_s, limits->run_warning_s, limits->run_critical_s},
        {"last_sweep_age", "s", facts->last_sweep_age_s, limits->sweep_warning_s, 0},
        {"workers", "", facts->workers, 0, 0},
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char warning[24] = "";
        char critical[24] = "";

        if (numbers[i].warning > 0)
            (void)snprintf(warning, sizeof(warning), "%lld", (long long)numbers[i].warning);
        if (numbers[i].critical > 0)
            (void)snprintf(critical, sizeof(critical), "%lld", (long long)numbers[i].critical);
        (void)fprintf(out, "%s'%s'=", i > 0 ? " " : "", numbers[i].name);
        /* U: undetermined, as where there never was a run. */
        if (numbers[i].value < 0)
            (void)fprintf(out, "U;%s;%s;0", warning, critical);
        else
            (void)fprintf(out, "%lld%s;%s;%s;0", (long long)numbers[i].value, numbers[i].unit,
                          warning, critical);
    }
}
