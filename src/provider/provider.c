#include "provider/provider.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "provider/methods.h"

enum { PROVIDER_URL_BYTES_MAX = 32 * 1024, PROVIDER_BODY_BYTES_MAX = 4 * 1024 * 1024 };

static const struct provider_methods *
provider_find(const char *name)
{
    for (int i = 0; PROVIDER_KNOWN[i] != NULL; i++) {
        if (strcmp(PROVIDER_KNOWN[i]->name, name) == 0)
            return PROVIDER_KNOWN[i];
    }
    return NULL;
}

/* Each becomes part of a header of at most 255 bytes. */
static bool
provider_copy(const char *what, const char *text, size_t bytes_max, const char **out,
              struct error *err)
{
    if (text == NULL || text[0] == '\0' || strlen(text) > bytes_max)
        return error_set(err, ERROR_LIMIT, "%s must have 1 to %zu bytes", what, bytes_max);
    *out = strdup(text);
    if (*out == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for %s", what);
    return true;
}

bool
provider_new(struct provider **out, const char *name, const struct provider_options *options,
             struct error *err)
{
    bool ok = false;
    struct provider *p = NULL;
    const struct provider_methods *methods = provider_find(name);

    assert(*out == NULL);

    if (methods == NULL)
        return error_set(err, ERROR_CONFIG, "no provider is named \"%s\"", name);
    p = calloc(1, sizeof(*p));
    if (p == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the provider");
    p->methods = methods;
    p->options.is_live = options->is_live;
    p->options.marker_as_shipment_id = options->marker_as_shipment_id;
    if (!provider_copy("the base URL", options->base_url, 2000, &p->options.base_url, err) ||
        !provider_copy("the API version", options->version, 100, &p->options.version, err) ||
        !provider_copy("the ledger's id", options->instance, 63, &p->options.instance, err) ||
        !provider_copy("the application", options->application, 100, &p->options.application, err))
        goto done;
    *out = p;
    p = NULL;
    ok = true;

done:
    provider_free(p);
    return ok;
}

/* The texts are ours; the struct calls them const because everybody else's are. */
static void
provider_free_text(const char *text)
{
    union {
        const char *theirs;
        char *ours;
    } same = {.theirs = text};

    free(same.ours);
}

void
provider_free(struct provider *p)
{
    if (p == NULL)
        return;
    provider_free_text(p->options.base_url);
    provider_free_text(p->options.version);
    provider_free_text(p->options.instance);
    provider_free_text(p->options.application);
    free(p);
}

const struct provider_capabilities *
provider_capabilities(const struct provider *p)
{
    return &p->methods->capabilities;
}

int
provider_lines_max(const char *name, int most)
{
    const struct provider_methods *methods = provider_find(name);

    return methods != NULL && methods->capabilities.lines_per_submission_max < most
               ? methods->capabilities.lines_per_submission_max
               : most;
}

void
provider_transport(const struct provider *p, struct http_options *out)
{
    out->key_header = p->methods->capabilities.key_header;
    out->request_id_header = p->methods->capabilities.request_id_header;
}

void
provider_request_init(struct provider_request *request)
{
    *request = (struct provider_request){.method = "GET"};
    buffer_init(&request->url, PROVIDER_URL_BYTES_MAX);
    buffer_init(&request->body, PROVIDER_BODY_BYTES_MAX);
}

void
provider_request_free(struct provider_request *request)
{
    buffer_free(&request->url);
    buffer_free(&request->body);
}

void
provider_begin(const struct provider *p, const char *method, const char *path,
               struct provider_request *out)
{
    buffer_reset(&out->url);
    buffer_reset(&out->body);
    out->method = method;
    out->headers[0] = NULL;
    (void)buffer_puts(&out->url, p->options.base_url);
    (void)buffer_puts(&out->url, path);
}

void
provider_request_to_http(const struct provider_request *request, struct http_request *out)
{
    *out = (struct http_request){
        .method = request->method,
        .url = buffer_text(&request->url),
        .headers = request->headers,
        .body = request->body.used > 0 ? buffer_text(&request->body) : NULL,
        .body_bytes = request->body.used,
    };
}

bool
provider_post(const struct provider *p, const struct provider_submission *s,
              struct provider_request *out, struct error *err)
{
    return p->methods->post(p, s, out, err);
}

bool
provider_list_fulfillments(const struct provider *p, const char *order_id, const char *after,
                           struct provider_request *out, struct error *err)
{
    return p->methods->list_fulfillments(p, order_id, after, out, err);
}

bool
provider_get_charge(const struct provider *p, const char *charge_id, struct provider_request *out,
                    struct error *err)
{
    return p->methods->get_charge(p, charge_id, out, err);
}

void
provider_read_charge(const struct provider *p, const struct http_answer *answer,
                     struct provider_charge *out, struct provider_answer *how)
{
    p->methods->read_charge(p, answer, out, how);
}

void
provider_charge_free(struct provider_charge *charge)
{
    free(charge->operations);
    *charge = (struct provider_charge){.operations = NULL};
}

bool
provider_get_fulfillment(const struct provider *p, const char *fulfillment_id,
                         struct provider_request *out, struct error *err)
{
    return p->methods->get_fulfillment(p, fulfillment_id, out, err);
}

bool
provider_ask_orders(const struct provider *p, const char *const *order_ids, int count,
                    struct provider_request *out, struct error *err)
{
    return p->methods->ask_orders(p, order_ids, count, out, err);
}

bool
provider_ask_upstream(const struct provider *p, const char *const *upstream_ids, int count,
                      struct provider_request *out, struct error *err)
{
    return p->methods->ask_upstream(p, upstream_ids, count, out, err);
}

int
provider_ask_fits(const struct provider *p, const char *const *ids, int count)
{
    return p->methods->ask_fits(p, ids, count);
}

bool
provider_probe(const struct provider *p, struct provider_request *out, struct error *err)
{
    return p->methods->probe(p, out, err);
}

void
provider_read_post(const struct provider *p, const struct provider_submission *s,
                   const struct http_answer *answer, struct provider_result *out)
{
    p->methods->read_post(p, s, answer, out);
}

void
provider_read_fulfillments(const struct provider *p, const struct http_answer *answer,
                           struct provider_fulfillments *out, struct provider_answer *how)
{
    p->methods->read_fulfillments(p, answer, out, how);
}

void
provider_read_fulfillment(const struct provider *p, const struct http_answer *answer,
                          struct provider_fulfillments *out, struct provider_answer *how)
{
    p->methods->read_fulfillment(p, answer, out, how);
}

void
provider_read_orders(const struct provider *p, const struct http_answer *answer,
                     struct provider_orders *out, struct provider_answer *how)
{
    p->methods->read_orders(p, answer, out, how);
}

bool
provider_list_events(const struct provider *p, const char *since, const char *after, int most,
                     struct provider_request *out, struct error *err)
{
    return p->methods->list_events(p, since, after, most, out, err);
}

bool
provider_update_tracking(const struct provider *p, const char *fulfillment_id, const char *company,
                         const char *number, const char *url, struct provider_request *out,
                         struct error *err)
{
    return p->methods->update_tracking(p, fulfillment_id, company, number, url, out, err);
}

void
provider_read_events(const struct provider *p, const struct http_answer *answer, const char *cursor,
                     struct provider_events *out, struct provider_answer *how)
{
    p->methods->read_events(p, answer, cursor, out, how);
}

void
provider_read_plain(const struct provider *p, const struct http_answer *answer,
                    struct provider_answer *how)
{
    p->methods->read_plain(p, answer, how);
}

enum provider_outcome
provider_code_outcome(const struct provider *p, const char *error_code)
{
    return p->methods->code_outcome(error_code);
}

bool
provider_is_order_wide(const struct provider *p, const char *error_code)
{
    return p->methods->is_order_wide(error_code);
}

bool
provider_is_unknown(const struct provider_answer *how)
{
    return how->read == PROVIDER_READ_REFUSED && how->is_own_words &&
           (how->http_status == 404 || how->http_status == 400);
}

void
provider_fulfillments_free(struct provider_fulfillments *list)
{
    for (int i = 0; i < list->count; i++)
        free(list->list[i].items);
    free(list->list);
    *list = (struct provider_fulfillments){0};
}

void
provider_orders_free(struct provider_orders *list)
{
    for (int i = 0; i < list->count; i++)
        free(list->list[i].items);
    free(list->list);
    *list = (struct provider_orders){0};
}

void
provider_events_free(struct provider_events *list)
{
    for (int i = 0; i < list->count; i++)
        free(list->list[i].items);
    free(list->list);
    *list = (struct provider_events){0};
}

void
provider_read_unsent(const struct http_answer *answer, struct provider_result *out)
{
    static const char *const codes[] = {
        [HTTP_PHASE_DONE] = "broken",     [HTTP_PHASE_START] = "late",
        [HTTP_PHASE_RESOLVE] = "resolve", [HTTP_PHASE_CONNECT] = "connect",
        [HTTP_PHASE_TLS] = "tls",         [HTTP_PHASE_SENDING] = "sending",
        [HTTP_PHASE_WAITING] = "broken",  [HTTP_PHASE_READING] = "broken",
    };
    const char *code = codes[answer->phase];

    if (answer->is_late)
        code = "late";
    else if (answer->is_oversize)
        code = "oversize";
    else if (answer->is_timeout && answer->fact == HTTP_BROKEN)
        code = "timeout";
    out->outcome = answer->fact == HTTP_NOT_SENT ? PROVIDER_NOT_NOW : PROVIDER_UNKNOWN;
    (void)snprintf(out->error_code, sizeof(out->error_code), "%s", code);
    text_copy_clean(out->error_message, sizeof(out->error_message), answer->error);
}
