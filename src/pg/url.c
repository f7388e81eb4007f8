#include <assert.h>
#include <libpq-fe.h>
#include <string.h>

#include "pg/internal.h"

/* libpq quotes the offending piece, which may be the password: only these fixed words come out. */
static const char *
pg_url_reason(const char *message)
{
    static const struct {
        const char *part;
        const char *reason;
    } reasons[] = {
        {"percent-encoded", "a '%' that two hex digits don't follow; write a plain '%' as %25"},
        {"missing \"=\"", "a word without '='; quote a value with spaces: password='a b'"},
        {"unterminated quoted", "a quote that is never closed"},
        {"invalid connection option", "an option that libpq doesn't know"},
        {"URI query parameter", "a query parameter that libpq doesn't know"},
        {"query parameter", "a query parameter without a value"},
        {"IPv6", "an IPv6 address that isn't like [::1]"},
        {"forbidden value", "a %00"},
    };

    for (size_t i = 0; message != NULL && i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strstr(message, reasons[i].part) != NULL)
            return reasons[i].reason;
    }
    return "neither a URI like postgresql://user@host/database nor key=value pairs";
}

const char *
pg_url_value(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (strcmp(option->keyword, keyword) == 0)
            return option->val;
    }
    return NULL;
}

/*
 * A password with a raw '@' or '/' splits in the wrong place: its tail becomes
 * the host, or its head the port, and libpq would later show that in a message
 * ("could not translate host name ...", "invalid port number ...").
 */
static bool
pg_url_is_split_well(const char *url, const PQconninfoOption *options)
{
    const char *host = pg_url_value(options, "host");
    const char *port = pg_url_value(options, "port");
    const char *rest = strstr(url, "://");
    const char *path;
    const char *at;

    if (port != NULL && strspn(port, "0123456789,") != strlen(port))
        return false;
    /* Alone at the start it is an abstract socket. */
    if (host != NULL && host[0] != '\0' && strchr(host + 1, '@') != NULL)
        return false;
    if (rest == NULL || strncmp(url, "postgres", 8) != 0)
        return true;

    path = strchr(rest + 3, '/');
    at = path == NULL ? NULL : strchr(path, '@');
    return at == NULL || (strchr(path, '?') != NULL && strchr(path, '?') < at);
}

bool
pg_url_parse(const char *url, PQconninfoOption **out, struct error *err)
{
    bool ok = false;
    char *message = NULL;
    PQconninfoOption *options = NULL;

    assert(*out == NULL);

    options = PQconninfoParse(url, &message);
    if (options == NULL) {
        error_set(err, ERROR_CONFIG, "database url can't be read: %s", pg_url_reason(message));
        goto done;
    }
    if (!pg_url_is_split_well(url, options)) {
        error_set(err, ERROR_CONFIG, "database url can't be read: host or port make no sense");
        error_hint(err, "in a URI write '@', '/' and ':' of a password as %%40, %%2F and %%3A");
        goto done;
    }
    *out = options;
    options = NULL;
    ok = true;

done:
    PQfreemem(message);
    PQconninfoFree(options);
    return ok;
}
