/*
 * sandbox — the whole stand-in: what is asked for, what it knows, and one way in.
 *
 * One thread, no locks, and nothing of HTTP's server: sandbox_handle turns a request
 * into an answer and an ending (cut it, hold it back, say it later), and the server
 * carries that out.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sandbox/faults.h"
#include "sandbox/ident.h"
#include "sandbox/options.h"
#include "sandbox/stats.h"
#include "sandbox/store.h"
#include "sandbox/switches.h"
#include "sandbox/timers.h"

#define SANDBOX_VERSION        "2021-12-13"
#define SANDBOX_ANSWER_MAX     ((size_t)1 << 30)
#define SANDBOX_BODY_MAX       ((size_t)4 << 20)
#define SANDBOX_ADMIN_BODY_MAX ((size_t)1 << 30)

/* What one key has used up of its second. */
struct rate {
    int64_t window_ms;  /* when the present second began */
    int64_t used;       /* in it */
    int64_t blocked_ms; /* until then */
};

struct sandbox {
    const struct options *options;
    struct switches switches;
    struct faults *faults;
    struct store store;
    struct timers *timers;
    struct stats stats;
    struct ident_clock clock;
    struct rate rates[OPTIONS_KEYS_MAX];
    uint32_t requests_count;
    int journal_fd; /* -1: none */
};

struct param {
    const char *name;
    const char *value; /* never NULL */
};

struct request {
    const char *method;
    const char *path;          /* decoded */
    const char *authorization; /* NULL for none */
    const char *content_type;  /* NULL for none */
    const struct param *params;
    int params_count;
    const char *body;
    size_t body_bytes;
    bool is_body_too_large;
};

enum ending {
    ENDING_WHOLE,
    ENDING_CLOSE,     /* no byte, then FIN */
    ENDING_RESET,     /* no byte, then RST */
    ENDING_HANG,      /* no byte until the client leaves */
    ENDING_TRUNCATED, /* half of the body */
    ENDING_PADDED,    /* `{"padding":"xxx..."}` of padding_bytes instead of the body */
};

struct answer {
    int status;
    struct buffer body;
    const char *content_type;
    bool has_retry_after;
    int64_t retry_after_s;
    enum ending ending;
    size_t padding_bytes;
    int64_t delay_ms;
    struct order *order; /* whose posts_open this request counts in; NULL for none */
    enum endpoint endpoint;
    char request_id[IDENT_UUID_BYTES];
};

bool sandbox_init(struct sandbox *sandbox, const struct options *options, struct error *err);
void sandbox_free(struct sandbox *sandbox);

/* Fills the answer; the caller sends it as its ending says and then calls sandbox_answered. */
void sandbox_handle(struct sandbox *sandbox, const struct request *request, struct answer *answer);

/* The request is over, answered or not: counts it and frees what the answer holds. */
void sandbox_answered(struct sandbox *sandbox, struct answer *answer);

int64_t sandbox_now_ms(const struct sandbox *sandbox);

/* Now, with no more of the second than times show: what is filtered by is what was shown. */
int64_t sandbox_stamp_ms(const struct sandbox *sandbox);
void sandbox_time_text(const struct sandbox *sandbox, int64_t unix_ms, char out[IDENT_TIME_BYTES]);

#endif
