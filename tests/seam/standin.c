#include "seam/standin.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/number.h"
#include "support/support.h"
#include "json/json.h"

enum { STANDIN_DISPATCHES_MAX = 2000, STANDIN_ORDERS_MAX = 1000, STANDIN_PAGE = 2 };
enum { STANDIN_BODY_MAX = 65536 };

struct standin_dispatch {
    char key[64];
    char note[128];
    char order[64];
    struct {
        char line[16];
        int64_t sent, dropped;
    } lines[4];
    int lines_count;
    bool has_parcel;
};

static struct standin_dispatch dispatches[STANDIN_DISPATCHES_MAX];
static int dispatches_count, replays, posts, refused_keys;
static int posts_of[STANDIN_ORDERS_MAX + 1];
static int orders_count;
static bool is_note_shown;

struct standin_body {
    size_t used;
    char text[STANDIN_BODY_MAX];
};

static enum MHD_Result
standin_answer(struct MHD_Connection *connection, unsigned status, struct buffer *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text->used, text->data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    (void)MHD_add_response_header(response, "Content-Type", "application/json");
    (void)MHD_add_response_header(response, "Trace-Id", "trace-7");
    if (status == 429)
        (void)MHD_add_response_header(response, "Retry-After", "1");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    buffer_free(text);
    return result;
}

static enum MHD_Result
standin_problem(struct MHD_Connection *connection, unsigned status, const char *problem)
{
    struct buffer text;

    buffer_init(&text, 1000);
    (void)buffer_printf(&text, "{\"problem\": \"%s\", \"text\": \"no\"}", problem);
    return standin_answer(connection, status, &text);
}

static void
standin_write(struct json_writer *w, int index, bool with_note)
{
    const struct standin_dispatch *d = &dispatches[index];
    char id[16];

    (void)snprintf(id, sizeof(id), "d%d", index + 1);
    json_write_object(w, NULL);
    json_write_text(w, "dispatch", id);
    json_write_text(w, "purchase", d->order);
    json_write_bool(w, "sandbox", true);
    if (with_note)
        json_write_text(w, "note", d->note);
    json_write_array(w, "lines");
    for (int i = 0; i < d->lines_count; i++) {
        json_write_object(w, NULL);
        json_write_text(w, "line", d->lines[i].line);
        json_write_int(w, "sent", d->lines[i].sent);
        json_write_int(w, "dropped", d->lines[i].dropped);
        json_write_end_object(w);
    }
    json_write_end_array(w);
    json_write_end_object(w);
}

static enum MHD_Result
standin_show(struct MHD_Connection *connection, unsigned status, int index, bool with_note)
{
    struct buffer text;
    struct json_writer w;

    buffer_init(&text, STANDIN_BODY_MAX);
    json_write_init(&w, &text);
    standin_write(&w, index, with_note);
    return standin_answer(connection, status, &text);
}

/* The number in "o17"; 0 for what is none of ours. */
static int
standin_order(const char *id)
{
    int number = 0;

    if (id == NULL || id[0] != 'o' || strlen(id) > 4)
        return 0;
    for (id++; *id >= '0' && *id <= '9'; id++)
        number = number * 10 + (*id - '0');
    return number <= orders_count ? number : 0;
}

static bool
standin_take(const struct json_value *root, const char *key, struct standin_dispatch *d)
{
    (void)snprintf(d->key, sizeof(d->key), "%s", key);
    (void)snprintf(d->note, sizeof(d->note), "%s", json_text(root, "note"));
    (void)snprintf(d->order, sizeof(d->order), "%s", json_text(root, "purchase"));
    d->has_parcel = json_text(json_get(root, "parcel"), "code") != NULL;
    for (const struct json_value *at = json_first(json_get(root, "lines")); at != NULL;
         at = json_next(at)) {
        if (d->lines_count == 4 || json_text(at, "line") == NULL ||
            !json_int(at, "sent", &d->lines[d->lines_count].sent) ||
            !json_int(at, "dropped", &d->lines[d->lines_count].dropped))
            return false;
        (void)snprintf(d->lines[d->lines_count].line, sizeof(d->lines[0].line), "%s",
                       json_text(at, "line"));
        d->lines_count++;
    }
    return d->lines_count > 0;
}

static enum MHD_Result
standin_post(struct MHD_Connection *connection, const struct standin_body *body)
{
    const char *key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Idempotency-Key");
    struct standin_dispatch made = {0};
    struct json_doc *doc = NULL;
    struct error ignored = {0};
    int number;
    bool ok;

    posts++;
    if (key == NULL || !json_parse(body->text, body->used, &doc, &ignored))
        return standin_problem(connection, 400, "unreadable");
    number = standin_order(json_text(json_root(doc), "purchase"));
    ok = number > 0 && standin_take(json_root(doc), key, &made);
    json_free(doc);
    if (!ok)
        return standin_problem(connection, 404, "unknown_purchase");
    for (int i = 0; i < dispatches_count; i++) {
        if (strcmp(dispatches[i].key, key) == 0) {
            replays++;
            return standin_show(connection, 200, i, false);
        }
    }
    if (++posts_of[number] == 1 && number % 4 == 2)
        return standin_problem(connection, 503, "tired");
    if (posts_of[number] == 1 && number == 3)
        return standin_problem(connection, 429, "slow_down");
    ck_assert_int_lt(dispatches_count, STANDIN_DISPATCHES_MAX);
    dispatches[dispatches_count++] = made;
    if (posts_of[number] == 1 && number % 4 == 1)
        return MHD_NO; /* applied, and the connection closes */
    return standin_show(connection, 202, dispatches_count - 1, false);
}

/* Newest first, two a page; the token of a page is opaque. */
static enum MHD_Result
standin_list(struct MHD_Connection *connection)
{
    const char *order = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "purchase");
    const char *page = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "page");
    int from = page == NULL ? dispatches_count : (int)strlen(page);
    int shown = 0;
    struct buffer text;
    struct json_writer w;
    char token[STANDIN_DISPATCHES_MAX + 1];

    buffer_init(&text, STANDIN_BODY_MAX);
    json_write_init(&w, &text);
    json_write_object(&w, NULL);
    json_write_array(&w, "dispatches");
    for (from--; from >= 0 && shown < STANDIN_PAGE; from--) {
        if (strcmp(dispatches[from].order, order) == 0) {
            standin_write(&w, from, false);
            shown++;
        }
    }
    json_write_end_array(&w);
    /* as many x as there are older ones left to look through */
    memset(token, 'x', sizeof(token));
    token[from + 1 > 200 ? 200 : from + 1] = '\0';
    if (shown == STANDIN_PAGE && from >= 0)
        json_write_text(&w, "next", token);
    json_write_end_object(&w);
    return standin_answer(connection, 200, &text);
}

static enum MHD_Result
standin_asked(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct json_writer *w = ctx;

    (void)kind;
    if (strcmp(name, "number") != 0 || standin_order(value) == 0)
        return MHD_YES;
    json_write_object(w, NULL);
    json_write_text(w, "number", value);
    json_write_text(w, "status", "open");
    json_write_bool(w, "sandbox", true);
    json_write_array(w, "lines");
    for (int i = 0; i < 2; i++) {
        json_write_object(w, NULL);
        json_write_text(w, "line", i == 0 ? "a" : "b");
        json_write_int(w, "ordered", 10);
        json_write_end_object(w);
    }
    json_write_end_array(w);
    json_write_end_object(w);
    return MHD_YES;
}

static enum MHD_Result
standin_purchases(struct MHD_Connection *connection)
{
    struct buffer text;
    struct json_writer w;

    buffer_init(&text, STANDIN_BODY_MAX);
    json_write_init(&w, &text);
    json_write_array(&w, NULL);
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, standin_asked, &w);
    json_write_end_array(&w);
    return standin_answer(connection, 200, &text);
}

static enum MHD_Result
standin_stats(struct MHD_Connection *connection)
{
    struct buffer text;
    int64_t units = 0;

    for (int i = 0; i < dispatches_count; i++) {
        for (int k = 0; k < dispatches[i].lines_count; k++)
            units += dispatches[i].lines[k].sent + dispatches[i].lines[k].dropped;
    }
    buffer_init(&text, 1000);
    (void)buffer_printf(&text, "posts %d, replays %d, dispatches %d, units %lld, refused keys %d",
                        posts, replays, dispatches_count, (long long)units, refused_keys);
    return standin_answer(connection, 200, &text);
}

static enum MHD_Result
standin_route(struct MHD_Connection *connection, const char *url, const char *method,
              const struct standin_body *body)
{
    const char *key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Parcelpost-Key");
    bool is_post = strcmp(method, "POST") == 0;
    struct buffer text;

    if (strcmp(url, "/stats") == 0)
        return standin_stats(connection);
    if (key == NULL || strcmp(key, "pp_secret") != 0 ||
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization") != NULL) {
        refused_keys++;
        return standin_problem(connection, 407, "bad_key");
    }
    if (is_post && strcmp(url, "/v9/dispatches") == 0)
        return standin_post(connection, body);
    if (is_post)
        return standin_problem(connection, 404, "no_such_thing");
    if (strcmp(url, "/v9/dispatches") == 0)
        return standin_list(connection);
    if (strncmp(url, "/v9/dispatches/d", 16) == 0) {
        int64_t id;

        return number_parse(url + 16, 1, dispatches_count, &id)
                   ? standin_show(connection, 200, (int)id - 1, is_note_shown)
                   : standin_problem(connection, 404, "no_such_thing");
    }
    if (strcmp(url, "/v9/purchases") == 0)
        return standin_purchases(connection);
    buffer_init(&text, 10);
    (void)buffer_puts(&text, "[]"); /* no changes; and me */
    return standin_answer(connection, 200, &text);
}

static enum MHD_Result
standin_handle(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
               const char *version, const char *data, size_t *bytes, void **own)
{
    struct standin_body *body = *own;
    enum MHD_Result result;

    (void)ctx;
    (void)version;
    if (body == NULL) {
        *own = calloc(1, sizeof(*body));
        return *own == NULL ? MHD_NO : MHD_YES;
    }
    if (*bytes > 0) {
        if (body->used + *bytes > sizeof(body->text))
            return MHD_NO;
        memcpy(body->text + body->used, data, *bytes);
        body->used += *bytes;
        *bytes = 0;
        return MHD_YES;
    }
    result = standin_route(connection, url, method, body);
    return result;
}

static void
standin_completed(void *ctx, struct MHD_Connection *connection, void **own,
                  enum MHD_RequestTerminationCode how)
{
    (void)ctx;
    (void)connection;
    (void)how;
    free(*own);
    *own = NULL;
}

void
standin_start(struct standin *standin, int orders, bool shows_note)
{
    int port = 0;
    int fd = support_listen(&port);

    (void)snprintf(standin->url, sizeof(standin->url), "http://127.0.0.1:%d", port);
    ck_assert_int_le(orders, STANDIN_ORDERS_MAX);
    standin->pid = fork();
    ck_assert_int_ge(standin->pid, 0);
    if (standin->pid == 0) {
        struct MHD_Daemon *daemon;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        orders_count = orders;
        is_note_shown = shows_note;
        daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, standin_handle,
                                  NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
                                  standin_completed, NULL, MHD_OPTION_END);
        if (daemon == NULL)
            _exit(1);
        for (;;)
            (void)pause();
    }
    (void)close(fd);
}

void
standin_stop(struct standin *standin)
{
    (void)kill(standin->pid, SIGKILL);
    (void)waitpid(standin->pid, NULL, 0);
}
