/*
 * internal — what the files of this room share; nobody else includes it.
 */
#ifndef PG_INTERNAL_H
#define PG_INTERNAL_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "pg/pg.h"

#define PG_STATEMENTS_MAX     1024
#define PG_CONNECT_TIMEOUT_MS 10000 /* where the caller names none */

struct pg_prepared {
    const char *name; /* the statement's, not copied: statements are constants */
    int generation;   /* part of the server's name; grows when the old plan is of no use */
    bool is_ready;
};

struct pg {
    PGconn *conn; /* NULL once it was given up */
    bool is_lost;
    bool is_busy; /* between pg_start and pg_finish */
    bool is_complete;
    bool is_unflushed;
    bool warned_not_durable;
    int backend_pid;
    int64_t answer_timeout_ms;
    char notice[1024];

    const struct pg_stmt *stmt; /* of the asynchronous call */
    PGresult *result;           /* of the call that runs */
    PGresult *failure;          /* the first one wins */

    struct pg_prepared *prepared;
    size_t prepared_count;
    size_t prepared_capacity;
};

/* A session as pg.h promises it: connected, not yet set up. */
bool pg_connect(PGconn **out, const struct pg_options *options, PQnoticeReceiver notice, void *ctx,
                struct error *err);

/* The parameters of a connection, read from the URL and checked, so that no later text of libpq can
 * hold a part of a password. Free with PQconninfoFree. */
bool pg_url_parse(const char *url, PQconninfoOption **out, struct error *err);

const char *pg_url_value(const PQconninfoOption *options,
                         const char *keyword); /* NULL: not given */

/* The hosts that libpq goes through, in its own lists: items between commas; NULL: not given. */
struct pg_hosts {
    char *host;
    char *hostaddr;
    char *port;
    int count; /* at least 1 once they were read */
};

/* options: those in force, the environment's and a service's among them. */
bool pg_hosts_read(struct pg_hosts *hosts, const PQconninfoOption *options, struct error *err);
void pg_hosts_free(struct pg_hosts *hosts);
int pg_hosts_at(const struct pg_hosts *hosts, const PGconn *conn); /* -1: none of them */
bool pg_hosts_drop(struct pg_hosts *hosts, int index); /* false: it is -1, or the only one */

void pg_notice(void *ctx, const PGresult *res); /* ctx is the struct pg */

struct pg_rows *pg_rows_new(
    PGresult *res); /* takes res over; NULL without memory, res is then the caller's */
int pg_rows_parameters(const struct pg_rows *rows);

/* The first line of a text that may have several, without white space at its ends. */
void pg_first_line(const char *text, char *out, size_t out_bytes);

#endif
