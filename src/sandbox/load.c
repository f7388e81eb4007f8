/* Orders from the admin's JSON. */
#include <stdlib.h>
#include <string.h>

#include "sandbox/events.h"
#include "sandbox/orders.h"

#define LOAD_LINES_MAX    10000
#define LOAD_QUANTITY_MAX 1000000000

static bool
load_line(const struct json_value *value, const char *path, struct line *line, struct error *err)
{
    const char *item_id;
    const char *sku_id = json_text(value, "skuId");
    double price;

    if (!json_need_text(value, path, "id", &item_id, err) ||
        !json_need_int(value, path, "quantity", &line->quantity, err))
        return false;
    if (line->quantity < 0 || line->quantity > LOAD_QUANTITY_MAX)
        return error_set(err, ERROR_PARSE, "%s.quantity: must be 0..%d", path, LOAD_QUANTITY_MAX);
    line->item_id = strdup(item_id);
    line->sku_id = strdup(sku_id != NULL ? sku_id : "sku_sandbox");
    if (line->item_id == NULL || line->sku_id == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a line");
    /* Some price, always the same for one id. */
    line->price_cents = 100 + (int64_t)(ident_hash(item_id) % 20000);
    if (json_number(value, "price", &price) && price >= 0 && price < 1e9)
        line->price_cents = (int64_t)(price * 100 + 0.5);
    return true;
}

static bool
load_lines(const struct json_value *value, struct order *order, struct error *err)
{
    const struct json_value *items = json_get(value, "items");
    int count = json_count(items);

    if (!json_is_array(items) || count == 0 || count > LOAD_LINES_MAX)
        return error_set(err, ERROR_PARSE, "items: must be an array of 1..%d", LOAD_LINES_MAX);
    order->lines = calloc((size_t)count, sizeof(*order->lines));
    if (order->lines == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for %d lines", count);
    for (const struct json_value *item = json_first(items); item != NULL; item = json_next(item)) {
        order->lines_count++; /* before it is filled: order_free must see what was copied */
        if (!load_line(item, "items[]", &order->lines[order->lines_count - 1], err))
            return false;
    }
    return true;
}

static bool
load_order(const struct json_value *value, struct order *order, struct error *err)
{
    const char *id;
    const char *upstream_id = json_text(value, "upstreamId");
    const char *state = json_text(value, "state");
    const char *word;

    if (!json_need_text(value, "order", "id", &id, err))
        return false;
    order->state = ORDER_ACCEPTED;
    if (state != NULL && !order_state_parse(state, &order->state))
        return error_set(err, ERROR_PARSE, "order \"%.60s\": no such state: \"%.60s\"", id, state);
    order->id = strdup(id);
    order->upstream_id = upstream_id == NULL ? NULL : strdup(upstream_id);
    if (order->id == NULL || (upstream_id != NULL && order->upstream_id == NULL))
        return error_set(err, ERROR_NOMEM, "no memory for order \"%.60s\"", id);
    word = json_text(value, "authorization");
    order->is_authorization_expired = word != NULL && strcmp(word, "expired") == 0;
    word = json_text(value, "capture");
    order->is_capture_failing = word != NULL && strcmp(word, "fail") == 0;
    order->is_capture_pending = word != NULL && strcmp(word, "pending") == 0;
    word = json_text(value, "cancel");
    order->is_cancel_failing = word != NULL && strcmp(word, "fail") == 0;
    (void)json_bool(value, "requestToBeForgotten", &order->is_to_be_forgotten);
    return load_lines(value, order, err);
}

bool
orders_load(struct sandbox *sandbox, const struct json_value *value, bool *is_known,
            struct error *err)
{
    bool ok = false;
    struct order *order = NULL;
    const char *id = json_text(value, "id");

    *is_known = id != NULL && table_get(sandbox->store.order_ids, id) != NULL;
    if (*is_known)
        return true;
    order = calloc(1, sizeof(*order));
    if (order == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for an order");
    if (!load_order(value, order, err))
        goto done;
    order->created_ms = sandbox_stamp_ms(sandbox);
    order->updated_ms = order->created_ms;
    order->since_ms[order->state] = order->created_ms;
    if (!store_add_order(&sandbox->store, order, err))
        goto done;
    if (sandbox->switches.order_events)
        orders_announce(sandbox, order);
    order = NULL; /* the store's now */
    ok = true;

done:
    order_free(order);
    return ok;
}
