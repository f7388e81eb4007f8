#include "http/slot.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "base/number.h"
#include "base/text.h"
#include "http/trust.h"

/* A connection that sat idle for longer is not used again. Losing the race against a server that
 * closes it makes a POST's outcome unknown for minutes, a fresh connection costs a round trip. */
enum { SLOT_IDLE_REUSE_S = 15 };

static bool
slot_is_past_deadline(struct slot *slot)
{
    if (slot->has_deadline && clock_boot_is_past(slot->deadline))
        slot->is_late = true;
    return slot->is_late;
}

/* Called once the connection stands, before each sending of the request line: also when libcurl
 * would send again on a fresh connection. It is the last place where not a single byte has left. */
static int
slot_on_begin(void *ctx, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct slot *slot = ctx;

    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    if (slot->body_given > 0) {
        slot->is_second_send = true;
        return CURL_PREREQFUNC_ABORT;
    }
    if (slot_is_past_deadline(slot))
        return CURL_PREREQFUNC_ABORT;
    slot->is_begun = true;
    if (slot->is_at_once)
        slot->body_given = slot->body_bytes;
    return CURL_PREREQFUNC_OK;
}

/* Handing bytes to the kernel is not sending them. When the network is away it keeps them after we
 * gave up and closed, even after we were killed, and delivers them once the network is back: Linux
 * tries for some 100 s, and a POST would be applied that long after its end. With this limit it
 * forgets what the peer has not acknowledged in time. It says nothing about an answer that is slow.
 */
static int
slot_on_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    const struct slot *slot = ctx;
    unsigned int ms = (unsigned int)slot->timeout_ms;

    if (purpose == CURLSOCKTYPE_IPCXN &&
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms)) != 0)
        return CURL_SOCKOPT_ERROR;
    return CURL_SOCKOPT_OK;
}

/* For a body that leaves in pieces. Looks at the deadline at every one: a worker that was frozen in
 * the middle of a body must not complete it. */
static size_t
slot_on_read(char *out, size_t size, size_t count, void *ctx)
{
    struct slot *slot = ctx;
    size_t left = slot->body_bytes - slot->body_given;
    size_t bytes = size * count < left ? size * count : left;

    if (slot_is_past_deadline(slot))
        return CURL_READFUNC_ABORT;
    if (bytes > 0)
        memcpy(out, slot->sent.data + slot->body_at + slot->body_given, bytes);
    slot->body_given += bytes;
    return bytes;
}

/* libcurl sends a POST again by itself when a kept-alive connection dies before the first answer
 * byte; it has to rewind such a body for that, and may not. One that left at once needs no
 * rewinding: slot_on_begin refuses to send it again. */
static int
slot_on_seek(void *ctx, curl_off_t offset, int origin)
{
    (void)ctx;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

static size_t
slot_on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct slot *slot = ctx;

    if (!buffer_append(&slot->reply.body, bytes, size * count)) {
        slot->is_oversize = true;
        return 0;
    }
    return size * count;
}

/* Copies the value of `name: value` when the line has that name; printable ASCII, the rest becomes
 * '?'. */
static bool
slot_header_value(const char *line, size_t line_bytes, const char *name, char *out,
                  size_t out_bytes)
{
    size_t name_bytes = strlen(name);
    size_t used = 0;

    if (line_bytes <= name_bytes || strncasecmp(line, name, name_bytes) != 0 ||
        line[name_bytes] != ':')
        return false;
    line += name_bytes + 1;
    line_bytes -= name_bytes + 1;
    while (line_bytes > 0 && (line[0] == ' ' || line[0] == '\t')) {
        line++;
        line_bytes--;
    }
    while (line_bytes > 0 && strchr(" \t\r\n", line[line_bytes - 1]) != NULL)
        line_bytes--;
    for (size_t i = 0; i < line_bytes && used < out_bytes - 1; i++)
        out[used++] = line[i] >= 0x20 && line[i] < 0x7f ? line[i] : '?';
    out[used] = '\0';
    return true;
}

/* application/json and application/problem+json, with or without parameters */
static bool
slot_is_json_type(const char *type)
{
    size_t bytes = strcspn(type, "; \t");

    if (strncasecmp(type, "application/", 12) != 0)
        return false;
    return (bytes == 16 && strncasecmp(type + 12, "json", 4) == 0) ||
           (bytes > 17 && strncasecmp(type + bytes - 5, "+json", 5) == 0);
}

/* "HTTP/1.1 429 Too Many Requests": a new status line, so what came before was a 1xx. */
static void
slot_begin_headers(struct slot *slot, const char *line, size_t line_bytes)
{
    const char *space = memchr(line, ' ', line_bytes);
    char digits[4] = "";
    int64_t status = 0;

    if (space != NULL && (size_t)(space - line) + 3 < line_bytes)
        memcpy(digits, space + 1, 3);
    (void)number_parse(digits, 100, 999, &status);
    slot->status = (int)status;
    slot->reply.has_request_id = false;
    slot->reply.has_retry_after = false;
    slot->reply.has_date = false;
    slot->reply.is_json = false;
}

size_t
slot_take_header(struct slot *slot, const char *line, size_t bytes)
{
    struct slot_reply *reply = &slot->reply;
    char type[128];

    slot->header_bytes += bytes;
    if (slot->header_bytes > SLOT_ANSWER_HEADER_BYTES_MAX) {
        slot->is_oversize = true;
        return 0;
    }
    if (slot->is_headers_done) /* trailers of a chunked body say nothing that we ask */
        return bytes;
    if (bytes > 5 && memcmp(line, "HTTP/", 5) == 0) {
        slot_begin_headers(slot, line, bytes);
    } else if (bytes <= 2 && slot->status >= 200) {
        slot->is_headers_done = true;
        slot->is_early = slot->status == 429 || slot->status == 503;
    } else if (slot_header_value(line, bytes, "content-type", type, sizeof(type))) {
        reply->is_json = slot_is_json_type(type);
    } else if (slot->request_id_header != NULL &&
               slot_header_value(line, bytes, slot->request_id_header, reply->request_id,
                                 sizeof(reply->request_id))) {
        reply->has_request_id = true;
    } else if (slot_header_value(line, bytes, "retry-after", reply->retry_after,
                                 sizeof(reply->retry_after))) {
        reply->has_retry_after = true;
    } else if (slot_header_value(line, bytes, "date", reply->date, sizeof(reply->date))) {
        reply->has_date = true;
    }
    return bytes;
}

static size_t
slot_on_header(char *line, size_t size, size_t count, void *ctx)
{
    return slot_take_header(ctx, line, size * count);
}

/* curl_easy_setopt is a macro that checks types; every option here is known to this libcurl, so a
 * refusal can only be a lack of memory or a feature that the build leaves out. */
#define SLOT_SET(option, value)                                                                    \
    do {                                                                                           \
        CURLcode set_code = curl_easy_setopt(easy, option, value);                                 \
        if (set_code != CURLE_OK)                                                                  \
            return error_set(err, set_code == CURLE_OUT_OF_MEMORY ? ERROR_NOMEM : ERROR_CONFIG,    \
                             "libcurl refuses %s: %s", #option, curl_easy_strerror(set_code));     \
    } while (0)

static bool
slot_set_callbacks(struct slot *slot, struct error *err)
{
    CURL *easy = slot->easy;

    SLOT_SET(CURLOPT_SOCKOPTFUNCTION, slot_on_socket);
    SLOT_SET(CURLOPT_SOCKOPTDATA, slot);
    SLOT_SET(CURLOPT_PREREQFUNCTION, slot_on_begin);
    SLOT_SET(CURLOPT_PREREQDATA, slot);
    SLOT_SET(CURLOPT_READFUNCTION, slot_on_read);
    SLOT_SET(CURLOPT_READDATA, slot);
    SLOT_SET(CURLOPT_SEEKFUNCTION, slot_on_seek);
    SLOT_SET(CURLOPT_SEEKDATA, slot);
    SLOT_SET(CURLOPT_WRITEFUNCTION, slot_on_body);
    SLOT_SET(CURLOPT_WRITEDATA, slot);
    SLOT_SET(CURLOPT_HEADERFUNCTION, slot_on_header);
    SLOT_SET(CURLOPT_HEADERDATA, slot);
    SLOT_SET(CURLOPT_ERRORBUFFER, slot->error);
    SLOT_SET(CURLOPT_PRIVATE, slot);
    return true;
}

/* All that stays the same from request to request is set once: a handle keeps its options. */
static bool
slot_set_options(struct slot *slot, const struct http_options *options, struct error *err)
{
    CURL *easy = slot->easy;

    SLOT_SET(CURLOPT_NOSIGNAL, 1L);
    SLOT_SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SLOT_SET(CURLOPT_HTTP_VERSION,
             (long)CURL_HTTP_VERSION_1_1); /* HTTP/2 may retry a refused stream */
    SLOT_SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SLOT_SET(CURLOPT_FOLLOWLOCATION, 0L);
    SLOT_SET(CURLOPT_PATH_AS_IS, 1L); /* an id may be ".." */
    SLOT_SET(CURLOPT_PROXY, options->proxy == NULL ? "" : options->proxy);
    SLOT_SET(CURLOPT_NOPROXY, ""); /* nor does the environment decide which hosts go without */
    SLOT_SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SLOT_SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SLOT_SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (options->ca_file != NULL) {
        SLOT_SET(CURLOPT_CAINFO, options->ca_file);
        SLOT_SET(CURLOPT_CAPATH, NULL); /* Debian's libcurl would look into the system's, too */
    }
    SLOT_SET(CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    SLOT_SET(CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
    /* A resolver that hangs is left to itself: libcurl would wait for its thread, and all that is
     * in flight with it. */
    SLOT_SET(CURLOPT_QUICK_EXIT, 1L);
    SLOT_SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SLOT_SET(CURLOPT_MAXAGE_CONN, (long)SLOT_IDLE_REUSE_S);
    return slot_set_callbacks(slot, err);
}

bool
slot_init(struct slot *slot, const struct http_options *options, struct error *err)
{
    *slot = (struct slot){.timeout_ms = options->timeout_ms,
                          .request_id_header = options->request_id_header};
    buffer_init(&slot->sent, SLOT_SENT_BYTES_MAX);
    buffer_init(&slot->url, SLOT_SENT_BYTES_MAX);
    buffer_init(&slot->reply.body, options->body_bytes_max);
    slot->easy = curl_easy_init();
    if (slot->easy == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a request");
    return slot_set_options(slot, options, err);
}

void
slot_free(struct slot *slot)
{
    if (slot->easy != NULL)
        curl_easy_cleanup(slot->easy);
    buffer_free(&slot->sent);
    buffer_free(&slot->url);
    buffer_free(&slot->reply.body);
    slot->easy = NULL;
}

static void
slot_buffer_renew(struct buffer *buf)
{
    if (buf->capacity > SLOT_KEPT_BYTES) {
        size_t bytes_max = buf->bytes_max;

        buffer_free(buf);
        buffer_init(buf, bytes_max);
    } else {
        buffer_reset(buf);
    }
}

/* "Name: value" in visible ASCII and spaces, plus whatever is above it; a line end would smuggle in
 * another one. */
static bool
slot_header_is_sound(const char *header)
{
    const char *colon = strchr(header, ':');

    if (colon == NULL || colon == header)
        return false;
    for (const char *at = header; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f || (*at == ' ' && at < colon))
            return false;
    }
    return true;
}

/* Copies headers and body into one buffer, then strings the list through it: the buffer moves while
 * it grows. */
static bool
slot_copy_request(struct slot *slot, const struct http_request *request, struct curl_slist *common,
                  struct error *err)
{
    size_t at[SLOT_HEADERS_MAX];
    int count = 0;

    slot_buffer_renew(&slot->sent);
    for (; request->headers != NULL && request->headers[count] != NULL; count++) {
        const char *header = request->headers[count];

        if (count == SLOT_HEADERS_MAX)
            return error_set(err, ERROR_LIMIT, "more than %d headers", SLOT_HEADERS_MAX);
        if (!slot_header_is_sound(header))
            return error_set(err, ERROR_PARSE,
                             "header %d can't be one: no name, or a control character", count + 1);
        at[count] = slot->sent.used;
        buffer_append(&slot->sent, header, strlen(header) + 1);
    }
    slot->body_at = slot->sent.used;
    if (slot->body_bytes > 0)
        buffer_append(&slot->sent, request->body, request->body_bytes);
    if (slot->sent.is_failed)
        return error_set(err, ERROR_LIMIT, "no memory for a request, or above %d bytes",
                         SLOT_SENT_BYTES_MAX);
    for (int i = 0; i < count; i++) {
        slot->headers[i].data = slot->sent.data + at[i];
        slot->headers[i].next = i + 1 < count ? &slot->headers[i + 1] : common;
    }
    if (count == 0)
        slot->headers[0] = *common;
    return true;
}

/* The handle copies a URL; POSTs all go to the same one. */
static bool
slot_set_url(struct slot *slot, const char *url, struct error *err)
{
    CURL *easy = slot->easy;

    if (slot->is_url_set && strcmp(buffer_text(&slot->url), url) == 0)
        return true;
    slot->is_url_set = false;
    SLOT_SET(CURLOPT_URL, url);
    buffer_reset(&slot->url);
    slot->is_url_set = buffer_puts(&slot->url, url);
    return true;
}

static bool
slot_set_request(struct slot *slot, const struct http_request *request, struct error *err)
{
    CURL *easy = slot->easy;
    bool is_post = strcmp(request->method, "POST") == 0;

    slot->is_at_once = slot->body_bytes > 0 && slot->body_bytes <= SLOT_AT_ONCE_BYTES;
    if (!slot_set_url(slot, request->url, err))
        return false;
    SLOT_SET(CURLOPT_HTTPHEADER, slot->headers);
    if (!is_post) {
        SLOT_SET(CURLOPT_POSTFIELDS,
                 NULL); /* of the request before; a POST, so the method is next */
        SLOT_SET(CURLOPT_HTTPGET, 1L);
        return true;
    }
    SLOT_SET(CURLOPT_POST, 1L);
    /* Not copied: slot->sent stays as it is until the answer was taken. */
    SLOT_SET(CURLOPT_POSTFIELDS, slot->is_at_once ? slot->sent.data + slot->body_at : NULL);
    SLOT_SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)slot->body_bytes);
    return true;
}

bool
slot_start(struct slot *slot, const struct http_request *request, struct curl_slist *common,
           struct error *err)
{
    slot->body_bytes = request->body == NULL ? 0 : request->body_bytes;
    if (!slot_copy_request(slot, request, common, err))
        return false;
    if (!slot_set_request(slot, request, err))
        return false;

    slot_buffer_renew(&slot->reply.body);
    slot->reply.has_request_id = false;
    slot->reply.has_retry_after = false;
    slot->reply.has_date = false;
    slot->reply.is_json = false;
    slot->body_given = 0;
    slot->has_deadline = request->has_send_deadline;
    slot->deadline = request->send_deadline;
    slot->tag = request->tag;
    slot->is_begun = false;
    slot->is_late = false;
    slot->is_second_send = false;
    slot->is_oversize = false;
    slot->is_headers_done = false;
    slot->is_early = false;
    slot->is_tls = strncasecmp(request->url, "https:", 6) == 0;
    slot->status = 0;
    slot->header_bytes = 0;
    slot->error[0] = '\0';
    slot->started = clock_mono_now();
    slot->started_unix_ms = clock_wall_ms(); /* for the record; nothing is decided by it */
    (void)slot_is_past_deadline(slot);
    return true;
}

/* libcurl has timed the resolver's end. */
static bool
slot_is_resolved(const struct slot *slot)
{
    curl_off_t us = 0;

    return curl_easy_getinfo(slot->easy, CURLINFO_NAMELOOKUP_TIME_T, &us) == CURLE_OK && us > 0;
}

/* The time of connecting is set only after the handshake (7.88); the peer's address when the socket
 * stands. */
static bool
slot_is_connected(const struct slot *slot)
{
    const char *address = NULL;

    return curl_easy_getinfo(slot->easy, CURLINFO_PRIMARY_IP, &address) == CURLE_OK &&
           address != NULL && address[0] != '\0';
}

static enum http_phase
slot_phase(const struct slot *slot, CURLcode code)
{
    if (slot->is_begun) {
        if (slot->body_given < slot->body_bytes)
            return HTTP_PHASE_SENDING;
        return slot->header_bytes == 0 ? HTTP_PHASE_WAITING : HTTP_PHASE_READING;
    }
    if (slot->is_late)
        return HTTP_PHASE_START;
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
        !slot_is_resolved(slot))
        return HTTP_PHASE_RESOLVE;
    if (slot->is_tls && slot_is_connected(slot))
        return HTTP_PHASE_TLS;
    return HTTP_PHASE_CONNECT;
}

/* Ours where we stopped it or have better ones, else libcurl's own words. */
static const char *
slot_reason(const struct slot *slot, CURLcode code, enum http_distrust distrust)
{
    const char *words = trust_words(distrust);

    if (slot->is_late)
        return "the send deadline had passed";
    if (slot->is_oversize)
        return "the answer is larger than allowed";
    if (slot->is_second_send || code == CURLE_SEND_FAIL_REWIND)
        return "the connection died without an answer, and the request is not sent twice";
    if (code == CURLE_OK)
        return "no status came";
    if (words != NULL)
        return words;
    return slot->error[0] != '\0' ? slot->error : curl_easy_strerror(code);
}

void
slot_finish(const struct slot *slot, CURLcode code, struct http_answer *out)
{
    bool is_answered = code == CURLE_OK && slot->is_headers_done;
    char reason[CURL_ERROR_SIZE];

    *out = (struct http_answer){
        .tag = slot->tag,
        .is_sent = slot->body_bytes > 0 ? slot->body_given > 0 : slot->is_begun,
        .status = slot->status,
        .duration_ms = clock_mono_since_ms(slot->started),
        .started_unix_ms = slot->started_unix_ms,
    };
    if (is_answered) {
        out->fact = HTTP_ANSWERED;
        out->phase = HTTP_PHASE_DONE;
        return;
    }
    out->fact = out->is_sent ? HTTP_BROKEN : HTTP_NOT_SENT;
    out->is_late = slot->is_late && !out->is_sent;
    out->is_oversize = slot->is_oversize;
    out->is_timeout = code == CURLE_OPERATION_TIMEDOUT;
    out->phase = slot_phase(slot, code);
    out->distrust = trust_judge(slot->easy, code, slot->error);
    text_copy_clean(reason, sizeof(reason), slot_reason(slot, code, out->distrust));
    (void)snprintf(out->error, sizeof(out->error), "%s: %s", http_phase_name(out->phase), reason);
    text_trim_cut(out->error);
}
