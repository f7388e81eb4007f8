/*
 * fulfillments — what the bridge posts: checked, applied whole or not at all, shown, listed.
 */
#ifndef SANDBOX_FULFILLMENTS_H
#define SANDBOX_FULFILLMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/orders.h"
#include "sandbox/sandbox.h"
#include "json/json.h"

enum fulfillments_view {
    FULFILLMENTS_METADATA = 1,
    FULFILLMENTS_DETAILS = 2, /* with orderDetails */
    FULFILLMENTS_CHARGES = 4, /* with chargeOperationIds */
    FULFILLMENTS_NO_ID = 8,   /* from here on: lies */
    FULFILLMENTS_WRONG_ORDER = 16,
    FULFILLMENTS_WRONG_QUANTITY = 32,
    FULFILLMENTS_WRONG_LIVE = 64,
};

/* order_view (may be NULL) is how the order in orderDetails is shown. */
void fulfillments_write(const struct sandbox *sandbox, struct json_writer *w, const char *key,
                        const struct fulfillment *fulfillment, unsigned view,
                        const struct orders_view *order_view);

/* Check and apply. False: the answer says why, and nothing was done. True: *out is applied, and the
 * answer is 201 with the whole fulfillment. A foreign one is made by hand: no metadata. */
bool fulfillments_post(struct sandbox *sandbox, const char *body, size_t body_bytes,
                       bool is_foreign, struct fulfillment **out, struct answer *answer);

/* The answer of a POST once more, with a lie in it. */
void fulfillments_answer(const struct sandbox *sandbox, const struct fulfillment *fulfillment,
                         unsigned lie, struct answer *answer);

void fulfillments_list(struct sandbox *sandbox, const struct request *request,
                       struct answer *answer);
void fulfillments_get(struct sandbox *sandbox, const char *id, struct answer *answer);

/* Tracking and metadata only. */
void fulfillments_update(struct sandbox *sandbox, const char *id, const char *body,
                         size_t body_bytes, struct answer *answer);

/* NULL when there is none of that id. */
struct fulfillment *fulfillments_find(const struct sandbox *sandbox, const char *id,
                                      uint32_t *number);

#endif
