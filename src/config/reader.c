#include "config/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/config.h"

enum {
    READER_EVENTS_MAX = 20000, /* the table has some hundred; more is no configuration */
    READER_NAME_BYTES = 96,
};

struct reader {
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
    bool is_stopped; /* why is among the problems, or is_nomem */
    bool is_nomem;
    int events;
    const char *bytes;
    size_t count;
    struct config_problems *problems;
    struct reader_file *file;
};

static struct problems_place
reader_place(yaml_mark_t mark)
{
    return (struct problems_place){.line = (int)mark.line + 1, .column = (int)mark.column + 1};
}

/* The likely cause of trouble in that line; libyaml only finds a character that can't start a
 * token. */
static bool
reader_is_indented_by_tab(const struct reader *reader, int line)
{
    size_t at = 0;

    for (int i = 1; i < line && at < reader->count; at++)
        i += reader->bytes[at] == '\n' ? 1 : 0;
    while (at < reader->count && reader->bytes[at] == ' ')
        at++;
    return at < reader->count && reader->bytes[at] == '\t';
}

static void
reader_stop(struct reader *reader)
{
    yaml_parser_t *parser = &reader->parser;
    struct problems_place place = reader_place(parser->problem_mark);
    const char *problem = parser->problem == NULL ? "cannot be read" : parser->problem;

    reader->is_stopped = true;
    if (parser->error == YAML_MEMORY_ERROR) {
        reader->is_nomem = true;
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        /* Only an offset is given: find its line. */
        size_t at = parser->problem_offset < reader->count ? parser->problem_offset : reader->count;

        place = (struct problems_place){.line = 1, .column = 1};
        for (size_t i = 0; i < at; i++) {
            place.line += reader->bytes[i] == '\n' ? 1 : 0;
            place.column = reader->bytes[i] == '\n' ? 1 : place.column + 1;
        }
    } else if (reader_is_indented_by_tab(reader, place.line)) {
        problem = "a tab, where YAML wants spaces";
    }
    problems_add(reader->problems, place, "not YAML: %s", problem);
}

/* The next event; false when there is none, for which the reason is known. */
static bool
reader_next(struct reader *reader)
{
    if (reader->is_stopped)
        return false;
    if (reader->has_event)
        yaml_event_delete(&reader->event);
    reader->has_event = false;
    if (yaml_parser_parse(&reader->parser, &reader->event) == 0) {
        reader_stop(reader);
        return false;
    }
    reader->has_event = true;
    reader->events++;
    if (reader->events > READER_EVENTS_MAX) {
        reader->is_stopped = true;
        problems_add(reader->problems, reader_place(reader->event.start_mark),
                     "more than %d YAML nodes, this is no configuration", READER_EVENTS_MAX);
        return false;
    }
    return true;
}

/* An anchor or a tag before a value, whatever it is. */
static void
reader_check_plain(struct reader *reader, const char *name)
{
    const yaml_event_t *event = &reader->event;
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;

    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    }
    if (anchor != NULL)
        problems_add(reader->problems, reader_place(event->start_mark),
                     "%s%smust be without an anchor (&)", name, name[0] == '\0' ? "" : ": ");
    if (tag != NULL)
        problems_add(reader->problems, reader_place(event->start_mark),
                     "%s%smust be without a tag (!)", name, name[0] == '\0' ? "" : ": ");
}

/* Past the node whose first event is the current one. */
static void
reader_skip(struct reader *reader)
{
    int depth = 0;

    do {
        switch (reader->event.type) {
        case YAML_MAPPING_START_EVENT:
        case YAML_SEQUENCE_START_EVENT:
            depth++;
            break;
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT:
            depth--;
            break;
        default:
            break;
        }
    } while (depth > 0 && reader_next(reader));
}

static const char *
reader_what(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_MAPPING_START_EVENT:
        return "a section";
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    case YAML_ALIAS_EVENT:
        return "an alias (*)";
    default:
        return "a value";
    }
}

static bool
reader_is_null(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;

    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
            strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0);
}

/* A name is shown only if it is a plain word and can't be a key pasted to the wrong place. */
static bool
reader_is_word(const char *name)
{
    size_t count = strlen(name);

    if (count == 0 || count > 40 || strncmp(name, "sk_", 3) == 0)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
           count;
}

/* The current event is a key: its name into out. False, with the key and its value left behind,
 * when it is none. */
static bool
reader_key(struct reader *reader, char *out, size_t out_bytes)
{
    const yaml_event_t *event = &reader->event;

    if (event->type == YAML_SCALAR_EVENT) {
        const char *text = (const char *)event->data.scalar.value;

        reader_check_plain(reader, "");
        if (reader_is_word(text) && strlen(text) == event->data.scalar.length) {
            (void)snprintf(out, out_bytes, "%s", text);
            return true;
        }
        problems_add(reader->problems, reader_place(event->start_mark),
                     "unknown key, its name is no plain word");
    } else {
        problems_add(reader->problems, reader_place(event->start_mark),
                     "must be the name of a key, got %s", reader_what(event));
    }
    reader_skip(reader);
    if (reader_next(reader))
        reader_skip(reader);
    return false;
}

/* The current event is the key; past its value. */
static void
reader_unknown(struct reader *reader, const char *name, struct problems_place place)
{
    const char *nearest = keys_nearest(name);

    if (nearest != NULL)
        problems_add(reader->problems, place, "%s: unknown key, did you mean %s?", name, nearest);
    else
        problems_add(reader->problems, place, "%s: unknown key", name);
    if (reader_next(reader))
        reader_skip(reader);
}

/* The current event is the value of a key of the table. */
static void
reader_take(struct reader *reader, int index)
{
    struct reader_value *value = &reader->file->values[index];
    const yaml_event_t *event = &reader->event;
    const char *name = KEYS[index].name;
    const char *text;
    char range[160];

    value->is_given = true;
    value->place = reader_place(event->start_mark);
    reader_check_plain(reader, name);
    if (event->type != YAML_SCALAR_EVENT) {
        keys_range(&KEYS[index], false, range, sizeof(range));
        problems_add(reader->problems, value->place, "%s: must be %s, got %s", name, range,
                     reader_what(event));
        reader_skip(reader);
        return;
    }
    text = (const char *)event->data.scalar.value;
    value->is_null = reader_is_null(event);
    if (value->is_null)
        return;
    if (strlen(text) != event->data.scalar.length) {
        problems_add(reader->problems, value->place, "%s: must be without NUL characters", name);
        return;
    }
    value->text = strdup(text);
    if (value->text == NULL) {
        reader->is_nomem = true;
        reader->is_stopped = true;
    }
}

/* The current event is the key; past its value. */
static void
reader_take_once(struct reader *reader, int index, struct problems_place place)
{
    if (!reader_next(reader))
        return;
    if (reader->file->values[index].is_given) {
        problems_add(reader->problems, place, "%s: given twice, first in line %d", KEYS[index].name,
                     reader->file->values[index].place.line);
        reader_skip(reader);
        return;
    }
    reader_take(reader, index);
}

/* The current event is the start of the section's mapping. */
static void
reader_section(struct reader *reader, int section)
{
    char name[READER_NAME_BYTES];
    char full[READER_NAME_BYTES * 2];

    while (reader_next(reader) && reader->event.type != YAML_MAPPING_END_EVENT) {
        struct problems_place place = reader_place(reader->event.start_mark);
        int index;

        if (!reader_key(reader, name, sizeof(name)))
            continue;
        (void)snprintf(full, sizeof(full), "%s.%s", KEYS_SECTIONS[section], name);
        index = keys_find(full);
        if (index < 0) {
            reader_unknown(reader, full, place);
            continue;
        }
        reader_take_once(reader, index, place);
    }
}

/* The current event is the start of the outermost mapping. */
static void
reader_sections(struct reader *reader)
{
    char name[READER_NAME_BYTES];

    while (reader_next(reader) && reader->event.type != YAML_MAPPING_END_EVENT) {
        struct problems_place place = reader_place(reader->event.start_mark);
        int section;

        if (!reader_key(reader, name, sizeof(name)))
            continue;
        section = keys_find_section(name, strlen(name));
        /* A dot would be a section's key written in one word, which isn't known here. */
        if (section < 0 && strchr(name, '.') == NULL && keys_find(name) >= 0) {
            reader_take_once(reader, keys_find(name), place);
            continue;
        }
        if (section < 0) {
            reader_unknown(reader, name, place);
            continue;
        }
        if (reader->file->sections[section].line != 0)
            problems_add(reader->problems, place, "%s: given twice, first in line %d", name,
                         reader->file->sections[section].line);
        else
            reader->file->sections[section] = place;
        if (!reader_next(reader))
            return;
        reader_check_plain(reader, name);
        if (reader->event.type == YAML_MAPPING_START_EVENT) {
            reader_section(reader, section);
        } else if (reader->event.type != YAML_SCALAR_EVENT || !reader_is_null(&reader->event)) {
            /* The value may be a URL with a password: it is not shown. */
            problems_add(reader->problems, reader_place(reader->event.start_mark),
                         "%s: must be a section with keys below it, got %s", name,
                         reader_what(&reader->event));
            reader_skip(reader);
        }
    }
}

static void
reader_stream(struct reader *reader)
{
    const struct problems_place start = {.line = 1, .column = 1};

    /* stream, then document NOLINTNEXTLINE(misc-redundant-expression): each call reads one on */
    if (!reader_next(reader) || !reader_next(reader))
        return;
    if (reader->event.type == YAML_STREAM_END_EVENT) {
        problems_add(reader->problems, start, "the file has no keys");
        return;
    }
    if (!reader_next(reader))
        return;
    reader_check_plain(reader, "");
    if (reader->event.type == YAML_MAPPING_START_EVENT) {
        reader_sections(reader);
    } else {
        problems_add(reader->problems, reader_place(reader->event.start_mark),
                     "must be sections with keys below them, got %s", reader_what(&reader->event));
        reader_skip(reader);
        reader->is_stopped = true;
    }
    /* their ends, in turn NOLINTNEXTLINE(misc-redundant-expression): each call reads one on */
    if (!reader_next(reader) || !reader_next(reader))
        return;
    if (reader->event.type != YAML_STREAM_END_EVENT) {
        problems_add(reader->problems, reader_place(reader->event.start_mark),
                     "must be one YAML document, got a second one");
        return;
    }
    reader->file->is_whole = true;
}

/* Of the byte order mark that some editors put before UTF-8. libyaml skips it only where it finds
 * out the encoding by itself, and takes it for a value else. */
static size_t
reader_mark_bytes(const char *bytes, size_t count)
{
    static const char MARK[] = {'\xef', '\xbb', '\xbf'};

    return count >= sizeof(MARK) && memcmp(bytes, MARK, sizeof(MARK)) == 0 ? sizeof(MARK) : 0;
}

bool
reader_read(const char *bytes, size_t count, struct reader_file *file,
            struct config_problems *problems, struct error *err)
{
    size_t mark = reader_mark_bytes(bytes, count);
    struct reader reader = {
        .bytes = bytes + mark, .count = count - mark, .problems = problems, .file = file};

    if (yaml_parser_initialize(&reader.parser) == 0)
        return error_set(err, ERROR_NOMEM, "no memory to read YAML");
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)reader.bytes, reader.count);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    reader_stream(&reader);
    if (reader.has_event)
        yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    if (reader.is_nomem)
        return error_set(err, ERROR_NOMEM, "no memory to read YAML");
    return true;
}

void
reader_clear(struct reader_file *file)
{
    for (int i = 0; i < KEYS_COUNT; i++) {
        if (file->values[i].text != NULL)
            explicit_bzero(file->values[i].text, strlen(file->values[i].text));
        free(file->values[i].text);
    }
    memset(file, 0, sizeof(*file));
}

const char *
config_library_version(void)
{
    return yaml_get_version_string();
}
