/* book — settle and adopt: units that count as posted without a POST of ours; forget; pause and
 * resume. */
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cli/command.h"
#include "cli/run.h"
#include "cli/table.h"
#include "cli/who.h"
#include "ledger/decision.h"
#include "ledger/forget.h"
#include "sync/history.h"

static bool
book_read_reason(const struct options *options, const char **out, struct error *err)
{
    *out = options_get(options, "reason");
    if (*out != NULL && (*out)[0] != '\0')
        return true;
    return error_set(err, ERROR_USAGE, "--reason TEXT must say why");
}

static bool
book_read_units(const struct options *options, const char *name, int64_t *out, struct error *err)
{
    const char *text = options_get(options, name);

    *out = 0;
    if (text == NULL || number_parse(text, 0, LEDGER_UNITS_MAX, out))
        return true;
    return error_set(err, ERROR_USAGE, "--%s must be a whole number 0..%d, got \"%s\"", name,
                     LEDGER_UNITS_MAX, text);
}

static void
book_put(const struct command_context *context, const char *command, bool is_done, const char *said,
         enum exit_code *code)
{
    FILE *out = is_done ? context->out : stderr;

    *code = is_done ? EXIT_CODE_DONE : EXIT_CODE_PERSON;
    if (is_done && context->is_quiet)
        return;
    (void)fprintf(out, "%s: %s", command, is_done ? "" : "refused: ");
    table_put_visible(out, said);
    (void)fputc('\n', out);
}

bool
settle_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool ok = false;
    bool is_done = false;
    struct config *config = NULL;
    struct ledger *ledger = NULL;
    const char *reason = NULL;
    int64_t shipped;
    int64_t cancelled;
    char who[128];
    char said[DECISION_SAID_BYTES];

    if (context->options->positionals_count != 2)
        return error_set(err, ERROR_USAGE, "which line? ORDER ITEM");
    if (!book_read_units(context->options, "shipped", &shipped, err) ||
        !book_read_units(context->options, "cancelled", &cancelled, err))
        return false;
    if (shipped + cancelled == 0)
        return error_set(err, ERROR_USAGE, "how many units? --shipped N, --cancelled N");
    if (!book_read_reason(context->options, &reason, err))
        return false;
    who_read(who, sizeof(who));
    if (!command_load_config(context, &config, err) ||
        !command_open_ledger(config, "settle", &ledger, err))
        goto done;
    ok = decision_settle(ledger, context->options->positionals[0], context->options->positionals[1],
                         shipped, cancelled, who, reason, &is_done, said, err);
    if (ok)
        book_put(context, "settle", is_done, said, code);

done:
    ledger_close(ledger);
    config_free(config);
    return ok;
}

bool
adopt_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool ok = false;
    bool is_done = false;
    struct config *config = NULL;
    struct ledger *ledger = NULL;
    struct secret *key = NULL;
    struct sync_options sync = {.command = "adopt"};
    struct ledger_identity me;
    const char *reason = NULL;
    char *order_id = NULL;
    char *listing = NULL;
    char who[128];
    char said[DECISION_SAID_BYTES];

    if (context->options->positionals_count != 1 || context->options->positionals[0][0] == '\0')
        return error_set(err, ERROR_USAGE, "which fulfillment? its id at the API");
    if (!book_read_reason(context->options, &reason, err))
        return false;
    who_read(who, sizeof(who));
    if (!command_load_config(context, &config, err) || !config_load_key(config, &key, err) ||
        !run_options_fill(config, NULL, key, "adopt", &sync, err) ||
        !command_open_ledger(config, "adopt", &ledger, err) || !ledger_identify(ledger, &me, err) ||
        !ledger_bind_api(ledger, sync.base_url, sync.is_live, err))
        goto done;
    ok = history_fulfillment(&sync, me.ledger_id, context->options->positionals[0], &order_id,
                             &listing, err);
    if (ok && listing != NULL)
        ok = decision_adopt(ledger, order_id, listing, who, reason, &is_done, said, err);
    else if (ok)
        (void)snprintf(said, sizeof(said), "the API knows no fulfillment %s",
                       context->options->positionals[0]);
    if (ok)
        book_put(context, "adopt", is_done, said, code);

done:
    free(order_id);
    free(listing);
    ledger_close(ledger);
    secret_free(key);
    config_free(config);
    return ok;
}

bool
forget_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool ok = false;
    bool is_done = false;
    struct config *config = NULL;
    struct ledger *ledger = NULL;
    char who[128];
    char said[DECISION_SAID_BYTES];

    if (context->options->positionals_count != 1 || context->options->positionals[0][0] == '\0')
        return error_set(err, ERROR_USAGE, "which order? its id at the API");
    who_read(who, sizeof(who));
    if (!command_load_config(context, &config, err) ||
        !command_open_ledger(config, "forget", &ledger, err))
        goto done;
    ok = forget_order(ledger, context->options->positionals[0], who,
                      options_get(context->options, "reason"), &is_done, said, err);
    if (ok)
        book_put(context, "forget", is_done, said, code);

done:
    ledger_close(ledger);
    config_free(config);
    return ok;
}

static bool
book_mode(const struct command_context *context, const char *command, enum decision_mode mode,
          const char *reason, enum exit_code *code, struct error *err)
{
    bool ok = false;
    struct config *config = NULL;
    struct ledger *ledger = NULL;
    struct ledger_identity me;
    char who[128];
    char said[DECISION_SAID_BYTES];

    who_read(who, sizeof(who));
    if (!command_load_config(context, &config, err) ||
        !command_open_ledger(config, command, &ledger, err))
        goto done;
    if (mode == DECISION_RESUME && !ledger_identify(ledger, &me, err))
        goto done;
    if (mode == DECISION_RESUME && strcmp(me.mode, "shadow") == 0) {
        error_set(err, ERROR_STATE, "the ledger is in shadow mode, not paused");
        error_hint(err, "to let it post from now on: waybill resume --live --reason TEXT");
        goto done;
    }
    ok = decision_mode(ledger, mode, who, reason, said, err);
    if (ok)
        book_put(context, command, true, said, code);
    if (ok && mode == DECISION_GO_LIVE && !context->is_quiet)
        (void)fprintf(context->out,
                      "each order's fulfillments are listed before its first POST, no earlier than "
                      "%lld s from now (api.timeout_ms + api.settle_ms)\n",
                      (long long)((config->api.timeout_ms + config->api.settle_ms + 999) / 1000));

done:
    ledger_close(ledger);
    config_free(config);
    return ok;
}

bool
pause_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    return book_mode(context, "pause", DECISION_PAUSE, options_get(context->options, "reason"),
                     code, err);
}

bool
resume_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool is_live = options_has(context->options, "live");
    const char *reason = options_get(context->options, "reason");

    if (is_live && !book_read_reason(context->options, &reason, err))
        return false;
    return book_mode(context, "resume", is_live ? DECISION_GO_LIVE : DECISION_RESUME, reason, code,
                     err);
}
