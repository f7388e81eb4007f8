/*
 * options — a command line held against tables of options.
 *
 * Options may stand before or after what they belong to, as `--name VALUE` or
 * `--name=VALUE`; `--` ends them.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>

#include "base/error.h"

enum { OPTIONS_MAX = 24, OPTIONS_POSITIONALS_MAX = 4 };

struct option {
    const char *name;  /* without dashes; NULL ends a table */
    char letter;       /* '\0': none */
    const char *value; /* what stands for it in the help: "FILE"; NULL: a switch */
    const char *help;
};

struct options {
    const char *value[OPTIONS_MAX]; /* "" for a switch that is given */
    const struct option *known[OPTIONS_MAX];
    int known_count;
    const char *positionals[OPTIONS_POSITIONALS_MAX];
    int positionals_count;
};

/* The tables are the command's own and those of all. Texts are borrowed from argv. A mistake is
 * ERROR_USAGE, with what was meant where that is plain. skip: the place in argv of the command's
 * name, which is no positional; 0 for none. */
bool options_parse(int argc, const char *const *argv, int skip, const struct option *const *tables,
                   int tables_count, struct options *out, struct error *err);

/* The place of the first argument that is no option and no option's value; 0: there is none. */
int options_first_positional(int argc, const char *const *argv, const struct option *const *tables,
                             int tables_count);

/* NULL when it isn't given, "" for a switch. The name must be in a table. */
const char *options_get(const struct options *options, const char *name);
bool options_has(const struct options *options, const char *name);

/* The word of a list that was most likely meant; NULL when none is near. */
const char *options_nearest(const char *word, const char *const *words, int count);

#endif
