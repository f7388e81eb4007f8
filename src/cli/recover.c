#include "ledger/recover.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/table.h"

/* What stands in the way, of what recover_look() says: by what must be done about it. */
struct recover_finding {
    bool is_elsewhere; /* another system or database */
    bool is_behind;    /* another timeline or other tables: a new generation begins by itself */
    bool is_other_url;
    bool is_other_mode;
};

static void
recover_who(char *out, size_t out_bytes)
{
    const struct passwd *user = getpwuid(getuid());

    if (user != NULL && user->pw_name != NULL && user->pw_name[0] != '\0')
        text_copy_clean(out, out_bytes, user->pw_name);
    else
        (void)snprintf(out, out_bytes, "uid %u", (unsigned)getuid());
}

static void
recover_put_place(const struct pg_rows *rows, struct recover_finding *found, FILE *out)
{
    (void)fprintf(out, "%-18s %-34s %-34s\n", "", "recorded", "here");
    for (int row = 0; row < pg_rows_count(rows); row++) {
        const char *what = pg_rows_text(rows, row, 0);
        const char *recorded = pg_rows_text(rows, row, 1);
        const char *actual = pg_rows_text(rows, row, 2);
        bool differs = pg_rows_bool(rows, row, 3);

        (void)fprintf(out, "%-18s %-34s %-34s%s\n", what, recorded != NULL ? recorded : "",
                      actual != NULL ? actual : "", differs ? "differs" : "");
        if (!differs)
            continue;
        found->is_elsewhere = found->is_elsewhere || strcmp(what, "system identifier") == 0 ||
                              strcmp(what, "database") == 0;
        found->is_behind =
            found->is_behind || strcmp(what, "timeline") == 0 || strcmp(what, "tables") == 0;
        found->is_other_url = found->is_other_url || strcmp(what, "base_url") == 0;
        found->is_other_mode = found->is_other_mode || strcmp(what, "api mode") == 0;
    }
}

static void
recover_put_state(const struct recover_state *state, FILE *out)
{
    (void)fprintf(out, "%-18s %s", "mode", state->mode);
    if (strcmp(state->mode, "paused") == 0) {
        (void)fputs(" by ", out);
        table_put_visible(out, state->mode_by);
        (void)fputs(": ", out);
        table_put_visible(out, state->mode_reason);
    }
    (void)fprintf(out, "\n%-18s %d, since %s", "generation", state->generation,
                  state->generation_since);
    if (state->why[0] != '\0') {
        (void)fputs(": ", out);
        table_put_visible(out, state->why);
    }
    (void)fputc('\n', out);
    if (state->unverified > 0)
        (void)fprintf(
            out,
            "%-18s %lld orders with something on its way are looked for at the API before "
            "their next POST%s%s\n",
            "first looks", (long long)state->unverified, state->looks_now ? "" : ", not before ",
            state->looks_now ? "" : state->look_from);
    if (state->found_again > 0)
        (void)fprintf(out,
                      "%-18s %lld fulfillments that this ledger had posted and lost; they count as "
                      "posted\n",
                      "found again", (long long)state->found_again);
}

static void
recover_put_way(const struct recover_finding *found, const struct recover_state *state, FILE *out)
{
    (void)fputc('\n', out);
    if (found->is_elsewhere)
        (void)fputs("This ledger was made in another database. If that one still posts, this copy "
                    "must not:\nuse an own database.schema, or another account of the API. If this "
                    "is its place now, and\nnobody posts from the other any more:\n"
                    "  waybill recover --this-database --reason TEXT\n  waybill resume\n",
                    out);
    if (found->is_other_mode)
        (void)fputs("What was posted in test mode is not posted in live mode, nor the reverse: set "
                    "api.mode and\nthe key back, or use another database.schema for the other "
                    "mode.\n",
                    out);
    if (found->is_other_url)
        (void)fputs("Set api.base_url back. If the same account is reached under another URL "
                    "now:\n  waybill recover --this-api --reason TEXT\n  waybill resume\n",
                    out);
    if (found->is_behind && !found->is_elsewhere)
        (void)fputs(
            "Restored, or promoted: the next run begins a new generation by itself, and "
            "looks for every\norder at the API before it posts for it again. Nothing has to "
            "be done.\n",
            out);
    if (found->is_elsewhere || found->is_other_mode || found->is_other_url || found->is_behind)
        return;
    if (strcmp(state->mode, "paused") == 0)
        (void)fputs("The ledger is where it belongs, and paused. To go on:\n  waybill resume\n",
                    out);
    else
        (void)fputs("The ledger is where it belongs. If commits were lost that no timeline shows "
                    "(a data-only\nrestore, a snapshot of a disk):\n"
                    "  waybill recover --new-generation --reason TEXT\n",
                    out);
}

static bool
recover_show(const struct command_context *context, const struct config *config,
             struct ledger *ledger, enum exit_code *code, struct error *err)
{
    struct pg_rows *rows = NULL;
    struct recover_state state;
    struct recover_finding found = {0};

    if (!recover_look(ledger, config->api.base_url, config->api.mode == CONFIG_MODE_LIVE, &rows,
                      err) ||
        !recover_state(ledger, config->api.timeout_ms + config->api.settle_ms, &state, err)) {
        pg_rows_free(rows);
        return false;
    }
    recover_put_place(rows, &found, context->out);
    recover_put_state(&state, context->out);
    recover_put_way(&found, &state, context->out);
    pg_rows_free(rows);
    *code = found.is_elsewhere || found.is_other_mode || found.is_other_url ||
                    strcmp(state.mode, "paused") == 0
                ? EXIT_CODE_CONFIG
                : EXIT_CODE_DONE;
    return true;
}

/* Refused where it would be the wrong answer: another mode can't be recovered from. */
static bool
recover_may(const struct config *config, struct ledger *ledger, bool is_api, struct error *err)
{
    struct pg_rows *rows = NULL;
    bool is_other_mode = false;
    bool is_other_url = false;

    if (!recover_look(ledger, config->api.base_url, config->api.mode == CONFIG_MODE_LIVE, &rows,
                      err))
        return false;
    for (int row = 0; row < pg_rows_count(rows); row++) {
        if (!pg_rows_bool(rows, row, 3))
            continue;
        is_other_mode = is_other_mode || strcmp(pg_rows_text(rows, row, 0), "api mode") == 0;
        is_other_url = is_other_url || strcmp(pg_rows_text(rows, row, 0), "base_url") == 0;
    }
    pg_rows_free(rows);
    if (is_other_mode) {
        error_set(err, ERROR_STATE, "the ledger was filled in the API's other mode");
        error_hint(err, "use another database.schema for the other mode");
        return false;
    }
    if (is_api && !is_other_url)
        return error_set(err, ERROR_STATE, "api.base_url is the ledger's already");
    return true;
}

static bool
recover_accept(const struct command_context *context, const struct config *config,
               struct ledger *ledger, const char *reason, struct error *err)
{
    bool is_api = options_has(context->options, "this-api");
    char who[128];
    int generation = 0;

    recover_who(who, sizeof(who));
    if (!recover_may(config, ledger, is_api, err))
        return false;
    if (is_api ? !recover_api(ledger, config->api.base_url, who, reason, &generation, err)
               : !recover_here(ledger, who, reason, &generation, err))
        return false;
    if (!context->is_quiet)
        (void)fprintf(context->out,
                      "generation %d began; the ledger is paused\n"
                      "next: waybill resume; then every order is looked for at the API before it "
                      "gets a POST again\n",
                      generation);
    return true;
}

static bool
recover_read_arguments(const struct options *options, bool *accepts, struct error *err)
{
    const char *reason = options_get(options, "reason");
    int ways = options_has(options, "this-database") + options_has(options, "this-api") +
               options_has(options, "new-generation");

    if (ways > 1)
        return error_set(err, ERROR_USAGE,
                         "one of --this-database, --this-api and --new-generation at a time");
    if (ways == 0 && reason != NULL)
        return error_set(err, ERROR_USAGE, "--reason goes with what it is the reason of");
    if (ways == 1 && (reason == NULL || reason[0] == '\0'))
        return error_set(err, ERROR_USAGE, "--reason must be given: it is kept with the decision");
    *accepts = ways == 1;
    return true;
}

bool
recover_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    bool ok = false;
    bool accepts = false;
    struct config *config = NULL;
    struct ledger *ledger = NULL;

    if (!recover_read_arguments(context->options, &accepts, err))
        return false;
    if (!command_load_config(context, &config, err) ||
        !command_open_ledger(config, "recover", &ledger, err))
        goto done;
    *code = EXIT_CODE_DONE;
    ok = accepts
             ? recover_accept(context, config, ledger, options_get(context->options, "reason"), err)
             : recover_show(context, config, ledger, code, err);

done:
    ledger_close(ledger);
    config_free(config);
    return ok;
}
