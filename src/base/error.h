/*
 * error — what went wrong, where, and whether trying again can help.
 *
 * A leaf fills it once, callers put context in front, and one place decides
 * and logs. Fixed arrays: reporting never allocates.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#define PRINTF_LIKE(fmt_index, args_index) __attribute__((format(printf, fmt_index, args_index)))
#define MUST_CHECK                         __attribute__((warn_unused_result))

enum error_code {
    ERROR_NONE = 0,
    ERROR_USAGE,     /* command line; exit 2 */
    ERROR_CONFIG,    /* file, relation, schema; exit 3 */
    ERROR_STATE,     /* ledger new, paused, or not itself; exit 3 */
    ERROR_DB_LOST,   /* no connection, or it broke; exit 4 */
    ERROR_DB,        /* the server refused a statement; sqlstate says why; exit 4, or 3 */
    ERROR_API,       /* unreachable, refuses the key, blocked; exit 5 */
    ERROR_NET,       /* a single request failed below HTTP */
    ERROR_PARSE,     /* text from outside that can't be read */
    ERROR_LIMIT,     /* a bound was passed */
    ERROR_NOMEM,     /* exit 4 */
    ERROR_IO,        /* files and pipes */
    ERROR_CANCELLED, /* asked to stop */
};

struct error {
    enum error_code code;
    int http_status;    /* 0 when no answer came */
    char sqlstate[6];   /* "" when not from the server */
    char message[1024]; /* what is wrong */
    char context[256];  /* while doing what, outermost first */
    char hint[512];     /* what to do; "" when nothing is known */
};

/* Always returns false, so that a leaf can say `return error_set(...)`. Asserts that err was empty.
 */
bool error_set(struct error *err, enum error_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* What the reader can do about it; shown on a line of its own. */
void error_hint(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Prepend one step of context on the way up: "run: submission 42: POST". */
void error_context(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The database refused for somebody's lock, a deadlock or a serialization failure: rolled back, and
 * the same may succeed in a moment. */
bool error_is_busy(const struct error *err);

/* "db_lost": one lower-case word, for log lines. */
const char *error_code_name(enum error_code code);

/* What the program ends with: 2 usage, 3 configuration and state, 4 database, 5 API; 0 for
 * ERROR_NONE and ERROR_CANCELLED. Of ERROR_DB the SQLSTATE decides: what is missing, not allowed or
 * wrong in the relation is 3. */
int error_exit_code(const struct error *err);

void error_clear(struct error *err);

#endif
