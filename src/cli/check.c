#include "ledger/check.h"

#include <string.h>

#include "cli/command.h"
#include "cli/run.h"
#include "cli/table.h"
#include "http/http.h"
#include "ledger/follow.h"
#include "provider/provider.h"
#include "sync/api.h"
#include "sync/reach.h"

#define CHECK_API_TIMEOUT_MS 20000 /* somebody waits at a terminal */
#define CHECK_NO_INSTANCE    "00000000-0000-0000-0000-000000000000"

/* An error of a step becomes a finding; true when there was memory for it. */
static bool
check_add_error(struct check_list *list, const char *what, const struct error *failure)
{
    return check_add(list, CHECK_FAIL, what, failure->hint, "%s%s%s", failure->context,
                     failure->context[0] != '\0' ? ": " : "", failure->message);
}

/* Runs the database's half; what fails ends it and is a finding too. */
static enum exit_code
check_ledger(const struct config *config, struct check_list *list)
{
    struct error failure = {0};
    struct ledger *ledger = NULL;
    struct warehouse *warehouse = NULL;
    enum exit_code code = EXIT_CODE_DONE;
    bool is_queue = config->warehouse.change_feed == CONFIG_FEED_QUEUE;
    const char *what = "database";

    if (!command_open_ledger(config, "check", &ledger, &failure))
        goto done;
    (void)check_add(list, CHECK_OK, what, "", "connected");
    if (!check_database(ledger, is_queue, !is_queue, list, &failure) ||
        !check_binding(ledger, config->api.base_url, config->api.mode == CONFIG_MODE_LIVE, list,
                       &failure))
        goto done;
    what = "relation";
    if (!command_open_warehouse(config, ledger, &warehouse, &failure) ||
        !check_warehouse(ledger, warehouse, !is_queue, list, &failure))
        goto done;
    what = "order states";
    if (config->warehouse.order_state_function != NULL &&
        !follow_check_function(ledger, config->warehouse.order_state_function, list, &failure))
        goto done;
    what = "feed";
    (void)check_feeds(ledger, warehouse, !is_queue, list, &failure);

done:
    for (int i = 0; i < list->count; i++) {
        if (list->list[i].level == CHECK_FAIL)
            code = EXIT_CODE_CONFIG;
    }
    if (failure.code != ERROR_NONE) {
        (void)check_add_error(list, what, &failure);
        code = exit_code_worse(code, exit_code_of(&failure));
    }
    warehouse_free(warehouse);
    ledger_close(ledger);
    return code;
}

/* An account that has no fulfillment yet doesn't tell. */
static bool
check_is_other_mode(const struct provider *provider, const struct http_answer *answer, bool is_live)
{
    struct provider_fulfillments page = {0};
    struct provider_answer ignored = {0};
    bool is_other = false;

    provider_read_fulfillments(provider, answer, &page, &ignored);
    for (int i = 0; i < page.count; i++)
        is_other = is_other || (page.list[i].has_live_mode && page.list[i].live_mode != is_live);
    provider_fulfillments_free(&page);
    return is_other;
}

static enum exit_code
check_judge_answer(const struct provider *provider, const struct http_answer *answer, bool is_live,
                   struct check_list *list)
{
    struct provider_answer how = {0};

    if (answer->fact != HTTP_ANSWERED) {
        (void)check_add(list, CHECK_FAIL, "api",
                        answer->fact == HTTP_NOT_SENT ? reach_advice(answer->distrust) : "",
                        "no answer: %s", answer->error);
        return EXIT_CODE_API;
    }
    provider_read_plain(provider, answer, &how);
    switch (how.read) {
    case PROVIDER_READ_OK:
        if (check_is_other_mode(provider, answer, is_live)) {
            (void)check_add(list, CHECK_FAIL, "api", "check api.key_file and api.mode",
                            "the API answers in %s mode, the configuration says %s",
                            is_live ? "test" : "live", is_live ? "live" : "test");
            return EXIT_CODE_CONFIG;
        }
        (void)check_add(list, CHECK_OK, "api", "", "answers within %lld ms and takes the key",
                        (long long)answer->duration_ms);
        return EXIT_CODE_DONE;
    case PROVIDER_READ_BLOCKED:
        (void)check_add(list, CHECK_WARN, "api", "", "takes the key, and tells us to stay away: %s",
                        how.error);
        return EXIT_CODE_DONE;
    case PROVIDER_READ_KEY:
        (void)check_add(list, CHECK_FAIL, "api", "give api.key_file or api.key_env the right key",
                        "refuses the key: %s", how.error);
        return EXIT_CODE_API;
    case PROVIDER_READ_LATER:
        (void)check_add(list, CHECK_FAIL, "api", "", "%s", how.error);
        return EXIT_CODE_API;
    case PROVIDER_READ_REFUSED:
        break;
    }
    (void)check_add(list, CHECK_FAIL, "api", "is api.base_url the API's?", "%s", how.error);
    return EXIT_CODE_API;
}

/* of_events: the newest of them, else the probe. */
static bool
check_ask(struct http *http, const struct provider *provider, bool of_events,
          struct http_answer *answer, struct error *err)
{
    bool ok = false;
    struct provider_request request;
    struct http_request sent = {0};
    char since[25];

    provider_request_init(&request);
    clock_wall_text(since);
    if (of_events ? provider_list_events(provider, since, NULL, 1, &request, err)
                  : provider_probe(provider, &request, err)) {
        provider_request_to_http(&request, &sent);
        ok = http_ask(http, &sent, 2 * CHECK_API_TIMEOUT_MS, answer, err);
    }
    provider_request_free(&request);
    return ok;
}

/* Beside the sending: a run goes on without them. */
static void
check_events(struct http *http, const struct provider *provider, struct check_list *list)
{
    struct http_answer answer = {0};
    struct provider_events page = {0};
    struct provider_answer how = {0};
    struct error failure = {0};

    if (!check_ask(http, provider, true, &answer, &failure)) {
        (void)check_add_error(list, "events", &failure);
        return;
    }
    provider_read_events(provider, &answer, NULL, &page, &how);
    if (how.read == PROVIDER_READ_OK)
        (void)check_add(list, CHECK_OK, "events", "", "can be read");
    else
        (void)check_add(list, CHECK_WARN, "events",
                        how.read == PROVIDER_READ_KEY
                            ? "let the key read events, or do without: follow.events: false"
                            : "",
                        "can't be read: %s", how.error);
    provider_events_free(&page);
}

static enum exit_code
check_api(const struct config *config, const struct secret *key, struct check_list *list)
{
    enum exit_code code = EXIT_CODE_API;
    struct error failure = {0};
    struct http *http = NULL;
    struct provider *provider = NULL;
    struct http_answer answer = {0};
    struct sync_options sync;
    bool ok = run_options_fill(config, NULL, key, "check", &sync, &failure);

    if (sync.timeout_ms > CHECK_API_TIMEOUT_MS)
        sync.timeout_ms = CHECK_API_TIMEOUT_MS;
    if (ok && api_open(&sync, CHECK_NO_INSTANCE, 1, &provider, &http, &failure) &&
        check_ask(http, provider, false, &answer, &failure)) {
        code = check_judge_answer(provider, &answer, sync.is_live, list);
        if (code == EXIT_CODE_DONE && config->follow.events)
            check_events(http, provider, list);
    } else {
        (void)check_add_error(list, "api", &failure);
        code = exit_code_worse(EXIT_CODE_API, exit_code_of(&failure));
    }
    provider_free(provider);
    http_free(http);
    return code;
}

static void
check_put(const struct check_list *list, FILE *out)
{
    static const char *const word[] = {
        [CHECK_OK] = "ok", [CHECK_WARN] = "warn", [CHECK_FAIL] = "FAIL"};

    for (int i = 0; i < list->count; i++) {
        const struct check_finding *finding = &list->list[i];

        (void)fprintf(out, "%-4s  %-12s  ", word[finding->level], finding->what);
        table_put_visible(out, finding->detail);
        (void)fputc('\n', out);
        if (finding->mend[0] != '\0') {
            (void)fputs("      mend:         ", out);
            table_put_visible(out, finding->mend);
            (void)fputc('\n', out);
        }
    }
}

bool
check_command(const struct command_context *context, enum exit_code *code, struct error *err)
{
    struct config *config = NULL;
    struct secret *key = NULL;
    struct error failure = {0};
    struct check_list list = {0};

    if (!command_load_config(context, &config, err))
        return false;
    (void)check_add(&list, CHECK_OK, "config", "", "read");
    *code = check_ledger(config, &list);
    if (config_load_key(config, &key, &failure)) {
        *code = exit_code_worse(*code, check_api(config, key, &list));
    } else {
        (void)check_add_error(&list, "key", &failure);
        *code = exit_code_worse(*code, exit_code_of(&failure));
    }
    check_put(&list, context->out);
    check_free(&list);
    secret_free(key);
    config_free(config);
    return true;
}
