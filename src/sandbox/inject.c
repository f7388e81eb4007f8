#include "sandbox/inject.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sandbox/answer.h"
#include "sandbox/charges.h"
#include "sandbox/events.h"
#include "sandbox/fulfillments.h"
#include "sandbox/members.h"
#include "sandbox/orders.h"

#define MEGABYTE ((size_t)1 << 20)

static const struct {
    const char *path; /* a trailing slash wants an id behind it */
    enum endpoint get;
    enum endpoint post; /* ENDPOINT_OTHER: not allowed */
} inject_paths[] = {
    {"/fulfillments", ENDPOINT_FULFILLMENT_LIST, ENDPOINT_FULFILLMENT_POST},
    {"/fulfillments/", ENDPOINT_FULFILLMENT_GET, ENDPOINT_FULFILLMENT_UPDATE},
    {"/orders", ENDPOINT_ORDER_LIST, ENDPOINT_OTHER},
    {"/orders/", ENDPOINT_ORDER_GET, ENDPOINT_OTHER},
    {"/events", ENDPOINT_EVENT_LIST, ENDPOINT_OTHER},
    {"/events/", ENDPOINT_EVENT_GET, ENDPOINT_OTHER},
    {"/charges/", ENDPOINT_CHARGE_GET, ENDPOINT_OTHER},
};

#define INJECT_PATHS (sizeof(inject_paths) / sizeof(inject_paths[0]))

/* Index in inject_paths or -1; *id is what follows. */
static int
inject_path(const char *path, const char **id)
{
    for (size_t i = 0; i < INJECT_PATHS; i++) {
        size_t bytes = strlen(inject_paths[i].path);
        bool has_id = inject_paths[i].path[bytes - 1] == '/';

        if (strncmp(path, inject_paths[i].path, bytes) != 0)
            continue;
        if (has_id ? path[bytes] == '\0' : path[bytes] != '\0')
            continue;
        *id = path + bytes;
        return (int)i;
    }
    return -1;
}

enum endpoint
inject_endpoint(const struct request *request)
{
    const char *id;
    int path = inject_path(request->path, &id);

    if (path >= 0 && strcmp(request->method, "GET") == 0)
        return inject_paths[path].get;
    if (path >= 0 && strcmp(request->method, "POST") == 0)
        return inject_paths[path].post;
    return ENDPOINT_OTHER;
}

/* JSON is all that the documents name; what another type gets is unknown. */
static bool
inject_check_type(const struct sandbox *sandbox, const struct request *request,
                  struct answer *answer)
{
    if (strcmp(request->method, "POST") != 0 || !sandbox->switches.content_type)
        return true;
    if (request->content_type != NULL &&
        strncasecmp(request->content_type, "application/json", 16) == 0)
        return true;
    return answer_error(answer, 400, "invalid_parameter", "Content-Type",
                        "The Content-Type must be application/json.");
}

/* What the request does when nothing goes wrong. *applied stays NULL unless it was a POST that was.
 */
static void
inject_normal(struct sandbox *sandbox, const struct request *request, struct fulfillment **applied,
              struct answer *answer)
{
    const char *id = "";
    int path = inject_path(request->path, &id);

    if (!inject_check_type(sandbox, request, answer))
        return;
    switch (answer->endpoint) {
    case ENDPOINT_FULFILLMENT_POST:
        (void)fulfillments_post(sandbox, request->body, request->body_bytes, false, applied,
                                answer);
        break;
    case ENDPOINT_FULFILLMENT_LIST:
        fulfillments_list(sandbox, request, answer);
        break;
    case ENDPOINT_FULFILLMENT_GET:
        fulfillments_get(sandbox, id, answer);
        break;
    case ENDPOINT_FULFILLMENT_UPDATE:
        fulfillments_update(sandbox, id, request->body, request->body_bytes, answer);
        break;
    case ENDPOINT_ORDER_LIST:
        orders_list(sandbox, request, answer);
        break;
    case ENDPOINT_ORDER_GET:
        orders_get(sandbox, id, answer);
        break;
    case ENDPOINT_EVENT_LIST:
        events_list(sandbox, request, answer);
        break;
    case ENDPOINT_EVENT_GET:
        events_get(sandbox, id, answer);
        break;
    case ENDPOINT_CHARGE_GET:
        charges_get(sandbox, id, answer);
        break;
    default:
        answer_status(answer, path < 0 ? 404 : 405);
        break;
    }
}

struct inject_late {
    size_t bytes;
    char body[];
};

static void
inject_late_drop(void *owner, void *item)
{
    (void)owner;
    free(item);
}

static void
inject_late_run(void *owner, void *item)
{
    struct sandbox *sandbox = owner;
    struct inject_late *late = item;
    struct fulfillment *applied = NULL;
    struct answer unheard;

    answer_init(&unheard);
    sandbox->stats.late_pending--;
    if (fulfillments_post(sandbox, late->body, late->bytes, false, &applied, &unheard))
        sandbox->stats.late_applied++;
    else
        sandbox->stats.late_refused++;
    buffer_free(&unheard.body);
    free(late);
}

/* Applied when nobody expects it any more; what the client sees is one of three. */
static void
inject_late(struct sandbox *sandbox, const struct request *request, int64_t delay_ms,
            uint64_t random, struct answer *answer)
{
    struct inject_late *late = malloc(sizeof(*late) + request->body_bytes + 1);

    if (late == NULL) {
        answer_status(answer, 500);
        return;
    }
    late->bytes = request->body_bytes;
    if (late->bytes > 0)
        memcpy(late->body, request->body, late->bytes);
    if (!timers_add(sandbox->timers, sandbox_now_ms(sandbox) + delay_ms, inject_late_run,
                    inject_late_drop, sandbox, late)) {
        free(late);
        answer_status(answer, 500);
        return;
    }
    sandbox->stats.late_pending++;
    if (random % 3 == 0)
        answer->ending = ENDING_CLOSE;
    else
        answer_status(answer, random % 3 == 1 ? 503 : 504);
}

static void
inject_status(struct sandbox *sandbox, const struct fault_kind *kind, int64_t arg, int key,
              struct answer *answer)
{
    /* A gateway that lost its backend speaks HTML. */
    if (kind->status == 502)
        answer_page(answer, kind->status);
    else
        answer_status(answer, kind->status);
    if ((kind->status == 429 || kind->status == 503) && arg > 0) {
        answer->has_retry_after = true;
        answer->retry_after_s = arg;
    }
    if (kind->status == 429 && arg > 0)
        sandbox->rates[key].blocked_ms = sandbox_now_ms(sandbox) + arg * 1000;
}

static void
inject_deep(struct answer *answer, int64_t levels)
{
    buffer_reset(&answer->body);
    for (int64_t i = 0; i < levels; i++)
        (void)buffer_putc(&answer->body, '[');
    for (int64_t i = 0; i < levels; i++)
        (void)buffer_putc(&answer->body, ']');
}

/* A whole answer was made; spoil it. */
static void
inject_spoil(const struct sandbox *sandbox, const struct fault_kind *kind, int64_t arg,
             const struct fulfillment *applied, struct answer *answer)
{
    static const char garbage[] = "{\"id\":\"ful_\xff\xfe{{{ not JSON \x01";

    switch (kind->shape) {
    case FAULT_SLOW:
        answer->delay_ms += arg;
        break;
    case FAULT_TRUNCATED:
        answer->ending = ENDING_TRUNCATED;
        break;
    case FAULT_GARBAGE:
        buffer_reset(&answer->body);
        (void)buffer_append(&answer->body, garbage, sizeof(garbage) - 1);
        break;
    case FAULT_HUGE:
        answer->ending = ENDING_PADDED;
        answer->padding_bytes = (size_t)(arg > 4096 ? 4096 : arg) * MEGABYTE;
        break;
    case FAULT_DEEP:
        inject_deep(answer, arg > 10000000 ? 10000000 : arg);
        break;
    case FAULT_NO_ID:
        fulfillments_answer(sandbox, applied, FULFILLMENTS_NO_ID, answer);
        break;
    case FAULT_WRONG_ORDER:
        fulfillments_answer(sandbox, applied, FULFILLMENTS_WRONG_ORDER, answer);
        break;
    case FAULT_WRONG_QUANTITY:
        fulfillments_answer(sandbox, applied, FULFILLMENTS_WRONG_QUANTITY, answer);
        break;
    case FAULT_WRONG_LIVE:
        fulfillments_answer(sandbox, applied, FULFILLMENTS_WRONG_LIVE, answer);
        break;
    default:
        break;
    }
}

/* The answer is lost or replaced, whatever it was. False: the fault is of another sort. */
static bool
inject_replace(struct sandbox *sandbox, const struct request *request,
               const struct fault_kind *kind, int64_t arg, uint64_t random, int key,
               struct answer *answer)
{
    switch (kind->shape) {
    case FAULT_CLOSE:
        answer->ending = ENDING_CLOSE;
        return true;
    case FAULT_RESET:
        answer->ending = ENDING_RESET;
        return true;
    case FAULT_HANG:
        answer->ending = ENDING_HANG;
        return true;
    case FAULT_STATUS:
        inject_status(sandbox, kind, arg, key, answer);
        return true;
    case FAULT_PAGE:
        answer_page(answer, kind->status);
        return true;
    case FAULT_LATE:
        inject_late(sandbox, request, arg, random, answer);
        return true;
    case FAULT_LIST_EMPTY:
        (void)buffer_printf(&answer->body, "{\"hasMore\":%s,\"data\":[]}",
                            arg == 1 ? "true" : "false");
        return true;
    default:
        return false;
    }
}

static bool
inject_scope(enum endpoint endpoint, enum fault_scope *out)
{
    switch (endpoint) {
    case ENDPOINT_FULFILLMENT_POST:
        *out = FAULT_SCOPE_POST;
        return true;
    case ENDPOINT_FULFILLMENT_UPDATE:
        *out = FAULT_SCOPE_UPDATE;
        return true;
    case ENDPOINT_FULFILLMENT_LIST:
        *out = FAULT_SCOPE_LIST;
        return true;
    case ENDPOINT_ORDER_LIST:
    case ENDPOINT_ORDER_GET:
        *out = FAULT_SCOPE_ORDERS;
        return true;
    case ENDPOINT_EVENT_LIST:
    case ENDPOINT_EVENT_GET:
        *out = FAULT_SCOPE_EVENTS;
        return true;
    case ENDPOINT_FULFILLMENT_GET:
    case ENDPOINT_CHARGE_GET:
        *out = FAULT_SCOPE_GET;
        return true;
    default:
        return false;
    }
}

/* The order that a body names, without reading all of it twice; NULL when it can't be told. */
static struct order *
inject_order(const struct sandbox *sandbox, const struct request *request)
{
    struct members walk;
    struct member member;
    struct order *order = NULL;
    char *id;

    members_begin(&walk, request->body, request->body_bytes);
    while (members_next(&walk, &member))
        if (member_is(&member, "orderId"))
            break;
    if (member.value_bytes < 2 || member.value[0] != '"')
        return NULL;
    id = strndup(member.value + 1, member.value_bytes - 2);
    if (id == NULL)
        return NULL;
    if (strchr(id, '\\') == NULL) {
        order = table_get(sandbox->store.order_ids, id);
    } else {
        struct json_doc *doc = NULL;
        struct error err = {0};
        const char *text = NULL;

        if (json_parse(request->body, request->body_bytes, &doc, &err))
            text = json_text(json_root(doc), "orderId");
        if (text != NULL)
            order = table_get(sandbox->store.order_ids, text);
        json_free(doc);
    }
    free(id);
    return order;
}

/* Two unanswered POSTs for one order are what the API's best practices warn of. */
static void
inject_watch_order(struct sandbox *sandbox, const struct request *request, struct answer *answer)
{
    answer->order = inject_order(sandbox, request);
    if (answer->order != NULL && answer->order->posts_open++ > 0)
        sandbox->stats.concurrent_posts++;
}

void
inject_handle(struct sandbox *sandbox, const struct request *request, int key,
              struct answer *answer)
{
    const struct fault_kind *kind = NULL;
    struct fulfillment *applied = NULL;
    enum fault_scope scope;
    int64_t arg = 0;
    uint64_t random = 0;
    bool is_post = answer->endpoint == ENDPOINT_FULFILLMENT_POST;

    if (inject_scope(answer->endpoint, &scope))
        kind = faults_next(sandbox->faults, scope, &arg, &random);
    if (is_post)
        inject_watch_order(sandbox, request, answer);
    if (kind == NULL || kind->is_applied)
        inject_normal(sandbox, request, &applied, answer);
    if (kind == NULL)
        return;
    if (inject_replace(sandbox, request, kind, arg, random, key, answer)) {
        faults_count(sandbox->faults, kind);
        return;
    }
    /* A refusal stays what it is, there is nothing in it to lie about. */
    if (is_post && applied == NULL)
        return;
    if (!is_post && answer->status >= 300 && kind->shape != FAULT_SLOW)
        return;
    faults_count(sandbox->faults, kind);
    inject_spoil(sandbox, kind, arg, applied, answer);
}
