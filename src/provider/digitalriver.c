#include "provider/digitalriver.h"

#include <assert.h>
#include <string.h>

#include "json/json.h"

static bool
digitalriver_header(struct provider_request *out, int index, const char *name, const char *value,
                    struct error *err)
{
    size_t bytes_max = sizeof(out->header_text[index]);
    size_t name_bytes = strlen(name);
    size_t value_bytes = strlen(value);
    char *text = out->header_text[index];

    if (name_bytes + value_bytes + sizeof(": ") > bytes_max)
        return error_set(err, ERROR_LIMIT, "header %s is longer than %zu bytes", name,
                         bytes_max - 1);
    memcpy(text, name, name_bytes);
    memcpy(text + name_bytes, ": ", 2);
    memcpy(text + name_bytes + 2, value, value_bytes + 1);
    out->headers[index] = text;
    out->headers[index + 1] = NULL;
    return true;
}

/* Version header, upstream-id and upstream-application-id: [documented] in the introduction to the
 * API's structure. The two last ones deduplicate nothing; the vendor's support can find an attempt
 * in its logs by them. */
bool
digitalriver_end(const struct provider *p, const char *marker, struct provider_request *out,
                 struct error *err)
{
    int count = 0;

    if (out->url.is_failed || out->body.is_failed)
        return error_set(err, ERROR_LIMIT, "a request of more than %zu bytes, or no memory",
                         out->body.is_failed ? out->body.bytes_max : out->url.bytes_max);
    if (out->body.used > 0 &&
        !digitalriver_header(out, count++, "Content-Type", "application/json", err))
        return false;
    if (!digitalriver_header(out, count++, "Accept", "application/json", err) ||
        !digitalriver_header(out, count++, "DigitalRiver-Version", p->options.version, err) ||
        !digitalriver_header(out, count++, "upstream-application-id", p->options.application, err))
        return false;
    return marker == NULL || digitalriver_header(out, count, "upstream-id", marker, err);
}

static void
digitalriver_write_if(struct json_writer *w, const char *key, const char *value)
{
    if (value != NULL)
        json_write_text(w, key, value);
}

/* The fields of FulfillmentRequest [documented], and none besides: the API refuses unknown ones
 * elsewhere
 * (`unknown_parameter`). Both quantities always, one possibly 0, as the vendor's B2B connector
 * sends them [seen]. Metadata are plain strings on the fulfillment itself: items have none
 * [documented]. */
static bool
digitalriver_post(const struct provider *p, const struct provider_submission *s,
                  struct provider_request *out, struct error *err)
{
    struct json_writer w;
    const char *shipment_id = s->shipment_id;

    assert(s->items_count > 0);
    if (s->items_count > DIGITALRIVER_LINES_MAX)
        return error_set(err, ERROR_LIMIT, "%d lines in one submission; at most %d", s->items_count,
                         DIGITALRIVER_LINES_MAX);
    if (shipment_id == NULL && p->options.marker_as_shipment_id)
        shipment_id = s->marker;

    provider_begin(p, "POST", "/fulfillments", out);
    json_write_init(&w, &out->body);
    json_write_object(&w, NULL);
    json_write_text(&w, "orderId", s->order_id);
    digitalriver_write_if(&w, "shipmentId", shipment_id);
    json_write_array(&w, "items");
    for (int i = 0; i < s->items_count; i++) {
        json_write_object(&w, NULL);
        json_write_text(&w, "itemId", s->items[i].item_id);
        json_write_int(&w, "quantity", s->items[i].shipped);
        json_write_int(&w, "cancelQuantity", s->items[i].cancelled);
        digitalriver_write_if(&w, "shipmentItemId", s->items[i].shipment_item_id);
        json_write_end_object(&w);
    }
    json_write_end_array(&w);
    digitalriver_write_if(&w, "trackingCompany", s->tracking_company);
    digitalriver_write_if(&w, "trackingNumber", s->tracking_number);
    digitalriver_write_if(&w, "trackingUrl", s->tracking_url);
    json_write_object(&w, "metadata");
    json_write_text(&w, DIGITALRIVER_MARKER_KEY, s->marker);
    json_write_text(&w, DIGITALRIVER_INSTANCE_KEY, p->options.instance);
    json_write_end_object(&w);
    json_write_end_object(&w);
    return digitalriver_end(p, s->marker, out, err);
}

/* [documented] newest first; the next, older page begins after the last id of this one. Metadata
 * can't be filtered by. */
static bool
digitalriver_list_fulfillments(const struct provider *p, const char *order_id, const char *after,
                               struct provider_request *out, struct error *err)
{
    provider_begin(p, "GET", "/fulfillments?orderId=", out);
    http_append_encoded(&out->url, order_id);
    (void)buffer_printf(&out->url, "&limit=%d", DIGITALRIVER_PAGE_MAX);
    if (after != NULL) {
        (void)buffer_puts(&out->url, "&startingAfter=");
        http_append_encoded(&out->url, after);
    }
    return digitalriver_end(p, NULL, out, err);
}

static bool
digitalriver_get_fulfillment(const struct provider *p, const char *fulfillment_id,
                             struct provider_request *out, struct error *err)
{
    provider_begin(p, "GET", "/fulfillments/", out);
    http_append_encoded(&out->url, fulfillment_id);
    return digitalriver_end(p, NULL, out, err);
}

/* What an id adds to the question: itself encoded, its name, '=' and '&'. */
static size_t
digitalriver_ask_bytes(const char *id)
{
    size_t bytes = sizeof("upstreamIds=&") - 1;

    for (const char *at = id; *at != '\0'; at++) {
        bool is_plain =
            (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');

        bytes += is_plain || strchr("-._~", *at) != NULL ? 1 : 3;
    }
    return bytes;
}

/* The connectors join ids with commas [seen in code]: one that holds a comma can't be asked for in
 * a list. */
static bool
digitalriver_asks_alone(const char *id)
{
    return strchr(id, ',') != NULL;
}

static int
digitalriver_ask_fits(const struct provider *p, const char *const *ids, int count)
{
    size_t bytes = 0;
    int fits = 0;

    (void)p;
    while (fits < count && fits < DIGITALRIVER_ASK_ORDERS_MAX) {
        bytes += digitalriver_ask_bytes(ids[fits]);
        if (fits > 0 && (bytes > DIGITALRIVER_ASK_BYTES_MAX || digitalriver_asks_alone(ids[fits]) ||
                         digitalriver_asks_alone(ids[0])))
            break;
        fits++;
    }
    return fits;
}

/* [documented] style form, exploded: ids=a&ids=b, and `upstreamIds` in the same way. The default
 * limit is 10, so it is always given; one upstream id may have several orders. */
static bool
digitalriver_ask(const struct provider *p, const char *name, const char *const *ids, int count,
                 struct provider_request *out, struct error *err)
{
    assert(count > 0);
    if (digitalriver_ask_fits(p, ids, count) < count)
        return error_set(err, ERROR_LIMIT, "%d ids in one question; at most %d and %d bytes", count,
                         DIGITALRIVER_ASK_ORDERS_MAX, DIGITALRIVER_ASK_BYTES_MAX);
    provider_begin(p, "GET", "/orders", out);
    (void)buffer_printf(&out->url, "?limit=%d", DIGITALRIVER_PAGE_MAX);
    for (int i = 0; i < count; i++) {
        (void)buffer_printf(&out->url, "&%s=", name);
        http_append_encoded(&out->url, ids[i]);
    }
    return digitalriver_end(p, NULL, out, err);
}

static bool
digitalriver_ask_orders(const struct provider *p, const char *const *order_ids, int count,
                        struct provider_request *out, struct error *err)
{
    if (count == 1 && digitalriver_asks_alone(order_ids[0])) {
        provider_begin(p, "GET", "/orders/", out);
        http_append_encoded(&out->url, order_ids[0]);
        return digitalriver_end(p, NULL, out, err);
    }
    return digitalriver_ask(p, "ids", order_ids, count, out, err);
}

static bool
digitalriver_ask_upstream(const struct provider *p, const char *const *upstream_ids, int count,
                          struct provider_request *out, struct error *err)
{
    return digitalriver_ask(p, "upstreamIds", upstream_ids, count, out, err);
}

/* UpdateFulfillmentRequest [documented, since 2023-09]: tracking, items and metadata; no
 * quantities, nothing is ever un-fulfilled by it. */
static bool
digitalriver_update_tracking(const struct provider *p, const char *fulfillment_id,
                             const char *company, const char *number, const char *url,
                             struct provider_request *out, struct error *err)
{
    struct json_writer w;

    provider_begin(p, "POST", "/fulfillments/", out);
    http_append_encoded(&out->url, fulfillment_id);
    json_write_init(&w, &out->body);
    json_write_object(&w, NULL);
    digitalriver_write_if(&w, "trackingCompany", company);
    digitalriver_write_if(&w, "trackingNumber", number);
    digitalriver_write_if(&w, "trackingUrl", url);
    json_write_end_object(&w);
    return digitalriver_end(p, NULL, out, err);
}

/* The resource that we need a right to; unlike orders it shows no customer. */
static bool
digitalriver_probe(const struct provider *p, struct provider_request *out, struct error *err)
{
    provider_begin(p, "GET", "/fulfillments?limit=1", out);
    return digitalriver_end(p, NULL, out, err);
}

const struct provider_methods DIGITALRIVER_METHODS = {
    .name = "digitalriver",
    .capabilities =
        {
            .key_header = "Authorization: Bearer ", /* [documented] */
            .request_id_header = "x-dr-requestid",  /* [seen] in answers */
            .has_idempotency_key = false, /* [documented] by absence: no operation takes a header */
            .list_shows_marker = true, /* [documented] by the schema; no published list shows one */
            .settle_ms_min =
                60000, /* [unknown] how late a timed-out POST may be applied; minutes */
            .orders_per_ask_max = DIGITALRIVER_ASK_ORDERS_MAX,
            .lines_per_submission_max = DIGITALRIVER_LINES_MAX,
            .page_max = DIGITALRIVER_PAGE_MAX,
        },
    .post = digitalriver_post,
    .list_fulfillments = digitalriver_list_fulfillments,
    .get_fulfillment = digitalriver_get_fulfillment,
    .ask_orders = digitalriver_ask_orders,
    .ask_upstream = digitalriver_ask_upstream,
    .ask_fits = digitalriver_ask_fits,
    .list_events = digitalriver_list_events,
    .update_tracking = digitalriver_update_tracking,
    .get_charge = digitalriver_get_charge,
    .probe = digitalriver_probe,
    .read_post = digitalriver_read_post,
    .read_fulfillments = digitalriver_read_fulfillments,
    .read_fulfillment = digitalriver_read_fulfillment,
    .read_orders = digitalriver_read_orders,
    .read_events = digitalriver_read_events,
    .read_charge = digitalriver_read_charge,
    .read_plain = digitalriver_read_plain,
    .code_outcome = digitalriver_code_outcome,
    .is_order_wide = digitalriver_is_order_wide,
};
