/*
 * log — one event, one line, on stderr.
 *
 * logfmt: `time=... level=info room=sync event=claimed submission=17 rows=3`;
 * json: the same keys as one object. Values are quoted and control characters
 * escaped, so nothing from outside can forge a line or reach a terminal raw.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

/* Process-wide, set once by main; the default is info and logfmt. */
void log_setup(enum log_level level, enum log_format format);
bool log_level_parse(const char *text, enum log_level *out);
bool log_format_parse(const char *text, enum log_format *out);
bool log_is_on(enum log_level level);

/* Of one event at most five warnings in 30 s are written; the first one after that says how many
 * were not (suppressed=N). What a person must act on is an error, and is always written.
 *
 * Pairs of key and value (both text), ended by NULL: log_event(LOG_INFO, "sync", "claimed", "rows",
 * "3", NULL). A NULL value skips its pair. */
void log_event(enum log_level level, const char *room, const char *event, ...)
    __attribute__((sentinel));

/* event plus code, message, context, hint and sqlstate of err. */
void log_failure(enum log_level level, const char *room, const char *event,
                 const struct error *err);

/* Throttle: true at most once per 30 s for one key; *suppressed gets how many
 * were swallowed. */
bool log_throttle(const char *key, int64_t *suppressed);

/* A number as text for log_event; a small ring of static buffers, valid for the next 16 calls. */
const char *log_int(int64_t value);

#endif
