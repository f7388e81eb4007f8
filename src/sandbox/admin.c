#include "sandbox/admin.h"

#include <stdlib.h>
#include <string.h>

#include "sandbox/answer.h"
#include "sandbox/events.h"
#include "sandbox/fulfillments.h"
#include "sandbox/orders.h"
#include "json/json.h"

#define ADMIN_ADVANCE_MS_MAX (INT64_C(10) * 365 * 86400 * 1000)

static bool
admin_load_one(struct sandbox *sandbox, const struct json_value *value, struct admin_loaded *loaded,
               struct error *err)
{
    bool is_known;

    if (!orders_load(sandbox, value, &is_known, err))
        return false;
    if (is_known)
        loaded->skipped++;
    else
        loaded->created++;
    return true;
}

static bool
admin_load_array(struct sandbox *sandbox, const char *text, size_t bytes,
                 struct admin_loaded *loaded, struct error *err)
{
    bool ok = false;
    struct json_doc *doc = NULL;
    const struct json_value *value;

    if (!json_parse(text, bytes, &doc, err))
        return false;
    for (value = json_first(json_root(doc)); value != NULL; value = json_next(value))
        if (!admin_load_one(sandbox, value, loaded, err))
            goto done;
    ok = true;

done:
    json_free(doc);
    return ok;
}

bool
admin_load_orders(struct sandbox *sandbox, const char *text, size_t bytes,
                  struct admin_loaded *loaded, struct error *err)
{
    const char *end = text + bytes;
    int64_t line = 0;

    memset(loaded, 0, sizeof(*loaded));
    while (text < end && strchr(" \t\r\n", *text) != NULL)
        text++;
    if (text < end && *text == '[')
        return admin_load_array(sandbox, text, (size_t)(end - text), loaded, err);
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((stop == NULL ? end : stop) - text);
        struct json_doc *doc = NULL;
        bool ok = true;

        line++;
        if (length > 0 && text[length - 1] == '\r')
            length--;
        if (length > 0) {
            ok = json_parse(text, length, &doc, err) &&
                 admin_load_one(sandbox, json_root(doc), loaded, err);
            json_free(doc);
        }
        if (!ok) {
            error_context(err, "line %lld", (long long)line);
            return false;
        }
        text = stop == NULL ? end : stop + 1;
    }
    return true;
}

static void
admin_refuse(struct answer *answer, const struct error *err)
{
    (void)answer_error(answer, 400, "invalid_parameter", NULL, "%s%s%s", err->context,
                       err->context[0] == '\0' ? "" : ": ", err->message);
}

static void
admin_post_orders(struct sandbox *sandbox, const struct request *request, struct answer *answer)
{
    struct admin_loaded loaded;
    struct error err = {0};

    if (!admin_load_orders(sandbox, request->body, request->body_bytes, &loaded, &err)) {
        admin_refuse(answer, &err);
        return;
    }
    answer->status = 201;
    (void)buffer_printf(&answer->body, "{\"created\":%lld,\"skipped\":%lld}",
                        (long long)loaded.created, (long long)loaded.skipped);
}

static void
admin_word(const struct json_value *root, const char *key, const char *yes, bool *flag)
{
    const char *word = json_text(root, key);

    if (word != NULL)
        *flag = strcmp(word, yes) == 0;
}

static void
admin_move_order(struct sandbox *sandbox, const struct request *request, const char *id,
                 struct answer *answer)
{
    struct order *order = table_get(sandbox->store.order_ids, id);
    struct json_doc *doc = NULL;
    struct error err = {0};
    enum order_state state;
    const char *word;

    if (order == NULL) {
        (void)answer_error(answer, 404, "not_found", "id", "Order '%s' was not found.", id);
        return;
    }
    if (!json_parse(request->body, request->body_bytes, &doc, &err)) {
        admin_refuse(answer, &err);
        return;
    }
    word = json_text(json_root(doc), "state");
    if (word != NULL && !order_state_parse(word, &state)) {
        (void)answer_error(answer, 400, "invalid_parameter", "state", "No such state: '%s'.", word);
        goto done;
    }
    admin_word(json_root(doc), "authorization", "expired", &order->is_authorization_expired);
    admin_word(json_root(doc), "capture", "fail", &order->is_capture_failing);
    admin_word(json_root(doc), "capture", "pending", &order->is_capture_pending);
    (void)json_bool(json_root(doc), "requestToBeForgotten", &order->is_to_be_forgotten);
    admin_word(json_root(doc), "cancel", "fail", &order->is_cancel_failing);
    if (json_get(json_root(doc), "capture") != NULL || json_get(json_root(doc), "cancel") != NULL)
        orders_retry_money(sandbox, order);
    if (word != NULL)
        orders_move(sandbox, order, state);
    orders_get(sandbox, id, answer);

done:
    json_free(doc);
}

/* {"type", "orderId", "object"}: the object as JSON in a text. */
static void
admin_post_event(struct sandbox *sandbox, const struct request *request, struct answer *answer)
{
    struct json_doc *doc = NULL;
    struct json_doc *inner = NULL;
    struct error err = {0};
    const char *type;
    const char *order_id;
    const char *object;
    struct order *order;

    if (!json_parse(request->body, request->body_bytes, &doc, &err) ||
        !json_need_text(json_root(doc), "event", "type", &type, &err) ||
        !json_need_text(json_root(doc), "event", "orderId", &order_id, &err) ||
        !json_need_text(json_root(doc), "event", "object", &object, &err) ||
        !json_parse(object, strlen(object), &inner, &err)) {
        admin_refuse(answer, &err);
        goto done;
    }
    order = table_get(sandbox->store.order_ids, order_id);
    if (order == NULL || !events_add_object(sandbox, type, order, object))
        (void)answer_error(answer, 400, "invalid_parameter", order == NULL ? "orderId" : "type",
                           "No such %s: '%s'.", order == NULL ? "order" : "type",
                           order == NULL ? order_id : type);
    else
        (void)buffer_puts(&answer->body, "{\"created\":1}");

done:
    json_free(inner);
    json_free(doc);
}

/* Time passes; what was due meanwhile happens before the next request. */
static void
admin_advance(struct sandbox *sandbox, const struct request *request, struct answer *answer)
{
    struct json_doc *doc = NULL;
    struct error err = {0};
    char at[IDENT_TIME_BYTES];
    int64_t ms;

    if (!json_parse(request->body, request->body_bytes, &doc, &err) ||
        !json_need_int(json_root(doc), "clock", "advance_ms", &ms, &err)) {
        admin_refuse(answer, &err);
    } else if (ms < 0 || ms > ADMIN_ADVANCE_MS_MAX) {
        (void)answer_error(answer, 400, "invalid_parameter", "advance_ms",
                           "advance_ms must be 0..%lld.", (long long)ADMIN_ADVANCE_MS_MAX);
    } else {
        ident_clock_advance(&sandbox->clock, ms);
        ident_time_text(sandbox_now_ms(sandbox), 3, at);
        (void)buffer_printf(&answer->body, "{\"now\":\"%s\"}", at);
    }
    json_free(doc);
}

/* Words of a body, separated by white space; the caller frees it. */
static char *
admin_words(const struct request *request)
{
    char *text = malloc(request->body_bytes + 1);

    if (text == NULL)
        return NULL;
    if (request->body_bytes > 0)
        memcpy(text, request->body, request->body_bytes);
    text[request->body_bytes] = '\0';
    return text;
}

/* Cuts the first word off; NULL at the end. */
static char *
admin_next_word(char **rest)
{
    static const char space[] = " \t\r\n";
    char *word = *rest + strspn(*rest, space);
    size_t bytes = strcspn(word, space);

    if (bytes == 0)
        return NULL;
    *rest = word + bytes;
    if (**rest != '\0')
        *(*rest)++ = '\0';
    return word;
}

static void
admin_set(struct sandbox *sandbox, const struct request *request, bool is_faults,
          struct answer *answer)
{
    char *text = admin_words(request);
    char *rest = text;
    struct error err = {0};
    int64_t count = 0;

    if (text == NULL) {
        answer_status(answer, 500);
        return;
    }
    if (is_faults)
        faults_clear(sandbox->faults);
    for (char *word = admin_next_word(&rest); word != NULL; word = admin_next_word(&rest)) {
        if (!(is_faults ? faults_add(sandbox->faults, word, &err)
                        : switches_set(&sandbox->switches, word, &err))) {
            /* Half of a plan for trouble would be misleading. */
            if (is_faults)
                faults_clear(sandbox->faults);
            admin_refuse(answer, &err);
            goto done;
        }
        count++;
    }
    (void)buffer_printf(&answer->body, "{\"set\":%lld}", (long long)count);

done:
    free(text);
}

static int
admin_compare_orders(const void *a, const void *b)
{
    const struct order *x = *(struct order *const *)a;
    const struct order *y = *(struct order *const *)b;

    return strcmp(x->id, y->id);
}

static int
admin_compare_lines(const void *a, const void *b)
{
    const struct line *x = *(struct line *const *)a;
    const struct line *y = *(struct line *const *)b;

    return strcmp(x->item_id, y->item_id);
}

static void
admin_put_csv(struct buffer *buf, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        (void)buffer_puts(buf, text);
        return;
    }
    (void)buffer_putc(buf, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            (void)buffer_putc(buf, '"');
        (void)buffer_putc(buf, *text);
    }
    (void)buffer_putc(buf, '"');
}

static bool
admin_put_applied(struct buffer *buf, const struct order *order)
{
    struct line **lines = malloc((size_t)order->lines_count * sizeof(struct line *));

    if (lines == NULL)
        return false;
    for (int i = 0; i < order->lines_count; i++)
        lines[i] = &order->lines[i];
    qsort(lines, (size_t)order->lines_count, sizeof(struct line *), admin_compare_lines);
    for (int i = 0; i < order->lines_count; i++) {
        if (lines[i]->posts == 0)
            continue;
        admin_put_csv(buf, order->id);
        (void)buffer_putc(buf, ',');
        admin_put_csv(buf, lines[i]->item_id);
        (void)buffer_printf(buf, ",%lld,%lld,%lld\n", (long long)lines[i]->shipped,
                            (long long)lines[i]->cancelled, (long long)lines[i]->posts);
    }
    free(lines);
    return true;
}

static void
admin_get_applied(struct sandbox *sandbox, struct answer *answer)
{
    uint32_t count = sandbox->store.orders_count;
    struct order **orders = malloc(((size_t)count + 1) * sizeof(struct order *));

    if (orders == NULL) {
        answer_status(answer, 500);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        orders[i] = sandbox->store.orders[i];
    qsort(orders, count, sizeof(struct order *), admin_compare_orders);
    answer->content_type = "text/csv";
    (void)buffer_puts(&answer->body, "order_id,item_id,shipped,cancelled,posts\n");
    for (uint32_t i = 0; i < count; i++)
        if (orders[i]->last_fulfillment != STORE_NONE &&
            !admin_put_applied(&answer->body, orders[i])) {
            answer_status(answer, 500);
            break;
        }
    free(orders);
}

static void
admin_get_fulfillments(struct sandbox *sandbox, struct answer *answer)
{
    answer->content_type = "application/x-ndjson";
    for (uint32_t i = 0; i < sandbox->store.fulfillments_count; i++) {
        struct json_writer w;

        json_write_init(&w, &answer->body);
        fulfillments_write(sandbox, &w, NULL, sandbox->store.fulfillments[i], FULFILLMENTS_METADATA,
                           NULL);
        (void)buffer_putc(&answer->body, '\n');
    }
}

static void
admin_get_stats(struct sandbox *sandbox, struct answer *answer)
{
    struct json_writer w;

    json_write_init(&w, &answer->body);
    stats_write(sandbox, &w);
}

void
admin_handle(struct sandbox *sandbox, const struct request *request, const char *path,
             struct answer *answer)
{
    bool is_post = strcmp(request->method, "POST") == 0;
    bool is_get = strcmp(request->method, "GET") == 0;
    struct fulfillment *applied;

    if (is_post && strcmp(path, "orders") == 0)
        admin_post_orders(sandbox, request, answer);
    else if (is_post && strncmp(path, "orders/", 7) == 0)
        admin_move_order(sandbox, request, path + 7, answer);
    else if (is_post && strcmp(path, "fulfillments") == 0)
        (void)fulfillments_post(sandbox, request->body, request->body_bytes, true, &applied,
                                answer);
    else if (is_post && strcmp(path, "faults") == 0)
        admin_set(sandbox, request, true, answer);
    else if (is_post && strcmp(path, "switches") == 0)
        admin_set(sandbox, request, false, answer);
    else if (is_post && strcmp(path, "events") == 0)
        admin_post_event(sandbox, request, answer);
    else if (is_post && strcmp(path, "clock") == 0)
        admin_advance(sandbox, request, answer);
    else if (is_get && strcmp(path, "fulfillments") == 0)
        admin_get_fulfillments(sandbox, answer);
    else if (is_get && strcmp(path, "applied") == 0)
        admin_get_applied(sandbox, answer);
    else if (is_get && strcmp(path, "stats") == 0)
        admin_get_stats(sandbox, answer);
    else
        (void)answer_error(answer, 404, "not_found", NULL, "The sandbox has no %s '%s%s'.",
                           request->method, ADMIN_PREFIX, path);
}
