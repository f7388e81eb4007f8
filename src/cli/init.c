#include "ledger/init.h"
#include "cli/command.h"

#define INIT_CONNECT_TIMEOUT_MS 10000

bool
init_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    struct config *config = NULL;
    struct ledger_init_result result = {0};

    if (!command_load_config(context, &config, err))
        return false;

    const struct ledger_options session = {
        .url = config->database.url,
        .schema = config->database.schema,
        .application_name = "waybill init",
        .connect_timeout_ms = INIT_CONNECT_TIMEOUT_MS,
    };
    const struct ledger_init_options options = {
        .session = &session,
        .grant_role = options_get(context->options, "grant"),
        .grant_reports = options_get(context->options, "grant-reports"),
        .grant_feed = options_get(context->options, "grant-feed"),
    };
    bool ok = ledger_init(&options, &result, err);

    if (ok && !context->is_quiet) {
        if (result.version_before == 0)
            (void)fprintf(context->out, "ledger \"%s\" created, version %d\n",
                          config->database.schema, result.version_after);
        else if (result.version_before != result.version_after)
            (void)fprintf(context->out, "ledger \"%s\" upgraded from version %d to %d\n",
                          config->database.schema, result.version_before, result.version_after);
        else
            (void)fprintf(context->out, "ledger \"%s\" is version %d%s\n", config->database.schema,
                          result.version_after,
                          result.code_changed > 0 ? ", functions and reports renewed" : " already");
        if (result.version_before == 0)
            (void)fputs("next: waybill check; waybill baseline --from nothing|warehouse|csv|api\n",
                        context->out);
    }
    config_free(config);
    *code = EXIT_CODE_DONE;
    return ok;
}
