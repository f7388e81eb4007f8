/* The feed of events: which are asked for, and what of them is needed. Their payloads are whole
 * orders and charges, with names and addresses in them: nothing else of those is ever read. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "provider/digitalriver.h"

/* "Fewer than 20" may be asked for in one list [documented]. */
enum { DIGITALRIVER_EVENT_TYPES_MAX = 19 };

/* [documented] in the list of all event types. order.charge.* carries the charge, but for
 * reauth.failed, which carries the order [documented]; the others the order, or the fulfillment.
 * What succeeds with a charge is not asked for: a complete order says it. */
static const struct {
    const char *type;
    enum provider_event_kind kind;
    const char *what;
} digitalriver_events[] = {
    {"order.pending_payment", PROVIDER_EVENT_STATE, "pending_payment"},
    {"order.review_opened", PROVIDER_EVENT_STATE, "in_review"},
    {"order.accepted", PROVIDER_EVENT_STATE, "accepted"},
    {"order.blocked", PROVIDER_EVENT_STATE, "blocked"},
    {"order.cancelled", PROVIDER_EVENT_STATE, "cancelled"},
    {"order.fulfilled", PROVIDER_EVENT_STATE, "fulfilled"},
    {"order.complete", PROVIDER_EVENT_STATE, "complete"},
    {"order.dispute", PROVIDER_EVENT_STATE, "dispute"},
    {"order.dispute.resolved", PROVIDER_EVENT_ASK, ""}, /* back into its life cycle, anywhere */
    /* of a part of the order too [unknown]: its state says whether it is returned */
    {"order.refunded", PROVIDER_EVENT_ASK, ""},
    {"order.charge.capture.failed", PROVIDER_EVENT_PAYMENT, "capture"},
    {"order.charge.cancel.failed", PROVIDER_EVENT_PAYMENT, "cancel"},
    {"order.charge.reauth.failed", PROVIDER_EVENT_PAYMENT, "reauthorization"},
    {"fulfillment.created", PROVIDER_EVENT_FULFILLMENT, ""},
    /* Of the distributed model [documented]. One page of the documents says to POST on
     * fulfillment_cancellation.accepted as well: following both would cancel twice, so that one is
     * not asked for. */
    {"fulfillment_order.shipped", PROVIDER_EVENT_SHIPPED, ""},
    {"fulfillment_order.cancelled", PROVIDER_EVENT_WITHDRAWN, ""},
};

#define DIGITALRIVER_EVENTS_COUNT                                                                  \
    ((int)(sizeof(digitalriver_events) / sizeof(digitalriver_events[0])))

_Static_assert(sizeof(digitalriver_events) / sizeof(digitalriver_events[0]) <=
                   DIGITALRIVER_EVENT_TYPES_MAX,
               "the API takes fewer than 20 types");

/* Newest first; `types` is an array in form style, so it is repeated as `ids` is [documented]. */
bool
digitalriver_list_events(const struct provider *p, const char *since, const char *after, int most,
                         struct provider_request *out, struct error *err)
{
    provider_begin(p, "GET", "/events", out);
    (void)buffer_printf(&out->url, "?limit=%d", most);
    for (int i = 0; i < DIGITALRIVER_EVENTS_COUNT; i++)
        (void)buffer_printf(&out->url, "&types=%s", digitalriver_events[i].type);
    (void)buffer_puts(&out->url, "&createdTime%5Bgte%5D=");
    http_append_encoded(&out->url, since);
    if (after != NULL) {
        (void)buffer_puts(&out->url, "&startingAfter=");
        http_append_encoded(&out->url, after);
    }
    return digitalriver_end(p, NULL, out, err);
}

/* The newest failed operation of a charge. Captures name their fulfillment, cancels never do [seen:
 * not in the schema, but in the samples since 2022]. */
static void
digitalriver_read_failure(const struct json_value *charge, bool is_cancel,
                          struct provider_event *out)
{
    const char *newest = "";

    for (const struct json_value *at =
             json_first(json_get(charge, is_cancel ? "cancels" : "captures"));
         at != NULL; at = json_next(at)) {
        const char *state = json_text(at, "state");
        const char *time = json_text(at, "updatedTime");

        if (time == NULL)
            time = json_text(at, "createdTime");
        if (state == NULL || strcmp(state, "failed") != 0 ||
            (time != NULL && strcmp(time, newest) < 0))
            continue;
        newest = time != NULL ? time : newest;
        text_copy_clean(out->failure_code, sizeof(out->failure_code), json_text(at, "failureCode"));
        if (!digitalriver_copy_id(out->fulfillment_id, sizeof(out->fulfillment_id),
                                  json_text(at, "fulfillmentId")))
            out->fulfillment_id[0] = '\0';
    }
}

static const char *
digitalriver_read_payment(const struct json_value *object, const char *what,
                          struct provider_event *out)
{
    const char *order_id = json_text(object, "orderId");

    if (order_id == NULL) /* the order itself */
        return json_text(object, "id");
    text_copy_clean(out->charge_id, sizeof(out->charge_id), json_text(object, "id"));
    text_copy_clean(out->charge_state, sizeof(out->charge_state), json_text(object, "state"));
    text_copy_clean(out->failure_code, sizeof(out->failure_code), json_text(object, "failureCode"));
    digitalriver_read_failure(object, strcmp(what, "cancel") == 0, out);
    return order_id;
}

/* The order as it was when the event was made [seen in the samples]. */
static const char *
digitalriver_read_state(const struct json_value *object, const char *state,
                        struct provider_event *out)
{
    const char *shown = json_text(object, "state");

    text_copy_clean(out->state_since, sizeof(out->state_since),
                    json_text(json_get(object, "stateTransitions"), state));
    /* Amounts of a payload that shows a later state would be newer than the event. */
    if (shown != NULL && strcmp(shown, state) == 0) {
        out->has_captured = json_number(object, "capturedAmount", &out->captured_amount);
        out->has_cancelled = json_number(object, "cancelledAmount", &out->cancelled_amount);
    }
    return json_text(object, "id");
}

static const char *
digitalriver_read_created(const struct provider *p, const struct json_value *object,
                          struct provider_event *out)
{
    const struct json_value *metadata = json_get(object, "metadata");
    const char *marker = json_text(metadata, DIGITALRIVER_MARKER_KEY);

    if (!digitalriver_copy_id(out->fulfillment_id, sizeof(out->fulfillment_id),
                              json_text(object, "id")) ||
        out->fulfillment_id[0] == '\0')
        return NULL;
    if (marker == NULL && p->options.marker_as_shipment_id)
        marker = json_text(object, "shipmentId");
    if (!digitalriver_copy_id(out->marker, sizeof(out->marker), marker))
        out->marker[0] = '\0';
    return json_text(object, "orderId");
}

/* A shipment, or a fulfillment order, in the API's words for them [documented]; its ids of order
 * and lines are there only if whoever made the fulfillment order gave them. Whether `cancelled` is
 * a sum or what came since is [unknown]. */
static const char *
digitalriver_read_coordinated(const struct json_value *object, bool is_shipment,
                              struct provider_event *out)
{
    const struct json_value *items = json_get(object, "items");
    int count = json_count(items);
    const char *id = json_text(object, "id");

    if (id == NULL || id[0] == '\0' || count == 0 || count > DIGITALRIVER_READ_ITEMS_MAX ||
        !digitalriver_copy_id(out->object_id, sizeof(out->object_id), id))
        return NULL;
    out->items = calloc((size_t)count, sizeof(*out->items));
    if (out->items == NULL)
        return NULL;
    for (const struct json_value *at = json_first(items); at != NULL; at = json_next(at)) {
        struct provider_event_item *item = &out->items[out->items_count];
        const char *line =
            json_text(at, is_shipment ? "fulfillmentOrderItemUpstreamId" : "upstreamId");

        if (line == NULL || line[0] == '\0' ||
            !digitalriver_copy_id(item->item_id, sizeof(item->item_id), line) ||
            !json_int(at, is_shipment ? "quantity" : "cancelled", &item->quantity) ||
            item->quantity <= 0)
            continue;
        if (!is_shipment ||
            !digitalriver_copy_id(item->shipment_item_id, sizeof(item->shipment_item_id),
                                  json_text(at, "id")))
            item->shipment_item_id[0] = '\0';
        out->items_count++;
    }
    return json_text(object, is_shipment ? "fulfillmentOrderUpstreamId" : "upstreamId");
}

/* True when it is one that we asked for, and says all that is needed. */
static bool
digitalriver_read_event(const struct provider *p, const struct json_value *from,
                        struct provider_event *out)
{
    const struct json_value *object = json_get(json_get(from, "data"), "object");
    const char *id = json_text(from, "id");
    const char *type = json_text(from, "type");
    const char *order_id = NULL;
    int row = 0;

    if (id == NULL || id[0] == '\0' || type == NULL ||
        !digitalriver_copy_id(out->event_id, sizeof(out->event_id), id))
        return false;
    while (row < DIGITALRIVER_EVENTS_COUNT && strcmp(digitalriver_events[row].type, type) != 0)
        row++;
    if (row == DIGITALRIVER_EVENTS_COUNT)
        return false; /* a server that doesn't know `types` sends them all */
    text_copy_clean(out->type, sizeof(out->type), type);
    out->kind = digitalriver_events[row].kind;
    out->what = digitalriver_events[row].what;
    text_copy_clean(out->created_time, sizeof(out->created_time), json_text(from, "createdTime"));
    out->has_live_mode = json_bool(from, "liveMode", &out->live_mode);
    if (out->kind == PROVIDER_EVENT_STATE || out->kind == PROVIDER_EVENT_ASK)
        (void)json_bool(object, "requestToBeForgotten", &out->is_to_be_forgotten);
    switch (out->kind) {
    case PROVIDER_EVENT_STATE:
        order_id = digitalriver_read_state(object, out->what, out);
        break;
    case PROVIDER_EVENT_ASK:
        order_id = json_text(object, "id");
        break;
    case PROVIDER_EVENT_PAYMENT:
        order_id = digitalriver_read_payment(object, out->what, out);
        break;
    case PROVIDER_EVENT_FULFILLMENT:
        order_id = digitalriver_read_created(p, object, out);
        break;
    case PROVIDER_EVENT_SHIPPED:
    case PROVIDER_EVENT_WITHDRAWN:
        order_id = digitalriver_read_coordinated(object, out->kind == PROVIDER_EVENT_SHIPPED, out);
        break;
    }
    return order_id != NULL && order_id[0] != '\0' &&
           digitalriver_copy_id(out->order_id, sizeof(out->order_id), order_id);
}

static const char *
digitalriver_read_event_list(const struct provider *p, const struct json_value *data,
                             const char *cursor, struct provider_events *out)
{
    int count = json_count(data);
    int seen = 0;

    if (count == 0)
        return NULL;
    out->list = calloc((size_t)count, sizeof(*out->list));
    if (out->list == NULL)
        return "no memory for it";
    for (const struct json_value *at = json_first(data); at != NULL; at = json_next(at), seen++) {
        struct provider_event *event = &out->list[out->count];
        const char *id = json_text(at, "id");
        const char *time = json_text(at, "createdTime");

        /* Paging goes by ids: without them it would end anywhere. */
        if (id == NULL || id[0] == '\0' ||
            !digitalriver_copy_id(out->last_id, sizeof(out->last_id), id))
            return "an event without an id, or a longer one than allowed";
        text_copy_clean(out->last_time, sizeof(out->last_time), time);
        if (seen == 0) {
            memcpy(out->first_id, out->last_id, sizeof(out->first_id));
            memcpy(out->first_time, out->last_time, sizeof(out->first_time));
        }
        out->has_cursor = out->has_cursor || (cursor != NULL && strcmp(cursor, id) == 0);
        if (digitalriver_read_event(p, at, event)) {
            out->count++;
        } else {
            free(event->items);
            *event = (struct provider_event){.what = ""};
        }
    }
    return NULL;
}

void
digitalriver_read_events(const struct provider *p, const struct http_answer *answer,
                         const char *cursor, struct provider_events *out,
                         struct provider_answer *how)
{
    struct json_doc *doc = NULL;
    const struct json_value *data;
    const char *problem;

    *out = (struct provider_events){0};
    digitalriver_begin_read(answer, how, &doc);
    if (doc == NULL)
        return;
    data = json_get(json_root(doc), "data");
    problem = digitalriver_page_problem(json_root(doc), data, &out->has_more);
    if (problem == NULL)
        problem = digitalriver_read_event_list(p, data, cursor, out);
    if (problem != NULL) {
        provider_events_free(out);
        digitalriver_unreadable(how, problem);
    }
    json_free(doc);
}
