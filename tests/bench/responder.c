/*
 * responder — the fastest API that still answers as ours does: one thread, epoll, no checks.
 *
 *     responder --port-file FILE [--latency-ms N] [--rate N]
 *
 * POST /fulfillments is echoed as a 201; orders asked for are accepted, lists and events are empty.
 * --latency-ms holds every answer back for as long; --rate allows so many requests in a second (as
 * waybill-sandbox counts them) and answers 429 to the rest. SIGTERM ends it.
 * GET /bench/stats tells what came since the last POST /bench/reset.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"

#define CONNS_MAX    2048
#define EVENTS_MAX   256
#define IN_BYTES     16384 /* 100 order ids are 4 KB */
#define OUT_BYTES    65536
#define SECOND_NS    1000000000LL
#define MILLI_NS     1000000LL
#define LISTEN_COUNT 512

struct conn {
    int fd;
    char in[IN_BYTES];
    size_t in_used;
    char out[OUT_BYTES];
    size_t out_used, out_sent;
    bool is_held; /* its answer waits for the latency to pass */
    int64_t due_ns;
    struct conn *next; /* held after this one, or free */
};

struct request {
    const char *path; /* behind the method and a space */
    const char *body;
    size_t body_bytes;
    bool is_post;
};

static struct {
    int epoll_fd, listen_fd, timer_fd, signal_fd;
    int64_t latency_ns, rate;
    struct conn *held_first, **held_last;
    struct conn *dead; /* freed once the events at hand are through: they may name it */
    int conns;
    int64_t window_ns, window_used; /* of the rate */
    int64_t number;                 /* of fulfillments, never reset: ids are unique */
    long long posts, refused, others, first_ns, last_ns;
} api;

static int64_t
now_ns(void)
{
    struct timespec at;

    /* banned: clock_gettime, because milliseconds are too coarse for a latency */
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * SECOND_NS + at.tv_nsec;
}

static void
die(const char *what)
{
    fprintf(stderr, "responder: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void
conn_watch(struct conn *conn, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = conn};

    if (epoll_ctl(api.epoll_fd, operation, conn->fd, &event) != 0)
        die("epoll_ctl");
}

static void
conn_close(struct conn *conn)
{
    if (conn->fd < 0)
        return;
    (void)close(conn->fd);
    conn->fd = -1;
    api.conns--;
    if (!conn->is_held) { /* else the timer frees it */
        conn->next = api.dead;
        api.dead = conn;
    }
}

static void
conns_bury(void)
{
    while (api.dead != NULL) {
        struct conn *conn = api.dead;

        api.dead = conn->next;
        free(conn);
    }
}

/* ------------------------------------------------------------------ answers */

static void
answer(struct conn *conn, const char *status, const char *extra, const char *body, size_t bytes)
{
    int head = snprintf(conn->out, sizeof(conn->out),
                        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                        "x-dr-requestid: 0b5f6c3e-2d1a-4c57-9f58-3f1f8a1f%04llx\r\n%s\r\n",
                        status, bytes, (unsigned long long)api.number & 0xffff, extra);

    if (head < 0 || (size_t)head + bytes > sizeof(conn->out)) {
        errno = EMSGSIZE;
        die("an answer");
    }
    memcpy(conn->out + head, body, bytes);
    conn->out_used = (size_t)head + bytes;
    conn->out_sent = 0;
}

/* The request itself, with what the API adds in front of its first field. */
static void
answer_created(struct conn *conn, const struct request *request)
{
    char body[IN_BYTES + 256];
    int lead;

    api.posts++;
    api.last_ns = now_ns();
    if (api.first_ns == 0)
        api.first_ns = api.last_ns;
    lead = snprintf(body, sizeof(body),
                    "{\"id\":\"bench-%d-%lld\",\"createdTime\":\"2026-11-23T12:00:00.000Z\","
                    "\"updatedTime\":\"2026-11-23T12:00:00.000Z\",\"liveMode\":false,",
                    (int)getpid(), (long long)++api.number);
    if (request->body_bytes < 2 || request->body[0] != '{') {
        answer(conn, "400 Bad Request", "", "{}", 2);
        return;
    }
    memcpy(body + lead, request->body + 1, request->body_bytes - 1);
    answer(conn, "201 Created", "", body, (size_t)lead + request->body_bytes - 1);
}

/* Each order is accepted, and has one line of one unit whose id is the order's with "01" behind. */
static void
answer_orders(struct conn *conn, const char *path)
{
    static char body[OUT_BYTES - 1024];
    size_t used = (size_t)snprintf(body, sizeof(body), "{\"data\":[");
    const char *end = path + strcspn(path, " \r\n");
    const char *separator = "";

    for (const char *at = path; (at = strstr(at, "ids=")) != NULL && at < end;) {
        int id = (int)strcspn(at += 4, "& \r\n");

        used += (size_t)snprintf(
            body + used, sizeof(body) - used,
            "%s{\"id\":\"%.*s\",\"state\":\"accepted\",\"liveMode\":false,"
            "\"createdTime\":\"2026-11-20T12:00:00.000Z\",\"updatedTime\":\"2026-11-20T12:00:00."
            "000Z\","
            "\"stateTransitions\":{\"accepted\":\"2026-11-20T12:00:00.000Z\"},"
            "\"items\":[{\"id\":\"%.*s01\",\"quantity\":1,\"state\":\"created\"}]}",
            separator, id, at, id, at);
        separator = ",";
        if (used > sizeof(body) - 512) {
            errno = EMSGSIZE;
            die("orders");
        }
    }
    used += (size_t)snprintf(body + used, sizeof(body) - used, "],\"hasMore\":false}");
    answer(conn, "200 OK", "", body, used);
}

static void
answer_stats(struct conn *conn)
{
    char body[256];
    int used = snprintf(body, sizeof(body),
                        "{\"posts\":%lld,\"refused\":%lld,\"others\":%lld,\"between_ns\":%lld}\n",
                        api.posts, api.refused, api.others, api.last_ns - api.first_ns);

    answer(conn, "200 OK", "", body, (size_t)used);
}

static bool
is_too_many(void)
{
    int64_t now;

    if (api.rate == 0)
        return false;
    now = now_ns();
    if (now - api.window_ns >= SECOND_NS) {
        api.window_ns = now;
        api.window_used = 0;
    }
    return ++api.window_used > api.rate;
}

static bool
path_is(const struct request *request, const char *begin)
{
    return strncmp(request->path, begin, strlen(begin)) == 0;
}

/* True when it is the API that answers, false for what the benchmark asks us. */
static bool
answer_request(struct conn *conn, const struct request *request)
{
    static const char empty[] = "{\"data\":[],\"hasMore\":false}";

    if (path_is(request, "/bench/stats")) {
        answer_stats(conn);
        return false;
    }
    if (path_is(request, "/bench/reset")) {
        api.posts = api.refused = api.others = api.first_ns = api.last_ns = 0;
        api.window_ns = 0;
        answer(conn, "200 OK", "", "{}", 2);
        return false;
    }
    if (is_too_many()) {
        api.refused++;
        answer(conn, "429 Too Many Requests", "Retry-After: 1\r\n", "{}", 2);
    } else if (request->is_post && path_is(request, "/fulfillments ")) {
        answer_created(conn, request);
    } else if (!request->is_post && path_is(request, "/orders?")) {
        api.others++;
        answer_orders(conn, request->path);
    } else {
        api.others++;
        answer(conn, "200 OK", "", empty, sizeof(empty) - 1);
    }
    return true;
}

/* ------------------------------------------------------------------ connections */

/* False: it is gone. */
static bool
conn_write(struct conn *conn)
{
    while (conn->out_sent < conn->out_used) {
        ssize_t n = send(conn->fd, conn->out + conn->out_sent, conn->out_used - conn->out_sent,
                         MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            conn_watch(conn, EPOLL_CTL_MOD, EPOLLOUT);
            return true;
        }
        if (n < 0) {
            conn_close(conn);
            return false;
        }
        conn->out_sent += (size_t)n;
    }
    conn->out_used = conn->out_sent = 0;
    return true;
}

static void
timer_arm(int64_t due_ns)
{
    struct itimerspec at = {
        .it_value = {.tv_sec = due_ns / SECOND_NS, .tv_nsec = due_ns % SECOND_NS}};

    if (timerfd_settime(api.timer_fd, TFD_TIMER_ABSTIME, &at, NULL) != 0)
        die("timerfd_settime");
}

/* All are held equally long, so whoever came first is due first. */
static void
conn_hold(struct conn *conn)
{
    conn->is_held = true;
    conn->due_ns = now_ns() + api.latency_ns;
    conn->next = NULL;
    if (api.held_first == NULL)
        timer_arm(conn->due_ns);
    *api.held_last = conn;
    api.held_last = &conn->next;
}

/* A whole request at the front of what was read. 0: not yet; else its bytes; -1: no request. */
static ssize_t
request_read(const struct conn *conn, struct request *out)
{
    const char *end = memmem(conn->in, conn->in_used, "\r\n\r\n", 4);
    const char *at = conn->in;
    int64_t length = 0;
    size_t bytes;

    if (end == NULL)
        return conn->in_used == IN_BYTES ? -1 : 0;
    out->is_post = strncmp(conn->in, "POST ", 5) == 0;
    out->path = conn->in + (out->is_post ? 5 : 4);
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (strncasecmp(++at, "content-length:", 15) == 0) {
            char digits[16];
            const char *first = at + 15 + strspn(at + 15, " ");

            (void)snprintf(digits, sizeof(digits), "%.*s", (int)strspn(first, "0123456789"), first);
            if (!number_parse(digits, 0, IN_BYTES / 2, &length))
                return -1;
            break;
        }
    }
    out->body = end + 4;
    out->body_bytes = (size_t)length;
    bytes = (size_t)(out->body - conn->in) + out->body_bytes;
    return bytes <= conn->in_used ? (ssize_t)bytes : 0;
}

static void
conn_serve(struct conn *conn)
{
    struct request request;
    ssize_t bytes;

    while (conn->out_used == 0 && !conn->is_held) {
        bytes = request_read(conn, &request);
        if (bytes < 0)
            conn_close(conn);
        if (bytes <= 0)
            return;
        bool is_api = answer_request(conn, &request);

        conn->in_used -= (size_t)bytes;
        memmove(conn->in, conn->in + bytes, conn->in_used);
        if (is_api && api.latency_ns > 0)
            conn_hold(conn);
        else if (!conn_write(conn))
            return;
    }
}

static void
conn_ready(struct conn *conn, uint32_t events)
{
    if (conn->fd < 0)
        return;
    if ((events & EPOLLOUT) != 0) {
        conn_watch(conn, EPOLL_CTL_MOD, EPOLLIN);
        if (!conn_write(conn) || conn->out_used > 0)
            return;
    } else {
        ssize_t n = conn->in_used == IN_BYTES
                        ? -1
                        : recv(conn->fd, conn->in + conn->in_used, IN_BYTES - conn->in_used, 0);

        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            conn_close(conn);
            return;
        }
        conn->in_used += (size_t)n;
    }
    conn_serve(conn);
}

static void
held_release(void)
{
    uint64_t ticks;

    if (read(api.timer_fd, &ticks, sizeof(ticks)) < 0)
        return;
    while (api.held_first != NULL && api.held_first->due_ns <= now_ns()) {
        struct conn *conn = api.held_first;

        api.held_first = conn->next;
        if (api.held_first == NULL)
            api.held_last = &api.held_first;
        conn->is_held = false;
        if (conn->fd < 0) {
            conn->next = api.dead;
            api.dead = conn;
        } else if (conn_write(conn)) {
            conn_serve(conn);
        }
    }
    if (api.held_first != NULL)
        timer_arm(api.held_first->due_ns);
}

static void
conns_accept(void)
{
    int fd;
    int one = 1;

    while ((fd = accept4(api.listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *conn = api.conns < CONNS_MAX ? malloc(sizeof(*conn)) : NULL;

        if (conn == NULL) {
            (void)close(fd);
            continue;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        conn->fd = fd;
        conn->in_used = conn->out_used = conn->out_sent = 0;
        conn->is_held = false;
        api.conns++;
        conn_watch(conn, EPOLL_CTL_ADD, EPOLLIN);
    }
}

/* ------------------------------------------------------------------ begin and end */

static void
fd_watch(int *fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = fd};

    if (epoll_ctl(api.epoll_fd, EPOLL_CTL_ADD, *fd, &event) != 0)
        die("epoll_ctl");
}

static void
api_open(const char *port_file)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);
    sigset_t signals;
    FILE *file;

    api.held_last = &api.held_first;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    api.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    api.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    api.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    api.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (api.signal_fd < 0 || api.timer_fd < 0 || api.epoll_fd < 0 || api.listen_fd < 0 ||
        bind(api.listen_fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(api.listen_fd, LISTEN_COUNT) != 0 ||
        getsockname(api.listen_fd, (struct sockaddr *)&address, &bytes) != 0)
        die("listen");
    fd_watch(&api.listen_fd);
    fd_watch(&api.timer_fd);
    fd_watch(&api.signal_fd);
    file = fopen(port_file, "w");
    if (file == NULL || fprintf(file, "%d\n", ntohs(address.sin_port)) < 0 || fclose(file) != 0)
        die(port_file);
}

/* Until a signal. */
static void
api_serve(void)
{
    struct epoll_event events[EVENTS_MAX];

    for (;;) {
        int count = epoll_wait(api.epoll_fd, events, EVENTS_MAX, -1);

        if (count < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &api.signal_fd)
                return;
            if (events[i].data.ptr == &api.listen_fd)
                conns_accept();
            else if (events[i].data.ptr == &api.timer_fd)
                held_release();
            else
                conn_ready(events[i].data.ptr, events[i].events);
        }
        conns_bury();
    }
}

static void
usage(void)
{
    fprintf(stderr, "usage: responder --port-file FILE [--latency-ms N] [--rate N]\n");
    exit(2);
}

int
main(int argc, char **argv)
{
    const char *port_file = NULL;

    for (int i = 1; i < argc; i += 2) {
        int64_t number = 0;
        bool is_number = i + 1 < argc && number_parse(argv[i + 1], 0, 1000000, &number);

        if (i + 1 < argc && strcmp(argv[i], "--port-file") == 0)
            port_file = argv[i + 1];
        else if (is_number && strcmp(argv[i], "--latency-ms") == 0)
            api.latency_ns = number * MILLI_NS;
        else if (is_number && strcmp(argv[i], "--rate") == 0)
            api.rate = number;
        else
            usage();
    }
    if (port_file == NULL)
        usage();
    api_open(port_file);
    api_serve();
    return 0;
}
