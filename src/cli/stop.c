#include "cli/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int stop_pipe[2] = {-1, -1};

static void
stop_asked(int signal_number)
{
    int saved = errno;
    ssize_t written = write(stop_pipe[1], "", 1); /* a full pipe has said it already */

    (void)signal_number;
    (void)written;
    errno = saved;
}

bool
stop_install(int *out_fd, struct error *err)
{
    struct sigaction action;

    if (stop_pipe[0] < 0 && pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return error_set(err, ERROR_IO, "no pipe for signals: %s", strerror(errno));
    memset(&action, 0, sizeof(action));
    action.sa_handler = stop_asked;
    action.sa_flags = SA_RESTART;
    (void)sigemptyset(&action.sa_mask);
    if (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0)
        return error_set(err, ERROR_IO, "signals can't be caught: %s", strerror(errno));
    *out_fd = stop_pipe[0];
    return true;
}
