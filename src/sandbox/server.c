#include "sandbox/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <microhttpd.h>

#define SERVER_CONNECTIONS_MAX 4096u
#define SERVER_MEMORY_BYTES    ((size_t)32768) /* of one connection: bounds URL and headers */
#define SERVER_BACKLOG         1024u
#define SERVER_PARAMS_MAX      4096
#define SERVER_HANG_LOOK_MS    20

struct exchange {
    struct server *server;
    struct MHD_Connection *connection;
    struct buffer body;
    struct answer answer;
    bool is_too_large;
    bool is_handled;
    bool is_suspended;
    bool is_over;                     /* the answer may go out now */
    struct exchange *next, *previous; /* of the suspended ones */
};

struct server {
    struct sandbox *sandbox;
    struct MHD_Daemon *daemon;
    int epoll_fd;
    int port;
    bool is_stopping;
    struct exchange *suspended;
    struct param params[SERVER_PARAMS_MAX];
    int params_count;
};

/* ---- holding back ---- */

static void
server_suspend(struct exchange *exchange)
{
    struct server *server = exchange->server;

    MHD_suspend_connection(exchange->connection);
    exchange->is_suspended = true;
    exchange->previous = NULL;
    exchange->next = server->suspended;
    if (server->suspended != NULL)
        server->suspended->previous = exchange;
    server->suspended = exchange;
}

static void
server_resume(struct exchange *exchange)
{
    if (exchange->previous != NULL)
        exchange->previous->next = exchange->next;
    else
        exchange->server->suspended = exchange->next;
    if (exchange->next != NULL)
        exchange->next->previous = exchange->previous;
    exchange->is_suspended = false;
    exchange->is_over = true;
    MHD_resume_connection(exchange->connection);
}

static void
server_delay_over(void *owner, void *item)
{
    (void)owner;
    server_resume(item);
}

static int
server_socket(const struct exchange *exchange)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info == NULL ? -1 : info->connect_fd;
}

/* A suspended connection isn't watched by the library: look whether the client is still there. */
static void
server_hang_look(void *owner, void *item)
{
    struct server *server = owner;
    struct exchange *exchange = item;
    char byte;
    ssize_t count = recv(server_socket(exchange), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    bool is_gone = count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);

    if (is_gone ||
        !timers_add(server->sandbox->timers, sandbox_now_ms(server->sandbox) + SERVER_HANG_LOOK_MS,
                    server_hang_look, NULL, server, exchange))
        server_resume(exchange);
}

static bool
server_hold(struct exchange *exchange)
{
    struct sandbox *sandbox = exchange->server->sandbox;
    bool is_hanging = exchange->answer.ending == ENDING_HANG;
    int64_t ms = is_hanging ? SERVER_HANG_LOOK_MS : exchange->answer.delay_ms;

    if (ms <= 0)
        return false;
    if (!timers_add(sandbox->timers, sandbox_now_ms(sandbox) + ms,
                    is_hanging ? server_hang_look : server_delay_over, NULL, exchange->server,
                    exchange))
        return false;
    server_suspend(exchange);
    return true;
}

/* ---- answering ---- */

static ssize_t
server_read_half(void *cls, uint64_t at, char *out, size_t max)
{
    const struct exchange *exchange = cls;
    size_t half = exchange->answer.body.used / 2;

    if (at >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (max > half - (size_t)at)
        max = half - (size_t)at;
    memcpy(out, exchange->answer.body.data + at, max);
    return (ssize_t)max;
}

static ssize_t
server_read_padding(void *cls, uint64_t at, char *out, size_t max)
{
    static const char head[] = "{\"padding\":\"";
    const struct exchange *exchange = cls;
    size_t total = exchange->answer.padding_bytes;

    if (max > total - (size_t)at)
        max = total - (size_t)at;
    for (size_t i = 0; i < max; i++) {
        size_t place = (size_t)at + i;

        if (place < sizeof(head) - 1)
            out[i] = head[place];
        else if (place + 2 >= total)
            out[i] = place + 2 == total ? '"' : '}';
        else
            out[i] = 'x';
    }
    return (ssize_t)max;
}

static struct MHD_Response *
server_response(struct exchange *exchange)
{
    struct answer *answer = &exchange->answer;
    struct MHD_Response *response;
    size_t bytes = answer->body.used;
    char *body;

    /* These read from the exchange, which outlives the response: it ends when the request does. */
    if (answer->ending == ENDING_TRUNCATED && bytes > 1)
        return MHD_create_response_from_callback(bytes, 65536, server_read_half, exchange, NULL);
    if (answer->ending == ENDING_PADDED && answer->padding_bytes > 64)
        return MHD_create_response_from_callback(answer->padding_bytes, 65536, server_read_padding,
                                                 exchange, NULL);
    body = buffer_take(&answer->body);
    if (body == NULL)
        return NULL;
    response = MHD_create_response_from_buffer(bytes, body, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(body);
    return response;
}

static void
server_headers(struct MHD_Response *response, const struct answer *answer)
{
    struct buffer seconds;

    (void)MHD_add_response_header(response, "Content-Type", answer->content_type);
    (void)MHD_add_response_header(response, "x-dr-requestid", answer->request_id);
    if (!answer->has_retry_after)
        return;
    buffer_init(&seconds, 32);
    if (buffer_printf(&seconds, "%lld", (long long)answer->retry_after_s))
        (void)MHD_add_response_header(response, "Retry-After", buffer_text(&seconds));
    buffer_free(&seconds);
}

/* Disconnecting a TCP socket sends a RST at once; closing it would send what is due first. */
static void
server_reset(struct exchange *exchange)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};

    (void)connect(server_socket(exchange), &none, sizeof(none));
}

static enum MHD_Result
server_answer(struct exchange *exchange)
{
    struct MHD_Response *response;
    enum MHD_Result result;

    if (exchange->server->is_stopping)
        return MHD_NO;
    if (exchange->answer.ending == ENDING_RESET)
        server_reset(exchange);
    if (exchange->answer.ending == ENDING_RESET || exchange->answer.ending == ENDING_CLOSE ||
        exchange->answer.ending == ENDING_HANG)
        return MHD_NO; /* closes */
    response = server_response(exchange);
    if (response == NULL)
        return MHD_NO;
    server_headers(response, &exchange->answer);
    result = MHD_queue_response(exchange->connection, (unsigned)exchange->answer.status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- taking ---- */

static enum MHD_Result
server_take_param(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct server *server = cls;

    (void)kind;
    if (server->params_count == SERVER_PARAMS_MAX)
        return MHD_NO;
    server->params[server->params_count++] = (struct param){name, value == NULL ? "" : value};
    return MHD_YES;
}

static void
server_handle(struct exchange *exchange, const char *method, const char *path)
{
    struct server *server = exchange->server;
    struct MHD_Connection *connection = exchange->connection;
    struct request request = {
        .method = method,
        .path = path,
        .authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization"),
        .content_type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type"),
        .params = server->params,
        .body = buffer_text(&exchange->body),
        .body_bytes = exchange->body.used,
        .is_body_too_large = exchange->is_too_large,
    };

    server->params_count = 0;
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, server_take_param, server);
    request.params_count = server->params_count;
    sandbox_handle(server->sandbox, &request, &exchange->answer);
    exchange->is_handled = true;
    buffer_free(&exchange->body);
}

static struct exchange *
server_begin(struct server *server, struct MHD_Connection *connection, const char *path)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));

    if (exchange == NULL)
        return NULL;
    exchange->server = server;
    exchange->connection = connection;
    buffer_init(&exchange->body,
                strncmp(path, "/_sandbox/", 10) == 0 ? SANDBOX_ADMIN_BODY_MAX : SANDBOX_BODY_MAX);
    return exchange;
}

/* Called for the headers, for each piece of the body, at its end, and once more when resumed. */
static enum MHD_Result
server_on_request(void *cls, struct MHD_Connection *connection, const char *path,
                  const char *method, const char *version, const char *upload, size_t *upload_bytes,
                  void **con_cls)
{
    struct exchange *exchange = *con_cls;

    (void)version;
    if (exchange == NULL) {
        *con_cls = server_begin(cls, connection, path);
        return *con_cls == NULL ? MHD_NO : MHD_YES;
    }
    if (*upload_bytes > 0) {
        if (!exchange->is_too_large && !buffer_append(&exchange->body, upload, *upload_bytes))
            exchange->is_too_large = true;
        *upload_bytes = 0;
        return MHD_YES;
    }
    if (exchange->is_suspended)
        return MHD_YES;
    if (!exchange->is_handled)
        server_handle(exchange, method, path);
    if (!exchange->is_over && server_hold(exchange))
        return MHD_YES;
    return server_answer(exchange);
}

static void
server_on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                    enum MHD_RequestTerminationCode code)
{
    struct server *server = cls;
    struct exchange *exchange = *con_cls;

    (void)connection;
    (void)code;
    if (exchange == NULL)
        return;
    if (exchange->is_handled)
        sandbox_answered(server->sandbox, &exchange->answer);
    buffer_free(&exchange->body);
    free(exchange);
    *con_cls = NULL;
}

/* ---- life ---- */

bool
server_open(struct server **out, struct sandbox *sandbox, int64_t port, struct error *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const union MHD_DaemonInfo *info;
    struct server *server = calloc(1, sizeof(*server));

    if (server == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the server");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->sandbox = sandbox;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, server_on_request, server,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT,
        SERVER_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, SERVER_MEMORY_BYTES,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, SERVER_BACKLOG, MHD_OPTION_NOTIFY_COMPLETED,
        server_on_completed, server, MHD_OPTION_END);
    if (server->daemon == NULL) {
        free(server);
        return error_set(err, ERROR_IO, "cannot listen on 127.0.0.1:%lld: %s", (long long)port,
                         strerror(errno));
    }
    info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    server->epoll_fd = info == NULL ? -1 : info->epoll_fd;
    info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    server->port = info == NULL ? 0 : info->port;
    *out = server;
    return true;
}

void
server_close(struct server *server)
{
    if (server == NULL)
        return;
    server->is_stopping = true;
    while (server->suspended != NULL)
        server_resume(server->suspended);
    (void)MHD_run(server->daemon);
    MHD_stop_daemon(server->daemon);
    free(server);
}

int
server_port(const struct server *server)
{
    return server->port;
}

bool
server_run(struct server *server, int stop_fd, struct error *err)
{
    struct sandbox *sandbox = server->sandbox;

    for (;;) {
        struct pollfd fds[2] = {{.fd = server->epoll_fd, .events = POLLIN},
                                {.fd = stop_fd, .events = POLLIN}};
        int64_t wait_ms = timers_left_ms(sandbox->timers, sandbox_now_ms(sandbox));
        MHD_UNSIGNED_LONG_LONG library_ms;

        if (MHD_get_timeout(server->daemon, &library_ms) == MHD_YES &&
            (wait_ms < 0 || (int64_t)library_ms < wait_ms))
            wait_ms = (int64_t)library_ms;
        if (wait_ms > 60000)
            wait_ms = 60000;
        if (poll(fds, 2, (int)wait_ms) < 0 && errno != EINTR)
            return error_set(err, ERROR_IO, "poll: %s", strerror(errno));
        if (fds[1].revents != 0)
            return true;
        timers_run(sandbox->timers, sandbox_now_ms(sandbox));
        if (MHD_run(server->daemon) != MHD_YES)
            return error_set(err, ERROR_IO, "the server stopped");
    }
}
