#include "seam/parcelpost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "json/json.h"

enum { PARCELPOST_ASK_MAX = 50, PARCELPOST_LINES_MAX = 1 };

/* ---- requests ---- */

static bool
parcelpost_end(struct provider_request *out, const char *marker, struct error *err)
{
    int count = 0;

    if (out->url.is_failed || out->body.is_failed)
        return error_set(err, ERROR_LIMIT, "a request too long, or no memory");
    if (out->body.used > 0)
        out->headers[count++] = "Content-Type: application/vnd.parcelpost+json";
    if (marker != NULL) {
        (void)snprintf(out->header_text[0], sizeof(out->header_text[0]), "Idempotency-Key: %s",
                       marker);
        out->headers[count++] = out->header_text[0];
    }
    out->headers[count] = NULL;
    return true;
}

static void
parcelpost_write_parcel(struct json_writer *w, const char *company, const char *number,
                        const char *url)
{
    json_write_object(w, "parcel");
    if (company != NULL)
        json_write_text(w, "carrier", company);
    if (number != NULL)
        json_write_text(w, "code", number);
    if (url != NULL)
        json_write_text(w, "link", url);
    json_write_end_object(w);
}

static bool
parcelpost_post(const struct provider *p, const struct provider_submission *s,
                struct provider_request *out, struct error *err)
{
    struct json_writer w;
    char note[128];

    provider_begin(p, "POST", "/v9/dispatches", out);
    json_write_init(&w, &out->body);
    json_write_object(&w, NULL);
    json_write_text(&w, "purchase", s->order_id);
    json_write_array(&w, "lines");
    for (int i = 0; i < s->items_count; i++) {
        json_write_object(&w, NULL);
        json_write_text(&w, "line", s->items[i].item_id);
        json_write_int(&w, "sent", s->items[i].shipped);
        json_write_int(&w, "dropped", s->items[i].cancelled);
        json_write_end_object(&w);
    }
    json_write_end_array(&w);
    (void)snprintf(note, sizeof(note), "%s/%s", s->marker, p->options.instance);
    json_write_text(&w, "note", note);
    parcelpost_write_parcel(&w, s->tracking_company, s->tracking_number, s->tracking_url);
    json_write_end_object(&w);
    return parcelpost_end(out, s->marker, err);
}

/* A page of a list; key: what asks for the one after. */
static bool
parcelpost_page(const struct provider *p, const char *path, const char *of, const char *key,
                const char *after, struct provider_request *out, struct error *err)
{
    provider_begin(p, "GET", path, out);
    http_append_encoded(&out->url, of);
    if (after != NULL) {
        (void)buffer_printf(&out->url, "&%s=", key);
        http_append_encoded(&out->url, after);
    }
    return parcelpost_end(out, NULL, err);
}

static bool
parcelpost_list_fulfillments(const struct provider *p, const char *order_id, const char *after,
                             struct provider_request *out, struct error *err)
{
    return parcelpost_page(p, "/v9/dispatches?purchase=", order_id, "page", after, out, err);
}

static bool
parcelpost_get_fulfillment(const struct provider *p, const char *id, struct provider_request *out,
                           struct error *err)
{
    provider_begin(p, "GET", "/v9/dispatches/", out);
    http_append_encoded(&out->url, id);
    return parcelpost_end(out, NULL, err);
}

static bool
parcelpost_ask(const struct provider *p, const char *name, const char *const *ids, int count,
               struct provider_request *out, struct error *err)
{
    provider_begin(p, "GET", "/v9/purchases?", out);
    for (int i = 0; i < count; i++) {
        (void)buffer_printf(&out->url, "%s%s=", i > 0 ? "&" : "", name);
        http_append_encoded(&out->url, ids[i]);
    }
    return parcelpost_end(out, NULL, err);
}

static bool
parcelpost_ask_orders(const struct provider *p, const char *const *ids, int count,
                      struct provider_request *out, struct error *err)
{
    return parcelpost_ask(p, "number", ids, count, out, err);
}

static bool
parcelpost_ask_upstream(const struct provider *p, const char *const *ids, int count,
                        struct provider_request *out, struct error *err)
{
    return parcelpost_ask(p, "merchant", ids, count, out, err);
}

static int
parcelpost_ask_fits(const struct provider *p, const char *const *ids, int count)
{
    (void)p;
    (void)ids;
    return count < PARCELPOST_ASK_MAX ? count : PARCELPOST_ASK_MAX;
}

static bool
parcelpost_list_events(const struct provider *p, const char *since, const char *after, int most,
                       struct provider_request *out, struct error *err)
{
    (void)most; /* its pages are small */
    return parcelpost_page(p, "/v9/changes?from=", since, "before", after, out, err);
}

static bool
parcelpost_update_tracking(const struct provider *p, const char *id, const char *company,
                           const char *number, const char *url, struct provider_request *out,
                           struct error *err)
{
    struct json_writer w;

    provider_begin(p, "POST", "/v9/dispatches/", out);
    http_append_encoded(&out->url, id);
    (void)buffer_puts(&out->url, "/parcel");
    json_write_init(&w, &out->body);
    json_write_object(&w, NULL);
    parcelpost_write_parcel(&w, company, number, url);
    json_write_end_object(&w);
    return parcelpost_end(out, NULL, err);
}

static bool
parcelpost_probe(const struct provider *p, struct provider_request *out, struct error *err)
{
    provider_begin(p, "GET", "/v9/me", out);
    return parcelpost_end(out, NULL, err);
}

/* ---- answers ---- */

static const struct {
    const char *problem;
    enum provider_outcome outcome;
    bool is_order_wide;
} parcelpost_problems[] = {
    {"purchase_paused", PROVIDER_ORDER_WAITS, true}, {"line_spent", PROVIDER_TAKEN, false},
    {"purchase_closed", PROVIDER_TAKEN, true},       {"card_declined", PROVIDER_PAYMENT, true},
    {"slow_down", PROVIDER_NOT_NOW, true},           {"bad_key", PROVIDER_REFUSED_KEY, true},
};

static int
parcelpost_problem(const char *problem)
{
    int count = (int)(sizeof(parcelpost_problems) / sizeof(parcelpost_problems[0]));

    for (int i = 0; problem != NULL && i < count; i++) {
        if (strcmp(parcelpost_problems[i].problem, problem) == 0)
            return i;
    }
    return -1;
}

static enum provider_outcome
parcelpost_code_outcome(const char *code)
{
    int row = parcelpost_problem(code);

    return row < 0 ? PROVIDER_REFUSED : parcelpost_problems[row].outcome;
}

static bool
parcelpost_is_order_wide(const char *code)
{
    int row = parcelpost_problem(code);

    return row >= 0 && parcelpost_problems[row].is_order_wide;
}

/* "MARKER/INSTANCE" */
static void
parcelpost_read_note(const char *note, struct provider_fulfillment *out)
{
    const char *slash = note == NULL ? NULL : strchr(note, '/');

    if (slash == NULL || (size_t)(slash - note) >= sizeof(out->marker) ||
        strlen(slash + 1) >= sizeof(out->instance))
        return;
    memcpy(out->marker, note, (size_t)(slash - note));
    (void)snprintf(out->instance, sizeof(out->instance), "%s", slash + 1);
}

static bool
parcelpost_read_one(const struct json_value *from, struct provider_fulfillment *out)
{
    const char *id = json_text(from, "dispatch");
    const char *order_id = json_text(from, "purchase");
    const struct json_value *lines = json_get(from, "lines");
    bool is_sandbox;

    if (id == NULL || strlen(id) >= sizeof(out->fulfillment_id) || order_id == NULL ||
        strlen(order_id) >= sizeof(out->order_id))
        return false;
    (void)snprintf(out->fulfillment_id, sizeof(out->fulfillment_id), "%s", id);
    (void)snprintf(out->order_id, sizeof(out->order_id), "%s", order_id);
    text_copy_clean(out->created_time, sizeof(out->created_time), json_text(from, "made_at"));
    out->has_metadata = json_get(from, "note") != NULL;
    parcelpost_read_note(json_text(from, "note"), out);
    out->has_live_mode = json_bool(from, "sandbox", &is_sandbox);
    out->live_mode = !is_sandbox;
    out->items = calloc((size_t)json_count(lines) + 1, sizeof(*out->items));
    if (out->items == NULL)
        return false;
    for (const struct json_value *at = json_first(lines); at != NULL; at = json_next(at)) {
        struct provider_applied *item = &out->items[out->items_count];
        const char *line = json_text(at, "line");

        if (line == NULL || strlen(line) >= sizeof(item->item_id) ||
            !json_int(at, "sent", &item->shipped) || !json_int(at, "dropped", &item->cancelled))
            return false;
        (void)snprintf(item->item_id, sizeof(item->item_id), "%s", line);
        out->items_count++;
    }
    return true;
}

static struct json_doc *
parcelpost_begin_read(const struct http_answer *answer, struct provider_answer *how)
{
    struct json_doc *doc = NULL;
    struct error ignored = {0};

    *how = (struct provider_answer){.read = PROVIDER_READ_LATER, .http_status = answer->status};
    text_copy_clean(how->request_id, sizeof(how->request_id), answer->request_id);
    (void)snprintf(how->error, sizeof(how->error), "status %d", answer->status);
    how->is_unreadable = answer->is_oversize;
    if (answer->fact != HTTP_ANSWERED)
        return NULL;
    how->has_retry_after = provider_retry_after(answer, &how->retry_after_ms);
    (void)json_parse(answer->body, answer->body_bytes, &doc, &ignored);
    if (answer->status == 200 && doc != NULL) {
        how->read = PROVIDER_READ_OK;
        return doc;
    }
    how->is_own_words = doc != NULL && json_get(json_root(doc), "problem") != NULL;
    json_free(doc);
    if (answer->status == 429)
        how->read = PROVIDER_READ_BLOCKED;
    else if (answer->status == 407)
        how->read = PROVIDER_READ_KEY;
    else if (answer->status >= 400 && answer->status < 500)
        how->read = PROVIDER_READ_REFUSED;
    return NULL;
}

static void
parcelpost_unreadable(struct provider_answer *how)
{
    how->read = PROVIDER_READ_LATER;
    how->is_unreadable = true;
    (void)snprintf(how->error, sizeof(how->error), "the answer can't be read");
}

/* 202 the first time, 200 when the key was known: the same body. */
static void
parcelpost_read_post(const struct provider *p, const struct provider_submission *s,
                     const struct http_answer *answer, struct provider_result *out)
{
    struct json_doc *doc = NULL;
    struct error ignored = {0};
    struct provider_fulfillment made = {0};
    const char *problem;

    *out = (struct provider_result){.outcome = PROVIDER_UNKNOWN,
                                    .is_sent = answer->is_sent,
                                    .is_late = answer->is_late,
                                    .http_status = answer->status,
                                    .refused_item = -1};
    text_copy_clean(out->request_id, sizeof(out->request_id), answer->request_id);
    if (answer->fact != HTTP_ANSWERED) {
        provider_read_unsent(answer, out);
        return;
    }
    out->has_retry_after = provider_retry_after(answer, &out->retry_after_ms);
    (void)json_parse(answer->body, answer->body_bytes, &doc, &ignored);
    problem = doc == NULL ? NULL : json_text(json_root(doc), "problem");
    if ((answer->status == 200 || answer->status == 202) && doc != NULL &&
        parcelpost_read_one(json_root(doc), &made) && strcmp(made.order_id, s->order_id) == 0) {
        out->outcome = PROVIDER_ACCEPTED;
        (void)snprintf(out->fulfillment_id, sizeof(out->fulfillment_id), "%s", made.fulfillment_id);
        out->is_live_wrong = made.has_live_mode && made.live_mode != p->options.is_live;
    } else if (answer->status >= 400 && answer->status < 500 && problem != NULL) {
        out->outcome = parcelpost_code_outcome(problem);
        out->is_order_wide = parcelpost_is_order_wide(problem);
        text_copy_clean(out->error_code, sizeof(out->error_code), problem);
        text_copy_clean(out->error_message, sizeof(out->error_message),
                        json_text(json_root(doc), "text"));
    }
    free(made.items);
    json_free(doc);
}

static void
parcelpost_read_list(const struct json_value *first, int count, struct provider_fulfillments *out,
                     struct provider_answer *how)
{
    if (count == 0)
        return;
    out->list = calloc((size_t)count, sizeof(*out->list));
    for (const struct json_value *at = first; out->list != NULL && out->count < count;
         at = json_next(at)) {
        if (!parcelpost_read_one(at, &out->list[out->count++]))
            break;
        if (out->count == count)
            return;
    }
    provider_fulfillments_free(out);
    parcelpost_unreadable(how);
}

static void
parcelpost_read_fulfillments(const struct provider *p, const struct http_answer *answer,
                             struct provider_fulfillments *out, struct provider_answer *how)
{
    struct json_doc *doc = parcelpost_begin_read(answer, how);
    const struct json_value *list;
    const char *next;

    (void)p;
    *out = (struct provider_fulfillments){0};
    if (doc == NULL)
        return;
    list = json_get(json_root(doc), "dispatches");
    next = json_text(json_root(doc), "next");
    if (!json_is_array(list)) {
        parcelpost_unreadable(how);
    } else {
        out->has_more = next != NULL;
        text_copy_clean(out->next, sizeof(out->next), next);
        parcelpost_read_list(json_first(list), json_count(list), out, how);
    }
    json_free(doc);
}

static void
parcelpost_read_fulfillment(const struct provider *p, const struct http_answer *answer,
                            struct provider_fulfillments *out, struct provider_answer *how)
{
    struct json_doc *doc = parcelpost_begin_read(answer, how);

    (void)p;
    *out = (struct provider_fulfillments){0};
    if (doc != NULL)
        parcelpost_read_list(json_root(doc), 1, out, how);
    json_free(doc);
}

static const char *
parcelpost_state(const char *status)
{
    static const struct {
        const char *theirs, *ours;
    } words[] = {{"open", "accepted"}, {"paused", "in_review"}, {"sent", "fulfilled"},
                 {"paid", "complete"}, {"void", "cancelled"},   {"fraud", "blocked"}};

    for (size_t i = 0; status != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].theirs, status) == 0)
            return words[i].ours;
    }
    return status;
}

static bool
parcelpost_read_order(const struct json_value *from, struct provider_order *out)
{
    const struct json_value *lines = json_get(from, "lines");
    const char *id = json_text(from, "number");
    const char *state = parcelpost_state(json_text(from, "status"));
    bool is_sandbox;

    if (id == NULL || state == NULL)
        return false;
    text_copy_clean(out->order_id, sizeof(out->order_id), id);
    text_copy_clean(out->state, sizeof(out->state), state);
    out->has_live_mode = json_bool(from, "sandbox", &is_sandbox);
    out->live_mode = !is_sandbox;
    out->items = calloc((size_t)json_count(lines) + 1, sizeof(*out->items));
    if (out->items == NULL)
        return false;
    for (const struct json_value *at = json_first(lines); at != NULL; at = json_next(at)) {
        struct provider_order_item *item = &out->items[out->items_count++];

        text_copy_clean(item->item_id, sizeof(item->item_id), json_text(at, "line"));
        if (!json_int(at, "ordered", &item->quantity))
            return false;
    }
    return true;
}

static void
parcelpost_read_orders(const struct provider *p, const struct http_answer *answer,
                       struct provider_orders *out, struct provider_answer *how)
{
    struct json_doc *doc = parcelpost_begin_read(answer, how);

    (void)p;
    *out = (struct provider_orders){0};
    if (doc == NULL)
        return;
    out->list = calloc((size_t)json_count(json_root(doc)) + 1, sizeof(*out->list));
    for (const struct json_value *at = json_first(json_root(doc)); out->list != NULL && at != NULL;
         at = json_next(at)) {
        if (!parcelpost_read_order(at, &out->list[out->count++])) {
            provider_orders_free(out);
            parcelpost_unreadable(how);
        }
    }
    json_free(doc);
}

/* It tells of purchases only, by number: each is asked for then. */
static void
parcelpost_read_events(const struct provider *p, const struct http_answer *answer,
                       const char *cursor, struct provider_events *out, struct provider_answer *how)
{
    struct json_doc *doc = parcelpost_begin_read(answer, how);

    (void)p;
    *out = (struct provider_events){0};
    if (doc == NULL)
        return;
    out->list = calloc((size_t)json_count(json_root(doc)) + 1, sizeof(*out->list));
    for (const struct json_value *at = json_first(json_root(doc)); out->list != NULL && at != NULL;
         at = json_next(at)) {
        struct provider_event *event = &out->list[out->count++];

        event->kind = PROVIDER_EVENT_ASK;
        event->what = "";
        text_copy_clean(event->event_id, sizeof(event->event_id), json_text(at, "change"));
        text_copy_clean(event->type, sizeof(event->type), "change");
        text_copy_clean(event->created_time, sizeof(event->created_time), json_text(at, "at"));
        text_copy_clean(event->order_id, sizeof(event->order_id), json_text(at, "purchase"));
        memcpy(out->last_id, event->event_id, sizeof(out->last_id));
        memcpy(out->last_time, event->created_time, sizeof(out->last_time));
        if (out->count == 1) {
            memcpy(out->first_id, out->last_id, sizeof(out->first_id));
            memcpy(out->first_time, out->last_time, sizeof(out->first_time));
        }
        out->has_cursor |= cursor != NULL && strcmp(cursor, event->event_id) == 0;
    }
    json_free(doc);
}

static void
parcelpost_read_plain(const struct provider *p, const struct http_answer *answer,
                      struct provider_answer *how)
{
    (void)p;
    json_free(parcelpost_begin_read(answer, how));
}

const struct provider_methods PARCELPOST_METHODS = {
    .name = "parcelpost",
    .capabilities =
        {
            .key_header = "X-Parcelpost-Key: ",
            .request_id_header = "Trace-Id",
            .has_idempotency_key = true,
            .list_shows_marker = false,
            .orders_per_ask_max = PARCELPOST_ASK_MAX,
            .lines_per_submission_max = PARCELPOST_LINES_MAX,
            .page_max = 2,
        },
    .post = parcelpost_post,
    .list_fulfillments = parcelpost_list_fulfillments,
    .get_fulfillment = parcelpost_get_fulfillment,
    .ask_orders = parcelpost_ask_orders,
    .ask_upstream = parcelpost_ask_upstream,
    .ask_fits = parcelpost_ask_fits,
    .list_events = parcelpost_list_events,
    .update_tracking = parcelpost_update_tracking,
    .probe = parcelpost_probe,
    .read_post = parcelpost_read_post,
    .read_fulfillments = parcelpost_read_fulfillments,
    .read_fulfillment = parcelpost_read_fulfillment,
    .read_orders = parcelpost_read_orders,
    .read_events = parcelpost_read_events,
    .read_plain = parcelpost_read_plain,
    .code_outcome = parcelpost_code_outcome,
    .is_order_wide = parcelpost_is_order_wide,
};
