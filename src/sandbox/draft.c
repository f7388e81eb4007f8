#include "sandbox/draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/answer.h"
#include "sandbox/members.h"

#define METADATA_PAIRS_MAX 20
#define METADATA_KEY_MAX   40
#define METADATA_VALUE_MAX 500
#define UNITS_MAX          1000000000

enum field_type { FIELD_TEXT, FIELD_NUMBER, FIELD_OTHER };

/* A field that is known, and whether it is given back as it came. */
struct field {
    const char *name;
    enum field_type type;
    bool is_echoed;
};

static const struct field top_fields[] = {
    {"orderId", FIELD_TEXT, false},        {"shipmentId", FIELD_TEXT, true},
    {"items", FIELD_OTHER, false},         {"metadata", FIELD_OTHER, false},
    {"trackingCompany", FIELD_TEXT, true}, {"trackingNumber", FIELD_TEXT, true},
    {"trackingUrl", FIELD_TEXT, true},     {"currency", FIELD_TEXT, true},
    {"partnerId", FIELD_TEXT, true},       {NULL, FIELD_OTHER, false},
};

static const struct field item_fields[] = {
    {"itemId", FIELD_TEXT, false},          {"skuId", FIELD_TEXT, false},
    {"shipmentItemId", FIELD_TEXT, true},   {"quantity", FIELD_OTHER, false},
    {"cancelQuantity", FIELD_OTHER, false}, {"trackingCompany", FIELD_TEXT, true},
    {"trackingNumber", FIELD_TEXT, true},   {"trackingUrl", FIELD_TEXT, true},
    {"subfulfillerId", FIELD_TEXT, true},   {"distributorCost", FIELD_NUMBER, true},
    {"shippingCost", FIELD_NUMBER, true},   {NULL, FIELD_OTHER, false},
};

/* Known names and their types; what is to be given back goes to echo. prefix: "" or "items[0].". */
static bool
draft_read_fields(const struct field *fields, const char *prefix, const char *raw, size_t bytes,
                  char **echo, struct answer *answer)
{
    bool ok = false;
    struct members walk;
    struct member member;
    struct buffer text;

    buffer_init(&text, SANDBOX_BODY_MAX * 2);
    (void)buffer_putc(&text, '{');
    members_begin(&walk, raw, bytes);
    while (members_next(&walk, &member)) {
        const struct field *field = fields;
        char name[128];

        (void)snprintf(name, sizeof(name), "%s%.*s", prefix,
                       (int)(member.key_bytes > 60 ? 60 : member.key_bytes), member.key);
        while (field->name != NULL && !member_is(&member, field->name))
            field++;
        if (field->name == NULL) {
            (void)answer_error(answer, 400, "unknown_parameter", name, "Unknown parameter '%s'.",
                               name);
            goto done;
        }
        if (member_is_null(&member))
            continue;
        if ((field->type == FIELD_TEXT && member.value[0] != '"') ||
            (field->type == FIELD_NUMBER && (member.value[0] < '0' || member.value[0] > '9'))) {
            (void)answer_error(answer, 400, "invalid_parameter", name, "'%s' must be a %s.", name,
                               field->type == FIELD_TEXT ? "string" : "number of 0 or more");
            goto done;
        }
        if (field->is_echoed)
            members_put(&text, &member);
    }
    (void)buffer_putc(&text, '}');
    *echo = buffer_take(&text);
    if (*echo == NULL) {
        answer_status(answer, 500);
        goto done;
    }
    ok = true;

done:
    buffer_free(&text);
    return ok;
}

bool
draft_check_metadata(const char *raw, size_t bytes, struct answer *answer)
{
    struct members walk;
    struct member member;
    int pairs = 0;

    if (bytes == 0 || raw[0] != '{')
        return answer_error(answer, 400, "invalid_parameter", "metadata",
                            "'metadata' must be an object.");
    members_begin(&walk, raw, bytes);
    while (members_next(&walk, &member)) {
        size_t key = members_string_length(member.key, member.key_bytes);

        if (key == 0 || key > METADATA_KEY_MAX)
            return answer_error(answer, 400, "invalid_metadata_key", "metadata",
                                "A metadata key must have 1 to %d characters.", METADATA_KEY_MAX);
        if (member.value[0] == '{' || member.value[0] == '[' || member_is_null(&member) ||
            (member.value[0] == '"' &&
             members_string_length(member.value + 1, member.value_bytes - 2) > METADATA_VALUE_MAX))
            return answer_error(answer, 400, "invalid_metadata_value", "metadata",
                                "A metadata value must be a string of at most %d characters, a "
                                "number or a boolean.",
                                METADATA_VALUE_MAX);
        if (++pairs > METADATA_PAIRS_MAX)
            return answer_error(answer, 400, "too_many_metadata_pairs", "metadata",
                                "At most %d metadata pairs are allowed.", METADATA_PAIRS_MAX);
    }
    if (pairs == 0)
        return answer_error(answer, 400, "invalid_empty", "metadata",
                            "'metadata' must hold at least one pair.");
    return true;
}

/* One of the two quantities: absent, null, a whole number, or one as text (the documents' samples).
 */
static bool
draft_read_units(const struct json_value *item, int index, const char *key, int64_t *out,
                 struct answer *answer)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "items[%d].%s", index, key);
    *out = 0;
    if (json_get(item, key) == NULL)
        return true;
    if (!json_int(item, key, out))
        return answer_error(answer, 400, "invalid_integer", name, "'%s' must be an integer.", name);
    if (*out < 0 || *out > UNITS_MAX)
        return answer_error(answer, 400, "invalid_quantity_amount", name,
                            "'%s' must not be negative.", name);
    return true;
}

static bool
draft_read_item(const struct json_value *value, const struct member *raw, int index,
                struct draft_item *item, struct answer *answer)
{
    char prefix[32];

    (void)snprintf(prefix, sizeof(prefix), "items[%d].", index);
    if (!json_is_object(value))
        return answer_error(answer, 400, "invalid_parameter", "items",
                            "'items[%d]' must be an object.", index);
    if (!draft_read_fields(item_fields, prefix, raw->value, raw->value_bytes, &item->echo, answer))
        return false;
    item->item_id = json_text(value, "itemId");
    if (item->item_id == NULL)
        return answer_error(answer, 400, "missing_parameter", "itemId",
                            "'items[%d].itemId' is required.", index);
    if (item->item_id[strspn(item->item_id, " \t")] == '\0')
        return answer_error(answer, 400, "invalid_string_blank", "itemId",
                            "'items[%d].itemId' must not be blank.", index);
    if (!draft_read_units(value, index, "quantity", &item->shipped, answer) ||
        !draft_read_units(value, index, "cancelQuantity", &item->cancelled, answer))
        return false;
    if (item->shipped == 0 && item->cancelled == 0)
        return answer_error(answer, 400, "invalid_quantity_amount", "quantity",
                            "'items[%d]' needs a quantity or a cancelQuantity of 1 or more.",
                            index);
    return true;
}

static bool
draft_read_items(const struct sandbox *sandbox, const struct json_value *items,
                 const struct member *raw, struct draft *draft, struct answer *answer)
{
    int64_t max = sandbox->switches.items_max == 0 ? DRAFT_ITEMS_MAX : sandbox->switches.items_max;
    int count = json_count(items);
    const struct json_value *value = json_first(items);
    struct members walk;
    struct member member;

    if (items == NULL)
        return answer_error(answer, 400, "missing_parameter", "items", "'items' is required.");
    if (!json_is_array(items))
        return answer_error(answer, 400, "invalid_parameter", "items", "'items' must be an array.");
    if (count == 0)
        return answer_error(answer, 400, "invalid_empty", "items", "'items' must not be empty.");
    if (count > max)
        return answer_error(answer, 400, "invalid_parameter", "items",
                            "At most %lld items are allowed.", (long long)max);
    draft->items = calloc((size_t)count, sizeof(*draft->items));
    if (draft->items == NULL) {
        answer_status(answer, 500);
        return false;
    }
    members_begin(&walk, raw->value, raw->value_bytes);
    while (value != NULL && draft->items_count < count && members_next(&walk, &member)) {
        int index = draft->items_count++;

        if (!draft_read_item(value, &member, index, &draft->items[index], answer))
            return false;
        value = json_next(value);
    }
    return true;
}

/* A distributor's cost needs a currency. */
static bool
draft_check_currency(const struct draft *draft, const struct json_value *root,
                     struct answer *answer)
{
    if (json_text(root, "currency") != NULL)
        return true;
    for (int i = 0; i < draft->items_count; i++)
        if (strstr(draft->items[i].echo, "\"distributorCost\":") != NULL ||
            strstr(draft->items[i].echo, "\"shippingCost\":") != NULL)
            return answer_error(answer, 400, "missing_parameter", "currency",
                                "'currency' is required with a cost.");
    return true;
}

static bool
draft_read_order_id(const struct json_value *root, struct draft *draft, struct answer *answer)
{
    draft->order_id = json_text(root, "orderId");
    if (draft->order_id == NULL)
        return answer_error(answer, 400, "missing_parameter", "orderId", "'orderId' is required.");
    if (draft->order_id[strspn(draft->order_id, " \t")] == '\0')
        return answer_error(answer, 400, "invalid_string_blank", "orderId",
                            "'orderId' must not be blank.");
    return true;
}

bool
draft_read(const struct sandbox *sandbox, const char *body, size_t body_bytes, struct draft *draft,
           struct answer *answer)
{
    struct error err = {0};
    const struct json_value *root;
    struct members walk;
    struct member member;
    struct member items = {0};
    struct member metadata = {0};

    memset(draft, 0, sizeof(*draft));
    if (!json_parse(body, body_bytes, &draft->doc, &err))
        return answer_error(answer, 400, "invalid_parameter", "body",
                            "The body is not valid JSON: %s", err.message);
    root = json_root(draft->doc);
    if (!json_is_object(root))
        return answer_error(answer, 400, "invalid_parameter", "body",
                            "The body must be an object.");
    if (!draft_read_fields(top_fields, "", body, body_bytes, &draft->echo, answer) ||
        !draft_read_order_id(root, draft, answer))
        return false;
    members_begin(&walk, body, body_bytes);
    while (members_next(&walk, &member)) {
        if (member_is(&member, "items"))
            items = member;
        if (member_is(&member, "metadata") && !member_is_null(&member))
            metadata = member;
    }
    if (metadata.value != NULL) {
        if (!draft_check_metadata(metadata.value, metadata.value_bytes, answer))
            return false;
        draft->metadata = strndup(metadata.value, metadata.value_bytes);
        draft->marker = json_text(json_get(root, "metadata"), "waybill_submission");
    }
    draft->shipment_id = json_text(root, "shipmentId");
    return draft_read_items(sandbox, json_get(root, "items"), &items, draft, answer) &&
           draft_check_currency(draft, root, answer);
}

/* What the order's state forbids. */
static bool
draft_check_state(const struct sandbox *sandbox, const struct order *order, struct answer *answer)
{
    if (order->is_authorization_expired)
        return answer_authorization_failed(answer);
    switch (order->state) {
    case ORDER_PENDING_PAYMENT:
    case ORDER_IN_REVIEW:
    case ORDER_BLOCKED:
    case ORDER_DISPUTE:
        return answer_error(answer, 409, "order_not_submitted", "orderId",
                            "Order '%s' has not been submitted.", order->id);
    default:
        break;
    }
    if (sandbox->switches.quantity_check == QUANTITY_OFF)
        return true;
    switch (order->state) {
    case ORDER_FULFILLED:
        return answer_error(answer, 409, "order_fulfilled", "orderId",
                            "Resource '%s' is fulfilled.", order->id);
    case ORDER_COMPLETE:
    case ORDER_RETURNED:
        /* Two spaces, as the API has them. */
        return answer_error(answer, 409, "order_complete", "orderId",
                            "Resource '%s'  is already complete.", order->id);
    case ORDER_CANCELLED:
        return answer_error(answer, 409, "order_cancelled", "orderId",
                            "Resource '%s'  is already cancelled.", order->id);
    default:
        return true;
    }
}

static bool
draft_check_item(const struct sandbox *sandbox, const struct draft *draft, int index,
                 struct answer *answer)
{
    const struct draft_item *item = &draft->items[index];
    const struct line *line = &draft->order->lines[item->line];
    int64_t sum = 0;

    for (int i = 0; i <= index; i++) {
        if (draft->items[i].line != item->line)
            continue;
        if (i < index && sandbox->switches.duplicate_item == 0)
            return answer_error(answer, 400, "invalid_parameter", "itemId",
                                "Item '%s' is given twice.", item->item_id);
        sum += draft->items[i].shipped + draft->items[i].cancelled;
    }
    if (sandbox->switches.quantity_check == QUANTITY_OFF)
        return true;
    if (line->state == LINE_CANCELLED)
        return answer_error(answer, 409, "item_cancelled", "itemId",
                            "Resource '%s'  is already cancelled", item->item_id);
    if (line->state != LINE_CREATED)
        return answer_error(answer, 409, "item_fulfilled", "itemId",
                            "Resource '%s'  is already fulfilled", item->item_id);
    if (sandbox->switches.quantity_check == QUANTITY_CUMULATIVE)
        sum += line->shipped + line->cancelled;
    if (sum > line->quantity)
        return answer_error(
            answer, 409, "quantity_too_large", "quantity",
            "Sum of quantity and cancelQuantity may not exceed sku quantity of the order.");
    return true;
}

bool
draft_check(const struct sandbox *sandbox, struct draft *draft, struct answer *answer)
{
    draft->order = table_get(sandbox->store.order_ids, draft->order_id);
    if (draft->order == NULL) {
        bool is_404 = sandbox->switches.unknown_order == 0;

        return answer_error(answer, is_404 ? 404 : 400, is_404 ? "not_found" : "invalid_parameter",
                            "orderId", "Order '%s' was not found.", draft->order_id);
    }
    if (!draft_check_state(sandbox, draft->order, answer))
        return false;
    if (sandbox->switches.shipment_id_unique && draft->shipment_id != NULL &&
        table_get(sandbox->store.shipment_ids, draft->shipment_id) != NULL)
        return answer_error(answer, 409, "already_exists", "shipmentId",
                            "Shipment '%s' already exists.", draft->shipment_id);
    for (int i = 0; i < draft->items_count; i++) {
        const struct line *line = order_line(draft->order, draft->items[i].item_id);

        if (line == NULL)
            return answer_error(answer, 400, "invalid_parameter", "itemId",
                                "Item '%s' does not belong to order '%s'.", draft->items[i].item_id,
                                draft->order_id);
        draft->items[i].line = (int)(line - draft->order->lines);
    }
    for (int i = 0; i < draft->items_count; i++)
        if (!draft_check_item(sandbox, draft, i, answer))
            return false;
    return true;
}

void
draft_free(struct draft *draft)
{
    for (int i = 0; i < draft->items_count; i++)
        free(draft->items[i].echo);
    free(draft->items);
    free(draft->echo);
    free(draft->metadata);
    json_free(draft->doc);
    memset(draft, 0, sizeof(*draft));
}
