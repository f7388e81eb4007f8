#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/number.h"
#include "support/support.h"

#define SUPPORT_FILES_MAX 1024
#define SUPPORT_LOOK_MS   5

static char folder[256];
static pid_t folder_owner;
static char *written[SUPPORT_FILES_MAX];
static int written_count;

/* Under valgrind all takes longer. */
static int64_t
support_patience(void)
{
    const char *text = getenv("WAYBILL_TEST_PATIENCE");
    int64_t times = 1;

    ck_assert_msg(text == NULL || number_parse(text, 1, 1000, &times),
                  "WAYBILL_TEST_PATIENCE must be 1..1000, got \"%s\"", text);
    return times;
}

void
support_wait_until(support_done_fn *done, void *ctx, int64_t deadline_ms, const char *what)
{
    int64_t longer_ms = deadline_ms * support_patience();
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), longer_ms);

    while (!done(ctx)) {
        ck_assert_msg(clock_mono_left_ms(deadline) > 0, "not within %lld ms: %s",
                      (long long)longer_ms, what);
        clock_sleep_ms(SUPPORT_LOOK_MS);
    }
}

static int
support_remove(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    (void)info;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void
support_clean(void)
{
    if (folder_owner != getpid())
        return;
    for (int i = 0; i < written_count; i++)
        free(written[i]);
    written_count = 0;
    (void)nftw(folder, support_remove, 16, FTW_DEPTH | FTW_PHYS);
}

const char *
support_folder(void)
{
    const char *top = getenv("TMPDIR");

    if (folder_owner == getpid())
        return folder;
    (void)snprintf(folder, sizeof(folder), "%s/waybill-test-XXXXXX", top == NULL ? "/tmp" : top);
    ck_assert_msg(mkdtemp(folder) != NULL, "cannot make %s: %s", folder, strerror(errno));
    folder_owner = getpid();
    written_count = 0;
    (void)atexit(support_clean);
    return folder;
}

const char *
support_write_file(const char *name, const char *text, mode_t mode)
{
    char *path = NULL;
    size_t length = strlen(text);
    int fd;

    ck_assert_int_gt(asprintf(&path, "%s/%s", support_folder(), name), 0);
    ck_assert_int_lt(written_count, SUPPORT_FILES_MAX);
    written[written_count++] = path;
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    ck_assert_msg(fd >= 0, "cannot write %s: %s", path, strerror(errno));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(write(fd, text, length), (ssize_t)length);
    ck_assert_int_eq(close(fd), 0);
    return path;
}

char *
support_read_file(const char *path)
{
    struct buffer text;
    char piece[4096];
    ssize_t count;
    char *out;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    ck_assert_msg(fd >= 0, "cannot read %s: %s", path, strerror(errno));
    buffer_init(&text, (size_t)64 * 1024 * 1024);
    while ((count = read(fd, piece, sizeof(piece))) > 0)
        (void)buffer_append(&text, piece, (size_t)count);
    ck_assert_int_eq(count, 0);
    (void)close(fd);
    out = buffer_take(&text);
    ck_assert_ptr_nonnull(out);
    return out;
}

int
support_listen(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, bytes), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

int
support_free_port(void)
{
    int port;

    (void)close(support_listen(&port));
    return port;
}

/* Runs between fork and exec. */
static void
support_become(const struct support_process *process, const char *const argv[],
               const char *const env[], pid_t parent)
{
    int in = open("/dev/null", O_RDONLY);
    int out = open(process->out_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int err = open(process->err_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (in < 0 || out < 0 || err < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(126);
    (void)close(in);
    (void)close(out);
    (void)close(err);
    /* Dies with the test, however that ends. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(126);
    for (int i = 0; env != NULL && env[i] != NULL; i++) {
        char *pair = strdup(env[i]);

        if (pair == NULL || (strchr(pair, '=') == NULL ? unsetenv(pair) : putenv(pair)) != 0)
            _exit(126);
    }
    (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
    (void)dprintf(2, "cannot start %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

void
support_spawn(struct support_process *process, const char *const argv[], const char *const env[])
{
    static int number;
    pid_t parent = getpid();

    number++;
    *process = (struct support_process){.exit_code = -1};
    (void)snprintf(process->out_path, sizeof(process->out_path), "%s/out.%d", support_folder(),
                   number);
    (void)snprintf(process->err_path, sizeof(process->err_path), "%s/err.%d", support_folder(),
                   number);
    /* Both exist from now on, so that reading never races with the start. */
    (void)close(open(process->out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    (void)close(open(process->err_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    process->pid = fork();
    ck_assert_int_ge(process->pid, 0);
    if (process->pid == 0)
        support_become(process, argv, env, parent);
}

void
support_signal(const struct support_process *process, int signal_number)
{
    ck_assert_msg(process->pid > 0, "the process has ended");
    ck_assert_int_eq(kill(process->pid, signal_number), 0);
}

bool
support_is_running(struct support_process *process)
{
    int status;
    pid_t pid;

    if (process->pid == 0)
        return false;
    pid = waitpid(process->pid, &status, WNOHANG);
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        return true;
    process->pid = 0;
    process->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return false;
}

static bool
support_has_ended(void *ctx)
{
    return !support_is_running(ctx);
}

int
support_wait_exit(struct support_process *process, int64_t deadline_ms)
{
    char what[700];

    (void)snprintf(what, sizeof(what), "end of process %d (stderr in %s)", (int)process->pid,
                   process->err_path);
    support_wait_until(support_has_ended, process, deadline_ms, what);
    return process->exit_code;
}

char *
support_output(const struct support_process *process)
{
    return support_read_file(process->out_path);
}

char *
support_errors(const struct support_process *process)
{
    return support_read_file(process->err_path);
}

int
support_run(const char *const argv[], const char *const env[], char **out, char **errors)
{
    struct support_process process;
    int code;

    support_spawn(&process, argv, env);
    code = support_wait_exit(&process, 60000);
    if (out != NULL)
        *out = support_output(&process);
    if (errors != NULL)
        *errors = support_errors(&process);
    return code;
}

static bool
support_sandbox_listens(void *ctx)
{
    struct support_sandbox *sandbox = ctx;
    char *text = support_output(&sandbox->process);
    char *line_end = strchr(text, '\n');
    int64_t port;
    bool found = false;

    if (line_end != NULL) {
        const char *colon;

        *line_end = '\0';
        colon = strrchr(text, ':');
        ck_assert_msg(colon != NULL && number_parse(colon + 1, 1, 65535, &port),
                      "the sandbox's first line names no port: %s", text);
        sandbox->port = (int)port;
        found = true;
    } else if (!support_is_running(&sandbox->process)) {
        char *errors = support_errors(&sandbox->process);

        ck_abort_msg("the sandbox ended with %d: %s", sandbox->process.exit_code, errors);
    }
    free(text);
    return found;
}

void
support_sandbox_start_program(struct support_sandbox *sandbox, const char *program,
                              const char *const options[])
{
    const char *argv[64] = {program, "--port", "0"};
    int count = 3;

    for (int i = 0; options != NULL && options[i] != NULL; i++) {
        ck_assert_int_lt(count, 63);
        argv[count++] = options[i];
    }
    support_spawn(&sandbox->process, argv, NULL);
    support_wait_until(support_sandbox_listens, sandbox, 20000, "the sandbox listens");
    (void)snprintf(sandbox->url, sizeof(sandbox->url), "http://127.0.0.1:%d", sandbox->port);
}

void
support_sandbox_stop(struct support_sandbox *sandbox)
{
    support_signal(&sandbox->process, SIGTERM);
    (void)support_wait_exit(&sandbox->process, 20000);
}

void
support_sandbox_faults(const struct support_sandbox *sandbox, const char *faults)
{
    char url[128];

    (void)snprintf(url, sizeof(url), "%s/_sandbox/faults", sandbox->url);
    ck_assert_int_eq(support_http_post(url, faults, NULL), 200);
}
