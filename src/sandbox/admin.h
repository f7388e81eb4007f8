/*
 * admin — the paths below /_sandbox: load, look, and set what goes wrong.
 */
#ifndef SANDBOX_ADMIN_H
#define SANDBOX_ADMIN_H

#include <stdbool.h>

#include "sandbox/sandbox.h"

#define ADMIN_PREFIX "/_sandbox/"

/* path: what follows ADMIN_PREFIX. */
void admin_handle(struct sandbox *sandbox, const struct request *request, const char *path,
                  struct answer *answer);

/* JSON lines or one array of orders. What was read before an error stays. */
struct admin_loaded {
    int64_t created;
    int64_t skipped;
};
bool admin_load_orders(struct sandbox *sandbox, const char *text, size_t bytes,
                       struct admin_loaded *loaded, struct error *err);

#endif
