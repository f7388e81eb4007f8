#include "support/own_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLUSTER      WAYBILL_SOURCE_DIR "/tests/fault/cluster.sh"
#define PRIVATE      WAYBILL_SOURCE_DIR "/conf/private-postgres.sh"
#define FOLDERS      "%s/waybill-fault-%d-"
#define SETTINGS_MAX 16

const char *const OWN_SERVER_FORGETFUL[] = {"synchronous_commit=off", "wal_writer_delay=10000",
                                            "wal_writer_flush_after=256MB", "max_connections=40",
                                            NULL};

static pid_t suite_pid;

static const char *
own_server_top(void)
{
    const char *top = getenv("TMPDIR");

    return top == NULL ? "/tmp" : top;
}

void
own_server_begin(void)
{
    suite_pid = getpid();
}

void
own_server_folder(char dir[600], const char *suffix)
{
    (void)snprintf(dir, 600, FOLDERS "%d-%s", own_server_top(), (int)suite_pid, (int)getpid(),
                   suffix);
}

void
own_server_shell(const char *what, const char *const argv[], const char *const env[], char *line,
                 size_t bytes)
{
    char *out = NULL;
    char *errors = NULL;
    int code = support_run(argv, env, &out, &errors);

    ck_assert_msg(code == 0, "%s: %d %s", what, code, errors);
    if (line != NULL)
        (void)snprintf(line, bytes, "%.*s", (int)strcspn(out, "\n"), out);
    free(out);
    free(errors);
}

void
own_server_do(const char *command, const char *dir)
{
    const char *const argv[] = {"sh", CLUSTER, command, dir, NULL};

    own_server_shell(command, argv, NULL, NULL, 0);
}

void
own_server_start(struct own_server *server, const char *const settings[], const char *const env[])
{
    const char *argv[SETTINGS_MAX + 5] = {"sh", PRIVATE, "start", server->dir};
    int count = 4;

    own_server_folder(server->dir, "p");
    for (; settings != NULL && *settings != NULL; settings++) {
        ck_assert_int_lt(count, SETTINGS_MAX + 4);
        argv[count++] = *settings;
    }
    own_server_shell("start", argv, env, server->url, sizeof(server->url));
    ck_assert_int_eq(setenv("WAYBILL_TEST_DB", server->url, 1), 0);
}

void
own_server_remove_all(void)
{
    static const char SCRIPT[] =
        "for dir in \"$2\"*; do [ ! -d \"$dir\" ] || sh \"$1\" remove \"$dir\"; done";
    char folders[600];
    pid_t pid;

    (void)snprintf(folders, sizeof(folders), FOLDERS, own_server_top(), (int)suite_pid);
    pid = fork(); /* outside of a test, so without its helpers */
    if (pid == 0) {
        (void)execlp("sh", "sh", "-c", SCRIPT, "sh", CLUSTER, folders, (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        (void)waitpid(pid, NULL, 0);
}
