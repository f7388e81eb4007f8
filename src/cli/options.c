#include "cli/options.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define OPTIONS_WORD_MAX 32

/* How many letters must change, come, go or swap with their neighbour; a word that is too long is
 * far from everything. */
static int
options_distance(const char *a, const char *b)
{
    int row[3][OPTIONS_WORD_MAX + 1];
    int a_length = (int)strnlen(a, OPTIONS_WORD_MAX + 1);
    int b_length = (int)strnlen(b, OPTIONS_WORD_MAX + 1);

    if (a_length > OPTIONS_WORD_MAX || b_length > OPTIONS_WORD_MAX)
        return OPTIONS_WORD_MAX;
    for (int j = 0; j <= b_length; j++)
        row[0][j] = j;
    for (int i = 1; i <= a_length; i++) {
        int *now = row[i % 3];
        const int *before = row[(i + 2) % 3];
        const int *earlier = row[(i + 1) % 3];

        now[0] = i;
        for (int j = 1; j <= b_length; j++) {
            int least = before[j - 1] + (a[i - 1] != b[j - 1]);

            if (before[j] + 1 < least)
                least = before[j] + 1;
            if (now[j - 1] + 1 < least)
                least = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                earlier[j - 2] + 1 < least)
                least = earlier[j - 2] + 1;
            now[j] = least;
        }
    }
    return row[a_length % 3][b_length];
}

const char *
options_nearest(const char *word, const char *const *words, int count)
{
    const char *nearest = NULL;
    int least = 3; /* two slips are a slip, three another word */

    for (int i = 0; i < count; i++) {
        int distance = options_distance(word, words[i]);

        if (distance < least && distance * 2 < (int)strlen(words[i])) {
            least = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

/* name is count bytes long; letter is tried when it is one byte after one dash. */
static const struct option *
options_find(const struct option *const *tables, int tables_count, const char *name, size_t count,
             char letter)
{
    for (int i = 0; i < tables_count; i++) {
        for (const struct option *o = tables[i]; o != NULL && o->name != NULL; o++) {
            if (letter != '\0' ? o->letter == letter
                               : strlen(o->name) == count && memcmp(o->name, name, count) == 0)
                return o;
        }
    }
    return NULL;
}

static bool
options_unknown(const struct option *const *tables, int tables_count, const char *word,
                struct error *err)
{
    const char *words[OPTIONS_MAX];
    char name[OPTIONS_WORD_MAX + 2];
    const char *nearest;
    int count = 0;

    for (int i = 0; i < tables_count; i++) {
        for (const struct option *o = tables[i]; o != NULL && o->name != NULL; o++) {
            assert(count < OPTIONS_MAX);
            words[count++] = o->name;
        }
    }
    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
    nearest = options_nearest(name + strspn(name, "-"), words, count);
    if (nearest == NULL)
        return error_set(err, ERROR_USAGE, "unknown option \"%.*s\"", (int)strcspn(word, "="),
                         word);
    return error_set(err, ERROR_USAGE, "unknown option \"%.*s\", did you mean --%s?",
                     (int)strcspn(word, "="), word, nearest);
}

/* One step over argv: what kind of argument it is, and how many it takes with it. */
struct options_step {
    const struct option *option; /* NULL: a positional, or unknown */
    const char *value;           /* of an option that wants one; NULL: none came */
    bool is_positional;
    bool is_end;     /* -- */
    bool has_excess; /* --switch=value */
    int taken;
};

static struct options_step
options_step(int argc, const char *const *argv, int at, const struct option *const *tables,
             int tables_count)
{
    const char *word = argv[at];
    struct options_step step = {.taken = 1};
    const char *inline_value = NULL;

    if (word[0] != '-' || word[1] == '\0') {
        step.is_positional = true;
        return step;
    }
    if (word[1] == '-' && word[2] == '\0') {
        step.is_end = true;
        return step;
    }
    if (word[1] == '-') {
        size_t count = strcspn(word + 2, "=");

        step.option = options_find(tables, tables_count, word + 2, count, '\0');
        inline_value = word[2 + count] == '=' ? word + 2 + count + 1 : NULL;
    } else {
        step.option = options_find(tables, tables_count, NULL, 0, word[1]);
        inline_value = word[2] != '\0' ? word + 2 : NULL;
    }
    if (step.option == NULL)
        return step;
    if (step.option->value == NULL) {
        step.has_excess = inline_value != NULL;
    } else if (inline_value != NULL) {
        step.value = inline_value;
    } else if (at + 1 < argc && strncmp(argv[at + 1], "--", 2) != 0) {
        step.value = argv[at + 1];
        step.taken = 2;
    }
    return step;
}

int
options_first_positional(int argc, const char *const *argv, const struct option *const *tables,
                         int tables_count)
{
    int at = 1;

    while (at < argc) {
        struct options_step step = options_step(argc, argv, at, tables, tables_count);

        if (step.is_positional)
            return at;
        if (step.is_end)
            return at + 1 < argc ? at + 1 : 0;
        at += step.taken;
    }
    return 0;
}

static void
options_know(const struct option *const *tables, int tables_count, struct options *out)
{
    for (int i = 0; i < tables_count; i++) {
        for (const struct option *o = tables[i]; o != NULL && o->name != NULL; o++) {
            assert(out->known_count < OPTIONS_MAX);
            out->known[out->known_count++] = o;
        }
    }
}

static bool
options_keep(struct options *out, const struct options_step *step, const char *word,
             struct error *err)
{
    if (step->has_excess)
        return error_set(err, ERROR_USAGE, "--%s takes no value, got \"%s\"", step->option->name,
                         word);
    if (step->option->value != NULL && step->value == NULL)
        return error_set(err, ERROR_USAGE, "--%s needs a value: --%s %s", step->option->name,
                         step->option->name, step->option->value);
    for (int i = 0; i < out->known_count; i++) {
        if (out->known[i] == step->option)
            out->value[i] = step->option->value == NULL ? "" : step->value;
    }
    return true;
}

bool
options_parse(int argc, const char *const *argv, int skip, const struct option *const *tables,
              int tables_count, struct options *out, struct error *err)
{
    bool is_ended = false;
    int at = 1;

    *out = (struct options){.known_count = 0};
    options_know(tables, tables_count, out);
    while (at < argc) {
        struct options_step step = {.is_positional = true, .taken = 1};

        if (!is_ended)
            step = options_step(argc, argv, at, tables, tables_count);
        if (step.is_end) {
            is_ended = true;
        } else if (step.is_positional) {
            if (at != skip) {
                if (out->positionals_count == OPTIONS_POSITIONALS_MAX)
                    return error_set(err, ERROR_USAGE, "too many arguments: \"%s\"", argv[at]);
                out->positionals[out->positionals_count++] = argv[at];
            }
        } else if (step.option == NULL) {
            return options_unknown(tables, tables_count, argv[at], err);
        } else if (!options_keep(out, &step, argv[at], err)) {
            return false;
        }
        at += step.taken;
    }
    return true;
}

const char *
options_get(const struct options *options, const char *name)
{
    for (int i = 0; i < options->known_count; i++) {
        if (strcmp(options->known[i]->name, name) == 0)
            return options->value[i];
    }
    assert(false && "an option that no table has");
    return NULL;
}

bool
options_has(const struct options *options, const char *name)
{
    return options_get(options, name) != NULL;
}
