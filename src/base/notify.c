#include "base/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/number.h"

#define NOTIFY_WATCHDOG_USEC_MAX 86400000000 /* a day; more is no watchdog */

/* 0: not an address. */
static socklen_t
notify_address(const char *name, struct sockaddr_un *out)
{
    size_t count = strlen(name);

    memset(out, 0, sizeof(*out));
    out->sun_family = AF_UNIX;
    if ((name[0] != '/' && name[0] != '@') || count < 2 || count >= sizeof(out->sun_path))
        return 0;
    memcpy(out->sun_path, name, count);
    if (name[0] == '@')
        out->sun_path[0] = '\0';
    /* An abstract name ends with its length: a NUL more would be another name. */
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + count + (name[0] == '/' ? 1 : 0));
}

bool
notify_send(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t address_bytes;
    size_t count = strlen(state);
    bool ok;
    int fd;

    if (name == NULL)
        return false;
    address_bytes = notify_address(name, &address);
    if (address_bytes == 0)
        return false;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    /* A manager that doesn't read must not stop the work. */
    ok = sendto(fd, state, count, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
                address_bytes) == (ssize_t)count;
    (void)close(fd);
    return ok;
}

int64_t
notify_watchdog_ms(void)
{
    const char *usec_text = getenv("WATCHDOG_USEC");
    const char *pid_text = getenv("WATCHDOG_PID");
    int64_t usec = 0;
    int64_t pid = 0;

    if (getenv("NOTIFY_SOCKET") == NULL || usec_text == NULL ||
        !number_parse(usec_text, 2000, NOTIFY_WATCHDOG_USEC_MAX, &usec))
        return 0;
    /* Meant for somebody else, whose environment we inherited. */
    if (pid_text != NULL &&
        (!number_parse(pid_text, 1, INT64_MAX, &pid) || pid != (int64_t)getpid()))
        return 0;
    return usec / 2000;
}
