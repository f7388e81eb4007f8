/* How an order's state moves: by hand, or after a fulfillment was applied. */
#include <string.h>

#include "sandbox/events.h"
#include "sandbox/orders.h"

static const char *const state_events[ORDER_STATES] = {
    "order.pending_payment", "order.review_opened", "order.accepted",
    "order.blocked",         "order.cancelled",     "order.fulfilled",
    "order.complete",        "order.refunded",      "order.dispute"};

void
orders_announce(struct sandbox *sandbox, struct order *order)
{
    events_add(sandbox, state_events[order->state], order, NULL);
}

static void
lifecycle_set(struct sandbox *sandbox, struct order *order, enum order_state state)
{
    order->state = state;
    order->updated_ms = sandbox_stamp_ms(sandbox);
    order->since_ms[state] = order->updated_ms;
    orders_announce(sandbox, order);
}

/* By hand a state takes the lines along that have none of their own yet. */
static void
lifecycle_set_lines(struct order *order, enum order_state state)
{
    for (int i = 0; i < order->lines_count; i++) {
        struct line *line = &order->lines[i];

        if (state == ORDER_RETURNED)
            line->state = LINE_RETURNED;
        else if (line->state != LINE_CREATED)
            continue;
        else if (state == ORDER_CANCELLED)
            line->state = LINE_CANCELLED;
        else if (state == ORDER_BLOCKED)
            line->state = LINE_BLOCKED;
        else if (state == ORDER_FULFILLED || state == ORDER_COMPLETE)
            line->state = LINE_FULFILLED;
    }
}

/* The second step: all that was to be captured is captured. */
static void
lifecycle_complete(void *owner, void *item)
{
    struct sandbox *sandbox = owner;
    struct order *order = item;

    if (order->state != ORDER_FULFILLED)
        return; /* moved by hand meanwhile */
    for (uint32_t i = order->last_fulfillment; i != STORE_NONE;) {
        const struct fulfillment *fulfillment = sandbox->store.fulfillments[i];

        for (int j = 0; j < fulfillment->items_count; j++)
            if (fulfillment->items[j].capture == OPERATION_FAILED ||
                fulfillment->items[j].capture == OPERATION_PENDING)
                return; /* fulfilled, but never paid for: it stays so */
        i = fulfillment->previous;
    }
    lifecycle_set(sandbox, order, ORDER_COMPLETE);
    events_add(sandbox, "order.charge.complete", order, NULL);
}

static void
lifecycle_settle_capture(struct sandbox *sandbox, struct fulfillment *fulfillment,
                         struct fulfillment_item *item)
{
    struct order *order = fulfillment->order;
    const char *event = "order.charge.capture.complete";

    item->capture = OPERATION_COMPLETE;
    if (order->is_capture_pending) {
        item->capture = OPERATION_PENDING;
        event = "order.charge.capture.pending";
    } else if (order->is_capture_failing) {
        item->capture = OPERATION_FAILED;
        event = "order.charge.capture.failed";
    } else {
        order->captured_cents += item->shipped * order->lines[item->line].price_cents;
    }
    events_add(sandbox, event, order, fulfillment);
}

static void
lifecycle_settle_cancel(struct sandbox *sandbox, struct fulfillment *fulfillment,
                        struct fulfillment_item *item)
{
    struct order *order = fulfillment->order;

    item->cancel = order->is_cancel_failing ? OPERATION_FAILED : OPERATION_COMPLETE;
    if (item->cancel == OPERATION_COMPLETE)
        order->cancelled_cents += item->cancelled * order->lines[item->line].price_cents;
    events_add(sandbox,
               item->cancel == OPERATION_COMPLETE ? "order.charge.cancel.complete"
                                                  : "order.charge.cancel.failed",
               order, fulfillment);
}

static void
lifecycle_settle_item(struct sandbox *sandbox, struct fulfillment *fulfillment,
                      struct fulfillment_item *item)
{
    struct line *line = &fulfillment->order->lines[item->line];

    item->settled_ms = sandbox_stamp_ms(sandbox);
    if (item->shipped > 0)
        lifecycle_settle_capture(sandbox, fulfillment, item);
    if (item->cancelled > 0)
        lifecycle_settle_cancel(sandbox, fulfillment, item);
    /* A line of which some were shipped and the rest cancelled ends as fulfilled. */
    if (line->state == LINE_CREATED && line->shipped + line->cancelled >= line->quantity)
        line->state = line->shipped > 0 ? LINE_FULFILLED : LINE_CANCELLED;
}

static void
lifecycle_complete_later(struct sandbox *sandbox, struct order *order)
{
    (void)timers_add(sandbox->timers, sandbox_now_ms(sandbox) + sandbox->switches.state_lag_ms,
                     lifecycle_complete, NULL, sandbox, order);
}

/* Fulfilled or cancelled when every line is. */
static void
lifecycle_advance(struct sandbox *sandbox, struct order *order)
{
    bool has_shipped = false;

    for (int i = 0; i < order->lines_count; i++) {
        if (order->lines[i].state == LINE_CREATED)
            return;
        has_shipped = has_shipped || order->lines[i].state == LINE_FULFILLED;
    }
    if (has_shipped) {
        lifecycle_set(sandbox, order, ORDER_FULFILLED);
        lifecycle_complete_later(sandbox, order);
    } else {
        events_add(sandbox, "order.charge.cancelled", order, NULL);
        lifecycle_set(sandbox, order, ORDER_CANCELLED);
    }
}

/* The first step: captures, lines, and the order when all of its lines are done. */
static void
lifecycle_settle(void *owner, void *item)
{
    struct sandbox *sandbox = owner;
    struct fulfillment *fulfillment = item;
    struct order *order = fulfillment->order;

    for (int i = 0; i < fulfillment->items_count; i++)
        lifecycle_settle_item(sandbox, fulfillment, &fulfillment->items[i]);
    order->updated_ms = sandbox_stamp_ms(sandbox);
    if (order->state == ORDER_ACCEPTED)
        lifecycle_advance(sandbox, order);
    else if (order->state == ORDER_FULFILLED)
        lifecycle_complete_later(sandbox, order); /* the last capture came after the last line */
}

void
orders_move(struct sandbox *sandbox, struct order *order, enum order_state state)
{
    if (order->state == ORDER_DISPUTE && state != ORDER_DISPUTE)
        events_add(sandbox, "order.dispute.resolved", order, NULL);
    if (order->state == ORDER_IN_REVIEW && state != ORDER_IN_REVIEW)
        events_add(sandbox, "order.review_closed", order, NULL);
    lifecycle_set_lines(order, state);
    lifecycle_set(sandbox, order, state);
    /* Back from a dispute that its last parcel fell into. */
    if (state == ORDER_ACCEPTED)
        lifecycle_advance(sandbox, order);
}

/* As the API does by itself for up to 30 days: what failed or is pending is tried again. */
void
orders_retry_money(struct sandbox *sandbox, struct order *order)
{
    for (uint32_t i = order->last_fulfillment; i != STORE_NONE;) {
        struct fulfillment *fulfillment = sandbox->store.fulfillments[i];

        for (int j = 0; j < fulfillment->items_count; j++) {
            struct fulfillment_item *item = &fulfillment->items[j];

            if (item->settled_ms == 0)
                continue; /* its first time is still to come */
            if (item->capture == OPERATION_FAILED || item->capture == OPERATION_PENDING)
                lifecycle_settle_capture(sandbox, fulfillment, item);
            if (item->cancel == OPERATION_FAILED)
                lifecycle_settle_cancel(sandbox, fulfillment, item);
            item->settled_ms = sandbox_stamp_ms(sandbox);
        }
        i = fulfillment->previous;
    }
    order->updated_ms = sandbox_stamp_ms(sandbox);
    if (order->state == ORDER_FULFILLED)
        lifecycle_complete_later(sandbox, order);
}

void
orders_follow(struct sandbox *sandbox, struct fulfillment *fulfillment)
{
    if (!timers_add(sandbox->timers, sandbox_now_ms(sandbox) + sandbox->switches.state_lag_ms,
                    lifecycle_settle, NULL, sandbox, fulfillment))
        lifecycle_settle(sandbox, fulfillment);
}
