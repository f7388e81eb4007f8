#include "ledger/prune.h"

#include <string.h>

#include "base/number.h"
#include "cli/command.h"
#include "cli/stop.h"

#define PRUNE_KEEP_MS_MAX (100LL * 366 * 86400000) /* a century; times far beyond have no date */

/* -1: not given. */
static bool
prune_read_time(const struct options *options, const char *name, int64_t *out_ms, struct error *err)
{
    const char *time = options_get(options, name);

    *out_ms = -1;
    if (time == NULL)
        return true;
    *out_ms = 0;
    if (strcmp(time, "0") != 0 &&
        (!number_parse_duration_ms(time, out_ms) || *out_ms > PRUNE_KEEP_MS_MAX))
        return error_set(err, ERROR_USAGE, "--%s must be a time such as 90d, 12h or 0, got \"%s\"",
                         name, time);
    return true;
}

static void
prune_put(const struct command_context *context, int64_t keep_ms, int64_t keep_personal_ms,
          const struct prune_result *result)
{
    if (context->is_quiet)
        return;
    if (keep_personal_ms >= 0)
        (void)fprintf(
            context->out,
            "forgot %lld orders: their tracking, messages and reasons; their units stay\n",
            (long long)result->forgotten);
    if (keep_ms >= 0)
        (void)fprintf(
            context->out,
            "pruned %lld submissions, %lld months of attempts, %lld closed discrepancies, "
            "%lld runs; all that they settled stays settled\n",
            (long long)result->submissions, (long long)result->months,
            (long long)result->discrepancies, (long long)result->runs);
}

bool
prune_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool ok = false;
    int64_t keep_ms;
    int64_t keep_personal_ms;
    int stop_fd = -1;
    struct config *config = NULL;
    struct ledger *ledger = NULL;
    struct prune_result result = {0};

    if (!prune_read_time(context->options, "keep", &keep_ms, err) ||
        !prune_read_time(context->options, "forget", &keep_personal_ms, err))
        return false;
    if (keep_ms < 0 && keep_personal_ms < 0)
        return error_set(err, ERROR_USAGE, "--keep or --forget must be given, such as --keep 90d");
    if (!command_load_config(context, &config, err) || !stop_install(&stop_fd, err) ||
        !command_open_ledger(config, "prune", &ledger, err))
        goto done;
    ok = prune_run(ledger, keep_ms, keep_personal_ms, stop_fd, &result, err);
    if (ok ||
        result.forgotten + result.submissions + result.months + result.discrepancies + result.runs >
            0)
        prune_put(context, keep_ms, keep_personal_ms, &result);
    *code = EXIT_CODE_DONE;

done:
    ledger_close(ledger);
    config_free(config);
    return ok;
}
