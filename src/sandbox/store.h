/*
 * store — the orders, fulfillments and events that the sandbox knows, in memory.
 *
 * Everything has a number, counted from 0 in order of time; ids of fulfillments and
 * events are made from it. Nothing is removed before the whole store is freed.
 */
#ifndef SANDBOX_STORE_H
#define SANDBOX_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sandbox/table.h"

#define STORE_ORDERS_MAX       4000000u
#define STORE_FULFILLMENTS_MAX 16000000u
#define STORE_EVENTS_MAX       64000000u
#define STORE_NONE             UINT32_MAX

enum order_state {
    ORDER_PENDING_PAYMENT,
    ORDER_IN_REVIEW,
    ORDER_ACCEPTED,
    ORDER_BLOCKED,
    ORDER_CANCELLED,
    ORDER_FULFILLED,
    ORDER_COMPLETE,
    ORDER_RETURNED,
    ORDER_DISPUTE,
    ORDER_STATES,
};

enum line_state { LINE_CREATED, LINE_FULFILLED, LINE_CANCELLED, LINE_BLOCKED, LINE_RETURNED };

/* A capture or a cancel, one for each line of a fulfillment and kind. */
enum operation_state { OPERATION_NONE, OPERATION_PENDING, OPERATION_COMPLETE, OPERATION_FAILED };

struct line {
    char *item_id;
    char *sku_id;
    int64_t quantity;
    int64_t price_cents;
    int64_t shipped;   /* applied, whatever the order's state shows yet */
    int64_t cancelled; /* applied */
    int64_t posts;     /* fulfillments that touched it */
    enum line_state state;
};

struct order {
    uint32_t number;
    uint32_t last_fulfillment; /* the newest, STORE_NONE */
    uint32_t next_upstream;    /* another order with the same upstreamId */
    int lines_count;
    int posts_open; /* requests that are not answered yet */
    enum order_state state;
    bool is_authorization_expired;
    bool is_capture_failing;
    bool is_capture_pending;
    bool is_cancel_failing;
    bool is_to_be_forgotten;
    char *id;
    char *upstream_id; /* NULL for none */
    struct line *lines;
    int64_t created_ms;
    int64_t updated_ms;
    int64_t since_ms[ORDER_STATES]; /* 0: never */
    int64_t captured_cents;
    int64_t cancelled_cents;
};

struct fulfillment_item {
    int line;
    int64_t shipped;
    int64_t cancelled;
    char *echo; /* a JSON object: the fields that are given back as they came */
    enum operation_state capture;
    enum operation_state cancel;
    int64_t settled_ms;
};

struct fulfillment {
    uint32_t number;
    uint32_t previous; /* of the same order, older; STORE_NONE */
    struct order *order;
    int64_t created_ms;
    int64_t visible_ms; /* in lists */
    int items_count;
    bool is_foreign;
    struct fulfillment_item *items;
    char *echo;        /* a JSON object: shipmentId, tracking, currency, partnerId */
    char *metadata;    /* a JSON object; NULL for none */
    char *marker;      /* metadata.waybill_submission; NULL for none */
    char *shipment_id; /* NULL for none */
};

struct event {
    const char *type; /* static */
    struct order *order;
    uint32_t fulfillment; /* STORE_NONE */
    int64_t at_ms;
    enum order_state state; /* what the payload shows: as it was then */
    int64_t captured_cents;
    int64_t cancelled_cents;
    char *object; /* JSON, of an event made by hand; NULL: made from the order */
};

struct store {
    struct order **orders;
    uint32_t orders_count, orders_capacity;
    struct fulfillment **fulfillments;
    uint32_t fulfillments_count, fulfillments_capacity;
    struct event *events;
    uint32_t events_count, events_capacity;
    struct table *order_ids;
    struct table *upstream_ids; /* the newest order of each */
    struct table *markers;      /* the first fulfillment of each */
    struct table *shipment_ids; /* the first fulfillment of each */
};

bool store_init(struct store *store, struct error *err);
void store_free(struct store *store);

/* Takes the order over and gives it its number. */
bool store_add_order(struct store *store, struct order *order, struct error *err);
void order_free(struct order *order); /* NULL is fine */
struct line *order_line(const struct order *order, const char *item_id);

/* Takes the fulfillment over, gives it its number and adds its units to the lines. */
bool store_add_fulfillment(struct store *store, struct fulfillment *fulfillment, struct error *err);
void fulfillment_free(struct fulfillment *fulfillment); /* NULL is fine */

/* One that finds no room is left out: the feed then misses it, as a feed of 30 days would. */
void store_add_event(struct store *store, const char *type, struct order *order,
                     uint32_t fulfillment, int64_t at_ms);

const char *order_state_name(enum order_state state);
bool order_state_parse(const char *text, enum order_state *out);
const char *line_state_name(enum line_state state);

int64_t order_total_cents(const struct order *order);

#endif
