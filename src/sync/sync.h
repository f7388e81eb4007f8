/*
 * sync — the work: collect, reconcile, submit, resolve; one pass, or for ever.
 */
#ifndef SYNC_SYNC_H
#define SYNC_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/secret.h"
#include "ledger/ledger.h"

struct sync;

/* Who looks on. All are called by the thread that works, and must be quick. */
struct sync_observer {
    /* A POST was answered, or its answer was lost: accepted, rejected, refused (it may go again),
     * unknown, held or split. */
    void (*post_fn)(const char *outcome, int64_t duration_ms, bool is_sent, void *ctx);
    void (*tick_fn)(void *ctx); /* every few seconds at least, as long as the work goes on */
    /* How far the run is, every progress_ms while it works, or more seldom where it takes the
     * database long to count what is left. */
    void (*progress_fn)(const struct ledger_run_summary *so_far, void *ctx);
    int64_t progress_ms;
    void *ctx;
};

/* What the work needs to know; strings are borrowed for the object's life. */
struct sync_options {
    const char *command; /* "run", "watch" */
    const char *database_url, *schema;
    const char *line_items;
    bool is_scan;
    int64_t scan_overlap_ms, sweep_interval_ms;
    bool decrease_is_note;
    const char *provider, *base_url, *api_version, *ca_file; /* ca_file NULL: the system's */
    const struct secret *key;
    bool is_live;
    int requests_per_second, max_in_flight;
    int64_t connect_timeout_ms, timeout_ms, send_within_ms, settle_ms;
    bool marker_as_shipment_id, has_gate;
    int64_t unknown_order_grace_ms;
    int64_t retry_first_ms, retry_max_ms;
    int attempts_max;
    int64_t posts_max;          /* 0: no limit */
    int64_t units_per_line_max; /* 0: no limit */
    int64_t run_ms_max;         /* 0: no limit */
    int64_t grace_ms;
    int batch_rows;
    bool skips_overlap;     /* run.overlap: skip */
    bool wants_sweep;       /* --sweep */
    const char *only_order; /* --order; NULL: all */
    bool follows_events;
    /* Watch: between readings of the events. Any: longest pause before a waiting order is asked for
     * again. */
    int64_t follow_interval_ms;
    int64_t follow_after_ms;          /* until an order of which all is posted should be complete */
    const char *order_state_function; /* NULL: none */
    int64_t watch_interval_ms;
    const struct sync_observer *observer; /* NULL: nobody */
};

struct sync_summary {
    int64_t run_id;
    int64_t looked_at, planned, accepted, rejected, unknown, retried, held, opened, backlog;
    int64_t missed_by_feed; /* -1: no sweep */
    int64_t duration_ms;
    bool was_skipped; /* overlap: skip, and another run of this host is active */
    bool was_stopped; /* SIGTERM or SIGINT */
};

/* stop_fd: becomes readable when asked to stop (the signal pipe). */
bool sync_new(struct sync **out, const struct sync_options *options, int stop_fd,
              struct error *err);
void sync_free(struct sync *sync);

/* One pass. True: done or properly waiting (exit 0, or 1 when summary.opened > 0). False: err says
 * which exit code; what was settled before stays settled, and summary is filled as far as it goes.
 */
bool sync_run(struct sync *sync, struct sync_summary *summary, struct error *err);

/* Passes on an interval until stopped; survives a lost database or API by itself with back-off. */
bool sync_watch(struct sync *sync, struct sync_summary *summary, struct error *err);

#endif
