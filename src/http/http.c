#include "http/http.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/slot.h"

enum {
    HTTP_IN_FLIGHT_MAX = 4096,
    HTTP_EXTRA_FDS_MAX = 16,
    HTTP_URL_BYTES_MAX = 64 * 1024,
    HTTP_WAIT_MS_MAX = 3600 * 1000,
};

struct http {
    CURLM *multi;
    CURLU *url;              /* for looking at a URL before it is taken */
    struct buffer sound_url; /* the last one that was found to be one; "" when there is none */
    struct slot *slots;
    int slots_count;
    int *free_slots; /* a stack: the slot used last is taken first */
    int free_count;
    int *late_slots; /* refused when started; they wait for http_take */
    int late_count;
    struct slot_reply taken;          /* what the caller may still be reading */
    char *authorization, *user_agent; /* whole headers */
    struct curl_slist common[3];
};

/* curl_global_init and its counterpart count, but only curl 7.84 and later may be asked by several
 * threads. */
static bool
http_global_begin(struct error *err)
{
    struct sigaction current;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_set(err, ERROR_NOMEM, "libcurl can't be set up");
    /* With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE to us, and OpenSSL writes without MSG_NOSIGNAL.
     */
    if (sigaction(SIGPIPE, NULL, &current) == 0 && current.sa_handler == SIG_DFL)
        (void)signal(SIGPIPE, SIG_IGN);
    return true;
}

/* Makes a header and appends it to the common ones. */
static bool
http_make_header(struct http *http, int *count, const char *name, const char *value, char **out,
                 struct error *err)
{
    size_t bytes = strlen(name) + strlen(value) + 1;

    *out = malloc(bytes);
    if (*out == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a header");
    (void)snprintf(*out, bytes, "%s%s", name, value);
    http->common[*count].data = *out;
    http->common[*count - 1].next = &http->common[*count];
    (*count)++;
    return true;
}

static bool
http_make_headers(struct http *http, const struct http_options *options, struct error *err)
{
    static char no_expect[] = "Expect:"; /* a body waits for no 100 */
    const char *before = options->key_header;
    int count = 1;

    if (before == NULL)
        before = "Authorization: Bearer ";
    http->common[0].data = no_expect;
    if (options->bearer != NULL &&
        !http_make_header(http, &count, before, secret_reveal(options->bearer),
                          &http->authorization, err))
        return false;
    /* As a header, and not by libcurl's option, which is printed anew for each request. */
    return options->user_agent == NULL ||
           http_make_header(http, &count, "User-Agent: ", options->user_agent, &http->user_agent,
                            err);
}

static bool
http_make_multi(struct http *http, int in_flight_max, struct error *err)
{
    http->multi = curl_multi_init();
    http->url = curl_url();
    if (http->multi == NULL || http->url == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for requests");
    if (curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)in_flight_max) != CURLM_OK ||
        curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) != CURLM_OK)
        return error_set(err, ERROR_CONFIG, "libcurl refuses a limit of %d connections",
                         in_flight_max);
    return true;
}

static bool
http_make_slots(struct http *http, const struct http_options *options, struct error *err)
{
    int count = options->in_flight_max;

    http->slots = calloc((size_t)count, sizeof(*http->slots));
    http->free_slots = calloc((size_t)count, sizeof(*http->free_slots));
    http->late_slots = calloc((size_t)count, sizeof(*http->late_slots));
    if (http->slots == NULL || http->free_slots == NULL || http->late_slots == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for %d requests", count);
    buffer_init(&http->taken.body, options->body_bytes_max);
    buffer_init(&http->sound_url, HTTP_URL_BYTES_MAX);
    while (http->slots_count < count) {
        struct slot *slot = &http->slots[http->slots_count];

        http->free_slots[http->free_count++] = count - 1 - http->slots_count++;
        if (!slot_init(slot, options, err))
            return false;
    }
    return true;
}

bool
http_new(struct http **out, const struct http_options *options, struct error *err)
{
    bool ok = false;
    struct http *http = NULL;

    assert(*out == NULL);
    assert(options->in_flight_max > 0 && options->in_flight_max <= HTTP_IN_FLIGHT_MAX);
    assert(options->connect_timeout_ms > 0 && options->timeout_ms > 0);

    if (!http_global_begin(err))
        return false;
    http = calloc(1, sizeof(*http));
    if (http == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for requests");
        curl_global_cleanup();
        return false;
    }
    if (!http_make_headers(http, options, err) ||
        !http_make_multi(http, options->in_flight_max, err) || !http_make_slots(http, options, err))
        goto done;
    *out = http;
    http = NULL;
    ok = true;

done:
    http_free(http);
    return ok;
}

void
http_free(struct http *http)
{
    if (http == NULL)
        return;
    for (int i = 0; i < http->slots_count; i++) {
        if (http->slots[i].is_added)
            (void)curl_multi_remove_handle(http->multi, http->slots[i].easy);
        slot_free(&http->slots[i]);
    }
    if (http->multi != NULL)
        (void)curl_multi_cleanup(http->multi);
    curl_url_cleanup(http->url);
    if (http->authorization != NULL)
        explicit_bzero(http->authorization, strlen(http->authorization));
    free(http->authorization);
    free(http->user_agent);
    buffer_free(&http->taken.body);
    buffer_free(&http->sound_url);
    free(http->slots);
    free(http->free_slots);
    free(http->late_slots);
    free(http);
    curl_global_cleanup();
}

int
http_free_slots(const struct http *http)
{
    return http->free_count;
}

int
http_in_flight(const struct http *http)
{
    return http->slots_count - http->free_count;
}

/* libcurl's own parser, so that what passes here is not found to be no URL later. The URL itself is
 * not shown: it may hold what does not belong in a log. */
static bool
http_url_is_sound(struct http *http, const char *url, struct error *err)
{
    CURLUcode code;

    if (url[0] != '\0' && strcmp(buffer_text(&http->sound_url), url) == 0)
        return true;
    if (strlen(url) > HTTP_URL_BYTES_MAX)
        return error_set(err, ERROR_LIMIT, "a URL above %d bytes", HTTP_URL_BYTES_MAX);
    if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
        return error_set(err, ERROR_PARSE, "a URL must begin with http:// or https://");
    for (const char *at = url; *at != '\0'; at++) {
        if ((unsigned char)*at <= 0x20 || *at == 0x7f)
            return error_set(err, ERROR_PARSE, "a URL can't hold a space or control character");
    }
    code = curl_url_set(http->url, CURLUPART_URL, url, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS);
    if (code != CURLUE_OK)
        return error_set(err, code == CURLUE_OUT_OF_MEMORY ? ERROR_NOMEM : ERROR_PARSE,
                         "a URL that can't be one: %s", curl_url_strerror(code));
    buffer_reset(&http->sound_url);
    (void)buffer_puts(&http->sound_url, url);
    return true;
}

bool
http_start(struct http *http, const struct http_request *request, struct error *err)
{
    int index;
    struct slot *slot;
    CURLMcode code;

    assert(strcmp(request->method, "GET") == 0 || strcmp(request->method, "POST") == 0);
    assert(request->body == NULL || strcmp(request->method, "POST") == 0);

    if (http->free_count == 0)
        return error_set(err, ERROR_LIMIT, "%d requests are in flight already", http->slots_count);
    if (!http_url_is_sound(http, request->url, err))
        return false;
    index = http->free_slots[http->free_count - 1];
    slot = &http->slots[index];
    if (!slot_start(slot, request, http->common, err))
        return false;
    if (slot->is_late) {
        http->late_slots[http->late_count++] = index;
    } else {
        code = curl_multi_add_handle(http->multi, slot->easy);
        if (code != CURLM_OK)
            return error_set(err, ERROR_NOMEM, "libcurl can't start a request: %s",
                             curl_multi_strerror(code));
        slot->is_added = true;
    }
    http->free_count--;
    return true;
}

static bool
http_move(struct http *http, int *running, struct error *err)
{
    CURLMcode code = curl_multi_perform(http->multi, running);

    if (code != CURLM_OK)
        return error_set(err, ERROR_NET, "libcurl can't go on: %s", curl_multi_strerror(code));
    return true;
}

/* libcurl does not report a closed or broken extra descriptor, and a loop that is not told would
 * spin on it. */
static bool
http_read_extra(const int *fds, int count, bool *readable, struct error *err)
{
    struct pollfd polled[HTTP_EXTRA_FDS_MAX];

    if (count == 0 || readable == NULL)
        return true;
    for (int i = 0; i < count; i++)
        polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    if (poll(polled, (nfds_t)count, 0) < 0 && errno != EINTR)
        return error_set(err, ERROR_IO, "cannot wait: %s", strerror(errno));
    for (int i = 0; i < count; i++)
        readable[i] = polled[i].revents != 0;
    return true;
}

bool
http_wait(struct http *http, const int *extra_fds, int extra_count, bool *extra_readable,
          int64_t timeout_ms, struct error *err)
{
    struct curl_waitfd extra[HTTP_EXTRA_FDS_MAX];
    int running = 0;
    CURLMcode code;

    assert(extra_count >= 0 && extra_count <= HTTP_EXTRA_FDS_MAX);

    if (!http_move(http, &running, err))
        return false;
    /* What has ended and was not taken yet is a reason not to sleep. */
    if (running < http_in_flight(http) || timeout_ms < 0)
        timeout_ms = 0;
    if (timeout_ms > HTTP_WAIT_MS_MAX)
        timeout_ms = HTTP_WAIT_MS_MAX;
    for (int i = 0; i < extra_count; i++)
        extra[i] = (struct curl_waitfd){.fd = extra_fds[i], .events = CURL_WAIT_POLLIN};
    code = curl_multi_poll(http->multi, extra, (unsigned int)extra_count, (int)timeout_ms, NULL);
    if (code != CURLM_OK)
        return error_set(err, ERROR_NET, "libcurl can't wait: %s", curl_multi_strerror(code));
    if (!http_read_extra(extra_fds, extra_count, extra_readable, err))
        return false;
    return running == 0 || http_move(http, &running, err);
}

/* The reply changes places with the one that was given out before, so that its slot can start anew
 * at once. */
static void
http_hand_over(struct http *http, struct slot *slot, struct http_answer *out)
{
    struct slot_reply reply = slot->reply;

    slot->reply = http->taken;
    http->taken = reply;
    slot->is_early = false;
    http->free_slots[http->free_count++] = (int)(slot - http->slots);

    out->body = buffer_text(&http->taken.body);
    out->body_bytes = http->taken.body.used;
    out->is_json = http->taken.is_json;
    out->request_id = http->taken.has_request_id ? http->taken.request_id : NULL;
    out->retry_after = http->taken.has_retry_after ? http->taken.retry_after : NULL;
    out->date = http->taken.has_date ? http->taken.date : NULL;
}

bool
http_take(struct http *http, struct http_answer *out)
{
    CURLMsg *message;
    int left;

    if (http->late_count > 0) {
        struct slot *slot = &http->slots[http->late_slots[--http->late_count]];

        slot_finish(slot, CURLE_ABORTED_BY_CALLBACK, out);
        http_hand_over(http, slot, out);
        return true;
    }
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        struct slot *slot = NULL;
        CURLcode code = message->data.result; /* gone with the handle's removal */

        if (message->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        assert(slot != NULL && slot->is_added);
        slot_finish(slot, code, out);
        (void)curl_multi_remove_handle(http->multi, slot->easy);
        slot->is_added = false;
        http_hand_over(http, slot, out);
        return true;
    }
    return false;
}

bool
http_ask(struct http *http, const struct http_request *request, int64_t limit_ms,
         struct http_answer *out, struct error *err)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), limit_ms);

    if (!http_start(http, request, err))
        return false;
    while (clock_mono_left_ms(deadline) > 0) {
        if (!http_wait(http, NULL, 0, NULL, clock_mono_left_ms(deadline), err))
            return false;
        if (http_take(http, out))
            return true;
    }
    return error_set(err, ERROR_API, "no answer within %lld ms", (long long)limit_ms);
}

bool
http_take_early(struct http *http, struct http_early *out)
{
    for (int i = 0; i < http->slots_count; i++) {
        struct slot *slot = &http->slots[i];

        if (!slot->is_early || !slot->is_added)
            continue;
        slot->is_early = false;
        *out = (struct http_early){.tag = slot->tag, .status = slot->status};
        if (slot->reply.has_retry_after)
            memcpy(out->retry_after, slot->reply.retry_after, sizeof(out->retry_after));
        if (slot->reply.has_date)
            memcpy(out->date, slot->reply.date, sizeof(out->date));
        return true;
    }
    return false;
}

const char *
http_phase_name(enum http_phase phase)
{
    switch (phase) {
    case HTTP_PHASE_DONE:
        return "done";
    case HTTP_PHASE_START:
        return "not begun";
    case HTTP_PHASE_RESOLVE:
        return "resolve";
    case HTTP_PHASE_CONNECT:
        return "connect";
    case HTTP_PHASE_TLS:
        return "TLS handshake";
    case HTTP_PHASE_SENDING:
        return "sending";
    case HTTP_PHASE_WAITING:
        return "waiting for the answer";
    case HTTP_PHASE_READING:
        return "reading the answer";
    }
    assert(false);
    return "";
}

const char *
http_library_version(void)
{
    static char text[64];
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    (void)snprintf(text, sizeof(text), "libcurl/%s%s%s", info->version,
                   info->ssl_version == NULL ? "" : " ",
                   info->ssl_version == NULL ? "" : info->ssl_version);
    return text;
}

void
http_append_encoded(struct buffer *buf, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if ((*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') ||
            (*at >= '0' && *at <= '9') || strchr("-._~", *at) != NULL) {
            (void)buffer_putc(buf, (char)*at);
        } else {
            (void)buffer_putc(buf, '%');
            (void)buffer_putc(buf, hex[*at >> 4]);
            (void)buffer_putc(buf, hex[*at & 15]);
        }
    }
}
