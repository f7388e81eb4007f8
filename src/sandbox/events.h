/*
 * events — the feed: what happened, newest first.
 */
#ifndef SANDBOX_EVENTS_H
#define SANDBOX_EVENTS_H

#include "sandbox/sandbox.h"

/* type is a constant string; fulfillment may be NULL. */
void events_add(struct sandbox *sandbox, const char *type, struct order *order,
                const struct fulfillment *fulfillment);

void events_list(struct sandbox *sandbox, const struct request *request, struct answer *answer);
void events_get(struct sandbox *sandbox, const char *id, struct answer *answer);

/* By hand, for what the sandbox has no life of its own: fulfillment orders. object: JSON text.
 * False: no such type. */
bool events_add_object(struct sandbox *sandbox, const char *type, struct order *order,
                       const char *object);

#endif
