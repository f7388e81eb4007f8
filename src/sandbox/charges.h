/*
 * charges — the one charge of each order; its captures and cancels are those of the
 * order's fulfillments.
 */
#ifndef SANDBOX_CHARGES_H
#define SANDBOX_CHARGES_H

#include "sandbox/orders.h"
#include "sandbox/sandbox.h"
#include "json/json.h"

void charges_write(const struct sandbox *sandbox, struct json_writer *w, const char *key,
                   const struct order *order, enum order_state state);
void charges_get(struct sandbox *sandbox, const char *id, struct answer *answer);

/* An id for the capture or cancel of one item of a fulfillment. */
void charges_operation_id(const struct sandbox *sandbox, uint32_t fulfillment, int item,
                          bool is_cancel, char out[IDENT_UUID_BYTES]);

#endif
