/*
 * orders — order objects as the API shows them, their lists, and how their state moves.
 */
#ifndef SANDBOX_ORDERS_H
#define SANDBOX_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/sandbox.h"
#include "json/json.h"

/* How an order is shown: as it is, or as it was when an event was made. */
struct orders_view {
    enum order_state state;
    int64_t captured_cents;
    int64_t cancelled_cents;
    bool has_payment;
};

struct orders_view orders_view_now(const struct order *order);

/* key as in json_write_object. */
void orders_write(const struct sandbox *sandbox, struct json_writer *w, const char *key,
                  const struct order *order, const struct orders_view *view);

void orders_list(struct sandbox *sandbox, const struct request *request, struct answer *answer);
void orders_get(struct sandbox *sandbox, const char *id, struct answer *answer);

/* One order of the admin's JSON. *is_known: the id was there already, nothing was done. */
bool orders_load(struct sandbox *sandbox, const struct json_value *value, bool *is_known,
                 struct error *err);

/* Tell the present state in an event. */
void orders_announce(struct sandbox *sandbox, struct order *order);

/* Set a state and tell it in an event. */
void orders_move(struct sandbox *sandbox, struct order *order, enum order_state state);

/* What failed of its captures and releases, or is pending, happens again, now as its flags say. */
void orders_retry_money(struct sandbox *sandbox, struct order *order);

/* A fulfillment was applied: its captures and the order's state follow after state_lag_ms. */
void orders_follow(struct sandbox *sandbox, struct fulfillment *fulfillment);

#endif
