#include "ledger/prune.h"

#include <string.h>

#include "base/number.h"
#include "cli/command.h"
#include "cli/stop.h"

#define PRUNE_KEEP_MS_MAX (100LL * 366 * 86400000) /* a century; times far beyond have no date */

static bool
prune_read_keep(const struct options *options, int64_t *keep_ms, struct error *err)
{
    const char *keep = options_get(options, "keep");

    if (keep == NULL)
        return error_set(err, ERROR_USAGE, "--keep must be given, such as 90d");
    *keep_ms = 0;
    if (strcmp(keep, "0") != 0 &&
        (!number_parse_duration_ms(keep, keep_ms) || *keep_ms > PRUNE_KEEP_MS_MAX))
        return error_set(err, ERROR_USAGE,
                         "--keep must be a time such as 90d, 12h or 0, got \"%s\"", keep);
    return true;
}

bool
prune_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool ok = false;
    int64_t keep_ms = 0;
    int stop_fd = -1;
    struct config *config = NULL;
    struct ledger *ledger = NULL;
    struct prune_result result = {0};

    if (!prune_read_keep(context->options, &keep_ms, err))
        return false;
    if (!command_load_config(context, &config, err) || !stop_install(&stop_fd, err) ||
        !command_open_ledger(config, "prune", &ledger, err))
        goto done;
    ok = prune_run(ledger, keep_ms, stop_fd, &result, err);
    if (!context->is_quiet)
        (void)fprintf(
            context->out,
            "pruned %lld submissions, %lld months of attempts, %lld closed discrepancies, "
            "%lld runs; all that they settled stays settled\n",
            (long long)result.submissions, (long long)result.months,
            (long long)result.discrepancies, (long long)result.runs);
    *code = EXIT_CODE_DONE;

done:
    ledger_close(ledger);
    config_free(config);
    return ok;
}
