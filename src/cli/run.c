#include "cli/run.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/number.h"
#include "cli/command.h"
#include "cli/metrics.h"
#include "cli/progress.h"
#include "cli/stop.h"

#define RUN_POSTS_MAX 1000000000 /* as run.max_posts in the configuration */

enum {
    RUN_SCREEN_MS = 1000, /* between words on how far it is: on a terminal, and in the log */
    RUN_LOG_MS = 30000,
};

/* Who looks on while it works. */
struct run_watcher {
    struct metrics *metrics;
    const char *command;
    struct progress progress;
    struct clock_mono began;
    int stop_fd;
    int64_t watchdog_ms; /* 0: nobody wants to hear */
    struct clock_mono watchdog_again;
    bool has_told_stop;
};

/* What the command line says in place of the configuration; watch has none of these options. */
static bool
run_options_override(const struct options *options, struct sync_options *out, struct error *err)
{
    const char *posts = options_get(options, "max-posts");

    if (posts != NULL && !number_parse(posts, 0, RUN_POSTS_MAX, &out->posts_max))
        return error_set(err, ERROR_USAGE, "--max-posts must be a whole number 0..%d, got \"%s\"",
                         RUN_POSTS_MAX, posts);
    out->wants_sweep = options_has(options, "sweep");
    out->only_order = options_get(options, "order");
    if (out->only_order != NULL && out->only_order[0] == '\0')
        return error_set(err, ERROR_USAGE, "--order must be an order id, got \"\"");
    return true;
}

/* When an order whose units are all posted should be complete; a rehearsal doesn't wait so long. */
#define RUN_COMPLETE_WITHIN_MS   3600000
#define RUN_COMPLETE_LOOPBACK_MS 10000

bool
run_options_fill(const struct config *config, const struct options *options,
                 const struct secret *key, const char *command, struct sync_options *out,
                 struct error *err)
{
    *out = (struct sync_options){
        .command = command,
        .database_url = config->database.url,
        .schema = config->database.schema,
        .line_items = config->warehouse.line_items,
        .is_scan = config->warehouse.change_feed == CONFIG_FEED_SCAN,
        .scan_overlap_ms = config->warehouse.scan_overlap_ms,
        .sweep_interval_ms = config->warehouse.sweep_interval_ms,
        .decrease_is_note = config->warehouse.on_decrease == CONFIG_DECREASE_NOTE,
        .provider = config->api.provider,
        .base_url = config->api.base_url,
        .api_version = config->api.version,
        .ca_file = config->api.ca_file,
        .key = key,
        .is_live = config->api.mode == CONFIG_MODE_LIVE,
        .requests_per_second = (int)config->api.requests_per_second,
        .max_in_flight = (int)config->api.max_in_flight,
        .connect_timeout_ms = config->api.connect_timeout_ms,
        .timeout_ms = config->api.timeout_ms,
        .send_within_ms = config->api.send_within_ms,
        .settle_ms = config->api.settle_ms,
        .marker_as_shipment_id = config->api.second_marker == CONFIG_MARKER_SHIPMENT_ID,
        .has_gate = config->api.order_gate,
        .unknown_order_grace_ms = config->api.unknown_order_grace_ms,
        .retry_first_ms = config->retry.first_delay_ms,
        .retry_max_ms = config->retry.max_delay_ms,
        .attempts_max = (int)config->retry.max_attempts,
        .posts_max = config->run.max_posts,
        .units_per_line_max = config->run.max_units_per_line,
        .run_ms_max = config->run.max_ms,
        .grace_ms = config->run.grace_ms,
        .batch_rows = (int)config->run.batch_rows,
        .skips_overlap = config->run.overlap == CONFIG_OVERLAP_SKIP,
        .watch_interval_ms = config->watch.interval_ms,
        .follows_events = config->follow.events,
        .follow_interval_ms = config->follow.interval_ms,
        .follow_after_ms =
            config->api.is_loopback ? RUN_COMPLETE_LOOPBACK_MS : RUN_COMPLETE_WITHIN_MS,
        .order_state_function = config->warehouse.order_state_function,
    };
    if (options == NULL || strcmp(command, "run") != 0)
        return true;
    return run_options_override(options, out, err);
}

void
run_put_summary(const char *command, const struct sync_summary *s, FILE *out)
{
    if (s->was_skipped) {
        (void)fprintf(out, "%s: skipped, another run of this host is active (run.overlap: skip)\n",
                      command);
        return;
    }
    (void)fprintf(out,
                  "%s %lld: looked at %lld, planned %lld, accepted %lld, rejected %lld, "
                  "unknown %lld, retried %lld, held %lld, opened %lld",
                  command, (long long)s->run_id, (long long)s->looked_at, (long long)s->planned,
                  (long long)s->accepted, (long long)s->rejected, (long long)s->unknown,
                  (long long)s->retried, (long long)s->held, (long long)s->opened);
    if (s->missed_by_feed >= 0)
        (void)fprintf(out, ", missed by the feed %lld", (long long)s->missed_by_feed);
    (void)fprintf(out, ", backlog %lld in %lld.%lld s%s\n", (long long)s->backlog,
                  (long long)(s->duration_ms / 1000), (long long)(s->duration_ms % 1000 / 100),
                  s->was_stopped ? ", stopped" : "");
}

static void
run_note_post(const char *outcome, int64_t duration_ms, bool is_sent, void *ctx)
{
    struct run_watcher *watcher = ctx;

    metrics_note_post(watcher->metrics, outcome, duration_ms, is_sent);
}

static void
run_tell_stop(struct run_watcher *watcher)
{
    if (!watcher->has_told_stop)
        (void)notify_send("STOPPING=1");
    watcher->has_told_stop = true;
}

/* From the loop itself: a loop that hangs is one that the manager must end. */
static void
run_note_tick(void *ctx)
{
    struct run_watcher *watcher = ctx;
    struct pollfd stop = {.fd = watcher->stop_fd, .events = POLLIN};

    if (poll(&stop, 1, 0) > 0)
        run_tell_stop(watcher);
    if (watcher->watchdog_ms == 0 || clock_mono_left_ms(watcher->watchdog_again) > 0)
        return;
    (void)notify_send("WATCHDOG=1");
    watcher->watchdog_again = clock_mono_add(clock_mono_now(), watcher->watchdog_ms);
}

static void
run_note_progress(const struct ledger_run_summary *so_far, void *ctx)
{
    struct run_watcher *watcher = ctx;
    int64_t posted = so_far->accepted + so_far->rejected;
    int64_t passed_ms = clock_mono_since_ms(watcher->began) + 1;
    int64_t left_s = posted > 0 ? so_far->backlog * passed_ms / posted / 1000 : 0;

    if (!watcher->progress.is_shown) {
        log_event(LOG_INFO, "cli", "working", "looked_at", log_int(so_far->looked_at), "planned",
                  log_int(so_far->planned), "posted", log_int(posted), "backlog",
                  log_int(so_far->backlog), NULL);
        return;
    }
    if (posted == 0)
        progress_put(&watcher->progress, "%s: looked at %lld, planned %lld, backlog %lld",
                     watcher->command, (long long)so_far->looked_at, (long long)so_far->planned,
                     (long long)so_far->backlog);
    else
        progress_put(&watcher->progress,
                     "%s: posted %lld, backlog %lld, %lld.%lld/s, %lld:%02lld:%02lld left",
                     watcher->command, (long long)posted, (long long)so_far->backlog,
                     (long long)(posted * 1000 / passed_ms),
                     (long long)(posted * 10000 / passed_ms % 10), (long long)(left_s / 3600),
                     (long long)(left_s / 60 % 60), (long long)(left_s % 60));
}

static int
run_exit_code(bool ok, enum exit_code code, const struct error *err)
{
    return (int)(ok ? code : exit_code_of(err));
}

static bool
run_work(const struct command_context *context, const char *command, bool is_watch,
         enum exit_code *code, struct error *err)
{
    bool ok = false;
    struct config *config = NULL;
    struct secret *key = NULL;
    struct sync *sync = NULL;
    struct sync_options options = {.command = command};
    struct sync_summary summary = {.missed_by_feed = -1};
    int stop_fd = -1;
    /* A watch on a terminal is looked at for its log. */
    struct run_watcher watcher = {.command = command,
                                  .progress = progress_begin(is_watch || context->is_quiet),
                                  .began = clock_mono_now()};
    const struct sync_observer observer = {.post_fn = run_note_post,
                                           .tick_fn = run_note_tick,
                                           .progress_fn = run_note_progress,
                                           .progress_ms = watcher.progress.is_shown ? RUN_SCREEN_MS
                                                                                    : RUN_LOG_MS,
                                           .ctx = &watcher};

    /* A mistake on the command line is told before one in the file. */
    if (!is_watch && !run_options_override(context->options, &options, err))
        goto done;
    if (!command_load_config(context, &config, err))
        goto done;
    if (!run_options_fill(config, context->options, NULL, command, &options, err))
        goto done;
    if (!config_load_key(config, &key, err))
        goto done;
    options.key = key;
    options.observer = &observer;
    if (!stop_install(&stop_fd, err) || !sync_new(&sync, &options, stop_fd, err))
        goto done;
    watcher.stop_fd = stop_fd;
    watcher.watchdog_ms = notify_watchdog_ms();
    watcher.watchdog_again = clock_mono_now();
    watcher.metrics = metrics_start(config, command);
    /* A database that is away at the start is waited for, as later: that is being at work. */
    if (is_watch)
        (void)notify_send("READY=1");
    ok = is_watch ? sync_watch(sync, &summary, err) : sync_run(sync, &summary, err);
    progress_wipe(&watcher.progress);
    run_tell_stop(&watcher);
    /* An id with a slip in it looks like an order in which nothing is due. */
    if (ok && options.only_order != NULL && summary.looked_at == 0 && !summary.was_stopped &&
        !summary.was_skipped)
        log_event(LOG_WARN, "cli", "order_not_found", "order", options.only_order, "message",
                  "neither the warehouse nor the ledger shows an order that the API calls so",
                  NULL);
    if (!context->is_quiet && (ok || summary.run_id > 0)) {
        run_put_summary(command, &summary, context->out);
        (void)fflush(context->out);
    }
    *code = summary.opened > 0 ? EXIT_CODE_PERSON : EXIT_CODE_DONE;

done:
    metrics_stop(watcher.metrics, run_exit_code(ok, *code, err), err->code != ERROR_DB_LOST);
    sync_free(sync);
    secret_free(key);
    config_free(config);
    return ok;
}

bool
run_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    return run_work(context, "run", false, code, err);
}

bool
watch_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    return run_work(context, "watch", true, code, err);
}
