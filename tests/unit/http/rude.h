/*
 * rude — a server on loopback that behaves badly on purpose; the path says how.
 *
 * One thread a connection, plain blocking sockets. It counts what it has read,
 * so that a test can say what really left the client. Included by the tests of
 * this folder; each is a program of its own.
 */
#ifndef TESTS_HTTP_RUDE_H
#define TESTS_HTTP_RUDE_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/number.h"
#include "http/http.h"

enum { RUDE_CONNECTIONS_MAX = 128, RUDE_HEAD_MAX = 8192, RUDE_WAIT_MS = 10000 };

struct rude {
    int listen_fd;
    int port;
    pthread_t acceptor;
    pthread_mutex_t mutex;
    pthread_cond_t changed;

    /* under the mutex */
    pthread_t threads[RUDE_CONNECTIONS_MAX];
    int fds[RUDE_CONNECTIONS_MAX];
    int connections;
    int requests;      /* heads read to their end */
    int drops;         /* requests of /drop that were read whole: what an API would have applied */
    size_t body_bytes; /* of all requests */
    bool is_released;  /* what /early and /sleepy wait for */
    bool is_stopping;
};

struct rude_visit {
    struct rude *rude;
    int fd;
    char head[RUDE_HEAD_MAX];
    size_t used;
};

static void
rude_say(int fd, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t sent = send(fd, text, bytes, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        text += sent;
        bytes -= (size_t)sent;
    }
}

static void
rude_tell(int fd, const char *text)
{
    rude_say(fd, text, strlen(text));
}

/* Until the test lets go, or the server stops. */
static void
rude_hold(struct rude *rude, bool only_stop)
{
    pthread_mutex_lock(&rude->mutex);
    while (!rude->is_stopping && (only_stop || !rude->is_released))
        pthread_cond_wait(&rude->changed, &rude->mutex);
    pthread_mutex_unlock(&rude->mutex);
}

/* The head of one request with its NUL; what came after it stays in the buffer. False at the end.
 */
static bool
rude_read_head(struct rude_visit *visit, char head[RUDE_HEAD_MAX])
{
    char *end;

    while ((end = memmem(visit->head, visit->used, "\r\n\r\n", 4)) == NULL) {
        ssize_t got;

        if (visit->used == sizeof(visit->head))
            return false;
        got = recv(visit->fd, visit->head + visit->used, sizeof(visit->head) - visit->used, 0);
        if (got <= 0)
            return false;
        visit->used += (size_t)got;
    }
    end += 4;
    memcpy(head, visit->head, (size_t)(end - visit->head));
    head[end - visit->head] = '\0';
    visit->used -= (size_t)(end - visit->head);
    memmove(visit->head, end, visit->used);
    return true;
}

static bool
rude_read_body(struct rude_visit *visit, size_t bytes)
{
    char sink[16384];

    while (bytes > 0) {
        size_t got = visit->used < bytes ? visit->used : bytes;

        if (got > 0) {
            visit->used -= got;
            memmove(visit->head, visit->head + got, visit->used);
        } else {
            ssize_t read = recv(visit->fd, sink, bytes < sizeof(sink) ? bytes : sizeof(sink), 0);

            if (read <= 0)
                return false;
            got = (size_t)read;
        }
        bytes -= got;
        pthread_mutex_lock(&visit->rude->mutex);
        visit->rude->body_bytes += got;
        pthread_mutex_unlock(&visit->rude->mutex);
    }
    return true;
}

static size_t
rude_content_length(const char *head)
{
    const char *at = strcasestr(head, "content-length:");
    char digits[21] = "";
    int64_t bytes = 0;

    if (at == NULL)
        return 0;
    at += strlen("content-length:");
    at += strspn(at, " ");
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)strspn(at, "0123456789"), at);
    (void)number_parse(digits, 0, INT32_MAX, &bytes);
    return (size_t)bytes;
}

static const char rude_filler[] =
    "0123456789012345678901234567890123456789012345678901234567890123456789";

/* A byte now and then, until the client has enough of it. */
static void
rude_drip(struct rude *rude, int fd, const char *start)
{
    bool goes_on = true;

    rude_tell(fd, start);
    while (goes_on) {
        char gone;

        rude_tell(fd, "x");
        (void)poll(NULL, 0, 20);
        pthread_mutex_lock(&rude->mutex);
        goes_on = !rude->is_stopping;
        pthread_mutex_unlock(&rude->mutex);
        if (recv(fd, &gone, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
            return;
    }
}

static void
rude_send_endless(int fd, const char *start, const char *piece)
{
    rude_tell(fd, start);
    for (int i = 0; i < 100000; i++) {
        char gone;

        if (recv(fd, &gone, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
            return;
        rude_tell(fd, piece);
    }
}

/* The head at once, the body when the test lets go. */
static void
rude_answer_slowly(struct rude_visit *visit, bool is_503)
{
    rude_tell(visit->fd, is_503 ? "HTTP/1.1 503 Busy\r\n"
                                : "HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\n"
                                  "Date: Mon, 23 Nov 2026 14:00:00 GMT\r\n");
    rude_tell(visit->fd, "Content-Length: 4\r\n\r\n");
    rude_hold(visit->rude, false);
    rude_tell(visit->fd, "wait");
}

/* False ends the connection. */
static bool
rude_answer(struct rude_visit *visit, const char *head)
{
    static const struct {
        const char *path, *text;
        bool goes_on;
    } fixed[] = {
        {"/ok",
         "HTTP/1.1 201 Created\r\nContent-Type: application/json; charset=utf-8\r\n"
         "x-dr-requestid: req-1\r\nDate: Mon, 23 Nov 2026 14:00:00 GMT\r\nContent-Length: 11\r\n"
         "\r\n{\"id\":\"f1\"}",
         true},
        {"/plain", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi",
         true},
        {"/continue",
         "HTTP/1.1 103 Early\r\nRetry-After: 9\r\nx-dr-requestid: wrong\r\n\r\n"
         "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
         true},
        {"/redirect", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", true},
        {"/truncate", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789", false},
        {"/cut-head", "HTTP/1.1 201 Cre", false},
        {"/garbage", "we do not speak that here\r\n\r\n", false},
        {"/evil",
         "HTTP/1.1 500 No\r\nx-dr-requestid:  a\x1b[31mb\xc3\xa9 \r\nContent-Length: 0\r\n\r\n",
         true},
    };
    int fd = visit->fd;

    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        const char *path = strchr(head, ' ') + 1;
        size_t bytes = strlen(fixed[i].path);

        if (strncmp(path, fixed[i].path, bytes) == 0 && path[bytes] == ' ') {
            rude_tell(fd, fixed[i].text);
            return fixed[i].goes_on;
        }
    }
    if (strstr(head, " /drop ") != NULL) {
        pthread_mutex_lock(&visit->rude->mutex);
        visit->rude->drops++;
        pthread_mutex_unlock(&visit->rude->mutex);
        return false;
    }
    if (strstr(head, " /nul ") != NULL) {
        rude_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\0b", 41);
        return true;
    }
    if (strstr(head, " /early") != NULL) {
        rude_answer_slowly(visit, strstr(head, " /early503 ") != NULL);
        return true;
    }
    if (strstr(head, " /echo ") != NULL) {
        char status[64];

        (void)snprintf(status, sizeof(status), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                       strlen(head));
        rude_tell(fd, status);
        rude_tell(fd, head);
        return true;
    }
    if (strstr(head, " /drip ") != NULL)
        rude_drip(visit->rude, fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    else if (strstr(head, " /drip-head ") != NULL)
        rude_drip(visit->rude, fd, "HTTP/1.1 200 OK\r\nX-Filler: ");
    else if (strstr(head, " /endless ") != NULL)
        rude_send_endless(fd, "HTTP/1.1 200 OK\r\n\r\n", rude_filler);
    else if (strstr(head, " /chunks ") != NULL)
        rude_send_endless(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                          "20\r\n01234567890123456789012345678901\r\n");
    else if (strstr(head, " /interim ") != NULL)
        rude_send_endless(fd, "", "HTTP/1.1 103 Early\r\nX-Filler: 0123456789\r\n\r\n");
    else if (strstr(head, " /huge ") != NULL)
        rude_send_endless(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", rude_filler);
    else if (strstr(head, " /headers ") != NULL)
        rude_send_endless(
            fd, "HTTP/1.1 200 OK\r\n",
            "X-Filler: 0123456789012345678901234567890123456789012345678901234567\r\n");
    else /* /hang, and what nobody thought of */
        rude_hold(visit->rude, true);
    return false;
}

static void *
rude_serve(void *ctx)
{
    struct rude_visit *visit = ctx;
    struct rude *rude = visit->rude;
    char head[RUDE_HEAD_MAX + 1];
    bool goes_on = true;

    while (goes_on && rude_read_head(visit, head)) {
        pthread_mutex_lock(&rude->mutex);
        rude->requests++;
        pthread_mutex_unlock(&rude->mutex);
        if (strstr(head, " /sleepy ") != NULL)
            rude_hold(rude, false);
        goes_on = rude_read_body(visit, rude_content_length(head)) && rude_answer(visit, head);
    }
    (void)shutdown(visit->fd, SHUT_RDWR);
    free(visit);
    return NULL;
}

static void *
rude_accept(void *ctx)
{
    struct rude *rude = ctx;

    for (;;) {
        struct rude_visit *visit;
        int small = 4096;
        int fd = accept(rude->listen_fd, NULL, NULL);
        int index;

        if (fd < 0)
            return NULL;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        visit = calloc(1, sizeof(*visit));
        pthread_mutex_lock(&rude->mutex);
        if (visit == NULL || rude->is_stopping || rude->connections == RUDE_CONNECTIONS_MAX)
            abort();
        index = rude->connections++;
        *visit = (struct rude_visit){.rude = rude, .fd = fd};
        rude->fds[index] = fd;
        if (pthread_create(&rude->threads[index], NULL, rude_serve, visit) != 0)
            abort();
        pthread_mutex_unlock(&rude->mutex);
    }
}

/* Of either family. */
static void
rude_listen(struct rude *rude, struct sockaddr *address, socklen_t bytes)
{
    int one = 1;

    *rude = (struct rude){0};
    pthread_mutex_init(&rude->mutex, NULL);
    pthread_cond_init(&rude->changed, NULL);
    rude->listen_fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(rude->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    ck_assert_int_eq(bind(rude->listen_fd, address, bytes), 0);
    ck_assert_int_eq(listen(rude->listen_fd, 64), 0);
    ck_assert_int_eq(getsockname(rude->listen_fd, address, &bytes), 0);
    ck_assert_int_eq(pthread_create(&rude->acceptor, NULL, rude_accept, rude), 0);
}

/* port 0: a free one. */
static void
rude_start_at(struct rude *rude, uint32_t host, int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(host)};

    rude_listen(rude, (struct sockaddr *)&address, sizeof(address));
    rude->port = ntohs(address.sin_port);
}

static inline void
rude_start_six(struct rude *rude)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};

    rude_listen(rude, (struct sockaddr *)&address, sizeof(address));
    rude->port = ntohs(address.sin6_port);
}

static void
rude_start(struct rude *rude)
{
    rude_start_at(rude, INADDR_LOOPBACK, 0);
}

static void
rude_stop(struct rude *rude)
{
    (void)shutdown(rude->listen_fd, SHUT_RDWR); /* ends accept */
    pthread_join(rude->acceptor, NULL);
    pthread_mutex_lock(&rude->mutex);
    rude->is_stopping = true;
    pthread_cond_broadcast(&rude->changed);
    for (int i = 0; i < rude->connections; i++)
        (void)shutdown(rude->fds[i], SHUT_RDWR);
    pthread_mutex_unlock(&rude->mutex);
    for (int i = 0; i < rude->connections; i++) {
        pthread_join(rude->threads[i], NULL);
        (void)close(rude->fds[i]);
    }
    (void)close(rude->listen_fd);
    pthread_mutex_destroy(&rude->mutex);
    pthread_cond_destroy(&rude->changed);
}

static inline void
rude_release(struct rude *rude)
{
    pthread_mutex_lock(&rude->mutex);
    rude->is_released = true;
    pthread_cond_broadcast(&rude->changed);
    pthread_mutex_unlock(&rude->mutex);
}

/* The counters as they are now; only the numbers of the copy are meant to be read. */
static struct rude
rude_look(struct rude *rude)
{
    struct rude copy;

    pthread_mutex_lock(&rude->mutex);
    copy = *rude;
    pthread_mutex_unlock(&rude->mutex);
    return copy;
}

/* ---- the client's side of a test ---- */

static struct rude rude;
static struct http *http;
static struct error err;

static const struct http_options rude_options = {
    .in_flight_max = 4,
    .body_bytes_max = 65536,
    .connect_timeout_ms = 2000,
    .timeout_ms = RUDE_WAIT_MS,
    .user_agent = "waybill-test/1",
    .request_id_header = "x-dr-requestid",
};

static void
rude_set_up(void)
{
    err = (struct error){0};
    http = NULL;
    rude_start(&rude);
    ck_assert_msg(http_new(&http, &rude_options, &err), "%s", err.message);
}

static void
rude_tear_down(void)
{
    http_free(http);
    rude_stop(&rude);
}

/* Another object with other limits in place of the usual one. */
static inline void
rude_set_options(const struct http_options *options)
{
    http_free(http);
    http = NULL;
    ck_assert_msg(http_new(&http, options, &err), "%s", err.message);
}

/* A POST when there is a body, else a GET; path may be a whole URL. */
static void
rude_ask(const char *path, const char *body, const struct clock_boot *deadline, void *tag)
{
    char url[256];
    struct http_request request = {.method = body == NULL ? "GET" : "POST", .url = url, .tag = tag};

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", rude.port, path);
    if (path[0] != '/')
        request.url = path;
    request.body = body;
    request.body_bytes = body == NULL ? 0 : strlen(body);
    if (deadline != NULL) {
        request.has_send_deadline = true;
        request.send_deadline = *deadline;
    }
    ck_assert_msg(http_start(http, &request, &err), "%s", err.message);
}

static void
rude_wait(struct http_answer *out)
{
    struct clock_mono until = clock_mono_add(clock_mono_now(), RUDE_WAIT_MS * 2);

    while (!http_take(http, out)) {
        ck_assert_msg(clock_mono_left_ms(until) > 0, "no end in sight");
        ck_assert_msg(http_wait(http, NULL, 0, NULL, 100, &err), "%s", err.message);
    }
}

static void
rude_fetch(const char *path, const char *body, struct http_answer *out)
{
    rude_ask(path, body, NULL, NULL);
    rude_wait(out);
}

#endif
