#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/net.h"
#include "support/support.h"

#define DELAY_PAIRS_MAX  64
#define DELAY_CHUNKS_MAX 512
#define DELAY_CHUNK_MAX  16384

struct delay_chunk {
    struct clock_mono due;
    size_t count;
    char *bytes;
};

/* One direction: what was read from one end and isn't due at the other yet. */
struct delay_way {
    struct delay_chunk chunks[DELAY_CHUNKS_MAX];
    int first, count;
};

struct delay_pair {
    int ends[2]; /* -1: free */
    struct delay_way ways[2];
};

static struct delay_pair *pairs;

static void
delay_close(struct delay_pair *pair)
{
    for (int side = 0; side < 2; side++) {
        struct delay_way *way = &pair->ways[side];

        while (way->count > 0) {
            free(way->chunks[way->first].bytes);
            way->first = (way->first + 1) % DELAY_CHUNKS_MAX;
            way->count--;
        }
        (void)close(pair->ends[side]);
        pair->ends[side] = -1;
    }
}

static void
delay_open(int listener, const struct sockaddr_in *to)
{
    int one = 1;
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct delay_pair *pair = pairs;

    while (pair < pairs + DELAY_PAIRS_MAX && pair->ends[0] >= 0)
        pair++;
    if (client < 0 || server < 0 || pair == pairs + DELAY_PAIRS_MAX ||
        connect(server, (const struct sockaddr *)to, sizeof(*to)) != 0) {
        (void)close(server);
        (void)close(client);
        return;
    }
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    pair->ends[0] = client;
    pair->ends[1] = server;
}

/* False when that end has closed. */
static bool
delay_read(struct delay_pair *pair, int side, int delay_ms)
{
    static char bytes[DELAY_CHUNK_MAX];
    struct delay_way *way = &pair->ways[side];
    struct delay_chunk *chunk = &way->chunks[(way->first + way->count) % DELAY_CHUNKS_MAX];
    ssize_t count = recv(pair->ends[side], bytes, sizeof(bytes), 0);

    if (count <= 0)
        return false;
    chunk->bytes = malloc((size_t)count);
    if (chunk->bytes == NULL)
        _exit(1);
    memcpy(chunk->bytes, bytes, (size_t)count);
    chunk->count = (size_t)count;
    chunk->due = clock_mono_add(clock_mono_now(), delay_ms);
    way->count++;
    return true;
}

static bool
delay_write(struct delay_pair *pair, int side)
{
    struct delay_way *way = &pair->ways[side];

    while (way->count > 0 && clock_mono_left_ms(way->chunks[way->first].due) == 0) {
        struct delay_chunk *chunk = &way->chunks[way->first];
        size_t done = 0;

        while (done < chunk->count) {
            ssize_t sent =
                send(pair->ends[1 - side], chunk->bytes + done, chunk->count - done, MSG_NOSIGNAL);

            if (sent <= 0)
                return false;
            done += (size_t)sent;
        }
        free(chunk->bytes);
        way->first = (way->first + 1) % DELAY_CHUNKS_MAX;
        way->count--;
    }
    return true;
}

static int
delay_wait_ms(void)
{
    int64_t least_ms = 1000;

    for (int i = 0; i < DELAY_PAIRS_MAX; i++) {
        for (int side = 0; side < 2; side++) {
            const struct delay_way *way = &pairs[i].ways[side];
            int64_t left_ms =
                way->count > 0 ? clock_mono_left_ms(way->chunks[way->first].due) : least_ms;

            if (left_ms < least_ms)
                least_ms = left_ms;
        }
    }
    return (int)least_ms;
}

static void
delay_turn(int listener, const struct sockaddr_in *to, int delay_ms)
{
    static struct pollfd fds[2 * DELAY_PAIRS_MAX + 1];

    for (int i = 0; i < 2 * DELAY_PAIRS_MAX; i++) {
        const struct delay_pair *pair = &pairs[i / 2];

        fds[i] = (struct pollfd){
            .fd = pair->ways[i % 2].count < DELAY_CHUNKS_MAX ? pair->ends[i % 2] : -1,
            .events = POLLIN};
    }
    fds[2 * DELAY_PAIRS_MAX] = (struct pollfd){.fd = listener, .events = POLLIN};
    (void)poll(fds, 2 * DELAY_PAIRS_MAX + 1, delay_wait_ms());
    for (int i = 0; i < 2 * DELAY_PAIRS_MAX; i++) {
        struct delay_pair *pair = &pairs[i / 2];

        if (pair->ends[0] >= 0 && ((fds[i].revents != 0 && !delay_read(pair, i % 2, delay_ms)) ||
                                   !delay_write(pair, i % 2)))
            delay_close(pair);
    }
    if (fds[2 * DELAY_PAIRS_MAX].revents != 0)
        delay_open(listener, to);
}

void
net_delay(const char *from, const char *to, int port, int round_trip_ms)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in there = here;
    pid_t parent = getpid();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t pid;

    ck_assert_int_eq(inet_pton(AF_INET, from, &here.sin_addr), 1);
    ck_assert_int_eq(inet_pton(AF_INET, to, &there.sin_addr), 1);
    ck_assert_msg(bind(listener, (const struct sockaddr *)&here, sizeof(here)) == 0 &&
                      listen(listener, 64) == 0,
                  "cannot listen on %s:%d: %s", from, port, strerror(errno));
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
            _exit(1);
        pairs = calloc(DELAY_PAIRS_MAX, sizeof(*pairs));
        if (pairs == NULL)
            _exit(1);
        for (int i = 0; i < DELAY_PAIRS_MAX; i++)
            pairs[i].ends[0] = pairs[i].ends[1] = -1;
        for (;;)
            delay_turn(listener, &there, round_trip_ms / 2);
    }
    (void)close(listener);
}
