/*
 * listing — an order's fulfillments, page by page, until the list can be believed.
 *
 * All pages, then page 1 again (a late one of ours lands there), then by id
 * each one that showed no metadata. A listing that can't be completed is
 * unreadable, never "empty".
 */
#ifndef SYNC_LISTING_H
#define SYNC_LISTING_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "provider/provider.h"

struct listing;

bool listing_new(const char *order_id, struct listing **out, struct error *err);
void listing_free(struct listing *listing); /* NULL is fine */

/* The next request to send; false when the listing is complete (or err is filled). */
bool listing_next(struct listing *listing, const struct provider *provider,
                  struct provider_request *out, struct error *err);

/* The last request was for one fulfillment, not for a page. */
bool listing_is_by_id(const struct listing *listing);

enum listing_step { LISTING_GOES_ON, LISTING_COMPLETE, LISTING_UNREADABLE };

/* What the answer to the last request brought; takes the content of `page` over. An answer that is
 * for another order, a page that says there is more and is empty, or too many pages: unreadable. */
enum listing_step listing_take(struct listing *listing, struct provider_fulfillments *page,
                               const struct provider_answer *how);
const char *listing_why(const struct listing *listing); /* unreadable: in words */

int listing_count_marker(const struct listing *listing, const char *marker);
bool listing_is_live_wrong(const struct listing *listing, bool is_live);

/* JSON array, newest first: [{"id","marker","created","items":[{"item","shipped","cancelled"}]}].
 * The caller frees. */
char *listing_json(const struct listing *listing, struct error *err);

#endif
