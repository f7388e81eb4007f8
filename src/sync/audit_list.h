/*
 * audit_list — the lists of many orders' fulfillments, bounded in flight and by the key's budget.
 *
 * Only reads. A 429 blocks the key for every host, a refused key or an API
 * that can't be reached ends it.
 */
#ifndef SYNC_AUDIT_LIST_H
#define SYNC_AUDIT_LIST_H

#include <stdbool.h>

#include "ledger/audit.h"
#include "ledger/ledger.h"
#include "sync/listing.h"
#include "sync/sync.h"

struct audit_list;

/* Options and ledger are borrowed. worker_id: whose share of the rate it is. */
bool audit_list_new(const struct sync_options *options, int stop_fd, struct ledger *ledger,
                    int64_t worker_id, struct audit_list **out, struct error *err);
void audit_list_free(struct audit_list *list); /* NULL is fine */

/* One order's list is complete, or, listing NULL, can't be read: why says so. */
typedef bool audit_listed_fn(void *ctx, const struct audit_target *target,
                             const struct listing *listing, const char *why, struct error *err);

/* Lists each of the targets that is quiet; true when all were told of, or when asked to stop. */
bool audit_list_run(struct audit_list *list, const struct audit_target *targets, int count,
                    audit_listed_fn *listed, void *ctx, struct error *err);

/* Waits so long, or until asked to stop. */
bool audit_list_pause(struct audit_list *list, int64_t ms, struct error *err);
bool audit_list_is_stopped(const struct audit_list *list);

#endif
