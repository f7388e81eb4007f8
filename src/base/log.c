#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum {
    LOG_LINE_BYTES = 8192,  /* a line is built on the stack, so that logging works without memory */
    LOG_END_BYTES = 16,     /* kept free for the mark of a cut line and its end */
    LOG_VALUE_BYTES = 2048, /* so that one value can't push out the others */
    LOG_REPEATED_NAMES = 64,
    LOG_REPEATED_MS = 30000,
    LOG_WARNINGS_MAX = 5, /* of one event in LOG_REPEATED_MS */
    LOG_INT_RING = 16,
};

struct log_line {
    char text[LOG_LINE_BYTES];
    size_t used;
    bool is_cut;
};

/* How much was said of one thing lately. */
struct log_repeated {
    char name[64]; /* room and event */
    struct clock_mono since;
    int lines;
    int64_t suppressed;
};

static enum log_level log_level_now = LOG_INFO;
static enum log_format log_format_now = LOG_FORMAT_LOGFMT;

static const char *const LOG_LEVELS[] = {"error", "warn", "info", "debug", "trace"};

void
log_setup(enum log_level level, enum log_format format)
{
    log_level_now = level;
    log_format_now = format;
}

bool
log_level_parse(const char *text, enum log_level *out)
{
    for (size_t i = 0; i < sizeof(LOG_LEVELS) / sizeof(LOG_LEVELS[0]); i++) {
        if (strcmp(text, LOG_LEVELS[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool
log_format_parse(const char *text, enum log_format *out)
{
    if (strcmp(text, "logfmt") == 0)
        *out = LOG_FORMAT_LOGFMT;
    else if (strcmp(text, "json") == 0)
        *out = LOG_FORMAT_JSON;
    else
        return false;
    return true;
}

bool
log_is_on(enum log_level level)
{
    return level <= log_level_now;
}

static bool
log_put(struct log_line *line, const char *bytes, size_t count)
{
    if (count > sizeof(line->text) - LOG_END_BYTES - line->used)
        return false;
    memcpy(line->text + line->used, bytes, count);
    line->used += count;
    return true;
}

/* The escapes of JSON, in both formats: \" \\ \n \r \t \u001b; a byte that isn't UTF-8 becomes
 * U+FFFD. */
static bool
log_put_escaped(struct log_line *line, const char *value)
{
    size_t left = strlen(value);
    size_t start = line->used;

    while (left > 0) {
        char escape[16];
        uint32_t code_point = 0;
        size_t length = text_decode(value, left, &code_point);
        size_t taken = length == 0 ? 1 : length;
        const char *piece = escape;

        if (length == 0)
            piece = "\xef\xbf\xbd";
        else if (code_point == '"')
            piece = "\\\"";
        else if (code_point == '\\')
            piece = "\\\\";
        else if (code_point == '\n')
            piece = "\\n";
        else if (code_point == '\r')
            piece = "\\r";
        else if (code_point == '\t')
            piece = "\\t";
        else if (text_is_unsafe(code_point))
            (void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)code_point);
        else
            piece = NULL;

        if (line->used - start > LOG_VALUE_BYTES)
            return log_put(line, "...", 3);
        if (!log_put(line, piece == NULL ? value : piece, piece == NULL ? length : strlen(piece)))
            return false;
        value += taken;
        left -= taken;
    }
    return true;
}

static bool
log_is_bare(const char *value)
{
    if (value[0] == '\0')
        return false;
    for (; *value != '\0'; value++) {
        if (*value <= ' ' || *value > '~' || *value == '"' || *value == '=' || *value == '\\')
            return false;
    }
    return true;
}

/* A pair goes in whole or not at all: half an escape could change what the rest of the line means.
 */
static void
log_pair(struct log_line *line, const char *key, const char *value)
{
    bool is_json = log_format_now == LOG_FORMAT_JSON;
    bool is_first = line->used == 0;
    size_t before = line->used;
    bool ok;

    if (value == NULL || line->is_cut)
        return;
    if (is_json)
        ok = log_put(line, is_first ? "{\"" : ",\"", 2) && log_put(line, key, strlen(key)) &&
             log_put(line, "\":\"", 3) && log_put_escaped(line, value) && log_put(line, "\"", 1);
    else if (log_is_bare(value) && strlen(value) <= LOG_VALUE_BYTES)
        ok = (is_first || log_put(line, " ", 1)) && log_put(line, key, strlen(key)) &&
             log_put(line, "=", 1) && log_put(line, value, strlen(value));
    else
        ok = (is_first || log_put(line, " ", 1)) && log_put(line, key, strlen(key)) &&
             log_put(line, "=\"", 2) && log_put_escaped(line, value) && log_put(line, "\"", 1);
    if (!ok) {
        line->used = before;
        line->is_cut = true;
    }
}

static void
log_begin(struct log_line *line, enum log_level level, const char *room, const char *event)
{
    char now[25];

    line->used = 0;
    line->is_cut = false;
    clock_wall_text(now);
    log_pair(line, "time", now);
    log_pair(line, "level", LOG_LEVELS[level]);
    log_pair(line, "room", room);
    log_pair(line, "event", event);
}

/* One write, so that the lines of two processes don't mix. */
static void
log_end(struct log_line *line)
{
    const char *end = line->is_cut ? " cut=true\n" : "\n";
    size_t at = 0;

    if (log_format_now == LOG_FORMAT_JSON)
        end = line->is_cut ? ",\"cut\":true}\n" : "}\n";
    assert(strlen(end) <= sizeof(line->text) - line->used);
    memcpy(line->text + line->used, end, strlen(end));
    line->used += strlen(end);

    while (at < line->used) {
        ssize_t wrote = write(STDERR_FILENO, line->text + at, line->used - at);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            break; /* nobody is left to tell */
        at += (size_t)wrote;
    }
}

/* False: lines_max were said of it in the last half minute. *suppressed: how many were not, before
 * this one. */
static bool
log_has_room(const char *room, const char *event, int lines_max, int64_t *suppressed)
{
    static _Thread_local struct log_repeated table[LOG_REPEATED_NAMES];
    struct log_repeated *slot = &table[0];
    char name[sizeof(slot->name)];
    bool is_known = false;

    *suppressed = 0;
    (void)snprintf(name, sizeof(name), "%s.%s", room, event);
    for (size_t i = 0; i < LOG_REPEATED_NAMES && !is_known; i++) {
        struct log_repeated *entry = &table[i];

        is_known = strcmp(entry->name, name) == 0;
        /* Else a free place, else the one that began longest ago. */
        if (is_known ||
            (slot->name[0] != '\0' && (entry->name[0] == '\0' || entry->since.ms < slot->since.ms)))
            slot = entry;
    }
    if (is_known && clock_mono_since_ms(slot->since) < LOG_REPEATED_MS) {
        if (slot->lines < lines_max) {
            slot->lines++;
            return true;
        }
        slot->suppressed++;
        return false;
    }
    if (is_known)
        *suppressed = slot->suppressed;
    *slot = (struct log_repeated){.since = clock_mono_now(), .lines = 1};
    memcpy(slot->name, name, sizeof(name));
    return true;
}

/* Trouble that repeats for thousands of rows must not fill a disk. */
static bool
log_is_wanted(enum log_level level, const char *room, const char *event, int64_t *suppressed)
{
    *suppressed = 0;
    return log_is_on(level) &&
           (level != LOG_WARN || log_has_room(room, event, LOG_WARNINGS_MAX, suppressed));
}

void
log_event(enum log_level level, const char *room, const char *event, ...)
{
    struct log_line line;
    const char *key;
    int64_t suppressed;
    va_list args;

    if (!log_is_wanted(level, room, event, &suppressed))
        return;
    log_begin(&line, level, room, event);
    log_pair(&line, "suppressed", suppressed > 0 ? log_int(suppressed) : NULL);
    va_start(args, event);
    while ((key = va_arg(args, const char *)) != NULL)
        log_pair(&line, key, va_arg(args, const char *));
    va_end(args);
    log_end(&line);
}

void
log_failure(enum log_level level, const char *room, const char *event, const struct error *err)
{
    struct log_line line;
    int64_t suppressed;

    if (!log_is_wanted(level, room, event, &suppressed))
        return;
    log_begin(&line, level, room, event);
    log_pair(&line, "suppressed", suppressed > 0 ? log_int(suppressed) : NULL);
    log_pair(&line, "code", error_code_name(err->code));
    log_pair(&line, "message", err->message);
    log_pair(&line, "context", err->context[0] != '\0' ? err->context : NULL);
    log_pair(&line, "hint", err->hint[0] != '\0' ? err->hint : NULL);
    log_pair(&line, "sqlstate", err->sqlstate[0] != '\0' ? err->sqlstate : NULL);
    log_pair(&line, "http_status", err->http_status != 0 ? log_int(err->http_status) : NULL);
    log_end(&line);
}

bool
log_throttle(const char *key, int64_t *suppressed)
{
    return log_has_room("throttle", key, 1, suppressed);
}

const char *
log_int(int64_t value)
{
    static _Thread_local char ring[LOG_INT_RING][24];
    static _Thread_local size_t next;
    char *out = ring[next];

    next = (next + 1) % LOG_INT_RING;
    (void)snprintf(out, sizeof(ring[0]), "%lld", (long long)value);
    return out;
}
