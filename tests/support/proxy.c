#include "support/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/support.h"

#define PROXY_PAIRS_MAX   256
#define PROXY_CHUNK_MAX   65536
#define PROXY_PATTERN_MAX 64
#define PROXY_LOOK_MS     2
#define PROXY_PATIENCE_MS 10000

/* What the test and its relay both see. */
struct proxy_board {
    atomic_bool is_silent;
    atomic_bool cuts;
    atomic_bool is_armed;
    atomic_bool is_holding;
    atomic_bool releases;
    char pattern[PROXY_PATTERN_MAX];
    size_t pattern_bytes;
    enum proxy_when when;
};

struct proxy {
    struct proxy_board *board;
    pid_t pid;
    int port;
};

struct proxy_pair {
    int client; /* -1: free */
    int server;
    bool holds_up;   /* kept in `kept` */
    bool holds_down; /* nothing is read from the server */
    char *kept;
    size_t kept_bytes;
};

/* ------------------------------------------------------------------ the relay's process */

static struct proxy_pair pairs[PROXY_PAIRS_MAX];

static void
pair_close(struct proxy_pair *pair, bool resets)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    if (resets) {
        (void)setsockopt(pair->client, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        (void)setsockopt(pair->server, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    (void)close(pair->client);
    (void)close(pair->server);
    free(pair->kept);
    *pair = (struct proxy_pair){.client = -1, .server = -1};
}

static void
pair_open(int listener, const struct sockaddr_in *to)
{
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    int server;

    if (client < 0)
        return;
    server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server < 0 || connect(server, (const struct sockaddr *)to, sizeof(*to)) != 0) {
        (void)close(server);
        (void)close(client);
        return;
    }
    for (int i = 0; i < PROXY_PAIRS_MAX; i++) {
        if (pairs[i].client < 0) {
            pairs[i].client = client;
            pairs[i].server = server;
            return;
        }
    }
    (void)close(server);
    (void)close(client);
}

static bool
write_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        bytes += sent;
        count -= (size_t)sent;
    }
    return true;
}

static void
pair_up(struct proxy_pair *pair, struct proxy_board *board)
{
    static char chunk[PROXY_CHUNK_MAX];
    ssize_t count = recv(pair->client, chunk, sizeof(chunk), 0);

    if (count <= 0) {
        pair_close(pair, false);
        return;
    }
    if (atomic_load(&board->is_armed) &&
        memmem(chunk, (size_t)count, board->pattern, board->pattern_bytes) != NULL) {
        atomic_store(&board->is_armed, false);
        if (board->when == PROXY_BEFORE) {
            pair->kept = malloc((size_t)count);
            if (pair->kept == NULL)
                _exit(1);
            memcpy(pair->kept, chunk, (size_t)count);
            pair->kept_bytes = (size_t)count;
            pair->holds_up = true;
            atomic_store(&board->is_holding, true);
            return;
        }
        pair->holds_down = true;
    }
    if (!write_all(pair->server, chunk, (size_t)count))
        pair_close(pair, false);
}

static void
pair_down(struct proxy_pair *pair, struct proxy_board *board)
{
    static char chunk[PROXY_CHUNK_MAX];
    ssize_t count;

    if (pair->holds_down) {
        atomic_store(&board->is_holding, true); /* the answer is here, and stays */
        return;
    }
    count = recv(pair->server, chunk, sizeof(chunk), 0);
    if (count <= 0 || !write_all(pair->client, chunk, (size_t)count))
        pair_close(pair, false);
}

static void
pair_release(struct proxy_pair *pair)
{
    bool ok = true;

    if (pair->holds_up) {
        ok = write_all(pair->server, pair->kept, pair->kept_bytes);
        free(pair->kept);
        pair->kept = NULL;
        pair->kept_bytes = 0;
    }
    pair->holds_up = pair->holds_down = false;
    if (!ok)
        pair_close(pair, false);
}

/* A pair that holds isn't read, so that its client is gone shows only as a hang-up. */
static void
pair_turn(struct proxy_pair *pair, struct proxy_board *board, short client, short server)
{
    bool holds = pair->holds_up || pair->holds_down;

    if (holds && (client & (POLLHUP | POLLERR | POLLRDHUP)) != 0) {
        pair_close(pair, false);
        return;
    }
    if (!pair->holds_up && (client & (POLLIN | POLLHUP | POLLERR)) != 0)
        pair_up(pair, board);
    if (pair->client >= 0 && (server & (POLLIN | POLLHUP | POLLERR)) != 0)
        pair_down(pair, board);
}

static void
relay_turn(int listener, const struct sockaddr_in *to, struct proxy_board *board)
{
    static struct pollfd fds[2 * PROXY_PAIRS_MAX + 1];
    int at[PROXY_PAIRS_MAX];
    nfds_t count = 0;

    for (int i = 0; i < PROXY_PAIRS_MAX; i++) {
        struct proxy_pair *pair = &pairs[i];

        at[i] = -1;
        if (pair->client < 0)
            continue;
        at[i] = (int)count;
        fds[count++] = (struct pollfd){
            .fd = pair->client, .events = (short)((pair->holds_up ? 0 : POLLIN) | POLLRDHUP)};
        /* an answer that is held and known to be here would wake us again and again */
        fds[count++] = (struct pollfd){
            .fd = pair->server,
            .events = pair->holds_down && atomic_load(&board->is_holding) ? 0 : POLLIN};
    }
    fds[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
    (void)poll(fds, count, PROXY_LOOK_MS);
    for (int i = 0; i < PROXY_PAIRS_MAX; i++) {
        if (at[i] >= 0)
            pair_turn(&pairs[i], board, fds[at[i]].revents, fds[at[i] + 1].revents);
    }
    if ((fds[count - 1].revents & POLLIN) != 0)
        pair_open(listener, to);
}

static void
relay(int listener, const struct sockaddr_in *to, struct proxy_board *board)
{
    for (;;) {
        bool cuts = atomic_exchange(&board->cuts, false);
        bool releases = atomic_load(&board->releases);

        for (int i = 0; i < PROXY_PAIRS_MAX && (cuts || releases); i++) {
            if (pairs[i].client < 0)
                continue;
            if (cuts)
                pair_close(&pairs[i], true);
            else
                pair_release(&pairs[i]);
        }
        if (cuts || releases)
            atomic_store(&board->is_holding, false);
        if (releases)
            atomic_store(&board->releases, false);
        if (atomic_load(&board->is_silent))
            (void)poll(NULL, 0, PROXY_LOOK_MS);
        else
            relay_turn(listener, to, board);
    }
}

/* ------------------------------------------------------------------ the test's side */

struct proxy *
proxy_start(const char *host, int port)
{
    struct proxy *proxy = calloc(1, sizeof(*proxy));
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    pid_t parent = getpid();
    int listener;

    ck_assert_ptr_nonnull(proxy);
    ck_assert_int_eq(inet_pton(AF_INET, host, &to.sin_addr), 1);
    proxy->board = mmap(NULL, sizeof(*proxy->board), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(proxy->board, MAP_FAILED);
    listener = support_listen(&proxy->port);
    ck_assert_int_eq(listen(listener, 256), 0);
    proxy->pid = fork();
    ck_assert_int_ge(proxy->pid, 0);
    if (proxy->pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
            _exit(1);
        for (int i = 0; i < PROXY_PAIRS_MAX; i++)
            pairs[i] = (struct proxy_pair){.client = -1, .server = -1};
        relay(listener, &to, proxy->board);
    }
    (void)close(listener);
    return proxy;
}

void
proxy_stop(struct proxy *proxy)
{
    if (proxy == NULL)
        return;
    (void)kill(proxy->pid, SIGKILL);
    (void)waitpid(proxy->pid, NULL, 0);
    (void)munmap(proxy->board, sizeof(*proxy->board));
    free(proxy);
}

int
proxy_port(const struct proxy *proxy)
{
    return proxy->port;
}

void
proxy_be_silent(struct proxy *proxy, bool is_silent)
{
    atomic_store(&proxy->board->is_silent, is_silent);
}

void
proxy_cut(struct proxy *proxy)
{
    atomic_store(&proxy->board->cuts, true);
}

void
proxy_hold(struct proxy *proxy, const void *pattern, size_t bytes, enum proxy_when when)
{
    ck_assert_uint_le(bytes, sizeof(proxy->board->pattern));
    memcpy(proxy->board->pattern, pattern, bytes);
    proxy->board->pattern_bytes = bytes;
    proxy->board->when = when;
    atomic_store(&proxy->board->is_holding, false);
    atomic_store(&proxy->board->is_armed, true);
}

bool
proxy_is_holding(const struct proxy *proxy)
{
    return atomic_load(&proxy->board->is_holding);
}

void
proxy_release(struct proxy *proxy)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), PROXY_PATIENCE_MS);

    atomic_store(&proxy->board->releases, true);
    while (atomic_load(&proxy->board->releases)) {
        ck_assert_msg(clock_mono_left_ms(deadline) > 0, "the relay releases nothing");
        clock_sleep_ms(1);
    }
}

void
proxy_forget(struct proxy *proxy)
{
    atomic_store(&proxy->board->is_armed, false);
}
