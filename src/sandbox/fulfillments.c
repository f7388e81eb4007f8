#include "sandbox/fulfillments.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/answer.h"
#include "sandbox/charges.h"
#include "sandbox/draft.h"
#include "sandbox/events.h"
#include "sandbox/members.h"
#include "sandbox/query.h"

static void
fulfillments_write_echo(struct json_writer *w, const char *echo)
{
    struct members walk;
    struct member member;
    struct buffer value;

    buffer_init(&value, SANDBOX_BODY_MAX);
    members_begin(&walk, echo, strlen(echo));
    while (members_next(&walk, &member)) {
        char key[64];

        if (member.key_bytes >= sizeof(key))
            continue;
        memcpy(key, member.key, member.key_bytes);
        key[member.key_bytes] = '\0';
        (void)buffer_append(&value, member.value, member.value_bytes);
        json_write_raw(w, key, buffer_text(&value));
        buffer_reset(&value);
    }
    buffer_free(&value);
}

static void
fulfillments_write_items(struct json_writer *w, const struct fulfillment *fulfillment,
                         unsigned view)
{
    json_write_array(w, "items");
    for (int i = 0; i < fulfillment->items_count; i++) {
        const struct fulfillment_item *item = &fulfillment->items[i];
        const struct line *line = &fulfillment->order->lines[item->line];
        int64_t lie = (view & FULFILLMENTS_WRONG_QUANTITY) != 0 && i == 0 ? 1 : 0;

        json_write_object(w, NULL);
        json_write_text(w, "itemId", line->item_id);
        json_write_text(w, "skuId", line->sku_id);
        json_write_int(w, "quantity", item->shipped + lie);
        json_write_int(w, "cancelQuantity", item->cancelled);
        fulfillments_write_echo(w, item->echo);
        json_write_end_object(w);
    }
    json_write_end_array(w);
}

static void
fulfillments_write_charges(const struct sandbox *sandbox, struct json_writer *w,
                           const struct fulfillment *fulfillment)
{
    char id[IDENT_UUID_BYTES];

    json_write_array(w, "chargeOperationIds");
    for (int i = 0; i < fulfillment->items_count; i++) {
        if (fulfillment->items[i].shipped > 0) {
            charges_operation_id(sandbox, fulfillment->number, i, false, id);
            json_write_text(w, NULL, id);
        }
        if (fulfillment->items[i].cancelled > 0) {
            charges_operation_id(sandbox, fulfillment->number, i, true, id);
            json_write_text(w, NULL, id);
        }
    }
    json_write_end_array(w);
}

void
fulfillments_write(const struct sandbox *sandbox, struct json_writer *w, const char *key,
                   const struct fulfillment *fulfillment, unsigned view,
                   const struct orders_view *order_view)
{
    char id[IDENT_UUID_BYTES + 4] = "ful_";
    char at[IDENT_TIME_BYTES];
    bool is_live = sandbox->options->is_live;

    json_write_object(w, key);
    ident_uuid((uint64_t)sandbox->options->seed, IDENT_FULFILLMENT, fulfillment->number, id + 4);
    if ((view & FULFILLMENTS_NO_ID) == 0)
        json_write_text(w, "id", id);
    sandbox_time_text(sandbox, fulfillment->created_ms, at);
    json_write_text(w, "createdTime", at);
    json_write_text(w, "orderId",
                    (view & FULFILLMENTS_WRONG_ORDER) != 0 ? "ord_of_somebody_else"
                                                           : fulfillment->order->id);
    fulfillments_write_items(w, fulfillment, view);
    fulfillments_write_echo(w, fulfillment->echo);
    json_write_bool(w, "liveMode", (view & FULFILLMENTS_WRONG_LIVE) != 0 ? !is_live : is_live);
    if ((view & FULFILLMENTS_METADATA) != 0 && fulfillment->metadata != NULL)
        json_write_raw(w, "metadata", fulfillment->metadata);
    if ((view & FULFILLMENTS_CHARGES) != 0)
        fulfillments_write_charges(sandbox, w, fulfillment);
    if ((view & FULFILLMENTS_DETAILS) != 0) {
        struct orders_view details =
            order_view == NULL ? orders_view_now(fulfillment->order) : *order_view;

        details.has_payment = false;
        orders_write(sandbox, w, "orderDetails", fulfillment->order, &details);
    }
    json_write_end_object(w);
}

/* Takes what it keeps out of the draft. */
static struct fulfillment *
fulfillments_new(struct sandbox *sandbox, struct draft *draft, bool is_foreign)
{
    struct fulfillment *fulfillment = calloc(1, sizeof(*fulfillment));

    if (fulfillment == NULL)
        return NULL;
    fulfillment->items = calloc((size_t)draft->items_count, sizeof(*fulfillment->items));
    if (fulfillment->items == NULL)
        goto fail;
    if (draft->shipment_id != NULL &&
        (fulfillment->shipment_id = strdup(draft->shipment_id)) == NULL)
        goto fail;
    if (!is_foreign && draft->marker != NULL &&
        (fulfillment->marker = strdup(draft->marker)) == NULL)
        goto fail;
    if (!is_foreign) {
        fulfillment->metadata = draft->metadata;
        draft->metadata = NULL;
    }
    fulfillment->echo = draft->echo;
    draft->echo = NULL;
    fulfillment->order = draft->order;
    fulfillment->is_foreign = is_foreign;
    fulfillment->items_count = draft->items_count;
    for (int i = 0; i < draft->items_count; i++) {
        struct fulfillment_item *item = &fulfillment->items[i];

        item->line = draft->items[i].line;
        item->shipped = draft->items[i].shipped;
        item->cancelled = draft->items[i].cancelled;
        item->capture = item->shipped > 0 ? OPERATION_PENDING : OPERATION_NONE;
        item->cancel = item->cancelled > 0 ? OPERATION_PENDING : OPERATION_NONE;
        item->echo = draft->items[i].echo;
        draft->items[i].echo = NULL;
    }
    fulfillment->created_ms = sandbox_stamp_ms(sandbox);
    fulfillment->visible_ms = sandbox_now_ms(sandbox) + sandbox->switches.list_lag_ms +
                              (is_foreign ? 0 : faults_next_list_lag(sandbox->faults));
    return fulfillment;

fail:
    fulfillment_free(fulfillment);
    return NULL;
}

/* One line for one applied fulfillment, written at once: it survives whatever happens to us. */
static void
fulfillments_journal(const struct sandbox *sandbox, const struct fulfillment *fulfillment)
{
    struct buffer line;
    struct json_writer w;
    ssize_t written;

    if (sandbox->journal_fd < 0)
        return;
    buffer_init(&line, SANDBOX_BODY_MAX * 4);
    json_write_init(&w, &line);
    fulfillments_write(sandbox, &w, NULL, fulfillment, FULFILLMENTS_METADATA, NULL);
    (void)buffer_putc(&line, '\n');
    written = write(sandbox->journal_fd, buffer_text(&line), line.used);
    (void)written; /* a full disk must not stop the rehearsal; the admin's pages know as much */
    buffer_free(&line);
}

static void
fulfillments_count(struct sandbox *sandbox, const struct fulfillment *fulfillment)
{
    struct stats *stats = &sandbox->stats;

    stats->applied++;
    stats->foreign += fulfillment->is_foreign;
    for (int i = 0; i < fulfillment->items_count; i++) {
        stats->units_shipped += fulfillment->items[i].shipped;
        stats->units_cancelled += fulfillment->items[i].cancelled;
    }
    if (fulfillment->marker != NULL &&
        table_get(sandbox->store.markers, fulfillment->marker) != fulfillment)
        stats->duplicate_markers++;
}

bool
fulfillments_post(struct sandbox *sandbox, const char *body, size_t body_bytes, bool is_foreign,
                  struct fulfillment **out, struct answer *answer)
{
    bool ok = false;
    struct draft draft = {0};
    struct fulfillment *fulfillment = NULL;
    struct error err = {0};

    if (!draft_read(sandbox, body, body_bytes, &draft, answer))
        goto done;
    if (!draft_check(sandbox, &draft, answer)) {
        if (draft.order != NULL && draft.order->is_authorization_expired)
            events_add(sandbox, "order.charge.reauth.failed", draft.order, NULL);
        goto done;
    }
    fulfillment = fulfillments_new(sandbox, &draft, is_foreign);
    if (fulfillment == NULL || !store_add_fulfillment(&sandbox->store, fulfillment, &err)) {
        answer_status(answer, 500);
        goto done;
    }
    fulfillments_count(sandbox, fulfillment);
    fulfillments_journal(sandbox, fulfillment);
    events_add(sandbox, "fulfillment.created", fulfillment->order, fulfillment);
    orders_follow(sandbox, fulfillment);
    fulfillments_answer(sandbox, fulfillment, 0, answer);
    *out = fulfillment;
    fulfillment = NULL; /* the store's now */
    ok = true;

done:
    fulfillment_free(fulfillment);
    draft_free(&draft);
    return ok;
}

void
fulfillments_answer(const struct sandbox *sandbox, const struct fulfillment *fulfillment,
                    unsigned lie, struct answer *answer)
{
    struct json_writer w;

    answer_clear(answer);
    answer->status = 201;
    json_write_init(&w, &answer->body);
    fulfillments_write(sandbox, &w, NULL, fulfillment, FULFILLMENTS_METADATA | lie, NULL);
}

struct fulfillment *
fulfillments_find(const struct sandbox *sandbox, const char *id, uint32_t *number)
{
    if (strncmp(id, "ful_", 4) != 0 ||
        !ident_uuid_number((uint64_t)sandbox->options->seed, IDENT_FULFILLMENT, id + 4,
                           sandbox->store.fulfillments_count, number))
        return NULL;
    return sandbox->store.fulfillments[*number];
}

struct fulfillments_filter {
    const struct sandbox *sandbox;
    const struct query *query;
    int64_t now_ms;
    const char *order_id;
    const char *tracking_number;
    const char *tracking_company;
    const char *sku_id;
};

/* Is the text field of an echo equal to what a filter wants? */
static bool
fulfillments_echo_is(const char *echo, const char *key, const char *wanted)
{
    struct error err = {0};
    struct json_doc *doc = NULL;
    const char *text;
    bool is_equal = false;

    if (json_parse(echo, strlen(echo), &doc, &err)) {
        text = json_text(json_root(doc), key);
        is_equal = text != NULL && strcmp(text, wanted) == 0;
    }
    json_free(doc);
    return is_equal;
}

static bool
fulfillments_has_sku(const struct fulfillment *fulfillment, const char *sku_id)
{
    for (int i = 0; i < fulfillment->items_count; i++)
        if (strcmp(fulfillment->order->lines[fulfillment->items[i].line].sku_id, sku_id) == 0)
            return true;
    return false;
}

static bool
fulfillments_match(void *ctx, uint32_t number)
{
    const struct fulfillments_filter *filter = ctx;
    const struct fulfillment *fulfillment = filter->sandbox->store.fulfillments[number];

    if (fulfillment->visible_ms > filter->now_ms)
        return false;
    if (fulfillment->created_ms < filter->query->created_min_ms ||
        fulfillment->created_ms > filter->query->created_max_ms)
        return false;
    if (filter->order_id != NULL && strcmp(fulfillment->order->id, filter->order_id) != 0)
        return false;
    if (filter->sku_id != NULL && !fulfillments_has_sku(fulfillment, filter->sku_id))
        return false;
    if (filter->tracking_number != NULL &&
        !fulfillments_echo_is(fulfillment->echo, "trackingNumber", filter->tracking_number))
        return false;
    return filter->tracking_company == NULL ||
           fulfillments_echo_is(fulfillment->echo, "trackingCompany", filter->tracking_company);
}

/* By ids or by order, ascending; false without memory. *out stays NULL when neither is given. */
static bool
fulfillments_candidates(const struct sandbox *sandbox, const struct query_ids *ids,
                        const char *order_id, uint32_t **out, uint32_t *count)
{
    const struct order *order =
        order_id == NULL ? NULL : table_get(sandbox->store.order_ids, order_id);
    uint32_t number = order == NULL ? STORE_NONE : order->last_fulfillment;
    uint32_t used = 0;
    uint32_t max = (uint32_t)ids->count;

    if (!ids->is_given && order_id == NULL)
        return true;
    if (!ids->is_given)
        for (uint32_t i = number; i != STORE_NONE; i = sandbox->store.fulfillments[i]->previous)
            max++;
    *out = malloc((max + 1) * sizeof(**out));
    if (*out == NULL)
        return false;
    for (int i = 0; i < ids->count; i++)
        if (fulfillments_find(sandbox, ids->ids[i], &number) != NULL)
            (*out)[used++] = number;
    if (!ids->is_given)
        for (uint32_t i = number; i != STORE_NONE; i = sandbox->store.fulfillments[i]->previous)
            (*out)[used++] = i;
    *count = query_sort(*out, used);
    return true;
}

static void
fulfillments_write_page(const struct sandbox *sandbox, const struct query_page *page,
                        const struct query *query, uint32_t cursor, struct answer *answer)
{
    unsigned view = sandbox->switches.list_metadata ? FULFILLMENTS_METADATA : 0u;
    /* As a new one at the front shifts the pages of a list that counts. */
    bool is_repeating = sandbox->switches.list_repeat && query->starting_after != NULL &&
                        cursor != STORE_NONE && query->limit > 1;
    bool is_cut = is_repeating && page->count == query->limit;
    struct json_writer w;

    json_write_init(&w, &answer->body);
    json_write_object(&w, NULL);
    json_write_bool(&w, "hasMore", page->has_more || is_cut);
    json_write_array(&w, "data");
    if (is_repeating)
        fulfillments_write(sandbox, &w, NULL, sandbox->store.fulfillments[cursor], view, NULL);
    for (int i = 0; i < page->count - is_cut; i++)
        fulfillments_write(sandbox, &w, NULL, sandbox->store.fulfillments[page->numbers[i]], view,
                           NULL);
    json_write_end_array(&w);
    json_write_end_object(&w);
}

void
fulfillments_list(struct sandbox *sandbox, const struct request *request, struct answer *answer)
{
    struct query query;
    struct query_ids ids = {0};
    struct fulfillments_filter filter = {
        .sandbox = sandbox,
        .query = &query,
        .now_ms = sandbox_now_ms(sandbox),
        .order_id = query_value(request, "orderId"),
        .tracking_number = query_value(request, "trackingNumber"),
        .tracking_company = query_value(request, "trackingCompany"),
        .sku_id = query_value(request, "skuId"),
    };
    struct query_page page;
    uint32_t *candidates = NULL;
    uint32_t count = sandbox->store.fulfillments_count;
    uint32_t cursor = STORE_NONE;
    const char *id;

    if (!query_parse(request, &query, answer) ||
        !query_ids_parse(sandbox, request, "ids", sandbox->switches.orders_ids_max, &ids, answer))
        return;
    if (sandbox->switches.list_max > 0 && query.limit > sandbox->switches.list_max)
        query.limit = (int)sandbox->switches.list_max;
    id = query.ending_before != NULL ? query.ending_before : query.starting_after;
    if (id != NULL && fulfillments_find(sandbox, id, &cursor) == NULL) {
        (void)answer_error(answer, 400, "invalid_parameter",
                           query.ending_before != NULL ? "endingBefore" : "startingAfter",
                           "Fulfillment '%s' was not found.", id);
        goto done;
    }
    if (!fulfillments_candidates(sandbox, &ids, filter.order_id, &candidates, &count)) {
        answer_status(answer, 500);
        goto done;
    }
    query_select(&query, candidates, count, cursor, fulfillments_match, &filter, &page);
    fulfillments_write_page(sandbox, &page, &query, cursor, answer);

done:
    free(candidates);
    query_ids_free(&ids);
}

void
fulfillments_get(struct sandbox *sandbox, const char *id, struct answer *answer)
{
    uint32_t number;
    const struct fulfillment *fulfillment = fulfillments_find(sandbox, id, &number);
    struct json_writer w;

    if (fulfillment == NULL) {
        (void)answer_error(answer, 404, "not_found", "id", "Fulfillment '%s' was not found.", id);
        return;
    }
    json_write_init(&w, &answer->body);
    fulfillments_write(sandbox, &w, NULL, fulfillment,
                       FULFILLMENTS_METADATA | FULFILLMENTS_DETAILS | FULFILLMENTS_CHARGES, NULL);
}
