#include "support/net.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/support.h"

#define NET_OPEN "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet"

static int switch_fd = -1;

/* Fails the test with what the commands said. */
static void
net_shell(const char *script, const char *a, const char *b)
{
    const char *const argv[] = {"sh", "-ec", script, "sh", a, b, NULL};
    char *errors = NULL;
    int code = support_run(argv, NULL, NULL, &errors);

    ck_assert_msg(code == 0, "%s: %s", script, errors);
    free(errors);
}

bool
net_is_possible(char *why, size_t bytes)
{
    static const char SCRIPT[] = "command -v ip > /dev/null || exit 3; ip link set lo up && "
                                 "ip link add br0 type bridge && "
                                 "ip link add v0 type veth peer name v1 && " NET_OPEN;
    int status = 0;
    pid_t pid;

    if (geteuid() != 0) {
        (void)snprintf(why, bytes, "network namespaces need root");
        return false;
    }
    pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (unshare(CLONE_NEWNET) != 0)
            _exit(4);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        (void)execlp("sh", "sh", "-c", SCRIPT, (char *)NULL);
        _exit(5);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        (void)snprintf(why, bytes, "cannot fork: %s", strerror(errno));
        return false;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
        (void)snprintf(why, bytes, "there is no \"ip\" (Debian: iproute2)");
    else if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
        (void)snprintf(why, bytes, "this root may not make network namespaces");
    else
        (void)snprintf(why, bytes, "the kernel has no bridge or veth, or /proc/sys is read-only");
    return false;
}

static int
net_current(void)
{
    int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

    ck_assert_msg(fd >= 0, "cannot open the namespace: %s", strerror(errno));
    return fd;
}

/* The loopback device stays for a host's way to itself, and gives its addresses away. */
#define NET_FRESH "ip link set lo up; ip addr flush dev lo; " NET_OPEN

void
net_begin(void)
{
    ck_assert_int_eq(switch_fd, -1);
    ck_assert_msg(unshare(CLONE_NEWNET) == 0, "unshare: %s", strerror(errno));
    switch_fd = net_current();
    net_shell(NET_FRESH "; ip link add br0 type bridge; ip link set br0 up;"
                        " ip addr add 127.0.0.254/24 dev br0",
              NULL, NULL);
}

void
net_enter(const struct net_host *host)
{
    int fd = host == NULL ? switch_fd : host->fd;

    ck_assert_msg(setns(fd, CLONE_NEWNET) == 0, "setns: %s", strerror(errno));
}

void
net_add(struct net_host *host, int number)
{
    char name[16];
    char space[64];

    ck_assert_msg(unshare(CLONE_NEWNET) == 0, "unshare: %s", strerror(errno));
    *host = (struct net_host){.fd = net_current(), .number = number};
    (void)snprintf(name, sizeof(name), "%d", number);
    (void)snprintf(space, sizeof(space), "/proc/%d/fd/%d", (int)getpid(), host->fd);
    /* a database's start looks for a free port on 127.0.0.1, which is another host here */
    net_shell(NET_FRESH "; echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind", NULL, NULL);
    net_enter(NULL);
    net_shell("ip link add \"v$1\" type veth peer name wire netns \"$2\";"
              " ip link set \"v$1\" master br0 up",
              name, space);
    net_enter(host);
    net_shell("ip link set wire up; ip addr add \"127.0.0.$1/24\" dev wire", name, NULL);
    net_enter(NULL);
}

static void
net_set_link(const struct net_host *host, const char *state)
{
    char name[16];

    (void)snprintf(name, sizeof(name), "v%d", host->number);
    net_shell("ip link set \"$1\" \"$2\"", name, state);
}

void
net_pull(const struct net_host *host)
{
    net_set_link(host, "down");
}

void
net_plug(const struct net_host *host)
{
    net_set_link(host, "up");
}

/* What comes from an address without a way back is dropped, by rp_filter. */
static void
net_route(const struct net_host *one, const struct net_host *other, const char *what)
{
    char number[16];

    (void)snprintf(number, sizeof(number), "%d", other->number);
    net_enter(one);
    net_shell("echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter;"
              " ip route \"$2\" blackhole \"127.0.0.$1/32\"",
              number, what);
    net_enter(NULL);
}

void
net_part(const struct net_host *one, const struct net_host *other)
{
    net_route(one, other, "add");
}

void
net_join(const struct net_host *one, const struct net_host *other)
{
    net_route(one, other, "del");
}

int
net_orphans(const struct net_host *host)
{
    char line[512];
    int count = 0;
    FILE *file;

    net_enter(host);
    file = fopen("/proc/thread-self/net/tcp", "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        char state[8] = "";

        /* FIN_WAIT1, CLOSING, LAST_ACK */
        if (sscanf(line, " %*[0-9]: %*s %*s %7s", state) == 1 &&
            (strcmp(state, "04") == 0 || strcmp(state, "0B") == 0 || strcmp(state, "09") == 0))
            count++;
    }
    (void)fclose(file);
    net_enter(NULL);
    return count;
}
