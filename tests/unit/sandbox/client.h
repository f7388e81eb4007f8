/*
 * client — plain sockets to a sandbox in a child process: sees what a proper client hides.
 */
#ifndef TESTS_SANDBOX_CLIENT_H
#define TESTS_SANDBOX_CLIENT_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signal.h>

#include "base/buffer.h"
#include "base/number.h"
#include "sandbox/server.h"
#include "json/json.h"

#define CLIENT_ARGS_MAX 24

struct sandbox_child {
    pid_t pid;
    int port;
};

struct reply {
    int status; /* 0: no answer */
    bool is_reset;
    bool is_timeout;
    bool is_cut; /* fewer bytes than Content-Length */
    struct buffer text;
    const char *head; /* NUL-terminated */
    const char *body;
    size_t body_bytes;
    struct json_doc *doc; /* NULL: no JSON */
};

/* options end with NULL; --rate 0 unless one is given. */
static inline void
child_start(struct sandbox_child *child, const char *const options[])
{
    int fds[2];
    static const char listening[] = "listening on http://127.0.0.1:";
    char line[128] = "";
    int64_t port = 0;
    FILE *out;

    ck_assert_int_eq(pipe(fds), 0);
    child->pid = fork();
    ck_assert_int_ge(child->pid, 0);
    if (child->pid == 0) {
        char program[] = "waybill-sandbox";
        char rate[] = "--rate=0";
        char *argv[CLIENT_ARGS_MAX] = {program, rate};
        int argc = 2;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(fds[1], STDOUT_FILENO);
        (void)close(fds[0]);
        (void)close(fds[1]);
        for (int i = 0; options != NULL && options[i] != NULL && argc < CLIENT_ARGS_MAX - 1; i++)
            argv[argc++] = strdup(options[i]);
        argc = sandbox_main(argc, argv);
        for (int i = 2; i < CLIENT_ARGS_MAX; i++)
            free(argv[i]);
        exit(argc);
    }
    (void)close(fds[1]);
    out = fdopen(fds[0], "r");
    ck_assert_ptr_nonnull(out);
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), out));
    line[strcspn(line, "\n")] = '\0';
    ck_assert_int_eq(strncmp(line, listening, strlen(listening)), 0);
    ck_assert(number_parse(line + strlen(listening), 1, 65535, &port));
    child->port = (int)port;
    (void)fclose(out);
}

/* Whatever a test did, it ends well and leaks nothing. */
static inline void
child_stop(struct sandbox_child *child)
{
    int status = -1;

    (void)kill(child->pid, SIGTERM);
    ck_assert_int_eq(waitpid(child->pid, &status, 0), child->pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the sandbox ended with %d",
                  status);
}

static inline int
client_connect(const struct sandbox_child *child)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)child->port)};
    struct timeval timeout = {.tv_sec = 10};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void
client_send(int fd, const char *key, const char *method, const char *path, const char *body)
{
    struct buffer text;
    size_t sent = 0;

    buffer_init(&text, (size_t)1 << 24);
    (void)buffer_printf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
    if (key != NULL)
        (void)buffer_printf(&text, "Authorization: Bearer %s\r\n", key);
    if (body != NULL)
        (void)buffer_printf(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                            strlen(body));
    (void)buffer_puts(&text, "\r\n");
    (void)buffer_puts(&text, body == NULL ? "" : body);
    while (sent < text.used) {
        ssize_t count = send(fd, text.data + sent, text.used - sent, MSG_NOSIGNAL);

        ck_assert_int_gt(count, 0);
        sent += (size_t)count;
    }
    buffer_free(&text);
}

static inline const char *
reply_header(const struct reply *reply, const char *name)
{
    static char value[256];
    const char *at = reply->head;
    size_t bytes = strlen(name);

    while (at != NULL && (at = strstr(at, "\r\n")) != NULL) {
        at += 2;
        if (strncasecmp(at, name, bytes) == 0 && at[bytes] == ':') {
            (void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(at + bytes + 2, "\r"),
                           at + bytes + 2);
            return value;
        }
    }
    return NULL;
}

/* Head and body of one answer, or how it failed. */
static inline void
client_receive(int fd, struct reply *reply)
{
    struct error err = {0};
    char *end = NULL;
    int64_t length = -1;
    int64_t value = 0;
    char status[4];

    memset(reply, 0, sizeof(*reply));
    buffer_init(&reply->text, (size_t)1 << 28);
    for (;;) {
        char chunk[65536];
        ssize_t count;

        if (end == NULL && reply->text.used > 0 &&
            (end = strstr(buffer_text(&reply->text), "\r\n\r\n")) != NULL) {
            reply->head = reply->text.data;
            ck_assert_int_eq(strncmp(reply->head, "HTTP/1.1 ", 9), 0);
            (void)snprintf(status, sizeof(status), "%.3s", reply->head + 9);
            ck_assert(number_parse(status, 100, 599, &value));
            reply->status = (int)value;
            ck_assert(number_parse(reply_header(reply, "Content-Length"), 0, INT32_MAX, &length));
        }
        if (end != NULL) {
            size_t start = (size_t)(strstr(reply->text.data, "\r\n\r\n") + 4 - reply->text.data);

            reply->body_bytes = reply->text.used - start;
            if ((int64_t)reply->body_bytes >= length)
                break;
        }
        count = recv(fd, chunk, sizeof(chunk), 0);
        if (count <= 0) {
            reply->is_reset = count < 0 && errno == ECONNRESET;
            reply->is_timeout = count < 0 && errno == EAGAIN;
            reply->is_cut = end != NULL;
            break;
        }
        ck_assert(buffer_append(&reply->text, chunk, (size_t)count));
    }
    if (end == NULL)
        return;
    end = strstr(reply->text.data, "\r\n\r\n");
    end[2] = '\0';
    reply->head = reply->text.data;
    reply->body = end + 4;
    (void)json_parse(reply->body, reply->body_bytes, &reply->doc, &err);
}

static inline void
reply_free(struct reply *reply)
{
    json_free(reply->doc);
    buffer_free(&reply->text);
    memset(reply, 0, sizeof(*reply));
}

/* A request on a connection of its own. */
static inline void
client_ask(const struct sandbox_child *child, const char *method, const char *path,
           const char *body, struct reply *reply)
{
    int fd = client_connect(child);

    client_send(fd, "sk_test_sandbox", method, path, body);
    client_receive(fd, reply);
    (void)close(fd);
}

/* Only the status matters. */
static inline int
client_status(const struct sandbox_child *child, const char *method, const char *path,
              const char *body)
{
    struct reply reply;
    int status;

    client_ask(child, method, path, body, &reply);
    status = reply.status;
    reply_free(&reply);
    return status;
}

#endif
