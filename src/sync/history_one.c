/* One fulfillment by its id, for an operator who adopts it. */
#include "sync/history.h"

#include <stdlib.h>
#include <string.h>

#include "http/http.h"
#include "provider/provider.h"
#include "sync/api.h"
#include "sync/listing.h"
#include "sync/reach.h"

static bool
history_read_one(const struct sync_options *options, const struct provider *provider,
                 const struct http_answer *answer, const char *fulfillment_id, char **order_id,
                 char **json, struct error *err)
{
    bool ok = false;
    struct provider_fulfillments page = {0};
    struct provider_answer how = {0};
    struct provider_answer fine = {.read = PROVIDER_READ_OK};
    struct listing *listing = NULL;

    provider_read_fulfillment(provider, answer, &page, &how);
    if (how.read != PROVIDER_READ_OK || page.count != 1) {
        ok = how.http_status == 404;
        if (!ok)
            error_set(err, ERROR_API, "fulfillment %s can't be read: %s", fulfillment_id,
                      how.error);
        if (how.distrust != HTTP_DISTRUST_NONE)
            error_hint(err, "%s", reach_advice(how.distrust));
        goto done;
    }
    if (page.list[0].has_live_mode && page.list[0].live_mode != options->is_live) {
        error_set(err, ERROR_STATE, "fulfillment %s is of the API's %s mode", fulfillment_id,
                  options->is_live ? "test" : "live");
        goto done;
    }
    page.list[0].has_metadata = true; /* what it shows here is all that there is */
    *order_id = strdup(page.list[0].order_id);
    if (*order_id == NULL || !listing_new(*order_id, &listing, err))
        goto done;
    if (listing_take(listing, &page, &fine) != LISTING_COMPLETE) {
        error_set(err, ERROR_API, "fulfillment %s can't be read: %s", fulfillment_id,
                  listing_why(listing));
        goto done;
    }
    *json = listing_json(listing, err);
    ok = *json != NULL;

done:
    if (!ok && err->code == ERROR_NONE)
        error_set(err, ERROR_NOMEM, "no memory for a fulfillment");
    listing_free(listing);
    provider_fulfillments_free(&page);
    return ok;
}

bool
history_fulfillment(const struct sync_options *options, const char *instance,
                    const char *fulfillment_id, char **order_id, char **listing, struct error *err)
{
    bool ok = false;
    struct http *http = NULL;
    struct provider *provider = NULL;
    struct provider_request request;
    struct http_request sent = {0};
    struct http_answer answer;

    provider_request_init(&request);
    if (!api_open(options, instance, 1, &provider, &http, err) ||
        !provider_get_fulfillment(provider, fulfillment_id, &request, err))
        goto done;
    provider_request_to_http(&request, &sent);
    if (!http_ask(http, &sent, 2 * options->timeout_ms, &answer, err)) {
        error_context(err, "fulfillment %s", fulfillment_id);
        goto done;
    }
    ok = history_read_one(options, provider, &answer, fulfillment_id, order_id, listing, err);

done:
    provider_request_free(&request);
    provider_free(provider);
    http_free(http);
    return ok;
}
