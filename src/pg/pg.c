#include <assert.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/internal.h"

#define PG_RESULTS_MAX  100000
#define PG_FLUSH_MAX_MS 100

/* Runs inside libpq: copies bytes and sets a flag. */
void
pg_notice(void *ctx, const PGresult *res)
{
    struct pg *pg = ctx;
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *source = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);

    if (text == NULL)
        text = PQresultErrorMessage(res);
    pg_first_line(text, pg->notice, sizeof(pg->notice));

    /* The message is translated by lc_messages, the function's name is not. Its SQLSTATE is 01000
     * after a cancel and 57P01 after a shutdown. */
    if ((source != NULL && strcmp(source, "SyncRepWaitForLSN") == 0) ||
        strstr(text, "wait for synchronous replication") != NULL)
        pg->warned_not_durable = true;
}

static void
pg_clear(struct pg *pg)
{
    PQclear(pg->result);
    PQclear(pg->failure);
    pg->result = NULL;
    pg->failure = NULL;
}

static void
pg_give_up(struct pg *pg)
{
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->is_lost = true;
    pg->is_unflushed = false;
}

/* Every call starts here; false when there is no connection any more. */
static bool
pg_begin(struct pg *pg, const char *what, struct error *err)
{
    assert(!pg->is_busy);
    pg_clear(pg);
    pg->is_complete = false;
    pg->notice[0] = '\0';
    pg->warned_not_durable = false;
    if (pg->is_lost) {
        error_set(err, ERROR_DB_LOST, "the connection to the database was lost before");
        error_context(err, "%s", what);
        return false;
    }
    return true;
}

static void
pg_keep(struct pg *pg, PGresult *res)
{
    switch (PQresultStatus(res)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        PQclear(pg->result);
        pg->result = res;
        break;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        /* No statement of ours copies; there is no way on within this connection. */
        PQclear(res);
        pg_give_up(pg);
        break;
    default:
        if (pg->failure == NULL)
            pg->failure = res;
        else
            PQclear(res);
    }
}

/* Takes what has arrived, without blocking. True when the server is done, commit included, or gone.
 */
static bool
pg_collect(struct pg *pg)
{
    bool is_broken;

    if (pg->is_complete || pg->is_lost)
        return true;

    pg->is_unflushed = PQflush(pg->conn) == 1;
    /* After a failed read PQgetResult doesn't block: it says what is left and why no more comes. */
    is_broken = PQconsumeInput(pg->conn) == 0;
    for (int i = 0; i < PG_RESULTS_MAX && !pg->is_lost; i++) {
        PGresult *res;

        if (!is_broken && PQisBusy(pg->conn))
            return false;
        res = PQgetResult(pg->conn);
        if (res == NULL) {
            pg->is_complete = true;
            break;
        }
        pg_keep(pg, res);
    }
    if (!pg->is_lost && (PQstatus(pg->conn) == CONNECTION_BAD || !pg->is_complete))
        pg->is_lost = true;
    return true;
}

/* Blocks until the server is done or gone. */
static bool
pg_wait(struct pg *pg, int64_t timeout_ms, struct error *err)
{
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), timeout_ms);

    while (!pg_collect(pg)) {
        struct pollfd wait = {.fd = PQsocket(pg->conn), .events = POLLIN};
        int64_t left_ms = timeout_ms > 0 ? clock_mono_left_ms(deadline) : 60000;

        if (left_ms == 0) {
            pg_give_up(pg);
            error_set(err, ERROR_DB_LOST, "the database gave no answer within %lld ms",
                      (long long)timeout_ms);
            return false;
        }
        if (pg->is_unflushed)
            wait.events |= POLLOUT;
        (void)poll(&wait, 1, left_ms > 60000 ? 60000 : (int)left_ms);
    }
    return true;
}

static void
pg_hint(const char *sqlstate, struct error *err)
{
    if (strcmp(sqlstate, "26000") == 0 || strcmp(sqlstate, "42P05") == 0)
        error_hint(err, "does a pooler in transaction mode stand between? use session mode");
    else if (strcmp(sqlstate, "42501") == 0)
        error_hint(err, "this role lacks a privilege or, for what a view or function reads, its "
                        "owner does; 'waybill check' lists what the ledger needs");
    else if (strcmp(sqlstate, "25006") == 0)
        error_hint(err, "this is a standby: add target_session_attrs=read-write to database.url");
}

/* A plan whose columns changed under it can't be revived; the next call prepares anew. */
static void
pg_forget(struct pg *pg, const struct pg_stmt *stmt)
{
    for (size_t i = 0; stmt != NULL && i < pg->prepared_count; i++) {
        if (strcmp(pg->prepared[i].name, stmt->name) == 0 && pg->prepared[i].is_ready) {
            pg->prepared[i].is_ready = false;
            pg->prepared[i].generation++;
        }
    }
}

static bool
pg_refused(struct pg *pg, const struct pg_stmt *stmt, struct error *err)
{
    const char *sqlstate = PQresultErrorField(pg->failure, PG_DIAG_SQLSTATE);
    const char *severity = PQresultErrorField(pg->failure, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(pg->failure, PG_DIAG_MESSAGE_PRIMARY);
    const char *hint = PQresultErrorField(pg->failure, PG_DIAG_MESSAGE_HINT);
    const char *source = PQresultErrorField(pg->failure, PG_DIAG_SOURCE_FUNCTION);
    char line[900];

    if (severity != NULL && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
        pg->is_lost = true;
    /* Detail and context of the server may hold data of a row: only the message goes on. */
    pg_first_line(text != NULL ? text : PQresultErrorMessage(pg->failure), line, sizeof(line));
    if (line[0] == '\0')
        (void)snprintf(line, sizeof(line), "no reason given");

    if (pg->is_lost)
        error_set(err, ERROR_DB_LOST, "the connection to the database was lost: %s", line);
    else
        error_set(err, ERROR_DB, "%s", line);
    if (sqlstate != NULL) {
        (void)snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", sqlstate);
        if (strcmp(sqlstate, "0A000") == 0 && source != NULL &&
            strcmp(source, "RevalidateCachedQuery") == 0)
            pg_forget(pg, stmt);
    }
    if (hint != NULL)
        error_hint(err, "%s", hint);
    else if (sqlstate != NULL)
        pg_hint(sqlstate, err);
    return false;
}

/* What the finished call means. ncols -1: any. */
static bool
pg_judge(struct pg *pg, const struct pg_stmt *stmt, int ncols, struct error *err)
{
    if (pg->failure != NULL)
        return pg_refused(pg, stmt, err);
    if (pg->is_lost && pg->conn == NULL)
        return error_set(err, ERROR_DB_LOST, "the connection was given up: copy isn't supported");
    if (pg->is_lost || pg->result == NULL) {
        pg->is_lost = true;
        return error_set(err, ERROR_DB_LOST, "the connection to the database was lost");
    }
    if (pg->warned_not_durable) {
        error_set(err, ERROR_DB, "committed but not durable: %s", pg->notice);
        (void)snprintf(err->sqlstate, sizeof(err->sqlstate), "01000");
        error_hint(err, "the synchronous standby did not confirm; is it up?");
        return false;
    }
    if (ncols >= 0 && PQnfields(pg->result) != ncols)
        return error_set(err, ERROR_DB, "answers %d columns instead of %d", PQnfields(pg->result),
                         ncols);
    return true;
}

/* The second half of every call: waits, judges, hands over the rows. */
static bool
pg_end(struct pg *pg, bool was_sent, const struct pg_stmt *stmt, const char *what, int ncols,
       struct pg_rows **out, struct error *err)
{
    bool ok = false;

    assert(out == NULL || *out == NULL);
    if (!was_sent && PQstatus(pg->conn) != CONNECTION_BAD) {
        char line[512];

        pg_first_line(PQerrorMessage(pg->conn), line, sizeof(line));
        error_set(err, ERROR_DB, "cannot send: %s", line);
        goto done;
    }
    if (!was_sent)
        pg->is_lost = true;
    if (!pg_wait(pg, pg->answer_timeout_ms, err))
        goto done;
    if (!pg_judge(pg, stmt, ncols, err))
        goto done;
    if (out != NULL) {
        *out = pg_rows_new(pg->result);
        if (*out == NULL) {
            error_set(err, ERROR_NOMEM, "no memory for a result");
            goto done;
        }
        pg->result = NULL;
    }
    ok = true;

done:
    if (!ok)
        error_context(err, "%s", what);
    pg_clear(pg);
    return ok;
}

static struct pg_prepared *
pg_prepared_find(struct pg *pg, const char *name)
{
    struct pg_prepared *list;
    size_t capacity;

    for (size_t i = 0; i < pg->prepared_count; i++) {
        /* The same constant nearly always; the text decides for a second copy of it. */
        if (pg->prepared[i].name == name || strcmp(pg->prepared[i].name, name) == 0)
            return &pg->prepared[i];
    }
    assert(pg->prepared_count < PG_STATEMENTS_MAX);
    if (pg->prepared_count == pg->prepared_capacity) {
        capacity = pg->prepared_capacity == 0 ? 64 : 2 * pg->prepared_capacity;
        list = realloc(pg->prepared, capacity * sizeof(*list));
        if (list == NULL)
            return NULL;
        pg->prepared = list;
        pg->prepared_capacity = capacity;
    }
    pg->prepared[pg->prepared_count] = (struct pg_prepared){.name = name};
    return &pg->prepared[pg->prepared_count++];
}

/* name_out is what the server calls it. */
static bool
pg_prepare_once(struct pg *pg, const struct pg_stmt *stmt, char *name_out, size_t name_bytes,
                struct error *err)
{
    struct pg_prepared *prepared;
    bool was_sent;

    if (!pg_begin(pg, stmt->name, err))
        return false;
    prepared = pg_prepared_find(pg, stmt->name);
    if (prepared == NULL) {
        error_set(err, ERROR_NOMEM, "no memory for the list of statements");
        error_context(err, "%s", stmt->name);
        return false;
    }
    (void)snprintf(name_out, name_bytes, "%s_%d", stmt->name, prepared->generation);
    if (prepared->is_ready)
        return true;
    was_sent = PQsendPrepare(pg->conn, name_out, stmt->sql, 0, NULL) == 1;
    if (!pg_end(pg, was_sent, stmt, stmt->name, -1, NULL, err))
        return false;
    prepared->is_ready = true;
    return pg_begin(pg, stmt->name, err);
}

static bool
pg_send(struct pg *pg, const struct pg_stmt *stmt, const char *const *params, bool *was_sent,
        struct error *err)
{
    char name[128];

    if (!pg_prepare_once(pg, stmt, name, sizeof(name), err))
        return false;
    *was_sent = PQsendQueryPrepared(pg->conn, name, stmt->nparams, params, NULL, NULL, 0) == 1;
    return true;
}

bool
pg_run(struct pg *pg, const struct pg_stmt *stmt, const char *const *params, struct pg_rows **out,
       struct error *err)
{
    bool was_sent;

    return pg_send(pg, stmt, params, &was_sent, err) &&
           pg_end(pg, was_sent, stmt, stmt->name, stmt->ncols, out, err);
}

bool
pg_exec(struct pg *pg, const char *sql, struct error *err)
{
    char what[64];

    pg_first_line(sql, what, sizeof(what));
    return pg_begin(pg, what, err) &&
           pg_end(pg, PQsendQuery(pg->conn, sql) == 1, NULL, what, -1, NULL, err);
}

bool
pg_query(struct pg *pg, const char *sql, int nparams, const char *const *params,
         struct pg_rows **out, struct error *err)
{
    bool was_sent;

    if (!pg_begin(pg, "query", err))
        return false;
    was_sent = PQsendQueryParams(pg->conn, sql, nparams, NULL, params, NULL, NULL, 0) == 1;
    return pg_end(pg, was_sent, NULL, "query", -1, out, err);
}

bool
pg_describe(struct pg *pg, const struct pg_stmt *stmt, int *nparams, int *ncols, struct error *err)
{
    struct pg_rows *rows = NULL;
    char name[128];

    if (!pg_prepare_once(pg, stmt, name, sizeof(name), err))
        return false;
    if (!pg_end(pg, PQsendDescribePrepared(pg->conn, name) == 1, stmt, stmt->name, -1, &rows, err))
        return false;
    *nparams = pg_rows_parameters(rows);
    *ncols = pg_rows_columns(rows);
    pg_rows_free(rows);
    return true;
}

bool
pg_start(struct pg *pg, const struct pg_stmt *stmt, const char *const *params, struct error *err)
{
    bool was_sent;
    struct clock_mono deadline;

    if (!pg_send(pg, stmt, params, &was_sent, err))
        return false;
    if (!was_sent)
        return pg_end(pg, was_sent, stmt, stmt->name, -1, NULL, err);

    /* Most of the time all of it is gone after the first turn, so that callers that wait only for
     * reading are right too; a slow network gets the rest from pg_is_ready. */
    pg->is_busy = true;
    pg->stmt = stmt;
    deadline = clock_mono_add(clock_mono_now(), PG_FLUSH_MAX_MS);
    while (!pg_collect(pg) && pg->is_unflushed && clock_mono_left_ms(deadline) > 0) {
        struct pollfd wait = {.fd = PQsocket(pg->conn), .events = POLLIN | POLLOUT};

        (void)poll(&wait, 1, (int)clock_mono_left_ms(deadline));
    }
    return true;
}

bool
pg_is_busy(const struct pg *pg)
{
    return pg->is_busy;
}

bool
pg_is_ready(struct pg *pg)
{
    return pg->is_busy && pg_collect(pg);
}

bool
pg_wants_write(const struct pg *pg)
{
    return pg->is_busy && pg->is_unflushed;
}

bool
pg_finish(struct pg *pg, struct pg_rows **out, struct error *err)
{
    const struct pg_stmt *stmt = pg->stmt;

    assert(pg->is_busy);
    pg->is_busy = false;
    pg->stmt = NULL;
    return pg_end(pg, true, stmt, stmt->name, stmt->ncols, out, err);
}

bool
pg_is_alive(const struct pg *pg)
{
    return !pg->is_lost;
}

int
pg_socket(const struct pg *pg)
{
    return pg->is_lost ? -1 : PQsocket(pg->conn);
}

int
pg_backend_pid(const struct pg *pg)
{
    return pg->backend_pid;
}

bool
pg_is_pooled(const struct pg *pg)
{
    return pg->conn != NULL && pg->backend_pid != PQbackendPID(pg->conn);
}

bool
pg_warned_not_durable(const struct pg *pg)
{
    return pg->warned_not_durable;
}

const char *
pg_last_notice(const struct pg *pg)
{
    return pg->notice;
}
