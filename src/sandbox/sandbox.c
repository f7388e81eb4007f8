#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "sandbox/admin.h"
#include "sandbox/answer.h"
#include "sandbox/inject.h"

#define RATE_LIVE 250
#define RATE_TEST 25

int64_t
sandbox_now_ms(const struct sandbox *sandbox)
{
    return ident_clock_unix_ms(&sandbox->clock);
}

int64_t
sandbox_stamp_ms(const struct sandbox *sandbox)
{
    int64_t now = sandbox_now_ms(sandbox);

    return sandbox->switches.time_digits >= 3 ? now : now - now % 1000;
}

void
sandbox_time_text(const struct sandbox *sandbox, int64_t unix_ms, char out[IDENT_TIME_BYTES])
{
    ident_time_text(unix_ms, (int)sandbox->switches.time_digits, out);
}

/* The whole file, at most SANDBOX_ADMIN_BODY_MAX. */
static bool
sandbox_read_file(const char *path, struct buffer *buf, struct error *err)
{
    bool ok = false;
    char chunk[65536];
    size_t count;
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        return error_set(err, ERROR_IO, "cannot open \"%s\": %s", path, strerror(errno));
    while ((count = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        if (!buffer_append(buf, chunk, count)) {
            error_set(err, ERROR_LIMIT, "\"%s\" is larger than %zu bytes", path,
                      SANDBOX_ADMIN_BODY_MAX);
            goto done;
        }
    }
    if (ferror(file) != 0) {
        error_set(err, ERROR_IO, "cannot read \"%s\": %s", path, strerror(errno));
        goto done;
    }
    ok = true;

done:
    (void)fclose(file);
    return ok;
}

static bool
sandbox_load_file(struct sandbox *sandbox, const char *path, struct error *err)
{
    bool ok;
    struct buffer text;
    struct admin_loaded loaded;

    buffer_init(&text, SANDBOX_ADMIN_BODY_MAX);
    ok = sandbox_read_file(path, &text, err);
    if (ok && !admin_load_orders(sandbox, buffer_text(&text), text.used, &loaded, err)) {
        error_context(err, "%s", path);
        ok = false;
    }
    buffer_free(&text);
    return ok;
}

static bool
sandbox_configure(struct sandbox *sandbox, struct error *err)
{
    const struct options *options = sandbox->options;

    for (int i = 0; i < options->switches_count; i++)
        if (!switches_set(&sandbox->switches, options->switches[i], err))
            return false;
    for (int i = 0; i < options->faults_count; i++)
        if (!faults_add(sandbox->faults, options->faults[i], err))
            return false;
    if (options->journal_file != NULL) {
        sandbox->journal_fd =
            open(options->journal_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (sandbox->journal_fd < 0)
            return error_set(err, ERROR_IO, "cannot open \"%s\": %s", options->journal_file,
                             strerror(errno));
    }
    return options->orders_file == NULL || sandbox_load_file(sandbox, options->orders_file, err);
}

bool
sandbox_init(struct sandbox *sandbox, const struct options *options, struct error *err)
{
    memset(sandbox, 0, sizeof(*sandbox));
    sandbox->options = options;
    sandbox->journal_fd = -1;
    switches_init(&sandbox->switches);
    ident_clock_start(&sandbox->clock);
    sandbox->timers = timers_new();
    sandbox->faults = faults_new((uint64_t)options->seed);
    if (sandbox->timers == NULL || sandbox->faults == NULL) {
        sandbox_free(sandbox);
        return error_set(err, ERROR_NOMEM, "no memory for the sandbox");
    }
    if (!store_init(&sandbox->store, err) || !sandbox_configure(sandbox, err)) {
        sandbox_free(sandbox);
        return false;
    }
    return true;
}

void
sandbox_free(struct sandbox *sandbox)
{
    timers_free(sandbox->timers);
    faults_free(sandbox->faults);
    store_free(&sandbox->store);
    if (sandbox->journal_fd >= 0)
        (void)close(sandbox->journal_fd);
    memset(sandbox, 0, sizeof(*sandbox));
    sandbox->journal_fd = -1;
}

/* The index of the key that was sent; -1 for a wrong one. */
static int
sandbox_key(const struct sandbox *sandbox, const struct request *request)
{
    const char *sent = request->authorization;

    if (sent == NULL || strncasecmp(sent, "Bearer ", 7) != 0)
        return -1;
    for (int i = 0; i < sandbox->options->keys_count; i++)
        if (strcmp(sent + 7, sandbox->options->keys[i]) == 0)
            return i;
    return -1;
}

/* Above the limit a key is blocked for a second, and so are the calls in between. */
static bool
sandbox_rate_allows(struct sandbox *sandbox, int key, struct answer *answer)
{
    struct rate *rate = &sandbox->rates[key];
    int64_t now = sandbox_now_ms(sandbox);
    int64_t limit = sandbox->options->rate;

    if (limit < 0)
        limit = sandbox->options->is_live ? RATE_LIVE : RATE_TEST;
    if (now < rate->blocked_ms) {
        sandbox->stats.requests_while_blocked++;
        answer_status(answer, 429);
        answer->has_retry_after = true;
        answer->retry_after_s = (rate->blocked_ms - now + 999) / 1000;
        return false;
    }
    if (now - rate->window_ms >= 1000) {
        rate->window_ms = now;
        rate->used = 0;
    }
    if (limit != 0 && ++rate->used > limit) {
        rate->blocked_ms = now + 1000;
        answer_status(answer, 429);
        answer->has_retry_after = true;
        answer->retry_after_s = 1;
        return false;
    }
    return true;
}

void
sandbox_handle(struct sandbox *sandbox, const struct request *request, struct answer *answer)
{
    size_t prefix = strlen(ADMIN_PREFIX);
    int key;

    answer_init(answer);
    ident_uuid((uint64_t)sandbox->options->seed, IDENT_REQUEST, sandbox->requests_count++,
               answer->request_id);
    if (request->is_body_too_large) {
        (void)answer_error(answer, 400, "invalid_parameter", "body", "The body is too large.");
        return;
    }
    if (strncmp(request->path, ADMIN_PREFIX, prefix) == 0) {
        answer->endpoint = ENDPOINT_ADMIN;
        admin_handle(sandbox, request, request->path + prefix, answer);
        return;
    }
    answer->endpoint = inject_endpoint(request);
    answer->delay_ms = sandbox->switches.latency_ms;
    key = sandbox_key(sandbox, request);
    if (key < 0) {
        (void)answer_error(answer, 401, "unauthorized", NULL, "The API key is invalid.");
        return;
    }
    if (sandbox_rate_allows(sandbox, key, answer))
        inject_handle(sandbox, request, key, answer);
}

void
sandbox_answered(struct sandbox *sandbox, struct answer *answer)
{
    bool is_silent = answer->ending == ENDING_CLOSE || answer->ending == ENDING_RESET ||
                     answer->ending == ENDING_HANG;

    stats_request(&sandbox->stats, answer->endpoint, is_silent ? 0 : answer->status);
    if (answer->order != NULL)
        answer->order->posts_open--;
    answer->order = NULL;
    buffer_free(&answer->body);
}
