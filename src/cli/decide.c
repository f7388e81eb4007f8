/* decide — retry, hold, release, dismiss: a table of what was done, and of what was refused and
 * why. */
#include <string.h>

#include "base/number.h"
#include "cli/command.h"
#include "cli/table.h"
#include "cli/who.h"
#include "ledger/decision.h"
#include "ledger/discrepancy.h"

static const struct table_column decide_columns[] = {
    {"target", TABLE_TEXT},
    {"order_id", TABLE_TEXT},
    {"done", TABLE_TEXT},
    {"what", TABLE_TEXT},
};

struct decide_rows {
    const struct decision_list *list;
    int row;
};

static bool
decide_next(void *ctx, bool *is_end, struct error *err)
{
    struct decide_rows *rows = ctx;

    (void)err;
    rows->row++;
    *is_end = rows->row >= rows->list->count;
    return true;
}

static const char *
decide_cell(void *ctx, int column)
{
    const struct decide_rows *rows = ctx;
    const struct decision *one = &rows->list->list[rows->row];

    switch (column) {
    case 0:
        return one->target;
    case 1:
        return one->order_id;
    case 2:
        return one->is_done ? "yes" : "refused";
    default:
        return one->said;
    }
}

static bool
decide_is_uuid(const char *text)
{
    size_t length = strlen(text);

    if (length != 36 || strspn(text, "0123456789abcdefABCDEF-") != length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if ((text[i] == '-') != (i == 8 || i == 13 || i == 18 || i == 23))
            return false;
    }
    return true;
}

static bool
decide_read_target(const struct options *options, struct decision_request *out, struct error *err)
{
    static const char *const kinds[] = {"submission", "marker", "order", "discrepancy"};
    const char *kind = options->positionals[0];
    int64_t number;
    int is_known = 0;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        is_known += strcmp(kind, kinds[i]) == 0;
    if (is_known == 0)
        return error_set(err, ERROR_USAGE,
                         "about what? submission ID, marker UUID, order ID or discrepancy N, got "
                         "\"%s\"",
                         kind);
    if (options->positionals_count < 2 || options->positionals[1][0] == '\0')
        return error_set(err, ERROR_USAGE, "%s needs its %s", kind,
                         strcmp(kind, "marker") == 0  ? "UUID"
                         : strcmp(kind, "order") == 0 ? "id"
                                                      : "number");
    if (options_has(options, "kind") || options_has(options, "older-than"))
        return error_set(err, ERROR_USAGE, "--kind and --older-than go without a target");
    out->target_kind = kind;
    out->target = options->positionals[1];
    if (strcmp(kind, "marker") == 0 && !decide_is_uuid(out->target))
        return error_set(err, ERROR_USAGE, "marker must be a UUID, got \"%s\"", out->target);
    if ((strcmp(kind, "submission") == 0 || strcmp(kind, "discrepancy") == 0) &&
        !number_parse(out->target, 1, INT64_MAX, &number))
        return error_set(err, ERROR_USAGE, "%s must be a whole number from 1, got \"%s\"", kind,
                         out->target);
    return true;
}

static bool
decide_check_kind(const char *kind, struct error *err)
{
    const char *nearest;

    for (int i = 0; i < DISCREPANCY_KINDS_COUNT; i++) {
        if (strcmp(kind, DISCREPANCY_KINDS[i]) == 0)
            return true;
    }
    nearest = options_nearest(kind, DISCREPANCY_KINDS, DISCREPANCY_KINDS_COUNT);
    if (nearest != NULL)
        return error_set(err, ERROR_USAGE,
                         "--kind: no discrepancy is of kind \"%s\", did you mean %s?", kind,
                         nearest);
    return error_set(err, ERROR_USAGE,
                     "--kind must be a kind of discrepancy such as rejected, got \"%s\"", kind);
}

static bool
decide_read_filter(const struct options *options, struct decision_request *out, struct error *err)
{
    const char *older = options_get(options, "older-than");

    out->target_kind = "all";
    out->of_kind = options_get(options, "kind");
    if (out->of_kind == NULL && older == NULL)
        return error_set(err, ERROR_USAGE,
                         "about what? submission ID, marker UUID, order ID or discrepancy N; or "
                         "many: --kind KIND, --older-than 2h");
    if (out->of_kind != NULL && !decide_check_kind(out->of_kind, err))
        return false;
    if (older != NULL && !number_parse_duration_ms(older, &out->older_than_ms))
        return error_set(err, ERROR_USAGE,
                         "--older-than must be a time such as 90s, 2h or 7d, got "
                         "\"%s\"",
                         older);
    return true;
}

static bool
decide_read_arguments(const struct options *options, struct decision_request *out,
                      struct error *err)
{
    bool is_dismissal = strcmp(out->action, "dismiss") == 0;
    const char *units = is_dismissal ? options_get(options, "units") : NULL;

    out->older_than_ms = -1;
    out->reason = options_get(options, "reason");
    out->is_forced = is_dismissal && options_has(options, "force");
    out->units = units != NULL ? units : "settled";
    if (strcmp(out->units, "settled") != 0 && strcmp(out->units, "due") != 0)
        return error_set(err, ERROR_USAGE, "--units must be settled or due, got \"%s\"", units);
    if (options->positionals_count > 0 ? !decide_read_target(options, out, err)
                                       : !decide_read_filter(options, out, err))
        return false;
    if (is_dismissal && (out->reason == NULL || out->reason[0] == '\0'))
        return error_set(err, ERROR_USAGE, "--reason TEXT must say why");
    return true;
}

static bool
decide_put(const struct command_context *context, const struct decision_request *request,
           const struct decision_list *list, enum exit_code *code, struct error *err)
{
    struct decide_rows rows = {.list = list, .row = -1};
    const struct table_source source = {.columns = decide_columns,
                                        .columns_count =
                                            sizeof(decide_columns) / sizeof(decide_columns[0]),
                                        .ctx = &rows,
                                        .next_fn = decide_next,
                                        .cell_fn = decide_cell};

    *code = EXIT_CODE_DONE;
    for (int i = 0; i < list->count; i++) {
        if (!list->list[i].is_done)
            *code = EXIT_CODE_PERSON;
    }
    if (list->count == 0) {
        if (!context->is_quiet)
            (void)fprintf(context->out, "nothing to %s\n", request->action);
        return true;
    }
    if (list->is_cut)
        (void)fprintf(stderr, "waybill %s: there are more than %d: say it again\n", request->action,
                      DECISION_COUNT_MAX);
    if (context->is_quiet && *code == EXIT_CODE_DONE)
        return true;
    return table_write(&source, TABLE_ALIGNED, context->is_terminal, context->out, err);
}

static bool
decide_command(const struct command_context *context, const char *action, enum exit_code *code,
               struct error *err)
{
    bool ok = false;
    struct config *config = NULL;
    struct ledger *ledger = NULL;
    struct decision_list list = {.list = NULL};
    char who[128];
    struct decision_request request = {.action = action, .who = who};

    who_read(who, sizeof(who));
    if (!decide_read_arguments(context->options, &request, err))
        return false;
    if (!command_load_config(context, &config, err) ||
        !command_open_ledger(config, action, &ledger, err))
        goto done;
    ok = decision_make(ledger, &request, &list, err);
    if (ok)
        ok = decide_put(context, &request, &list, code, err);
    else if (list.count > 0)
        (void)fprintf(stderr, "waybill %s: %d were looked at before this failed\n", action,
                      list.count);

done:
    decision_list_free(&list);
    ledger_close(ledger);
    config_free(config);
    return ok;
}

bool
retry_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    return decide_command(context, "retry", code, err);
}

bool
hold_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    return decide_command(context, "hold", code, err);
}

bool
release_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    return decide_command(context, "release", code, err);
}

bool
dismiss_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    return decide_command(context, "dismiss", code, err);
}
