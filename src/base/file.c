#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
file_write(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t wrote = write(fd, bytes, count);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        bytes += wrote;
        count -= (size_t)wrote;
    }
    return true;
}

bool
file_replace(const char *path, const void *bytes, size_t count, struct error *err)
{
    bool ok = false;
    char temporary[PATH_MAX];
    struct stat before;
    int fd = -1;

    /* In the same folder, else rename can't be one step; by pid, as several runs may write at once.
     */
    if (snprintf(temporary, sizeof(temporary), "%s.%ld.tmp", path, (long)getpid()) >=
        (int)sizeof(temporary))
        return error_set(err, ERROR_IO, "the path is longer than %d bytes", PATH_MAX);
    if (lstat(path, &before) == 0 && !S_ISREG(before.st_mode))
        return error_set(err, ERROR_IO, "\"%s\" is there and is no ordinary file", path);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_set(err, ERROR_IO, "cannot write \"%s\": %s", temporary, strerror(errno));
    /* A full disk may show only when the file is closed. */
    ok = file_write(fd, bytes, count);
    ok = close(fd) == 0 && ok;
    ok = ok && rename(temporary, path) == 0;
    if (!ok) {
        error_set(err, ERROR_IO, "cannot write \"%s\": %s", path, strerror(errno));
        (void)unlink(temporary);
    }
    return ok;
}

bool
file_guard_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        /* The lowest free number, which is this one; for the direction that nobody asks of it. */
        if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    }
    return true;
}
