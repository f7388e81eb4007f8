/*
 * draft — a request body of POST /fulfillments, read and checked before anything is done.
 */
#ifndef SANDBOX_DRAFT_H
#define SANDBOX_DRAFT_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/sandbox.h"
#include "json/json.h"

/* More lines than any request has; the API's own limit is unknown. */
#define DRAFT_ITEMS_MAX 10000

struct draft_item {
    const char *item_id;
    int64_t shipped;
    int64_t cancelled;
    char *echo; /* owned: the fields that are given back */
    int line;   /* of the order */
};

struct draft {
    struct json_doc *doc; /* owns the texts */
    const char *order_id;
    const char *shipment_id; /* NULL for none */
    const char *marker;      /* NULL for none */
    char *echo;              /* owned */
    char *metadata;          /* owned; NULL for none */
    struct draft_item *items;
    int items_count;
    struct order *order;
};

/* The body alone: form, types, bounds. False: the answer says what is wrong. */
bool draft_read(const struct sandbox *sandbox, const char *body, size_t body_bytes,
                struct draft *draft, struct answer *answer);

/* Against what is known: the order, its state, its lines and their units. */
bool draft_check(const struct sandbox *sandbox, struct draft *draft, struct answer *answer);

void draft_free(struct draft *draft);

/* The rules for metadata, for a raw value. */
bool draft_check_metadata(const char *raw, size_t bytes, struct answer *answer);

#endif
