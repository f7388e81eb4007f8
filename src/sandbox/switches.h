/*
 * switches — how the sandbox behaves where the API's contract is not known.
 */
#ifndef SANDBOX_SWITCHES_H
#define SANDBOX_SWITCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

enum quantity_check { QUANTITY_CUMULATIVE, QUANTITY_REQUEST, QUANTITY_OFF };
enum orders_ids { ORDERS_IDS_BOTH, ORDERS_IDS_COMMA, ORDERS_IDS_REPEAT };

struct switches {
    int64_t list_metadata;
    int64_t event_metadata;
    int64_t quantity_check; /* enum quantity_check */
    int64_t unknown_order;  /* index of 404 or 400 */
    int64_t duplicate_item; /* 0 refuse, 1 accept */
    int64_t orders_ids;     /* enum orders_ids */
    int64_t orders_ids_max; /* 0: no limit */
    int64_t list_lag_ms;
    int64_t state_lag_ms;
    int64_t shipment_id_unique;
    int64_t items_max; /* 0: no limit */
    int64_t latency_ms;
    int64_t time_digits;
    int64_t order_events;
    int64_t events_late_ms;
    int64_t events_keep_ms; /* 0: for ever */
    int64_t events_repeat;
    int64_t list_repeat;
    int64_t list_max;     /* 0: as many as are asked for */
    int64_t content_type; /* 0 any, 1 JSON only */
};

void switches_init(struct switches *switches);

/* "NAME=VALUE" */
bool switches_set(struct switches *switches, const char *spec, struct error *err);

/* "NAME=VALUE" of switch number index, its help in *help; false behind the last one. */
bool switches_describe(const struct switches *switches, int index, struct buffer *out,
                       const char **help);

#endif
