/* Charges: what became of an order's money, capture by capture and release by release. A charge
 * carries its owner's name and card too: nothing else than what is named here is ever read. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "provider/digitalriver.h"

/* [documented] the only place that has a failure's message. */
bool
digitalriver_get_charge(const struct provider *p, const char *charge_id,
                        struct provider_request *out, struct error *err)
{
    provider_begin(p, "GET", "/charges/", out);
    http_append_encoded(&out->url, charge_id);
    return digitalriver_end(p, NULL, out, err);
}

/* False when it can't be told from others, or says nothing. */
static bool
digitalriver_read_operation(const struct json_value *from, bool is_cancel,
                            struct provider_operation *out)
{
    const char *id = json_text(from, "id");
    const char *state = json_text(from, "state");
    const char *time = json_text(from, "updatedTime");

    if (id == NULL || id[0] == '\0' || state == NULL ||
        !digitalriver_copy_id(out->operation_id, sizeof(out->operation_id), id))
        return false;
    out->is_cancel = is_cancel;
    text_copy_clean(out->state, sizeof(out->state), state);
    text_copy_clean(out->time, sizeof(out->time),
                    time != NULL ? time : json_text(from, "createdTime"));
    out->has_amount = json_number(from, "amount", &out->amount);
    text_copy_clean(out->failure_code, sizeof(out->failure_code), json_text(from, "failureCode"));
    text_copy_clean(out->failure_message, sizeof(out->failure_message),
                    json_text(from, "failureMessage"));
    /* Captures name their fulfillment, cancels never do [seen: not in the schema, but in the
     * samples since 2022]. */
    if (!digitalriver_copy_id(out->fulfillment_id, sizeof(out->fulfillment_id),
                              json_text(from, "fulfillmentId")))
        out->fulfillment_id[0] = '\0';
    return true;
}

static const char *
digitalriver_read_charge_body(const struct json_value *root, struct provider_charge *out)
{
    static const char *const kinds[] = {"captures", "cancels"};
    const char *id = json_text(root, "id");
    int count = json_count(json_get(root, kinds[0])) + json_count(json_get(root, kinds[1]));

    if (id == NULL || id[0] == '\0' ||
        !digitalriver_copy_id(out->charge_id, sizeof(out->charge_id), id))
        return "a charge without an id, or a longer one than allowed";
    if (count > DIGITALRIVER_READ_ITEMS_MAX)
        return "more captures than a charge may have";
    text_copy_clean(out->state, sizeof(out->state), json_text(root, "state"));
    out->has_amount = json_number(root, "amount", &out->amount);
    out->operations = calloc((size_t)count + 1, sizeof(*out->operations));
    if (out->operations == NULL)
        return "no memory for it";
    /* `captured` is true even when the only capture failed [documented in a sample]: not read. */
    for (int kind = 0; kind < 2; kind++) {
        const struct json_value *at = json_first(json_get(root, kinds[kind]));

        for (; at != NULL; at = json_next(at)) {
            struct provider_operation *operation = &out->operations[out->operations_count];

            if (digitalriver_read_operation(at, kind == 1, operation))
                out->operations_count++;
            else
                *operation = (struct provider_operation){.is_cancel = false};
        }
    }
    return NULL;
}

void
digitalriver_read_charge(const struct provider *p, const struct http_answer *answer,
                         struct provider_charge *out, struct provider_answer *how)
{
    struct json_doc *doc = NULL;
    const char *problem;

    (void)p;
    *out = (struct provider_charge){.operations = NULL};
    digitalriver_begin_read(answer, how, &doc);
    if (doc == NULL)
        return;
    problem = digitalriver_read_charge_body(json_root(doc), out);
    if (problem != NULL) {
        provider_charge_free(out);
        digitalriver_unreadable(how, problem);
    }
    json_free(doc);
}

/* The order's own list of them [documented]: their ids, and nothing of the payment else. */
void
digitalriver_read_charge_ids(const struct json_value *order, struct provider_order *out)
{
    const struct json_value *at = json_first(json_get(json_get(order, "payment"), "charges"));

    out->charges_count = 0;
    for (; at != NULL && out->charges_count < PROVIDER_CHARGES_MAX; at = json_next(at)) {
        char *to = out->charge_ids[out->charges_count];
        const char *id = json_text(at, "id");

        if (id != NULL && id[0] != '\0' && digitalriver_copy_id(to, sizeof(out->charge_ids[0]), id))
            out->charges_count++;
    }
}
