#include "sandbox/charges.h"

#include <string.h>

#include "sandbox/answer.h"

void
charges_operation_id(const struct sandbox *sandbox, uint32_t fulfillment, int item, bool is_cancel,
                     char out[IDENT_UUID_BYTES])
{
    uint64_t mixed = ident_mix(((uint64_t)fulfillment << 20) + (uint64_t)item * 2 + is_cancel);

    ident_uuid((uint64_t)sandbox->options->seed, IDENT_OPERATION, (uint32_t)mixed, out);
}

static const char *
charges_operation_state(enum operation_state state)
{
    switch (state) {
    case OPERATION_COMPLETE:
        return "complete";
    case OPERATION_FAILED:
        return "failed";
    case OPERATION_NONE:
    case OPERATION_PENDING:
        break;
    }
    return "pending";
}

static void
charges_write_operation(const struct sandbox *sandbox, struct json_writer *w,
                        const struct fulfillment *fulfillment, int index, bool is_cancel)
{
    const struct fulfillment_item *item = &fulfillment->items[index];
    enum operation_state state = is_cancel ? item->cancel : item->capture;
    int64_t units = is_cancel ? item->cancelled : item->shipped;
    int64_t cents = fulfillment->order->lines[item->line].price_cents * units;
    char id[IDENT_UUID_BYTES];
    char at[IDENT_TIME_BYTES];

    charges_operation_id(sandbox, fulfillment->number, index, is_cancel, id);
    json_write_object(w, NULL);
    json_write_text(w, "id", id);
    sandbox_time_text(sandbox, fulfillment->created_ms, at);
    json_write_text(w, "createdTime", at);
    if (item->settled_ms != 0) {
        sandbox_time_text(sandbox, item->settled_ms, at);
        json_write_text(w, "updatedTime", at);
    }
    json_write_number(w, "amount", (double)cents / 100);
    json_write_text(w, "state", charges_operation_state(state));
    if (state == OPERATION_FAILED) {
        json_write_text(w, "failureCode", "failed-request");
        json_write_text(w, "failureMessage", "The authorization has expired.");
    }
    /* Since 2022 a capture names its fulfillment; a cancel never did. */
    if (!is_cancel) {
        char ful[IDENT_UUID_BYTES + 4] = "ful_";

        ident_uuid((uint64_t)sandbox->options->seed, IDENT_FULFILLMENT, fulfillment->number,
                   ful + 4);
        json_write_text(w, "fulfillmentId", ful);
    }
    json_write_end_object(w);
}

/* Returns whether there was any. */
static bool
charges_write_operations(const struct sandbox *sandbox, struct json_writer *w,
                         const struct order *order, bool is_cancel)
{
    bool has_any = false;

    json_write_array(w, is_cancel ? "cancels" : "captures");
    for (uint32_t i = order->last_fulfillment; i != STORE_NONE;) {
        const struct fulfillment *fulfillment = sandbox->store.fulfillments[i];

        for (int j = 0; j < fulfillment->items_count; j++) {
            if ((is_cancel ? fulfillment->items[j].cancelled : fulfillment->items[j].shipped) == 0)
                continue;
            charges_write_operation(sandbox, w, fulfillment, j, is_cancel);
            has_any = true;
        }
        i = fulfillment->previous;
    }
    json_write_end_array(w);
    return has_any;
}

static const char *
charges_state(enum order_state state)
{
    switch (state) {
    case ORDER_PENDING_PAYMENT:
        return "pending";
    case ORDER_COMPLETE:
    case ORDER_RETURNED:
        return "complete";
    case ORDER_CANCELLED:
        return "cancelled";
    default:
        return "capturable";
    }
}

void
charges_write(const struct sandbox *sandbox, struct json_writer *w, const char *key,
              const struct order *order, enum order_state state)
{
    uint64_t seed = (uint64_t)sandbox->options->seed;
    char id[IDENT_UUID_BYTES];
    char at[IDENT_TIME_BYTES];
    bool is_captured;

    json_write_object(w, key);
    ident_uuid(seed, IDENT_CHARGE, order->number, id);
    json_write_text(w, "id", id);
    sandbox_time_text(sandbox, order->created_ms, at);
    json_write_text(w, "createdTime", at);
    json_write_text(w, "currency", "USD");
    json_write_number(w, "amount", (double)order_total_cents(order) / 100);
    json_write_text(w, "state", charges_state(state));
    json_write_text(w, "orderId", order->id);
    ident_uuid(seed, IDENT_OTHER, order->number, id);
    json_write_text(w, "sourceId", id);
    is_captured = charges_write_operations(sandbox, w, order, false);
    /* True even when the only capture failed: so the documents' samples have it. */
    json_write_bool(w, "captured", is_captured);
    (void)charges_write_operations(sandbox, w, order, true);
    json_write_array(w, "refunds");
    json_write_end_array(w);
    json_write_bool(w, "refunded", state == ORDER_RETURNED);
    json_write_text(w, "type", "customer_initiated");
    json_write_bool(w, "liveMode", sandbox->options->is_live);
    json_write_end_object(w);
}

void
charges_get(struct sandbox *sandbox, const char *id, struct answer *answer)
{
    uint32_t number;
    struct json_writer w;

    if (!ident_uuid_number((uint64_t)sandbox->options->seed, IDENT_CHARGE, id,
                           sandbox->store.orders_count, &number)) {
        (void)answer_error(answer, 404, "not_found", "id", "Charge '%s' was not found.", id);
        return;
    }
    json_write_init(&w, &answer->body);
    charges_write(sandbox, &w, NULL, sandbox->store.orders[number],
                  sandbox->store.orders[number]->state);
}
