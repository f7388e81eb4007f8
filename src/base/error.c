#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void error_format(char *out, size_t out_bytes, const char *fmt, va_list args)
    PRINTF_LIKE(3, 0);

static void
error_format(char *out, size_t out_bytes, const char *fmt, va_list args)
{
    int length = vsnprintf(out, out_bytes, fmt, args);

    if (length < 0)
        out[0] = '\0';
    else if ((size_t)length >= out_bytes)
        text_trim_cut(out);
}

bool
error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
    va_list args;

    assert(code != ERROR_NONE);
    assert(err->code == ERROR_NONE); /* the first message is the true one */

    err->code = code;
    va_start(args, fmt);
    error_format(err->message, sizeof(err->message), fmt, args);
    va_end(args);
    return false;
}

void
error_hint(struct error *err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    error_format(err->hint, sizeof(err->hint), fmt, args);
    va_end(args);
}

void
error_context(struct error *err, const char *fmt, ...)
{
    char step[sizeof(err->context)];
    char whole[sizeof(err->context)];
    va_list args;
    int length;

    va_start(args, fmt);
    error_format(step, sizeof(step), fmt, args);
    va_end(args);

    length = snprintf(whole, sizeof(whole), "%s%s%s", step, err->context[0] != '\0' ? ": " : "",
                      err->context);
    if (length >= (int)sizeof(whole))
        text_trim_cut(whole);
    memcpy(err->context, whole, sizeof(whole));
}

bool
error_is_busy(const struct error *err)
{
    return err->code == ERROR_DB &&
           (strncmp(err->sqlstate, "40", 2) == 0 || strcmp(err->sqlstate, "55P03") == 0);
}

const char *
error_code_name(enum error_code code)
{
    switch (code) {
    case ERROR_NONE:
        return "none";
    case ERROR_USAGE:
        return "usage";
    case ERROR_CONFIG:
        return "config";
    case ERROR_STATE:
        return "state";
    case ERROR_DB_LOST:
        return "db_lost";
    case ERROR_DB:
        return "db";
    case ERROR_API:
        return "api";
    case ERROR_NET:
        return "net";
    case ERROR_PARSE:
        return "parse";
    case ERROR_LIMIT:
        return "limit";
    case ERROR_NOMEM:
        return "nomem";
    case ERROR_IO:
        return "io";
    case ERROR_CANCELLED:
        return "cancelled";
    }
    return "unknown";
}

void
error_clear(struct error *err)
{
    memset(err, 0, sizeof(*err));
}

/* What the server refuses for as long as nobody changes the relation, the privileges or the
 * program.
 */
static bool
error_sqlstate_is_of_configuration(const char *sqlstate)
{
    /* Something that isn't there or isn't allowed (3F a schema, 42 the rest); then what becomes of
     * the relation's own SQL: data that it can't work with (0A too: a NaN as an integer), and what
     * its functions raise. */
    static const char *const CLASSES[] = {"3F", "42", "0A", "21", "22", "2F", "38", "39", "P0"};

    /* A prepared statement twice: the session is another one, behind a pooler. */
    if (strcmp(sqlstate, "42P05") == 0)
        return false;
    for (size_t i = 0; i < sizeof(CLASSES) / sizeof(CLASSES[0]); i++) {
        if (strncmp(sqlstate, CLASSES[i], 2) == 0)
            return true;
    }
    return false;
}

int
error_exit_code(const struct error *err)
{
    switch (err->code) {
    case ERROR_NONE:
    case ERROR_CANCELLED: /* asked to stop: what is planned stays planned */
        return 0;
    case ERROR_USAGE:
        return 2;
    case ERROR_CONFIG:
    case ERROR_STATE:
    case ERROR_PARSE:
    case ERROR_IO: /* of files that the configuration names, or of the results */
        return 3;
    case ERROR_API:
    case ERROR_NET:
        return 5;
    case ERROR_DB:
        return error_sqlstate_is_of_configuration(err->sqlstate) ? 3 : 4;
    case ERROR_DB_LOST:
    case ERROR_LIMIT:
    case ERROR_NOMEM:
        break;
    }
    return 4;
}
