/*
 * pg — one PostgreSQL connection: prepared statements by value, arrays, transactions, waiting.
 *
 * Owns libpq. Knows no query. A statement is data (struct pg_stmt); it is
 * prepared on first use and the list of prepared ones dies with the connection.
 * A blocking call for everything, and one asynchronous call at a time
 * (pg_start, pg_is_ready, pg_finish) so that HTTP goes on meanwhile.
 */
#ifndef PG_PG_H
#define PG_PG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct pg;
struct pg_rows; /* a result; the caller frees it with pg_rows_free */

struct pg_stmt {
    const char *name; /* unique in the program */
    const char *sql;
    int nparams;
    int ncols;
};

struct pg_options {
    const char *url;              /* libpq URI or key=value; never shown in an error */
    const char *application_name; /* "waybill run" */
    const char *search_path;      /* a schema, unquoted; the session gets `"schema", pg_temp` */
    int64_t connect_timeout_ms;   /* for each host, unless the url or libpq's environment says it */
    int64_t statement_timeout_ms; /* 0: none */
    int64_t lock_timeout_ms;      /* 0: none */
    int64_t idle_in_transaction_timeout_ms; /* 0: none */
    /* Set synchronous_commit = on where it is off or local, read it back, refuse fsync = off. */
    bool is_durable;
    /* Without an answer for so long the connection counts as lost; 0: wait as long as it lives. */
    int64_t answer_timeout_ms;
};

/* Session settings beside those: UTF-8, ISO dates, UTC, jit off, no parallel query,
 * idle_session_timeout 0, tcp_keepalives_idle 10, interval 5, count 3, tcp_user_timeout 20000 on
 * both sides, default_transaction_isolation read committed, default_transaction_read_only off, no
 * client-side notices on stderr. Errors: ERROR_DB_LOST when it can't be reached. */
bool pg_open(struct pg **out, const struct pg_options *options, struct error *err);
void pg_close(struct pg *pg);            /* NULL is fine */
bool pg_is_alive(const struct pg *pg);   /* false once the connection was lost */
int pg_socket(const struct pg *pg);      /* for waiting; -1 when lost */
int pg_backend_pid(const struct pg *pg); /* select pg_backend_pid() at the time of pg_open */
bool pg_is_pooled(const struct pg *pg);  /* a pooler answers: the protocol names another pid */

/* Parameters are text, NULL is SQL null. *out must be NULL; out itself may be NULL when nobody
 * reads the rows. ncols is checked against the answer. A lost connection is ERROR_DB_LOST,
 * everything else that the server says is ERROR_DB with sqlstate, first message line, and the
 * statement's name as context. A COMMIT (explicit or implicit) during which the server warned that
 * it cancelled waiting for synchronous replication, is ERROR_DB with sqlstate "01000" and the words
 * "not durable": pg_warned_not_durable says so. */
bool pg_run(struct pg *pg, const struct pg_stmt *stmt, const char *const *params,
            struct pg_rows **out, struct error *err);

/* Plain text without parameters, several commands allowed: migrations, begin, commit. */
bool pg_exec(struct pg *pg, const char *sql, struct error *err);

/* A query made at run time (the warehouse relation's name is in it), unprepared; it may give any
 * number of columns. */
bool pg_query(struct pg *pg, const char *sql, int nparams, const char *const *params,
              struct pg_rows **out, struct error *err);

/* Asynchronous: one at a time. Only when pg_finish returned true is the statement's implicit
 * transaction committed (a result row is not a commit). pg_is_ready reads what has arrived and
 * never blocks; pg_finish blocks until the end when called earlier. */
bool pg_start(struct pg *pg, const struct pg_stmt *stmt, const char *const *params,
              struct error *err);
bool pg_is_busy(const struct pg *pg); /* between pg_start and pg_finish */
bool pg_is_ready(struct pg *pg);
bool pg_wants_write(const struct pg *pg); /* parameters are still leaving: wait for POLLOUT too */
bool pg_finish(struct pg *pg, struct pg_rows **out, struct error *err);

/* The server's opinion, for a test over all statements. */
bool pg_describe(struct pg *pg, const struct pg_stmt *stmt, int *nparams, int *ncols,
                 struct error *err);

bool pg_warned_not_durable(const struct pg *pg); /* since the last pg_run/pg_finish/pg_exec began */

/* Last NOTICE or WARNING text since the call began, "" when none (raise notice of our own
 * functions). */
const char *pg_last_notice(const struct pg *pg);

/* For another thread: ask the server to give up the statement that the session is at. Made by the
 * session's own thread, used by any while the session lives or not. */
struct pg_cancel;
struct pg_cancel *pg_cancel_new(
    struct pg *pg); /* NULL without memory, or when the session is lost */
void pg_cancel_send(struct pg_cancel *cancel); /* best effort; NULL is fine */
void pg_cancel_free(struct pg_cancel *cancel); /* NULL is fine */

int pg_rows_count(const struct pg_rows *rows);
int pg_rows_columns(const struct pg_rows *rows);
const char *pg_rows_name(const struct pg_rows *rows, int column);
const char *pg_rows_text(const struct pg_rows *rows, int row, int column); /* NULL for SQL null */
int64_t pg_rows_int(const struct pg_rows *rows, int row, int column); /* asserts that it is one */
bool pg_rows_bool(const struct pg_rows *rows, int row, int column);   /* null is false */

/* Int, float, numeric: to be aligned right, without quotes. */
bool pg_rows_is_numeric(const struct pg_rows *rows, int column);
int64_t pg_rows_affected(const struct pg_rows *rows); /* by insert, update, delete; else 0 */
void pg_rows_free(struct pg_rows *rows);              /* NULL is fine */

/* A whole number as a parameter's text. */
enum { PG_INT_BYTES = 24 };
void pg_int_text(char out[PG_INT_BYTES], int64_t value);

/* Array parameters: build `{...}` literals with everything quoted. */
struct buffer;
void pg_array_begin(struct buffer *buf);
void pg_array_text(struct buffer *buf, const char *value); /* NULL makes a NULL element */
void pg_array_int(struct buffer *buf, int64_t value);
void pg_array_end(struct buffer *buf);

/* An identifier or a literal, quoted; the caller frees it. NULL without memory. */
char *pg_quote_identifier(const char *name);
char *pg_quote_literal(const char *text);

const char *pg_library_version(void); /* "15.18" */

#endif
