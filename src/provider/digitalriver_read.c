#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "provider/digitalriver.h"

enum { DIGITALRIVER_ERRORS_MAX = 100 }; /* entries of an error body that are looked at */

/* What a status means for a POST, before any code is read: "branch on the status first, then the
 * code, default to needs reconciliation", since messages and codes may change without a new version
 * [documented]. First match wins; what no row names is unknown. */
static const struct {
    int from, to;
    enum provider_outcome outcome;
    bool needs_envelope; /* else the next row that matches */
} digitalriver_statuses[] = {
    {201, 201, PROVIDER_ACCEPTED, false}, /* if the body bears it out */
    {300, 399, PROVIDER_REFUSED_LATER, false},
    {400, 400, PROVIDER_REFUSED, true},
    {401, 401, PROVIDER_REFUSED_KEY, false},
    {403, 403, PROVIDER_REFUSED_KEY, true},
    {404, 404, PROVIDER_REFUSED, true},
    /* A firewall sits in front [inferred from its cookies], and what has no API behind it for a
     * moment says 404: neither knows the order, so it is no reason to take it apart. */
    {400, 400, PROVIDER_REFUSED_LATER, false},
    {403, 406, PROVIDER_REFUSED_LATER, false},
    /* Unless its code has a row below. In nobody's words it may be the conflict with an attempt of
     * ours that was applied: unknown. */
    {409, 409, PROVIDER_REFUSED, true},
    {413, 414, PROVIDER_REFUSED_LATER, false},
    {422, 422, PROVIDER_REFUSED_LATER, false},
    {429, 429, PROVIDER_NOT_NOW, false}, /* [documented] blocked before it reached the backend */
};

/* What the code of a 409 means. */
static const struct {
    const char *code;
    enum provider_outcome outcome;
    bool is_order_wide;
} digitalriver_conflicts[] = {
    {"order_not_submitted", PROVIDER_ORDER_WAITS, true},      /* [documented] in dispute */
    {"payment_authorization_failed", PROVIDER_PAYMENT, true}, /* [documented] */
    {"item_fulfilled", PROVIDER_TAKEN, false},                /* [seen] */
    {"item_cancelled", PROVIDER_TAKEN, false},                /* [seen] */
    {"quantity_too_large", PROVIDER_TAKEN, false},            /* [seen] */
    {"order_fulfilled", PROVIDER_TAKEN, true},                /* [documented] */
    {"order_complete", PROVIDER_TAKEN, true},                 /* [seen] */
    {"order_already_complete", PROVIDER_TAKEN, true},         /* [documented] in 2023 */
    {"order_cancelled", PROVIDER_TAKEN, true},                /* [seen] */
};

static int
digitalriver_conflict(const char *code)
{
    int count = (int)(sizeof(digitalriver_conflicts) / sizeof(digitalriver_conflicts[0]));

    for (int i = 0; code != NULL && i < count; i++) {
        if (strcmp(digitalriver_conflicts[i].code, code) == 0)
            return i;
    }
    return -1;
}

enum provider_outcome
digitalriver_code_outcome(const char *error_code)
{
    int row = digitalriver_conflict(error_code);

    return row >= 0 ? digitalriver_conflicts[row].outcome : PROVIDER_REFUSED;
}

bool
digitalriver_is_order_wide(const char *error_code)
{
    int row = digitalriver_conflict(error_code);

    return row >= 0 && digitalriver_conflicts[row].is_order_wide;
}

/* `type` is one of a list [documented], which may grow; payment_authorization_failed has none, and
 * `description` instead of `message` [documented]. A gateway's {"message": "Forbidden"} is neither.
 * Of several entries the first one with a code that we know is taken. */
void
digitalriver_read_error(const struct json_value *root, struct digitalriver_error *out)
{
    const struct json_value *entry = NULL;
    int seen = 0;

    *out = (struct digitalriver_error){.errors = json_get(root, "errors")};
    if (!json_is_array(out->errors))
        out->errors = NULL;
    for (const struct json_value *at = json_first(out->errors);
         at != NULL && seen < DIGITALRIVER_ERRORS_MAX; at = json_next(at), seen++) {
        if (entry == NULL || (digitalriver_conflict(json_text(entry, "code")) < 0 &&
                              digitalriver_conflict(json_text(at, "code")) >= 0))
            entry = at;
    }
    out->code = json_text(entry, "code");
    out->parameter = json_text(entry, "parameter");
    out->message = json_text(entry, "message");
    if (out->message == NULL)
        out->message = json_text(entry, "description");
    out->is_envelope =
        out->code != NULL || (out->errors != NULL && json_text(root, "type") != NULL);
}

/* ---- which of our lines is meant ---- */

/* "items[2].quantity", "items.2", "items[2]": -1 for anything else. */
static int
digitalriver_item_index(const char *parameter)
{
    int index = 0;
    size_t digits;

    if (strncmp(parameter, "items", 5) != 0 || (parameter[5] != '[' && parameter[5] != '.'))
        return -1;
    digits = strspn(parameter + 6, "0123456789");
    if (digits == 0 || digits > 4)
        return -1;
    for (size_t i = 0; i < digits; i++)
        index = index * 10 + (parameter[6 + i] - '0');
    parameter += 6 + digits;
    return *parameter == '\0' || *parameter == '.' || *parameter == ']' ? index : -1;
}

/* The id between quotes of one kind: "Resource '<itemId>'  is already fulfilled" [seen]. */
static bool
digitalriver_is_quoted(const char *message, const char *id)
{
    size_t bytes = strlen(id);

    if (bytes == 0)
        return false;
    for (const char *at = strstr(message, id); at != NULL; at = strstr(at + 1, id)) {
        if (at > message && strchr("'\"`", at[-1]) != NULL && at[-1] == at[bytes])
            return true;
    }
    return false;
}

static void
digitalriver_mark_item(int index, int *named)
{
    if (*named == -1 || *named == index)
        *named = index;
    else
        *named = -2; /* two lines are named: neither is the one */
}

/* The one line that all entries together name, or -1. An item id that equals the order's names the
 * order. */
static int
digitalriver_refused_item(const struct provider_submission *s, const struct json_value *errors)
{
    int named = -1;
    int seen = 0;

    for (const struct json_value *at = json_first(errors);
         at != NULL && seen < DIGITALRIVER_ERRORS_MAX; at = json_next(at), seen++) {
        const char *parameter = json_text(at, "parameter");
        const char *message = json_text(at, "message");
        int index = parameter == NULL ? -1 : digitalriver_item_index(parameter);

        if (message == NULL)
            message = json_text(at, "description");
        if (index >= 0 && index < s->items_count)
            digitalriver_mark_item(index, &named);
        for (int i = 0; message != NULL && i < s->items_count; i++) {
            const char *id = s->items[i].item_id;

            if (strcmp(id, s->order_id) != 0 && digitalriver_is_quoted(message, id))
                digitalriver_mark_item(i, &named);
        }
    }
    return named < 0 ? -1 : named;
}

/* ---- a 201 ---- */

static void
digitalriver_add_words(struct provider_result *out, const char *words)
{
    size_t used = strlen(out->mismatch);

    out->is_mismatch = true;
    if (used < sizeof(out->mismatch) - 1)
        (void)snprintf(out->mismatch + used, sizeof(out->mismatch) - used, "%s%s",
                       used > 0 ? "; " : "", words);
    text_trim_cut(out->mismatch);
}

/* The units that the answer gives to one line; more than one entry may name it. */
static void
digitalriver_compare_item(const struct provider_item *item, const struct json_value *items,
                          struct provider_result *out)
{
    int64_t shipped = 0;
    int64_t cancelled = 0;
    char words[160];
    char id[65];

    for (const struct json_value *at = json_first(items); at != NULL; at = json_next(at)) {
        const char *item_id = json_text(at, "itemId");
        int64_t units;

        if (item_id == NULL || strcmp(item_id, item->item_id) != 0)
            continue;
        if (json_int(at, "quantity", &units) && __builtin_add_overflow(shipped, units, &shipped))
            shipped = INT64_MAX;
        if (json_int(at, "cancelQuantity", &units) &&
            __builtin_add_overflow(cancelled, units, &cancelled))
            cancelled = INT64_MAX;
    }
    if (shipped == item->shipped && cancelled == item->cancelled)
        return;
    out->applied_more |= shipped > item->shipped || cancelled > item->cancelled;
    out->applied_less |= shipped < item->shipped || cancelled < item->cancelled;
    text_copy_clean(id, sizeof(id), item->item_id);
    (void)snprintf(words, sizeof(words), "item %s: sent %lld+%lld, applied %lld+%lld", id,
                   (long long)item->shipped, (long long)item->cancelled, (long long)shipped,
                   (long long)cancelled);
    digitalriver_add_words(out, words);
}

/* The sample answers with both quantities, the unused one as 0 [documented]. An answer without
 * items, or with none, says nothing to compare. */
static void
digitalriver_compare(const struct provider_submission *s, const struct json_value *root,
                     struct provider_result *out)
{
    const struct json_value *items = json_get(root, "items");
    int entry = 0;

    if (items == NULL || (json_is_array(items) && json_first(items) == NULL))
        return;
    if (!json_is_array(items)) {
        digitalriver_add_words(out, "its items can't be read");
        return;
    }
    for (int i = 0; i < s->items_count; i++)
        digitalriver_compare_item(&s->items[i], items, out);
    for (const struct json_value *at = json_first(items); at != NULL; at = json_next(at), entry++) {
        const char *item_id = json_text(at, "itemId");
        bool is_ours = false;

        for (int i = 0; item_id != NULL && i < s->items_count; i++)
            is_ours |= strcmp(item_id, s->items[i].item_id) == 0;
        if (!is_ours) {
            out->applied_more = true;
            digitalriver_add_words(out, "it has a line that was not sent");
            return;
        }
    }
}

/* Whatever is not certainly the answer to our request is unknown: the look that follows will tell.
 */
static void
digitalriver_read_created(const struct provider *p, const struct provider_submission *s,
                          const struct json_value *root, struct provider_result *out)
{
    const char *id = json_text(root, "id");
    const char *order_id = json_text(root, "orderId");
    const char *marker = json_text(json_get(root, "metadata"), DIGITALRIVER_MARKER_KEY);
    const char *problem = NULL;
    bool is_live;

    if (!json_is_object(root))
        problem = "not_json";
    else if (id == NULL || id[0] == '\0')
        problem = "no_id";
    else if (strlen(id) >= sizeof(out->fulfillment_id))
        problem = "id_too_long";
    else if (order_id == NULL || strcmp(order_id, s->order_id) != 0)
        problem = "order_differs";
    else if (marker != NULL && strcasecmp(marker, s->marker) != 0)
        problem = "marker_differs"; /* the answer to somebody else's request */
    if (problem != NULL) {
        out->outcome = PROVIDER_UNKNOWN;
        (void)snprintf(out->error_code, sizeof(out->error_code), "%s", problem);
        (void)snprintf(out->error_message, sizeof(out->error_message),
                       "a 201 that can't be taken for ours");
        return;
    }
    out->outcome = PROVIDER_ACCEPTED;
    (void)snprintf(out->fulfillment_id, sizeof(out->fulfillment_id), "%s", id);
    out->is_live_wrong = json_bool(root, "liveMode", &is_live) && is_live != p->options.is_live;
    digitalriver_compare(s, root, out);
}

/* ---- everything else ---- */

static enum provider_outcome
digitalriver_classify(int status, const struct digitalriver_error *error)
{
    int conflict = digitalriver_conflict(error->code);

    if (status == 409 && conflict >= 0)
        return digitalriver_conflicts[conflict].outcome;
    for (size_t i = 0; i < sizeof(digitalriver_statuses) / sizeof(digitalriver_statuses[0]); i++) {
        if (status >= digitalriver_statuses[i].from && status <= digitalriver_statuses[i].to &&
            (error->is_envelope || !digitalriver_statuses[i].needs_envelope))
            return digitalriver_statuses[i].outcome;
    }
    return PROVIDER_UNKNOWN;
}

/* Code, parameter and message only: nothing else of an error body is kept. */
static void
digitalriver_keep_error(const struct http_answer *answer, const struct json_value *root,
                        const struct digitalriver_error *error, struct provider_result *out)
{
    text_copy_clean(out->error_parameter, sizeof(out->error_parameter), error->parameter);
    text_copy_clean(out->error_message, sizeof(out->error_message), error->message);
    if (error->code != NULL)
        text_copy_clean(out->error_code, sizeof(out->error_code), error->code);
    else if (root == NULL && answer->body_bytes > 0)
        (void)snprintf(out->error_code, sizeof(out->error_code), "not_json");
    else
        (void)snprintf(out->error_code, sizeof(out->error_code), "http_%d", answer->status);
    if (out->error_message[0] == '\0')
        (void)snprintf(out->error_message, sizeof(out->error_message),
                       "status %d with %zu bytes that %s", answer->status, answer->body_bytes,
                       root == NULL ? "are no JSON" : "give no reason");
}

void
digitalriver_read_post(const struct provider *p, const struct provider_submission *s,
                       const struct http_answer *answer, struct provider_result *out)
{
    struct json_doc *doc = NULL;
    const struct json_value *root = NULL;
    struct error ignored = {0};
    struct digitalriver_error error;

    *out = (struct provider_result){
        .outcome = PROVIDER_UNKNOWN,
        .is_sent = answer->is_sent,
        .is_late = answer->is_late,
        .http_status = answer->status,
        .refused_item = -1,
    };
    text_copy_clean(out->request_id, sizeof(out->request_id), answer->request_id);
    if (answer->fact != HTTP_ANSWERED) {
        provider_read_unsent(answer, out);
        return;
    }
    if (json_parse_mended(answer->body, answer->body_bytes, &doc, &ignored))
        root = json_root(doc);
    out->has_retry_after = provider_retry_after(answer, &out->retry_after_ms);
    digitalriver_read_error(root, &error);
    out->outcome = digitalriver_classify(answer->status, &error);
    if (out->outcome == PROVIDER_ACCEPTED) {
        digitalriver_read_created(p, s, root, out);
    } else {
        digitalriver_keep_error(answer, root, &error, out);
        out->refused_item = digitalriver_refused_item(s, error.errors);
        out->is_order_wide = answer->status == 409 && digitalriver_is_order_wide(error.code);
    }
    json_free(doc);
}
