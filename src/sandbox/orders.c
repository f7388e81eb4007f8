#include "sandbox/orders.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/answer.h"
#include "sandbox/charges.h"
#include "sandbox/persons.h"
#include "sandbox/query.h"

struct orders_view
orders_view_now(const struct order *order)
{
    return (struct orders_view){order->state, order->captured_cents, order->cancelled_cents, true};
}

static void
orders_write_items(struct json_writer *w, const struct order *order, enum order_state state)
{
    json_write_array(w, "items");
    for (int i = 0; i < order->lines_count; i++) {
        const struct line *line = &order->lines[i];
        double amount = (double)(line->price_cents * line->quantity) / 100;
        /* An event made while the order was young shows its lines untouched. */
        bool is_untouched = state == ORDER_PENDING_PAYMENT || state == ORDER_IN_REVIEW ||
                            (state == ORDER_ACCEPTED && order->state != ORDER_ACCEPTED);

        json_write_object(w, NULL);
        json_write_text(w, "id", line->item_id);
        json_write_text(w, "skuId", line->sku_id);
        json_write_number(w, "amount", amount);
        json_write_int(w, "quantity", line->quantity);
        json_write_text(w, "state", line_state_name(is_untouched ? LINE_CREATED : line->state));
        json_write_object(w, "tax");
        json_write_number(w, "rate", 0.07875);
        json_write_end_object(w);
        json_write_number(w, "availableToRefundAmount", 0);
        json_write_end_object(w);
    }
    json_write_end_array(w);
}

static void
orders_write_payment(const struct sandbox *sandbox, struct json_writer *w,
                     const struct order *order, const struct person *person, enum order_state state)
{
    char id[IDENT_UUID_BYTES];

    ident_uuid((uint64_t)sandbox->options->seed, IDENT_OTHER, order->number, id);
    json_write_object(w, "payment");
    json_write_array(w, "sources");
    json_write_object(w, NULL);
    json_write_text(w, "id", id);
    json_write_text(w, "type", "creditCard");
    json_write_number(w, "amount", (double)order_total_cents(order) / 100);
    json_write_object(w, "owner");
    json_write_text(w, "firstName", person->first_name);
    json_write_text(w, "lastName", person->last_name);
    json_write_text(w, "email", person->email);
    json_write_end_object(w);
    json_write_object(w, "creditCard");
    json_write_text(w, "brand", "Visa");
    json_write_text(w, "lastFourDigits", person->last_four);
    json_write_end_object(w);
    json_write_end_object(w);
    json_write_end_array(w);
    json_write_array(w, "charges");
    charges_write(sandbox, w, NULL, order, state);
    json_write_end_array(w);
    json_write_object(w, "session");
    json_write_text(w, "id", id);
    json_write_text(w, "state", "complete");
    json_write_end_object(w);
    json_write_end_object(w);
}

static void
orders_write_states(const struct sandbox *sandbox, struct json_writer *w, const struct order *order,
                    enum order_state state)
{
    char at[IDENT_TIME_BYTES];

    json_write_text(w, "state", order_state_name(state));
    json_write_object(w, "stateTransitions");
    for (int i = 0; i < ORDER_STATES; i++) {
        /* What an old event shows had not happened yet. */
        if (order->since_ms[i] == 0 || order->since_ms[i] > order->since_ms[state])
            continue;
        sandbox_time_text(sandbox, order->since_ms[i], at);
        json_write_text(w, order_state_name((enum order_state)i), at);
    }
    json_write_end_object(w);
    json_write_text(w, "fraudState", "passed");
}

static void
orders_write_person(struct json_writer *w, const struct person *person)
{
    json_write_text(w, "email", person->email);
    json_write_text(w, "browserIp", person->ip);
    json_write_array(w, "taxIdentifiers");
    json_write_object(w, NULL);
    json_write_text(w, "type", "de");
    json_write_text(w, "value", person->tax_id);
    json_write_end_object(w);
    json_write_end_array(w);
    persons_write_address(w, "shipTo", person);
    persons_write_address(w, "billTo", person);
}

void
orders_write(const struct sandbox *sandbox, struct json_writer *w, const char *key,
             const struct order *order, const struct orders_view *view)
{
    double total = (double)order_total_cents(order) / 100;
    char at[IDENT_TIME_BYTES];
    struct person person;

    persons_make(ident_hash(order->id), &person);
    json_write_object(w, key);
    json_write_text(w, "id", order->id);
    sandbox_time_text(sandbox, order->created_ms, at);
    json_write_text(w, "createdTime", at);
    json_write_text(w, "currency", "USD");
    orders_write_person(w, &person);
    json_write_text(w, "locale", "en_US");
    json_write_number(w, "subtotal", total);
    json_write_number(w, "totalTax", 0);
    json_write_number(w, "totalShipping", 0);
    json_write_number(w, "totalAmount", total);
    json_write_number(w, "availableToRefundAmount", 0);
    json_write_number(w, "refundedAmount", 0);
    json_write_number(w, "cancelledAmount", (double)view->cancelled_cents / 100);
    json_write_number(w, "capturedAmount", (double)view->captured_cents / 100);
    orders_write_items(w, order, view->state);
    orders_write_states(sandbox, w, order, view->state);
    json_write_bool(w, "requestToBeForgotten", order->is_to_be_forgotten);
    json_write_bool(w, "liveMode", sandbox->options->is_live);
    if (view->has_payment)
        orders_write_payment(sandbox, w, order, &person, view->state);
    if (order->upstream_id != NULL)
        json_write_text(w, "upstreamId", order->upstream_id);
    sandbox_time_text(sandbox, order->updated_ms, at);
    json_write_text(w, "updatedTime", at);
    json_write_end_object(w);
}

struct orders_filter {
    const struct sandbox *sandbox;
    const struct query *query;
    const char *state; /* NULL: any */
};

static bool
orders_match(void *ctx, uint32_t number)
{
    const struct orders_filter *filter = ctx;
    const struct order *order = filter->sandbox->store.orders[number];

    return order->created_ms >= filter->query->created_min_ms &&
           order->created_ms <= filter->query->created_max_ms &&
           order->updated_ms >= filter->query->updated_min_ms &&
           order->updated_ms <= filter->query->updated_max_ms &&
           (filter->state == NULL || strcmp(filter->state, order_state_name(order->state)) == 0);
}

/* The orders that ids= and upstreamIds= name, ascending; the caller frees *out. */
static bool
orders_candidates(struct sandbox *sandbox, const struct query_ids *ids,
                  const struct query_ids *upstream, uint32_t **out, uint32_t *count)
{
    /* Bounded: many orders may share one upstreamId, but a page has room for 100. */
    const uint32_t max = QUERY_IDS_MAX * 4;
    const struct query_ids *given = ids->is_given ? ids : upstream;
    uint32_t used = 0;
    uint32_t *numbers = malloc(max * sizeof(*numbers));

    if (numbers == NULL)
        return false;
    for (int i = 0; i < given->count; i++) {
        const struct order *order = table_get(
            ids->is_given ? sandbox->store.order_ids : sandbox->store.upstream_ids, given->ids[i]);

        while (order != NULL && used < max) {
            numbers[used++] = order->number;
            if (ids->is_given || order->next_upstream == STORE_NONE)
                break;
            order = sandbox->store.orders[order->next_upstream];
        }
    }
    *count = query_sort(numbers, used);
    *out = numbers;
    return true;
}

static void
orders_write_page(const struct sandbox *sandbox, const struct query_page *page,
                  struct answer *answer)
{
    struct json_writer w;

    json_write_init(&w, &answer->body);
    json_write_object(&w, NULL);
    json_write_bool(&w, "hasMore", page->has_more);
    json_write_array(&w, "data");
    for (int i = 0; i < page->count; i++) {
        const struct order *order = sandbox->store.orders[page->numbers[i]];
        struct orders_view view = orders_view_now(order);

        orders_write(sandbox, &w, NULL, order, &view);
    }
    json_write_end_array(&w);
    json_write_end_object(&w);
}

void
orders_list(struct sandbox *sandbox, const struct request *request, struct answer *answer)
{
    struct query query;
    struct query_ids ids = {0};
    struct query_ids upstream = {0};
    struct orders_filter filter = {sandbox, &query, query_value(request, "state")};
    struct query_page page;
    uint32_t *candidates = NULL;
    uint32_t count = sandbox->store.orders_count;
    uint32_t cursor = STORE_NONE;
    const char *id;

    if (!query_parse(request, &query, answer) ||
        !query_ids_parse(sandbox, request, "ids", sandbox->switches.orders_ids_max, &ids, answer))
        return;
    if (!query_ids_parse(sandbox, request, "upstreamIds", sandbox->switches.orders_ids_max,
                         &upstream, answer))
        goto done;
    id = query.ending_before != NULL ? query.ending_before : query.starting_after;
    if (id != NULL) {
        const struct order *order = table_get(sandbox->store.order_ids, id);

        if (order == NULL) {
            (void)answer_error(answer, 400, "invalid_parameter",
                               query.ending_before != NULL ? "endingBefore" : "startingAfter",
                               "Order '%s' was not found.", id);
            goto done;
        }
        cursor = order->number;
    }
    if ((ids.is_given || upstream.is_given) &&
        !orders_candidates(sandbox, &ids, &upstream, &candidates, &count)) {
        answer_status(answer, 500);
        goto done;
    }
    query_select(&query, candidates, count, cursor, orders_match, &filter, &page);
    orders_write_page(sandbox, &page, answer);

done:
    free(candidates);
    query_ids_free(&ids);
    query_ids_free(&upstream);
}

void
orders_get(struct sandbox *sandbox, const char *id, struct answer *answer)
{
    const struct order *order = table_get(sandbox->store.order_ids, id);
    struct orders_view view;
    struct json_writer w;

    if (order == NULL) {
        (void)answer_error(answer, 404, "not_found", "id", "Order '%s' was not found.", id);
        return;
    }
    view = orders_view_now(order);
    json_write_init(&w, &answer->body);
    orders_write(sandbox, &w, NULL, order, &view);
}
