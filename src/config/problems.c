#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"

enum { PROBLEMS_MAX = 100, PROBLEMS_LINE_BYTES_MAX = 2048, PROBLEMS_PATH_BYTES = 512 };

struct problems_line {
    struct problems_place place;
    int order; /* of two at one place, the first found comes first */
    char *text;
};

struct config_problems {
    char path[PROBLEMS_PATH_BYTES];
    struct problems_line lines[PROBLEMS_MAX];
    int count;
    bool is_nomem;
};

struct config_problems *
problems_new(const char *path)
{
    struct config_problems *problems = calloc(1, sizeof(*problems));

    if (problems != NULL)
        text_copy_clean(problems->path, sizeof(problems->path), path);
    return problems;
}

void
problems_add(struct config_problems *problems, struct problems_place place, const char *fmt, ...)
{
    struct buffer buf;
    struct problems_line *line;
    va_list args;

    if (problems->count == PROBLEMS_MAX)
        return;
    line = &problems->lines[problems->count];
    buffer_init(&buf, PROBLEMS_LINE_BYTES_MAX);
    (void)buffer_printf(&buf, "%s:%d:%d: ", problems->path, place.line, place.column);
    if (problems->count == PROBLEMS_MAX - 1) {
        (void)buffer_puts(&buf, "more problems follow, mend the ones above first");
    } else {
        va_start(args, fmt);
        (void)buffer_vprintf(&buf, fmt, args);
        va_end(args);
    }
    line->text = buffer_take(&buf);
    if (line->text == NULL) {
        problems->is_nomem = true;
        return;
    }
    line->place = place;
    line->order = problems->count;
    problems->count++;
}

bool
problems_is_complete(const struct config_problems *problems)
{
    return !problems->is_nomem;
}

static int
problems_compare(const void *left, const void *right)
{
    const struct problems_line *a = left;
    const struct problems_line *b = right;

    if (a->place.line != b->place.line)
        return a->place.line < b->place.line ? -1 : 1;
    if (a->place.column != b->place.column)
        return a->place.column < b->place.column ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

void
problems_sort(struct config_problems *problems)
{
    /* The note that more follow stays at the end. */
    int count = problems->count == PROBLEMS_MAX ? PROBLEMS_MAX - 1 : problems->count;

    qsort(problems->lines, (size_t)count, sizeof(problems->lines[0]), problems_compare);
}

int
config_problems_count(const struct config_problems *problems)
{
    return problems == NULL ? 0 : problems->count;
}

const char *
config_problems_line(const struct config_problems *problems, int index)
{
    return problems->lines[index].text;
}

void
config_problems_free(struct config_problems *problems)
{
    if (problems == NULL)
        return;
    for (int i = 0; i < problems->count; i++)
        free(problems->lines[i].text);
    free(problems);
}
