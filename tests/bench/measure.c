/*
 * measure — runs a command and says what it took: wall and CPU time, and its peak memory.
 *
 *     measure FILE COMMAND [ARGUMENT...]
 *
 * FILE gets one line: wall, user and system microseconds, peak KB, exit code (128 + a signal). A
 * program of its own, since a child inherits the peak memory of whoever forked it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t
now_us(void)
{
    struct timespec at;

    /* banned: clock_gettime, because a start of a process takes a few milliseconds */
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

static int64_t
time_us(struct timeval at)
{
    return (int64_t)at.tv_sec * 1000000 + at.tv_usec;
}

static int
fail(const char *what)
{
    fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
    return 125;
}

int
main(int argc, char **argv)
{
    struct rusage used;
    int64_t began;
    int64_t wall;
    int status;
    int code;
    pid_t pid;
    FILE *file;

    if (argc < 3) {
        fprintf(stderr, "usage: measure FILE COMMAND [ARGUMENT...]\n");
        return 2;
    }
    began = now_us();
    pid = fork();
    if (pid < 0)
        return fail("fork");
    if (pid == 0) {
        (void)execvp(argv[2], argv + 2);
        _exit(fail(argv[2]));
    }
    while (wait4(pid, &status, 0, &used) < 0) {
        if (errno != EINTR)
            return fail("wait4");
    }
    wall = now_us() - began;
    code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    file = fopen(argv[1], "w");
    if (file == NULL ||
        fprintf(file, "%lld %lld %lld %ld %d\n", (long long)wall, (long long)time_us(used.ru_utime),
                (long long)time_us(used.ru_stime), used.ru_maxrss, code) < 0 ||
        fclose(file) != 0)
        return fail(argv[1]);
    return code;
}
