/*
 * provider — the API in our words: requests to send, answers read, outcomes judged.
 *
 * A provider is a table of functions and capabilities; everything that knows a
 * wire format is in files of its own (digitalriver*.c; known.c lists them). No I/O
 * happens here: a request is built, somebody sends it, the answer is read.
 *
 * What a provider must translate, since everything above speaks one language:
 * - states of orders: accepted (units may be posted), pending_payment, in_review
 *   and dispute (they wait), fulfilled, complete and cancelled (nothing more can
 *   be), blocked and returned (a person has to look). Any other word waits too;
 * - money in the order's own currency, times as ISO-8601 in UTC, quantities as
 *   units of this one fulfillment, never as running totals;
 * - the marker must come back with the fulfillment itself, in lists or by id.
 *   Where it doesn't, lists can't tell ours from others' and name ours foreign.
 *
 * Facts about the API and how surely they are known: each function of
 * digitalriver.c names its source.
 */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "http/http.h"

/* An id is opaque and may have 500 characters of four bytes; a longer one makes its answer
 * unreadable. */
enum { PROVIDER_ID_BYTES = 2048 };

struct provider_options {
    const char *base_url; /* without a slash at the end */
    const char *version;  /* "2021-12-13" */
    const char *instance; /* the ledger's id, text of a UUID; sent as metadata.waybill_instance */
    const char *application;    /* "waybill/0.1.0" */
    bool is_live;               /* what every answer's liveMode must say */
    bool marker_as_shipment_id; /* second_marker: shipment_id */
};

struct provider; /* options and their copies */

struct provider_capabilities {
    const char *key_header;        /* what stands before the key: "Authorization: Bearer " */
    const char *request_id_header; /* by whose value the API's support finds a request; NULL */
    /* A POST with a marker that was taken before is answered as at first, and does nothing, for as
     * long as the order lives: a doubt ends by sending it again. One that forgets is none. */
    bool has_idempotency_key;
    bool list_shows_marker; /* by schema; the ledger still wants to see one before it believes an
                               absence */
    int64_t settle_ms_min;  /* how long it may apply a request late, at least */
    int orders_per_ask_max; /* ids in one GET of orders */
    int lines_per_submission_max;
    int page_max; /* objects in one page of a list */
};

/* One line of a submission. */
struct provider_item {
    const char *item_id;
    int64_t shipped;
    int64_t cancelled;
    const char *shipment_item_id; /* NULL for none */
};

struct provider_submission {
    const char *marker; /* UUID text */
    const char *order_id;
    const char *shipment_id;                                       /* NULL for none */
    const char *tracking_company, *tracking_number, *tracking_url; /* NULL for none */
    const struct provider_item *items;
    int items_count;
};

/* A request ready for http_start: strings live in the struct; free it after http_start. */
struct provider_request {
    const char *method; /* static */
    struct buffer url;
    struct buffer body;
    char header_text[6][256];
    const char *headers[7];
};

void provider_request_init(struct provider_request *request);
void provider_request_free(struct provider_request *request);
/* Copies pointers only; tag and deadline are the caller's to add. */
void provider_request_to_http(const struct provider_request *request, struct http_request *out);

/* ---- what came back for a POST of a submission ---- */

enum provider_outcome {
    PROVIDER_ACCEPTED,      /* 201 with an id, for our order */
    PROVIDER_REFUSED_LATER, /* nothing happened for sure, may pass later: back off, an attempt */
    PROVIDER_NOT_NOW,     /* nothing happened, says nothing about this submission: 429, not sent; no
                             attempt */
    PROVIDER_REFUSED_KEY, /* 401, or 403 in the API's own words: the key; no attempt */
    PROVIDER_ORDER_WAITS, /* 409 order_not_submitted: the gate is shut again; nothing happened */
    PROVIDER_REFUSED,     /* for good: rejected, discrepancy `rejected` */
    PROVIDER_PAYMENT,     /* for good: 409 payment_authorization_failed, discrepancy `payment` */
    PROVIDER_TAKEN,   /* 409 item_fulfilled and its kind: list first, then rejected + `foreign` */
    PROVIDER_UNKNOWN, /* nobody knows yet */
};

/* One line as the API says it was applied. */
struct provider_applied {
    char item_id[PROVIDER_ID_BYTES];
    int64_t shipped;
    int64_t cancelled;
};

struct provider_result {
    enum provider_outcome outcome;
    bool is_sent;
    bool is_late;              /* not sent, because the send deadline had passed */
    int http_status;           /* 0 when none */
    char error_code[128];      /* the API's, or ours: "timeout", "not_json", "connect" ... */
    char error_parameter[128]; /* "" when not named */
    char error_message[512];   /* sanitised: valid UTF-8, no control characters, cut */
    char request_id[201];
    char fulfillment_id[256]; /* accepted only */
    bool is_live_wrong;       /* the answer's liveMode is the other one */
    bool is_mismatch;   /* accepted, but order, items or quantities differ from what was sent */
    char mismatch[256]; /* in words */
    bool has_retry_after;
    int64_t retry_after_ms; /* 1000..600000 */
    int refused_item;       /* index of the line that parameter or message names; -1 */
    bool is_order_wide;     /* the refusal is about the whole order: its lines alone would fare no
                               better */
    bool applied_more;      /* is_mismatch: of some line more units were applied than sent */
    bool applied_less;      /* is_mismatch: of some line fewer */
};

/* ---- what a look found: one page of an order's fulfillments ---- */

struct provider_fulfillment {
    char fulfillment_id[256];
    char order_id[PROVIDER_ID_BYTES];
    char marker[64]; /* metadata.waybill_submission, or the second marker; "" when none is shown */
    char instance[64]; /* metadata.waybill_instance */
    char shipment_id[PROVIDER_ID_BYTES];
    char created_time[40];
    bool has_metadata; /* false: this answer showed no metadata at all: fetch it by id */
    bool has_live_mode, live_mode;
    char tracking_number[256];
    struct provider_applied *items;
    int items_count;
};

struct provider_fulfillments {
    struct provider_fulfillment *list; /* newest first; owned */
    int count;
    bool has_more;
    char next[256]; /* has_more: what asks for the next page; ids or tokens, opaque */
};

/* ---- what the gate learns ---- */

struct provider_order_item {
    char item_id[PROVIDER_ID_BYTES];
    int64_t quantity;
    char state[64];
};

/* More than a credit and a card are not known of. */
enum { PROVIDER_CHARGES_MAX = 8 };

struct provider_order {
    char order_id[PROVIDER_ID_BYTES];
    char upstream_id[PROVIDER_ID_BYTES];
    char state[64];       /* in the words above; unknown ones pass through */
    char state_since[64]; /* stateTransitions.<state>, ISO-8601 text, or "" */
    bool has_live_mode, live_mode;
    bool has_captured, has_cancelled;
    double captured_amount, cancelled_amount;
    char updated_time[64];
    char charge_ids[PROVIDER_CHARGES_MAX][256];
    int charges_count;
    bool is_to_be_forgotten; /* its customer asked for that */
    struct provider_order_item *items;
    int items_count;
};

struct provider_orders {
    struct provider_order *list; /* owned */
    int count;
    bool has_more;
};

/* ---- what a charge says ---- */

/* One capture or one release of money. */
struct provider_operation {
    char operation_id[256];
    bool is_cancel;
    char state[64]; /* the API's own word: pending, complete, failed */
    bool has_amount;
    double amount;
    char fulfillment_id[256]; /* "" when not told: of releases never */
    char failure_code[128];
    char failure_message[301];
    char time[64]; /* when it came into that state */
};

struct provider_charge {
    char charge_id[256];
    char state[64];
    bool has_amount;
    double amount;
    struct provider_operation *operations; /* owned */
    int operations_count;
};

/* ---- what the feed of events says ---- */

enum provider_event_kind {
    PROVIDER_EVENT_STATE,       /* the order came into a state */
    PROVIDER_EVENT_ASK,         /* its state changed, the event doesn't say to which: ask */
    PROVIDER_EVENT_PAYMENT,     /* money that was to move did not */
    PROVIDER_EVENT_FULFILLMENT, /* somebody made a fulfillment */
    PROVIDER_EVENT_SHIPPED,     /* a fulfiller that the API coordinates shipped */
    PROVIDER_EVENT_WITHDRAWN,   /* or cancelled */
};

/* SHIPPED, WITHDRAWN: units of one line. */
struct provider_event_item {
    char item_id[PROVIDER_ID_BYTES];
    char shipment_item_id[256]; /* SHIPPED; "" when not told */
    int64_t quantity;
};

/* Only what is needed of it: an event's payload is a whole order or charge. */
struct provider_event {
    char event_id[256];
    char type[64]; /* the API's own word */
    enum provider_event_kind kind;
    const char *what; /* static: the state; or capture, cancel, reauthorization; "" */
    char created_time[64];
    char order_id[PROVIDER_ID_BYTES];
    char state_since[64]; /* STATE: the transition's own time, "" when it isn't told */
    bool has_captured, has_cancelled;
    double captured_amount, cancelled_amount;
    char fulfillment_id[256]; /* FULFILLMENT, and the failed capture of PAYMENT; "" when not told */
    char marker[64];          /* FULFILLMENT; "" when none is shown */
    char charge_id[256];      /* PAYMENT */
    char charge_state[64];
    char failure_code[128];
    char object_id[256]; /* SHIPPED: the shipment; WITHDRAWN: the fulfillment order */
    struct provider_event_item *items;
    int items_count;
    bool has_live_mode, live_mode;
    bool is_to_be_forgotten; /* STATE, ASK: as the order says */
};

struct provider_events {
    struct provider_event *list; /* newest first; of types that we asked for; owned */
    int count;
    char first_id[256], first_time[64]; /* of the page, whatever its type; "" when it is empty */
    char last_id[256];
    char last_time[64];
    bool has_cursor; /* the id that was looked for is on it */
    bool has_more;
};

/* How a GET ended, the same for all of them. */
enum provider_read {
    PROVIDER_READ_OK,
    PROVIDER_READ_LATER,   /* 5xx, cut off, unreadable, 408: ask again; retry_after_ms when given */
    PROVIDER_READ_BLOCKED, /* 429 */
    PROVIDER_READ_KEY,     /* 401, or 403 in the API's own words */
    PROVIDER_READ_REFUSED, /* 400 or 404 and others: this question is not taken so (a batch is
                              halved, an id is unknown) */
};

struct provider_answer {
    enum provider_read read;
    int http_status;
    bool is_own_words; /* an error that the API itself words, not a gateway in front of it: who
                          refuses for the API knows nothing of its orders */
    bool
        is_unreadable; /* LATER: answered, but with what can't be read, or is larger than allowed */
    char error[512];
    enum http_distrust distrust; /* no answer came, since the server could not be trusted */
    char request_id[201];
    bool has_retry_after;
    int64_t retry_after_ms;
};

bool provider_new(struct provider **out, const char *name, const struct provider_options *options,
                  struct error *err);
void provider_free(struct provider *provider);
const struct provider_capabilities *provider_capabilities(const struct provider *provider);
/* How many lines a POST of the provider of this name takes, and not more than `most`. */
int provider_lines_max(const char *name, int most);
/* What of the transport is the API's own: how the key is shown, where its request id stands. */
void provider_transport(const struct provider *provider, struct http_options *out);

/* Build. All fail only for lack of memory or a bound. out may have been used before; its memory is
 * used again. */
bool provider_post(const struct provider *p, const struct provider_submission *s,
                   struct provider_request *out, struct error *err);
/* after: `next` of the page before, or NULL. */
bool provider_list_fulfillments(const struct provider *p, const char *order_id, const char *after,
                                struct provider_request *out, struct error *err);
bool provider_get_fulfillment(const struct provider *p, const char *fulfillment_id,
                              struct provider_request *out, struct error *err);
bool provider_ask_orders(const struct provider *p, const char *const *order_ids, int count,
                         struct provider_request *out, struct error *err);
bool provider_ask_upstream(const struct provider *p, const char *const *upstream_ids, int count,
                           struct provider_request *out, struct error *err);
/* How many of the first ids fit one question: at most orders_per_ask_max and 4 KB of them, encoded;
 * at least 1 of count > 0, since the longest id alone is always asked. More of them at once is
 * ERROR_LIMIT. */
int provider_ask_fits(const struct provider *p, const char *const *ids, int count);
/* Events since then (ISO-8601, UTC), newest first. after: last id of the page before, or NULL.
 * most: events on a page, at most page_max. */
bool provider_list_events(const struct provider *p, const char *since, const char *after, int most,
                          struct provider_request *out, struct error *err);
/* New tracking of a fulfillment; what is NULL is left as it is there. Quantities can't be changed,
 * so that sending it again is harmless. */
bool provider_update_tracking(const struct provider *p, const char *fulfillment_id,
                              const char *company, const char *number, const char *url,
                              struct provider_request *out, struct error *err);
/* A charge with its captures and releases. */
bool provider_get_charge(const struct provider *p, const char *charge_id,
                         struct provider_request *out, struct error *err);
/* A cheap authenticated GET for `check`. */
bool provider_probe(const struct provider *p, struct provider_request *out, struct error *err);

/* Read. */
void provider_read_post(const struct provider *p, const struct provider_submission *s,
                        const struct http_answer *answer, struct provider_result *out);
void provider_read_fulfillments(const struct provider *p, const struct http_answer *answer,
                                struct provider_fulfillments *out, struct provider_answer *how);
void provider_read_fulfillment(const struct provider *p, const struct http_answer *answer,
                               struct provider_fulfillments *out, struct provider_answer *how);
void provider_read_orders(const struct provider *p, const struct http_answer *answer,
                          struct provider_orders *out, struct provider_answer *how);
/* An order that can't be read is left out of a list of several: asking for it alone says so. */
/* cursor: an id to look for, NULL for none. An event without what it needs is left out: it would
 * only be a hint. */
void provider_read_events(const struct provider *p, const struct http_answer *answer,
                          const char *cursor, struct provider_events *out,
                          struct provider_answer *how);
void provider_read_charge(const struct provider *p, const struct http_answer *answer,
                          struct provider_charge *out, struct provider_answer *how);
void provider_read_plain(const struct provider *p, const struct http_answer *answer,
                         struct provider_answer *how); /* for the probe, and a tracking update */

/* The API itself says that it has no such thing as the one that was asked for. */
bool provider_is_unknown(const struct provider_answer *how);

void provider_fulfillments_free(struct provider_fulfillments *list);
void provider_orders_free(struct provider_orders *list);
void provider_events_free(struct provider_events *list);
void provider_charge_free(struct provider_charge *charge);

/* For looks that come after the answer was forgotten: what a refusal with this stored code meant
 * (PROVIDER_TAKEN, PROVIDER_PAYMENT, PROVIDER_ORDER_WAITS, else PROVIDER_REFUSED), and whether it
 * was about the order as a whole, so that splitting can't help. NULL is no code. */
enum provider_outcome provider_code_outcome(const struct provider *p, const char *error_code);
bool provider_is_order_wide(const struct provider *p, const char *error_code);

/* Unix time of an HTTP date ("Sun, 06 Nov 1994 08:49:37 GMT") in ms; false when it is none. NULL is
 * none. */
bool provider_http_date_ms(const char *text, int64_t *out_ms);

/* Retry-After: whole seconds or an HTTP date against now (unix ms), clamped to 1 s .. 600 s; absent
 * or absurd: 60 s. */
int64_t provider_retry_after_ms(const char *header, int64_t now_unix_ms);
/* The same of a head alone. A date counts from the clock that wrote it, so that ours may be wrong;
 * now_unix_ms is used where the head has none. */
int64_t provider_retry_after_early_ms(const struct http_early *early, int64_t now_unix_ms);

#endif
