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

/* One line of what libpq says about one or several hosts. */
static void
pg_connect_failed(PGconn *conn, struct error *err)
{
    const char *text = PQerrorMessage(conn);
    char line[768];
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
    error_set(err, ERROR_DB_LOST, "cannot connect to the database: %s",
              used == 0 ? "no reason given" : line);
    pg_connect_hint(text, err);
}

static int
pg_connect_hosts(const PQconninfoOption *parsed)
{
    const char *hosts = pg_url_value(parsed, "host");
    int count = 1;

    if (hosts == NULL)
        hosts = pg_url_value(parsed, "hostaddr");
    for (; hosts != NULL && *hosts != '\0'; hosts++)
        count += *hosts == ',';
    return count;
}

/* Drives the connection to its end or to the deadline. */
static bool
pg_connect_wait(PGconn *conn, int64_t timeout_ms, struct error *err)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    struct clock_mono deadline = clock_mono_add(clock_mono_now(), timeout_ms);

    while (state != PGRES_POLLING_OK) {
        struct pollfd wait = {.fd = PQsocket(conn)};
        int64_t left_ms = clock_mono_left_ms(deadline);

        if (state == PGRES_POLLING_FAILED || wait.fd < 0) {
            pg_connect_failed(conn, err);
            return false;
        }
        wait.events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (left_ms == 0) {
            error_set(err, ERROR_DB_LOST,
                      "cannot connect to the database: no answer within %lld ms",
                      (long long)timeout_ms);
            error_hint(err, "is the host right, and does a firewall swallow the connection?");
            return false;
        }
        if (poll(&wait, 1, left_ms > 60000 ? 60000 : (int)left_ms) > 0)
            state = PQconnectPoll(conn);
    }
    return true;
}

/* The longest wait for one host: the user's word, the caller's, ours. */
static int64_t
pg_connect_timeout_ms(const PQconninfoOption *parsed, const struct pg_options *options)
{
    const char *text = pg_url_value(parsed, "connect_timeout");
    int64_t seconds;

    if (text != NULL && number_parse(text, 1, 3600, &seconds))
        return seconds * 1000;
    return options->connect_timeout_ms > 0 ? options->connect_timeout_ms : PG_CONNECT_TIMEOUT_MS;
}

static bool
pg_connect_start(PGconn **out, const PQconninfoOption *parsed, const char *application_name,
                 int64_t timeout_ms, struct error *err)
{
    const char *names[PG_PARAMETERS_MAX + 1] = {NULL};
    const char *values[PG_PARAMETERS_MAX + 1] = {NULL};
    size_t used = 0;
    char user_timeout[32];

    /* While connecting this is what lets libpq go on to the next host; widened afterwards. */
    (void)snprintf(user_timeout, sizeof(user_timeout), "%lld", (long long)timeout_ms);
    const char *const fallback[][2] = {
        {"fallback_application_name", application_name},
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
    /* What stands later wins: the user's word over those, ours over the user's encoding. */
    for (size_t i = 0; parsed[i].keyword != NULL; i++) {
        if (parsed[i].val == NULL)
            continue;
        assert(used + 1 < PG_PARAMETERS_MAX); /* libpq knows about 45 */
        names[used] = parsed[i].keyword;
        values[used++] = parsed[i].val;
    }
    names[used] = "client_encoding";
    values[used] = "UTF8";

    *out = PQconnectStartParams(names, values, 0);
    if (*out == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a connection");
    if (PQstatus(*out) == CONNECTION_BAD) {
        pg_connect_failed(*out, err);
        return false;
    }
    return true;
}

bool
pg_connect(PGconn **out, const struct pg_options *options, PQnoticeReceiver notice, void *ctx,
           struct error *err)
{
    bool ok = false;
    PQconninfoOption *parsed = NULL;
    PGconn *conn = NULL;
    int64_t timeout_ms;

    assert(*out == NULL);

    if (!pg_url_parse(options->url, &parsed, err))
        goto done;
    timeout_ms = pg_connect_timeout_ms(parsed, options);
    if (!pg_connect_start(&conn, parsed, options->application_name, timeout_ms, err))
        goto done;
    /* Before the first byte from the server: some warn at once, and libpq would print that. */
    (void)PQsetNoticeReceiver(conn, notice, ctx);
    if (!pg_connect_wait(conn, timeout_ms * pg_connect_hosts(parsed), err))
        goto done;

    if (pg_url_value(parsed, "tcp_user_timeout") == NULL) {
        unsigned int ms = PG_USER_TIMEOUT_MS;

        /* Fails on a unix socket, which needs none. */
        (void)setsockopt(PQsocket(conn), IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
    }
    *out = conn;
    conn = NULL;
    ok = true;

done:
    PQconninfoFree(parsed);
    PQfinish(conn);
    return ok;
}
