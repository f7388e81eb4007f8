/*
 * support — what every test that needs a database, a process or the sandbox shares.
 *
 * All of it fails the running Check test with a sentence when something goes
 * wrong, so that callers need not look. Processes die with the test's own, and
 * databases and folders go when it ends well; what a failed test leaves behind
 * can be looked at until tests/run.sh removes its server and TMPDIR.
 */
#ifndef SUPPORT_SUPPORT_H
#define SUPPORT_SUPPORT_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SUPPORT_URL_MAX 1024

/* --- suites --- */

/* A case whose tests may take `seconds`; Check's own default of 4 is short for sanitized builds. */
TCase *support_case(Suite *suite, const char *name, int seconds);

/* A test as a case of its own, so that CK_RUN_CASE=NAME runs it alone; setup, teardown: may be
 * NULL. */
#define SUPPORT_CASE(suite, seconds, setup, teardown, name)                                        \
    do {                                                                                           \
        TCase *its_case = support_case((suite), #name, (seconds));                                 \
        tcase_add_checked_fixture(its_case, (setup), (teardown));                                  \
        tcase_add_test(its_case, name);                                                            \
    } while (0)

/* Runs and frees the suite; the exit code for main. */
int support_run_suite(Suite *suite);

/* Call first in main of an integration test: leaves with 77 (skipped) when WAYBILL_TEST_DB is not
 * set, with 1 when WAYBILL_REQUIRE_DB=1 asks for it. */
void support_need_database(void);

/* --- databases --- */

/* A new empty database on the test server, dropped at the end of this process; url gets its URI. */
void support_database_create(char url[SUPPORT_URL_MAX]);
void support_database_drop(const char *url); /* earlier than the end; sessions in it are ended */

/* The server's own URL (a superuser, database postgres), and the same for another database or
 * user; NULL keeps what the server's URL says. */
const char *support_server_url(void);
void support_url(const char *database, const char *user, char url[SUPPORT_URL_MAX]);

/* Several statements allowed; each must succeed. */
void support_psql(const char *url, const char *sql);

/* SQLSTATE with which the statements fail, "" when they don't. */
void support_psql_state(const char *url, const char *sql, char sqlstate[6]);

/* Rows as lines, columns with '|' between, null as nothing, no line end after the last. The caller
 * frees it. support_query_is compares and frees. */
char *support_query_text(const char *url, const char *sql);
int64_t support_query_int(const char *url, const char *sql);
void support_query_is(const char *url, const char *sql, const char *expected);

/* --- waiting, files --- */

/* Until done(ctx) says true, looked at every few milliseconds; fails the test with `what` after
 * deadline_ms, or WAYBILL_TEST_PATIENCE times as long. */
typedef bool support_done_fn(void *ctx);
void support_wait_until(support_done_fn *done, void *ctx, int64_t deadline_ms, const char *what);

/* Until the query (one value) answers `expected`. */
void support_wait_query(const char *url, const char *sql, const char *expected,
                        int64_t deadline_ms);

/* A folder of this process, made at the first call; always the same. */
const char *support_folder(void);
/* Writes folder/name and returns its path, valid to the end. mode such as 0600. */
const char *support_write_file(const char *name, const char *text, mode_t mode);
char *support_read_file(const char *path); /* whole; the caller frees it */
int support_free_port(void);               /* on loopback; nobody listens there right now */
int support_listen(int *port); /* a listening socket on loopback; the caller closes it */

/* --- processes --- */

struct support_process {
    pid_t pid; /* 0 once it was waited for */
    int exit_code;
    char out_path[512];
    char err_path[512];
};

/* argv ends with NULL. env, if not NULL, ends with NULL: "NAME=VALUE" sets, "NAME" unsets. The
 * process is killed when this one ends. */
void support_spawn(struct support_process *process, const char *const argv[],
                   const char *const env[]);
void support_signal(const struct support_process *process, int signal_number);
/* The exit code, or 128 + signal. Past the deadline it is killed and the test fails. */
int support_wait_exit(struct support_process *process, int64_t deadline_ms);
bool support_is_running(struct support_process *process);
char *support_output(
    const struct support_process *process); /* stdout so far; the caller frees it */
char *support_errors(
    const struct support_process *process); /* stderr so far; the caller frees it */

/* Both at once, with a minute's time. out and errors may be NULL; the caller frees what they get.
 */
int support_run(const char *const argv[], const char *const env[], char **out, char **errors);

#define SUPPORT_WAYBILL WAYBILL_BUILD_DIR "/waybill"
#define SUPPORT_SANDBOX WAYBILL_BUILD_DIR "/waybill-sandbox"

struct support_sandbox {
    struct support_process process;
    int port;
    char url[64]; /* http://127.0.0.1:PORT */
};

/* On a free port. options: further arguments, ends with NULL, may be NULL. */
#define support_sandbox_start(sandbox, options)                                                    \
    support_sandbox_start_program((sandbox), SUPPORT_SANDBOX, (options))
void support_sandbox_start_program(struct support_sandbox *sandbox, const char *program,
                                   const char *const options[]);
void support_sandbox_stop(struct support_sandbox *sandbox); /* SIGTERM, then waits */
/* What goes wrong from now on, as waybill-sandbox --fault says it; "": nothing any more. */
void support_sandbox_faults(const struct support_sandbox *sandbox, const char *faults);

/* --- HTTP, for the sandbox's own switches --- */

/* The status; 0 when there was no answer. body NULL: none. answer may be NULL, else the caller
 * frees it. headers ("Name: value") ends with NULL and may be NULL. */
int support_http(const char *method, const char *url, const char *const headers[], const char *body,
                 char **answer);
int support_http_get(const char *url, char **answer);
int support_http_post(const char *url, const char *body, char **answer); /* as application/json */

#endif
