#include "sync/api.h"

#define API_APPLICATION "waybill/" WAYBILL_VERSION

/* 100 orders with their charges, or a page of fulfillments of 100 lines each. */
#define API_BODY_BYTES_MAX ((size_t)4 * 1024 * 1024)

bool
api_open(const struct sync_options *options, const char *instance, int in_flight_max,
         struct provider **provider, struct http **http, struct error *err)
{
    const struct provider_options wire = {.base_url = options->base_url,
                                          .version = options->api_version,
                                          .instance = instance,
                                          .application = API_APPLICATION,
                                          .is_live = options->is_live,
                                          .marker_as_shipment_id = options->marker_as_shipment_id};
    struct http_options transport = {.in_flight_max = in_flight_max,
                                     .body_bytes_max = API_BODY_BYTES_MAX,
                                     .connect_timeout_ms = options->connect_timeout_ms,
                                     .timeout_ms = options->timeout_ms,
                                     .ca_file = options->ca_file,
                                     .user_agent = API_APPLICATION,
                                     .bearer = options->key};

    if (!provider_new(provider, options->provider, &wire, err))
        return false;
    provider_transport(*provider, &transport);
    return http_new(http, &transport, err);
}
