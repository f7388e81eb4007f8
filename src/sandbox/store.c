#include "sandbox/store.h"

#include <stdlib.h>
#include <string.h>

static const char *const order_state_names[ORDER_STATES] = {
    "pending_payment", "in_review", "accepted", "blocked", "cancelled",
    "fulfilled",       "complete",  "returned", "dispute"};

static const char *const line_state_names[] = {"created", "fulfilled", "cancelled", "blocked",
                                               "returned"};

const char *
order_state_name(enum order_state state)
{
    return order_state_names[state];
}

bool
order_state_parse(const char *text, enum order_state *out)
{
    for (int i = 0; i < ORDER_STATES; i++) {
        if (strcmp(order_state_names[i], text) == 0) {
            *out = (enum order_state)i;
            return true;
        }
    }
    return false;
}

const char *
line_state_name(enum line_state state)
{
    return line_state_names[state];
}

int64_t
order_total_cents(const struct order *order)
{
    int64_t total = 0;

    for (int i = 0; i < order->lines_count; i++)
        total += order->lines[i].quantity * order->lines[i].price_cents;
    return total;
}

bool
store_init(struct store *store, struct error *err)
{
    memset(store, 0, sizeof(*store));
    store->order_ids = table_new();
    store->upstream_ids = table_new();
    store->markers = table_new();
    store->shipment_ids = table_new();
    if (store->order_ids == NULL || store->upstream_ids == NULL || store->markers == NULL ||
        store->shipment_ids == NULL) {
        store_free(store);
        return error_set(err, ERROR_NOMEM, "no memory for the store");
    }
    return true;
}

void
store_free(struct store *store)
{
    table_free(store->order_ids);
    table_free(store->upstream_ids);
    table_free(store->markers);
    table_free(store->shipment_ids);
    for (uint32_t i = 0; i < store->fulfillments_count; i++)
        fulfillment_free(store->fulfillments[i]);
    for (uint32_t i = 0; i < store->orders_count; i++)
        order_free(store->orders[i]);
    free(store->fulfillments);
    free(store->orders);
    for (uint32_t i = 0; i < store->events_count; i++)
        free(store->events[i].object);
    free(store->events);
    memset(store, 0, sizeof(*store));
}

/* Room for one more; the new memory, or NULL when there is no memory or count has reached max. */
static void *
store_grow(void *list, uint32_t count, uint32_t *capacity, uint32_t max, size_t bytes)
{
    uint32_t more = *capacity == 0 ? 1024 : *capacity * 2;
    void *grown;

    if (count < *capacity)
        return list;
    if (count >= max)
        return NULL;
    if (more > max)
        more = max;
    grown = realloc(list, (size_t)more * bytes);
    if (grown != NULL)
        *capacity = more;
    return grown;
}

void
order_free(struct order *order)
{
    if (order == NULL)
        return;
    for (int i = 0; i < order->lines_count; i++) {
        free(order->lines[i].item_id);
        free(order->lines[i].sku_id);
    }
    free(order->lines);
    free(order->id);
    free(order->upstream_id);
    free(order);
}

struct line *
order_line(const struct order *order, const char *item_id)
{
    for (int i = 0; i < order->lines_count; i++)
        if (strcmp(order->lines[i].item_id, item_id) == 0)
            return &order->lines[i];
    return NULL;
}

bool
store_add_order(struct store *store, struct order *order, struct error *err)
{
    struct order *twin = NULL;
    void *grown = store_grow(store->orders, store->orders_count, &store->orders_capacity,
                             STORE_ORDERS_MAX, sizeof(*store->orders));

    if (grown == NULL)
        return error_set(err, ERROR_NOMEM, "no room for more than %u orders", store->orders_count);
    store->orders = grown;
    if (order->upstream_id != NULL)
        twin = table_get(store->upstream_ids, order->upstream_id);
    order->next_upstream = twin == NULL ? STORE_NONE : twin->number;
    if (!table_reserve(store->upstream_ids) || !table_reserve(store->order_ids))
        return error_set(err, ERROR_NOMEM, "no memory for order \"%.60s\"", order->id);
    (void)table_put(store->order_ids, order->id, order);
    if (order->upstream_id != NULL)
        (void)table_put(store->upstream_ids, order->upstream_id, order);
    order->number = store->orders_count;
    order->last_fulfillment = STORE_NONE;
    store->orders[store->orders_count++] = order;
    return true;
}

void
fulfillment_free(struct fulfillment *fulfillment)
{
    if (fulfillment == NULL)
        return;
    for (int i = 0; i < fulfillment->items_count; i++)
        free(fulfillment->items[i].echo);
    free(fulfillment->items);
    free(fulfillment->echo);
    free(fulfillment->metadata);
    free(fulfillment->marker);
    free(fulfillment->shipment_id);
    free(fulfillment);
}

/* One line may stand in several items of one fulfillment. */
static bool
fulfillment_is_repeat(const struct fulfillment *fulfillment, int index)
{
    for (int i = 0; i < index; i++)
        if (fulfillment->items[i].line == fulfillment->items[index].line)
            return true;
    return false;
}

bool
store_add_fulfillment(struct store *store, struct fulfillment *fulfillment, struct error *err)
{
    struct order *order = fulfillment->order;
    void *grown =
        store_grow(store->fulfillments, store->fulfillments_count, &store->fulfillments_capacity,
                   STORE_FULFILLMENTS_MAX, sizeof(*store->fulfillments));

    if (grown == NULL)
        return error_set(err, ERROR_NOMEM, "no room for more than %u fulfillments",
                         store->fulfillments_count);
    store->fulfillments = grown;
    if (!table_reserve(store->markers) || !table_reserve(store->shipment_ids))
        return error_set(err, ERROR_NOMEM, "no memory for a fulfillment");
    if (fulfillment->marker != NULL && table_get(store->markers, fulfillment->marker) == NULL)
        (void)table_put(store->markers, fulfillment->marker, fulfillment);
    if (fulfillment->shipment_id != NULL &&
        table_get(store->shipment_ids, fulfillment->shipment_id) == NULL)
        (void)table_put(store->shipment_ids, fulfillment->shipment_id, fulfillment);
    fulfillment->number = store->fulfillments_count;
    fulfillment->previous = order->last_fulfillment;
    order->last_fulfillment = fulfillment->number;
    store->fulfillments[store->fulfillments_count++] = fulfillment;
    for (int i = 0; i < fulfillment->items_count; i++) {
        struct line *line = &order->lines[fulfillment->items[i].line];

        line->shipped += fulfillment->items[i].shipped;
        line->cancelled += fulfillment->items[i].cancelled;
        if (!fulfillment_is_repeat(fulfillment, i))
            line->posts++;
    }
    return true;
}

void
store_add_event(struct store *store, const char *type, struct order *order, uint32_t fulfillment,
                int64_t at_ms)
{
    void *grown = store_grow(store->events, store->events_count, &store->events_capacity,
                             STORE_EVENTS_MAX, sizeof(*store->events));

    if (grown == NULL)
        return;
    store->events = grown;
    store->events[store->events_count++] = (struct event){
        .type = type,
        .order = order,
        .fulfillment = fulfillment,
        .at_ms = at_ms,
        .state = order->state,
        .captured_cents = order->captured_cents,
        .cancelled_cents = order->cancelled_cents,
    };
}
