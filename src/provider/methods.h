/*
 * methods — what a provider's own file fills in. Private to the room.
 */
#ifndef PROVIDER_METHODS_H
#define PROVIDER_METHODS_H

#include "provider/provider.h"

struct provider_methods {
    const char *name; /* as in api.provider */
    struct provider_capabilities capabilities;

    bool (*post)(const struct provider *p, const struct provider_submission *s,
                 struct provider_request *out, struct error *err);
    bool (*list_fulfillments)(const struct provider *p, const char *order_id, const char *after,
                              struct provider_request *out, struct error *err);
    bool (*get_fulfillment)(const struct provider *p, const char *fulfillment_id,
                            struct provider_request *out, struct error *err);
    bool (*ask_orders)(const struct provider *p, const char *const *order_ids, int count,
                       struct provider_request *out, struct error *err);
    bool (*ask_upstream)(const struct provider *p, const char *const *upstream_ids, int count,
                         struct provider_request *out, struct error *err);
    int (*ask_fits)(const struct provider *p, const char *const *ids, int count);
    bool (*list_events)(const struct provider *p, const char *since, const char *after, int most,
                        struct provider_request *out, struct error *err);
    bool (*update_tracking)(const struct provider *p, const char *fulfillment_id,
                            const char *company, const char *number, const char *url,
                            struct provider_request *out, struct error *err);
    bool (*get_charge)(const struct provider *p, const char *charge_id,
                       struct provider_request *out, struct error *err);
    bool (*probe)(const struct provider *p, struct provider_request *out, struct error *err);

    void (*read_post)(const struct provider *p, const struct provider_submission *s,
                      const struct http_answer *answer, struct provider_result *out);
    void (*read_fulfillments)(const struct provider *p, const struct http_answer *answer,
                              struct provider_fulfillments *out, struct provider_answer *how);
    void (*read_fulfillment)(const struct provider *p, const struct http_answer *answer,
                             struct provider_fulfillments *out, struct provider_answer *how);
    void (*read_orders)(const struct provider *p, const struct http_answer *answer,
                        struct provider_orders *out, struct provider_answer *how);
    void (*read_events)(const struct provider *p, const struct http_answer *answer,
                        const char *cursor, struct provider_events *out,
                        struct provider_answer *how);
    void (*read_charge)(const struct provider *p, const struct http_answer *answer,
                        struct provider_charge *out, struct provider_answer *how);
    void (*read_plain)(const struct provider *p, const struct http_answer *answer,
                       struct provider_answer *how);
    enum provider_outcome (*code_outcome)(const char *error_code);
    bool (*is_order_wide)(const char *error_code);
};

struct provider {
    const struct provider_methods *methods;
    struct provider_options options; /* its texts are ours */
};

extern const struct provider_methods DIGITALRIVER_METHODS;

/* All of them, then NULL: known.c. Their names are repeated in src/config/providers.c, since the
 * configuration knows no other room; a test compares them. A program that is linked with lists of
 * its own knows others. */
extern const struct provider_methods *const PROVIDER_KNOWN[];

/* Shared by wire formats. Begins a request, without its body and headers, in a struct that may have
 * been used before. */
void provider_begin(const struct provider *p, const char *method, const char *path,
                    struct provider_request *out);
/* No whole answer came: what that means for a POST. */
void provider_read_unsent(const struct http_answer *answer, struct provider_result *out);
/* False when there is nothing to obey: without a header only a 429 asks to wait. */
bool provider_retry_after(const struct http_answer *answer, int64_t *out_ms);

#endif
