/* POST /fulfillments/{id}: tracking and metadata; quantities can never be changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/answer.h"
#include "sandbox/draft.h"
#include "sandbox/fulfillments.h"
#include "sandbox/members.h"

static bool
update_is_tracking(const struct member *member)
{
    return member_is(member, "trackingCompany") || member_is(member, "trackingNumber") ||
           member_is(member, "trackingUrl");
}

/* One object of tracking fields; `beside` and `beside2` are names that may stand there too. */
static bool
update_check(const char *raw, size_t bytes, const char *beside, const char *beside2,
             struct answer *answer)
{
    struct members walk;
    struct member member;

    members_begin(&walk, raw, bytes);
    while (members_next(&walk, &member)) {
        char name[64];

        if (member_is(&member, beside) || member_is(&member, beside2))
            continue;
        (void)snprintf(name, sizeof(name), "%.*s",
                       (int)(member.key_bytes > 60 ? 60 : member.key_bytes), member.key);
        if (!update_is_tracking(&member))
            return answer_error(answer, 400, "unknown_parameter", name, "Unknown parameter '%s'.",
                                name);
        if (member.value[0] != '"' && !member_is_null(&member))
            return answer_error(answer, 400, "invalid_parameter", name, "'%s' must be a string.",
                                name);
    }
    return true;
}

/* *text becomes itself changed by the tracking fields of raw. */
static bool
update_merge(char **text, const char *raw, size_t bytes, bool is_metadata)
{
    struct members walk;
    struct member member;
    struct buffer change;
    struct buffer merged;
    char *taken = NULL;

    buffer_init(&change, SANDBOX_BODY_MAX);
    buffer_init(&merged, SANDBOX_BODY_MAX);
    (void)buffer_putc(&change, '{');
    members_begin(&walk, raw, bytes);
    while (members_next(&walk, &member))
        if (is_metadata || update_is_tracking(&member))
            members_put(&change, &member);
    (void)buffer_putc(&change, '}');
    members_merge(&merged, *text, buffer_text(&change), change.used, is_metadata);
    if (!change.is_failed)
        taken = buffer_take(&merged);
    if (taken != NULL) {
        free(*text);
        *text = taken;
    }
    buffer_free(&change);
    buffer_free(&merged);
    return taken != NULL;
}

/* Twice over the items: first only looking, so that an error changes nothing. */
static bool
update_items(struct fulfillment *fulfillment, const struct json_value *items,
             const struct member *raw, bool is_look, struct answer *answer)
{
    struct members walk;
    struct member member;
    const struct json_value *value = json_first(items);

    members_begin(&walk, raw->value, raw->value_bytes);
    while (value != NULL && members_next(&walk, &member)) {
        const char *item_id = json_text(value, "itemId");
        struct fulfillment_item *item = NULL;

        if (item_id == NULL)
            return answer_error(answer, 400, "missing_parameter", "itemId",
                                "'itemId' is required.");
        for (int i = 0; i < fulfillment->items_count && item == NULL; i++)
            if (strcmp(fulfillment->order->lines[fulfillment->items[i].line].item_id, item_id) == 0)
                item = &fulfillment->items[i];
        if (item == NULL)
            return answer_error(answer, 400, "invalid_parameter", "itemId",
                                "Item '%s' is not in the fulfillment.", item_id);
        if (is_look) {
            if (!update_check(member.value, member.value_bytes, "itemId", "itemId", answer))
                return false;
        } else if (!update_merge(&item->echo, member.value, member.value_bytes, false)) {
            answer_status(answer, 500);
            return false;
        }
        value = json_next(value);
    }
    return true;
}

static bool
update_apply(struct fulfillment *fulfillment, const struct json_value *root, const char *body,
             size_t body_bytes, struct answer *answer)
{
    struct members walk;
    struct member member;
    struct member items = {0};
    struct member metadata = {0};

    members_begin(&walk, body, body_bytes);
    while (members_next(&walk, &member)) {
        if (member_is(&member, "items") && !member_is_null(&member))
            items = member;
        if (member_is(&member, "metadata") && !member_is_null(&member))
            metadata = member;
    }
    if (!update_check(body, body_bytes, "items", "metadata", answer))
        return false;
    if (metadata.value != NULL &&
        !draft_check_metadata(metadata.value, metadata.value_bytes, answer))
        return false;
    if (items.value != NULL && !json_is_array(json_get(root, "items")))
        return answer_error(answer, 400, "invalid_parameter", "items", "'items' must be an array.");
    if (items.value != NULL &&
        (!update_items(fulfillment, json_get(root, "items"), &items, true, answer) ||
         !update_items(fulfillment, json_get(root, "items"), &items, false, answer)))
        return false;
    if ((metadata.value != NULL &&
         !update_merge(&fulfillment->metadata, metadata.value, metadata.value_bytes, true)) ||
        !update_merge(&fulfillment->echo, body, body_bytes, false)) {
        answer_status(answer, 500);
        return false;
    }
    return true;
}

void
fulfillments_update(struct sandbox *sandbox, const char *id, const char *body, size_t body_bytes,
                    struct answer *answer)
{
    uint32_t number;
    struct fulfillment *fulfillment = fulfillments_find(sandbox, id, &number);
    struct json_doc *doc = NULL;
    struct error err = {0};
    struct json_writer w;

    if (fulfillment == NULL) {
        (void)answer_error(answer, 404, "not_found", "id", "Fulfillment '%s' was not found.", id);
        return;
    }
    if (!json_parse(body, body_bytes, &doc, &err)) {
        (void)answer_error(answer, 400, "invalid_parameter", "body",
                           "The body is not valid JSON: %s", err.message);
        return;
    }
    if (!json_is_object(json_root(doc))) {
        (void)answer_error(answer, 400, "invalid_parameter", "body", "The body must be an object.");
        goto done;
    }
    if (!update_apply(fulfillment, json_root(doc), body, body_bytes, answer))
        goto done;
    sandbox->stats.updates++;
    json_write_init(&w, &answer->body);
    fulfillments_write(sandbox, &w, NULL, fulfillment, FULFILLMENTS_METADATA, NULL);

done:
    json_free(doc);
}
