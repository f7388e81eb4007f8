/*
 * stats — what was asked for and what was done.
 */
#ifndef SANDBOX_STATS_H
#define SANDBOX_STATS_H

#include <stdbool.h>
#include <stdint.h>

enum endpoint {
    ENDPOINT_FULFILLMENT_POST,
    ENDPOINT_FULFILLMENT_LIST,
    ENDPOINT_FULFILLMENT_GET,
    ENDPOINT_FULFILLMENT_UPDATE,
    ENDPOINT_ORDER_LIST,
    ENDPOINT_ORDER_GET,
    ENDPOINT_EVENT_LIST,
    ENDPOINT_EVENT_GET,
    ENDPOINT_CHARGE_GET,
    ENDPOINT_OTHER,
    ENDPOINT_ADMIN,
    ENDPOINTS,
};

/* By status; number 0 is "none": closed, reset or left without an answer. */
#define STATS_STATUSES 600

struct stats {
    int64_t requests[ENDPOINTS][STATS_STATUSES];
    int64_t applied;
    int64_t foreign;
    int64_t units_shipped;
    int64_t units_cancelled;
    int64_t updates;
    int64_t duplicate_markers;
    int64_t late_pending;
    int64_t late_applied;
    int64_t late_refused;
    int64_t requests_while_blocked;
    int64_t concurrent_posts; /* came while another one for the same order had no answer yet */
};

struct sandbox;
struct json_writer;

const char *endpoint_name(enum endpoint endpoint);
void stats_request(struct stats *stats, enum endpoint endpoint, int status);
void stats_write(const struct sandbox *sandbox, struct json_writer *w);

#endif
