/*
 * http — many requests in flight, each with bounds, and facts about how each ended.
 *
 * Owns curl. One thread: http_start, http_wait, http_take in a loop; nobody is
 * called back. It never sends a request twice: HTTP/1.1 only, no redirects, no
 * proxy unless given, and a body that was handed out is refused a second time
 * (libcurl re-sends a POST by itself when a kept-alive connection dies before
 * the first answer byte; seen with 7.88). What a peer has not taken
 * after timeout_ms is dropped by the kernel too, so that a request can't arrive
 * long after its end, from a host whose network was away.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"

struct http;

struct http_options {
    int in_flight_max;
    size_t body_bytes_max; /* of an answer; passing it ends the request */
    int64_t connect_timeout_ms;
    int64_t timeout_ms;  /* whole request, from start to last byte */
    const char *ca_file; /* NULL: the system's */
    const char *proxy;   /* NULL: none, whatever the environment says */
    const char *user_agent;
    const struct secret
        *bearer;            /* borrowed for the life of the object; NULL sends no Authorization */
    const char *key_header; /* what stands before the key; NULL: "Authorization: Bearer " */
    const char *request_id_header; /* by whose value the API's people find a request; NULL: none;
                                      borrowed as bearer is */
};

struct http_request {
    const char *method; /* "GET" or "POST" */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; NULL for none; copied */
    const char *body;           /* copied; NULL for none */
    size_t body_bytes;
    bool has_send_deadline;
    struct clock_boot send_deadline; /* checked when started, right before the first byte leaves,
                                      * and at each piece of a body that does not leave at once */
    void *tag;                       /* the caller's, comes back with the answer */
};

enum http_fact {
    HTTP_ANSWERED, /* a whole answer: status, headers, body */
    HTTP_NOT_SENT, /* resolve, connect or TLS failed, or the deadline had passed: no body byte left
                    * us. A GET that failed before its request line left is NOT_SENT too */
    HTTP_BROKEN, /* something left us and no whole answer came: cut, timed out, oversize, malformed
                  */
};

/* How far a request came; where it failed, or HTTP_PHASE_DONE. */
enum http_phase {
    HTTP_PHASE_DONE,
    HTTP_PHASE_START, /* not begun: the send deadline had passed */
    HTTP_PHASE_RESOLVE,
    HTTP_PHASE_CONNECT,
    HTTP_PHASE_TLS,
    HTTP_PHASE_SENDING,
    HTTP_PHASE_WAITING, /* for the first byte of the answer */
    HTTP_PHASE_READING,
};

/* Why a TLS handshake failed: each has its own cure. */
enum http_distrust {
    HTTP_DISTRUST_NONE,
    HTTP_DISTRUST_NAME, /* the certificate is for another host */
    HTTP_DISTRUST_EXPIRED,
    HTTP_DISTRUST_NOT_YET_VALID,
    HTTP_DISTRUST_SELF_SIGNED,
    HTTP_DISTRUST_AUTHORITY, /* nobody whom we trust has signed it */
    HTTP_DISTRUST_PROTOCOL,  /* nothing as new as TLS 1.2 */
    HTTP_DISTRUST_CA_FILE,   /* ca_file can't be read, or holds no certificate */
    HTTP_DISTRUST_OTHER,     /* the certificate, for another reason */
};

struct http_answer {
    void *tag;
    enum http_fact fact;
    enum http_phase phase;
    enum http_distrust distrust;
    bool is_timeout;  /* it failed because a time limit ran out */
    bool is_oversize; /* it failed because the answer passed its bound */
    bool
        is_sent; /* at least one byte of the body (GET: of the request) was handed to the network */
    bool is_late;     /* NOT_SENT because the send deadline had passed */
    int status;       /* HTTP_ANSWERED; for HTTP_BROKEN the status line's, if it came, else 0 */
    const char *body; /* NUL-terminated, may hold NULs inside; valid until the next http_take */
    size_t body_bytes;
    bool is_json;            /* Content-Type says so */
    const char *request_id;  /* of request_id_header, or NULL; bounded to 200 printable bytes */
    const char *retry_after; /* raw header text or NULL */
    const char *date;        /* raw Date header or NULL */
    int64_t duration_ms;
    int64_t started_unix_ms; /* wall clock of http_start, for the attempt's record */
    char error[256];         /* "" when answered; which phase failed and why */
};

/* What the headers of a request said before its body is complete. */
struct http_early {
    void *tag;
    int status;
    char retry_after[64]; /* "" when absent */
    char date[64];        /* the raw Date header; "" when absent */
};

/* Also sees to it that a connection that dies under TLS can't end the process: SIGPIPE is ignored
 * from here on, unless the program has a handler of its own. One thread makes and frees these. */
bool http_new(struct http **out, const struct http_options *options, struct error *err);
void http_free(struct http *http); /* aborts what is in flight; NULL is fine */

int http_free_slots(const struct http *http);
int http_in_flight(const struct http *http);

/* Fails without side effect: no free slot (ERROR_LIMIT), no memory, a URL or header that can't be
 * one. */
bool http_start(struct http *http, const struct http_request *request, struct error *err);

/* Move bytes; sleep until something happened on curl's sockets or on one of the extra descriptors,
 * at most timeout_ms. extra_readable (may be NULL) gets one flag for each extra fd. Without
 * anything in flight it sleeps on the extra descriptors alone. */
bool http_wait(struct http *http, const int *extra_fds, int extra_count, bool *extra_readable,
               int64_t timeout_ms, struct error *err);

/* "resolve", "connect", "TLS handshake", "sending", "waiting for the answer", "reading the answer".
 */
const char *http_phase_name(enum http_phase phase);

/* One finished request; false when none is left. The slot is free again, out's pointers live until
 * the next call. */
bool http_take(struct http *http, struct http_answer *out);

/* One request alone: starts it and waits for its answer, at most limit_ms. For what has nothing
 * else in flight. */
bool http_ask(struct http *http, const struct http_request *request, int64_t limit_ms,
              struct http_answer *out, struct error *err);

/* A 429 or 503 whose headers have arrived while its body has not: once per request; false when none
 * is left. */
bool http_take_early(struct http *http, struct http_early *out);

/* "libcurl/7.88.1 OpenSSL/3.0" */
const char *http_library_version(void);

/* Percent-encode everything outside A-Za-z0-9-._~ ; appended to buf. */
struct buffer;
void http_append_encoded(struct buffer *buf, const char *text);

#endif
