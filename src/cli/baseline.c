#include "ledger/baseline.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/command.h"

/* Who gives it, for the record: the name of the system's user. */
static void
baseline_who(char *out, size_t out_bytes)
{
    const struct passwd *user = getpwuid(getuid());

    if (user != NULL && user->pw_name != NULL && user->pw_name[0] != '\0')
        text_copy_clean(out, out_bytes, user->pw_name);
    else
        (void)snprintf(out, out_bytes, "uid %u", (unsigned)getuid());
}

static bool
baseline_read_arguments(const struct options *options, bool *is_nothing, struct error *err)
{
    const char *from = options_get(options, "from");

    if (from == NULL)
        return error_set(err, ERROR_USAGE, "--from must be given: nothing or warehouse");
    *is_nothing = strcmp(from, "nothing") == 0;
    if (!*is_nothing && strcmp(from, "warehouse") != 0)
        return error_set(err, ERROR_USAGE, "--from must be nothing or warehouse, got \"%s\"", from);
    if (*is_nothing && options_has(options, "before"))
        return error_set(err, ERROR_USAGE, "--before goes with --from warehouse only");
    return true;
}

bool
baseline_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool ok = false;
    bool is_nothing = false;
    struct config *config = NULL;
    struct ledger *ledger = NULL;
    struct warehouse *warehouse = NULL;
    struct baseline_result result = {0};
    char who[128];

    if (!baseline_read_arguments(context->options, &is_nothing, err))
        return false;
    baseline_who(who, sizeof(who));
    if (!command_load_config(context, &config, err) ||
        !command_open_ledger(config, "baseline", &ledger, err))
        goto done;
    if (is_nothing) {
        if (!baseline_nothing(ledger, who, err))
            goto done;
    } else if (!command_open_warehouse(config, ledger, &warehouse, err) ||
               !baseline_warehouse(ledger, warehouse, options_get(context->options, "before"), who,
                                   &result, err)) {
        goto done;
    }
    if (!context->is_quiet && is_nothing)
        (void)fputs("baseline: nothing is settled; the next run posts all that is due\n",
                    context->out);
    else if (!context->is_quiet)
        (void)fprintf(context->out, "baseline: %lld units of %lld rows are settled\n",
                      (long long)result.units, (long long)result.rows);
    *code = EXIT_CODE_DONE;
    ok = true;

done:
    warehouse_free(warehouse);
    ledger_close(ledger);
    config_free(config);
    return ok;
}
