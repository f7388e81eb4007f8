#include "ledger/baseline.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/baseline_file.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/run.h"
#include "cli/stop.h"
#include "cli/when.h"
#include "cli/who.h"
#include "sync/history.h"

#define BASELINE_LOG_MS 10000

enum baseline_source { FROM_NOTHING, FROM_WAREHOUSE, FROM_CSV, FROM_API };

static bool
baseline_read_arguments(const struct options *options, enum baseline_source *source,
                        struct error *err)
{
    static const char *const names[] = {[FROM_NOTHING] = "nothing",
                                        [FROM_WAREHOUSE] = "warehouse",
                                        [FROM_CSV] = "csv",
                                        [FROM_API] = "api"};
    const char *from = options_get(options, "from");
    int found = -1;

    if (from == NULL)
        return error_set(err, ERROR_USAGE, "--from must be given: nothing, warehouse, csv or api");
    for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        if (strcmp(from, names[i]) == 0)
            found = i;
    }
    if (found < 0)
        return error_set(err, ERROR_USAGE,
                         "--from must be nothing, warehouse, csv or api, got \"%s\"", from);
    *source = (enum baseline_source)found;
    if (*source != FROM_WAREHOUSE && options_has(options, "before"))
        return error_set(err, ERROR_USAGE, "--before goes with --from warehouse only");
    if (options_has(options, "before") && !when_may_be_time(options_get(options, "before")))
        return baseline_refuse_before(options_get(options, "before"), err);
    if (*source == FROM_CSV && options->positionals_count != 1)
        return error_set(err, ERROR_USAGE, "which file? --from csv FILE");
    if (*source != FROM_CSV && options->positionals_count > 0)
        return error_set(err, ERROR_USAGE, "unexpected argument \"%s\"", options->positionals[0]);
    return true;
}

struct baseline_show {
    struct progress progress;
    bool is_quiet;
    struct clock_mono log_again;
};

static void
baseline_progress(void *ctx, const struct history_progress *progress)
{
    struct baseline_show *show = ctx;
    int64_t seconds = progress->duration_ms / 1000;
    int64_t rate = seconds > 0 ? progress->listed / seconds : 0;
    int64_t left = rate > 0 ? (progress->orders - progress->listed) / rate : 0;

    if (show->is_quiet)
        return;
    if (show->progress.is_shown) {
        progress_put(&show->progress, "%lld of %lld orders listed, %lld a second, %s s left",
                     (long long)progress->listed, (long long)progress->orders, (long long)rate,
                     rate > 0 ? log_int(left) : "?");
    } else if (clock_mono_left_ms(show->log_again) == 0) {
        show->log_again = clock_mono_add(clock_mono_now(), BASELINE_LOG_MS);
        log_event(LOG_INFO, "cli", "listing", "orders", log_int(progress->orders), "listed",
                  log_int(progress->listed), "left_s", rate > 0 ? log_int(left) : "unknown", NULL);
    }
}

static bool
baseline_from_api(const struct command_context *context, const struct config *config,
                  struct ledger *ledger, const struct warehouse *warehouse,
                  const struct baseline_options *options, struct baseline_result *out,
                  struct error *err)
{
    bool ok = false;
    struct secret *key = NULL;
    struct sync_options sync = {.command = "baseline"};
    struct history_progress progress = {0};
    struct baseline_show show = {.progress = progress_begin(context->is_quiet),
                                 .is_quiet = context->is_quiet};
    struct history_options history = {.sync = &sync,
                                      .baseline = options,
                                      .stop_fd = -1,
                                      .progress_fn = baseline_progress,
                                      .ctx = &show};

    show.log_again = clock_mono_add(clock_mono_now(), BASELINE_LOG_MS);
    if (!config_load_key(config, &key, err) ||
        !run_options_fill(config, NULL, key, "baseline", &sync, err) ||
        !stop_install(&history.stop_fd, err))
        goto done;
    ok = history_read(ledger, warehouse, &history, &progress, out, err);
    progress_wipe(&show.progress);
    if (ok && !context->is_quiet) {
        (void)fprintf(context->out, "baseline: %lld orders listed in %lld.%lld s",
                      (long long)progress.orders, (long long)(progress.duration_ms / 1000),
                      (long long)(progress.duration_ms % 1000 / 100));
        if (progress.unknown > 0)
            (void)fprintf(context->out, "; the API knows nothing of %lld of them",
                          (long long)progress.unknown);
        (void)fputc('\n', context->out);
    }

done:
    secret_free(key);
    return ok;
}

static void
baseline_put(const struct command_context *context, enum baseline_source source,
             const struct baseline_options *options, const struct baseline_result *result)
{
    if (context->is_quiet)
        return;
    (void)fputs(options->is_dry_run ? "baseline: dry run: " : "baseline: ", context->out);
    if (source == FROM_NOTHING)
        (void)fputs("nothing is settled", context->out);
    else
        (void)fprintf(context->out, "%lld units of %lld rows are settled", (long long)result->units,
                      (long long)result->lines);
    if (options->is_dry_run && result->due_lines < 0)
        (void)fputs("; what would be due then can't be told of a function\n", context->out);
    else if (options->is_dry_run)
        (void)fprintf(context->out,
                      "; %lld shipped and %lld cancelled units of %lld lines would be due\n",
                      (long long)result->due_shipped, (long long)result->due_cancelled,
                      (long long)result->due_lines);
    else if (options->begins_shadow)
        (void)fputs("; the ledger is in shadow mode: runs do everything but the POST\n",
                    context->out);
    else
        (void)fputs("; the next run posts all that is due beyond\n", context->out);
}

static bool
baseline_give(const struct command_context *context, enum baseline_source source,
              const struct config *config, struct ledger *ledger, const struct warehouse *warehouse,
              const struct baseline_options *options, struct baseline_result *out,
              struct error *err)
{
    switch (source) {
    case FROM_NOTHING:
        return baseline_nothing(ledger, warehouse, options, out, err);
    case FROM_WAREHOUSE:
        return baseline_warehouse(ledger, warehouse, options_get(context->options, "before"),
                                  options, out, err);
    case FROM_CSV:
        return baseline_file_read(context->options->positionals[0], ledger, warehouse, options, out,
                                  err);
    case FROM_API:
        break;
    }
    return baseline_from_api(context, config, ledger, warehouse, options, out, err);
}

bool
baseline_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool ok = false;
    enum baseline_source source = FROM_NOTHING;
    struct config *config = NULL;
    struct ledger *ledger = NULL;
    struct warehouse *warehouse = NULL;
    struct baseline_result result = {0};
    char who[128];
    struct baseline_options options = {.who = who};

    if (!baseline_read_arguments(context->options, &source, err))
        return false;
    options.begins_shadow = options_has(context->options, "shadow");
    options.is_dry_run = options_has(context->options, "dry-run");
    who_read(who, sizeof(who));
    if (!command_load_config(context, &config, err) ||
        !command_open_ledger(config, "baseline", &ledger, err))
        goto done;
    /* A ledger may begin before the warehouse's view is there. */
    if ((source != FROM_NOTHING || options.is_dry_run) &&
        !command_open_warehouse(config, ledger, &warehouse, err))
        goto done;
    ok = baseline_give(context, source, config, ledger, warehouse, &options, &result, err);
    if (ok)
        baseline_put(context, source, &options, &result);
    *code = EXIT_CODE_DONE;
    if (!ok && err->code == ERROR_CANCELLED) {
        (void)fprintf(stderr, "waybill baseline: %s; the same command goes on from there\n",
                      err->message);
        error_clear(err);
        *code = EXIT_CODE_PERSON;
        ok = true;
    }

done:
    warehouse_free(warehouse);
    ledger_close(ledger);
    config_free(config);
    return ok;
}
