/*
 * slot — one request in flight: its easy handle, what it sends, what came back.
 *
 * Private to the room. The callbacks only copy bytes and set flags; what they
 * mean is said by slot_finish from those flags, so that "no body byte left us"
 * is a fact that we saw and not a reading of curl's codes.
 */
#ifndef HTTP_SLOT_H
#define HTTP_SLOT_H

#include <curl/curl.h>

#include "base/buffer.h"
#include "http/http.h"

enum {
    SLOT_HEADERS_MAX = 16,
    SLOT_SENT_BYTES_MAX = 16 * 1024 * 1024, /* body and header text of a request */
    SLOT_ANSWER_HEADER_BYTES_MAX = 64 * 1024,
    SLOT_KEPT_BYTES = 128 * 1024, /* a buffer that grew beyond is given back */
    /* A body up to here leaves together with its head. A connection without anything on its way
     * takes both whole, so nothing of it is left that a deadline could still stop. */
    SLOT_AT_ONCE_BYTES = 8 * 1024,
};

/* What must outlive the request itself, since the slot may start anew before the answer was read.
 */
struct slot_reply {
    struct buffer body;
    char request_id[201];
    char retry_after[64];
    char date[64];
    bool has_request_id, has_retry_after, has_date;
    bool is_json;
};

struct slot {
    CURL *easy;
    const char *request_id_header; /* NULL: none */
    bool is_busy;
    bool is_added; /* to the multi handle */

    /* what goes out */
    struct buffer sent; /* header texts, each with its NUL, then the body */
    struct curl_slist headers[SLOT_HEADERS_MAX];
    int64_t timeout_ms;
    size_t body_at, body_bytes, body_given;
    struct buffer url;
    bool is_url_set; /* in the handle */
    bool is_at_once; /* the body leaves with the head */
    bool has_deadline;
    struct clock_boot deadline;
    void *tag;

    /* what was seen */
    bool is_begun;       /* connected, and the request line was about to leave */
    bool is_late;        /* refused by us because of the deadline */
    bool is_second_send; /* refused by us because the body had been handed out before */
    bool is_oversize;
    bool is_headers_done; /* of the final status */
    bool is_early;        /* a 429 or 503 that nobody was told of yet */
    bool is_tls;
    int status;
    size_t header_bytes;
    struct slot_reply reply;
    char error[CURL_ERROR_SIZE];

    struct clock_mono started;
    int64_t started_unix_ms;
};

bool slot_init(struct slot *slot, const struct http_options *options, struct error *err);
void slot_free(struct slot *slot);

/* Makes the handle ready for one request. common: the headers of every request; outlives the slot.
 * The slot is late at once when the deadline has passed. */
bool slot_start(struct slot *slot, const struct http_request *request, struct curl_slist *common,
                struct error *err);

/* One line of the answer's head, with its line end and without a NUL. The bytes that were taken:
 * all, or 0 when the head has become too long. */
size_t slot_take_header(struct slot *slot, const char *line, size_t bytes);

/* All of out but the pointers into the reply. */
void slot_finish(const struct slot *slot, CURLcode code, struct http_answer *out);

#endif
