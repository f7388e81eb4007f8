/*
 * health — what the ledger's numbers mean for whoever is on call: findings with a level.
 *
 * Pure: numbers in, sentences out. The screen, its JSON, the monitoring plugin
 * and the page all say what is judged here, and none of them judges by itself.
 */
#ifndef CLI_HEALTH_H
#define CLI_HEALTH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "config/config.h"
#include "ledger/report.h"

enum { HEALTH_FINDINGS_MAX = 20, HEALTH_TEXT_BYTES = 400 };

/* The numbers are those of monitoring plugins. */
enum health_level { HEALTH_OK, HEALTH_WARNING, HEALTH_CRITICAL, HEALTH_UNKNOWN };

/* Counts are never negative; ages are seconds, -1 where there is nothing. Texts are borrowed and
 * may be NULL. */
struct health_facts {
    const char *mode, *mode_by, *mode_reason;
    const char *base_url; /* that the ledger was filled from; NULL: from none yet */
    bool is_live;
    int64_t backlog, backlog_age_s;
    int64_t unknown, unknown_age_s;
    int64_t held;
    int64_t discrepancies, discrepancies_money; /* the second: where money may be wrong already */
    int64_t workers;
    int64_t last_run_age_s, last_run_exit_code; /* -1: no run has ended yet */
    const char *last_run_error;
    int64_t last_sweep_age_s;
    int64_t queued, queue_age_s;
    int64_t asking, asking_age_s; /* orders that the API has not answered for */
    int64_t api_blocked_s, api_refused_s, api_failing_s;
    const char *api_failing_why;
    const char *feed; /* as report_health says it */
    int64_t feed_faults;
    int64_t scan_lag_s;
    const char *scan_held_back_by;
    int64_t oldest_snapshot_s;
    int64_t events_age_s;      /* since they were read to the end, or since there is anybody to */
    int64_t events_read_age_s; /* since they were read to the end; -1: never */
    const char *events_unread_why;
};

/* From when on a number is a finding, and what the configuration says. */
struct health_limits {
    const char *base_url; /* borrowed */
    bool is_live;
    int64_t run_warning_s, run_critical_s;         /* since the last run ended */
    int64_t queue_warning_s, queue_critical_s;     /* an entry of the queue waits */
    int64_t asking_warning_s;                      /* an order waits for the API's answer */
    int64_t backlog_warning_s, backlog_critical_s; /* a submission waits */
    int64_t unknown_warning_s, unknown_critical_s; /* an outcome is unknown */
    int64_t sweep_warning_s;                       /* 0: never */
    int64_t scan_warning_s;
    int64_t
        unfed_warning_s; /* since the last sweep, where nothing else tells of changes; 0: never */
    int64_t snapshot_warning_s;
    int64_t events_warning_s; /* 0: never */
};

struct health_finding {
    enum health_level level;
    const char *name; /* one lower-case word, stable: "unknown_age" */
    char text[HEALTH_TEXT_BYTES];
};

struct health {
    enum health_level level;                             /* the worst */
    struct health_finding findings[HEALTH_FINDINGS_MAX]; /* worst first */
    int count;
};

/* "OK", "WARNING", "CRITICAL", "UNKNOWN" */
const char *health_level_name(enum health_level level);

/* run_age_ms: how old the last run may be; four times that is critical. */
void health_limits_fill(const struct config *config, int64_t run_age_ms, struct health_limits *out);
/* Borrows the texts of status. */
void health_facts_read(const struct report_status *status, struct health_facts *out);
/* What is planned waits for somebody to go live, however long that takes. */
bool health_is_shadow(const struct health_facts *facts);
void health_judge(const struct health_facts *facts, const struct health_limits *limits,
                  struct health *out);

/* All findings in one line: "a; b; c", or what is well. Control characters and | are replaced. */
void health_sum_up(const struct health *health, const struct health_facts *facts, char *out,
                   size_t out_bytes);
/* "waybill: 'unknown_age'=12s;1880;16280;0 ..." of a monitoring plugin, without a line end. */
void health_put_perfdata(const struct health_facts *facts, const struct health_limits *limits,
                         FILE *out);

/* "42 s", "17 min", "5 h", "3 d". */
const char *health_age(int64_t seconds, char out[32]);

#endif
