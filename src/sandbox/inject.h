/*
 * inject — from a path to what it does, with what goes wrong on the way.
 */
#ifndef SANDBOX_INJECT_H
#define SANDBOX_INJECT_H

#include "sandbox/sandbox.h"

enum endpoint inject_endpoint(const struct request *request);

/* key: index of the key, which a 429 on demand blocks. */
void inject_handle(struct sandbox *sandbox, const struct request *request, int key,
                   struct answer *answer);

#endif
