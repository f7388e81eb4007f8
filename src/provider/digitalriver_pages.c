#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "provider/digitalriver.h"

enum { DIGITALRIVER_UUID_BYTES = 36 };

/* What a status means for a question. First match wins; what no row names is asked again later. */
static const struct {
    int from, to;
    enum provider_read read;
    bool needs_envelope;
} digitalriver_reads[] = {
    {200, 200, PROVIDER_READ_OK, false}, /* if the body bears it out */
    {401, 401, PROVIDER_READ_KEY, false},     {403, 403, PROVIDER_READ_KEY, true},
    {403, 403, PROVIDER_READ_LATER, false}, /* a firewall in front */
    {408, 408, PROVIDER_READ_LATER, false},   {429, 429, PROVIDER_READ_BLOCKED, false},
    {400, 499, PROVIDER_READ_REFUSED, false}, /* a wrong id may be 400 or 404 [unknown] */
};

static enum provider_read
digitalriver_classify_read(int status, bool is_envelope)
{
    for (size_t i = 0; i < sizeof(digitalriver_reads) / sizeof(digitalriver_reads[0]); i++) {
        if (status >= digitalriver_reads[i].from && status <= digitalriver_reads[i].to &&
            (is_envelope || !digitalriver_reads[i].needs_envelope))
            return digitalriver_reads[i].read;
    }
    return PROVIDER_READ_LATER;
}

/* A body that says something else than its status: whatever it was, it is no basis for a decision.
 */
void
digitalriver_unreadable(struct provider_answer *how, const char *what)
{
    how->read = PROVIDER_READ_LATER;
    how->is_unreadable = true;
    (void)snprintf(how->error, sizeof(how->error), "the answer can't be read: %s", what);
    text_trim_cut(how->error);
}

/* Fills how; *doc stays NULL unless the answer is a readable 200. */
void
digitalriver_begin_read(const struct http_answer *answer, struct provider_answer *how,
                        struct json_doc **doc)
{
    struct json_doc *parsed = NULL;
    struct error problem = {0};
    struct digitalriver_error error;
    char code[128];
    char message[300];

    *how = (struct provider_answer){.read = PROVIDER_READ_LATER, .http_status = answer->status};
    text_copy_clean(how->request_id, sizeof(how->request_id), answer->request_id);
    if (answer->fact != HTTP_ANSWERED) {
        text_copy_clean(how->error, sizeof(how->error), answer->error);
        how->distrust = answer->distrust;
        how->is_unreadable = answer->is_oversize;
        return;
    }
    how->has_retry_after = provider_retry_after(answer, &how->retry_after_ms);
    (void)json_parse_mended(answer->body, answer->body_bytes, &parsed, &problem);
    digitalriver_read_error(parsed == NULL ? NULL : json_root(parsed), &error);
    how->read = digitalriver_classify_read(answer->status, error.is_envelope);
    how->is_own_words = error.is_envelope;
    if (how->read == PROVIDER_READ_OK && parsed != NULL) {
        *doc = parsed;
        return;
    }
    if (how->read == PROVIDER_READ_OK) {
        digitalriver_unreadable(how, problem.message);
    } else {
        text_copy_clean(code, sizeof(code), error.code);
        text_copy_clean(message, sizeof(message), error.message);
        (void)snprintf(how->error, sizeof(how->error), "status %d%s%s%s%s", answer->status,
                       code[0] != '\0' ? " " : "", code, message[0] != '\0' ? ": " : "", message);
    }
    json_free(parsed);
}

void
digitalriver_read_plain(const struct provider *p, const struct http_answer *answer,
                        struct provider_answer *how)
{
    struct json_doc *doc = NULL;

    (void)p;
    digitalriver_begin_read(answer, how, &doc);
    if (doc != NULL && !json_is_object(json_root(doc)))
        digitalriver_unreadable(how, "it is no object");
    json_free(doc);
}

bool
digitalriver_copy_id(char *out, size_t out_bytes, const char *id)
{
    size_t bytes = id == NULL ? 0 : strlen(id);

    if (bytes >= out_bytes)
        return false;
    if (bytes > 0)
        memcpy(out, id, bytes);
    out[bytes] = '\0';
    return true;
}

/* Absent and null are 0, as the schema allows; anything else must be a whole number, and no
 * fulfillment takes units back. */
static bool
digitalriver_copy_units(const struct json_value *object, const char *key, int64_t *out)
{
    *out = 0;
    return json_get(object, key) == NULL || (json_int(object, key, out) && *out >= 0);
}

static bool
digitalriver_has_bool(const struct json_value *object, const char *key, bool *out)
{
    *out = false;
    return json_bool(object, key, out);
}

/* ---- fulfillments ---- */

/* An array of items, with memory for as many, taken off the budget of a page; false when it is none
 * or too long. No array is none. */
static bool
digitalriver_make_items(const struct json_value *items, size_t item_bytes, int *budget, void **out)
{
    int count = json_count(items);

    if ((items != NULL && !json_is_array(items)) || count > *budget)
        return false;
    *budget -= count;
    *out = count == 0 ? NULL : calloc((size_t)count, item_bytes);
    return count == 0 || *out != NULL;
}

/* A line posted by SKU has no itemId [seen in the 2020 collection]: it is kept, as a line without a
 * name. */
static bool
digitalriver_read_applied(const struct json_value *items, struct provider_fulfillment *out,
                          int *budget)
{
    void *made;

    if (!digitalriver_make_items(items, sizeof(*out->items), budget, &made))
        return false;
    out->items = made;
    for (const struct json_value *at = json_first(items); at != NULL; at = json_next(at)) {
        struct provider_applied *item = &out->items[out->items_count];
        const struct json_value *id = json_get(at, "itemId");

        if (!json_is_object(at) || (id != NULL && json_as_text(id) == NULL) ||
            !digitalriver_copy_id(item->item_id, sizeof(item->item_id), json_as_text(id)) ||
            !digitalriver_copy_units(at, "quantity", &item->shipped) ||
            !digitalriver_copy_units(at, "cancelQuantity", &item->cancelled))
            return false;
        out->items_count++;
    }
    return true;
}

/* A value too long for a marker is somebody else's, not one of ours that was cut. */
static void
digitalriver_copy_marker(char *out, size_t out_bytes, const char *text)
{
    if (!digitalriver_copy_id(out, out_bytes, text))
        out[0] = '\0';
}

static bool
digitalriver_is_uuid(const char *text)
{
    if (strlen(text) != DIGITALRIVER_UUID_BYTES)
        return false;
    for (int i = 0; i < DIGITALRIVER_UUID_BYTES; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (is_dash ? text[i] != '-' : strchr("0123456789abcdefABCDEF", text[i]) == NULL)
            return false;
    }
    return true;
}

/* Schema Fulfillment [documented]: id, orderId, items, metadata, liveMode, shipmentId, createdTime,
 * tracking. NULL when it was read, else what is wrong. */
static const char *
digitalriver_read_one(const struct provider *p, const struct json_value *from,
                      struct provider_fulfillment *out, int *budget)
{
    const char *id = json_text(from, "id");
    const char *order_id = json_text(from, "orderId");
    const struct json_value *metadata = json_get(from, "metadata");

    if (!json_is_object(from))
        return "a fulfillment is no object";
    if (id == NULL || id[0] == '\0' ||
        !digitalriver_copy_id(out->fulfillment_id, sizeof(out->fulfillment_id), id))
        return "a fulfillment has no id, or a longer one than allowed";
    if (order_id == NULL || !digitalriver_copy_id(out->order_id, sizeof(out->order_id), order_id))
        return "a fulfillment has no order id, or a longer one than allowed";
    if (!digitalriver_copy_id(out->shipment_id, sizeof(out->shipment_id),
                              json_text(from, "shipmentId")))
        return "a fulfillment has a longer shipment id than allowed";
    if (!digitalriver_read_applied(json_get(from, "items"), out, budget))
        return "the items of a fulfillment";
    out->has_metadata = metadata != NULL;
    digitalriver_copy_marker(out->marker, sizeof(out->marker),
                             json_text(metadata, DIGITALRIVER_MARKER_KEY));
    digitalriver_copy_marker(out->instance, sizeof(out->instance),
                             json_text(metadata, DIGITALRIVER_INSTANCE_KEY));
    if (out->marker[0] == '\0' && p->options.marker_as_shipment_id &&
        digitalriver_is_uuid(out->shipment_id))
        digitalriver_copy_marker(out->marker, sizeof(out->marker), out->shipment_id);
    out->has_live_mode = digitalriver_has_bool(from, "liveMode", &out->live_mode);
    text_copy_clean(out->created_time, sizeof(out->created_time), json_text(from, "createdTime"));
    text_copy_clean(out->tracking_number, sizeof(out->tracking_number),
                    json_text(from, "trackingNumber"));
    return NULL;
}

/* {hasMore, data[]}, at most 100 objects [documented]. A page without hasMore might be cut, one
 * that promises more and shows nothing leads nowhere: neither is a page. NULL when it is one. */
const char *
digitalriver_page_problem(const struct json_value *root, const struct json_value *data,
                          bool *has_more)
{
    if (!json_is_object(root) || !json_is_array(data))
        return "it has no list of data";
    if (!json_bool(root, "hasMore", has_more))
        return "it does not say whether there is more";
    if (json_count(data) > DIGITALRIVER_PAGE_MAX)
        return "more objects on a page than there can be";
    if (*has_more && json_count(data) == 0)
        return "it promises more and shows nothing";
    return NULL;
}

static const char *
digitalriver_read_list(const struct provider *p, const struct json_value *first, int count,
                       struct provider_fulfillments *out)
{
    int budget = DIGITALRIVER_READ_ITEMS_MAX;

    if (count == 0)
        return NULL;
    out->list = calloc((size_t)count, sizeof(*out->list));
    if (out->list == NULL)
        return "no memory for it";
    for (const struct json_value *at = first; out->count < count; at = json_next(at)) {
        /* Counted first, so that its items are freed with it. */
        const char *problem = digitalriver_read_one(p, at, &out->list[out->count++], &budget);

        if (problem != NULL)
            return problem;
    }
    return NULL;
}

static void
digitalriver_end_fulfillments(struct provider_fulfillments *out, struct provider_answer *how,
                              const char *problem)
{
    if (problem == NULL)
        return;
    provider_fulfillments_free(out);
    digitalriver_unreadable(how, problem);
}

void
digitalriver_read_fulfillments(const struct provider *p, const struct http_answer *answer,
                               struct provider_fulfillments *out, struct provider_answer *how)
{
    struct json_doc *doc = NULL;
    const struct json_value *data;
    const char *problem;

    *out = (struct provider_fulfillments){0};
    digitalriver_begin_read(answer, how, &doc);
    if (doc == NULL)
        return;
    data = json_get(json_root(doc), "data");
    problem = digitalriver_page_problem(json_root(doc), data, &out->has_more);
    if (problem == NULL)
        problem = digitalriver_read_list(p, json_first(data), json_count(data), out);
    if (problem == NULL && out->count > 0)
        memcpy(out->next, out->list[out->count - 1].fulfillment_id, sizeof(out->next));
    digitalriver_end_fulfillments(out, how, problem);
    json_free(doc);
}

/* GET /fulfillments/{id} answers a FulfillmentOrder: a Fulfillment and the order's details
 * [documented]. */
void
digitalriver_read_fulfillment(const struct provider *p, const struct http_answer *answer,
                              struct provider_fulfillments *out, struct provider_answer *how)
{
    struct json_doc *doc = NULL;

    *out = (struct provider_fulfillments){0};
    digitalriver_begin_read(answer, how, &doc);
    if (doc == NULL)
        return;
    digitalriver_end_fulfillments(out, how, digitalriver_read_list(p, json_root(doc), 1, out));
    json_free(doc);
}

/* ---- orders ---- */

static bool
digitalriver_read_order_items(const struct json_value *items, struct provider_order *out,
                              int *budget)
{
    void *made;

    if (!digitalriver_make_items(items, sizeof(*out->items), budget, &made))
        return false;
    out->items = made;
    for (const struct json_value *at = json_first(items); at != NULL; at = json_next(at)) {
        struct provider_order_item *item = &out->items[out->items_count];
        const char *id = json_text(at, "id");

        if (id == NULL || !digitalriver_copy_id(item->item_id, sizeof(item->item_id), id) ||
            !digitalriver_copy_units(at, "quantity", &item->quantity))
            return false;
        text_copy_clean(item->state, sizeof(item->state), json_text(at, "state"));
        out->items_count++;
    }
    return true;
}

/* Schema Order [documented]; of its many fields only those without a person in them. */
static bool
digitalriver_read_order(const struct json_value *from, struct provider_order *out, int *budget)
{
    const char *id = json_text(from, "id");
    const char *state = json_text(from, "state");

    if (id == NULL || id[0] == '\0' || state == NULL || strlen(state) >= sizeof(out->state) ||
        !digitalriver_copy_id(out->order_id, sizeof(out->order_id), id) ||
        !digitalriver_copy_id(out->upstream_id, sizeof(out->upstream_id),
                              json_text(from, "upstreamId")) ||
        !digitalriver_read_order_items(json_get(from, "items"), out, budget))
        return false;
    text_copy_clean(out->state, sizeof(out->state), state);
    text_copy_clean(out->state_since, sizeof(out->state_since),
                    json_text(json_get(from, "stateTransitions"), state));
    out->has_live_mode = digitalriver_has_bool(from, "liveMode", &out->live_mode);
    out->has_captured = json_number(from, "capturedAmount", &out->captured_amount);
    out->has_cancelled = json_number(from, "cancelledAmount", &out->cancelled_amount);
    text_copy_clean(out->updated_time, sizeof(out->updated_time), json_text(from, "updatedTime"));
    digitalriver_read_charge_ids(from, out);
    /* [documented] "a user placing an order has requested this order be forgotten" */
    (void)json_bool(from, "requestToBeForgotten", &out->is_to_be_forgotten);
    return true;
}

/* One order that can't be read must not hide the others of its page; those who ask for it alone are
 * told. */
static const char *
digitalriver_read_order_list(const struct json_value *data, struct provider_orders *out)
{
    int budget = DIGITALRIVER_READ_ITEMS_MAX;
    int count = json_count(data);

    if (count == 0)
        return NULL;
    out->list = calloc((size_t)count, sizeof(*out->list));
    if (out->list == NULL)
        return "no memory for it";
    for (const struct json_value *at = json_first(data); at != NULL; at = json_next(at)) {
        struct provider_order *order = &out->list[out->count];

        if (digitalriver_read_order(at, order, &budget)) {
            out->count++;
        } else {
            free(order->items);
            *order = (struct provider_order){0};
        }
    }
    return out->count == 0 ? "an order without id, state or readable items" : NULL;
}

/* GET /orders/{id} answers with the order itself. */
static const char *
digitalriver_read_single_order(const struct json_value *root, struct provider_orders *out)
{
    int budget = DIGITALRIVER_READ_ITEMS_MAX;

    out->list = calloc(1, sizeof(*out->list));
    if (out->list == NULL)
        return "no memory for it";
    out->count = 1;
    return digitalriver_read_order(root, &out->list[0], &budget)
               ? NULL
               : "an order without id, state or readable items";
}

void
digitalriver_read_orders(const struct provider *p, const struct http_answer *answer,
                         struct provider_orders *out, struct provider_answer *how)
{
    struct json_doc *doc = NULL;
    const struct json_value *data;
    const char *problem;

    (void)p;
    *out = (struct provider_orders){0};
    digitalriver_begin_read(answer, how, &doc);
    if (doc == NULL)
        return;
    data = json_get(json_root(doc), "data");
    if (data == NULL && json_text(json_root(doc), "id") != NULL) {
        problem = digitalriver_read_single_order(json_root(doc), out);
    } else {
        problem = digitalriver_page_problem(json_root(doc), data, &out->has_more);
        if (problem == NULL)
            problem = digitalriver_read_order_list(data, out);
    }
    if (problem != NULL) {
        provider_orders_free(out);
        digitalriver_unreadable(how, problem);
    }
    json_free(doc);
}
