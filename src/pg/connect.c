#include <assert.h>
#include <errno.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/number.h"
#include "pg/internal.h"

#define PG_USER_TIMEOUT_MS 20000
#define PG_PARAMETERS_MAX  128

static void
pg_connect_hint(const char *message, struct error *err)
{
    static const struct {
        const char *part;
        const char *hint;
    } hints[] = {
        {"no pg_hba.conf entry", "add a line for this user, database and address to pg_hba.conf of "
                                 "the server, then select pg_reload_conf()"},
        {"Peer authentication failed",
         "run as the system user of that name, or name another user and a host in database.url"},
        {"no password supplied",
         "put the password into a file of mode 600 and name it in PGPASSFILE"},
        {"authentication failed", "check the user in database.url and the password in PGPASSFILE"},
        {"database system is", "the server starts, stops or recovers; wait, then try again"},
        {"too many clients", "raise max_connections of the server, or stop idle sessions"},
        {"connection slots", "raise max_connections of the server, or stop idle sessions"},
        {"Connection refused", "is PostgreSQL running there, and do host, port and "
                               "listen_addresses agree?"},
        {"No such file or directory", "is PostgreSQL running here, and is this the folder of its "
                                      "socket? name host and port for a server elsewhere"},
        {"could not translate host name", "check the host in database.url and the name service"},
        {"session is read-only", "only standbys answered: name the primary in database.url"},
        {"hot standby", "only standbys answered: name the primary in database.url"},
        {"permission denied for database", "grant connect on the database to this user"},
        {"certificate", "check sslmode, sslrootcert and the server's certificate"},
        {"SSL", "check sslmode in database.url against the server's setting ssl"},
        {"definition of service", "check PGSERVICE and the file that PGSERVICEFILE names"},
    };

    /* Two words each; the name between them isn't fixed. */
    if (strstr(message, "does not exist") != NULL) {
        if (strstr(message, "database \"") != NULL && strstr(message, "role \"") == NULL)
            error_hint(err, "create it with createdb, or correct the name in database.url");
        else
            error_hint(err, "create it with createuser, or correct the user in database.url");
        return;
    }
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (strstr(message, hints[i].part) != NULL) {
            error_hint(err, "%s", hints[i].hint);
            return;
        }
    }
}

/* All that the tries for one session share. */
struct pg_attempt {
    const struct pg_options *options;
    const PQconninfoOption *parsed;
    PQnoticeReceiver notice;
    void *ctx;
    struct pg_hosts hosts;  /* that are left */
    int64_t timeout_ms;     /* for one host */
    struct clock_mono last; /* for all of them */
    int silent_count;       /* that were left out */
    PGconn *conn;
};

/* One line of what libpq says about one or several hosts. */
static void
pg_connect_failed(const struct pg_attempt *attempt, struct error *err)
{
    const char *text = PQerrorMessage(attempt->conn);
    char line[768];
    char silent[80] = "";
    size_t used = 0;

    for (size_t i = 0; text[i] != '\0' && used + 2 < sizeof(line); i++) {
        if (text[i] == '\n') {
            if (text[i + 1] == '\0')
                break;
            line[used++] = text[i + 1] == '\t' ? ',' : ';';
            line[used++] = ' ';
        } else if (text[i] != '\t') {
            line[used++] = text[i];
        }
    }
    line[used] = '\0';
    if (attempt->silent_count > 0)
        (void)snprintf(silent, sizeof(silent), "; hosts without an answer within %lld ms: %d",
                       (long long)attempt->timeout_ms, attempt->silent_count);
    error_set(err, ERROR_DB_LOST, "cannot connect to the database: %s%s",
              used == 0 ? "no reason given" : line, silent);
    pg_connect_hint(text, err);
}

enum pg_connect_end { PG_CONNECT_STANDS, PG_CONNECT_FAILED, PG_CONNECT_SILENT };

/* Drives the connection to its end, or until a host has let its time pass: *at is which. libpq goes
 * on by itself from a host that refuses; by time it does so only where it may block. */
static enum pg_connect_end
pg_connect_wait(const struct pg_attempt *attempt, int *at)
{
    PGconn *conn = attempt->conn;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), attempt->timeout_ms);

    *at = pg_hosts_at(&attempt->hosts, conn);
    while (state != PGRES_POLLING_OK) {
        struct pollfd wait = {.fd = PQsocket(conn)};
        int64_t left_ms = clock_mono_left_ms(deadline);
        int64_t last_ms = clock_mono_left_ms(attempt->last);
        int next;

        if (state == PGRES_POLLING_FAILED || wait.fd < 0)
            return PG_CONNECT_FAILED;
        wait.events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        left_ms = left_ms < last_ms ? left_ms : last_ms;
        if (left_ms == 0)
            return PG_CONNECT_SILENT;
        if (poll(&wait, 1, left_ms > 60000 ? 60000 : (int)left_ms) <= 0)
            continue;
        state = PQconnectPoll(conn);
        next = pg_hosts_at(&attempt->hosts, conn);
        if (next != *at)
            deadline = clock_mono_add(clock_mono_now(), attempt->timeout_ms);
        *at = next;
    }
    return PG_CONNECT_STANDS;
}

/* The longest wait for one host: the user's word, the caller's, ours. */
static int64_t
pg_connect_timeout_ms(const PQconninfoOption *given, const struct pg_options *options)
{
    const char *text = pg_url_value(given, "connect_timeout");
    int64_t seconds;

    if (text != NULL && number_parse(text, 1, 3600, &seconds))
        return seconds * 1000;
    return options->connect_timeout_ms > 0 ? options->connect_timeout_ms : PG_CONNECT_TIMEOUT_MS;
}

static bool
pg_connect_start(struct pg_attempt *attempt, struct error *err)
{
    const PQconninfoOption *parsed = attempt->parsed;
    const struct pg_hosts *hosts = &attempt->hosts;
    const char *names[PG_PARAMETERS_MAX + 1] = {NULL};
    const char *values[PG_PARAMETERS_MAX + 1] = {NULL};
    size_t used = 0;
    char user_timeout[32];

    /* While connecting this lets libpq go on to a name's next address; widened afterwards. */
    (void)snprintf(user_timeout, sizeof(user_timeout), "%lld",
                   (long long)pg_connect_timeout_ms(parsed, attempt->options));
    const char *const fallback[][2] = {
        {"fallback_application_name", attempt->options->application_name},
        {"keepalives", "1"},
        {"keepalives_idle", "10"},
        {"keepalives_interval", "5"},
        {"keepalives_count", "3"},
        {"tcp_user_timeout", user_timeout},
    };
    for (size_t i = 0; i < sizeof(fallback) / sizeof(fallback[0]); i++) {
        names[used] = fallback[i][0];
        values[used++] = fallback[i][1];
    }
    const char *const ours[][2] = {
        {"host", hosts->host},
        {"hostaddr", hosts->hostaddr},
        {"port", hosts->port},
        {"client_encoding", "UTF8"},
    };
    /* What stands later wins: the user's word over those, ours over the user's encoding, and the
     * hosts that are left over all of them. */
    for (size_t i = 0; parsed[i].keyword != NULL; i++) {
        if (parsed[i].val == NULL)
            continue;
        assert(used + sizeof(ours) / sizeof(ours[0]) < PG_PARAMETERS_MAX); /* libpq has about 45 */
        names[used] = parsed[i].keyword;
        values[used++] = parsed[i].val;
    }
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        names[used] = ours[i][0];
        values[used++] = ours[i][1];
    }

    attempt->conn = PQconnectStartParams(names, values, 0);
    if (attempt->conn == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a connection");
    if (PQstatus(attempt->conn) == CONNECTION_BAD) {
        pg_connect_failed(attempt, err);
        return false;
    }
    /* Before the first byte from the server: some warn at once, and libpq would print that. */
    (void)PQsetNoticeReceiver(attempt->conn, attempt->notice, attempt->ctx);
    return true;
}

/* Only a connection that was begun knows what the environment and a service's file say. */
static bool
pg_connect_read(struct pg_attempt *attempt, struct error *err)
{
    PQconninfoOption *in_force = PQconninfo(attempt->conn);
    bool ok;

    if (in_force == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a connection");
    ok = pg_hosts_read(&attempt->hosts, in_force, err);
    attempt->timeout_ms = pg_connect_timeout_ms(in_force, attempt->options);
    attempt->last = clock_mono_add(clock_mono_now(), attempt->timeout_ms * attempt->hosts.count);
    PQconninfoFree(in_force);
    return ok;
}

/* A host that lets its time pass is left out and the others are asked anew, so that it stays with
 * libpq which of them will do: target_session_attrs may want to see all of them. */
static bool
pg_connect_any(struct pg_attempt *attempt, struct error *err)
{
    enum pg_connect_end end;
    int at;

    if (!pg_connect_start(attempt, err) || !pg_connect_read(attempt, err))
        return false;
    while ((end = pg_connect_wait(attempt, &at)) == PG_CONNECT_SILENT &&
           clock_mono_left_ms(attempt->last) > 0 && pg_hosts_drop(&attempt->hosts, at)) {
        attempt->silent_count++;
        PQfinish(attempt->conn);
        attempt->conn = NULL;
        if (!pg_connect_start(attempt, err))
            return false;
    }
    if (end == PG_CONNECT_FAILED) {
        pg_connect_failed(attempt, err);
    } else if (end == PG_CONNECT_SILENT) {
        error_set(err, ERROR_DB_LOST, "cannot connect to the database: no answer within %lld ms",
                  (long long)attempt->timeout_ms);
        error_hint(err, "is the host right, and does a firewall swallow the connection?");
    }
    return end == PG_CONNECT_STANDS;
}

bool
pg_connect(PGconn **out, const struct pg_options *options, PQnoticeReceiver notice, void *ctx,
           struct error *err)
{
    bool ok = false;
    PQconninfoOption *parsed = NULL;
    struct pg_attempt attempt = {.options = options, .notice = notice, .ctx = ctx};

    assert(*out == NULL);

    if (!pg_url_parse(options->url, &parsed, err))
        goto done;
    attempt.parsed = parsed;
    if (!pg_connect_any(&attempt, err))
        goto done;

    if (pg_url_value(parsed, "tcp_user_timeout") == NULL) {
        unsigned int ms = PG_USER_TIMEOUT_MS;

        /* Fails on a unix socket, which needs none. */
        (void)setsockopt(PQsocket(attempt.conn), IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
    }
    *out = attempt.conn;
    attempt.conn = NULL;
    ok = true;

done:
    PQconninfoFree(parsed);
    pg_hosts_free(&attempt.hosts);
    PQfinish(attempt.conn);
    return ok;
}
