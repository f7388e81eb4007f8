#include "sandbox/events.h"

#include <fnmatch.h>
#include <string.h>

#include "sandbox/answer.h"
#include "sandbox/charges.h"
#include "sandbox/fulfillments.h"
#include "sandbox/orders.h"
#include "sandbox/query.h"
#include "json/json.h"

/* "Fewer than 20" is what the description of the API says. */
#define EVENTS_TYPES_MAX 19
#define EVENTS_KNOWN_MAX 64

void
events_add(struct sandbox *sandbox, const char *type, struct order *order,
           const struct fulfillment *fulfillment)
{
    store_add_event(&sandbox->store, type, order,
                    fulfillment == NULL ? STORE_NONE : fulfillment->number,
                    sandbox_stamp_ms(sandbox));
}

bool
events_add_object(struct sandbox *sandbox, const char *type, struct order *order,
                  const char *object)
{
    static const char *const types[] = {
        "fulfillment_order.pending",        "fulfillment_order.backordered",
        "fulfillment_order.shipped",        "fulfillment_order.cancelled",
        "fulfillment_cancellation.created", "fulfillment_cancellation.accepted"};
    uint32_t before = sandbox->store.events_count;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i], type) != 0)
            continue;
        events_add(sandbox, types[i], order, NULL);
        if (sandbox->store.events_count > before)
            sandbox->store.events[before].object = strdup(object);
        return true;
    }
    return false;
}

static void
events_write(const struct sandbox *sandbox, struct json_writer *w, uint32_t number)
{
    const struct event *event = &sandbox->store.events[number];
    struct orders_view view = {event->state, event->captured_cents, event->cancelled_cents, true};
    char id[IDENT_UUID_BYTES];
    char at[IDENT_TIME_BYTES];

    ident_uuid((uint64_t)sandbox->options->seed, IDENT_EVENT, number, id);
    json_write_object(w, NULL);
    json_write_text(w, "id", id);
    json_write_text(w, "type", event->type);
    ident_time_text(event->at_ms, 6, at);
    json_write_text(w, "createdTime", at);
    json_write_bool(w, "liveMode", sandbox->options->is_live);
    json_write_text(w, "digitalriverVersion", SANDBOX_VERSION);
    json_write_object(w, "data");
    if (event->object != NULL)
        json_write_raw(w, "object", event->object);
    else if (event->fulfillment != STORE_NONE && strcmp(event->type, "fulfillment.created") == 0)
        fulfillments_write(sandbox, w, "object", sandbox->store.fulfillments[event->fulfillment],
                           FULFILLMENTS_DETAILS |
                               (sandbox->switches.event_metadata ? FULFILLMENTS_METADATA : 0u),
                           &view);
    else if (strncmp(event->type, "order.charge.", 13) == 0 &&
             strcmp(event->type, "order.charge.reauth.failed") != 0)
        charges_write(sandbox, w, "object", event->order, event->state);
    else
        orders_write(sandbox, w, "object", event->order, &view);
    json_write_end_object(w);
    json_write_array(w, "webhookIds");
    json_write_end_array(w);
    json_write_end_object(w);
}

struct events_filter {
    const struct sandbox *sandbox;
    const struct query *query;
    const char *type; /* NULL: any */
    const struct query_ids *types;
    /* Verdicts so far: types are constants, so a pointer names one, and there are a few dozen among
     * millions of events. */
    const char *known[EVENTS_KNOWN_MAX];
    bool is_wanted[EVENTS_KNOWN_MAX];
    int known_count;
};

static bool
events_type_matches(const struct events_filter *filter, const char *type)
{
    if (filter->type != NULL && fnmatch(filter->type, type, 0) != 0)
        return false;
    if (!filter->types->is_given)
        return true;
    for (int i = 0; i < filter->types->count; i++)
        if (strcmp(filter->types->ids[i], type) == 0)
            return true;
    return false;
}

static bool
events_is_hidden(const struct sandbox *sandbox, uint32_t number)
{
    int64_t age_ms = sandbox_now_ms(sandbox) - sandbox->store.events[number].at_ms;
    int64_t keep_ms = sandbox->switches.events_keep_ms;

    return (number % 3 == 0 && age_ms < sandbox->switches.events_late_ms) ||
           (keep_ms > 0 && age_ms > keep_ms);
}

static bool
events_match(void *ctx, uint32_t number)
{
    struct events_filter *filter = ctx;
    const struct event *event = &filter->sandbox->store.events[number];
    bool is_wanted;

    if (event->at_ms < filter->query->created_min_ms ||
        event->at_ms > filter->query->created_max_ms || events_is_hidden(filter->sandbox, number))
        return false;
    for (int i = 0; i < filter->known_count; i++)
        if (filter->known[i] == event->type)
            return filter->is_wanted[i];
    is_wanted = events_type_matches(filter, event->type);
    if (filter->known_count < EVENTS_KNOWN_MAX) {
        filter->known[filter->known_count] = event->type;
        filter->is_wanted[filter->known_count++] = is_wanted;
    }
    return is_wanted;
}

/* The first event that is not older. */
static uint32_t
events_since(const struct sandbox *sandbox, int64_t min_ms)
{
    uint32_t low = 0;
    uint32_t high = sandbox->store.events_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (sandbox->store.events[middle].at_ms < min_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void
events_list(struct sandbox *sandbox, const struct request *request, struct answer *answer)
{
    struct query query;
    struct query_ids types = {0};
    struct events_filter filter = {
        .sandbox = sandbox, .query = &query, .type = query_value(request, "type"), .types = &types};
    struct query_page page;
    struct json_writer w;
    uint32_t cursor = STORE_NONE;
    bool is_repeating;
    const char *id;

    if (!query_parse(request, &query, answer) ||
        !query_ids_parse(sandbox, request, "types", EVENTS_TYPES_MAX, &types, answer))
        return;
    if (filter.type != NULL && types.is_given) {
        (void)answer_error(answer, 400, "invalid_parameter", "types",
                           "'type' and 'types' may not be given together.");
        goto done;
    }
    id = query.ending_before != NULL ? query.ending_before : query.starting_after;
    if (id != NULL && !ident_uuid_number((uint64_t)sandbox->options->seed, IDENT_EVENT, id,
                                         sandbox->store.events_count, &cursor)) {
        (void)answer_error(answer, 400, "invalid_parameter",
                           query.ending_before != NULL ? "endingBefore" : "startingAfter",
                           "Event '%s' was not found.", id);
        goto done;
    }
    query.first = events_since(sandbox, query.created_min_ms);
    query_select(&query, NULL, sandbox->store.events_count, cursor, events_match, &filter, &page);
    json_write_init(&w, &answer->body);
    json_write_object(&w, NULL);
    /* As a new one at the front would shift the pages of a feed that counts. */
    is_repeating = sandbox->switches.events_repeat && query.starting_after != NULL &&
                   cursor != STORE_NONE && query.limit > 1;
    json_write_bool(&w, "hasMore", page.has_more || (is_repeating && page.count == query.limit));
    json_write_array(&w, "data");
    if (is_repeating)
        events_write(sandbox, &w, cursor);
    for (int i = 0; i < page.count - (is_repeating && page.count == query.limit); i++)
        events_write(sandbox, &w, page.numbers[i]);
    json_write_end_array(&w);
    json_write_end_object(&w);

done:
    query_ids_free(&types);
}

void
events_get(struct sandbox *sandbox, const char *id, struct answer *answer)
{
    struct json_writer w;
    uint32_t number;

    if (!ident_uuid_number((uint64_t)sandbox->options->seed, IDENT_EVENT, id,
                           sandbox->store.events_count, &number)) {
        (void)answer_error(answer, 404, "not_found", "id", "Event '%s' was not found.", id);
        return;
    }
    json_write_init(&w, &answer->body);
    events_write(sandbox, &w, number);
}
