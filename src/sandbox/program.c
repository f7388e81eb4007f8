/* The program around the server: options, signals, files, exit code. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "sandbox/server.h"

#define EXIT_USAGE 2

/* Signals as a descriptor, so that the loop waits for them like for anything else. */
static int
program_signals(struct error *err)
{
    sigset_t set;
    int fd = -1;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        (void)error_set(err, ERROR_IO, "signalfd: %s", strerror(errno));
    return fd;
}

/* Whole or not at all: somebody waits for it to appear. */
static bool
program_write_port(const char *path, int port, struct error *err)
{
    bool ok = false;
    FILE *file = NULL;
    char temporary[4096];

    if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
        return error_set(err, ERROR_USAGE, "--port-file: the name is too long");
    file = fopen(temporary, "w");
    if (file == NULL || fprintf(file, "%d\n", port) < 0) {
        error_set(err, ERROR_IO, "cannot write \"%s\": %s", temporary, strerror(errno));
        goto done;
    }
    if (fclose(file) != 0 || rename(temporary, path) != 0) {
        file = NULL;
        error_set(err, ERROR_IO, "cannot write \"%s\": %s", path, strerror(errno));
        goto done;
    }
    file = NULL;
    ok = true;

done:
    if (file != NULL)
        (void)fclose(file);
    return ok;
}

static bool
program_serve(const struct options *options, struct error *err)
{
    bool ok = false;
    struct sandbox sandbox;
    struct server *server = NULL;
    int stop_fd = -1;

    if (!sandbox_init(&sandbox, options, err))
        return false;
    stop_fd = program_signals(err);
    if (stop_fd < 0 || !server_open(&server, &sandbox, options->port, err))
        goto done;
    if (options->port_file != NULL &&
        !program_write_port(options->port_file, server_port(server), err))
        goto done;
    printf("listening on http://127.0.0.1:%d\n", server_port(server));
    (void)fflush(stdout);
    ok = server_run(server, stop_fd, err);

done:
    server_close(server);
    if (stop_fd >= 0)
        (void)close(stop_fd);
    sandbox_free(&sandbox);
    return ok;
}

int
sandbox_main(int argc, char **argv)
{
    struct options options;
    struct error err = {0};

    if (!sandbox_options_parse(&options, argc, argv, &err)) {
        fprintf(stderr, "waybill-sandbox: %s\ntry 'waybill-sandbox --help'\n", err.message);
        return EXIT_USAGE;
    }
    if (options.is_help) {
        sandbox_options_help();
        return EXIT_SUCCESS;
    }
    if (options.is_version) {
        printf("waybill-sandbox %s\n", WAYBILL_VERSION);
        return EXIT_SUCCESS;
    }
    if (!program_serve(&options, &err)) {
        log_failure(LOG_ERROR, "sandbox", "stopped", &err);
        return err.code == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
