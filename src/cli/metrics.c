#include "cli/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/exposition.h"
#include "ledger/ledger.h"
#include "ledger/report.h"

enum {
    METRICS_INTERVAL_MS = 15000,
    METRICS_STATEMENT_TIMEOUT_MS = 10000,
    METRICS_CONNECT_TIMEOUT_MS = 5000,
    METRICS_LOCK_TRIES = 20,
    METRICS_LOCK_WAIT_MS = 50,
};

struct metrics {
    const struct config *config;
    char application[64];
    pthread_t thread;
    int wake_fd;

    pthread_mutex_t mutex;           /* of the next three */
    struct exposition_counts counts; /* not in the file yet */
    bool is_stopping;
    bool asks_database;

    /* the thread's own */
    struct ledger *ledger;
    bool has_warned_file, has_warned_database;
};

static void
metrics_warn(bool *has_warned, const char *event, const struct error *err)
{
    if (!*has_warned)
        log_failure(LOG_WARN, "metrics", event, err);
    *has_warned = true;
}

/* ---------------------------------------------------------------------------------- the file */

/* Several runs of a host may write at a time; who reads, adds and replaces holds the folder. -1:
 * err says why. */
static int
metrics_lock(const char *path, struct error *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int fd;

    (void)snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - path + 1),
                   slash == NULL ? "." : path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        error_set(err, ERROR_IO, "cannot open the folder \"%s\": %s", folder, strerror(errno));
        return -1;
    }
    for (int i = 0; i < METRICS_LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return fd;
        clock_sleep_ms(METRICS_LOCK_WAIT_MS);
    }
    error_set(err, ERROR_IO, "the folder \"%s\" is locked by another program", folder);
    (void)close(fd);
    return -1;
}

/* What is there already; a file that isn't there, or isn't ours, says nothing. Opening a pipe would
 * wait for its writer for ever. */
static void
metrics_read_back(const char *path, const char *ledger, struct exposition_counts *total)
{
    char *text = calloc(1, (size_t)EXPOSITION_BYTES_MAX + 1);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    size_t used = 0;
    ssize_t got = 1;

    while (text != NULL && fd >= 0 && got > 0 && used < EXPOSITION_BYTES_MAX) {
        got = read(fd, text + used, EXPOSITION_BYTES_MAX - used);
        used += got > 0 ? (size_t)got : 0;
    }
    if (used > 0)
        exposition_read_back(text, ledger, total);
    if (fd >= 0)
        (void)close(fd);
    free(text);
}

static bool
metrics_write(struct metrics *metrics, const struct exposition_counts *more,
              const struct report_status *facts, struct error *err)
{
    const char *path = metrics->config->metrics_file;
    const char *ledger = metrics->config->database.schema;
    struct exposition_counts total = *more;
    struct buffer text;
    int lock_fd;
    bool ok;

    lock_fd = metrics_lock(path, err);
    if (lock_fd < 0)
        return false;
    metrics_read_back(path, ledger, &total);
    buffer_init(&text, EXPOSITION_BYTES_MAX);
    exposition_write(&total, facts, ledger, clock_wall_ms(), &text);
    ok = text.is_failed ? error_set(err, ERROR_LIMIT, "longer than %d bytes", EXPOSITION_BYTES_MAX)
                        : file_replace(path, buffer_text(&text), text.used, err);
    buffer_free(&text);
    (void)close(lock_fd);
    return ok;
}

/* ---------------------------------------------------------------------------------- the thread */

static bool
metrics_ask(struct metrics *metrics, struct report_status *facts)
{
    struct error err = {0};
    struct ledger_options options = {
        .url = metrics->config->database.url,
        .schema = metrics->config->database.schema,
        .application_name = metrics->application,
        .statement_timeout_ms = METRICS_STATEMENT_TIMEOUT_MS,
        .connect_timeout_ms = METRICS_CONNECT_TIMEOUT_MS,
    };

    if ((metrics->ledger != NULL || ledger_open(&metrics->ledger, &options, &err)) &&
        report_status_read_facts(metrics->ledger, facts, &err)) {
        metrics->has_warned_database = false;
        return true;
    }
    metrics_warn(&metrics->has_warned_database, "database_not_read", &err);
    ledger_close(metrics->ledger);
    metrics->ledger = NULL;
    return false;
}

static void
metrics_turn(struct metrics *metrics, bool asks_database)
{
    struct report_status facts = {.health = NULL};
    struct exposition_counts counts;
    struct error err = {0};
    bool has_facts = asks_database && metrics_ask(metrics, &facts);

    (void)pthread_mutex_lock(&metrics->mutex);
    counts = metrics->counts;
    metrics->counts = (struct exposition_counts){.duration_ms_sum = 0};
    (void)pthread_mutex_unlock(&metrics->mutex);
    if (metrics_write(metrics, &counts, has_facts ? &facts : NULL, &err)) {
        metrics->has_warned_file = false;
    } else {
        error_context(&err, "metrics_file");
        metrics_warn(&metrics->has_warned_file, "not_written", &err);
        (void)pthread_mutex_lock(&metrics->mutex);
        exposition_add(&metrics->counts, &counts);
        (void)pthread_mutex_unlock(&metrics->mutex);
    }
    report_status_free(&facts);
}

static void *
metrics_main(void *ctx)
{
    struct metrics *metrics = ctx;
    struct pollfd wake = {.fd = metrics->wake_fd, .events = POLLIN};
    bool is_stopping = false;
    bool asks_database = true;

    while (!is_stopping) {
        (void)poll(&wake, 1, METRICS_INTERVAL_MS);
        (void)pthread_mutex_lock(&metrics->mutex);
        is_stopping = metrics->is_stopping;
        asks_database = metrics->asks_database;
        (void)pthread_mutex_unlock(&metrics->mutex);
        metrics_turn(metrics, asks_database);
    }
    ledger_close(metrics->ledger);
    metrics->ledger = NULL;
    return NULL;
}

/* Signals are for the main thread, whose waits they end. */
static bool
metrics_start_thread(struct metrics *metrics, struct error *err)
{
    sigset_t all;
    sigset_t before;
    int code;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&metrics->thread, NULL, metrics_main, metrics);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code == 0 || error_set(err, ERROR_NOMEM, "no thread: %s", strerror(code));
}

struct metrics *
metrics_start(const struct config *config, const char *command)
{
    struct error err = {0};
    bool has_warned = false;
    struct metrics *metrics;

    if (config->metrics_file == NULL)
        return NULL;
    metrics = calloc(1, sizeof(*metrics));
    if (metrics == NULL) {
        error_set(&err, ERROR_NOMEM, "no memory for metrics");
        metrics_warn(&has_warned, "not_started", &err);
        return NULL;
    }
    metrics->config = config;
    metrics->asks_database = true;
    (void)snprintf(metrics->application, sizeof(metrics->application), "waybill %s metrics",
                   command);
    (void)pthread_mutex_init(&metrics->mutex, NULL);
    metrics->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (metrics->wake_fd < 0)
        error_set(&err, ERROR_IO, "no descriptor: %s", strerror(errno));
    if (metrics->wake_fd >= 0 && metrics_start_thread(metrics, &err))
        return metrics;
    metrics_warn(&has_warned, "not_started", &err);
    if (metrics->wake_fd >= 0)
        (void)close(metrics->wake_fd);
    (void)pthread_mutex_destroy(&metrics->mutex);
    free(metrics);
    return NULL;
}

void
metrics_note_post(struct metrics *metrics, const char *outcome, int64_t duration_ms, bool is_sent)
{
    if (metrics == NULL)
        return;
    (void)pthread_mutex_lock(&metrics->mutex);
    exposition_note_post(&metrics->counts, outcome, duration_ms, is_sent);
    (void)pthread_mutex_unlock(&metrics->mutex);
}

void
metrics_stop(struct metrics *metrics, int exit_code, bool has_database)
{
    const uint64_t one = 1;

    if (metrics == NULL)
        return;
    (void)pthread_mutex_lock(&metrics->mutex);
    exposition_note_run(&metrics->counts, exit_code);
    metrics->is_stopping = true;
    metrics->asks_database = has_database;
    (void)pthread_mutex_unlock(&metrics->mutex);
    if (write(metrics->wake_fd, &one, sizeof(one)) < 0)
        log_event(LOG_DEBUG, "metrics", "not_woken", "why", strerror(errno), NULL);
    (void)pthread_join(metrics->thread, NULL);
    (void)close(metrics->wake_fd);
    (void)pthread_mutex_destroy(&metrics->mutex);
    free(metrics);
}
